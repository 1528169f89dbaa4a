"""Order of a sync: phase, wave, kind, name (gitops-engine `pkg/sync/sync_tasks.go`, `syncwaves`)."""

from __future__ import annotations

import re

from opsconsole.model.objects import Object, annotations_of

WAVE = "argocd.argoproj.io/sync-wave"
HELM_WEIGHT = "helm.sh/hook-weight"

PHASE_ORDER = {"PreSync": -1, "Sync": 0, "PostSync": 1, "SyncFail": 2}

_KINDS = (
    "Namespace", "NetworkPolicy", "ResourceQuota", "LimitRange", "PodSecurityPolicy",
    "PodDisruptionBudget", "ServiceAccount", "Secret", "SecretList", "ConfigMap", "StorageClass",
    "PersistentVolume", "PersistentVolumeClaim", "CustomResourceDefinition", "ClusterRole",
    "ClusterRoleList", "ClusterRoleBinding", "ClusterRoleBindingList", "Role", "RoleList",
    "RoleBinding", "RoleBindingList", "Service", "DaemonSet", "Pod", "ReplicationController",
    "ReplicaSet", "Deployment", "HorizontalPodAutoscaler", "StatefulSet", "Job", "CronJob",
    "IngressClass", "Ingress", "APIService",
)  # fmt: skip

KIND_ORDER = {kind: index - len(_KINDS) for index, kind in enumerate(_KINDS)}
"""Negative: kinds that are not listed are 0 and come last."""

_INT = re.compile(r"[+-]?[0-9]+", re.ASCII)
_CAP = 2**63


def wave_of(obj: Object) -> int:
    """The sync wave that an object asks for; what is not a number is 0."""
    for annotation in (WAVE, HELM_WEIGHT):
        raw = annotations_of(obj).get(annotation)
        if isinstance(raw, str) and _INT.fullmatch(raw) and len(raw) < 20:
            wave = int(raw)
            return wave if -_CAP <= wave < _CAP else 0
    return 0
