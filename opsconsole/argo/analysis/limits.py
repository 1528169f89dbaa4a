"""Counts and limits of a metric: IntOrString values and their defaults.

Separate because validation, the run loop and the views read the same numbers.
Rules: `analysis_types.go` (`EffectiveCount`), `utils/defaults`, `intstr.IntOrString.IntValue`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.golang.strconv import parse_int
from opsconsole.errors import RuleError
from opsconsole.model.objects import text
from opsconsole.model.times import parse_duration

Metric = Mapping[str, Any]

DEFAULT_CONSECUTIVE_ERROR_LIMIT = 4

PROVIDERS = (
    "prometheus", "job", "web", "wavefront", "kayenta", "datadog", "newRelic", "cloudWatch",
    "graphite", "influxdb", "skywalking",
)  # fmt: skip


def int_value(value: Any) -> int:
    """`IntOrString.IntValue`: a string that is no number is 0."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int | float):
        return int(value) if abs(value) < 2**63 else 0
    try:
        return parse_int(value, "Atoi") if isinstance(value, str) else 0
    except RuleError:
        return 0


def limit(metric: Metric, name: str, default: int = 0) -> int:
    """A limit by its field name; `default` when it is not set."""
    value = metric.get(name)
    return default if value is None else int_value(value)


def consecutive_error_limit(metric: Metric) -> int:
    return limit(metric, "consecutiveErrorLimit", DEFAULT_CONSECUTIVE_ERROR_LIMIT)


def effective_count(metric: Metric) -> int | None:
    """How many measurements to take; None for a metric that runs until it is stopped."""
    count = limit(metric, "count")
    if count == 0:
        return None if text(metric, "interval") else 1
    return count


def interval(metric: Metric, name: str = "interval") -> float | None:
    """Seconds of `interval` or `initialDelay`; None when it is not set. RuleError for a bad one."""
    written = text(metric, name)
    return parse_duration(written) if written else None


def providers(metric: Metric) -> list[str]:
    """Names of the providers that a metric asks for; each plugin counts."""
    provider = metric.get("provider")
    if not isinstance(provider, Mapping):
        return []
    found = [name for name in PROVIDERS if provider.get(name) is not None]
    plugin = provider.get("plugin")
    return found + ([f"plugin {name}" for name in plugin] if isinstance(plugin, Mapping) else [])
