"""What Argo Rollouts refuses in the spec of an analysis, with its texts.

Rules: `utils/analysis/factory.go` (`ValidateMetrics`), `helpers.go` (dry run, retention).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.analysis.limits import (
    Metric,
    consecutive_error_limit,
    interval,
    limit,
    providers,
)
from opsconsole.errors import RuleError
from opsconsole.model import regex
from opsconsole.model.objects import mappings, text


def validate_metrics(metrics: Sequence[Metric]) -> None:
    """RuleError with the text of the first thing that is wrong: `metrics[0]: …`."""
    if not metrics:
        raise RuleError("no metrics specified")
    seen: set[str] = set()
    for index, metric in enumerate(metrics):
        name = text(metric, "name")
        if name in seen:
            raise RuleError(f"metrics[{index}]: duplicate name '{name}'")
        seen.add(name)
        try:
            validate_metric(metric)
        except RuleError as wrong:
            raise RuleError(f"metrics[{index}]: {wrong.message}") from wrong


def validate_metric(metric: Metric) -> None:
    _check_limits(metric)
    if limit(metric, "count") > 1 and not text(metric, "interval"):
        raise RuleError("interval must be specified when count > 1")
    for name, word in (("interval", "interval"), ("initialDelay", "startDelay")):
        try:
            interval(metric, name)
        except RuleError as wrong:
            raise RuleError(f"invalid {word} string: {wrong.message}") from wrong
    chosen = providers(metric)
    if not chosen:
        raise RuleError("no provider specified")
    if len(chosen) > 1:
        raise RuleError("multiple providers specified")


def _check_limits(metric: Metric) -> None:
    count = limit(metric, "count")
    failure = limit(metric, "failureLimit")
    success = limit(metric, "consecutiveSuccessLimit")
    inconclusive = limit(metric, "inconclusiveLimit")
    if success < 0:
        raise RuleError("consecutiveSuccessLimit must be >= 0")
    if failure < -1:
        raise RuleError("failureLimit must be >= 0, or -1 to be disabled")
    if failure == -1 and success == 0:
        raise RuleError("failureLimit and consecutiveSuccessLimit cannot both be disabled")
    if inconclusive < 0:
        raise RuleError("inconclusiveLimit must be >= 0")
    if consecutive_error_limit(metric) < 0:
        raise RuleError("consecutiveErrorLimit must be >= 0")
    if count <= 0:
        return
    if failure >= 0 and count < failure + success:
        raise RuleError(
            f"count ({count}) must be >= failureLimit + consecutiveSuccessLimit"
            f" ({failure} + {success}) if both >= 0"
        )
    if count < success:
        raise RuleError("count must be >= consecutiveSuccessLimit")
    if count < inconclusive:
        raise RuleError("count must be >= inconclusiveLimit")


def matching_metrics(
    rules: Sequence[Mapping[str, Any]], metrics: Sequence[Metric], field: str
) -> dict[str, Mapping[str, Any]]:
    """Metric name → the last rule of `dryRun` or `measurementRetention` (`field`) that matches it.

    A rule's metricName is an unanchored regular expression; a bad one matches nothing.
    RuleError for a rule that matches no metric.
    """
    found: dict[str, Mapping[str, Any]] = {}
    for index, rule in enumerate(rules):
        names = [name for name in (text(m, "name") for m in metrics) if _matches(rule, name)]
        if not names:
            raise RuleError(f"{field}[{index}]: Rule didn't match any metric name(s)")
        found.update(dict.fromkeys(names, rule))
    return found


def _matches(rule: Mapping[str, Any], name: str) -> bool:
    try:
        return regex.compile(text(rule, "metricName")).search(name)
    except RuleError:
        return False


def unique_rules(rules: Sequence[Mapping[str, Any]], what: str) -> list[Mapping[str, Any]]:
    """The rules, unless two name the same metric; `what` is "Dry-Run" or "Measurement Retention"."""
    seen: set[str] = set()
    for rule in rules:
        name = text(rule, "metricName")
        if name in seen:
            raise RuleError(f"two {what} metric rules have the same metric name '{name}'")
        seen.add(name)
    return list(rules)


def dry_run_metrics(spec: Mapping[str, Any], metrics: Sequence[Metric]) -> set[str]:
    return set(matching_metrics(mappings(spec, "dryRun"), metrics, "dryRun"))


def retention_limits(spec: Mapping[str, Any], metrics: Sequence[Metric]) -> dict[str, int]:
    rules = matching_metrics(
        mappings(spec, "measurementRetention"), metrics, "measurementRetention"
    )
    return {name: limit(rule, "limit") for name, rule in rules.items()}
