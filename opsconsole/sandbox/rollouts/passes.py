"""One pass of the controller over one Rollout: what it saw, decided and still has to write.

Everything read is a snapshot of the pass's beginning, as with the real controller's caches:
a write in the middle does not change what later rules of the same pass see.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicasets
from opsconsole.argo.rollouts.pauses import Pauses
from opsconsole.argo.rollouts.promotion import (
    Versions,
    delays_scale_down_on_abort,
    fast_rollback,
    rollback_within_window,
)
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.kinds import REPLICA_SET, ROLLOUT, SERVICE
from opsconsole.model.objects import mapping, text
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.store import Store

Obj = dict[str, Any]


@dataclass(slots=True)
class Runs:
    """The AnalysisRuns of a Rollout: those that its status names, and the others."""

    step: Obj | None = None
    background: Obj | None = None
    pre: Obj | None = None
    post: Obj | None = None
    others: list[Obj] = field(default_factory=list)

    def current(self) -> list[Obj]:
        return [run for run in (self.step, self.background, self.pre, self.post) if run is not None]


@dataclass(slots=True)
class Pass:
    """`canary` and `blue_green` are those parts of the new status; `again` the next look's times."""

    store: Store
    recorder: EventRecorder
    ro: RolloutView
    sets: Versions
    pauses: Pauses
    runs: Runs
    experiment: Obj | None
    old_experiments: list[Obj]
    weights: Mapping[str, Any] | None
    restarted_at: Any
    canary: dict[str, Any] = field(default_factory=dict)
    blue_green: dict[str, Any] = field(default_factory=dict)
    again: list[float] = field(default_factory=list)

    @property
    def now(self) -> datetime:
        return self.store.simulation.now()

    @property
    def new(self) -> ReplicaSetView:
        """The ReplicaSet of the current template; passes that work have one."""
        found = self.sets.new
        if found is None:
            raise LookupError(f"Rollout {self.ro.name} has no new ReplicaSet")
        return found

    @property
    def stable(self) -> ReplicaSetView | None:
        return self.sets.stable

    @property
    def fast_rollback(self) -> bool:
        return fast_rollback(self.ro, self.sets, self.now)

    @property
    def rollback_within_window(self) -> bool:
        return rollback_within_window(self.ro, self.sets)

    @property
    def delays_scale_down(self) -> bool:
        return delays_scale_down_on_abort(self.ro, self.sets, aborted=self.pauses.aborted)

    def event(self, reason: str, message: str, *, warning: bool = False) -> None:
        self.recorder.event(self.ro.obj, "Warning" if warning else "Normal", reason, message)

    def look_again(self, seconds: float) -> None:
        """Come back in that many seconds, a little late so that the moment has passed."""
        self.again.append(max(0.0, seconds) + 0.001)

    # writing

    def live(self) -> Obj:
        return self.store.get(ROLLOUT, self.ro.namespace, self.ro.name)

    def replica_set(self, rs: ReplicaSetView) -> Obj:
        return self.store.get(REPLICA_SET, self.ro.namespace, rs.name)

    def replica_set_named(self, name: str) -> Obj:
        return self.store.get(REPLICA_SET, self.ro.namespace, name)

    def service(self, name: str) -> Obj | None:
        return self.store.find(SERVICE, self.ro.namespace, name) if name else None

    def scale(self, rs: ReplicaSetView, size: int) -> bool:
        """`scaleReplicaSetAndRecordEvent`: whether the size changed (not only annotations)."""
        if not replicasets.needs_scaling(rs, size, self.ro.replicas):
            return False
        live = self.replica_set(rs)
        self.store.update(
            REPLICA_SET,
            replicasets.scaled(live, size, self.ro.replicas, keep_deadline=self.delays_scale_down),
        )
        if rs.replicas == size:
            return False
        way = "up" if rs.replicas < size else "down"
        self.event(
            n.SCALING_REPLICA_SET,
            f"Scaled {way} ReplicaSet {rs.name} (revision {rs.revision}) "
            f"from {rs.replicas} to {size}",
        )
        return True

    def set_deadline(self, rs: ReplicaSetView, delay: int) -> None:
        """`addScaleDownDelay`: a deadline `delay` seconds from now; none for 0."""
        if delay == 0:
            self.drop_deadline(rs)
            return
        at = self.now + timedelta(seconds=delay)
        self.store.update(REPLICA_SET, replicasets.with_deadline(self.replica_set(rs), at))

    def drop_deadline(self, rs: ReplicaSetView) -> None:
        if rs.deadline:
            self.store.update(REPLICA_SET, replicasets.with_deadline(self.replica_set(rs), None))

    def switch_service(self, service: Obj, digest: str) -> None:
        """`switchServiceSelector`: point a Service at a version, and take it over the first time."""
        selector = mapping(service, "spec", "selector")
        notes = mapping(service, "metadata", "annotations")
        before = text(selector, n.POD_HASH_LABEL)
        if before == digest and n.MANAGED_BY in notes:
            return
        meta = dict(service["metadata"])
        if n.MANAGED_BY not in notes:
            meta["annotations"] = {**notes, n.MANAGED_BY: self.ro.name}
        self.store.update(
            SERVICE,
            {
                **service,
                "metadata": meta,
                "spec": {
                    **mapping(service, "spec"),
                    "selector": {**selector, n.POD_HASH_LABEL: digest},
                },
            },
        )
        name = text(service, "metadata", "name")
        self.event(
            n.SWITCH_SERVICE,
            f"Switched selector for service '{name}' from '{before}' to '{digest}'",
        )
