"""When the next measurement of a run is due, and when a finished run is deleted.

Rules: `analysis/analysis.go` (`generateMetricTasks`, `calculateNextReconcileTime`, TTL).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.analysis.assessment import (
    find_result,
    is_terminating,
    last_measurement,
)
from opsconsole.argo.analysis.limits import Metric, effective_count, interval
from opsconsole.argo.analysis.phases import ERROR, FAILED, SUCCESSFUL, is_completed
from opsconsole.errors import RuleError
from opsconsole.model.objects import mapping, mappings, number, text
from opsconsole.model.times import parse_instant

ERROR_RETRY_INTERVAL = 10.0
"""Seconds to the next try after a measurement that erred."""


@dataclass(frozen=True, slots=True)
class Task:
    """A measurement to take now: `index` of the metric in the spec; `unfinished` to go on with."""

    index: int
    unfinished: Mapping[str, Any] | None = None


def due_tasks(run: Mapping[str, Any], metrics: Sequence[Metric], now: datetime) -> list[Task]:
    """Measurements that are due; `metrics` are the resolved ones, in the order of the spec."""
    results = mappings(run, "status", "metricResults")
    terminating = is_terminating(run)
    tasks: list[Task] = []
    for index, metric in enumerate(metrics):
        result = find_result(results, text(metric, "name"))
        if result is not None and is_completed(text(result, "phase")):
            continue
        last = last_measurement(result)
        if last is not None and not text(last, "finishedAt"):
            resume = parse_instant(last.get("resumeAt"))
            if terminating or resume is None or resume <= now:
                tasks.append(Task(index, last))
        elif not terminating and _is_due(run, metric, result, now):
            tasks.append(Task(index))
    return tasks


def _is_due(
    run: Mapping[str, Any], metric: Metric, result: Mapping[str, Any] | None, now: datetime
) -> bool:
    last = last_measurement(result)
    try:
        if last is None:
            delay = interval(metric, "initialDelay")
            started = parse_instant(mapping(run, "status").get("startedAt"))
            if delay is None:
                return True
            return started is not None and started + timedelta(seconds=delay) <= now
        count = effective_count(metric)
        if count is not None and number(result, "count") >= count:
            return False
        wait = _wait(metric, last)
    except (RuleError, OverflowError):
        return False
    finished = parse_instant(last.get("finishedAt"))
    wait = ERROR_RETRY_INTERVAL if wait is None else wait
    return finished is not None and now >= finished + timedelta(seconds=wait)


def _wait(metric: Metric, last: Mapping[str, Any]) -> float | None:
    return ERROR_RETRY_INTERVAL if text(last, "phase") == ERROR else interval(metric)


def next_reconcile(
    run: Mapping[str, Any], metrics: Sequence[Metric], now: datetime
) -> datetime | None:
    """`calculateNextReconcileTime`: when to look again, None to wait for a change."""
    results = mappings(run, "status", "metricResults")
    times: list[datetime] = []
    for metric in metrics:
        try:
            found = _next(run, metric, find_result(results, text(metric, "name")), now)
        except (RuleError, OverflowError):
            continue
        if found is not None:
            times.append(found)
    return min(times, default=None)


def _next(
    run: Mapping[str, Any], metric: Metric, result: Mapping[str, Any] | None, now: datetime
) -> datetime | None:
    if result is not None and is_completed(text(result, "phase")):
        return None
    last = last_measurement(result)
    if last is None:
        delay = interval(metric, "initialDelay")
        started = parse_instant(mapping(run, "status").get("startedAt")) or now
        return None if delay is None else started + timedelta(seconds=delay)
    finished = parse_instant(last.get("finishedAt"))
    if finished is None:
        return parse_instant(last.get("resumeAt"))
    count = effective_count(metric)
    if count is not None and number(result, "count") >= count:
        return None
    wait = _wait(metric, last)
    return None if wait is None else finished + timedelta(seconds=wait)


def expires_in(run: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until `ttlStrategy` deletes a completed run; None for never."""
    strategy = mapping(run, "spec", "ttlStrategy")
    phase = text(run, "status", "phase")
    completed = parse_instant(mapping(run, "status").get("completedAt"))
    if not strategy or not is_completed(phase) or completed is None:
        return None
    own = {SUCCESSFUL: "secondsAfterSuccess", FAILED: "secondsAfterFailure"}.get(phase, "")
    for name in (own, "secondsAfterCompletion"):
        if strategy.get(name) is not None:
            end = completed + timedelta(seconds=min(number(strategy, name), 10**9))
            return max((end - now).total_seconds(), 0.0)
    return None
