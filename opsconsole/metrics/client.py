"""Asks a Prometheus-compatible endpoint, off the loop, with a time limit.

Separate because prometheus-api-client is synchronous, knows neither limits nor our errors,
and costs 0.5 s to import: it is loaded at the first question. What to ask stands in the
AnalysisRun; this module knows only how.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from opsconsole.errors import MetricsError, bounded
from opsconsole.model.objects import items, mapping, mappings

LIMIT = 10.0
"""Seconds for one question."""

POINTS = 500
"""Points of a series at most; a longer range gets a wider step."""

THREADS = 4


@dataclass(frozen=True, slots=True)
class Sample:
    """One series of an instant query."""

    labels: tuple[tuple[str, str], ...]
    value: float


@dataclass(frozen=True, slots=True)
class Series:
    """One series of a range query: (instant, value), oldest first; gaps are left out."""

    labels: tuple[tuple[str, str], ...]
    points: tuple[tuple[datetime, float], ...]


Connect = Callable[[str, float], Any]
"""(address, seconds) → something with `custom_query` and `custom_query_range`."""


class MetricsClient:
    """Any loop may use it; `close()` ends its threads. Every question raises MetricsError."""

    def __init__(
        self,
        connect: Connect | None = None,
        *,
        limit: float = LIMIT,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        self._connect = connect or _connect
        self._limit = limit
        self._headers = dict(headers or {})
        self._threads = ThreadPoolExecutor(THREADS, thread_name_prefix="metrics")

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    async def query(self, address: str, query: str, at: datetime | None = None) -> list[Sample]:
        """The value of each series now, or at an instant; a scalar has no labels."""
        params = {"time": at.timestamp()} if at is not None else {}
        found = await self._ask(address, lambda c: c.custom_query(query, params=params))
        if isinstance(found, list) and len(found) == 2 and not isinstance(found[0], Mapping):
            found = [{"metric": {}, "value": found}]
        return [
            Sample(_labels(entry), value)
            for entry in mappings({"r": found}, "r")
            if (value := _number(items(entry, "value")[1:2])) is not None
        ]

    async def series(
        self, address: str, query: str, start: datetime, end: datetime, *, step: float
    ) -> list[Series]:
        """Each series over a range; `step` in seconds, widened to give at most POINTS points."""
        if end <= start:
            raise MetricsError("a range must end after it starts")
        width = max(step, (end - start).total_seconds() / POINTS, 1.0)
        found = await self._ask(
            address, lambda c: c.custom_query_range(query, start, end, f"{width:g}")
        )
        return [Series(_labels(e), _points(e)) for e in mappings({"r": found}, "r")]

    async def _ask(self, address: str, question: Callable[[Any], Any]) -> Any:
        parts = urlsplit(address)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise MetricsError(f"{bounded(address, 80)!r} is not the address of a metric endpoint")

        def work() -> Any:
            return question(self._connect(address.rstrip("/"), self._limit))

        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(self._limit + 1.0):
                return await loop.run_in_executor(self._threads, work)
        except TimeoutError as fault:
            raise MetricsError(f"{parts.netloc} did not answer in {self._limit:.0f} s") from fault
        except Exception as fault:
            raise MetricsError(f"{parts.netloc}: {bounded(fault)}") from fault


def _connect(address: str, limit: float) -> Any:
    from prometheus_api_client import PrometheusConnect

    return PrometheusConnect(url=address, timeout=math.ceil(limit))


def _labels(entry: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((str(k), str(v)) for k, v in mapping(entry, "metric").items()))


def _number(values: list[Any]) -> float | None:
    try:
        return float(values[0]) if values else None
    except (TypeError, ValueError):
        return None


def _points(entry: Mapping[str, Any]) -> tuple[tuple[datetime, float], ...]:
    found: list[tuple[datetime, float]] = []
    for pair in items(entry, "values"):
        if not isinstance(pair, list) or len(pair) != 2:
            continue
        value, at = _number(pair[1:]), _number(pair[:1])
        if value is not None and at is not None and math.isfinite(value) and 0 <= at < 1e11:
            found.append((datetime.fromtimestamp(at, UTC), value))
    return tuple(found)
