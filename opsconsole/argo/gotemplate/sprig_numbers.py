"""sprig: numbers."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import Decimal, DivisionByZero, InvalidOperation
from typing import Any

from opsconsole.argo.expr.operators import float_divide, float_power
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.strconv import parse_float, parse_int
from opsconsole.argo.golang.values import Int64, Ints, float_to_int, wrap_int
from opsconsole.argo.gotemplate.errors import CallError
from opsconsole.errors import RuleError

MAX_ITEMS = 100_000
"""Numbers that until and seq may make; ours."""

_BASED = re.compile(r"[+-]?(0[xX][0-9a-fA-F_]+|0[oO]?[0-7_]+|0[bB][01_]+|\d[\d_]*)")


def whole(value: Any) -> int:
    """`cast.ToInt64`: what is no number is 0."""
    if isinstance(value, bool | int):
        return int(value)
    if isinstance(value, float):
        return float_to_int(value)
    if not isinstance(value, str):
        return 0
    text = re.sub(r"\.0*$", "", value)
    if _BASED.fullmatch(text) is None or len(text) > 70:
        return 0
    body = text.lstrip("+-").replace("_", "")
    octal = len(body) > 1 and body[0] == "0" and body[1].isdigit()
    number = int(body, 8) if octal else int(body, 0)
    number = -number if text.startswith("-") else number
    return number if -(2**63) <= number < 2**63 else 0


def floating(value: Any) -> float:
    """`cast.ToFloat64`."""
    if isinstance(value, bool | int | float):
        return float(value)
    try:
        return parse_float(value) if isinstance(value, str) else 0.0
    except RuleError:
        return 0.0


def _int64(value: int) -> Int64:
    return Int64(wrap_int(value))


def divide(a: Any, b: Any) -> Int64:
    x, y = whole(a), whole(b)
    if y == 0:
        raise CallError("runtime error: integer divide by zero")
    return _int64(abs(x) // abs(y) * (1 if (x < 0) == (y < 0) else -1))


def modulo(a: Any, b: Any) -> Int64:
    x, y = whole(a), whole(b)
    if y == 0:
        raise CallError("runtime error: integer divide by zero")
    rest = abs(x) % abs(y)
    return _int64(-rest if x < 0 else rest)


def multiply(first: Any, *others: Any) -> Int64:
    total = whole(first)
    for other in others:
        total = wrap_int(total * whole(other))
    return _int64(total)


def until_step(start: int, stop: int, step: int) -> Ints:
    if (stop < start and step >= 0) or (stop >= start and step <= 0):
        return Ints()
    numbers = range(start, stop, step)
    if len(numbers) > MAX_ITEMS:
        raise CallError(f"more than {MAX_ITEMS} numbers")
    return Ints(numbers)


def until(count: int) -> Ints:
    return until_step(0, count, -1 if count < 0 else 1)


def seq(*params: int) -> str:
    if len(params) == 1:
        start, step, end = 1, -1 if params[0] < 1 else 1, params[0]
    elif len(params) == 2:
        start, end = params
        step = -1 if end < start else 1
    elif len(params) == 3:
        start, step, end = params
        if end < start and step > 0:
            return ""
    else:
        return ""
    return " ".join(str(n) for n in until_step(start, end + (-1 if end < start else 1), step))


def rounded(value: Any, places: int, *on: float) -> float:
    power = float_power(10.0, float(places))
    digit = power * floating(value)
    if math.isinf(digit) or math.isnan(digit):
        return float_divide(digit, power)
    fraction = math.fmod(digit, 1.0)
    whole_part = math.ceil(digit) if fraction >= (on[0] if on else 0.5) else math.floor(digit)
    return float_divide(float(whole_part), power)


def decimals(operation: Callable[[Decimal, Decimal], Decimal]) -> Callable[..., float]:
    def call(first: Any, *others: Any) -> float:
        total = Decimal(repr(floating(first)))
        for other in others:
            try:
                total = operation(total, Decimal(repr(floating(other))))
            except (DivisionByZero, InvalidOperation):
                raise CallError("decimal division by 0") from None
        return float(total) + 0.0

    return call


_ADD = decimals(lambda a, b: a + b)


def _to_decimal(value: Any) -> Int64:
    text = v(value)
    return Int64(int(text, 8)) if re.fullmatch(r"[+-]?[0-7]{1,20}", text) else Int64(0)


def _atoi(text: str) -> int:
    """`strconv.Atoi` without its error: too large a number gives the largest."""
    try:
        return parse_int(text)
    except RuleError:
        if re.fullmatch(r"[+-]?[0-9]+", text) is None:
            return 0
        return -(2**63) if text.startswith("-") else 2**63 - 1


TABLE: dict[str, tuple[str, Callable[..., Any]]] = {
    "atoi": ("string", _atoi),
    "int64": ("any", lambda value: _int64(whole(value))),
    "int": ("any", whole),
    "float64": ("any", floating),
    "seq": ("...int", seq),
    "toDecimal": ("any", _to_decimal),
    "until": ("int", until),
    "untilStep": ("int int int", until_step),
    "add1": ("any", lambda value: _int64(whole(value) + 1)),
    "add": ("...any", lambda *values: _int64(sum(whole(value) for value in values))),
    "sub": ("any any", lambda a, b: _int64(whole(a) - whole(b))),
    "div": ("any any", divide),
    "mod": ("any any", modulo),
    "mul": ("any ...any", multiply),
    "add1f": ("any", lambda value: _ADD(value, 1)),
    "addf": ("...any", lambda *values: _ADD(0.0, *values)),
    "subf": ("any ...any", decimals(lambda a, b: a - b)),
    "divf": ("any ...any", decimals(lambda a, b: a / b)),
    "mulf": ("any ...any", decimals(lambda a, b: a * b)),
    "biggest": ("any ...any", lambda *values: _int64(max(map(whole, values)))),
    "max": ("any ...any", lambda *values: _int64(max(map(whole, values)))),
    "min": ("any ...any", lambda *values: _int64(min(map(whole, values)))),
    "maxf": ("any ...any", lambda *values: max(map(floating, values))),
    "minf": ("any ...any", lambda *values: min(map(floating, values))),
    "ceil": ("any", lambda value: _rounding(math.ceil, value)),
    "floor": ("any", lambda value: _rounding(math.floor, value)),
    "round": ("any int ...float", rounded),
}


def _rounding(rule: Callable[[float], int], value: Any) -> float:
    number = floating(value)
    return number if math.isinf(number) or math.isnan(number) else float(rule(number))
