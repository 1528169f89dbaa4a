"""The Rollout controller: one pass per key, from the objects alone (`rollout/controller.go`)."""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.argo.rollouts import conditions as conds
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicas as counts
from opsconsole.argo.rollouts import replicasets
from opsconsole.argo.rollouts.pauses import Pauses
from opsconsole.argo.rollouts.promotion import Versions
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.errors import RuleError
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    EXPERIMENT,
    REPLICA_SET,
    ROLLOUT,
)
from opsconsole.model.objects import controller_of, dig, mapping, name_of, namespace_of, text
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.rollouts import (
    bluegreen,
    canary,
    creation,
    scaling,
    status,
    watching,
    workloads,
)
from opsconsole.sandbox.rollouts.passes import Pass, Runs
from opsconsole.sandbox.rollouts.references import References
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Obj, Store

INVALID_AGAIN = 20.0
"""Seconds until an invalid Rollout is looked at again: what it names may come later."""

INFORMERS_FILL = 0.1
"""Seconds after a start in which DestinationRules are not in the cache yet."""


class RolloutController:
    """Keeps no state but when it started and which write is its own at this moment."""

    name = "rollouts-controller"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.recorder = EventRecorder(store, self.name)
        self._references = References(store)
        self._started = store.simulation.elapsed
        self._writing = False

    def watches(self) -> Iterable[Watch]:
        own = watching.References(self.store, lambda: self._writing)
        return (
            Watch(ROLLOUT, self._rollout_changed),
            Watch(REPLICA_SET, watching.owner),
            Watch(ANALYSIS_RUN, watching.owner_of_phase),
            Watch(EXPERIMENT, watching.owner),
            *own.watches(),
        )

    def _rollout_changed(self, change: Change) -> Iterable[Key]:
        """`AddedToInformer` and `Deleted` are announced as the informer sees them."""
        obj = change.object
        namespace, name = namespace_of(obj), name_of(obj)
        if change.type == "ADDED":
            message = f"Rollout resource added to informer: {namespace}/{name}"
            self._later(obj, n.ADDED_TO_INFORMER, message)
        elif change.type == "DELETED":
            self._later(obj, n.ROLLOUT_DELETED, f"Rollout {name}/{namespace} is deleted.")
        return (Key(namespace, name),)

    def _later(self, obj: Obj, reason: str, message: str) -> None:
        # a watcher must not write while the store is telling its watchers
        self.store.simulation.call_later(
            0, lambda: self.recorder.event(obj, "Normal", reason, message)
        )

    def reconcile(self, key: Key) -> float | None:
        obj = self.store.find(ROLLOUT, key.namespace, key.name)
        if obj is None or dig(obj, "metadata", "deletionTimestamp") is not None:
            return None
        self._writing = True
        try:
            return self._sync(RolloutView(obj))
        finally:
            self._writing = False

    def _sync(self, ro: RolloutView) -> float | None:
        """`syncHandler`: validate, create what is missing, then the strategy's pass."""
        store = self.store
        try:
            ro = workloads.resolve(store, ro)
            problem = self._references.first_problem(ro)
        except RuleError as error:
            problem = error.message
        if problem:
            self._invalid(ro, problem)
            return INVALID_AGAIN
        p = self._pass(ro)
        if p.sets.new is None:
            creation.create(p)
            return min(p.again, default=None)
        if not ro.replicas_set:
            live = p.live()
            store.update(ROLLOUT, {**live, "spec": {**mapping(live, "spec"), "replicas": 1}})
            return None
        updates = conds.pause_updates(ro, p.now)
        if updates and status.patch_conditions(store, ro, updates):
            return None
        if creation.sync_revision(p):
            ro = workloads.resolve(store, RolloutView(p.live()))
            p = self._pass(ro)
        self._work(p)
        return min(p.again, default=None)

    def _work(self, p: Pass) -> None:
        if is_scaling_event(p):
            sync_replicas_only(p)
        elif p.ro.blue_green is not None:
            bluegreen.reconcile(p)
        else:
            ready = self.store.simulation.elapsed >= self._started + INFORMERS_FILL
            canary.reconcile(p, informers_ready=ready or self._started == 0.0)

    def _invalid(self, ro: RolloutView, problem: str) -> None:
        """`createInvalidRolloutCondition`."""
        message = f'The Rollout "{ro.name}" is invalid: {problem}'
        fresh = conds.condition(
            n.INVALID_SPEC, "True", n.INVALID_SPEC, message, self.store.simulation.now()
        )
        before = conds.get(ro.status, n.INVALID_SPEC)
        if before is not None and text(before, "message") != message:
            kept = [c for c in ro.status["conditions"] if c.get("type") != n.INVALID_SPEC]
            ro = RolloutView({**ro.obj, "status": {**ro.status, "conditions": kept}})
        status.patch_conditions(self.store, ro, [fresh])

    def _pass(self, ro: RolloutView) -> Pass:
        """`newRolloutContext`: a snapshot of everything that belongs to the Rollout."""
        owned = [ReplicaSetView(rs) for rs in creation.claim(self.store, ro)]
        new = replicasets.find_new(ro, owned)
        stable = replicasets.find_stable(ro, new, owned)
        kept = {rs.name for rs in (new, stable) if rs is not None}
        others = tuple(rs for rs in owned if rs.name not in kept)
        pauses = Pauses(ro)
        if ro.current and ro.fully_promoted and pauses.aborted:
            pauses.unabort = True
        experiments = self.store.owned_by(ro.uid, EXPERIMENT)
        wanted = text(ro.status, "canary", "currentExperiment")
        current = next((ex for ex in experiments if wanted and name_of(ex) == wanted), None)
        p = Pass(
            store=self.store,
            recorder=self.recorder,
            ro=ro,
            sets=Versions(new, stable, others, tuple(owned)),
            pauses=pauses,
            runs=current_runs(self.store, ro),
            experiment=current,
            old_experiments=[ex for ex in experiments if ex is not current],
            weights=ro.weights,
            restarted_at=ro.status.get("restartedAt"),
        )
        if ro.weights is not None:
            p.canary["weights"] = ro.weights
        return p


def current_runs(store: Store, ro: RolloutView) -> Runs:
    """`FilterCurrentRolloutAnalysisRuns`: runs that the status names, and all others."""
    named = {
        text(ro.status, "canary", "currentStepAnalysisRunStatus", "name"): "step",
        text(ro.status, "canary", "currentBackgroundAnalysisRunStatus", "name"): "background",
        text(ro.status, "blueGreen", "prePromotionAnalysisRunStatus", "name"): "pre",
        text(ro.status, "blueGreen", "postPromotionAnalysisRunStatus", "name"): "post",
    }
    found = Runs()
    for run in store.owned_by(ro.uid, ANALYSIS_RUN):
        if text(controller_of(run), "uid") != ro.uid:
            continue
        attribute = named.get(name_of(run))
        if attribute is None:
            found.others.append(run)
        else:
            setattr(found, attribute, run)
    return found


def is_scaling_event(p: Pass) -> bool:
    """`isScalingEvent`: an active new or stable version was last sized for another spec.replicas."""
    return any(
        rs is not None and rs.replicas > 0 and rs.desired not in (None, p.ro.replicas)
        for rs in (p.sets.new, p.sets.stable)
    )


def sync_replicas_only(p: Pass) -> None:
    """`syncReplicasOnly`: sizes and counters; no services, no traffic, no steps."""
    new = dict(p.ro.status)
    if p.ro.blue_green is not None:
        scaling.reconcile_blue_green(p)
        active = counts.by_hash(p.sets.all, p.ro.active_selector)
        sets = p.sets.all if active is None else (active,)
    else:
        scaling.reconcile_canary(p)
        sets = p.sets.all
    new["availableReplicas"] = replicasets.total(sets, "available")
    new["HPAReplicas"] = replicasets.total(sets, "actual")
    status.persist(p, new)
