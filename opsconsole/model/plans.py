"""What the operator asks for, and what would be sent: data, made by the engine's planner.

The dialog shows the very `Plan` that is executed; nothing is derived again in between.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from opsconsole.model.kinds import ResourceKey
from opsconsole.model.requests import Request


class Risk(StrEnum):
    """How an action is confirmed: LOW and MEDIUM by `y`, HIGH by typing the object's name."""

    NONE = "none"
    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


@dataclass(frozen=True, slots=True)
class Intent:
    """`action` is the id of an ActionSpec; `target` an Application or a Rollout.

    `options` are the action's own, by name: `revision`, `prune`, `dryRun` (sync),
    `commit` (revert), `toRevision` (undo), `images` (set image: container → image).
    """

    action: str
    target: ResourceKey
    options: tuple[tuple[str, Any], ...] = ()

    def option(self, name: str, default: Any = None) -> Any:
        return dict(self.options).get(name, default)


@dataclass(frozen=True, slots=True)
class GitStep:
    """One git command of a plan, exactly as it is run (without the program's own options)."""

    repo_url: str
    argv: tuple[str, ...]

    def __str__(self) -> str:
        return " ".join(("git", *self.argv))


PlanStep = Request | GitStep


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will be done, in order, and what it means.

    `effects` say what changes ("traffic to the canary: 20% → 50%"), `warnings` what a reader
    would not expect ("Argo CD will put this back: selfHeal is on"). `expects` names the state
    that ends the operation well, for the follower. `resource_version` is the target's when the
    plan was made: the engine refuses to run it when the object has moved in a way that changes
    the plan.
    """

    id: str
    intent: Intent
    title: str
    steps: tuple[PlanStep, ...]
    effects: tuple[str, ...]
    warnings: tuple[str, ...]
    risk: Risk
    made_at: datetime
    resource_version: str = ""
    expects: str = ""
    timeout: float = 600.0
    """Seconds that the follower waits for the outcome."""

    context: tuple[tuple[str, str], ...] = ()
    """(name, value) rows for the head of the dialog: cluster, application, from → to."""

    payload: Any = field(default=None, compare=False)
    """What the executor needs and the dialog does not show (a git object id, a token)."""


class OperationStatus(StrEnum):
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    """It was sent and the outcome was not seen."""


@dataclass(frozen=True, slots=True)
class OperationRecord:
    """One executed plan, followed to its end. `lines` are (instant, text), oldest first.

    `sent` tells that everything is written; what is left is to watch what comes of it.
    """

    id: str
    plan: Plan
    status: OperationStatus
    started_at: datetime
    finished_at: datetime | None = None
    lines: tuple[tuple[datetime, str], ...] = ()
    error: str = ""
    hint: str = ""
    sent: bool = False
