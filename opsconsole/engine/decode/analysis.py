"""A raw AnalysisRun → `model.analysis.AnalysisRun`: each metric's definition with its result.

Defaults and the time of the next measurement follow `analysis/analysis.go`
(generateMetricTasks): 10 s after an error, else the metric's interval.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.analysis.arguments import resolve_metric
from opsconsole.engine.decode.reader import Reader
from opsconsole.errors import RuleError
from opsconsole.model.analysis import AnalysisRun, Measurement, Metric, Threshold
from opsconsole.model.kinds import ANALYSIS_RUN, ResourceKey
from opsconsole.model.objects import (
    annotations_of,
    dig,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)
from opsconsole.model.status import AnalysisPhase
from opsconsole.model.times import parse_duration, parse_instant

ERROR_INTERVAL = 10.0
"""`DefaultErrorRetryInterval`, seconds."""

CONSECUTIVE_ERRORS = 4
"""`DefaultConsecutiveErrorLimit`."""

_NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"
_RESULT = r"(?<!len\()(?:(?:asFloat|asInt|float|int)\(\s*)?result(?:\[\d+\])?\s*\)?"
_FORWARD = re.compile(rf"{_RESULT}\s*(<=|>=|==|!=|<|>)\s*({_NUMBER})(?![\w.])")
_BACKWARD = re.compile(rf"(?<![\w.])({_NUMBER})\s*(<=|>=|==|!=|<|>)\s*{_RESULT}")
_MIRROR = {"<": ">", ">": "<", "<=": ">=", ">=": "<=", "==": "==", "!=": "!="}


def analysis_run(obj: Mapping[str, Any]) -> AnalysisRun:
    read = Reader(obj)
    labels = labels_of(obj)
    results = {text(r, "name"): r for r in read.mappings("status", "metricResults")}
    started = read.instant("status", "startedAt")
    phase = AnalysisPhase.of(read.text("status", "phase"))
    dry = {text(entry, "metricName") for entry in read.mappings("spec", "dryRun")}
    metrics = tuple(
        _metric(spec, results.get(text(spec, "name"), {}), started, dry=dry, ended=phase.completed)
        for spec in _resolved(read)
    )
    index = text(labels, "step-index")
    revision = text(annotations_of(obj), "rollout.argoproj.io/revision")
    return AnalysisRun(
        key=ResourceKey(ANALYSIS_RUN, namespace_of(obj), name_of(obj)),
        kind=text(labels, "rollout-type"),
        phase=phase,
        message=read.text("status", "message"),
        metrics=metrics,
        started_at=started,
        completed_at=read.instant("status", "completedAt"),
        created_at=read.instant("metadata", "creationTimestamp"),
        revision=int(revision) if revision.isdecimal() and len(revision) < 10 else 0,
        step_index=int(index) if index.isdecimal() and len(index) < 6 else None,
        problems=read.problems,
    )


def _resolved(read: Reader) -> list[Mapping[str, Any]]:
    """The metrics with the run's arguments in them, as they were measured; Secrets stay names."""
    known = [entry for entry in read.mappings("spec", "args") if entry.get("value") is not None]
    found: list[Mapping[str, Any]] = []
    for metric in read.mappings("spec", "metrics"):
        try:
            found.append(resolve_metric(metric, known))
        except RuleError:
            found.append(metric)
    return found


def thresholds(success: str, failure: str) -> tuple[Threshold, ...]:
    """Numbers that the conditions compare the result with, in order of appearance."""
    found: dict[Threshold, None] = {}
    for condition, good in ((success, True), (failure, False)):
        at = [(m.start(), m[1], m[2]) for m in _FORWARD.finditer(condition)]
        at += [(m.start(), _MIRROR[m[2]], m[1]) for m in _BACKWARD.finditer(condition)]
        for _, operator, value in sorted(at):
            found[Threshold(operator, float(value), good)] = None
    return tuple(found)


def plotted(value: str) -> float | None:
    """The number in a measurement's value: `0.97`, `[0.97]`, `true`. None when there is not one."""
    try:
        found = json.loads(value)
    except (ValueError, RecursionError):
        return float(value) if re.fullmatch(_NUMBER, value.strip()) else None
    while isinstance(found, list) and len(found) == 1:
        found = found[0]
    if isinstance(found, bool) or not isinstance(found, int | float):
        return None
    as_float = float(found) if abs(found) < 1e300 else math.inf
    return as_float if math.isfinite(as_float) else None


def _metric(
    spec: Mapping[str, Any],
    result: Mapping[str, Any],
    started: datetime | None,
    *,
    dry: set[str],
    ended: bool,
) -> Metric:
    provider = mapping(spec, "provider")
    kind = next(iter(provider), "")
    success, failure = text(spec, "successCondition"), text(spec, "failureCondition")
    failed, limit = number(result, "failed"), _limit(spec, "failureLimit", 0)
    phase = AnalysisPhase.of(text(result, "phase"))
    measurements = tuple(_measurement(m) for m in mappings(result, "measurements"))
    return Metric(
        name=text(spec, "name"),
        phase=phase,
        provider=kind,
        success_condition=success,
        failure_condition=failure,
        thresholds=thresholds(success, failure),
        measurements=measurements,
        count=number(result, "count"),
        wanted=_wanted(spec),
        successful=number(result, "successful"),
        failed=failed,
        inconclusive=number(result, "inconclusive"),
        error=number(result, "error"),
        consecutive_error=number(result, "consecutiveError"),
        failure_limit=limit,
        inconclusive_limit=_limit(spec, "inconclusiveLimit", 0),
        consecutive_error_limit=_limit(spec, "consecutiveErrorLimit", CONSECUTIVE_ERRORS),
        failures_left=max(0, limit - failed) if limit >= 0 else None,
        next_at=None if ended or phase.completed else _next(spec, result, measurements, started),
        message=text(result, "message"),
        query=_query(kind, mapping(provider, kind)),
        address=text(provider, kind, "address") if kind == "prometheus" else "",
        dry_run=text(spec, "name") in dry or "*" in dry or result.get("dryRun") is True,
    )


def _query(kind: str, provider: Mapping[str, Any]) -> str:
    return text(provider, "query") or (text(provider, "url") if kind == "web" else "")


def _measurement(entry: Mapping[str, Any]) -> Measurement:
    value = text(entry, "value")
    return Measurement(
        phase=AnalysisPhase.of(text(entry, "phase")),
        value=value,
        number=plotted(value),
        message=text(entry, "message"),
        started_at=parse_instant(entry.get("startedAt")),
        finished_at=parse_instant(entry.get("finishedAt")),
    )


def _limit(spec: Mapping[str, Any], field: str, default: int) -> int:
    """An IntOrString; what cannot be read (an unresolved argument) counts as the default."""
    value = text(spec, field)
    return int(value) if re.fullmatch(r"-?\d{1,9}", value) else default


def _wanted(spec: Mapping[str, Any]) -> int | None:
    """`EffectiveCount`: one when there is neither count nor interval, else endless."""
    count = _limit(spec, "count", 0)
    if count > 0:
        return count
    return None if text(spec, "interval") else 1


def _seconds(spec: Mapping[str, Any], field: str) -> float:
    try:
        return parse_duration(text(spec, field)) if text(spec, field) else 0.0
    except RuleError:
        return 0.0


def _next(
    spec: Mapping[str, Any],
    result: Mapping[str, Any],
    measurements: tuple[Measurement, ...],
    started: datetime | None,
) -> datetime | None:
    if not measurements:
        delay = timedelta(seconds=_seconds(spec, "initialDelay"))
        return started + delay if started is not None else None
    last = measurements[-1]
    if last.finished_at is None:
        return parse_instant(dig(items(result, "measurements"), -1, "resumeAt"))
    wanted = _wanted(spec)
    if wanted is not None and number(result, "count") >= wanted:
        return None
    pause = ERROR_INTERVAL if last.phase is AnalysisPhase.ERROR else _seconds(spec, "interval")
    return last.finished_at + timedelta(seconds=pause)
