"""What the API server refuses of any object: names, labels, versions that are gone."""

from __future__ import annotations

import re
from collections.abc import Iterator

from opsconsole.argo.lint.findings import Hit, Path, Placed
from opsconsole.argo.lint.scope import Scope
from opsconsole.argo.rollouts.fielderrors import invalid, shown
from opsconsole.model.objects import annotations_of, labels_of, mapping, name_of, text

_SUBDOMAIN = re.compile(
    r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*", re.ASCII
)
_SUBDOMAIN_TOLD = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'example.com', regex used for "
    "validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
_LABEL = re.compile(r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?", re.ASCII)
_LABEL_TOLD = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', "
    "and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or "
    "'12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)
_LOOSE_NAMES = ("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "APIService")
"""Kinds whose names may hold colons and capitals."""

REMOVED = {
    ("extensions/v1beta1", "Ingress"): ("1.22", "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "Ingress"): ("1.22", "networking.k8s.io/v1"),
    ("networking.k8s.io/v1beta1", "IngressClass"): ("1.22", "networking.k8s.io/v1"),
    ("extensions/v1beta1", "Deployment"): ("1.16", "apps/v1"),
    ("extensions/v1beta1", "DaemonSet"): ("1.16", "apps/v1"),
    ("extensions/v1beta1", "ReplicaSet"): ("1.16", "apps/v1"),
    ("extensions/v1beta1", "NetworkPolicy"): ("1.16", "networking.k8s.io/v1"),
    ("extensions/v1beta1", "PodSecurityPolicy"): ("1.16", ""),
    ("policy/v1beta1", "PodSecurityPolicy"): ("1.25", ""),
    ("policy/v1beta1", "PodDisruptionBudget"): ("1.25", "policy/v1"),
    ("batch/v1beta1", "CronJob"): ("1.25", "batch/v1"),
    ("batch/v2alpha1", "CronJob"): ("1.21", "batch/v1"),
    ("autoscaling/v2beta1", "HorizontalPodAutoscaler"): ("1.25", "autoscaling/v2"),
    ("autoscaling/v2beta2", "HorizontalPodAutoscaler"): ("1.26", "autoscaling/v2"),
    ("apiextensions.k8s.io/v1beta1", "CustomResourceDefinition"): ("1.22", "apiextensions.k8s.io/v1"),
    ("apiregistration.k8s.io/v1beta1", "APIService"): ("1.22", "apiregistration.k8s.io/v1"),
    ("scheduling.k8s.io/v1beta1", "PriorityClass"): ("1.22", "scheduling.k8s.io/v1"),
    ("discovery.k8s.io/v1beta1", "EndpointSlice"): ("1.25", "discovery.k8s.io/v1"),
    ("events.k8s.io/v1beta1", "Event"): ("1.25", "events.k8s.io/v1"),
    ("node.k8s.io/v1beta1", "RuntimeClass"): ("1.25", "node.k8s.io/v1"),
    ("coordination.k8s.io/v1beta1", "Lease"): ("1.22", "coordination.k8s.io/v1"),
    ("storage.k8s.io/v1beta1", "CSIStorageCapacity"): ("1.27", "storage.k8s.io/v1"),
}  # fmt: skip
"""(apiVersion, kind) → (the Kubernetes release that does not serve it any more, what to write)."""

_GONE_GROUPS = {
    "apps/v1beta1": ("1.16", "apps/v1"),
    "apps/v1beta2": ("1.16", "apps/v1"),
    "rbac.authorization.k8s.io/v1beta1": ("1.22", "rbac.authorization.k8s.io/v1"),
    "rbac.authorization.k8s.io/v1alpha1": ("1.22", "rbac.authorization.k8s.io/v1"),
    "admissionregistration.k8s.io/v1beta1": ("1.22", "admissionregistration.k8s.io/v1"),
    "flowcontrol.apiserver.k8s.io/v1beta1": ("1.26", "flowcontrol.apiserver.k8s.io/v1"),
    "flowcontrol.apiserver.k8s.io/v1beta2": ("1.29", "flowcontrol.apiserver.k8s.io/v1"),
    "flowcontrol.apiserver.k8s.io/v1beta3": ("1.32", "flowcontrol.apiserver.k8s.io/v1"),
}
_SOURCES_ADMISSION = {"ValidatingAdmissionPolicy", "ValidatingAdmissionPolicyBinding"}

_CORE = frozenset(
    (
        "ConfigMap", "Secret", "Service", "Pod", "Namespace", "ServiceAccount",
        "PersistentVolumeClaim", "PersistentVolume", "ResourceQuota", "LimitRange", "Endpoints",
    )
)  # fmt: skip
_GROUPS = {
    "Deployment": "apps/v1", "StatefulSet": "apps/v1", "DaemonSet": "apps/v1",
    "ReplicaSet": "apps/v1", "Job": "batch/v1", "CronJob": "batch/v1",
    "Rollout": "argoproj.io/v1alpha1", "AnalysisTemplate": "argoproj.io/v1alpha1",
    "ClusterAnalysisTemplate": "argoproj.io/v1alpha1", "AnalysisRun": "argoproj.io/v1alpha1",
    "Application": "argoproj.io/v1alpha1", "ApplicationSet": "argoproj.io/v1alpha1",
    "AppProject": "argoproj.io/v1alpha1",
}  # fmt: skip
"""Kinds that stand in one group only, where a wrong one is a slip of the pen."""

_SLIPS = (*dict.fromkeys(v.partition("/")[0] for v in _GROUPS.values()), "v1", "extensions", "argo")


def unnamed(one: Placed, _: Scope) -> Iterator[Hit]:
    """Argo CD takes `generateName` for hooks; nothing else may come without a name."""
    meta = mapping(one.manifest, "metadata")
    if not name_of(one.manifest) and not text(meta, "generateName"):
        yield Hit(f"{one.kind} has no metadata.name: resource name may not be empty", ("metadata",))


def invalid_name(one: Placed, _: Scope) -> Iterator[Hit]:
    name = name_of(one.manifest)
    if name and one.kind not in _LOOSE_NAMES and not one.kind.startswith("Kustom"):
        path = ("metadata", "name")
        if not _SUBDOMAIN.fullmatch(name):
            yield Hit(invalid("metadata.name", name, _SUBDOMAIN_TOLD), path)
        elif len(name) > 253:
            yield Hit(invalid("metadata.name", name, "must be no more than 253 characters"), path)
    for key, value in labels_of(one.manifest).items():
        place: Path = ("metadata", "labels", key)
        if not isinstance(value, str):
            yield Hit(invalid("metadata.labels", value, f"label {key} must be a string"), place)
        elif len(value) > 63:
            why = "must be no more than 63 characters"
            yield Hit(invalid("metadata.labels", value, why), place)
        elif not _LABEL.fullmatch(value):
            yield Hit(invalid("metadata.labels", value, _LABEL_TOLD), place)
    for key, value in annotations_of(one.manifest).items():
        if not isinstance(value, str):
            why = f"cannot unmarshal {shown(value)} into a string: quote the value of {key}"
            yield Hit(why, ("metadata", "annotations", key))


def removed_version(one: Placed, _: Scope) -> Iterator[Hit]:
    """In the words of Argo CD's condition for kinds that the API does not know."""
    version = text(one.manifest, "apiVersion")
    if not version:
        yield Hit("the manifest has no apiVersion", ("kind",))
        return
    gone = _gone(version, one.kind)
    if gone is not None:
        since, better = gone
        advice = f"; write {better}" if better else ""
        when = f"since Kubernetes {since}" if since else "by any Kubernetes"
        why = f"The Kubernetes API could not find {version}/{one.kind}: not served {when}{advice}"
        yield Hit(why, ("apiVersion",))


def _gone(version: str, kind: str) -> tuple[str, str] | None:
    """(the release that does not serve it any more, "" for all of them; what to write)."""
    found = REMOVED.get((version, kind))
    if found is None and kind not in _SOURCES_ADMISSION:
        found = _GONE_GROUPS.get(version)
    if found is not None:
        return found
    if kind in _CORE and "/" not in version and version != "v1":
        return "", "v1"
    right = _GROUPS.get(kind, "")
    if right and version != right and version.partition("/")[0] in _SLIPS:
        return "", right
    return None


def repeated(one: Placed, scope: Scope) -> Iterator[Hit]:
    """`RepeatedResourceWarning` of Argo CD."""
    same = [
        other
        for other in scope.own.named(one.kind, name_of(one.manifest))
        if name_of(one.manifest)
        and other.namespace == one.namespace
        and _group(other) == _group(one)
    ]
    if len(same) > 1 and same[-1] is one and not scope.lenient:
        key = f"{_group(one)}/{one.kind}/{one.namespace}/{name_of(one.manifest)}"
        yield Hit(f"Resource {key} appeared {len(same)} times among application resources.")


def _group(one: Placed) -> str:
    group, slash, _ = text(one.manifest, "apiVersion").partition("/")
    return group if slash else ""
