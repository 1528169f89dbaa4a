"""Kubernetes' JSONPath templates (`k8s.io/client-go/util/jsonpath`).

    find("{$.items[?(@.v>1)].name}", data)   → [[value, …], …]   one list a template part
    render("{.metadata.name}", data)         → text, as `kubectl -o jsonpath` prints it

Separate because web metrics, field references and commands read documents with it. `data` is
decoded JSON. Errors are RuleErrors with the library's texts.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

from opsconsole.argo.golang.encjson import encode
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.strconv import parse_float, parse_int
from opsconsole.argo.golang.values import Uint8, type_name
from opsconsole.errors import RuleError

MAX_RESULTS = 200_000
"""Values that one step may select; ours."""

MAX_NESTING = 50

_TERMINATORS = " \t\r\n.,[]$@{}"
_KEY = re.compile(r"'([^']*)'")
_SLICE = re.compile(r"(-?\d*)(:-?\d*)?(:-?\d*)?", re.ASCII)
_FILTER = re.compile(r"([^!<>=]+)([!<>=]+)(.+)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Text:
    text: str


@dataclass(frozen=True, slots=True)
class Constant:
    value: Any


@dataclass(frozen=True, slots=True)
class Field:
    name: str


@dataclass(frozen=True, slots=True)
class Wildcard:
    pass


@dataclass(frozen=True, slots=True)
class Recursive:
    pass


@dataclass(frozen=True, slots=True)
class Keyword:
    """`range`, `end`, or a word that is neither."""

    name: str


@dataclass(frozen=True, slots=True)
class Index:
    """A slice; None for what is left out. `single`: one index, whose end follows from it."""

    begin: int | None
    end: int | None
    step: int | None
    single: bool = False


@dataclass(frozen=True, slots=True)
class Union:
    parts: tuple[Sequence, ...]


@dataclass(frozen=True, slots=True)
class Filter:
    left: Sequence
    right: Sequence | None
    operator: str


@dataclass(slots=True)
class Sequence:
    nodes: list[Any] = field(default_factory=list)


class _Parser:
    def __init__(self, source: str, nesting: int = 0) -> None:
        if nesting > MAX_NESTING:
            raise RuleError("jsonpath is nested too deeply")
        self.source = source
        self.at = 0
        self.nesting = nesting
        self.root: list[Any] = []

    def parse(self) -> list[Any]:
        while self.at < len(self.source):
            brace = self.source.find("{", self.at)
            end = len(self.source) if brace < 0 else brace
            if end > self.at:
                self.root.append(Text(self.source[self.at : end]))
            self.at = end
            if brace >= 0:
                self.at += 1
                action = Sequence()
                self.root.append(action)
                self._action(action.nodes)
        return self.root

    def _action(self, nodes: list[Any]) -> None:
        source = self.source
        while not source.startswith("}", self.at):
            char = source[self.at : self.at + 1]
            if not char or char in "\r\n":
                raise RuleError("unclosed action")
            if source.startswith("[?(", self.at):
                nodes.append(self._filter())
            elif source.startswith("..", self.at):
                self._recursive(nodes)
            elif char in " @$":
                self.at += 1
            elif char == "[":
                self._array(nodes)
            elif char in "\"'":
                nodes.append(Text(self._quoted(char)))
            elif char == ".":
                self.at += 1
                nodes.append(self._field())
            elif char in "+-" or char.isdecimal():
                nodes.append(Constant(self._number()))
            elif char == "_" or char.isalpha():
                nodes.append(self._word())
            else:
                raise RuleError(f"unrecognized character in action: U+{ord(char):04X} '{char}'")
        self.at += 1

    def _recursive(self, nodes: list[Any]) -> None:
        if nodes and isinstance(nodes[-1], Recursive):
            raise RuleError("invalid multiple recursive descent")
        self.at += 2
        nodes.append(Recursive())
        following = self.source[self.at : self.at + 1]
        if following == "_" or following.isalnum():
            nodes.append(self._field())

    def _field(self) -> Field | Wildcard:
        begin = self.at
        while self.at < len(self.source):
            char = self.source[self.at]
            if char == "\\":
                self.at += 1
            elif char in _TERMINATORS:
                break
            self.at += 1
        name = self.source[begin : self.at]
        return Wildcard() if name == "*" else Field(name.replace("\\", ""))

    def _word(self) -> Constant | Keyword:
        begin = self.at
        while self.at < len(self.source) and self.source[self.at] not in _TERMINATORS:
            self.at += 1
        word = self.source[begin : self.at]
        return Constant(word == "true") if word in ("true", "false") else Keyword(word)

    def _number(self) -> int | float:
        begin = self.at
        self.at += self.source[self.at] in "+-"
        while self.source[self.at : self.at + 1] == "." or self._digit():
            self.at += 1
        text = self.source[begin : self.at]
        for parse in (parse_int, parse_float):
            try:
                return parse(text)
            except RuleError:
                continue
        raise RuleError(f"cannot parse number {text}")

    def _digit(self) -> bool:
        return self.source[self.at : self.at + 1].isdecimal()

    def _quoted(self, mark: str) -> str:
        begin = self.at
        self.at += 1
        while True:
            char = self.source[self.at : self.at + 1]
            if not char or char == "\n":
                raise RuleError("unterminated quoted string")
            self.at += 1
            if char == mark and self.source[self.at - 2] != "\\":
                break
        return _unquote(self.source[begin + 1 : self.at - 1], mark)

    def _array(self, nodes: list[Any]) -> None:
        end = self.source.find("]", self.at)
        line = self.source.find("\n", self.at)
        if end < 0 or 0 <= line < end:
            raise RuleError("unterminated array")
        text = self.source[self.at + 1 : end]
        self.at = end + 1
        text = ":" if text == "*" else text
        parts = text.split(",")
        if len(parts) > 1:
            nodes.append(Union(tuple(self._inner(f"[{part.strip(' ')}]") for part in parts)))
            return
        keyed = _KEY.fullmatch(text)
        if keyed is not None:
            nodes.extend(self._inner(f".{keyed[1]}").nodes)
            return
        nodes.append(_index(text))

    def _inner(self, action: str) -> Sequence:
        found = _Parser("{" + action + "}", self.nesting + 1).parse()
        first = found[0]
        assert isinstance(first, Sequence)
        return first

    def _filter(self) -> Filter:
        self.at += 3
        begin = self.at
        opened = closed = False
        pair = ""
        while True:
            char = self.source[self.at : self.at + 1]
            if not char or char == "\n":
                raise RuleError("unterminated filter")
            self.at += 1
            if char in "\"'":
                if not opened:
                    opened, pair = True, char
                elif char == pair and self.source[self.at - 2] != "\\":
                    closed = True
            elif char == ")" and opened == closed:
                break
        text = self.source[begin : self.at - 1]
        if self.source[self.at : self.at + 1] != "]":
            raise RuleError("unclosed array expect ]")
        self.at += 1
        compared = _FILTER.fullmatch(text)
        if compared is None:
            return Filter(self._inner(text), None, "exists")
        return Filter(self._inner(compared[1]), self._inner(compared[3]), compared[2])


_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\",
    "'": "'", '"': '"',
}  # fmt: skip
_ESCAPE = re.compile(r"\\(?:x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|([0-7]{3})|(.))", re.DOTALL)


def _unquote(body: str, mark: str) -> str:
    def one(found: re.Match[str]) -> str:
        digits = found[1] or found[2]
        if digits:
            return chr(int(digits, 16))
        if found[3]:
            return chr(int(found[3], 8))
        if found[4] not in _ESCAPES or (found[4] in "'\"" and found[4] != mark):
            raise RuleError(f"unquote string {mark}{body}{mark} error invalid syntax")
        return _ESCAPES[found[4]]

    return _ESCAPE.sub(one, body)


def _index(text: str) -> Index:
    found = _SLICE.fullmatch(text)
    if found is None:
        raise RuleError(f"invalid array index {text}")
    numbers: list[int | None] = []
    for part in (found[1], (found[2] or "")[1:], (found[3] or "")[1:]):
        try:
            numbers.append(parse_int(part) if part else None)
        except RuleError:
            raise RuleError(f"array index {part} is not a number") from None
    if found[2] is None:
        return Index(numbers[0], (numbers[0] or 0) + 1, numbers[2], single=True)
    return Index(numbers[0], numbers[1], numbers[2])


@lru_cache(maxsize=256)
def parse(template: str) -> tuple[Any, ...]:
    """The template's parts. RuleError with the parser's text."""
    return tuple(_Parser(template).parse())


class _Walk:
    """One evaluation, with the loops that are open."""

    def __init__(self, nodes: tuple[Any, ...], *, missing: bool) -> None:
        self.nodes = nodes
        self.missing = missing
        self.begin = self.inside = self.end = 0
        self.last_end = -1

    def find(self, data: Any, start: int = 0) -> list[list[Any]]:
        results: list[list[Any]] = []
        at = start
        while at < len(self.nodes):
            found = self.step([data], self.nodes[at])
            if 0 < self.end <= self.inside:
                self.end -= 1
                self.last_end = at
                break
            if self.begin > 0:
                self.begin -= 1
                self.inside += 1
                for value in found:
                    results += self.find(value, at + 1)
                    self._bound(results)
                if not found:
                    self.find(None, at + 1)
                self.inside -= 1
                at = max(at, self.last_end)
            else:
                results.append(found)
            at += 1
        return results

    def _bound(self, found: list[Any]) -> list[Any]:
        if len(found) > MAX_RESULTS:
            raise RuleError(f"jsonpath selects more than {MAX_RESULTS} values")
        return found

    def step(self, values: list[Any], node: Any) -> list[Any]:
        if isinstance(node, Sequence):
            for inner in node.nodes:
                values = self.step(values, inner)
            return values
        if isinstance(node, Text):
            return [node.text]
        if isinstance(node, Constant):
            return [node.value for _ in values]
        if isinstance(node, Field):
            return self._fields(values, node.name)
        if isinstance(node, Wildcard):
            return self._bound([inner for value in values for inner in _contents(value)])
        if isinstance(node, Recursive):
            return self._bound(_descend(values))
        if isinstance(node, Index):
            return self._bound([item for value in values for item in _slice(value, node)])
        if isinstance(node, Union):
            return [item for part in node.parts for item in self.step(values, part)]
        if isinstance(node, Filter):
            return [item for value in values for item in self._filtered(value, node)]
        return self._keyword(values, node.name)

    def _keyword(self, values: list[Any], name: str) -> list[Any]:
        if name == "range":
            self.begin += 1
            return values
        if name != "end":
            raise RuleError(f"unrecognized identifier {name}")
        if self.inside <= 0:
            raise RuleError("not in range, nothing to end")
        self.end += 1
        return []

    def _fields(self, values: list[Any], name: str) -> list[Any]:
        found = [value[name] for value in values if isinstance(value, Mapping) and name in value]
        if values and not found and not self.missing:
            raise RuleError(f"{name} is not found")
        return found

    def _filtered(self, value: Any, node: Filter) -> list[Any]:
        if not isinstance(value, list):
            raise RuleError(f"{v(value)} is not array or slice and cannot be filtered")
        return [item for item in value if self._passes(item, node)]

    def _passes(self, item: Any, node: Filter) -> bool:
        if node.right is None:
            try:
                return bool(self.step([item], node.left))
            except RuleError:
                return False
        sides: list[Any] = []
        for side in (node.left, node.right):
            found = self.step([item], side)
            if not found:
                return False
            if len(found) > 1:
                raise RuleError("can only compare one element at a time")
            sides.append(found[0])
        return compare(node.operator, sides[0], sides[1])


def _contents(value: Any) -> list[Any]:
    if isinstance(value, Mapping):
        return list(value.values())
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return [Uint8(byte) for byte in value.encode("utf-8", "surrogatepass")]
    return []


def _descend(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for value in values:
        if isinstance(value, str):
            if value:
                found.append(value)
        elif isinstance(value, Mapping | list) and value:
            found.append(value)
            found += _descend(_contents(value))
    return found


def _slice(value: Any, node: Index) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        raise RuleError(f"{type_name(value)} is not array or slice")
    size = len(value)
    begin = node.begin or 0
    begin = begin + size if begin < 0 else begin
    end = size if node.end is None else node.end
    if end < 0 or (end == 0 and node.single):
        end += size
    if begin == end:
        return []
    if not 0 <= begin < size:
        raise RuleError(f"array index out of bounds: index {begin}, length {size}")
    if not 0 <= end <= size:
        raise RuleError(f"array index out of bounds: index {end - 1}, length {size}")
    if begin > end:
        raise RuleError(f"starting index {begin} is greater than ending index {end}")
    if node.step is not None and node.step <= 0:
        raise RuleError("step must be > 0")
    return value[begin : end : node.step or 1]


def _kind(value: Any) -> str:
    for python, kind in ((bool, "bool"), (int, "int"), (float, "float"), (str, "string")):
        if isinstance(value, python):
            return kind
    raise RuleError("invalid type for comparison")


def compare(operator: str, left: Any, right: Any) -> bool:
    """The comparisons of Go templates: only within one kind of number."""
    if operator not in ("==", "!=", "<", "<=", ">", ">="):
        raise RuleError(f"unrecognized filter operator {operator}")
    one, two = _kind(left), _kind(right)
    if one != two:
        raise RuleError("incompatible types for comparison")
    if operator in ("==", "!="):
        return bool((left == right) is (operator == "=="))
    if one == "bool":
        raise RuleError("invalid type for comparison")
    less, same = left < right, left == right
    if operator == "<":
        return bool(less)
    if operator == "<=":
        return bool(less or same)
    return not (less or same) if operator == ">" else not less


def find(template: str, data: Any, *, allow_missing: bool = False) -> list[list[Any]]:
    """`FindResults`. RuleError with the library's text for a bad template or a missing field."""
    return _Walk(parse(template), missing=allow_missing).find(data)


def render(template: str, data: Any, *, allow_missing: bool = False) -> str:
    """`Execute`: results of a part separated by spaces; objects and lists as JSON."""
    parts = find(template, data, allow_missing=allow_missing)
    return "".join(" ".join(_printed(value) for value in part) for part in parts)


def _printed(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return encode(value)
    return "null" if value is None else v(value)
