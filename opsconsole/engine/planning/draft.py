"""What a planner gets and what it gives back.

Separate so that planners are pure functions: the same facts give the same plan, which is how
the engine finds out, just before writing, whether the object moved in a way that matters.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsconsole.model.applications import Application
from opsconsole.model.plans import Intent, PlanStep
from opsconsole.model.rollouts import Rollout

Raw = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Facts:
    """`target` is the object as just read. `token` marks the operation; `at` dates it.

    `replica_sets` are those of a Rollout; `app` is the Application itself or the one that
    manages the Rollout, `rollout` the decoded target, `project` the raw AppProject.
    """

    intent: Intent
    token: str
    at: datetime
    user: str
    target: Raw
    app: Application | None = None
    rollout: Rollout | None = None
    project: Raw | None = None
    replica_sets: Sequence[Raw] = ()
    workload: Raw | None = None
    """The Deployment of a `workloadRef`."""


@dataclass(frozen=True, slots=True)
class Draft:
    """A plan without its identity. Fields as in `model.plans.Plan`."""

    title: str
    steps: tuple[PlanStep, ...]
    effects: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    expects: str = ""
    timeout: float = 600.0
    context: tuple[tuple[str, str], ...] = ()
    resource_version: str = ""
    payload: Any = field(default=None, compare=False)
