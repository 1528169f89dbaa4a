"""When is an operation over, and how did it end? Judged from the object as it is now.

Separate and pure: a follower never writes; it is asked again on every change of the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.rollouts.phase import observed
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.engine.decode.steps import summary
from opsconsole.model.objects import annotations_of, dig, mapping, mappings, text
from opsconsole.model.plans import Plan
from opsconsole.model.status import OperationPhase, RolloutPhase

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Verdict:
    """`line` is told as progress when it changes; `ok` counts only when `done`."""

    line: str
    done: bool = False
    ok: bool = True


Judge = Callable[[Plan, Raw, Raw], Verdict]
"""(plan, the target when the write was answered, the target now)."""


def operation(plan: Plan, _: Raw, now: Raw) -> Verdict:
    """Our sync, recognised by its token in `operationState.operation.info`."""
    state = mapping(now, "status", "operationState")
    if not _is_ours(state, plan):
        if _is_ours({"operation": mapping(now, "operation")}, plan):
            return Verdict("requested, not picked up yet")
        if state and dig(now, "operation") is None:
            return Verdict("another operation took its place", done=True, ok=False)
        return Verdict("waiting for Argo CD")
    phase = OperationPhase.of(text(state, "phase"))
    message = text(state, "message")
    if phase.completed:
        ended = f"{phase.value}: {message}".rstrip(": ")
        return Verdict(ended, done=True, ok=phase is OperationPhase.SUCCEEDED)
    if state.get("finishedAt") is not None:
        return Verdict(f"waiting for its retry: {message}")
    return Verdict(f"{phase.value}: {message}".rstrip(": "))


def _is_ours(state: Raw, plan: Plan) -> bool:
    infos = mappings(state, "operation", "info")
    return any(text(info, "value") == plan.id for info in infos)


def refreshed(_: Plan, then: Raw, now: Raw) -> Verdict:
    """The controller removes the annotation, or moves `reconciledAt`."""
    if "argocd.argoproj.io/refresh" not in annotations_of(now):
        return Verdict(f"compared with git: {text(now, 'status', 'sync', 'status')}", done=True)
    if text(now, "status", "reconciledAt") != text(then, "status", "reconciledAt"):
        return Verdict("compared with git", done=True)
    return Verdict("waiting for Argo CD to compare")


def terminated(_: Plan, __: Raw, now: Raw) -> Verdict:
    phase = OperationPhase.of(text(now, "status", "operationState", "phase"))
    message = text(now, "status", "operationState", "message")
    if dig(now, "operation") is None and phase is not OperationPhase.TERMINATING:
        return Verdict(f"the operation ended: {message}".rstrip(": "), done=True)
    return Verdict(message or "the operation is being terminated")


def promoted(_: Plan, then: Raw, now: Raw) -> Verdict:
    """The pause is over, or the step moved, and the controller has seen it."""
    view, before = RolloutView(now), RolloutView(then)
    phase, message = observed(now)
    if phase is RolloutPhase.DEGRADED:
        return Verdict(f"Degraded: {message}", done=True, ok=False)
    if message.startswith(("waiting for rollout spec", "waiting for rollout to unpause")):
        return Verdict(message)
    moved = view.step_index != before.step_index or view.fully_promoted
    if view.fully_promoted and phase is RolloutPhase.HEALTHY:
        return Verdict("promoted: the new version is stable", done=True)
    if moved or not view.pause_conditions:
        step = view.current_step
        at = f"now at step {(view.step_index or 0) + 1}: {summary(step)}" if step else "going on"
        return Verdict(at, done=True)
    return Verdict("waiting for the controller to go on")


def fully_promoted(_: Plan, __: Raw, now: Raw) -> Verdict:
    view = RolloutView(now)
    phase, message = observed(now)
    if phase is RolloutPhase.DEGRADED:
        return Verdict(f"Degraded: {message}", done=True, ok=False)
    if view.fully_promoted and phase is RolloutPhase.HEALTHY and not view.promote_full:
        return Verdict("the new version is stable and healthy", done=True)
    return Verdict(message or phase.value)


def aborted(_: Plan, __: Raw, now: Raw) -> Verdict:
    _phase, message = observed(now)
    if message.startswith("RolloutAborted"):
        return Verdict("aborted: the stable version serves", done=True)
    if not RolloutView(now).aborted and RolloutView(now).fully_promoted:
        return Verdict("there was nothing left to abort", done=True, ok=False)
    return Verdict("waiting for the controller to go back to stable")


def settled(_: Plan, __: Raw, now: Raw) -> Verdict:
    """Undo, retry, set image: until it is healthy, waits for a human, or is degraded."""
    phase, message = observed(now)
    if message.startswith(("waiting for rollout spec", "waiting for rollout to unpause")):
        return Verdict(message)
    view = RolloutView(now)
    if view.aborted and message.startswith("RolloutAborted: Rollout aborted"):
        return Verdict(f"aborted: {message}", done=True, ok=False)
    if not view.aborted and message.startswith("RolloutAborted"):
        # the status still tells of the abort that our write has just taken back
        return Verdict("waiting for the controller to see the change")
    if phase is RolloutPhase.DEGRADED:
        return Verdict(f"Degraded: {message}", done=True, ok=False)
    if phase is RolloutPhase.HEALTHY:
        return Verdict("healthy", done=True)
    if phase is RolloutPhase.PAUSED:
        return Verdict(f"paused ({message}): it goes on by itself or with a promote", done=True)
    return Verdict(message or phase.value)


def paused(_: Plan, __: Raw, now: Raw) -> Verdict:
    phase, message = observed(now)
    if RolloutView(now).paused and phase is RolloutPhase.PAUSED:
        return Verdict("paused", done=True)
    return Verdict(message or phase.value)


def restarted(plan: Plan, _: Raw, now: Raw) -> Verdict:
    wanted = text(now, "spec", "restartAt")
    del plan
    if wanted and text(now, "status", "restartedAt") == wanted:
        phase, message = observed(now)
        if phase is RolloutPhase.HEALTHY:
            return Verdict("all pods are new", done=True)
        return Verdict(message or phase.value)
    return Verdict("replacing pods")


JUDGES: Mapping[str, Judge] = {
    "operation": operation,
    "refresh": refreshed,
    "terminated": terminated,
    "promoted": promoted,
    "fully-promoted": fully_promoted,
    "aborted": aborted,
    "settled": settled,
    "paused": paused,
    "restarted": restarted,
}
"""By `Plan.expects`."""
