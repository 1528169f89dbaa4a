"""An ApplicationSet controller and an application controller over one git in memory.

Separate because the tests of progressive syncs and of policies both use it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.model.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, CONFIG_MAP, EVENT
from opsconsole.model.objects import mappings, name_of, text
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.argocd.applications import ApplicationController
from opsconsole.sandbox.argocd.applicationset import ApplicationSetController
from opsconsole.sandbox.argocd.environment import Environment
from opsconsole.sandbox.argocd.sources import Asked, Generated, Sources
from opsconsole.sandbox.cluster import Cluster, ClusterOptions
from opsconsole.sandbox.store import Change
from tests.sandbox.argocd.support import config

Obj = dict[str, Any]

WITHOUT = frozenset({"argocd", "applicationset", "notifications", "sealedsecrets", "metrics"})
IN_CLUSTER = "https://kubernetes.default.svc"


class PathSources(Sources):
    """A commit is a number; an Application's path gives it one ConfigMap that says the commit.

    `extra` adds manifests to a path.
    """

    def __init__(self) -> None:
        self.head = 1
        self.extra: dict[str, list[Obj]] = {}

    def generate(
        self, source: Mapping[str, Any], revision: str, asked: Asked, *, force: bool
    ) -> Generated:
        del revision, asked, force
        path = str(source["path"])
        found = [config(path, str(self.head)), *self.extra.get(path, [])]
        return Generated(f"{self.head:040x}", found, "Directory")


class SetStand:
    """The set `set` with an Application for each of `apps`: name → its label `env`."""

    def __init__(self, apps: Mapping[str, str], *, progressive: bool = False, **spec: Any) -> None:
        self.cluster: Cluster = clusters.build(ClusterOptions(profile="recorded", without=WITHOUT))
        self.store = self.cluster.store
        self.sources = PathSources()
        self.environment = Environment(self.store, self.sources, {})
        if progressive:
            data = {"applicationsetcontroller.enable.progressive.syncs": "true"}
            meta = {"name": "argocd-cmd-params-cm", "namespace": "argocd"}
            self.store.create(CONFIG_MAP, {"metadata": meta, "data": data})
        self.gone: list[str] = []
        self.history: list[list[Mapping[str, Any]]] = []
        self.store.subscribe(self._see)
        self.cluster.start()
        manager = self.cluster.manager
        manager.start(ApplicationController(self.environment, manager, 20.0))
        manager.start(ApplicationSetController(self.environment))
        self.make("set", apps, **spec)

    def make(self, name: str, apps: Mapping[str, str], **spec: Any) -> None:
        whole = {"generators": [listed(apps)], "template": template(), **spec}
        meta = {"name": name, "namespace": "argocd"}
        self.store.create(APPLICATION_SET, {"metadata": meta, "spec": whole})
        self.run(2)

    def _see(self, change: Change) -> None:
        """Every `status.applicationStatus` that is written and every Application that goes."""
        if change.kind == APPLICATION and change.type == "DELETED":
            self.gone.append(name_of(change.object))
        if change.kind == APPLICATION_SET:
            self.history.append(mappings(change.object, "status", "applicationStatus"))

    def run(self, seconds: float) -> None:
        self.cluster.simulation.run_for(seconds)
        assert not self.cluster.manager.faults, self.cluster.manager.faults

    def change(self, **spec: Any) -> None:
        old = self.set()
        self.store.update(APPLICATION_SET, {**old, "spec": {**old["spec"], **spec}})
        self.run(2)

    def commit(self, seconds: float = 1.0) -> None:
        """A new commit that every Application is told of."""
        self.sources.head += 1
        for name in self.names():
            self.patch(name, annotations={"argocd.argoproj.io/refresh": "normal"})
        self.run(seconds)

    def hold(self) -> None:
        """The finalizer that lets the controller see the set's deletion."""
        old = self.set()
        meta = {**old["metadata"], "finalizers": ["resources-finalizer.argocd.argoproj.io"]}
        self.store.update(APPLICATION_SET, {**old, "metadata": meta})

    def patch(self, name: str, **meta: Mapping[str, str]) -> None:
        old = self.app(name)
        new = {key: {**old["metadata"].get(key, {}), **value} for key, value in meta.items()}
        self.store.update(APPLICATION, {**old, "metadata": {**old["metadata"], **new}})

    def project(self, name: str) -> None:
        spec = {"sourceRepos": ["*"], "destinations": [{"server": "*", "namespace": "*"}]}
        meta = {"name": name, "namespace": "argocd"}
        self.store.create(APP_PROJECT, {"metadata": meta, "spec": spec})

    def set(self, name: str = "set") -> Obj:
        return self.store.get(APPLICATION_SET, "argocd", name)

    def app(self, name: str) -> Obj:
        return self.store.get(APPLICATION, "argocd", name)

    def names(self) -> list[str]:
        return [name_of(app) for app in self.store.objects(APPLICATION, "argocd")]

    def statuses(self) -> dict[str, str]:
        listed = mappings(self.set(), "status", "applicationStatus")
        return {text(one, "application"): text(one, "status") for one in listed}

    def said(self, name: str) -> str:
        listed = mappings(self.set(), "status", "applicationStatus")
        return next(text(one, "message") for one in listed if one["application"] == name)

    def condition(self, kind: str, name: str = "set") -> tuple[str, str, str]:
        listed = mappings(self.set(name), "status", "conditions")
        one = next(c for c in listed if c["type"] == kind)
        return text(one, "status"), text(one, "reason"), text(one, "message")

    def deployed(self, name: str) -> str:
        """The commit that is in the cluster, or ""."""
        return text(self.store.find(CONFIG_MAP, "default", name) or {}, "data", "k")

    def events(self, reason: str) -> list[str]:
        listed = self.store.objects(EVENT, "argocd")
        return sorted(text(e, "message") for e in listed if text(e, "reason") == reason)


def listed(apps: Mapping[str, str], **more: str) -> Obj:
    return {"list": {"elements": [{"name": n, "env": e, **more} for n, e in apps.items()]}}


def template(**spec: Any) -> Obj:
    return {
        "metadata": {"name": "{{name}}", "labels": {"env": "{{env}}"}},
        "spec": {
            "project": "default",
            "source": {"repoURL": "https://git.local/r.git", "path": "{{name}}"},
            "destination": {"server": IN_CLUSTER, "namespace": "default"},
            **spec,
        },
    }


def rolling(*steps: Sequence[str] | tuple[Sequence[str], Any], **more: Any) -> Obj:
    """A strategy: each step selects values of `env`, perhaps with a maxUpdate."""
    made = []
    for step in steps:
        values, limit = (step[0], step[1:]) if isinstance(step, tuple) else (step, ())
        rule = {"key": "env", "operator": "In", "values": list(values)}
        made.append({"matchExpressions": [rule], **({"maxUpdate": limit[0]} if limit else {})})
    return {"type": "RollingSync", "rollingSync": {"steps": made}, **more}
