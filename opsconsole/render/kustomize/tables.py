"""Kustomize's default field specs: which fields of which kinds its transformers touch.

Facts of sigs.k8s.io/kustomize/api/internal/konfig/builtinpluginconsts. A path is
`/`-separated and goes through lists by itself.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spec:
    """An empty group, version or kind stands for any. `create` makes the field where it is absent."""

    path: str
    kind: str = ""
    group: str = ""
    version: str = ""
    create: bool = False


_POD = "spec/template/"
_WORKLOADS = (
    "ReplicationController",
    "Deployment",
    "ReplicaSet",
    "DaemonSet",
    "StatefulSet",
    "Job",
)
_TERM = "labelSelector/matchLabels"


def _affinity(kind: str) -> tuple[Spec, ...]:
    root = "spec/template/spec/affinity/"
    preferred = "preferredDuringSchedulingIgnoredDuringExecution/podAffinityTerm/"
    required = "requiredDuringSchedulingIgnoredDuringExecution/"
    paths = [
        f"{root}{side}/{how}{_TERM}"
        for side in ("podAffinity", "podAntiAffinity")
        for how in (preferred, required)
    ]
    paths.append(f"spec/template/spec/topologySpreadConstraints/{_TERM}")
    return tuple(Spec(path, kind, "apps") for path in paths)


METADATA_LABELS = (Spec("metadata/labels", create=True),)

TEMPLATE_LABELS = (
    *(Spec("spec/template/metadata/labels", kind, create=True) for kind in _WORKLOADS),
    Spec("spec/jobTemplate/metadata/labels", "CronJob", "batch", create=True),
    Spec("spec/jobTemplate/spec/template/metadata/labels", "CronJob", "batch", create=True),
    Spec("spec/volumeClaimTemplates[]/metadata/labels", "StatefulSet", "apps", create=True),
)

SELECTOR_LABELS = (
    Spec("spec/selector", "Service", version="v1", create=True),
    Spec("spec/selector", "ReplicationController", version="v1", create=True),
    *(
        Spec("spec/selector/matchLabels", kind, create=True)
        for kind in ("Deployment", "ReplicaSet", "DaemonSet", "StatefulSet")
    ),
    *_affinity("Deployment"),
    *_affinity("StatefulSet"),
    Spec("spec/selector/matchLabels", "Job", "batch"),
    Spec("spec/jobTemplate/spec/selector/matchLabels", "CronJob", "batch"),
    Spec("spec/selector/matchLabels", "PodDisruptionBudget", "policy"),
    Spec("spec/podSelector/matchLabels", "NetworkPolicy", "networking.k8s.io"),
    Spec("spec/ingress/from/podSelector/matchLabels", "NetworkPolicy", "networking.k8s.io"),
    Spec("spec/egress/to/podSelector/matchLabels", "NetworkPolicy", "networking.k8s.io"),
)

ANNOTATIONS = (
    Spec("metadata/annotations", create=True),
    *(Spec("spec/template/metadata/annotations", kind, create=True) for kind in _WORKLOADS),
    Spec("spec/jobTemplate/metadata/annotations", "CronJob", "batch", create=True),
    Spec("spec/jobTemplate/spec/template/metadata/annotations", "CronJob", "batch", create=True),
)

REPLICAS = tuple(
    Spec("spec/replicas", kind, create=True)
    for kind in ("Deployment", "ReplicationController", "ReplicaSet", "StatefulSet")
)

NAMESPACES = (
    Spec("metadata/name", "Namespace", create=True),
    Spec("spec/service/namespace", "APIService", "apiregistration.k8s.io", create=True),
    Spec(
        "spec/conversion/webhook/clientConfig/service/namespace", "CustomResourceDefinition",
        "apiextensions.k8s.io",
    ),
    Spec("webhooks/clientConfig/service/namespace", "MutatingWebhookConfiguration"),
    Spec("webhooks/clientConfig/service/namespace", "ValidatingWebhookConfiguration"),
)  # fmt: skip

UNPREFIXED = (
    ("CustomResourceDefinition", ""),
    ("APIService", "apiregistration.k8s.io"),
    ("Namespace", ""),
)
"""(kind, group) whose names take no prefix and no suffix."""

_PODS = (
    ("spec/", "Pod", "", "v1"),
    *((f"{_POD}spec/", kind, "", "") for kind in _WORKLOADS),
    ("spec/jobTemplate/spec/template/spec/", "CronJob", "", ""),
)


def _in_pods(*tails: str) -> tuple[Spec, ...]:
    return tuple(
        Spec(root + tail, kind, group, version)
        for root, kind, group, version in _PODS
        for tail in tails
    )


_INGRESS = tuple(
    Spec(path, "Ingress")
    for path in (
        "spec/rules/http/paths/backend/serviceName", "spec/backend/serviceName",
        "spec/rules/http/paths/backend/service/name", "spec/defaultBackend/service/name",
    )
)  # fmt: skip

_SCALED = (Spec("spec/scaleTargetRef/name", "HorizontalPodAutoscaler"),)

REFERENCES: tuple[tuple[str, str, tuple[Spec, ...]], ...] = (
    ("Deployment", "", _SCALED),
    ("ReplicationController", "", _SCALED),
    ("ReplicaSet", "", _SCALED),
    ("StatefulSet", "", _SCALED),
    (
        "ConfigMap", "",
        (
            *_in_pods(
                "volumes/configMap/name", "containers/env/valueFrom/configMapKeyRef/name",
                "initContainers/env/valueFrom/configMapKeyRef/name", "containers/envFrom/configMapRef/name",
                "initContainers/envFrom/configMapRef/name", "volumes/projected/sources/configMap/name",
            ),
            Spec("spec/configSource/configMap", "Node"),
            Spec("rules/resourceNames", "Role"),
            Spec("rules/resourceNames", "ClusterRole"),
        ),
    ),
    (
        "Secret", "",
        (
            *_in_pods(
                "volumes/secret/secretName", "containers/env/valueFrom/secretKeyRef/name",
                "initContainers/env/valueFrom/secretKeyRef/name", "containers/envFrom/secretRef/name",
                "initContainers/envFrom/secretRef/name", "imagePullSecrets/name",
                "volumes/projected/sources/secret/name",
            ),
            Spec("secrets/name", "ServiceAccount"),
            Spec("imagePullSecrets/name", "ServiceAccount"),
            Spec("spec/tls/secretName", "Ingress"),
            Spec("metadata/annotations/ingress.kubernetes.io\\/auth-secret", "Ingress"),
            Spec("metadata/annotations/nginx.ingress.kubernetes.io\\/auth-secret", "Ingress"),
            Spec("rules/resourceNames", "Role"),
            Spec("rules/resourceNames", "ClusterRole"),
        ),
    ),
    (
        "Service", "",
        (
            Spec("spec/serviceName", "StatefulSet", "apps"),
            *_INGRESS,
            Spec("spec/service/name", "APIService", "apiregistration.k8s.io"),
            Spec("webhooks/clientConfig/service/name", "ValidatingWebhookConfiguration"),
            Spec("webhooks/clientConfig/service/name", "MutatingWebhookConfiguration"),
        ),
    ),
    ("Role", "rbac.authorization.k8s.io", (Spec("roleRef/name", "RoleBinding"),)),
    (
        "ClusterRole", "rbac.authorization.k8s.io",
        (Spec("roleRef/name", "RoleBinding"), Spec("roleRef/name", "ClusterRoleBinding")),
    ),
    (
        "ServiceAccount", "",
        (
            Spec("subjects", "RoleBinding"),
            Spec("subjects", "ClusterRoleBinding"),
            *_in_pods("serviceAccountName"),
        ),
    ),
    ("PersistentVolumeClaim", "", _in_pods("volumes/persistentVolumeClaim/claimName")),
    ("PersistentVolume", "", (Spec("spec/volumeName", "PersistentVolumeClaim"),)),
    (
        "StorageClass", "",
        (
            Spec("spec/storageClassName", "PersistentVolume"),
            Spec("spec/storageClassName", "PersistentVolumeClaim"),
            Spec("spec/volumeClaimTemplates/spec/storageClassName", "StatefulSet"),
        ),
    ),
    ("PriorityClass", "", _in_pods("priorityClassName")),
    ("IngressClass", "", (Spec("spec/ingressClassName", "Ingress"),)),
)  # fmt: skip
"""(kind that is referred to, its group or "" for any, fields that hold its name)."""
