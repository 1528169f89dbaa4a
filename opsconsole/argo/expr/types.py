"""Go types as the expression language's checker sees them.

`GoType` is a `reflect.Type`, `Nature` what the checker knows of a node. Separate from the
checker because builtins declare their signatures with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.golang.values import type_name


@dataclass(frozen=True, eq=False)
class GoType:
    """Compared by identity, but functions; `integer` only for Go's own integer types."""

    name: str
    kind: str
    elem: GoType | None = None
    key: GoType | None = None
    integer: bool = False
    inputs: tuple[GoType, ...] = ()
    output: GoType | None = None
    variadic: bool = False
    methods: dict[str, GoType] = field(default_factory=dict)

    def __str__(self) -> str:
        return self.name

    def assignable_to(self, other: GoType) -> bool:
        return self is other or other is ANY

    @property
    def number(self) -> bool:
        return self.integer or self is FLOAT


ANY = GoType("interface {}", "interface")
BOOL = GoType("bool", "bool")
INT = GoType("int", "int", integer=True)
INT64 = GoType("int64", "int64", integer=True)
INT32 = GoType("int32", "int32", integer=True)
UINT8 = GoType("uint8", "uint8", integer=True)
FLOAT = GoType("float64", "float64")
STRING = GoType("string", "string")
BYTES = GoType("[]uint8", "slice", elem=UINT8)
ANY_SLICE = GoType("[]interface {}", "slice", elem=ANY)
FLOAT_SLICE = GoType("[]float64", "slice", elem=FLOAT)
INT_SLICE = GoType("[]int", "slice", elem=INT)
STRING_SLICE = GoType("[]string", "slice", elem=STRING)
PAIR = GoType("[2]interface {}", "array", elem=ANY)
PAIR_SLICE = GoType("[][2]interface {}", "slice", elem=PAIR)
OBJECT = GoType("map[string]interface {}", "map", elem=ANY, key=STRING)
STRING_MAP = GoType("map[string]string", "map", elem=STRING, key=STRING)
ANY_MAP = GoType("map[interface {}]interface {}", "map", elem=ANY, key=ANY)
GROUPS = GoType("map[interface {}][]interface {}", "map", elem=ANY_SLICE, key=ANY)
TIME = GoType("time.Time", "struct")
DURATION = GoType("time.Duration", "int64")
MONTH = GoType("time.Month", "int")
WEEKDAY = GoType("time.Weekday", "int")
LOCATION = GoType("*time.Location", "ptr")

_BY_NAME = {
    t.name: t
    for t in (
        BOOL, INT, INT64, INT32, UINT8, FLOAT, STRING, BYTES, ANY_SLICE, FLOAT_SLICE, INT_SLICE,
        STRING_SLICE, PAIR, PAIR_SLICE, OBJECT, STRING_MAP, ANY_MAP, GROUPS, TIME, DURATION,
        MONTH, WEEKDAY, LOCATION,
    )
}  # fmt: skip


def function(*inputs: GoType, out: GoType, variadic: bool = False) -> GoType:
    shown = [t.name for t in inputs]
    if variadic:
        shown[-1] = "..." + inputs[-1].name
    return GoType(
        f"func({', '.join(shown)}) {out}", "func", inputs=inputs, output=out, variadic=variadic
    )


for _type, _methods in (
    (
        TIME,
        {
            **{
                name: function(out=INT)
                for name in (
                    "Year",
                    "Day",
                    "Hour",
                    "Minute",
                    "Second",
                    "Nanosecond",
                    "YearDay",
                )
            },
            **{
                name: function(out=INT64) for name in ("Unix", "UnixMilli", "UnixMicro", "UnixNano")
            },
            "Month": function(out=MONTH),
            "Weekday": function(out=WEEKDAY),
            "Format": function(STRING, out=STRING),
            "String": function(out=STRING),
            "IsZero": function(out=BOOL),
            "Before": function(TIME, out=BOOL),
            "After": function(TIME, out=BOOL),
            "Equal": function(TIME, out=BOOL),
            "Compare": function(TIME, out=INT),
            "Add": function(DURATION, out=TIME),
            "Sub": function(TIME, out=DURATION),
            "AddDate": function(INT, INT, INT, out=TIME),
            "Truncate": function(DURATION, out=TIME),
            "Round": function(DURATION, out=TIME),
            "UTC": function(out=TIME),
            "In": function(LOCATION, out=TIME),
        },
    ),
    (
        DURATION,
        {
            **{name: function(out=FLOAT) for name in ("Hours", "Minutes", "Seconds")},
            **{
                name: function(out=INT64)
                for name in ("Milliseconds", "Microseconds", "Nanoseconds")
            },
            "String": function(out=STRING),
            "Abs": function(out=DURATION),
            "Round": function(DURATION, out=DURATION),
            "Truncate": function(DURATION, out=DURATION),
        },
    ),
    (MONTH, {"String": function(out=STRING)}),
    (WEEKDAY, {"String": function(out=STRING)}),
    (LOCATION, {"String": function(out=STRING)}),
):
    _type.methods.update(_methods)


@dataclass(frozen=True, slots=True)
class Nature:
    """What is known of a value: no `type` and not `nil` is unknown.

    `ref` is the element of a list, or what a predicate gives.
    """

    type: GoType | None = None
    nil: bool = False
    ref: Nature | None = None
    builtin: str = ""
    method: bool = False

    @property
    def unknown(self) -> bool:
        return (self.type is None and not self.nil) or self.type is ANY

    @property
    def kind(self) -> str:
        return self.type.kind if self.type else "invalid"

    @property
    def integer(self) -> bool:
        return self.type is not None and self.type.integer

    @property
    def number(self) -> bool:
        return self.type is not None and self.type.number

    @property
    def array(self) -> bool:
        return self.kind in ("slice", "array")

    def __str__(self) -> str:
        return self.type.name if self.type else "unknown"

    def elem(self) -> Nature:
        if self.array and self.ref is not None:
            return self.ref
        return Nature(self.type.elem) if self.type and self.type.elem else UNKNOWN

    def key(self) -> Nature:
        return Nature(self.type.key) if self.type and self.type.key else UNKNOWN

    def assignable_to(self, other: Nature) -> bool:
        if self.nil and other.kind in ("ptr", "interface", "func", "map", "slice"):
            return True
        if self.type is None or other.type is None:
            return False
        return self.type.assignable_to(other.type)

    def comparable_to(self, other: Nature) -> bool:
        return (
            self.unknown
            or other.unknown
            or self.nil
            or other.nil
            or (self.number and other.number)
            or (self.array and other.array)
            or self.assignable_to(other)
        )

    def any_of(self, *checks: str) -> bool:
        return any(self.is_(check) for check in checks)

    def is_(self, check: str) -> bool:
        if check == "integer":
            return self.integer
        if check == "number":
            return self.number
        if check == "array":
            return self.array
        if check == "time":
            return self.type is TIME
        if check == "duration":
            return self.type is DURATION
        return self.kind == check

    def maybe(self, other: Nature, *checks: str) -> bool:
        if self.unknown and other.unknown:
            return True
        return (self.unknown and other.any_of(*checks)) or (other.unknown and self.any_of(*checks))

    def array_of(self) -> Nature:
        return Nature(ANY_SLICE, ref=self)


UNKNOWN = Nature()
NIL = Nature(nil=True)


def type_of(value: Any) -> GoType:
    """The Go type of a value; a type that is not one of ours is opaque."""
    signature = getattr(value, "signature", None)
    if isinstance(signature, GoType):
        return signature
    name = type_name(value)
    return _BY_NAME.get(name) or GoType(name, "struct")


def nature_of(value: Any) -> Nature:
    return NIL if value is None else Nature(type_of(value))


def natures_of(environment: Mapping[str, Any]) -> dict[str, Nature]:
    return {name: nature_of(value) for name, value in environment.items()}
