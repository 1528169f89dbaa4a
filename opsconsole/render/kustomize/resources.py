"""One resource on its way through a build: its object, what it was called, what it needs."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opsconsole.errors import RenderError, RuleError
from opsconsole.model import regex, selectors
from opsconsole.model.objects import mapping, text
from opsconsole.render.kustomize.faults import metadata_missing

Obj = dict[str, Any]

CLUSTER_SCOPED = frozenset(
    [
        "APIService",
        "CSIDriver",
        "CSINode",
        "CertificateSigningRequest",
        "ClusterRole",
        "ClusterRoleBinding",
        "ComponentStatus",
        "CustomResourceDefinition",
        "FlowSchema",
        "IngressClass",
        "MutatingWebhookConfiguration",
        "Namespace",
        "Node",
        "PersistentVolume",
        "PodSecurityPolicy",
        "PriorityClass",
        "PriorityLevelConfiguration",
        "RuntimeClass",
        "SelfSubjectAccessReview",
        "SelfSubjectRulesReview",
        "StorageClass",
        "SubjectAccessReview",
        "TokenReview",
        "ValidatingAdmissionPolicy",
        "ValidatingAdmissionPolicyBinding",
        "ValidatingWebhookConfiguration",
        "VolumeAttachment",
    ]
)

BUILT_IN_GROUPS = frozenset(
    [
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "apps",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "autoscaling",
        "batch",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "extensions",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "policy",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
    ]
) | {""}


class Id(NamedTuple):
    group: str
    version: str
    kind: str
    name: str
    namespace: str

    def __str__(self) -> str:
        gvk = ".".join(part or f"[no{what}]" for part, what in
                       ((self.kind, "Kind"), (self.version, "Ver"), (self.group, "Grp")))  # fmt: skip
        return f"{gvk}/{self.name}.{self.namespace or '[noNs]'}"

    @property
    def place(self) -> str:
        """The namespace in which it counts: cluster-scoped kinds have none, absent means default."""
        if self.kind in CLUSTER_SCOPED and self.group in BUILT_IN_GROUPS:
            return "_non_namespaceable_"
        return self.namespace or "default"


def split_version(api_version: str) -> tuple[str, str]:
    group, _, version = api_version.rpartition("/")
    return group, version


def id_of(obj: Obj) -> Id:
    group, version = split_version(text(obj, "apiVersion"))
    return Id(
        group, version, text(obj, "kind"),
        text(obj, "metadata", "name"), text(obj, "metadata", "namespace"),
    )  # fmt: skip


@dataclass(eq=False)
class Resource:
    """`obj` is this resource's own copy and is changed in place. `past` are earlier ids, oldest first."""

    obj: Obj
    past: list[Id] = field(default_factory=list)
    prefixes: list[str] = field(default_factory=list)
    suffixes: list[str] = field(default_factory=list)
    hashed: bool = False
    """Whether its name gets a hash of its content at the end."""

    @property
    def id(self) -> Id:
        return id_of(self.obj)

    @property
    def original(self) -> Id:
        return self.past[0] if self.past else self.id

    def ids(self) -> list[Id]:
        return [*self.past, self.id]

    def remember(self) -> None:
        """Note the present id before it changes."""
        self.past.append(self.id)

    def rename(self, name: str) -> None:
        self.obj["metadata"]["name"] = name

    def clone(self) -> Resource:
        return Resource(
            copy.deepcopy(self.obj),
            list(self.past),
            list(self.prefixes),
            list(self.suffixes),
            self.hashed,
        )


def check(obj: Obj, where: str) -> None:
    """What every resource must have. Raises RenderError."""
    if not isinstance(obj.get("metadata", {}), dict):
        raise RenderError(f"{where}: metadata is not a mapping")
    if not text(obj, "kind"):
        raise metadata_missing("kind", obj, where)
    if not text(obj, "metadata", "name"):
        raise metadata_missing("metadata.name", obj, where)
    for section in ("labels", "annotations"):
        values = mapping(obj, "metadata", section)
        if any(not isinstance(value, str) for value in values.values()):
            raise RenderError(f"{where}: a value in metadata.{section} is not a string")


@dataclass(frozen=True)
class Selector:
    """The `target` of a patch: each field is an anchored regular expression, empty for any."""

    group: str = ""
    version: str = ""
    kind: str = ""
    name: str = ""
    namespace: str = ""
    labels: str = ""
    annotations: str = ""

    def selects(self, resource: Resource) -> bool:
        """By the kind that it has, and the names and namespaces that it began with or has now."""
        first, now = resource.original, resource.id
        if not (
            _full(self.group, now.group)
            and _full(self.version, now.version)
            and _full(self.kind, now.kind)
            and (_full(self.name, first.name) or _full(self.name, now.name))
            and (_full(self.namespace, first.place) or _full(self.namespace, now.place))
        ):
            return False
        meta = mapping(resource.obj, "metadata")
        return _labelled(self.labels, mapping(meta, "labels")) and _labelled(
            self.annotations, mapping(meta, "annotations")
        )


def selector(target: Any, where: str) -> Selector:
    if not isinstance(target, dict):
        raise RenderError(f"{where}: target is not a mapping")
    fields = {
        "group": "group", "version": "version", "kind": "kind", "name": "name",
        "namespace": "namespace", "labelSelector": "labels", "annotationSelector": "annotations",
    }  # fmt: skip
    unknown = sorted(set(target) - set(fields))
    if unknown:
        raise RenderError(f"{where}: target has an unknown field {unknown[0]}")
    return Selector(**{fields[key]: text(target, key) for key in target})


def _full(pattern: str, value: str) -> bool:
    if not pattern:
        return True
    try:
        return regex.search(f"^(?:{pattern})$", value)
    except RuleError as fault:
        raise RenderError(str(fault)) from fault


def _labelled(expression: str, values: Any) -> bool:
    if not expression:
        return True
    try:
        return selectors.parse_selector(expression)(values)
    except RuleError as fault:
        raise RenderError(str(fault)) from fault
