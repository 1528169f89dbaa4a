"""Kustomize's `legacy` order of resources: what others need comes first."""

from __future__ import annotations

from opsconsole.render.kustomize.resources import Id, Resource

_FIRST = (
    "Namespace", "ResourceQuota", "StorageClass", "CustomResourceDefinition", "ServiceAccount",
    "PodSecurityPolicy", "Role", "ClusterRole", "RoleBinding", "ClusterRoleBinding", "ConfigMap",
    "Secret", "Endpoints", "Service", "LimitRange", "PriorityClass", "PersistentVolume",
    "PersistentVolumeClaim", "Deployment", "StatefulSet", "CronJob", "PodDisruptionBudget",
)  # fmt: skip
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANK = {
    **{kind: at - len(_FIRST) for at, kind in enumerate(_FIRST)},
    **{kind: at + 1 for at, kind in enumerate(_LAST)},
}


def legacy(resources: list[Resource]) -> list[Resource]:
    return sorted(resources, key=lambda resource: _key(resource.id))


def _key(identity: Id) -> tuple[int, str, str]:
    gvk = "_".join(
        part or f"~{letter}"
        for part, letter in ((identity.group, "G"), (identity.version, "V"), (identity.kind, "K"))
    )
    where = "|".join((identity.namespace or "~X", "", identity.name, ""))
    return _RANK.get(identity.kind, 0), gvk, where
