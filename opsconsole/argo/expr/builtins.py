"""The functions that every expression may call: their checks and what they do (expr v1.17).

Those that take a predicate are the interpreter's own. Separate from it because this is a
table: name → signature or check, and a function over Go values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.argo.expr import collections as seqs
from opsconsole.argo.expr import texts
from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.operators import is_integer, shown
from opsconsole.argo.expr.types import (
    ANY,
    ANY_MAP,
    ANY_SLICE,
    DURATION,
    FLOAT,
    FLOAT_SLICE,
    INT,
    INT_SLICE,
    LOCATION,
    STRING,
    STRING_SLICE,
    TIME,
    GoType,
    function,
)
from opsconsole.argo.golang.gotime import (
    LAYOUTS,
    UTC_LOCATION,
    Location,
    Time,
    load_location,
    parse_go_duration,
    parse_time,
)
from opsconsole.argo.golang.values import type_name, wrap_int
from opsconsole.errors import RuleError


class Machine(Protocol):
    """What a builtin may ask of the interpreter."""

    def grow(self, size: int) -> None: ...

    def spend(self, steps: int) -> None: ...

    def now(self) -> Time: ...


Implementation = Callable[[Machine, list[Any]], Any]
Check = Callable[[list[GoType | None]], GoType]


@dataclass(frozen=True)
class Builtin:
    """`check` gives the result's type or raises RuleError; without it one of `types` must fit."""

    name: str
    call: Implementation
    check: Check | None = None
    types: tuple[GoType, ...] = field(default=())


def kind(t: GoType | None) -> str:
    return t.kind if t is not None else "invalid"


def _shown(t: GoType | None) -> str:
    return t.name if t is not None else "%!s(<nil>)"


NUMBERS = ("float64", "int", "int64", "int32", "uint8")
LISTS = ("slice", "array")


def _count(args: list[GoType | None], wanted: int) -> None:
    if len(args) != wanted:
        raise RuleError(f"invalid number of arguments (expected {wanted}, got {len(args)})")


def one_of(
    kinds: tuple[str, ...], result: GoType | Callable[[GoType], GoType], fault: str
) -> Check:
    """One argument of `kinds` or of an unknown type; `fault` takes the type."""

    def check(args: list[GoType | None]) -> GoType:
        _count(args, 1)
        given = args[0]
        if kind(given) not in (*kinds, "interface") or given is None:
            raise RuleError(fault.format(_shown(given)))
        return result if isinstance(result, GoType) else result(given)

    return check


def _aggregate(name: str) -> Check:
    def check(args: list[GoType | None]) -> GoType:
        if not args:
            raise RuleError(f"not enough arguments to call {name}")
        for given in args:
            if kind(given) in (*LISTS, "interface"):
                return ANY
            if kind(given) not in NUMBERS:
                raise RuleError(f"invalid argument for {name} (type {_shown(given)})")
        return args[0] or ANY

    return check


def _lists(name: str) -> Check:
    def check(args: list[GoType | None]) -> GoType:
        if not args:
            raise RuleError("invalid number of arguments (expected at least 1, got 0)")
        for given in args:
            if kind(given) not in (*LISTS, "interface"):
                raise RuleError(f"cannot {name} {_shown(given)}")
        return ANY_SLICE

    return check


def _element(given: GoType) -> GoType:
    return given.elem if given.elem is not None and given.kind in LISTS else ANY


def _take(args: list[GoType | None]) -> GoType:
    _count(args, 2)
    if kind(args[0]) not in (*LISTS, "interface"):
        raise RuleError(f"cannot take from {_shown(args[0])}")
    if kind(args[1]) not in ("int", "int64", "int32", "interface"):
        raise RuleError(f"cannot take {_shown(args[1])} elements")
    return args[0] or ANY


def _now(args: list[GoType | None]) -> GoType:
    if len(args) == 1 and args[0] is LOCATION:
        return TIME
    _count(args, 0)
    return TIME


def _date(args: list[GoType | None]) -> GoType:
    if not args:
        raise RuleError("invalid number of arguments (expected at least 1, got 0)")
    rest = args[1:] if args[0] is LOCATION else args
    if len(rest) > 3:
        raise RuleError(f"invalid number of arguments (expected at most 3, got {len(rest)})")
    return TIME


def go_error(call: Callable[[], Any]) -> Any:
    """A returned Go error is a panic of the machine."""
    try:
        return call()
    except RuleError as wrong:
        raise Panic(wrong.message) from wrong


def _call_now(machine: Machine, args: list[Any]) -> Time:
    return machine.now().inside(args[0]) if args else machine.now()


def _call_date(_: Machine, args: list[Any]) -> Time:
    location = args.pop(0) if isinstance(args[0], Location) else UTC_LOCATION
    words = [texts.as_string(arg) for arg in args]
    if len(words) == 2:
        return parse(words[1], words[0], location)
    if len(words) == 3:
        zone: Location = go_error(lambda: load_location(words[2]))
        return parse(words[1], words[0], zone)
    for layout in LAYOUTS:
        try:
            return parse_time(layout, words[0], location)
        except RuleError:
            continue
    raise Panic(f"invalid date {words[0]}")


def parse(layout: str, text: str, location: Location) -> Time:
    found: Time = go_error(lambda: parse_time(layout, text, location))
    return found


def _bits(name: str, operation: Callable[[int, int], int], *, shift: bool = False) -> Builtin:
    def call(_: Machine, args: list[Any]) -> int:
        for arg in args:
            if not is_integer(arg):
                raise Panic(f"cannot use {type_name(arg)} as argument (type int) to call {name}")
        if shift and args[1] < 0:
            raise Panic(f"invalid operation: negative shift count {args[1]} (type int)")
        return wrap_int(operation(int(args[0]), min(int(args[1]), 64) if shift else int(args[1])))

    return Builtin(name, call, types=(function(INT, INT, out=INT),))


def _bitnot(_: Machine, args: list[Any]) -> int:
    if not is_integer(args[0]):
        raise Panic(f"cannot use {type_name(args[0])} as argument (type int) to call bitnot")
    return ~int(args[0])


def _duration(_: Machine, args: list[Any]) -> Any:
    return go_error(lambda: parse_go_duration(texts.as_string(args[0])))


def _timezone(_: Machine, args: list[Any]) -> Any:
    return go_error(lambda: load_location(texts.as_string(args[0])))


def _rounding(name: str, call: Implementation) -> Builtin:
    return Builtin(
        name, call, one_of(NUMBERS, FLOAT, "invalid argument for " + name + " (type {})")
    )


_TEXT = function(STRING, out=STRING)
_TEXT2 = function(STRING, STRING, out=STRING)
_PARTS = function(STRING, STRING, out=STRING_SLICE)
_PARTS_N = function(STRING, STRING, INT, out=STRING_SLICE)
_INDEX = function(STRING, STRING, out=INT)

TABLE: tuple[Builtin, ...] = (
    Builtin(
        "len",
        seqs.length,
        one_of(("array", "map", "slice", "string"), INT, "invalid argument for len (type {})"),
    ),
    Builtin("type", seqs.type_word, types=(function(ANY, out=STRING),)),
    Builtin(
        "abs", seqs.absolute, one_of(NUMBERS, lambda t: t, "invalid argument for abs (type {})")
    ),
    _rounding("ceil", seqs.rounding("ceil")),
    _rounding("floor", seqs.rounding("floor")),
    _rounding("round", seqs.rounding("round")),
    Builtin(
        "int",
        seqs.to_integer,
        one_of((*NUMBERS, "string"), INT, "invalid argument for int (type {})"),
    ),
    Builtin(
        "float",
        seqs.to_floating,
        one_of((*NUMBERS, "string"), FLOAT, "invalid argument for float (type {})"),
    ),
    Builtin("string", lambda _, a: shown(a[0]), types=(function(ANY, out=STRING),)),
    Builtin("trim", texts.trim, types=(_TEXT, _TEXT2)),
    Builtin("trimPrefix", texts.trim_prefix, types=(_TEXT2, _TEXT)),
    Builtin("trimSuffix", texts.trim_suffix, types=(_TEXT2, _TEXT)),
    Builtin("upper", lambda _, a: texts.as_string(a[0]).upper(), types=(_TEXT,)),
    Builtin("lower", lambda _, a: texts.as_string(a[0]).lower(), types=(_TEXT,)),
    Builtin("split", texts.splitter(after=False), types=(_PARTS, _PARTS_N)),
    Builtin("splitAfter", texts.splitter(after=True), types=(_PARTS, _PARTS_N)),
    Builtin(
        "replace",
        texts.replace,
        types=(
            function(STRING, STRING, STRING, INT, out=STRING),
            function(STRING, STRING, STRING, out=STRING),
        ),
    ),
    Builtin("repeat", texts.repeat, types=(function(STRING, INT, out=STRING),)),
    Builtin(
        "join",
        texts.join,
        types=(
            function(STRING_SLICE, STRING, out=STRING),
            function(ANY_SLICE, STRING, out=STRING),
            function(ANY_SLICE, out=STRING),
            function(STRING_SLICE, STRING, out=STRING),
            function(STRING_SLICE, out=STRING),
        ),
    ),
    Builtin("indexOf", texts.index_of, types=(_INDEX,)),
    Builtin("lastIndexOf", texts.last_index_of, types=(_INDEX,)),
    Builtin("hasPrefix", texts.has_prefix, types=(function(STRING, STRING, out=texts.BOOL),)),
    Builtin("hasSuffix", texts.has_suffix, types=(function(STRING, STRING, out=texts.BOOL),)),
    Builtin("max", seqs.extreme("max"), _aggregate("max")),
    Builtin("min", seqs.extreme("min"), _aggregate("min")),
    Builtin("mean", seqs.mean, _aggregate("mean")),
    Builtin("median", seqs.median, _aggregate("median")),
    Builtin("toJSON", texts.to_json, types=(function(ANY, out=STRING),)),
    Builtin("fromJSON", texts.from_json, types=(function(STRING, out=ANY),)),
    Builtin("toBase64", texts.to_base64, types=(_TEXT,)),
    Builtin("fromBase64", texts.from_base64, types=(_TEXT,)),
    Builtin("now", _call_now, _now),
    Builtin("duration", _duration, types=(function(STRING, out=DURATION),)),
    Builtin("date", _call_date, _date),
    Builtin("timezone", _timezone, types=(function(STRING, out=LOCATION),)),
    Builtin(
        "first", seqs.end_element(0), one_of(LISTS, _element, "cannot get first element from {}")
    ),
    Builtin(
        "last", seqs.end_element(-1), one_of(LISTS, _element, "cannot get last element from {}")
    ),
    Builtin("get", seqs.get),
    Builtin("take", seqs.take, _take),
    Builtin("keys", seqs.keys, one_of(("map",), ANY_SLICE, "cannot get keys from {}")),
    Builtin("values", seqs.values, one_of(("map",), ANY_SLICE, "cannot get values from {}")),
    Builtin("toPairs", seqs.to_pairs, one_of(("map",), ANY_SLICE, "cannot transform {} to pairs")),
    Builtin("fromPairs", seqs.from_pairs, one_of(LISTS, ANY_MAP, "cannot transform {} from pairs")),
    Builtin("reverse", seqs.reverse, one_of(LISTS, ANY_SLICE, "cannot reverse {}")),
    Builtin("uniq", seqs.uniq, one_of(LISTS, ANY_SLICE, "cannot uniq {}")),
    Builtin("concat", seqs.concat, _lists("concat")),
    Builtin("flatten", seqs.flatten, one_of(LISTS, ANY_SLICE, "cannot flatten {}")),
    Builtin(
        "sort",
        seqs.sort,
        types=(
            *(
                function(t, STRING, out=ANY_SLICE)
                for t in (ANY_SLICE, INT_SLICE, FLOAT_SLICE, STRING_SLICE)
            ),
            *(
                function(t, out=ANY_SLICE)
                for t in (ANY_SLICE, FLOAT_SLICE, STRING_SLICE, INT_SLICE)
            ),
        ),
    ),
    _bits("bitand", lambda x, y: x & y),
    _bits("bitor", lambda x, y: x | y),
    _bits("bitxor", lambda x, y: x ^ y),
    _bits("bitnand", lambda x, y: x & ~y),
    _bits("bitshl", lambda x, y: x << y, shift=True),
    _bits("bitshr", lambda x, y: x >> y, shift=True),
    _bits("bitushr", lambda x, y: (x % 2**64) >> y, shift=True),
    Builtin("bitnot", _bitnot, types=(function(INT, out=INT),)),
)

BUILTINS: dict[str, Builtin] = {builtin.name: builtin for builtin in TABLE}
