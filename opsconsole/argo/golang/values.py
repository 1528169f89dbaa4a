"""Go values as Python values, and Go's names of their types.

    nil None · bool bool · int int · float64 float · string str · []byte bytes
    []interface {} list · map[string]interface {} dict

Everything else is a subclass that carries its Go type in `go_type`. Separate so that the
expression language, JSONPath and templates print the same `%T`.
"""

from __future__ import annotations

import json
import math
import re
from typing import Any, ClassVar

from opsconsole.errors import RuleError

MAX_DEPTH = 200
"""Nested lists and objects that decoded JSON may have; Go allows 10,000, our stack does not."""


class Int64(int):
    go_type: ClassVar[str] = "int64"


class Uint8(int):
    """One byte of a string."""

    go_type: ClassVar[str] = "uint8"


class Uint64(int):
    go_type: ClassVar[str] = "uint64"


class Rune(int):
    go_type: ClassVar[str] = "int32"


class Floats(list[float]):
    go_type: ClassVar[str] = "[]float64"


class Ints(list[int]):
    go_type: ClassVar[str] = "[]int"


class Strings(list[str]):
    go_type: ClassVar[str] = "[]string"


class Pair(list[Any]):
    """An array of two."""

    go_type: ClassVar[str] = "[2]interface {}"


class Pairs(list[Any]):
    go_type: ClassVar[str] = "[][2]interface {}"


class AnyMap(dict[Any, Any]):
    go_type: ClassVar[str] = "map[interface {}]interface {}"


class Groups(dict[Any, Any]):
    go_type: ClassVar[str] = "map[interface {}][]interface {}"


class StringMap(dict[str, str]):
    go_type: ClassVar[str] = "map[string]string"


def type_name(value: object) -> str:
    """`%T` of a value."""
    named = getattr(value, "go_type", None)
    if isinstance(named, str):
        return named
    for python, name in _NAMES:
        if isinstance(value, python):
            return name
    return "<nil>" if value is None else type(value).__name__


_NAMES: tuple[tuple[type, str], ...] = (
    (bool, "bool"),
    (int, "int"),
    (float, "float64"),
    (str, "string"),
    (bytes, "[]uint8"),
    (list, "[]interface {}"),
    (tuple, "[]interface {}"),
    (dict, "map[string]interface {}"),
)


def wrap_int(value: int) -> int:
    """Two's complement of 64 bits, as Go's integers overflow."""
    return (value + 2**63) % 2**64 - 2**63


def float_to_int(value: float) -> int:
    """`int(f)` on amd64: out of range and NaN give the smallest integer."""
    if math.isnan(value) or not -(2.0**63) <= value < 2.0**63:
        return -(2**63)
    return int(value)


def decode_json(source: str) -> Any:
    """`json.Unmarshal` into an interface: every number is a float64. RuleError when it is not JSON."""

    def number(digits: str) -> float:
        value = float(digits)
        if math.isinf(value):
            raise RuleError(f"json: cannot unmarshal number {digits} into Go value of type float64")
        return value

    def constant(name: str) -> float:
        raise RuleError(f"invalid character '{name[0]}' looking for beginning of value")

    if _depth(source) > MAX_DEPTH:
        raise RuleError("exceeded max depth")
    try:
        return json.loads(source, parse_int=number, parse_float=number, parse_constant=constant)
    except json.JSONDecodeError as wrong:
        raise RuleError(_json_fault(source, wrong)) from wrong


def _depth(source: str) -> int:
    """Brackets open at once, counting those in strings too: only a bound."""
    depth = most = 0
    for char in source:
        if char in "[{":
            depth += 1
            most = max(most, depth)
        elif char in "]}":
            depth -= 1
    return most


_LITERALS = ("true", "false", "null")


def _json_fault(source: str, wrong: json.JSONDecodeError) -> str:
    """The scanner's words of `encoding/json`."""
    at = wrong.pos
    rest = source[at:].lstrip(" \t\r\n")
    if not rest or wrong.msg.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    if wrong.msg.startswith("Invalid control character"):
        return f"invalid character {quote_char(rest[0])} in string literal"
    if wrong.msg.startswith("Invalid \\"):
        return f"invalid character {quote_char(source[at + 1 : at + 2])} in string escape code"
    for word in _LITERALS:
        common = next((i for i, c in enumerate(word) if rest[i : i + 1] != c), len(word))
        if common and wrong.msg == "Expecting value":
            if common == len(rest):
                return "unexpected end of JSON input"
            return (
                f"invalid character {quote_char(rest[common])} in literal {word}"
                f" (expecting {quote_char(word[common])})"
            )
    return f"invalid character {quote_char(rest[0])} {_json_place(source[:at], wrong.msg)}"


def _json_place(before: str, problem: str) -> str:
    if problem.startswith("Expecting property name"):
        return "looking for beginning of object key string"
    if problem.startswith("Expecting ':'"):
        return "after object key"
    if problem.startswith("Extra data"):
        return "after top-level value"
    if problem.startswith("Expecting ','"):
        opened: list[str] = []
        for char in re.sub(r'"(?:[^"\\]|\\.)*"', "", before):
            if char in "[{":
                opened.append(char)
            elif char in "]}" and opened:
                opened.pop()
        inside = opened[-1] if opened else ""
        return "after array element" if inside == "[" else "after object key:value pair"
    return "looking for beginning of value"


def quote_char(char: str) -> str:
    if char == "'":
        return "'\\''"
    if char == '"':
        return "'\"'"
    return f"'{char}'"
