"""Analysis runs with their measurements against thresholds, as the console sees them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import AnalysisPhase


@dataclass(frozen=True, slots=True)
class Threshold:
    """A number that a condition compares the result with: `result[0] < 0.05` → ("<", 0.05).

    `success` tells whether it stands in the successCondition or in the failureCondition.
    """

    operator: str
    value: float
    success: bool = True


@dataclass(frozen=True, slots=True)
class Measurement:
    """`value` is the API's string; `number` the float in it that a plot shows, if there is one."""

    phase: AnalysisPhase
    value: str
    number: float | None
    message: str
    started_at: datetime | None
    finished_at: datetime | None


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric of a run: its definition joined with its result."""

    name: str
    phase: AnalysisPhase
    provider: str
    """`prometheus`, `web`, `job`…"""

    success_condition: str
    failure_condition: str
    thresholds: tuple[Threshold, ...]
    measurements: tuple[Measurement, ...]
    count: int
    """Measurements that counted (successful + failed + inconclusive)."""

    wanted: int | None
    """`count` of the spec; None when it runs on."""

    successful: int
    failed: int
    inconclusive: int
    error: int
    consecutive_error: int
    failure_limit: int
    inconclusive_limit: int
    consecutive_error_limit: int
    failures_left: int | None
    """Failures it may still have before it fails; None when failureLimit is off (-1)."""

    next_at: datetime | None
    """When the next measurement is due; None when there is none to come."""

    message: str = ""
    query: str = ""
    """With the run's arguments in it; `{{` is left where one is a Secret's."""

    address: str = ""
    """Of a Prometheus provider."""

    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Trace:
    """What the provider of a metric says of the last minutes: (instant, value), oldest first."""

    run: ResourceKey
    metric: str
    points: tuple[tuple[datetime, float], ...]
    told: str = ""
    """Why there are no points."""


@dataclass(frozen=True, slots=True)
class AnalysisRun:
    key: ResourceKey
    kind: str
    """`Step`, `Background`, `PrePromotion`, `PostPromotion`, `Experiment` or "" for a run of its own."""

    phase: AnalysisPhase
    message: str
    metrics: tuple[Metric, ...]
    started_at: datetime | None
    completed_at: datetime | None
    created_at: datetime | None
    revision: int = 0
    step_index: int | None = None
    problems: tuple[str, ...] = ()
