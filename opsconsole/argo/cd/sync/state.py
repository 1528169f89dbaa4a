"""What a sync operation has reached so far: the part of `operationState` that lasts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from opsconsole.argo.cd.identity import Key, images_of, key_of, version_of
from opsconsole.argo.cd.sync.tasks import Task
from opsconsole.model.objects import text

SYNCED, SYNC_FAILED, PRUNED, PRUNE_SKIPPED = "Synced", "SyncFailed", "Pruned", "PruneSkipped"

RUNNING, SUCCEEDED, FAILED, ERROR = "Running", "Succeeded", "Failed", "Error"
TERMINATING = "Terminating"

PHASE_OF = {SYNCED: RUNNING, SYNC_FAILED: FAILED, PRUNED: SUCCEEDED, PRUNE_SKIPPED: SUCCEEDED}
"""Result code → phase of the task (`sync_context.go`, operationPhases)."""


class Outcome(NamedTuple):
    """A task's result: code, phase and message."""

    status: str
    phase: str
    message: str


Result = dict[str, Any]


@dataclass(slots=True)
class SyncState:
    """`results` are `syncResult.resources`, in the order in which they came.

    `wave_delay` is set by a pass after which the next one has to wait (a wave has run that
    is not the last one).
    """

    phase: str = RUNNING
    message: str = ""
    results: dict[tuple[Key, str], Result] = field(default_factory=dict)
    wave_delay: bool = False

    @classmethod
    def of(cls, phase: str, message: str, results: Iterable[Mapping[str, Any]]) -> SyncState:
        found: dict[tuple[Key, str], Result] = {}
        for result in results:
            key = Key(*(text(result, name) for name in Key._fields))
            found[key, text(result, "syncPhase")] = dict(result)
        return cls(phase, message, found)

    @property
    def started(self) -> bool:
        return bool(self.results)

    def listed(self) -> list[Result]:
        return list(self.results.values())

    def enrich(self, task: Task) -> None:
        """Tell a task what became of it in earlier passes."""
        found = self.results.get(task.result_key)
        if found is not None:
            task.status = text(found, "status")
            task.state = text(found, "hookPhase")
            task.message = text(found, "message")

    def put(self, task: Task, outcome: Outcome) -> None:
        """Note a result; an empty message keeps the one before."""
        task.status, task.state = outcome.status, outcome.phase
        task.message = outcome.message or task.message
        found = self.results.get(task.result_key)
        if found is None:
            key = key_of(task.obj)
            found = {
                name: value for name, value in key._asdict().items() if value or name != "group"
            }
            found |= {"group": key.group, "version": version_of(task.obj), "syncPhase": task.phase}
            if task.is_hook:
                found["hookType"] = task.phase
            if images_of(task.obj):
                found["images"] = images_of(task.obj)
        new = {**found, "message": task.message}
        new |= {k: v for k, v in (("status", task.status), ("hookPhase", task.state)) if v}
        self.results[task.result_key] = new
