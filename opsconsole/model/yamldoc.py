"""The one YAML reader and writer: what Kubernetes' own tools read and write, and nothing else.

Everything that comes out is JSON: strings, bools, ints of 64 bits, floats, None, lists and
dicts with string keys. Read through libyaml's events, with the rules of sigs.k8s.io/yaml
(see `yamlscalars`). A key that stands twice in a mapping is refused, as its UnmarshalStrict
does it, unless the caller stands for a program that is not strict. Aliases are bounded with goyaml's
own rule, and so are size and depth.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cmp_to_key
from typing import Any, NoReturn

import yaml
from yaml import events as ev

from opsconsole.errors import YamlError, bounded
from opsconsole.model.yamlscalars import (
    OLD_WORDS,
    go_float,
    instant,
    is_timestamp,
    json_number,
    needs_quotes,
    resolve,
)

MAX_BYTES = 16 * 1024 * 1024
"""Largest text that is read at all."""

MAX_DEPTH = 200
"""Deepest nesting: whoever reads the result may recurse."""

_TAG = "tag:yaml.org,2002:"
_MERGE = object()
_PARSER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_EMITTER: Any = getattr(yaml, "CSafeDumper", yaml.SafeDumper)


class DocumentError(YamlError):
    """A text that is refused. `line` and `column` count from 1, 0 when there is none.

    `go` is the sentence that goyaml itself gives for it, which is what the real controllers
    put into conditions; `go3` is that of its version 3, which counts lines from the context.
    """

    def __init__(
        self, problem: str, *, line: int = 0, column: int = 0, go: str = "", go3: str = ""
    ) -> None:
        where = f"line {line}, column {column}: " if line else ""
        super().__init__(f"{where}{problem}")
        self.problem = problem
        self.line = line
        self.column = column
        self.go = go or f"yaml: line {line}: {problem}"
        self.go3 = go3 or self.go


class DuplicateKeyError(DocumentError):
    """A key stands twice in a mapping."""


def load(text: str | bytes, *, limit: int = MAX_BYTES, strict: bool = True) -> Any:
    """The first document, None when there is none. Raises YamlError.

    `strict=False` is sigs.k8s.io/yaml's Unmarshal, with which Argo CD and helm read: of a key
    that stands twice the last one counts. Otherwise that is a DuplicateKeyError.
    """
    for document in _documents(text, limit, strict=strict):
        return document
    return None


def load_all(
    text: str | bytes, *, limit: int = MAX_BYTES, words: bool = True, strict: bool = True
) -> list[Any]:
    """All documents; empty ones are left out. Raises YamlError. `strict` as of `load`.

    `words=False` is what kustomize reads (goyaml.v3): `yes`, `on`, `y`… are strings,
    and dates come out as instants.
    """
    found = _documents(text, limit, words=words, strict=strict)
    return [document for document in found if document is not None]


def load_manifests(
    text: str | bytes, *, limit: int = MAX_BYTES, words: bool = True, strict: bool = True
) -> list[dict[str, Any]]:
    """The objects of a manifest file, `List` kinds expanded.

    Raises YamlError also for a document that is not a mapping.
    """
    found: list[dict[str, Any]] = []
    for document in load_all(text, limit=limit, words=words, strict=strict):
        if not isinstance(document, dict):
            kind = "list" if isinstance(document, list) else "scalar"
            raise DocumentError(
                f"a manifest must be a mapping, this one is a {kind}",
                go=f"json: cannot unmarshal {'array' if kind == 'list' else 'string'} into Go value of type map[string]interface {{}}",
            )
        found += expand_list(document)
    return found


def split_documents(text: str | bytes) -> list[str]:
    """The texts between `---` lines, as Kubernetes' own decoder cuts them before it parses."""
    return re.split(r"\n---[^\n]*(?:\n|$)", _decoded(text, MAX_BYTES))


def expand_list(manifest: dict[str, Any]) -> list[dict[str, Any]]:
    """The members of a `List` (also `ConfigMapList`…), or the manifest itself."""
    members = manifest.get("items")
    if not str(manifest.get("kind", "")).endswith("List") or not isinstance(members, list):
        return [manifest]
    return [one for member in members if isinstance(member, dict) for one in expand_list(member)]


def dump(obj: Any) -> str:
    """One document as `kubectl -o yaml` prints it: keys sorted, block style, ends with a newline."""
    return _emit(obj)


def dump_all(objs: Iterable[Any]) -> str:
    """Documents with `---` between them."""
    return "---\n".join(dump(obj) for obj in objs)


# reading


def _documents(
    text: str | bytes, limit: int, *, words: bool = True, strict: bool = True
) -> Iterator[Any]:
    source = _decoded(text, limit)
    try:
        parser = _PARSER(source)
    except yaml.YAMLError as fault:
        _refuse(fault)
    try:
        yield from _Composer(parser, words=words, strict=strict).documents()
    except yaml.YAMLError as fault:
        _refuse(fault)
    finally:
        parser.dispose()


def _decoded(text: str | bytes, limit: int) -> str:
    if len(text) > limit:
        raise DocumentError(
            f"the text is {len(text)} bytes long, more than the {limit} that are read",
            go="yaml: document is too large",
        )
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8")
    except UnicodeDecodeError as fault:
        before = text[: fault.start]
        raise DocumentError(
            "not valid UTF-8",
            line=before.count(b"\n") + 1,
            column=fault.start - before.rfind(b"\n"),
            go="yaml: invalid leading UTF-8 octet",
        ) from None


def _refuse(fault: yaml.YAMLError) -> NoReturn:
    """Libyaml's problem, with goyaml's way to count lines in `go`."""
    if isinstance(fault, yaml.MarkedYAMLError):
        problem = bounded(fault.problem or "unknown problem parsing YAML content")
        mark, context = fault.problem_mark, fault.context_mark
        scanning = isinstance(fault, yaml.scanner.ScannerError)
        line = third = 0
        if mark is not None and mark.line:
            line = third = mark.line + scanning
        elif context is not None:
            line = context.line
        if context is not None and context.line:
            third = context.line + scanning
        at = mark or context
        raise DocumentError(
            problem,
            line=at.line + 1 if at else 0,
            column=at.column + 1 if at else 0,
            go=f"yaml: {f'line {line}: ' if line else ''}{problem}",
            go3=f"yaml: {f'line {third}: ' if third else ''}{problem}",
        ) from None
    problem = "control characters are not allowed"
    raise DocumentError(problem, go=f"yaml: {problem}") from None


class _Composer:
    """Events → values. goyaml's counters bound what aliases may unfold to."""

    def __init__(self, parser: Any, *, words: bool, strict: bool) -> None:
        self.parser = parser
        self.words = words
        self.strict = strict
        self.anchors: dict[str, tuple[Any, int]] = {}
        self.open: set[str] = set()
        self.decoded = 0
        self.aliased = 0

    def documents(self) -> Iterator[Any]:
        while True:
            event = self.parser.get_event()
            if isinstance(event, ev.StreamEndEvent):
                return
            if isinstance(event, ev.DocumentStartEvent):
                self.anchors.clear()
                self.decoded = self.aliased = 0
                value = self.node(self.parser.get_event(), 0)
                yield _number(value, event.start_mark)

    def node(self, event: Any, depth: int) -> Any:
        if isinstance(event, ev.AliasEvent):
            return self.alias(event)
        if depth > MAX_DEPTH:
            raise _fault(f"nested deeper than {MAX_DEPTH}", event.start_mark)
        start = self.decoded
        self.decoded += 1
        anchor = event.anchor
        if anchor:
            self.open.add(anchor)
        if isinstance(event, ev.ScalarEvent):
            value = _scalar(event, words=self.words)
        elif isinstance(event, ev.SequenceStartEvent):
            value = self.sequence(depth)
        else:
            value = self.mapping(depth)
        if anchor:
            self.open.discard(anchor)
            self.anchors[anchor] = (value, self.decoded - start)
        return value

    def alias(self, event: Any) -> Any:
        name = event.anchor
        if name in self.open:
            raise _fault(f"anchor '{name}' value contains itself", event.start_mark, lined=False)
        if name not in self.anchors:
            raise _fault(f"unknown anchor '{name}' referenced", event.start_mark, lined=False)
        value, size = self.anchors[name]
        self.decoded += size
        self.aliased += size
        if (
            self.aliased > 100
            and self.decoded > 1000
            and self.aliased / self.decoded > _allowed_ratio(self.decoded)
        ):
            raise _fault("document contains excessive aliasing", event.start_mark, lined=False)
        return _copy(value)

    def sequence(self, depth: int) -> list[Any]:
        found = []
        while not isinstance(event := self.parser.get_event(), ev.SequenceEndEvent):
            found.append(_number(self.node(event, depth + 1), event.start_mark))
        return found

    def mapping(self, depth: int) -> dict[str, Any]:
        found: dict[str, Any] = {}
        seen: set[tuple[type, Any]] = set()
        while not isinstance(event := self.parser.get_event(), ev.MappingEndEvent):
            key = self.node(event, depth + 1)
            at = self.parser.get_event()
            value = self.node(at, depth + 1)
            if key is _MERGE:
                _merge(found, value, at)
                continue
            name = _key(key, event)
            mark = (type(key), key)
            if self.strict and mark in seen:
                raise _duplicate(name, event.start_mark)
            seen.add(mark)
            found[name] = _number(value, at.start_mark)
        return found


def _allowed_ratio(decoded: int) -> float:
    """Goyaml's `allowedAliasRatio`: 0.99 in small documents, down to 0.10 in huge ones."""
    low, high = 400_000, 4_000_000
    if decoded <= low:
        return 0.99
    if decoded >= high:
        return 0.10
    return 0.99 - 0.89 * (decoded - low) / (high - low)


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_copy(inner) for inner in value]
    return value


def _merge(into: dict[str, Any], value: Any, event: Any) -> None:
    """`<<`: as goyaml.v2 does it, what is merged also replaces keys that stand before it."""
    if isinstance(value, dict):
        into.update(value)
        return
    if isinstance(value, list) and all(isinstance(one, dict) for one in value):
        for one in reversed(value):
            into.update(one)
        return
    raise _fault(
        "map merge requires map or sequence of maps as the value", event.start_mark, lined=False
    )


def _scalar(event: Any, *, words: bool) -> Any:
    text, tag = event.value, event.tag or ""
    if not tag:
        if not event.implicit[0]:
            return text
        if text == "<<":
            return _MERGE
        if words:
            return resolve(text)
        return text if text in OLD_WORDS else instant(text) if is_timestamp(text) else resolve(text)
    if tag in ("!", _TAG + "str", _TAG + "timestamp") or not tag.startswith(_TAG):
        return text
    if tag == _TAG + "binary":
        return _binary(text, event.start_mark)
    if tag == _TAG + "merge":
        return _MERGE
    return _tagged(text, tag.removeprefix(_TAG), event.start_mark)


def _tagged(text: str, tag: str, mark: Any) -> Any:
    value = resolve(text)
    kinds = {bool: "bool", int: "int", float: "float", type(None): "null", str: "str"}
    kind = kinds[type(value)]
    if tag not in kinds.values() or kind == tag:
        return value
    if tag == "float" and kind == "int":
        return float(value)
    raise _fault(f"cannot decode !!{kind} `{bounded(text, 64)}` as a !!{tag}", mark, lined=False)


def _binary(text: str, mark: Any) -> str:
    try:
        return base64.b64decode("".join(text.split()), validate=True).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        raise _fault("!!binary value contains invalid base64 data", mark, lined=False) from None


def _number(value: Any, mark: Any) -> Any:
    """A value as JSON has it."""
    if value is _MERGE:
        return "<<"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return value
    try:
        return json_number(value)
    except ValueError as fault:
        raise _fault(str(fault), mark, go=str(fault)) from None


def _key(key: Any, event: Any) -> str:
    """A key as a string (sigs.k8s.io/yaml, `convertToJSONableObject`)."""
    if isinstance(key, str):
        return key
    if isinstance(key, bool):
        return "true" if key else "false"
    if isinstance(key, int) and -(2**63) <= key < 2**63:
        return str(key)
    if isinstance(key, float):
        words = {"+Inf": ".inf", "-Inf": "-.inf", "NaN": ".nan"}
        text = go_float(key, bits=32)
        return words.get(text, text)
    if isinstance(key, list | dict):
        raise _fault("invalid map key: a key must be a scalar", event.start_mark, lined=False)
    shown = "null" if key is None else str(key)
    raise _fault(f"unsupported map key: {shown}", event.start_mark, lined=False)


def _duplicate(name: str, mark: Any) -> DuplicateKeyError:
    problem = f'key "{bounded(name, 64)}" already set in map'
    go = f"yaml: unmarshal errors:\n  line {mark.line + 1}: {problem}"
    return DuplicateKeyError(problem, line=mark.line + 1, column=mark.column + 1, go=go)


def _fault(problem: str, mark: Any, *, go: str = "", lined: bool = True) -> DocumentError:
    line, column = (mark.line + 1, mark.column + 1) if mark is not None else (0, 0)
    return DocumentError(
        problem, line=line, column=column, go=go or ("" if lined else f"yaml: {problem}")
    )


# writing


def _emit(document: Any) -> str:
    emitted: list[ev.Event] = [ev.StreamStartEvent(), ev.DocumentStartEvent(explicit=False)]
    _describe(document, emitted)
    emitted += [ev.DocumentEndEvent(explicit=False), ev.StreamEndEvent()]
    text = yaml.emit(emitted, Dumper=_EMITTER, allow_unicode=True, width=80)
    assert isinstance(text, str)
    # libyaml closes a scalar whose end is open; nobody else does
    return text.removesuffix("...\n")


def _describe(value: Any, into: list[ev.Event]) -> None:
    if isinstance(value, Mapping):
        into.append(ev.MappingStartEvent(None, None, implicit=True, flow_style=not value))
        for key in sorted((str(key) for key in value), key=cmp_to_key(_natural)):
            into.append(_string(key, quoted=key == "<<"))
            _describe(value[key], into)
        into.append(ev.MappingEndEvent())
    elif isinstance(value, list | tuple):
        into.append(ev.SequenceStartEvent(None, None, implicit=True, flow_style=not value))
        for one in value:
            _describe(one, into)
        into.append(ev.SequenceEndEvent())
    elif isinstance(value, str):
        into.append(_string(value))
    else:
        into.append(ev.ScalarEvent(None, None, (True, True), _plain(value)))


def _string(value: str, *, quoted: bool = False) -> ev.ScalarEvent:
    style = None
    if quoted or needs_quotes(value) or any(c in value for c in "\x85\u2028\u2029"):
        style = '"'
    elif "\n" in value:
        style = "|"
    return ev.ScalarEvent(None, None, (True, True), value, style=style)


def _plain(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    return go_float(value) if isinstance(value, float) else str(value)


def _natural(left: str, right: str) -> int:
    """Goyaml's order of keys (`keyList.Less`): letters after the rest, digits by their number."""
    for at, (a, b) in enumerate(zip(left, right, strict=False)):
        if a == b:
            continue
        if a.isalpha() or b.isalpha():
            return (-1 if a < b else 1) if a.isalpha() and b.isalpha() else -1 if b.isalpha() else 1
        carried = 0
        if "0" in (a, b):
            before = left[:at]
            digits = before[len(before.rstrip("0123456789")) :]
            carried = 1 if digits.strip("0") else 0
        one, two = _digits(left, at, carried), _digits(right, at, carried)
        if one != two:
            return -1 if one < two else 1
        return -1 if a < b else 1
    return len(left) - len(right)


def _digits(text: str, at: int, carried: int) -> tuple[int, int]:
    """The number that starts at `at` (after `carried`), and where it ends."""
    end = at
    while end < len(text) and text[end].isdecimal() and text[end].isascii():
        end += 1
    return int(str(carried) + text[at:end][:18]), end
