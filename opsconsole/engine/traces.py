"""Asks the metric provider of running analyses for the recent values behind their measurements.

Separate because it is a courtesy: a run measures every minute or so, its provider knows every
second between. The verdict stays the controller's; a provider that cannot be reached from here
is told once and costs nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from opsconsole.errors import MetricsError
from opsconsole.metrics.client import MetricsClient
from opsconsole.model.analysis import Metric, Trace
from opsconsole.model.kinds import ResourceKey
from opsconsole.model.rollouts import Rollout
from opsconsole.model.status import AnalysisPhase

WINDOW = timedelta(minutes=10)
"""How far back is asked for."""

STEP = 10.0
"""Seconds between two points."""

MOST = 4
"""Metrics that are asked for at a time."""

Wanted = tuple[ResourceKey, Metric]

Ask = Callable[[], MetricsClient]


def running(rollouts: Iterable[Rollout]) -> tuple[Wanted, ...]:
    """Metrics of Prometheus that are being measured now, whose query is known in full."""
    found = [
        (run.key, metric)
        for rollout in rollouts
        for run in rollout.runs
        if run.phase is AnalysisPhase.RUNNING
        for metric in run.metrics
        if metric.provider == "prometheus"
        and metric.address
        and not metric.phase.completed
        and "{{" not in metric.query
    ]
    return tuple(found[:MOST])


class Traces:
    """Owned by the engine's loop. `reach` turns a provider's address into one that we reach."""

    def __init__(self, reach: Callable[[str], str], connect: Ask = MetricsClient) -> None:
        self.known: tuple[Trace, ...] = ()
        self._reach = reach
        self._connect = connect
        self._client: MetricsClient | None = None

    async def look(self, wanted: Iterable[Wanted], now: datetime) -> bool:
        """Ask for these and forget all others; whether anything is new."""
        found = tuple([await self._trace(run, metric, now) for run, metric in wanted])
        changed = found != self.known
        self.known = found
        return changed

    async def _trace(self, run: ResourceKey, metric: Metric, now: datetime) -> Trace:
        if self._client is None:
            self._client = self._connect()
        try:
            series = await self._client.series(
                self._reach(metric.address), metric.query, now - WINDOW, now, step=STEP
            )
        except MetricsError as fault:
            return Trace(run, metric.name, (), fault.message)
        # a condition looks at result[0]
        points = series[0].points if series else ()
        return Trace(run, metric.name, points, "" if points else "the query has no data now")

    def close(self) -> None:
        if self._client is not None:
            self._client.close()
