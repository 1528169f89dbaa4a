"""The steps of a canary with where each stands.

Separate because `currentStepIndex` alone does not say it: a full promotion skips what is
left, an index of None means that the update has no steps to do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.rollouts.spec import RolloutView, pause_seconds
from opsconsole.model.analysis import AnalysisRun
from opsconsole.model.objects import dig, mapping, mappings, text
from opsconsole.model.rollouts import Step
from opsconsole.model.times import parse_instant


def step_states(view: RolloutView, runs: Sequence[AnalysisRun] = ()) -> tuple[Step, ...]:
    at = view.step_index
    by_step = {run.step_index: run.key.name for run in runs if _belongs(run, view)}
    return tuple(
        Step(
            index=index,
            kind=kind_of(step),
            summary=summary(step),
            state=_state(view, index, at),
            until=pause_end(view, step) if index == at else None,
            run=(_current_run(view) if index == at else "") or by_step.get(index, ""),
        )
        for index, step in enumerate(view.steps)
    )


def kind_of(step: Mapping[str, Any]) -> str:
    return next((key for key, value in step.items() if value is not None), "")


def summary(step: Mapping[str, Any]) -> str:
    """One line: "setWeight 20", "pause 10m", "analysis latency-check"."""
    kind = kind_of(step)
    value = step.get(kind)
    if kind == "pause":
        duration = text(value, "duration")
        return f"pause {duration}{'s' if duration.isdecimal() else ''}" if duration else "pause"
    if kind == "analysis":
        names = [text(t, "templateName") for t in mappings(value, "templates")]
        return f"analysis {', '.join(names)}".rstrip()
    if kind == "experiment":
        names = [text(t, "name") for t in mappings(value, "templates")]
        return f"experiment {', '.join(names)}".rstrip()
    if kind == "setCanaryScale":
        return f"setCanaryScale {_scale(mapping(value))}".rstrip()
    if kind in ("setHeaderRoute", "setMirrorRoute", "plugin"):
        return f"{kind} {text(value, 'name')}".rstrip()
    shown = text({"value": value}, "value")
    return f"{kind} {shown}".rstrip() if kind else "an empty step"


def _scale(value: Mapping[str, Any]) -> str:
    if value.get("matchTrafficWeight") is True:
        return "as the traffic"
    if value.get("weight") is not None:
        return f"{text(value, 'weight')}%"
    return f"{text(value, 'replicas')} pods" if value.get("replicas") is not None else ""


def pause_end(view: RolloutView, step: Mapping[str, Any]) -> datetime | None:
    """When a timed pause ends: from the start of the pause condition, as the controller counts."""
    seconds = pause_seconds(dig(step, "pause", "duration"))
    condition = view.pause_condition("CanaryPauseStep")
    began = parse_instant(dig(condition, "startTime"))
    if seconds <= 0 or began is None:
        return None
    return began + timedelta(seconds=seconds)


def _state(view: RolloutView, index: int, at: int | None) -> str:
    if at is None:
        return "done" if view.fully_promoted else "waiting"
    if index < at:
        return "done"
    if view.aborted and not view.fully_promoted:
        return "waiting"
    if view.promote_full and not view.fully_promoted:
        return "skipped"
    return "current" if index == at else "waiting"


def _current_run(view: RolloutView) -> str:
    canary = mapping(view.status, "canary")
    return text(canary, "currentStepAnalysisRunStatus", "name") or text(canary, "currentExperiment")


def _belongs(run: AnalysisRun, view: RolloutView) -> bool:
    return run.kind == "Step" and run.step_index is not None and run.revision == view.revision
