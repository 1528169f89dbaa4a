"""An Experiment of a rollout with its templates and analysis runs, as the console sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import AnalysisPhase


@dataclass(frozen=True, slots=True)
class ExperimentTemplate:
    """One version that runs beside the others. `status` is the API's (Progressing, Running…)."""

    name: str
    status: str
    message: str
    desired: int
    available: int


@dataclass(frozen=True, slots=True)
class Experiment:
    """`runs` are (name in the spec, AnalysisRun, phase, message) of its analyses."""

    key: ResourceKey
    phase: AnalysisPhase
    message: str
    templates: tuple[ExperimentTemplate, ...]
    runs: tuple[tuple[str, str, AnalysisPhase, str], ...]
    created_at: datetime | None
    available_at: datetime | None
    until: datetime | None
    """When its duration is over; None before it is available and without a duration."""

    problems: tuple[str, ...] = ()
