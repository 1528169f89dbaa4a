"""An Argo CD whose git is a list of manifests in memory; separate because several tests use it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.model.kinds import APPLICATION, NAMESPACE, Kind
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.argocd.applications import ApplicationController
from opsconsole.sandbox.argocd.environment import Environment
from opsconsole.sandbox.argocd.sources import Asked, Generated, SourceError, Sources
from opsconsole.sandbox.cluster import Cluster, ClusterOptions

Obj = dict[str, Any]


class MemorySources(Sources):
    """`revisions` maps names to manifests; `main` is the newest."""

    def __init__(self) -> None:
        self.revisions: dict[str, list[Obj]] = {}
        self.fault = ""

    def push(self, *manifests: Obj) -> str:
        sha = f"{len(self.revisions) + 1:040x}"
        self.revisions[sha] = list(manifests)
        return sha

    def resolve(self, url: str, revision: str, *, force: bool = True) -> str:
        del url, force
        return revision if revision in self.revisions else list(self.revisions)[-1]

    def generate(
        self, source: Mapping[str, Any], revision: str, asked: Asked, *, force: bool
    ) -> Generated:
        del source, asked, force
        if self.fault:
            raise SourceError(self.fault)
        sha = self.resolve("", revision)
        return Generated(sha, [dict(m) for m in self.revisions[sha]], "Directory")


class Stand:
    """One application `app` into namespace `ns`."""

    def __init__(self, *manifests: Obj, **spec: Any) -> None:
        without = frozenset(
            {"argocd", "applicationset", "notifications", "sealedsecrets", "metrics"}
        )
        self.cluster: Cluster = clusters.build(ClusterOptions(profile="recorded", without=without))
        self.store = self.cluster.store
        self.store.create(NAMESPACE, {"metadata": {"name": "ns"}})
        self.sources = MemorySources()
        self.sources.push(*manifests)
        self.environment = Environment(self.store, self.sources, {})
        self.controller = ApplicationController(self.environment, self.cluster.manager, 20.0)
        self.cluster.start()
        self.cluster.manager.start(self.controller)
        meta = {"name": "app", "namespace": "argocd", **spec.pop("meta", {})}
        whole = {
            "project": "default",
            "source": {"repoURL": "https://git.local/r.git", "path": "p", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": "ns"},
            **spec,
        }
        self.store.create(APPLICATION, {"metadata": meta, "spec": whole})
        self.run(1)

    def run(self, seconds: float) -> None:
        self.cluster.simulation.run_for(seconds)
        assert not self.cluster.manager.faults, self.cluster.manager.faults

    @property
    def app(self) -> Obj:
        return self.store.get(APPLICATION, "argocd", "app")

    @property
    def status(self) -> Obj:
        found: Obj = self.app["status"]
        return found

    @property
    def operation(self) -> Obj:
        found: Obj = self.status["operationState"]
        return found

    def results(self) -> dict[str, tuple[str, str, str]]:
        """Name → (status, hookPhase, message) of the last operation."""
        listed = self.operation.get("syncResult", {}).get("resources", [])
        return {
            r["name"]: (r.get("status", ""), r.get("hookPhase", ""), r["message"]) for r in listed
        }

    def sync(self, seconds: float = 5, **sync: Any) -> Obj:
        operation = {"initiatedBy": {"username": "me"}, "sync": {"revision": "main", **sync}}
        operation |= {"retry": sync.pop("retry")} if "retry" in sync else {}
        self.store.update(APPLICATION, {**self.app, "operation": operation})
        self.run(seconds)
        return self.operation

    def refresh(self, *manifests: Obj, seconds: float = 1.0) -> None:
        """Push, and let the poll see it."""
        if manifests:
            self.sources.push(*manifests)
        meta = {**self.app["metadata"]}
        meta["annotations"] = {
            **meta.get("annotations", {}),
            "argocd.argoproj.io/refresh": "normal",
        }
        self.store.update(APPLICATION, {**self.app, "metadata": meta})
        self.run(seconds)

    def find(self, kind: Kind, name: str) -> Obj | None:
        return self.store.find(kind, "ns", name)


def config(name: str, value: str = "1", **notes: str) -> Obj:
    meta: Obj = {"name": name}
    if notes:
        meta["annotations"] = {ANNOTATIONS[k]: v for k, v in notes.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"k": value}}


ANNOTATIONS = {
    "wave": "argocd.argoproj.io/sync-wave",
    "hook": "argocd.argoproj.io/hook",
    "policy": "argocd.argoproj.io/hook-delete-policy",
    "options": "argocd.argoproj.io/sync-options",
    "compare": "argocd.argoproj.io/compare-options",
}


def job(name: str, outcome: str = "ok", **notes: str) -> Obj:
    made = config(name, **notes)
    pod = {"restartPolicy": "Never", "containers": [{"name": "j", "image": "busybox"}]}
    template = {"metadata": {"annotations": {"test/job": outcome}}, "spec": pod}
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": made["metadata"],
        "spec": {"backoffLimit": 0, "template": template},
    }


AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}
