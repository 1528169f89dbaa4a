"""What happened in a rehearsal, as rows of a timeline: for people and for programs."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from opsconsole.argo.rollouts.phase import observed
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.kinds import EVENT, ROLLOUT
from opsconsole.model.objects import dig, text
from opsconsole.sandbox.rehearse.player import Result

TOLD = ("Rollout", "AnalysisRun", "Experiment")
"""Kinds whose events are told; of others only warnings."""


@dataclass(frozen=True, slots=True)
class Row:
    """`at` in virtual seconds; `what` is step, rollout or event, `words` one line."""

    at: float
    what: str
    words: str


def rows(result: Result) -> list[Row]:
    """Commands and their texts, every turn of the Rollout, and the events, in order of time."""
    found = [*_steps(result), *_turns(result), *_events(result)]
    return sorted(found, key=lambda row: row.at)


def as_text(result: Result) -> str:
    """One line a row, times as minutes and seconds, and how it ended."""
    lines = [f"{_clock(row.at)}  {row.what:<8}{printable(row.words)}" for row in rows(result)]
    lines += [f"           fault   {printable(fault)}" for fault in result.faults]
    lines.append(f"{_clock(result.seconds)}  ended   {printable(_ending(result))}")
    return "\n".join(lines) + "\n"


def as_json(result: Result) -> str:
    """{scenario, healthy, phase, message, seconds, completed, faults, timeline: [rows]}.

    Texts of controllers and commands are foreign: whoever draws them makes them safe.
    """
    shown: dict[str, Any] = {
        "scenario": result.scenario.name,
        "healthy": result.healthy,
        "phase": result.phase,
        "message": result.message,
        "seconds": round(result.seconds, 1),
        "completed": result.completed,
        "faults": list(result.faults),
        "timeline": [asdict(row) for row in rows(result)],
    }
    return json.dumps(shown, indent=2, ensure_ascii=False) + "\n"


def printable(words: str) -> str:
    """Without control characters, which a terminal would obey."""
    return "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in words)


def _ending(result: Result) -> str:
    phase = result.phase or "no rollout"
    words = f"{phase} - {result.message}" if result.message else phase
    return words if result.completed else f"{words} (the scenario was not played to its end)"


def _clock(seconds: float) -> str:
    minutes, rest = divmod(round(seconds, 1), 60)
    return f"{int(minutes):4d}:{rest:04.1f}"


def _steps(result: Result) -> Iterator[Row]:
    for entry in result.log:
        argument = entry.argument
        words = argument if isinstance(argument, str) else json.dumps(argument, default=str)
        yield Row(entry.at, "step", f"{entry.step} {words}")
        for line in entry.out.splitlines():
            yield Row(entry.at, "", f"  {line.rstrip()}")


def _turns(result: Result) -> Iterator[Row]:
    shown = ""
    for at, change in result.changes:
        if change.kind != ROLLOUT or text(change.object, "metadata", "name") != (
            result.scenario.rollout
        ):
            continue
        words = "deleted" if change.type == "DELETED" else _state(change.object)
        if words != shown:
            shown = words
            yield Row(at, "rollout", words)


def _state(obj: dict[str, Any]) -> str:
    ro = RolloutView(obj)
    phase, message = observed(obj)
    words = f"{phase.value} - {message}" if message else phase.value
    if ro.steps:
        index = dig(obj, "status", "currentStepIndex") or 0
        words += f", step {index}/{len(ro.steps)}"
    weight = dig(obj, "status", "canary", "weights", "canary", "weight")
    return words if weight is None else f"{words}, weight {weight}"


def _events(result: Result) -> Iterator[Row]:
    for at, change in result.changes:
        if change.kind == EVENT and change.type != "DELETED":
            event = change.object
            kind = text(event, "involvedObject", "kind")
            # pods that start and stop as they should would hide the rollout
            if kind not in TOLD and text(event, "type") != "Warning":
                continue
            on = f"{dig(event, 'involvedObject', 'kind')}/{dig(event, 'involvedObject', 'name')}"
            words = f"{on} {text(event, 'reason')}: {text(event, 'message')}"
            yield Row(at, "event", words)
