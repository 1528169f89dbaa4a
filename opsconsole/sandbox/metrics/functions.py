"""PromQL's functions that this sandbox answers, each as a small pure function.

Separate from the evaluator so that the list can be read: RANGE takes a window of samples,
INSTANT the value of one sample; the rest is in `evaluator`. Source: promql/functions.go.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from opsconsole.sandbox.metrics.numbers import NAN, guarded, logarithm, quantile, whole
from opsconsole.sandbox.metrics.samples import Sample, Window


def extrapolated(  # noqa: PLR0917
    window: Window,
    start: float,
    end: float,
    is_counter: bool,  # noqa: FBT001
    is_rate: bool,  # noqa: FBT001
    zero_first: bool,  # noqa: FBT001
) -> float | None:
    """rate, increase and delta: the change between the outer samples, stretched to the range.

    `zero_first` is the order of Prometheus 2, which bounds the stretch at a counter's zero
    before it looks at the threshold; Prometheus 3 does so after.
    """
    if window.count < 2:
        return None
    (first_at, first), (last_at, last) = window.first, window.last
    change = last - first + (window.drops() if is_counter else 0.0)
    sampled = last_at - first_at
    between = sampled / (window.count - 1)
    to_start, to_end = first_at - start, end - last_at
    threshold = between * 1.1
    to_zero = sampled * (first / change) if is_counter and change > 0 and first >= 0 else math.inf
    if zero_first:
        to_start = min(to_start, to_zero)
        to_start = to_start if to_start < threshold else between / 2
    else:
        to_start = to_start if to_start < threshold else between / 2
        to_start = min(to_start, to_zero)
    to_end = to_end if to_end < threshold else between / 2
    result = change * ((sampled + to_start + to_end) / sampled)
    return result / (end - start) if is_rate else result


def instant_change(window: Window, *, is_rate: bool) -> float | None:
    """The change of irate and idelta: the last two samples."""
    if window.count < 2:
        return None
    (before_at, before), (at, last) = window.points()[-2:]
    change = last if is_rate and last < before else last - before
    return change / (at - before_at) if is_rate else change


def regression(points: Sequence[Sample], zero: float) -> tuple[float, float]:
    """Slope and value at `zero` of the least-squares line."""
    count = len(points)
    if all(value == points[0][1] for _, value in points):
        return 0.0, points[0][1]
    sx = sum(at - zero for at, _ in points)
    sy = sum(value for _, value in points)
    sxy = sum((at - zero) * value for at, value in points)
    sxx = sum((at - zero) ** 2 for at, _ in points)
    covariance, variance = sxy - sx * sy / count, sxx - sx * sx / count
    slope = covariance / variance if variance else NAN
    return slope, sy / count - slope * sx / count


def deriv(window: Window) -> float | None:
    if window.count < 2:
        return None
    return regression(window.points(), window.first[0])[0]


def predict(window: Window, now: float, seconds: float) -> float | None:
    if window.count < 2:
        return None
    slope, intercept = regression(window.points(), now)
    return slope * seconds + intercept


def _values(window: Window) -> list[float]:
    return [value for _, value in window.points()]


def variance(values: Sequence[float]) -> float:
    mean = math.fsum(values) / len(values)
    return math.fsum((v - mean) ** 2 for v in values) / len(values)


def lowest(values: Sequence[float]) -> float:
    """NaN only when there is nothing else."""
    real = [v for v in values if not math.isnan(v)]
    return min(real) if real else NAN


def highest(values: Sequence[float]) -> float:
    real = [v for v in values if not math.isnan(v)]
    return max(real) if real else NAN


def _changes(window: Window) -> float:
    values = _values(window)
    return float(
        sum(b != a and not (math.isnan(a) and math.isnan(b)) for a, b in itertools.pairwise(values))
    )


def _resets(window: Window) -> float:
    values = _values(window)
    return float(sum(b < a for a, b in itertools.pairwise(values)))


OVER_TIME: dict[str, Callable[[Window], float]] = {
    "avg_over_time": lambda w: math.fsum(_values(w)) / w.count,
    "sum_over_time": lambda w: math.fsum(_values(w)),
    "min_over_time": lambda w: lowest(_values(w)),
    "max_over_time": lambda w: highest(_values(w)),
    "count_over_time": lambda w: float(w.count),
    "last_over_time": lambda w: w.last[1],
    "present_over_time": lambda w: 1.0,  # noqa: ARG005
    "stddev_over_time": lambda w: math.sqrt(variance(_values(w))),
    "stdvar_over_time": lambda w: variance(_values(w)),
    "changes": _changes,
    "resets": _resets,
}
"""Functions of one range vector that need only its samples; all but last_over_time drop the name."""


def quantile_over_time(q: float, window: Window) -> float:
    return quantile(q, _values(window))


RATES: dict[str, tuple[bool, bool]] = {
    "rate": (True, True), "increase": (True, False), "delta": (False, False),
}  # fmt: skip
"""(counter, per second)."""

INSTANT: dict[str, Callable[[float], float]] = {
    "abs": abs,
    "ceil": whole(math.ceil),
    "floor": whole(math.floor),
    "exp": guarded(math.exp),
    "ln": logarithm(math.log),
    "log2": logarithm(math.log2),
    "log10": logarithm(math.log10),
    "sqrt": guarded(math.sqrt),
    "sgn": lambda v: v if math.isnan(v) or v == 0 else math.copysign(1.0, v),
}


def clamp(value: float, low: float, high: float) -> float:
    if math.isnan(value):
        return value
    return max(low, min(high, value))


def rounded(value: float, to: float) -> float:
    """Half rounds up, to a multiple of `to`."""
    inverse = 1.0 / to if to else math.inf
    scaled = value * inverse + 0.5
    return math.floor(scaled) / inverse if math.isfinite(scaled) else scaled / inverse


def _moment(value: float) -> datetime:
    return datetime.fromtimestamp(value, UTC)


CALENDAR: dict[str, Callable[[float], float]] = {
    "minute": lambda v: float(_moment(v).minute),
    "hour": lambda v: float(_moment(v).hour),
    "day_of_week": lambda v: float(_moment(v).isoweekday() % 7),
    "day_of_month": lambda v: float(_moment(v).day),
    "month": lambda v: float(_moment(v).month),
    "year": lambda v: float(_moment(v).year),
}


def histogram_quantile(q: float, buckets: Sequence[tuple[float, float]]) -> float:
    """promql/quantile.go bucketQuantile: (upper bound, cumulative count) pairs."""
    if math.isnan(q):
        return NAN
    if q < 0 or q > 1:
        return math.copysign(math.inf, q)
    merged: dict[float, float] = {}
    for bound, count in buckets:
        merged[bound] = merged.get(bound, 0.0) + count
    ordered = sorted(merged.items())
    if len(ordered) < 2 or not math.isinf(ordered[-1][0]):
        return NAN
    counts, top = [], -math.inf
    for _, count in ordered:
        top = max(top, count)
        counts.append(top)
    observations = counts[-1]
    if observations == 0 or math.isnan(observations):
        return NAN
    rank = q * observations
    at = next((i for i, count in enumerate(counts[:-1]) if count >= rank), len(counts) - 1)
    if at == len(counts) - 1:
        return ordered[-2][0]
    bound = ordered[at][0]
    if at == 0 and bound <= 0:
        return bound
    low, count = 0.0, counts[at]
    if at > 0:
        low = ordered[at - 1][0]
        count -= counts[at - 1]
        rank -= counts[at - 1]
    return low + (bound - low) * (rank / count)
