"""Go's floating-point arithmetic: no exceptions, NaN and infinities instead; and its printing."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from decimal import Decimal

NAN, INF = math.nan, math.inf


def divide(a: float, b: float) -> float:
    if b == 0:
        if a == 0 or math.isnan(a):
            return NAN
        return math.copysign(INF, a) * math.copysign(1.0, b)
    return a / b


def modulo(a: float, b: float) -> float:
    """Go's math.Mod: the sign of the dividend."""
    if b == 0 or math.isinf(a) or math.isnan(a) or math.isnan(b):
        return NAN
    return math.fmod(a, b)


def power(a: float, b: float) -> float:
    try:
        return math.pow(a, b)
    except OverflowError:
        return -INF if a < 0 and b % 2 == 1 else INF
    except ValueError:
        return INF if a == 0 and b < 0 else NAN


def guarded(function: Callable[[float], float]) -> Callable[[float], float]:
    """A function of `math` that gives NaN or an infinity where Python raises."""

    def safe(value: float) -> float:
        try:
            return function(value)
        except OverflowError:
            return INF
        except ValueError:
            return NAN

    return safe


def logarithm(base: Callable[[float], float]) -> Callable[[float], float]:
    def safe(value: float) -> float:
        if value == 0:
            return -INF
        return NAN if value < 0 else base(value)

    return safe


def whole(function: Callable[[float], int]) -> Callable[[float], float]:
    """For floor and ceil, which Python refuses for NaN and infinities."""
    return lambda value: float(function(value)) if math.isfinite(value) else value


def quantile(q: float, values: Sequence[float]) -> float:
    """Prometheus' quantile over values (interpolated)."""
    if not values or math.isnan(q):
        return NAN
    if q < 0:
        return -INF
    if q > 1:
        return INF
    ordered = sorted(values, key=lambda v: (not math.isnan(v), v))
    rank = q * (len(ordered) - 1)
    low = max(0, math.floor(rank))
    high = min(len(ordered) - 1, low + 1)
    weight = rank - math.floor(rank)
    return ordered[low] * (1 - weight) + ordered[high] * weight


def printed(value: float) -> str:
    """strconv.FormatFloat(v, 'f', -1, 64), as the HTTP API writes sample values."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    if value == int(value) and abs(value) < 1e15:
        return f"{int(value)}" if value or math.copysign(1, value) > 0 else "-0"
    return format(Decimal(repr(value)), "f")
