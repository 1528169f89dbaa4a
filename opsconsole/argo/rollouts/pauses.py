"""Pauses and aborts that one pass decides on (`rollout/pause.go`).

A pass collects its decisions here and they become status at its end, so that an abort
decided late in a pass clears a pause decided early in it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.spec import RolloutView, Step, pause_seconds
from opsconsole.model.objects import dig, text
from opsconsole.model.times import format_instant, parse_instant


@dataclass(slots=True)
class Pauses:
    """The decisions of one pass over one Rollout."""

    ro: RolloutView
    added: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    cleared: bool = False
    abort: bool = False
    unabort: bool = False
    abort_message: str = ""

    @property
    def aborted(self) -> bool:
        """`IsAborted`: the Rollout is, or this pass decided it."""
        return not self.unabort and (self.abort or self.ro.aborted)

    def add_abort(self, message: str) -> None:
        self.abort = True
        self.abort_message = message

    def into(self, status: dict[str, Any], now: datetime) -> None:
        """`CalculatePauseStatus`: write abort, pauseConditions and controllerPause."""
        for key in ("abort", "abortedAt", "pauseConditions", "controllerPause"):
            status.pop(key, None)
        if self.abort or (not self.unabort and self.ro.aborted):
            status["abort"] = True
            status["abortedAt"] = text(self.ro.status, "abortedAt") or format_instant(now)
            return
        if self.cleared:
            return
        held = self.ro.pause_conditions
        kept: list[dict[str, Any]] = [dict(c) for c in held if c.get("reason") not in self.removed]
        before = {c.get("reason") for c in held}
        controller_pause = self.ro.controller_pause
        for reason in self.added:
            if reason not in before:
                kept.append({"reason": reason, "startTime": format_instant(now)})
                before.add(reason)
                controller_pause = True
        if kept:
            status["pauseConditions"] = kept
            if controller_pause:
                status["controllerPause"] = True


def halt_reason(ro: RolloutView) -> str:
    """`haltProgress`: why ReplicaSets and blue-green services must stay as they are, or empty."""
    if ro.paused:
        return "user paused"
    if ro.pause_condition(n.INCONCLUSIVE_ANALYSIS) is not None:
        return "inconclusive analysis"
    return ""


def pause_ends(ro: RolloutView, reason: str, seconds: int) -> datetime | None:
    """When a timed pause is over; None when there is no such pause now."""
    held = ro.pause_condition(reason)
    since = None if held is None else parse_instant(held.get("startTime"))
    return None if since is None else since + timedelta(seconds=seconds)


def canary_pause_done(ro: RolloutView, step: Step, now: datetime) -> bool:
    """`CompletedCanaryPauseStep`: a human resumed it, or its duration has passed."""
    if ro.controller_pause and ro.pause_condition(n.CANARY_PAUSE_STEP) is None:
        return True
    duration = dig(step, "pause", "duration")
    if duration is None:
        return False
    end = pause_ends(ro, n.CANARY_PAUSE_STEP, pause_seconds(duration))
    return end is not None and now > end


def needs_blue_green_pause(ro: RolloutView) -> bool:
    """`needsBlueGreenControllerPause`: promotion is manual, or waits some seconds."""
    return not ro.auto_promotion_enabled or ro.auto_promotion_seconds > 0


def blue_green_pause_done(ro: RolloutView, pauses: Pauses, now: datetime) -> bool:
    """`CompletedBlueGreenPause`: resumed by a human, or autoPromotionSeconds have passed."""
    if pauses.added:
        return False
    if ro.scale_up_checkpoint or not needs_blue_green_pause(ro):
        return True
    held = ro.pause_condition(n.BLUE_GREEN_PAUSE)
    if not ro.auto_promotion_enabled:
        return ro.controller_pause and held is None
    end = pause_ends(ro, n.BLUE_GREEN_PAUSE, ro.auto_promotion_seconds)
    return end is not None and now > end
