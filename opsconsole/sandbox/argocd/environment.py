"""What the Argo CD controllers work with: clusters, sources, configuration, projects, events."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.cd.filters import ResourceFilter
from opsconsole.argo.cd.identity import Obj, group_of
from opsconsole.argo.cd.ignores import Ignore, ignores_of
from opsconsole.argo.cd.projects import (
    IN_CLUSTER,
    IN_CLUSTER_NAME,
    destination_fault,
    normal_url,
    not_permitted,
    permits_destination,
    permits_kind,
    source_faults,
    spec_faults,
)
from opsconsole.argo.cd.tracking import LABEL, METHODS, Tracking, instance_name
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc
from opsconsole.model.kinds import APP_PROJECT, CONFIG_MAP, EVENT, SECRET
from opsconsole.model.objects import (
    Object,
    dig,
    flag,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant
from opsconsole.sandbox.argocd.live import LiveObjects
from opsconsole.sandbox.argocd.secrets import decoded
from opsconsole.sandbox.argocd.sources import Sources
from opsconsole.sandbox.resources import KUBERNETES, Resources
from opsconsole.sandbox.store import Change, Store

HOME = "argocd"
"""The controllers' own namespace."""

COMPONENT = "argocd-application-controller"
CLUSTER_SECRET = "cluster"  # noqa: S105 - the value of a label
SECRET_TYPE = "argocd.argoproj.io/secret-type"  # noqa: S105 - the name of a label

Changed = Callable[[str, Change], None]


@dataclass(frozen=True)
class Destination:
    """The cluster and namespace that an application goes to, and what its project permits there."""

    store: Store
    live: LiveObjects
    server: str
    name: str
    namespace: str
    project: Object

    def permits(self, obj: Object) -> str:
        """Why the project does not permit an object, or ""."""
        group, kind = group_of(obj), text(obj, "kind")
        known = self.store.resources.by_kind(text(obj, "apiVersion"), kind)
        namespaced = known is None or known.namespaced
        title = name_of(self.project)
        if not permits_kind(self.project, group, kind, name_of(obj), namespaced=namespaced):
            return f"resource {group}:{kind} is not permitted in project {title}"
        home = namespace_of(obj)
        if (
            namespaced
            and home
            and not permits_destination(self.project, self.server, self.name, home)
        ):
            return f"namespace {home} is not permitted in project '{title}'"
        return ""

    def permits_kind(self, obj: Object) -> bool:
        """Whether the project permits the kind, wherever it goes."""
        group, kind = group_of(obj), text(obj, "kind")
        known = self.store.resources.by_kind(text(obj, "apiVersion"), kind)
        namespaced = known is not None and known.namespaced
        return permits_kind(self.project, group, kind, name_of(obj), namespaced=namespaced)

    def is_placed(self, obj: Object) -> bool:
        """Whether an object of a namespaced kind names a namespace."""
        known = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        return known is None or not known.namespaced or bool(namespace_of(obj))

    @property
    def defaulting(self) -> Callable[[Obj], Obj]:
        """The API server's defaulting; the same function for every application of a cluster."""
        return self.live.defaults


class Environment:
    """One installation of Argo CD. `clusters` are further stores by server URL."""

    def __init__(
        self, store: Store, sources: Sources, clusters: Mapping[str, Store] | None = None
    ) -> None:
        self.store = store
        self.sources = sources
        self.clusters = clusters if clusters is not None else {}
        self.changed: Changed = _nobody
        self.tracking = Tracking()
        self.ignores: list[Ignore] = []
        self.filter = ResourceFilter()
        self.ignore_status = True
        self.ignore_aggregated_roles = False
        self._live: dict[str, LiveObjects] = {}
        self._faults: dict[tuple[str, str], tuple[Any, Object | None, list[str]]] = {}
        # names of events have a source of their own, so that they change no other run
        self._names = random.Random(store.version)
        sources.kube_version = KUBERNETES
        # kinds that are defined later are left out: each would have everything rendered anew
        sources.api_versions = _api_versions(store.resources)
        self.configure()

    # configuration

    def configure(self) -> None:
        """Read argocd-cm: tracking, kustomize's options and the installation's ignoreDifferences."""
        data = mapping(self.store.find(CONFIG_MAP, HOME, "argocd-cm"), "data")
        method = text(data, "application.resourceTrackingMethod")
        tracking = Tracking(
            method if method in METHODS else "annotation",
            text(data, "application.instanceLabelKey") or LABEL,
        )
        if tracking != self.tracking:
            self.tracking = tracking
            self.leave()
        self.ignores = _system_ignores(data)
        self._compare_options(data)
        self.filter = ResourceFilter(
            _rules(data, "resource.exclusions"), _rules(data, "resource.inclusions")
        )
        self.sources.build_options = text(data, "kustomize.buildOptions")

    def _compare_options(self, data: Object) -> None:
        """`resource.compareoptions`: whose status counts, and rules of aggregated roles."""
        try:
            options = yamldoc.load(text(data, "resource.compareoptions"), strict=False)
        except YamlError:
            options = None
        # YAML's plain `off` is a boolean
        counted = str(dig(options, "ignoreResourceStatusField", default="")).lower()
        self.ignore_status = counted not in ("crd", "none", "off", "false")
        self.ignore_aggregated_roles = flag(options, "ignoreAggregatedRoles")
        if counted == "crd":
            kind = ("apiextensions.k8s.io", "CustomResourceDefinition")
            self.ignores.append(Ignore(*kind, pointers=("/status",)))

    def instance(self, app: Object) -> str:
        return instance_name(name_of(app), namespace_of(app), HOME)

    def leave(self) -> None:
        """Stop watching the clusters; they are watched again when next asked for."""
        for live in self._live.values():
            live.leave()
        self._live.clear()

    # where to

    def project(self, app: Object) -> Obj | None:
        return self.store.find(APP_PROJECT, HOME, text(app, "spec", "project") or "default")

    def destination(self, app: Object) -> tuple[Destination | None, list[str]]:
        """Where an application goes, or why its spec is not valid."""
        project = self.project(app)
        wanted = mapping(app, "spec", "destination")
        server, name, fault = self.cluster(text(wanted, "server"), text(wanted, "name"))
        faults = spec_faults(app, project, None if fault else (server, name))
        if fault and project is not None:
            faults = source_faults(app, project)
            # a source that names no place ends it
            if not any(one.startswith("spec.source") for one in faults):
                faults.append(fault)
        store = self.store if server == IN_CLUSTER else self.clusters.get(server)
        if project is not None and not faults and not self._scoped(project, server, name):
            faults = [not_permitted(wanted, name_of(project), server, name)]
        if faults or store is None or project is None:
            return None, faults
        namespace = text(wanted, "namespace")
        return Destination(store, self._of(server, store), server, name, namespace, project), []

    def unknown_cluster(self, app: Object) -> str:
        """Why the destination is no cluster that is known here, "" when it is one."""
        wanted = mapping(app, "spec", "destination")
        return self.cluster(text(wanted, "server"), text(wanted, "name"))[2]

    def _scoped(self, project: Object, server: str, name: str) -> bool:
        """Whether a cluster is the project's own, where only such are permitted."""
        if not flag(project, "spec", "permitOnlyProjectScopedClusters"):
            return True
        own = [s for s in self.secrets() if s["project"] == name_of(project)]
        return any(s["server"] == server or s["name"] == name for s in own)

    def cluster(self, server: str, name: str) -> tuple[str, str, str]:
        """(server, name, fault) of a destination that gives one of the two (`GetDestinationCluster`)."""
        known = {IN_CLUSTER: IN_CLUSTER_NAME, **{s["server"]: s["name"] for s in self.secrets()}}
        fault = destination_fault({"server": server, "name": name})
        if fault:
            return "", "", fault
        if name:
            hits = [url for url, title in known.items() if title == name]
            if len(hits) == 1:
                return hits[0], name, ""
            why = f"there are no clusters with this name: {name}"
            if hits:
                why = f"there are {len(hits)} clusters with the same name: [{' '.join(hits)}]"
            return "", name, why
        server = server.rstrip("/")
        if server in known and (server == IN_CLUSTER or server in self.clusters):
            return server, known[server], ""
        return server, "", f'error getting cluster by server "{server}": {_absent(server)}'

    def secrets(self) -> list[dict[str, Any]]:
        """Cluster Secrets: `{name, server, project, labels, annotations}`, by name of the Secret."""
        found = []
        for secret in self.store.objects(SECRET, HOME):
            if labels_of(secret).get(SECRET_TYPE) != CLUSTER_SECRET:
                continue
            data = decoded(secret)
            found.append(
                {
                    "name": data.get("name", ""),
                    "server": data.get("server", "").rstrip("/"),
                    "project": data.get("project", ""),
                    "labels": dict(labels_of(secret)),
                    "annotations": dict(mapping(secret, "metadata", "annotations")),
                }
            )
        return found

    def uses(self, app: Object, url: str) -> bool:
        """Whether one of an application's sources is that repository."""
        several = mappings(app, "spec", "sources") or [mapping(app, "spec", "source")]
        return any(normal_url(text(s, "repoURL")) == normal_url(url) for s in several)

    def _of(self, server: str, store: Store) -> LiveObjects:
        if server not in self._live:
            self._live[server] = LiveObjects(store, self.tracking, self._tell)
        return self._live[server]

    def _tell(self, instance: str, change: Change) -> None:
        self.changed(instance, change)

    # events

    def event(self, app: Object, reason: str, message: str, *, warning: bool = False) -> None:
        """An event as Argo CD's audit log writes it: each one anew."""
        now = format_instant(self.store.simulation.now())
        name = f"{name_of(app)}.{self._names.getrandbits(60):016x}"
        self.store.create(
            EVENT,
            {
                "metadata": {"name": name, "namespace": namespace_of(app)},
                "involvedObject": {
                    "apiVersion": text(app, "apiVersion"),
                    "kind": text(app, "kind"),
                    "name": name_of(app),
                    "namespace": namespace_of(app),
                    "resourceVersion": text(app, "metadata", "resourceVersion"),
                    "uid": uid_of(app),
                },
                "type": "Warning" if warning else "Normal",
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": COMPONENT},
            },
        )


def _absent(server: str) -> str:
    return f'rpc error: code = NotFound desc = cluster "{server}" not found'


def _nobody(instance: str, change: Change) -> None:
    """Until a controller listens."""
    del instance, change


def _rules(data: Mapping[str, Any], key: str) -> tuple[Mapping[str, Any], ...]:
    """A list of rules in argocd-cm; what is not one counts as none."""
    try:
        return tuple(mappings(yamldoc.load(text(data, key), strict=False)))
    except YamlError:
        return ()


def _system_ignores(data: Mapping[str, Any]) -> list[Ignore]:
    """`resource.customizations.ignoreDifferences.<group>_<kind>` of argocd-cm."""
    prefix = "resource.customizations.ignoreDifferences."
    found: list[Ignore] = []
    for key, raw in data.items():
        if not key.startswith(prefix) or not isinstance(raw, str):
            continue
        group, _, kind = key.removeprefix(prefix).rpartition("_")
        try:
            entry = yamldoc.load(raw, strict=False)
            listed = {**entry, "group": group, "kind": kind} if isinstance(entry, dict) else {}
            if key.endswith(".all"):
                listed |= {"group": "*", "kind": "*"}
            found += ignores_of([listed] if items(listed) or listed else [])
        except (YamlError, RuleError):
            continue
    return found


def _api_versions(resources: Resources) -> tuple[str, ...]:
    """What Argo CD gives Helm as `--api-versions`: "apps/v1" and "apps/v1/Deployment"."""
    kinds = [row.kind for row in resources]
    found = {k.api_version for k in kinds} | {f"{k.api_version}/{k.kind}" for k in kinds}
    return tuple(sorted(found))
