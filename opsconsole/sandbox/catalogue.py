"""The rows of the table of kinds: what this cluster serves, with the subresources of each.

Separate from `resources` because it is data: names, versions, short names and printer
columns are facts of the real APIs and CRDs. What controllers here act on comes first; the
rest is plain storage for the clients that expect it (Argo Rollouts' end-to-end suite and
the real controllers among them).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from opsconsole.model import kinds
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import dig, items, mapping, text
from opsconsole.sandbox import defaults
from opsconsole.sandbox.resources import Column, Obj, Resource, Resources, Served, pod_grace

ALL = ("all",)
EXTENSIONS = ("api-extensions",)

CRD = Kind(
    "apiextensions.k8s.io", "v1", "CustomResourceDefinition", "customresourcedefinitions", False
)
NODE = Kind("", "v1", "Node", "nodes", namespaced=False)
SERVICE_ACCOUNT = Kind("", "v1", "ServiceAccount", "serviceaccounts")
CRON_JOB = Kind("batch", "v1", "CronJob", "cronjobs")
INGRESS = Kind("networking.k8s.io", "v1", "Ingress", "ingresses")
PVC = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
LEASE = Kind("coordination.k8s.io", "v1", "Lease", "leases")


WITHOUT_GENERATION = frozenset(
    (
        "Namespace", "Service", "ConfigMap", "Secret", "Event", "Node", "ServiceAccount", "Endpoints",
        "PersistentVolumeClaim", "PersistentVolume", "LimitRange", "ResourceQuota", "PodTemplate",
        "HorizontalPodAutoscaler", "Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding", "Lease",
        "StorageClass", "ControllerRevision",
    )
)  # fmt: skip
"""Built-in kinds whose strategy does not count generations."""


def _row(kind: Kind, **more: Any) -> Resource:
    prepare = defaults.PREPARE.get(kind.kind) if more.get("builtin", True) else None
    if prepare is not None:
        more["prepare"] = prepare
    if kind.kind in WITHOUT_GENERATION and more.get("builtin", True):
        more["generation"] = False
    return Resource(kind, more.pop("singular", kind.kind.lower()), **more)


def _plain(
    group: str, version: str, kind: str, plural: str, *, namespaced: bool = True, **more: Any
) -> Resource:
    return _row(Kind(group, version, kind, plural, namespaced), **more)


def _columns(*rows: tuple[str, str, str] | tuple[str, str, str, int]) -> tuple[Column, ...]:
    return tuple(Column(*row) for row in rows)


_AGE = ("Age", "date", ".metadata.creationTimestamp")

BUILT_IN: tuple[Resource, ...] = (
    _row(kinds.NAMESPACE, short=("ns",), status=True),
    _row(kinds.POD, short=("po",), status=True, categories=ALL, grace=pod_grace),
    _row(kinds.SERVICE, short=("svc",), status=True, categories=ALL),
    _row(kinds.CONFIG_MAP, short=("cm",)),
    _row(kinds.SECRET),
    _row(kinds.EVENT, short=("ev",)),
    _row(NODE, short=("no",), status=True),
    _row(SERVICE_ACCOUNT, short=("sa",)),
    _row(PVC, short=("pvc",), status=True),
    _plain("", "v1", "PersistentVolume", "persistentvolumes", namespaced=False, short=("pv",), status=True),
    _plain("", "v1", "Endpoints", "endpoints", short=("ep",)),
    _plain("", "v1", "PodTemplate", "podtemplates"),
    _plain("", "v1", "LimitRange", "limitranges", short=("limits",)),
    _plain("", "v1", "ResourceQuota", "resourcequotas", short=("quota",), status=True),
    _plain("", "v1", "ReplicationController", "replicationcontrollers", short=("rc",), status=True, scale=True, categories=ALL),
    _row(kinds.REPLICA_SET, short=("rs",), status=True, scale=True, categories=ALL),
    _row(kinds.DEPLOYMENT, short=("deploy",), status=True, scale=True, categories=ALL),
    _row(kinds.STATEFUL_SET, short=("sts",), status=True, scale=True, categories=ALL),
    _row(kinds.DAEMON_SET, short=("ds",), status=True, categories=ALL),
    _plain("apps", "v1", "ControllerRevision", "controllerrevisions"),
    _row(kinds.JOB, status=True, categories=ALL),
    _row(CRON_JOB, short=("cj",), status=True, categories=ALL),
    _row(kinds.HPA, short=("hpa",), status=True, categories=ALL),
    _row(kinds.PDB, short=("pdb",), status=True),
    _row(kinds.ENDPOINT_SLICE),
    _row(INGRESS, short=("ing",), status=True),
    _plain("networking.k8s.io", "v1", "IngressClass", "ingressclasses", namespaced=False),
    _plain("networking.k8s.io", "v1", "NetworkPolicy", "networkpolicies", singular="networkpolicy", short=("netpol",)),
    _plain("rbac.authorization.k8s.io", "v1", "Role", "roles"),
    _plain("rbac.authorization.k8s.io", "v1", "RoleBinding", "rolebindings"),
    _plain("rbac.authorization.k8s.io", "v1", "ClusterRole", "clusterroles", namespaced=False),
    _plain("rbac.authorization.k8s.io", "v1", "ClusterRoleBinding", "clusterrolebindings", namespaced=False),
    _row(LEASE),
    _plain("scheduling.k8s.io", "v1", "PriorityClass", "priorityclasses", namespaced=False, short=("pc",)),
    _plain("storage.k8s.io", "v1", "StorageClass", "storageclasses", namespaced=False, short=("sc",)),
    _plain("admissionregistration.k8s.io", "v1", "ValidatingWebhookConfiguration", "validatingwebhookconfigurations", namespaced=False, categories=EXTENSIONS),
    _plain("admissionregistration.k8s.io", "v1", "MutatingWebhookConfiguration", "mutatingwebhookconfigurations", namespaced=False, categories=EXTENSIONS),
    _plain("apiregistration.k8s.io", "v1", "APIService", "apiservices", namespaced=False, status=True, categories=EXTENSIONS),
    _row(CRD, short=("crd", "crds"), status=True, categories=EXTENSIONS),
)  # fmt: skip

ARGO: tuple[Resource, ...] = (
    _row(kinds.ROLLOUT, short=("ro",), status=True, scale=True, builtin=False, columns=_columns(
        ("Desired", "integer", ".spec.replicas"),
        ("Current", "integer", ".status.replicas"),
        ("Up-to-date", "integer", ".status.updatedReplicas"),
        ("Available", "integer", ".status.availableReplicas"),
        _AGE,
    )),
    _row(kinds.ANALYSIS_RUN, short=("ar",), builtin=False, columns=_columns(
        ("Status", "string", ".status.phase"), _AGE,
    )),
    _row(kinds.ANALYSIS_TEMPLATE, short=("at",), builtin=False, columns=_columns(_AGE)),
    _row(kinds.CLUSTER_ANALYSIS_TEMPLATE, short=("cat",), builtin=False, columns=_columns(_AGE)),
    _row(kinds.EXPERIMENT, short=("exp",), builtin=False, columns=_columns(
        ("Status", "string", ".status.phase"), _AGE,
    )),
    _row(kinds.APPLICATION, short=("app", "apps"), builtin=False, columns=_columns(
        ("Sync Status", "string", ".status.sync.status"),
        ("Health Status", "string", ".status.health.status"),
        ("Revision", "string", ".status.sync.revision", 10),
        ("Project", "string", ".spec.project", 10),
    )),
    _row(kinds.APPLICATION_SET, short=("appset", "appsets"), status=True, builtin=False),
    _row(kinds.APP_PROJECT, short=("appproj", "appprojs"), builtin=False),
)  # fmt: skip

_NET = "networking.istio.io"
_ISTIO_VERSIONS = ("v1", "v1alpha3")

OTHERS: tuple[Resource, ...] = (
    _row(kinds.VIRTUAL_SERVICE, short=("vs",), builtin=False, versions=_ISTIO_VERSIONS, status=True, columns=_columns(
        ("Gateways", "string", ".spec.gateways"), ("Hosts", "string", ".spec.hosts"), _AGE,
    )),
    _row(kinds.DESTINATION_RULE, short=("dr",), builtin=False, versions=_ISTIO_VERSIONS, status=True, columns=_columns(
        ("Host", "string", ".spec.host"), _AGE,
    )),
    _plain(_NET, "v1beta1", "Gateway", "gateways", short=("gw",), builtin=False, versions=_ISTIO_VERSIONS, status=True),
    _row(kinds.SEALED_SECRET, status=True, builtin=False, columns=_columns(
        ("Status", "string", '.status.conditions[?(@.type=="Synced")].message'),
        ("Synced", "string", '.status.conditions[?(@.type=="Synced")].status'),
        _AGE,
    )),
    _plain("external-secrets.io", "v1beta1", "ExternalSecret", "externalsecrets", builtin=False, short=("es",), status=True, versions=("v1",)),
    _plain("elbv2.k8s.aws", "v1beta1", "TargetGroupBinding", "targetgroupbindings", builtin=False, status=True),
    _plain("split.smi-spec.io", "v1alpha1", "TrafficSplit", "trafficsplits", builtin=False, versions=("v1alpha2", "v1alpha3")),
    _plain("getambassador.io", "v2", "Mapping", "mappings", builtin=False, versions=("v1", "v3alpha1")),
    _plain("x.getambassador.io", "v3alpha1", "AmbassadorMapping", "ambassadormappings", builtin=False),
    _plain("apisix.apache.org", "v2", "ApisixRoute", "apisixroutes", builtin=False, status=True),
    _plain("traefik.io", "v1alpha1", "TraefikService", "traefikservices", builtin=False),
    _plain("traefik.containo.us", "v1alpha1", "TraefikService", "traefikservices", builtin=False),
    _plain("appmesh.k8s.aws", "v1beta2", "VirtualService", "virtualservices", builtin=False, status=True),
    _plain("appmesh.k8s.aws", "v1beta2", "VirtualRouter", "virtualrouters", builtin=False, status=True),
    _plain("appmesh.k8s.aws", "v1beta2", "VirtualNode", "virtualnodes", builtin=False, status=True),
    _plain("gateway.networking.k8s.io", "v1", "HTTPRoute", "httproutes", builtin=False, status=True, versions=("v1beta1",)),
)  # fmt: skip

ROWS = BUILT_IN + ARGO + OTHERS


def converted(resources: Resources) -> Iterator[Served]:
    """Kinds that show the objects of another one in another shape."""
    hpa = resources.of(kinds.HPA)
    yield Served(
        Kind("autoscaling", "v1", hpa.kind.kind, hpa.kind.plural), hpa, hpa_to_v1, hpa_to_v2
    )
    event = resources.of(kinds.EVENT)
    yield Served(
        Kind("events.k8s.io", "v1", "Event", "events"), event, event_to_events, event_to_core
    )


def hpa_to_v1(obj: Obj) -> Obj:
    """autoscaling/v2 → v1: the CPU utilisation is the one metric that v1 has a field for."""
    spec = {k: v for k, v in mapping(obj, "spec").items() if k not in ("metrics", "behavior")}
    for metric in items(obj, "spec", "metrics"):
        if dig(metric, "resource", "name") == "cpu":
            wanted = dig(metric, "resource", "target", "averageUtilization")
            if wanted is not None:
                spec["targetCPUUtilizationPercentage"] = wanted
    status = {
        k: v
        for k, v in mapping(obj, "status").items()
        if k in ("observedGeneration", "lastScaleTime", "currentReplicas", "desiredReplicas")
    }
    return {**obj, "apiVersion": "autoscaling/v1", "spec": spec, "status": status}


def hpa_to_v2(obj: Obj) -> Obj:
    spec = {k: v for k, v in mapping(obj, "spec").items() if k != "targetCPUUtilizationPercentage"}
    wanted = dig(obj, "spec", "targetCPUUtilizationPercentage")
    if wanted is not None:
        target = {"type": "Utilization", "averageUtilization": wanted}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "apiVersion": "autoscaling/v2", "spec": spec}


_EVENT_NAMES = {
    "message": "note",
    "involvedObject": "regarding",
    "source": "deprecatedSource",
    "firstTimestamp": "deprecatedFirstTimestamp",
    "lastTimestamp": "deprecatedLastTimestamp",
    "count": "deprecatedCount",
    "reportingComponent": "reportingController",
}


def event_to_events(obj: Obj) -> Obj:
    """core/v1 Event → events.k8s.io/v1: the same fields under other names."""
    return {_EVENT_NAMES.get(k, k): v for k, v in obj.items()} | {"apiVersion": "events.k8s.io/v1"}


def event_to_core(obj: Obj) -> Obj:
    back = {new: old for old, new in _EVENT_NAMES.items()}
    found = {back.get(k, k): v for k, v in obj.items()} | {"apiVersion": "v1"}
    found.setdefault(
        "lastTimestamp", dig(obj, "series", "lastObservedTime") or text(obj, "eventTime")
    )
    return found
