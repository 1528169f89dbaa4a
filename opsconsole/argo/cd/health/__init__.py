"""Health of one object and of an application, as Argo CD assesses them.

Separate from the sandbox because a Kubernetes-only console has to compute the health of each
resource itself (`status.resources[].health` is absent by default). Rules: gitops-engine
`pkg/health`, Argo CD `resource_customizations/*/health.lua` and `controller/health.go`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple

from opsconsole.argo.cd.health import custom, rollouts, workloads
from opsconsole.argo.cd.health.verdict import Verdict
from opsconsole.argo.cd.hooks import HOOK_FINALIZER, is_hook, is_ignored, is_skip_hook
from opsconsole.model.objects import Object, annotations_of, items, name_of, namespace_of, text
from opsconsole.model.status import Health

__all__ = ["Assessed", "Verdict", "aggregate", "assess"]

Check = Callable[[Object], Verdict | None]

IGNORE = "argocd.argoproj.io/ignore-healthcheck"

CHECKS: dict[tuple[str, str], Check] = {
    ("apps", "Deployment"): workloads.deployment,
    ("apps", "StatefulSet"): workloads.stateful_set,
    ("apps", "DaemonSet"): workloads.daemon_set,
    ("apps", "ReplicaSet"): workloads.replica_set,
    ("", "Pod"): workloads.pod,
    ("batch", "Job"): workloads.job,
    ("batch", "CronJob"): custom.cron_job,
    ("", "Service"): workloads.service,
    ("", "PersistentVolumeClaim"): workloads.volume_claim,
    ("networking.k8s.io", "Ingress"): workloads.ingress,
    ("extensions", "Ingress"): workloads.ingress,
    ("autoscaling", "HorizontalPodAutoscaler"): workloads.autoscaler,
    ("apiregistration.k8s.io", "APIService"): workloads.api_service,
    ("argoproj.io", "Workflow"): custom.workflow,
    ("policy", "PodDisruptionBudget"): custom.disruption_budget,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): custom.definition,
    ("argoproj.io", "Rollout"): rollouts.rollout,
    ("argoproj.io", "AnalysisRun"): rollouts.analysis_run,
    ("argoproj.io", "Experiment"): rollouts.experiment,
    ("argoproj.io", "ApplicationSet"): custom.application_set,
    ("bitnami.com", "SealedSecret"): custom.sealed_secret,
    ("external-secrets.io", "ExternalSecret"): custom.external_secret,
    ("cert-manager.io", "Certificate"): custom.certificate,
}
"""Group and kind → check. An Application has none since Argo CD 1.8 (a ConfigMap may add one)."""

SELF_DELETING = frozenset((("argoproj.io", "ApplicationSet"),))
"""Kinds that tell themselves how far their deletion is."""


def assess(obj: Object, overrides: Mapping[tuple[str, str], Check] | None = None) -> Verdict | None:
    """The health of a live object; None for kinds without health, which count as success.

    `overrides` are checks that an administrator configured, by group and kind.
    """
    api = text(obj, "apiVersion")
    key = (api.partition("/")[0] if "/" in api else "", text(obj, "kind"))
    deleting = bool(text(obj, "metadata", "deletionTimestamp"))
    hooked = HOOK_FINALIZER in items(obj, "metadata", "finalizers")
    if deleting and not hooked and key not in SELF_DELETING:
        return Verdict(Health.PROGRESSING, "Pending deletion")
    check = (overrides or {}).get(key) or CHECKS.get(key)
    return check(obj) if check else None


class Assessed(NamedTuple):
    """One resource of an application: `live` is None when missing, `health` None without a check."""

    group: str
    kind: str
    namespace: str
    name: str
    live: Object | None
    health: Verdict | None


def aggregate(resources: Iterable[Assessed], application: tuple[str, str] = ("", "")) -> Verdict:
    """The health of an application (`controller/health.go`): the worst of what counts.

    `application` is its own (namespace, name), which never counts. Missing resources count
    only when nothing at all is live. The message names up to three causes.
    """
    worst, some, live_some = Health.HEALTHY, False, False
    causes: list[str] = []
    for found in resources:
        counted = _counts(found, application)
        if counted is None:
            continue
        some = True
        live_some |= found.live is not None
        if found.live is None or found.health is None or not counted:
            continue
        status = found.health.status
        child = (found.group, found.kind) == ("argoproj.io", "Application")
        if child and status in (Health.MISSING, Health.UNKNOWN):
            continue
        if status.severity > worst.severity:
            worst, causes = status, []
        if status == worst and worst != Health.HEALTHY:
            causes.append(_named(found))
    if some and not live_some:
        return Verdict(Health.MISSING)
    return Verdict(worst, _caused(causes))


def _counts(found: Assessed, application: tuple[str, str]) -> bool | None:
    """Whether a resource's health counts; None for one that is not part of the question."""
    obj = found.live
    if obj is None:
        return True
    if is_hook(obj) or is_skip_hook(obj) or is_ignored(obj):
        return None
    itself = (found.group, found.kind) == ("argoproj.io", "Application")
    if itself and (namespace_of(obj), name_of(obj)) == application:
        return None
    return annotations_of(obj).get(IGNORE) != "true"


def _named(found: Assessed) -> str:
    kind = f"{found.group}/{found.kind}" if found.group else found.kind
    return f"{kind}:{found.namespace}/{found.name}" if found.namespace else f"{kind}:{found.name}"


def _caused(causes: list[str]) -> str:
    if not causes:
        return ""
    more = len(causes) - 3
    listed = ", ".join(causes[:3])
    return f"Caused by {listed}" + (f" and {more} more" if more > 0 else "")
