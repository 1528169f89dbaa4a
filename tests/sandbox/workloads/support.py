"""A small cluster for the workload tests: store, manager, one namespace."""

from __future__ import annotations

from typing import Any

from opsconsole.model.kinds import NAMESPACE, POD, REPLICA_SET, Kind
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.runtime import Manager
from opsconsole.sandbox.store import Store
from opsconsole.sandbox.workloads.profile import REALISTIC, Profile
from opsconsole.sandbox.workloads.setup import make

Obj = dict[str, Any]


class Bench:
    def __init__(self, profile: Profile = REALISTIC, seed: int = 1) -> None:
        self.simulation = Simulation(seed=seed)
        self.store = Store(self.simulation)
        self.manager = Manager(self.simulation, self.store)
        self.profile = profile
        self.store.create(NAMESPACE, {"metadata": {"name": "default"}})
        for controller in make(self.store, profile):
            self.manager.start(controller)

    def run(self, seconds: float) -> None:
        self.simulation.run_for(seconds)
        assert not self.manager.faults, self.manager.faults

    def create(self, kind: Kind, name: str, spec: Obj, **meta: Any) -> Obj:
        return self.store.create(
            kind, {"metadata": {"name": name, "namespace": "default", **meta}, "spec": spec}
        )

    def get(self, kind: Kind, name: str) -> Obj:
        return self.store.get(kind, "default", name)

    def pods(self) -> list[Obj]:
        return self.store.objects(POD, "default")

    def patch(self, kind: Kind, name: str, **spec: Any) -> Obj:
        old = self.get(kind, name)
        return self.store.update(kind, {**old, "spec": {**old["spec"], **spec}})

    def replica_set(self, name: str = "web", replicas: int = 3, **template: Any) -> Obj:
        return self.create(REPLICA_SET, name, workload(replicas, **template))


def template(*, annotations: Obj | None = None, pod: Obj | None = None, **container: Any) -> Obj:
    meta: Obj = {"labels": {"app": "web"}}
    if annotations:
        meta["annotations"] = annotations
    spec = {"containers": [{"name": "app", "image": "org/app:v1", **container}], **(pod or {})}
    return {"metadata": meta, "spec": spec}


def workload(replicas: int, **more: Any) -> Obj:
    return {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": "web"}},
        "template": template(**more),
    }
