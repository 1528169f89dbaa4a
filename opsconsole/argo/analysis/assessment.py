"""Measurements → metric → run: counters, limits, phases and messages.

Rules: `analysis/analysis.go` (`runMeasurements`, `assessMetricStatus`, `assessRunStatus`,
`garbageCollectMeasurements`). Everything works on decoded status objects and gives new ones.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.analysis.limits import (
    Metric,
    consecutive_error_limit,
    effective_count,
    limit,
)
from opsconsole.argo.analysis.phases import (
    ERROR,
    FAILED,
    INCONCLUSIVE,
    PENDING,
    RUNNING,
    SUCCESSFUL,
    is_completed,
    is_worse,
)
from opsconsole.model.objects import flag, mappings, number, text

Result = dict[str, Any]
"""One entry of `status.metricResults`."""

Measurement = dict[str, Any]

MEASUREMENT_HISTORY = 10
"""Measurements kept of a metric unless `measurementRetention` says otherwise."""

TERMINATED = "Run Terminated"


def find_result(results: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    return next((result for result in results if text(result, "name") == name), None)


def last_measurement(result: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    taken = mappings(result, "measurements") if result is not None else []
    return taken[-1] if taken else None


def is_terminating(run: Mapping[str, Any]) -> bool:
    """`spec.terminate`, or a metric that is not a dry run has failed, erred or is inconclusive."""
    if flag(run, "spec", "terminate"):
        return True
    return any(
        not flag(result, "dryRun") and text(result, "phase") in (FAILED, ERROR, INCONCLUSIVE)
        for result in mappings(run, "status", "metricResults")
    )


def record_measurement(
    result: Mapping[str, Any] | None,
    measurement: Mapping[str, Any],
    *,
    name: str,
    dry_run: bool = False,
    resumed: bool = False,
) -> Result:
    """The metric's result with one more measurement; `resumed` replaces the last one."""
    new: Result = dict(result) if result is not None else {"name": name, "phase": RUNNING}
    if result is None and dry_run:
        new["dryRun"] = True
    taken = mappings(new, "measurements")
    new["measurements"] = [*(taken[:-1] if resumed else taken), dict(measurement)]
    phase = text(measurement, "phase")
    if phase in _COUNTERS:
        counter = _COUNTERS[phase]
        new[counter] = number(new, counter) + 1
        if phase != ERROR:
            new["count"] = number(new, "count") + 1
        for streak, own in (("consecutiveError", ERROR), ("consecutiveSuccess", SUCCESSFUL)):
            new[streak] = number(new, streak) + 1 if phase == own else 0
            if not new[streak]:
                del new[streak]
    return new


_COUNTERS = {
    SUCCESSFUL: "successful",
    FAILED: "failed",
    INCONCLUSIVE: "inconclusive",
    ERROR: "error",
}


def exceeded_limit(metric: Metric, result: Mapping[str, Any]) -> tuple[str, str]:
    """(phase, reason) of the limit that a metric exceeds, ("", "") for none.

    Error overrules Inconclusive, which overrules Failed.
    """
    phase = reason = ""
    most = limit(metric, "failureLimit")
    if 0 <= most < number(result, "failed"):
        phase = FAILED
        reason = f"failed ({number(result, 'failed')}) > failureLimit ({most})"
    most = limit(metric, "inconclusiveLimit")
    if number(result, "inconclusive") > most:
        phase = INCONCLUSIVE
        reason = f"inconclusive ({number(result, 'inconclusive')}) > inconclusiveLimit ({most})"
    most = consecutive_error_limit(metric)
    if number(result, "consecutiveError") > most:
        phase = ERROR
        errors = number(result, "consecutiveError")
        reason = f"consecutiveErrors ({errors}) > consecutiveErrorLimit ({most})"
    return phase, reason


def assess_metric(metric: Metric, result: Mapping[str, Any], *, terminating: bool) -> str:
    """The phase of a metric after its last measurement."""
    if is_completed(text(result, "phase")):
        return text(result, "phase")
    last = last_measurement(result)
    if last is None:
        return SUCCESSFUL if terminating else PENDING
    if not is_completed(text(last, "phase")):
        return RUNNING
    phase, _ = exceeded_limit(metric, result)
    if phase:
        return phase
    success = limit(metric, "consecutiveSuccessLimit")
    if 0 < success <= number(result, "consecutiveSuccess"):
        return SUCCESSFUL
    count = effective_count(metric)
    if count is not None and number(result, "count") >= count:
        if success > 0:
            return FAILED if limit(metric, "failureLimit") < 0 else INCONCLUSIVE
        return SUCCESSFUL
    return SUCCESSFUL if terminating else RUNNING


@dataclass(frozen=True, slots=True)
class Transition:
    """A metric that changed its phase, which is worth an event when it is complete."""

    metric: str
    phase: str


@dataclass(frozen=True, slots=True)
class Assessment:
    """What a run's status becomes. `results` are the metric results, `transitions` their changes."""

    phase: str
    message: str
    results: list[Result]
    run_summary: dict[str, int]
    dry_run_summary: dict[str, int]
    transitions: list[Transition]


def assess_run(
    run: Mapping[str, Any],
    metrics: Sequence[Metric],
    results: Sequence[Mapping[str, Any]],
    dry_run: Collection[str],
) -> Assessment:
    """The run's phase and message from the results of all its metrics."""
    verdict = _Verdict(dry_run, TERMINATED if flag(run, "spec", "terminate") else "")
    terminating = is_terminating({**run, "status": {"metricResults": list(results)}})
    assessed: dict[str, Result] = {text(result, "name"): dict(result) for result in results}
    transitions: list[Transition] = []
    for metric in metrics:
        name = text(metric, "name")
        verdict.count(name)
        result = assessed.get(name)
        if result is None:
            verdict.unfinished = True
            continue
        phase = assess_metric(metric, result, terminating=terminating)
        if phase != text(result, "phase"):
            if is_completed(phase):
                transitions.append(Transition(name, phase))
            last = last_measurement(result)
            if last is not None:
                _put(result, "message", text(last, "message"))
            result["phase"] = phase
        verdict.take(metric, result, phase)
    found, message = verdict.conclude(terminating=terminating)
    return Assessment(
        found,
        message,
        list(assessed.values()),
        verdict.summaries[False],
        verdict.summaries[True],
        transitions,
    )


class _Verdict:
    """The worst of the metrics that count, and how many came to what."""

    def __init__(self, dry_run: Collection[str], message: str) -> None:
        self.dry_run = dry_run
        self.message = message
        self.phase = ""
        self.unfinished = False
        self.summaries: dict[bool, dict[str, int]] = {False: {}, True: {}}

    def count(self, name: str) -> None:
        summary = self.summaries[name in self.dry_run]
        summary["count"] = summary.get("count", 0) + 1

    def take(self, metric: Metric, result: Result, phase: str) -> None:
        if not is_completed(phase):
            self.unfinished = True
            return
        name = text(metric, "name")
        limited, reason = exceeded_limit(metric, result)
        dry = name in self.dry_run
        if not dry and (not self.phase or is_worse(self.phase, phase)):
            self.phase = phase
            if reason:
                self.message = f'Metric "{name}" assessed {phase} due to {reason}'
                if text(result, "message"):
                    self.message += f': "Error Message: {text(result, "message")}"'
        elif dry:
            self.phase = self.phase or SUCCESSFUL
            if reason:
                result["message"] = f"Metric assessed {phase} due to {reason}"
        counter = _COUNTERS[limited or SUCCESSFUL]
        self.summaries[dry][counter] = self.summaries[dry].get(counter, 0) + 1

    def conclude(self, *, terminating: bool) -> tuple[str, str]:
        message = self.message.strip()
        if terminating:
            return self.phase or SUCCESSFUL, message
        if self.unfinished or not self.phase:
            return RUNNING, ""
        return self.phase, message


def _put(result: Result, name: str, value: str) -> None:
    if value:
        result[name] = value
    else:
        result.pop(name, None)


def trim_measurements(
    results: Sequence[Mapping[str, Any]], retention: Mapping[str, int]
) -> tuple[list[Result], dict[str, int]]:
    """Results with their oldest measurements dropped, and which metrics were cut to what."""
    kept: list[Result] = []
    cut: dict[str, int] = {}
    for result in results:
        name = text(result, "name")
        most = retention.get(name, 0)
        most = most if most > 0 else MEASUREMENT_HISTORY
        taken = mappings(result, "measurements")
        new = dict(result)
        if len(taken) > most:
            new["measurements"] = [dict(measurement) for measurement in taken[-most:]]
            cut[name] = most
        kept.append(new)
    return kept, cut
