"""What the operators do to values at run time (expr's `vm/runtime`).

Separate from the interpreter because builtins use the same comparisons and conversions.
Faults are `Panic`, with Go's texts.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.golang.gotime import Duration, Time
from opsconsole.argo.golang.values import (
    Floats,
    Int64,
    Ints,
    Strings,
    Uint8,
    float_to_int,
    type_name,
    wrap_int,
)
from opsconsole.errors import RuleError

MAX_TEXT = 10_000_000
"""Characters that a string may grow to; ours, beside expr's own memory budget."""


def is_number(value: Any) -> bool:
    """A Go number of a built-in type: named ones (Duration, Month) are none."""
    if isinstance(value, bool):
        return False
    if isinstance(value, int):
        return type(value) is int or isinstance(value, Int64 | Uint8)
    return isinstance(value, float)


def is_integer(value: Any) -> bool:
    return is_number(value) and not isinstance(value, float)


def bounded_text(text: str) -> str:
    if len(text) > MAX_TEXT:
        raise Panic("memory budget exceeded")
    return text


def assert_bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    raise conversion(value, "bool")


def assert_string(value: Any) -> str:
    if isinstance(value, str):
        return value
    raise conversion(value, "string")


def conversion(value: Any, wanted: str) -> Panic:
    """The panic of a type assertion."""
    shown = "nil" if value is None else type_name(value)
    return Panic(f"interface conversion: interface {{}} is {shown}, not {wanted}")


def to_int(value: Any) -> int:
    if is_number(value):
        return float_to_int(value) if isinstance(value, float) else int(value)
    raise Panic(f"invalid operation: int({type_name(value)})")


def to_float(value: Any) -> float:
    if is_number(value):
        return float(value)
    raise Panic(f"invalid operation: float({type_name(value)})")


def equal(a: Any, b: Any) -> bool:
    if is_number(a) and is_number(b):
        return bool(a == b)
    if isinstance(a, list) and isinstance(b, list) and _elementwise(a, b):
        return len(a) == len(b) and all(equal(x, y) for x, y in zip(a, b, strict=True))
    if isinstance(a, Time) and isinstance(b, Time):
        return a.unix_nanos == b.unix_nanos
    return deep_equal(a, b)


def _elementwise(a: list[Any], b: list[Any]) -> bool:
    """`[]interface {}` compares by element with any list, others only with it or their own kind."""
    plain = type(a) is list or type(b) is list
    known = isinstance(a, Floats | Ints | Strings) or type(a) is list
    return (plain and known) or (type(a) is type(b) and known)


def deep_equal(a: Any, b: Any) -> bool:
    """`reflect.DeepEqual`: types count, `int` 1 is not `float64` 1."""
    if type_name(a) != type_name(b):
        return False
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(deep_equal(x, b[key]) for key, x in a.items())
    if isinstance(a, list):
        return len(a) == len(b) and all(deep_equal(x, y) for x, y in zip(a, b, strict=True))
    if callable(a):
        return False
    return bool(a == b)


def _comparable(a: Any, b: Any) -> bool:
    return (
        (is_number(a) and is_number(b))
        or (isinstance(a, str) and isinstance(b, str))
        or (isinstance(a, Duration) and isinstance(b, Duration))
    )


def compare(operator: str, a: Any, b: Any) -> bool:
    if isinstance(a, Time) and isinstance(b, Time):
        a, b = a.unix_nanos, b.unix_nanos
    elif not _comparable(a, b):
        raise Panic(f"invalid operation: {type_name(a)} {operator} {type_name(b)}")
    elif isinstance(a, str):
        a, b = a.encode("utf-8", "surrogatepass"), b.encode("utf-8", "surrogatepass")
    return bool(_COMPARE[operator](a, b))


_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    "<": lambda a, b: a < b,
    ">": lambda a, b: a > b,
    "<=": lambda a, b: a <= b,
    ">=": lambda a, b: a >= b,
}


def less(a: Any, b: Any) -> bool:
    return compare("<", a, b)


def more(a: Any, b: Any) -> bool:
    return compare(">", a, b)


def add(a: Any, b: Any) -> Any:
    if is_number(a) and is_number(b):
        return _wrapped(a + b)
    if isinstance(a, str) and isinstance(b, str):
        return bounded_text(a + b)
    if isinstance(a, Time) and isinstance(b, Duration):
        return moved(a, int(b))
    if isinstance(a, Duration) and isinstance(b, Time):
        return moved(b, int(a))
    if isinstance(a, Duration) and isinstance(b, Duration):
        return Duration(wrap_int(int(a) + int(b)))
    raise Panic(f"invalid operation: {type_name(a)} + {type_name(b)}")


def moved(time: Time, nanos: int) -> Time:
    try:
        return time.add(nanos)
    except RuleError as wrong:
        raise Panic(wrong.message) from wrong


def subtract(a: Any, b: Any) -> Any:
    if is_number(a) and is_number(b):
        return _wrapped(a - b)
    if isinstance(a, Time) and isinstance(b, Time):
        return Duration(wrap_int(a.unix_nanos - b.unix_nanos))
    if isinstance(a, Time) and isinstance(b, Duration):
        return moved(a, -int(b))
    if isinstance(a, Duration) and isinstance(b, Duration):
        return Duration(wrap_int(int(a) - int(b)))
    raise Panic(f"invalid operation: {type_name(a)} - {type_name(b)}")


def multiply(a: Any, b: Any) -> Any:
    if is_number(a) and is_number(b):
        return _wrapped(a * b)
    durations = isinstance(a, Duration) + isinstance(b, Duration)
    if durations and (durations == 2 or is_number(a) or is_number(b)):
        if isinstance(a, float) or isinstance(b, float):
            return float(a) * float(b)
        return Duration(wrap_int(int(a) * int(b)))
    raise Panic(f"invalid operation: {type_name(a)} * {type_name(b)}")


def divide(a: Any, b: Any) -> float:
    if not (is_number(a) and is_number(b)):
        raise Panic(f"invalid operation: {type_name(a)} / {type_name(b)}")
    return float_divide(float(a), float(b))


def float_divide(a: float, b: float) -> float:
    if b != 0:
        return a / b
    if a == 0 or math.isnan(a):
        return math.nan
    return math.copysign(math.inf, a) * math.copysign(1.0, b)


def modulo(a: Any, b: Any) -> int:
    if not (is_integer(a) and is_integer(b)):
        raise Panic(f"invalid operation: {type_name(a)} % {type_name(b)}")
    if b == 0:
        raise Panic("runtime error: integer divide by zero")
    rest = abs(int(a)) % abs(int(b))
    return -rest if a < 0 else rest


def power(a: Any, b: Any) -> float:
    return float_power(to_float(a), to_float(b))


def float_power(x: float, y: float) -> float:
    """`math.Pow`, by Go's own way: the C library's differs in the last digit."""
    if y == 0 or x == 1:
        return 1.0
    if y == 1:
        return x
    plain = math.isfinite(x) and math.isfinite(y) and x != 0 and abs(y) < 2**63
    if not plain:
        return _library_power(x, y)
    if y in (0.5, -0.5):
        root = math.sqrt(x) if x >= 0 else math.nan
        return root if y > 0 else 1 / root
    fraction, count = math.modf(abs(y))
    if fraction and x < 0:
        return math.nan
    result, exponent = 1.0, 0
    if fraction:
        if fraction > 0.5:
            fraction -= 1
            count += 1
        result = math.exp(fraction * math.log(x))
    mantissa, power = math.frexp(x)
    left = int(count)
    while left:
        if abs(power) > 1 << 12:
            exponent += power
            break
        if left & 1:
            result *= mantissa
            exponent += power
        mantissa *= mantissa
        power *= 2
        if mantissa < 0.5:
            mantissa += mantissa
            power -= 1
        left >>= 1
    if y < 0:
        result, exponent = 1 / result, -exponent
    return _scaled(result, exponent)


def _scaled(mantissa: float, exponent: int) -> float:
    try:
        return math.ldexp(mantissa, exponent)
    except OverflowError:
        return math.copysign(math.inf, mantissa)


def _library_power(x: float, y: float) -> float:
    try:
        return math.pow(x, y)
    except OverflowError:
        return -math.inf if x < 0 and y % 2 == 1 else math.inf
    except ValueError:
        # zero to a negative power
        odd = y.is_integer() and y % 2 == 1
        return math.copysign(math.inf, x) if odd else math.inf


def negate(value: Any) -> Any:
    if is_number(value):
        return _wrapped(-value)
    raise Panic(f"invalid operation: - {type_name(value)}")


def _wrapped(value: Any) -> Any:
    if isinstance(value, float):
        return value
    return wrap_int(value) if not -(2**63) <= value < 2**63 else value


def contained(needle: Any, holder: Any) -> bool:
    """The `in` operator."""
    if holder is None:
        return False
    if isinstance(holder, list):
        return any(equal(item, needle) for item in holder)
    if isinstance(holder, dict):
        check_key(holder, needle)
        return _key(needle) in holder
    raise Panic(f'operator "in" not defined on {type_name(holder)}')


def check_key(holder: dict[Any, Any], key: Any) -> None:
    """Maps of strings take only strings as keys, as `reflect.Value.MapIndex` does."""
    if key is not None and not isinstance(key, str) and not getattr(holder, "any_key", False):
        if type_name(holder).startswith("map[interface {}]"):
            if isinstance(key, list | dict):
                raise Panic(f"runtime error: hash of unhashable type {type_name(key)}")
            return
        raise Panic(
            f"reflect.Value.MapIndex: value of type {type_name(key)} is not assignable to type string"
        )


def _key(key: Any) -> Any:
    return "" if key is None else key


def fetch(holder: Any, index: Any) -> Any:
    """`holder[index]` and `holder.name`."""
    if holder is None:
        raise Panic(f"cannot fetch {shown(index)} from <nil>")
    if isinstance(holder, list | str):
        return _item(holder, index)
    if isinstance(holder, dict):
        check_key(holder, index)
        key = _key(index)
        return holder.get(key) if key in holder else _zero(holder)
    raise Panic(f"cannot fetch {shown(index)} from {type_name(holder)}")


def _zero(holder: dict[Any, Any]) -> Any:
    return "" if type_name(holder) == "map[string]string" else None


def _item(holder: list[Any] | str, index: Any) -> Any:
    at = to_int(index)
    body = holder.encode("utf-8", "surrogatepass") if isinstance(holder, str) else holder
    at = at + len(body) if at < 0 else at
    if not 0 <= at < len(body):
        raise Panic(f"index out of range: {at} (array length is {len(body)})")
    return Uint8(body[at]) if isinstance(holder, str) else holder[at]


def shown(value: Any) -> str:
    from opsconsole.argo.golang.format import v

    return v(value)


def slice_(holder: Any, begin: Any, end: Any) -> Any:
    """`holder[begin:end]`; an end of None is the length. Strings are cut by bytes."""
    if not isinstance(holder, list | str):
        if end is None and not isinstance(holder, dict):
            raise Panic(f"invalid argument for len (type {type_name(holder)})")
        raise Panic(f"cannot slice {shown(begin)}")
    body = holder.encode("utf-8", "surrogatepass") if isinstance(holder, str) else holder
    size = len(body)
    a, b = to_int(begin), size if end is None else to_int(end)
    a = max(a + size if a < 0 else a, 0)
    b = min(max(b + size if b < 0 else b, 0), size)
    cut = body[min(a, b) : b]
    if isinstance(cut, bytes):
        return cut.decode("utf-8", "replace")
    return type(holder)(cut)
