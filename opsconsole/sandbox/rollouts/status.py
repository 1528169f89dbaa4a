"""The status that a pass writes: counters, conditions, phase, and the events that go with it.

Follows `calculateBaseStatus`, `calculateRolloutConditions`, `persistRolloutStatus` and
`promoteStable` of rollout/sync.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts import conditions as conds
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import phase, replicasets
from opsconsole.argo.rollouts.hashes import pod_hash
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.kinds import ROLLOUT
from opsconsole.model.objects import mappings, text
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.rollouts import scaling
from opsconsole.sandbox.rollouts.passes import Pass
from opsconsole.sandbox.store import Store

Status = dict[str, Any]

_ORDER = (
    "abort", "abortedAt", "blueGreen", "canary", "collisionCount", "conditions",
    "controllerPause", "currentPodHash", "currentStepHash", "currentStepIndex", "HPAReplicas",
    "message", "observedGeneration", "pauseConditions", "phase", "promoteFull",
    "availableReplicas", "readyReplicas", "replicas", "restartedAt", "selector", "stableRS",
    "updatedReplicas", "workloadObservedGeneration",
)  # fmt: skip
"""The fields that the controller owns; others (a load balancer's) stay as they are."""

_COUNTS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas", "HPAReplicas")


def base(p: Pass) -> Status:
    """`calculateBaseStatus`: what all strategies have in common."""
    ro, new = p.ro, p.sets.new
    status: Status = {
        "currentPodHash": pod_hash(ro.template, ro.collisions) if new is None else new.hash,
        "replicas": replicasets.total(p.sets.all, "actual"),
        "updatedReplicas": 0 if new is None else new.actual,
        "readyReplicas": replicasets.total(p.sets.all, "ready"),
        "stableRS": ro.stable,
        "conditions": [
            c for c in mappings(ro.status, "conditions") if c.get("type") != n.INVALID_SPEC
        ],
        "canary": p.canary,
        "blueGreen": p.blue_green,
    }
    if ro.collisions:
        status["collisionCount"] = ro.collisions
    if ro.promote_full and status["currentPodHash"] != ro.stable:
        status["promoteFull"] = True
    return status


def reset(p: Pass, status: Status) -> None:
    """`resetRolloutStatus`: the beginning of a new update."""
    p.pauses.cleared = True
    p.pauses.unabort = True
    p.restarted_at = p.ro.spec.get("restartAt")
    status.pop("promoteFull", None)
    for field in ("prePromotionAnalysisRunStatus", "postPromotionAnalysisRunStatus"):
        p.blue_green.pop(field, None)
    p.blue_green.pop("scaleUpPreviewCheckPoint", None)
    for field in ("currentStepAnalysisRunStatus", "currentBackgroundAnalysisRunStatus"):
        p.canary.pop(field, None)
    status["currentStepIndex"] = 0 if p.ro.steps else None


def promote_stable(p: Pass, status: Status, reason: str) -> None:
    """`promoteStable`: the current version becomes the stable one."""
    ro = p.ro
    p.pauses.cleared = True
    p.pauses.unabort = True
    status.pop("promoteFull", None)
    p.blue_green.pop("scaleUpPreviewCheckPoint", None)
    if ro.canary is not None:
        status["currentStepIndex"] = len(ro.steps) if ro.steps else None
    current = status["currentPodHash"]
    if status.get("stableRS") != current:
        if ro.ping_pong:
            p.canary["stablePingPong"] = "pong" if ro.stable_is_ping else "ping"
        status["stableRS"] = current
        p.event(
            n.ROLLOUT_COMPLETED,
            f"Rollout completed update to revision {ro.revision} ({current}): {reason}",
        )
    if (
        ro.revision == 1
        and text(ro.status, "phase") == "Healthy"
        and text(ro.workload_ref, "scaleDown") == "onsuccess"
    ):
        scaling.scale_workload(p, 0)


# conditions


def calculate_conditions(p: Pass, status: Status) -> None:
    """`calculateRolloutConditions`: put the conditions that follow from the new counters."""
    status.setdefault("conditions", [])
    _abort_on_deadline(p, status)
    became_unhealthy = _healthy(p, status)
    if p.pauses.aborted:
        message = f"Rollout aborted update to revision {p.ro.revision}"
        if p.pauses.abort_message:
            message += f": {p.pauses.abort_message}"
        aborted = conds.condition(n.PROGRESSING, "False", n.ROLLOUT_ABORTED, message, p.now)
        if conds.put(status, aborted):
            p.event(n.ROLLOUT_ABORTED, message, warning=True)
    else:
        _progressing(p, status, became_unhealthy=became_unhealthy)
    _available(p, status)
    _replica_failure(p, status)
    _completed(p, status)


def _abort_on_deadline(p: Pass, status: Status) -> None:
    """`evaluateProgressDeadlineAbort`: progressDeadlineAbort turns a timeout into an abort."""
    ro = p.ro
    if not ro.deadline_abort or p.pauses.aborted or _deadline_rests(p):
        return
    if conds.is_healthy(ro, status) or conds.is_completed(status):
        return
    if not conds.is_progressing(ro, status) and conds.has_timed_out(ro, status, p.now):
        p.pauses.add_abort(_timeout_message(p))


def _deadline_rests(p: Pass) -> bool:
    return conds.is_indefinite_step(p.ro) or any(rs.deadline for rs in p.sets.others)


def _timeout_message(p: Pass) -> str:
    if p.sets.new is None:
        return f'Rollout "{p.ro.name}" has timed out progressing.'
    return f'ReplicaSet "{p.sets.new.name}" has timed out progressing.'


def _healthy(p: Pass, status: Status) -> bool:
    """Put Healthy; whether it turned from healthy to not."""
    paused = bool(p.ro.pause_conditions) or p.ro.paused
    if not paused and conds.is_healthy(p.ro, status):
        conds.put(
            status, _condition(p, n.HEALTHY, True, n.ROLLOUT_HEALTHY, n.ROLLOUT_HEALTHY_MESSAGE)
        )
        return False
    if conds.get(p.ro.status, n.HEALTHY) is None:
        return False
    return conds.put(
        status, _condition(p, n.HEALTHY, False, n.ROLLOUT_HEALTHY, n.ROLLOUT_NOT_HEALTHY_MESSAGE)
    )


def _condition(p: Pass, kind: str, holds: bool, reason: str, message: str) -> dict[str, Any]:  # noqa: FBT001
    return conds.condition(kind, "True" if holds else "False", reason, message, p.now)


def _progressing(p: Pass, status: Status, *, became_unhealthy: bool) -> None:
    name = "" if p.sets.new is None else p.sets.new.name
    if conds.is_healthy(p.ro, status):
        message = f'ReplicaSet "{name}" has successfully progressed.'
        conds.put(status, _condition(p, n.PROGRESSING, True, n.NEW_RS_AVAILABLE, message))
    elif conds.is_progressing(p.ro, status) or became_unhealthy:
        reason, message = n.REPLICA_SET_UPDATED, f'ReplicaSet "{name}" is progressing.'
        if became_unhealthy and conds.is_completed(status):
            reason, message = n.REPLICA_SET_NOT_AVAILABLE, n.NOT_AVAILABLE_MESSAGE
        fresh = _condition(p, n.PROGRESSING, True, reason, message)
        before = conds.get(p.ro.status, n.PROGRESSING)
        if before is not None:
            if before.get("status") == "True":
                fresh["lastTransitionTime"] = before.get("lastTransitionTime")
            conds.remove(status, n.PROGRESSING)
        conds.put(status, fresh)
    elif not _deadline_rests(p) and conds.has_timed_out(p.ro, status, p.now):
        conds.put(status, _condition(p, n.PROGRESSING, False, n.TIMED_OUT, _timeout_message(p)))


def _available(p: Pass, status: Status) -> None:
    if p.ro.blue_green is not None:
        active = text(status, "blueGreen", "activeSelector")
        serving = next((rs for rs in p.sets.all if active and rs.hash == active), None)
        enough = replicasets.is_saturated(p.ro, serving)
    else:
        enough = replicasets.total(p.sets.all, "available") >= p.ro.replicas
    message = n.AVAILABLE_MESSAGE if enough else n.NOT_AVAILABLE_MESSAGE
    conds.put(status, _condition(p, n.AVAILABLE, enough, n.AVAILABLE_REASON, message))


def _replica_failure(p: Pass, status: Status) -> None:
    """`getReplicaFailures`: a ReplicaSet's own failure, the new one's first."""
    ordered = [p.sets.new, *p.sets.all]
    for rs in (rs for rs in ordered if rs is not None):
        failed = conds.get(rs.obj.get("status") or {}, n.REPLICA_FAILURE)
        if failed is not None:
            at = failed.get("lastTransitionTime")
            conds.put(status, {**failed, "lastUpdateTime": at})
            return
    conds.remove(status, n.REPLICA_FAILURE)


def _completed(p: Pass, status: Status) -> None:
    done = conds.is_completed(status)
    fresh = _condition(p, n.COMPLETED, done, n.ROLLOUT_COMPLETED, n.ROLLOUT_COMPLETED)
    if conds.put(status, fresh) and not done:
        p.event(
            n.ROLLOUT_NOT_COMPLETED,
            f"Rollout not completed, started update to revision {p.ro.revision} "
            f"({status['currentPodHash']})",
        )


# writing


def persist(p: Pass, status: Status) -> None:
    """`persistRolloutStatus`: pauses, phase and the write; a look at the deadline when idle."""
    p.pauses.into(status, p.now)
    if p.restarted_at:
        status["restartedAt"] = p.restarted_at
    if p.ro.workload_ref is not None:
        status["workloadObservedGeneration"] = text(p.ro.annotations, n.WORKLOAD_GENERATION)
    status["observedGeneration"] = str(p.ro.generation)
    found, message = phase.calculate(p.ro, status)
    status["phase"], status["message"] = found.value, message
    if not write(p.store, p.ro, status):
        _watch_deadline(p, status)
        return
    was, now = bool(p.ro.pause_conditions), bool(status.get("pauseConditions"))
    if now and not was:
        reason = status["pauseConditions"][0]["reason"]
        p.event(n.ROLLOUT_PAUSED, f"{n.ROLLOUT_PAUSED_MESSAGE} ({reason})")
    elif was and not now and not status.get("abortedAt"):
        p.event(n.ROLLOUT_RESUMED, n.ROLLOUT_RESUMED_MESSAGE)


def write(store: Store, ro: RolloutView, status: Mapping[str, Any]) -> bool:
    """Write a status; whether it differs from the stored one. Empty fields are left out."""
    live = store.get(ROLLOUT, ro.namespace, ro.name)
    before = live.get("status") or {}
    # a false that a client wrote stays: the real controller's patch does not see it
    kept = {k: v for k, v in before.items() if k not in _ORDER or v is False}
    fresh = {k: v for k, v in status.items() if not _is_empty(k, v)}
    new = {**kept, **fresh}
    if new == before:
        return False
    store.update(ROLLOUT, {**live, "status": new}, subresource="status")
    return True


def _is_empty(key: str, value: Any) -> bool:
    """Go's omitempty, with its exceptions: pointers to 0 and structs are written."""
    if value is None or value == "" or value is False:
        return True
    if key in _COUNTS:
        return bool(value == 0)
    return key not in ("canary", "blueGreen", "currentStepIndex") and value in ([], {})


def _watch_deadline(p: Pass, status: Mapping[str, Any]) -> None:
    """`requeueStuckRollout`: look again when the progress deadline will have passed."""
    progress = conds.get(p.ro.status, n.PROGRESSING)
    if progress is None or progress.get("reason") == n.TIMED_OUT:
        return
    paused = bool(p.ro.pause_conditions) or p.ro.paused
    if paused or p.ro.aborted or conds.is_indefinite_step(p.ro):
        return
    if conds.is_healthy(p.ro, status):
        return
    since = parse_instant(progress.get("lastUpdateTime"))
    if since is not None:
        left = (since - p.now).total_seconds() + p.ro.deadline
        p.look_again(left + 1 if left >= 0 else 1)


def patch_conditions(store: Store, ro: RolloutView, updates: list[dict[str, Any]]) -> bool:
    """`patchCondition`: put conditions outside of a whole pass; whether anything changed."""
    status = dict(ro.status)
    for update in updates:
        conds.put(status, update)
    status["observedGeneration"] = str(ro.generation)
    found, message = phase.calculate(ro, status)
    status["phase"], status["message"] = found.value, message
    return write(store, ro, status)
