"""The functions of Go's `text/template` itself."""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.argo.expr.functions import Function as GoFunction
from opsconsole.argo.golang.encjson import encode_string
from opsconsole.argo.golang.format import sprint, sprintf, sprintln, v
from opsconsole.argo.golang.values import Uint8, Uint64, type_name
from opsconsole.argo.gotemplate.calls import INVALID, Builtin, Signature, function, is_true, plain
from opsconsole.argo.gotemplate.errors import CallError


def _kind(value: Any) -> str:
    for python, kind in (
        (bool, "bool"),
        ((Uint8, Uint64), "uint"),
        (int, "int"),
        (float, "float"),
        (str, "string"),
    ):
        if isinstance(value, python):
            return kind
    return ""


def _comparable(a: Any, b: Any) -> bool:
    one, two = _kind(a), _kind(b)
    if one == two or {one, two} == {"int", "uint"}:
        return True
    raise CallError(f"incompatible types for comparison: {type_name(a)} and {type_name(b)}")


def eq(first: Any, *others: Any) -> bool:
    if not others:
        raise CallError("missing argument for comparison")
    for other in others:
        if first is None or other is None:
            if first is None and other is None:
                return True
            continue
        _comparable(first, other)
        if isinstance(other, list | tuple | Mapping):
            if isinstance(first, list | tuple | Mapping) and type_name(first) != type_name(other):
                raise CallError(
                    f"non-comparable types {sprintf('%s', [first])}: {type_name(first)},"
                    f" {type_name(other)}: {v(other)}"
                )
            shown = sprintf("%s", [other])
            raise CallError(f"non-comparable type {shown}: {type_name(other)}")
        if first == other:
            return True
    return False


def _less(a: Any, b: Any) -> bool:
    if not _kind(a) or not _kind(b):
        raise CallError("invalid type for comparison")
    _comparable(a, b)
    if _kind(a) == "bool":
        raise CallError("invalid type for comparison")
    if isinstance(a, str):
        return bool(a.encode("utf-8", "surrogatepass") < b.encode("utf-8", "surrogatepass"))
    return bool(a < b)


def le(a: Any, b: Any) -> bool:
    return _less(a, b) or eq(a, b)


def _position(index: Any, size: int) -> int:
    if isinstance(index, bool) or not isinstance(index, int):
        if index is None:
            raise CallError("cannot index slice/array with nil")
        raise CallError(f"cannot index slice/array with type {type_name(index)}")
    if not 0 <= index < size:
        raise CallError(f"index out of range: {int(index)}")
    return int(index)


def index(item: Any, *indexes: Any) -> Any:
    if item is None:
        raise CallError("index of untyped nil")
    for place in indexes:
        if item is None:
            raise CallError("index of nil pointer")
        if isinstance(item, str):
            body = item.encode("utf-8", "surrogatepass")
            item = Uint8(body[_position(place, len(body))])
        elif isinstance(item, list | tuple):
            item = item[_position(place, len(item))]
        elif isinstance(item, Mapping):
            if not isinstance(place, str):
                if place is None:
                    raise CallError("value is nil; should be of type string")
                raise CallError(f"value has type {type_name(place)}; should be string")
            item = item.get(place)
        else:
            raise CallError(f"can't index item of type {type_name(item)}")
    return item


def slice_(item: Any, *indexes: Any) -> Any:
    if item is None:
        raise CallError("slice of untyped nil")
    if len(indexes) > 3:
        raise CallError(f"too many slice indexes: {len(indexes)}")
    if not isinstance(item, str | list | tuple):
        raise CallError(f"can't slice item of type {type_name(item)}")
    if isinstance(item, str) and len(indexes) == 3:
        raise CallError("cannot 3-index slice a string")
    body = item.encode("utf-8", "surrogatepass") if isinstance(item, str) else item
    places = [0, len(body), len(body)]
    for number, place in enumerate(indexes):
        places[number] = _position(place, len(body) + 1)
    for low, high in ((places[0], places[1]), (places[1], places[2])):
        if low > high:
            raise CallError(f"invalid slice index: {low} > {high}")
    cut = body[places[0] : places[1]]
    return cut.decode("utf-8", "replace") if isinstance(cut, bytes) else type(item)(cut)


def length(item: Any) -> int:
    if item is INVALID:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    if item is None:
        raise CallError("len of nil pointer")
    if isinstance(item, str):
        return len(item.encode("utf-8", "surrogatepass"))
    if isinstance(item, list | tuple | Mapping):
        return len(item)
    raise CallError(f"len of type {type_name(item)}")


def call(callee: Any, *arguments: Any) -> Any:
    if callee is None:
        raise CallError("call of nil")
    if not isinstance(callee, GoFunction):
        raise CallError(f"non-function of type {type_name(callee)}")
    wanted = len(callee.signature.inputs)
    if not callee.signature.variadic and len(arguments) != wanted:
        raise CallError(
            f"wrong number of args for {callee.name}: got {len(arguments)} want {wanted}"
        )
    return callee.invoke(list(arguments))


def _text(values: tuple[Any, ...]) -> str:
    return sprint(["<no value>" if value is None else value for value in values])


_HTML = {"\0": "\ufffd", '"': "&#34;", "'": "&#39;", "&": "&amp;", "<": "&lt;", ">": "&gt;"}
_JS = {
    "\\": "\\\\", "'": "\\'", '"': '\\"', "<": "\\u003C", ">": "\\u003E", "&": "\\u0026",
    "=": "\\u003D",
}  # fmt: skip


def html(*values: Any) -> str:
    return "".join(_HTML.get(char, char) for char in _text(values))


def js(*values: Any) -> str:
    out = []
    for char in _text(values):
        if char in _JS:
            out.append(_JS[char])
        elif char < " ":
            out.append(f"\\u{ord(char):04X}")
        else:
            out.append(char if char.isprintable() else encode_string(char)[1:-1])
    return "".join(out)


def urlquery(*values: Any) -> str:
    return urllib.parse.quote_plus(_text(values), safe="")


def _plainly(call: Callable[..., Any]) -> Callable[..., Any]:
    """A function for which no value is the same as nil."""
    return lambda *values: call(*[plain(value) for value in values])


TABLE: dict[str, Builtin] = {
    "and": Builtin(Signature.parse("value ...value"), lambda *_: None, lazy=True),
    "or": Builtin(Signature.parse("value ...value"), lambda *_: None, lazy=True),
    "not": function("value", lambda value: not is_true(value)),
    "call": function("value ...value", _plainly(call)),
    "html": function("...any", html),
    "index": function("value ...value", _plainly(index)),
    "slice": function("value ...value", _plainly(slice_)),
    "js": function("...any", js),
    "len": function("value", length),
    "print": function("...any", lambda *values: sprint(values)),
    "printf": function("string ...any", lambda layout, *values: sprintf(layout, values)),
    "println": function("...any", lambda *values: sprintln(values)),
    "urlquery": function("...any", urlquery),
    "eq": function("value ...value", _plainly(eq)),
    "ne": function("value value", _plainly(lambda a, b: not eq(a, b))),
    "lt": function("value value", _plainly(_less)),
    "le": function("value value", _plainly(le)),
    "gt": function("value value", _plainly(lambda a, b: not le(a, b))),
    "ge": function("value value", _plainly(lambda a, b: not _less(a, b))),
}
