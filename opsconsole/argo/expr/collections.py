"""Builtins over numbers, lists and maps."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from opsconsole.argo.expr.errors import Panic
from opsconsole.argo.expr.operators import (
    check_key,
    equal,
    fetch,
    is_integer,
    is_number,
    less,
    more,
    shown,
    to_int,
)
from opsconsole.argo.golang.format import sort_keys, sprintf
from opsconsole.argo.golang.strconv import parse_float, parse_int
from opsconsole.argo.golang.values import (
    AnyMap,
    Floats,
    Ints,
    Pair,
    Pairs,
    Strings,
    float_to_int,
    type_name,
)
from opsconsole.errors import RuleError

if TYPE_CHECKING:
    from opsconsole.argo.expr.builtins import Machine

_GO_KINDS = (
    (bool, "bool"), (int, "int"), (float, "float64"), (str, "string"), (bytes, "slice"),
    (Pair, "array"), (list, "slice"), (dict, "map"),
)  # fmt: skip


def go_kind(value: Any) -> str:
    """`reflect.Kind` of a value as Go prints it."""
    if value is None:
        return "invalid"
    named = {"int64": "int64", "uint8": "uint8", "time.Duration": "int64", "time.Time": "struct"}
    if type_name(value) in named:
        return named[type_name(value)]
    return next((word for python, word in _GO_KINDS if isinstance(value, python)), "func")


def length(_: Machine, args: list[Any]) -> int:
    if isinstance(args[0], str | list | dict | bytes):
        return len(args[0])
    raise Panic(f"invalid argument for len (type {type_name(args[0])})")


def type_word(_: Machine, args: list[Any]) -> str:
    value = args[0]
    if value is None:
        return "nil"
    named = type_name(value)
    if named in ("time.Time", "time.Duration", "time.Month", "time.Weekday"):
        return named
    kind = go_kind(value)
    return {
        "slice": "array", "array": "array", "int64": "int", "uint8": "uint", "float64": "float",
    }.get(kind, kind)  # fmt: skip


def absolute(_: Machine, args: list[Any]) -> Any:
    value = args[0]
    if not is_number(value):
        raise Panic(f"invalid argument for abs (type {type_name(value)})")
    return -value if value < 0 else value


def rounding(name: str) -> Callable[[Machine, list[Any]], float]:
    def call(_: Machine, args: list[Any]) -> float:
        value = args[0]
        if not is_number(value):
            raise Panic(f"invalid argument for {name} (type {type_name(value)})")
        return go_round(name, float(value))

    return call


def go_round(name: str, value: float) -> float:
    """`math.Ceil`, `math.Floor`, and `math.Round`, which rounds halves away from zero."""
    if math.isnan(value) or math.isinf(value):
        return value
    if name == "ceil":
        return math.copysign(float(math.ceil(value)), value)
    if name == "floor":
        return float(math.floor(value))
    whole = math.floor(abs(value))
    return math.copysign(float(whole + (abs(value) - whole >= 0.5)), value)


def to_integer(_: Machine, args: list[Any]) -> int:
    value = args[0]
    if isinstance(value, str):
        try:
            return parse_int(value, "Atoi")
        except RuleError:
            raise Panic(f"invalid operation: int({value})") from None
    if isinstance(value, float):
        return float_to_int(value)
    if isinstance(value, int) and not isinstance(value, bool):
        return int(value)
    if value is None:
        raise Panic("reflect: call of reflect.Value.Type on zero Value")
    raise Panic(f"invalid operation: int({type_name(value)})")


def to_floating(_: Machine, args: list[Any]) -> float:
    value = args[0]
    if isinstance(value, str):
        try:
            return parse_float(value)
        except RuleError:
            raise Panic(f"invalid operation: float({value})") from None
    if is_number(value):
        return float(value)
    raise Panic(f"invalid operation: float({type_name(value)})")


def extreme(name: str) -> Callable[[Machine, list[Any]], Any]:
    better = less if name == "max" else more

    def over(value: Any, best: Any, *, top: bool, alone: bool) -> Any:
        if is_number(value):
            return value if best is None or better(best, value) else best
        if isinstance(value, list):
            for item in value:
                best = over(item, best, top=False, alone=False)
            return best
        if top and alone:
            return value
        raise Panic(f"invalid argument for {name} (type {type_name(value)})")

    def call(machine: Machine, args: list[Any]) -> Any:
        best: Any = None
        for arg in args:
            machine.spend(len(arg) if isinstance(arg, list) else 1)
            best = over(arg, best, top=True, alone=len(args) == 1)
        return best

    return call


def _numbers(name: str, machine: Machine, value: Any) -> list[float]:
    if isinstance(value, list):
        machine.spend(len(value))
        return [number for item in value for number in _numbers(name, machine, item)]
    if is_number(value):
        return [float(value)]
    raise Panic(f"invalid argument for {name} (type {type_name(value)})")


def mean(machine: Machine, args: list[Any]) -> float:
    numbers = _numbers("mean", machine, list(args))
    total = 0.0
    for number in numbers:
        total += number
    return total / len(numbers) if numbers else 0.0


def median(machine: Machine, args: list[Any]) -> float:
    numbers = _numbers("median", machine, list(args))
    numbers.sort(key=lambda n: (not math.isnan(n), n))
    if not numbers:
        return 0.0
    half = len(numbers) // 2
    return numbers[half] if len(numbers) % 2 else (numbers[half - 1] + numbers[half]) / 2


def end_element(at: int) -> Callable[[Machine, list[Any]], Any]:
    def call(_: Machine, args: list[Any]) -> Any:
        try:
            return fetch(args[0], at)
        except Panic:
            return None

    return call


def get(_: Machine, args: list[Any]) -> Any:
    holder, index = args
    if isinstance(holder, list | str):
        try:
            return fetch(holder, index)
        except Panic:
            to_int(index)
            return None
    if isinstance(holder, dict):
        check_key(holder, index)
        return holder.get("" if index is None else index)
    return None


def _list(value: Any, verb: str) -> list[Any]:
    if isinstance(value, list):
        return value
    raise Panic(f"cannot {verb} {go_kind(value)}")


def _map(value: Any, fault: str) -> dict[Any, Any]:
    if isinstance(value, dict):
        return value
    raise Panic(fault.format(go_kind(value)))


def take(_: Machine, args: list[Any]) -> Any:
    holder = _list(args[0], "take from")
    if not is_integer(args[1]):
        raise Panic(f"cannot take {go_kind(args[1])} elements")
    if args[1] < 0:
        raise Panic("reflect.Value.Slice: slice index out of bounds")
    return type(holder)(holder[: int(args[1])])


def keys(_: Machine, args: list[Any]) -> list[Any]:
    return sort_keys(_map(args[0], "cannot get keys from {}"))


def values(_: Machine, args: list[Any]) -> list[Any]:
    holder = _map(args[0], "cannot get values from {}")
    return [holder[key] for key in sort_keys(holder)]


def to_pairs(_: Machine, args: list[Any]) -> Pairs:
    holder = _map(args[0], "cannot transform {} to pairs")
    return Pairs(Pair((key, holder[key])) for key in sort_keys(holder))


def from_pairs(_: Machine, args: list[Any]) -> AnyMap:
    if not isinstance(args[0], list):
        given = "<invalid reflect.Value>" if args[0] is None else sprintf("%s", args[:1])
        raise Panic(f"cannot transform {given} from pairs")
    out = AnyMap()
    for pair in args[0]:
        if not isinstance(pair, list):
            raise Panic(f"invalid pair {shown(pair)}")
        if len(pair) != 2:
            raise Panic(f"invalid pair length {shown(pair)}")
        if isinstance(pair[0], list | dict):
            raise Panic(f"runtime error: hash of unhashable type {type_name(pair[0])}")
        out[pair[0]] = pair[1]
    return out


def reverse(machine: Machine, args: list[Any]) -> list[Any]:
    holder = _list(args[0], "reverse")
    machine.grow(len(holder))
    return list(reversed(holder))


def uniq(machine: Machine, args: list[Any]) -> list[Any]:
    """Numbers and strings are found by their hash, which agrees with `equal`; NaN equals nothing."""
    out: list[Any] = []
    plain: set[Any] = set()
    others: list[Any] = []
    for item in _list(args[0], "uniq"):
        if type(item) is str or is_number(item):
            if item not in plain or item != item:  # noqa: PLR0124 - NaN
                plain.add(item)
                out.append(item)
            continue
        machine.spend(1 + 4 * len(others))
        if not any(equal(item, seen) for seen in others):
            others.append(item)
            out.append(item)
    return out


def concat(machine: Machine, args: list[Any]) -> list[Any]:
    out: list[Any] = []
    for arg in args:
        out += _list(arg, "concat")
    machine.grow(len(out))
    return out


def flatten(machine: Machine, args: list[Any]) -> list[Any]:
    out: list[Any] = []

    def into(holder: list[Any]) -> None:
        machine.spend(len(holder))
        for item in holder:
            if isinstance(item, list):
                into(item)
            else:
                out.append(item)

    into(_list(args[0], "flatten"))
    machine.grow(len(out))
    return out


def ordered(items: list[Any], key: Callable[[Any], Any], *, descending: bool) -> list[Any]:
    """Sorted by `less` over `key`; two things that cannot be compared are a Panic."""

    def order(a: Any, b: Any) -> int:
        x, y = (key(b), key(a)) if descending else (key(a), key(b))
        return -1 if less(x, y) else int(less(y, x))

    return sorted(items, key=cmp_to_key(order))


def sort(machine: Machine, args: list[Any]) -> list[Any]:
    descending = False
    if len(args) == 2:
        order = args[1]
        if not isinstance(order, str):
            raise Panic(f"sort order argument must be a string (got {type_name(order)})")
        if order not in ("asc", "desc"):
            raise Panic(f"invalid order {order}, expected asc or desc")
        descending = order == "desc"
    holder = args[0]
    known = isinstance(holder, Ints | Floats | Strings) or type(holder) is list
    items = list(holder) if known else []
    machine.spend(len(items) * max(len(items).bit_length(), 1))
    machine.grow(len(items))
    return ordered(items, lambda item: item, descending=descending)
