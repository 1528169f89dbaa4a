"""What a rollout waits for, in plain words, and until when.

Separate because this one line is what a newcomer reads first: it must be true in every
state, so the order of the rules matters (a human's pause explains more than pod counts).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.engine.decode.steps import kind_of, pause_end, summary
from opsconsole.model.objects import mapping, number, text
from opsconsole.model.rollouts import Revision
from opsconsole.model.status import RolloutPhase
from opsconsole.model.times import parse_instant

Waiting = tuple[str, datetime | None]


def waits_for(
    view: RolloutView, phase: RolloutPhase, message: str, revisions: Sequence[Revision] = ()
) -> Waiting:
    """("a promote", None), ("the pause to end", instant)…; ("", None) when it waits for nothing."""
    if message.startswith("InvalidSpec"):
        return "a valid spec", None
    if message.startswith("waiting for rollout spec update"):
        return "the controller to see the change", None
    if view.aborted and not view.fully_promoted:
        return "a retry or a new version; the stable version serves", None
    if view.paused:
        return "someone to resume it (spec.paused)", None
    if view.promote_full and not view.fully_promoted:
        return f"{_pods(view)} (full promotion)", None
    paused = _pause(view)
    if paused is not None:
        return paused
    if message.startswith("waiting for rollout to unpause"):
        return "the controller to go on", None
    if phase is RolloutPhase.HEALTHY:
        return "", None
    if "ProgressDeadlineExceeded" in message:
        return f"{_bad_pods(revisions) or _pods(view)}; the deadline has passed", None
    return _progress(view, message, revisions), None


def _pause(view: RolloutView) -> Waiting | None:
    conditions = view.pause_conditions
    reason = text(conditions, 0, "reason")
    if reason == "CanaryPauseStep":
        step = view.current_step
        until = pause_end(view, step) if step is not None else None
        return ("the pause to end", until) if until is not None else ("a promote", None)
    if reason == "BlueGreenPause":
        seconds = view.auto_promotion_seconds
        began = parse_instant(conditions[0].get("startTime"))
        if seconds > 0 and began is not None:
            return "the automatic promotion", began + timedelta(seconds=seconds)
        return "a promote", None
    if reason == "InconclusiveAnalysisRun":
        return "someone to judge an inconclusive analysis (promote or abort)", None
    if reason == "InconclusiveExperiment":
        return "someone to judge an inconclusive experiment (promote or abort)", None
    return (f"the end of the pause {reason}", None) if reason else None


def _progress(view: RolloutView, message: str, revisions: Sequence[Revision]) -> str:
    bad = _bad_pods(revisions)
    if bad:
        return bad
    step = view.current_step
    kind = kind_of(step) if step is not None else ""
    if step is not None and kind in ("analysis", "experiment"):
        return f"the {summary(step)} to finish"
    for field, name in (
        ("prePromotionAnalysisRunStatus", "the analysis before the switch"),
        ("postPromotionAnalysisRunStatus", "the analysis after the switch"),
    ):
        if text(mapping(view.status, "blueGreen"), field, "status") in ("Running", "Pending"):
            return name
    if message == "rollout is restarting":
        return "the restart of its pods"
    if message == "old replicas are pending termination":
        return "old pods to end"
    if message == "active service cutover pending":
        return "the switch of the active service" if _all_there(view) else _pods(view)
    if message == "waiting for analysis to complete":
        return "the analysis after the switch"
    return _pods(view, revisions)


def _all_there(view: RolloutView) -> bool:
    return number(view.status, "availableReplicas") >= view.replicas


def _pods(view: RolloutView, revisions: Sequence[Revision] = ()) -> str:
    new = next((r for r in revisions if r.pod_hash == view.current), None)
    if new is not None and new.available < new.desired:
        return f"{new.available} of {new.desired} new pods available"
    available = number(view.status, "availableReplicas")
    return f"{min(available, view.replicas)} of {view.replicas} pods available"


def _bad_pods(revisions: Sequence[Revision]) -> str:
    for revision in revisions:
        bad = [pod for pod in revision.pods if not pod.healthy]
        if bad:
            return f"pods of revision {revision.number}: {len(bad)} × {bad[0].status}"
    return ""
