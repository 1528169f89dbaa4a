"""Functions of the environment, and the methods of Go's time values."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.operators import moved
from opsconsole.argo.expr.types import (
    ANY,
    BOOL,
    DURATION,
    FLOAT,
    INT,
    STRING,
    TIME,
    GoType,
    type_of,
)
from opsconsole.argo.golang.gotime import Duration, Location, Month, Time, Weekday
from opsconsole.argo.golang.values import Int64, type_name
from opsconsole.errors import RuleError


@dataclass(frozen=True)
class Function:
    """A Go function: `signature` for the checker, `call(*arguments)` for the machine.

    `call` raises RuleError (or Panic) with the text of the Go error. `typed`: called through
    expr's table of common signatures, where a wrong argument fails a type assertion.
    """

    name: str
    signature: GoType
    call: Callable[..., Any]
    typed: bool = False

    @property
    def go_type(self) -> str:
        return self.signature.name

    def invoke(self, arguments: list[Any]) -> Any:
        wanted = self.signature.inputs
        variadic = self.signature.variadic
        if variadic and len(arguments) < len(wanted) - 1:
            raise Panic(
                f"invalid number of arguments: expected at least {len(wanted) - 1}, got {len(arguments)}"
            )
        if not variadic and len(arguments) != len(wanted):
            raise Panic(
                f"invalid number of arguments: expected {len(wanted)}, got {len(arguments)}"
            )
        given = [
            self._argument(value, wanted[min(number, len(wanted) - 1)])
            for number, value in enumerate(arguments)
        ]
        try:
            return self.call(*given)
        except RuleError as wrong:
            raise Panic(wrong.message) from wrong

    def _argument(self, value: Any, wanted: GoType) -> Any:
        if wanted is ANY or type_of(value) is wanted:
            return value
        if value is None and not self.typed:
            return _ZERO.get(wanted.name)
        if self.typed:
            shown = "nil" if value is None else type_name(value)
            raise Panic(f"interface conversion: interface {{}} is {shown}, not {wanted}")
        if wanted.kind == "func" or wanted.methods:
            return value
        raise Panic(f"reflect: Call using {type_name(value)} as type {wanted}")


_ZERO: dict[str, Any] = {
    FLOAT.name: 0.0, INT.name: 0, STRING.name: "", BOOL.name: False, DURATION.name: Duration(0),
}  # fmt: skip


def _truncated(value: int, unit: int) -> int:
    return value if unit <= 0 else value - abs(value) % unit * (1 if value >= 0 else -1)


def _rounded(value: int, unit: int) -> int:
    if unit <= 0:
        return value
    rest = abs(value) % unit
    size = abs(value) - rest + (unit if rest * 2 >= unit else 0)
    return size if value >= 0 else -size


_YEAR_ONE = 62_135_596_800 * 1_000_000_000
"""Nanoseconds from the year 1, where Go rounds times from, to 1970."""


def _add_date(time: Time, years: int, months: int, days: int) -> Time:
    total = time.at.year * 12 + time.at.month - 1 + years * 12 + months
    if not 12 <= total < 9999 * 12:
        raise RuleError("time: year is outside of what a date can hold")
    first = time.at.replace(year=total // 12, month=total % 12 + 1, day=1)
    return Time(first, time.nanos, time.zone).add((time.at.day - 1 + days) * 86_400_000_000_000)


def _time_to(time: Time, nanos: int) -> Time:
    return moved(time, nanos - time.unix_nanos)


_TIME: dict[str, Callable[..., Any]] = {
    "Year": lambda t: t.at.year,
    "Month": lambda t: Month(t.at.month),
    "Day": lambda t: t.at.day,
    "Hour": lambda t: t.at.hour,
    "Minute": lambda t: t.at.minute,
    "Second": lambda t: t.at.second,
    "Nanosecond": lambda t: t.nanos,
    "YearDay": lambda t: t.at.timetuple().tm_yday,
    "Weekday": lambda t: Weekday(t.at.isoweekday() % 7),
    "Unix": lambda t: Int64(t.unix_nanos // 10**9),
    "UnixMilli": lambda t: Int64(t.unix_nanos // 10**6),
    "UnixMicro": lambda t: Int64(t.unix_nanos // 10**3),
    "UnixNano": lambda t: Int64(t.unix_nanos),
    "Format": lambda t, layout: t.format(layout),
    "String": str,
    "IsZero": lambda t: t.unix_nanos == -_YEAR_ONE,
    "Before": lambda t, other: t.unix_nanos < other.unix_nanos,
    "After": lambda t, other: t.unix_nanos > other.unix_nanos,
    "Equal": lambda t, other: t.unix_nanos == other.unix_nanos,
    "Compare": lambda t, other: (
        (t.unix_nanos > other.unix_nanos) - (t.unix_nanos < other.unix_nanos)
    ),
    "Add": lambda t, duration: moved(t, int(duration)),
    "Sub": lambda t, other: Duration(t.unix_nanos - other.unix_nanos),
    "AddDate": _add_date,
    "Truncate": lambda t, unit: _time_to(
        t, _truncated(t.unix_nanos + _YEAR_ONE, int(unit)) - _YEAR_ONE
    ),
    "Round": lambda t, unit: _time_to(t, _rounded(t.unix_nanos + _YEAR_ONE, int(unit)) - _YEAR_ONE),
    "UTC": lambda t: t.inside(_utc()),
    "In": lambda t, location: t.inside(location),
}

_DURATION: dict[str, Callable[..., Any]] = {
    "Hours": lambda d: int(d) / 3.6e12,
    "Minutes": lambda d: int(d) / 6e10,
    "Seconds": lambda d: int(d) / 1e9,
    "Milliseconds": lambda d: Int64(int(int(d) / 1e6)),
    "Microseconds": lambda d: Int64(int(int(d) / 1e3)),
    "Nanoseconds": lambda d: Int64(int(d)),
    "String": str,
    "Abs": lambda d: Duration(abs(int(d))),
    "Round": lambda d, unit: Duration(_rounded(int(d), int(unit))),
    "Truncate": lambda d, unit: Duration(_truncated(int(d), int(unit))),
}


def _utc() -> Location:
    from opsconsole.argo.golang.gotime import UTC_LOCATION

    return UTC_LOCATION


def bound_method(holder: Any, name: str) -> Function | None:
    """A method of a Go value by name; None for values without methods."""
    if isinstance(holder, Time):
        rule = _TIME.get(name)
    elif isinstance(holder, Duration):
        rule = _DURATION.get(name)
    elif isinstance(holder, Month | Weekday | Location):
        rule = str if name == "String" else None
    else:
        return None
    signature = type_of(holder).methods.get(name)
    if rule is None or signature is None:
        return None
    return Function(name, signature, lambda *arguments: rule(holder, *arguments))


__all__ = ["TIME", "Function", "bound_method"]
