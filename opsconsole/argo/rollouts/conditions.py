"""Conditions of a Rollout and the questions they answer (`utils/conditions/conditions.go`).

A status under construction is a plain dict that its one owner changes in place; conditions
in it are replaced, never changed.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.model.objects import dig, mappings, text
from opsconsole.model.times import format_instant, parse_instant

Status = dict[str, Any]
Condition = Mapping[str, Any]


def condition(kind: str, status: str, reason: str, message: str, now: datetime) -> dict[str, Any]:
    """A new condition, dated now; `status` is True, False or Unknown."""
    at = format_instant(now)
    return {
        "type": kind,
        "status": status,
        "lastUpdateTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def get(status: Mapping[str, Any], kind: str) -> Condition | None:
    return next((c for c in mappings(status, "conditions") if c.get("type") == kind), None)


def put(status: Status, new: dict[str, Any]) -> bool:
    """`SetRolloutCondition`: False, and nothing happens, for the same status and reason.

    lastTransitionTime stays when only the reason changes; the condition moves to the end.
    """
    old = get(status, new["type"])
    if old is not None and old.get("status") == new["status"]:
        if old.get("reason") == new["reason"]:
            return False
        new = {**new, "lastTransitionTime": old.get("lastTransitionTime")}
    remove(status, new["type"])
    status["conditions"] = [*status.get("conditions", []), new]
    return True


def remove(status: Status, kind: str) -> None:
    status["conditions"] = [c for c in mappings(status, "conditions") if c.get("type") != kind]


def count(status: Mapping[str, Any], field: str) -> int:
    return whole(status.get(field), 0) or 0


def index_of(status: Mapping[str, Any]) -> int | None:
    return whole(status.get("currentStepIndex"))


def is_progressing(ro: RolloutView, status: Mapping[str, Any]) -> bool:
    """`RolloutProgressing`: whether the new status shows progress over the Rollout's own."""
    old = ro.status
    if ro.blue_green is not None:
        for field in ("activeSelector", "previewSelector"):
            if text(old, "blueGreen", field) != text(status, "blueGreen", field):
                return True
    if ro.canary is not None:
        before, after = index_of(old), index_of(status)
        if (
            text(status, "stableRS") != ro.stable
            or (before is not None and after is not None and before != after)
            or text(status, "currentStepHash") != text(old, "currentStepHash")
        ):
            return True
    left_before = count(old, "replicas") - count(old, "updatedReplicas")
    left = count(status, "replicas") - count(status, "updatedReplicas")
    return (
        count(status, "updatedReplicas") != count(old, "updatedReplicas")
        or left < left_before
        or count(status, "readyReplicas") > count(old, "readyReplicas")
        or count(status, "availableReplicas") > count(old, "availableReplicas")
    )


def is_healthy(ro: RolloutView, status: Mapping[str, Any]) -> bool:
    """`RolloutHealthy`: everything updated, available, promoted, and the spec observed."""
    current = text(status, "currentPodHash")
    done = True
    if ro.blue_green is not None:
        done = text(status, "blueGreen", "activeSelector") == current and (
            not ro.service("previewService")
            or text(status, "blueGreen", "previewSelector") == current
        )
    if ro.canary is not None:
        index = index_of(status)
        done = (
            (not ro.steps or index is None or index == len(ro.steps))
            and is_completed(status)
            and count(status, "replicas") == ro.replicas
        )
    return (
        done
        and count(status, "updatedReplicas") == ro.replicas
        and count(status, "availableReplicas") == ro.replicas
        and text(ro.status, "observedGeneration") == str(ro.generation)
    )


def is_completed(status: Mapping[str, Any]) -> bool:
    """`RolloutCompleted`: the current version is the stable one."""
    stable = text(status, "stableRS")
    return bool(stable) and stable == text(status, "currentPodHash")


def has_timed_out(ro: RolloutView, status: Mapping[str, Any], now: datetime) -> bool:
    """`RolloutTimedOut`: no progress since progressDeadlineSeconds, or said so before."""
    progress = get(status, n.PROGRESSING)
    if progress is None or progress.get("reason") in (n.ROLLOUT_ABORTED, n.ROLLOUT_PAUSED):
        return False
    if progress.get("reason") == n.TIMED_OUT:
        return True
    since = parse_instant(progress.get("lastUpdateTime"))
    return since is not None and since + timedelta(seconds=ro.deadline) < now


def is_indefinite_step(ro: RolloutView) -> bool:
    """`isIndefiniteStep`: at a pause, analysis or experiment, or paused: the deadline rests."""
    step = ro.current_step
    if step is not None and any(
        step.get(k) is not None for k in ("experiment", "analysis", "pause")
    ):
        return True
    paused = get(ro.status, n.PAUSED)
    return paused is not None and paused.get("status") == "True"


def pause_updates(ro: RolloutView, now: datetime) -> list[dict[str, Any]]:
    """`checkPausedConditions`: the conditions to set because of a pause, a resume or a retry."""
    progress = get(ro.status, n.PROGRESSING)
    reason = None if progress is None else progress.get("reason")
    paused = bool(ro.pause_conditions) or ro.paused
    was_aborted = reason == n.ROLLOUT_ABORTED
    found: list[dict[str, Any]] = []
    # a pause of what is already rolled out leaves its progress as it was
    over = is_completed(ro.status) and reason != n.ROLLOUT_PAUSED
    if paused != (reason == n.ROLLOUT_PAUSED) and not was_aborted and not over:
        why, message = (
            (n.ROLLOUT_PAUSED, n.ROLLOUT_PAUSED_MESSAGE)
            if paused
            else (n.ROLLOUT_RESUMED, n.ROLLOUT_RESUMED_MESSAGE)
        )
        if paused or reason == n.ROLLOUT_PAUSED:
            found.append(condition(n.PROGRESSING, "Unknown", why, message, now))
    if not ro.aborted and was_aborted:
        found.append(
            condition(n.PROGRESSING, "Unknown", n.ROLLOUT_RETRY, n.ROLLOUT_RETRY_MESSAGE, now)
        )
    shown = dig(get(ro.status, n.PAUSED), "status") == "True"
    if paused != shown and not was_aborted:
        found.append(
            condition(
                n.PAUSED, "True" if paused else "False", n.ROLLOUT_PAUSED,
                n.ROLLOUT_PAUSED_MESSAGE, now,
            )
        )  # fmt: skip
    return found
