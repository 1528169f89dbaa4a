"""What a definition's `openAPIV3Schema` asks of its objects: defaults, and what is refused.

Separate from serving the kind. Pure. Texts are those of k8s.io/apiextensions-apiserver and
kube-openapi's validation; unknown fields are kept.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opsconsole.errors import RuleError
from opsconsole.model import regex
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import items, mapping, name_of, text
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.resources import Obj

DEPTH = 64
"""Levels of a schema that are looked at."""

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_NAMES = {str: "string", bool: "boolean", int: "integer", float: "number", list: "array"}

Causes = Iterator[tuple[str, str]]


def prepare(kind: Kind, schema: Mapping[str, Any]) -> Callable[[Obj, Obj | None], Obj]:
    """`prepare(new, old)` of the table of kinds: defaults filled in, 422 for what does not fit."""
    rules = _with_defaults(schema)

    def prepared(new: Obj, old: Obj | None) -> Obj:  # noqa: ARG001
        new = defaulted(new, rules) if rules else new
        causes = list(_fields(new, schema, "", DEPTH))
        if causes:
            raise apierrors.invalid(kind, name_of(new), causes)
        return new

    return prepared


def faults(value: Any, schema: Any, path: str, depth: int = DEPTH) -> Causes:
    """(field, message) pairs for a value that a schema refuses."""
    if not isinstance(schema, Mapping) or depth <= 0 or (value is None and schema.get("nullable")):
        return
    if schema.get("x-kubernetes-int-or-string") is True:
        if isinstance(value, bool) or not isinstance(value, int | str):
            yield path, _mistyped(value, path, "integer,string")
        return
    wanted = text(schema, "type")
    if wanted in _TYPES and not _is(value, wanted):
        yield path, _mistyped(value, path, wanted)
        return
    choices = items(schema, "enum")
    if choices and value not in choices:
        listed = ", ".join(json.dumps(c) for c in choices)
        yield path, f"Unsupported value: {json.dumps(value)}: supported values: {listed}"
    yield from _bounds(value, schema, path)
    if isinstance(value, Mapping):
        yield from _fields(value, schema, path, depth)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults(item, schema.get("items"), f"{path}[{index}]", depth - 1)


def _fields(value: Mapping[str, Any], schema: Mapping[str, Any], path: str, depth: int) -> Causes:
    for name in items(schema, "required"):
        if name not in value:
            yield (f"{path}.{name}" if path else str(name)), "Required value"
    fields = mapping(schema, "properties")
    other = schema.get("additionalProperties")
    for name, inner in value.items():
        if not path and name in ("apiVersion", "kind", "metadata"):
            continue
        rule = fields.get(name, other)
        yield from faults(inner, rule, f"{path}.{name}" if path else name, depth - 1)


def _is(value: Any, wanted: str) -> bool:
    if isinstance(value, bool):
        return wanted == "boolean"
    if wanted == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES[wanted])


def _mistyped(value: Any, path: str, wanted: str) -> str:
    found = "null" if value is None else _NAMES.get(type(value), "object")
    return f'Invalid value: "{found}": {path} in body must be of type {wanted}: "{found}"'


def _bounds(value: Any, schema: Mapping[str, Any], path: str) -> Causes:
    shown = f"Invalid value: {json.dumps(value)}: {path} in body should"
    if isinstance(value, int | float) and not isinstance(value, bool):
        low, high = schema.get("minimum"), schema.get("maximum")
        if isinstance(low, int | float) and value < low:
            yield path, f"{shown} be greater than or equal to {low:g}"
        if isinstance(high, int | float) and value > high:
            yield path, f"{shown} be less than or equal to {high:g}"
    elif isinstance(value, str):
        low, high = schema.get("minLength"), schema.get("maxLength")
        if isinstance(low, int) and len(value) < low:
            yield path, f"{shown} be at least {low} chars long"
        if isinstance(high, int) and len(value) > high:
            yield path, f"Too long: may not be more than {high} bytes"
        pattern = text(schema, "pattern")
        if pattern and not _matches(pattern, value):
            yield path, f"{shown} match '{pattern}'"
    elif isinstance(value, list):
        low, high = schema.get("minItems"), schema.get("maxItems")
        if isinstance(low, int) and len(value) < low:
            yield (
                path,
                f"Invalid value: {len(value)}: {path} in body should have at least {low} items",
            )
        if isinstance(high, int) and len(value) > high:
            yield path, f"Too many: {len(value)}: must have at most {high} items"


def _matches(pattern: str, value: str) -> bool:
    """A pattern that does not compile holds nobody up."""
    try:
        return regex.search(pattern, value)
    except RuleError:
        return True


def _with_defaults(schema: Any, depth: int = 64) -> dict[str, Any]:
    """The part of a schema that leads to defaults; empty when there are none."""
    if not isinstance(schema, Mapping) or depth <= 0:
        return {}
    found: dict[str, Any] = {"default": schema["default"]} if "default" in schema else {}
    fields = {
        name: inner
        for name, field in mapping(schema, "properties").items()
        if (inner := _with_defaults(field, depth - 1))
    }
    if fields:
        found["properties"] = fields
    for key in ("items", "additionalProperties"):
        if inner := _with_defaults(schema.get(key), depth - 1):
            found[key] = inner
    return found


def defaulted(value: Any, rules: Mapping[str, Any]) -> Any:
    """A value with the defaults of a structural schema; shared where nothing was missing."""
    if isinstance(value, list) and "items" in rules:
        return [defaulted(item, rules["items"]) for item in value]
    if not isinstance(value, Mapping):
        return value
    found = dict(value)
    for name, inner in rules.get("properties", {}).items():
        if found.get(name) is None and "default" in inner:
            found[name] = inner["default"]
        if name in found:
            found[name] = defaulted(found[name], inner)
    if "additionalProperties" in rules:
        inner = rules["additionalProperties"]
        found = {name: defaulted(field, inner) for name, field in found.items()}
    return found if found != value else value
