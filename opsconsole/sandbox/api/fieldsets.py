"""Sets of fields, as `managedFields` writes them (FieldsV1), and what an object's fields are.

Separate from `managed`: pure sets of paths. A path is a tuple of FieldsV1 elements:
`f:NAME` a field, `k:{…}` an item of a keyed list, `v:…` a member of a set. Which lists have
keys is in `fields.txt`; without a table (custom resources) lists are replaced whole.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.sandbox.api.schema import Field, Ref, Struct, schema

Path = tuple[str, ...]
Paths = frozenset[Path]

METADATA = Ref("struct", "meta/v1.ObjectMeta")
ANY = Ref("any")

_SKIPPED = frozenset(
    (
        "name", "namespace", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
        "deletionTimestamp", "deletionGracePeriodSeconds", "managedFields",
    )
)  # fmt: skip
"""Metadata that nobody owns."""

_PROTOCOL = {"protocol": "TCP"}
"""Keys of list items that have a default."""


def root(kind: Kind) -> Ref:
    struct = schema().of(kind)
    return Ref("struct", f"{struct.package}.{struct.name}") if struct else ANY


def fields_of(obj: Mapping[str, Any], kind: Kind) -> Paths:
    """All fields that an object sets, except what nobody owns."""
    found: set[Path] = set()
    type_ = root(kind)
    for key, value in obj.items():
        if key in ("apiVersion", "kind"):
            continue
        if key == "metadata":
            inner = {k: v for k, v in value.items() if k not in _SKIPPED}
            if inner:
                found.update(_walk(inner, METADATA, ("f:metadata",), atomic=False))
        else:
            field = field_of(type_, key)
            found.update(_walk(value, field[0], (f"f:{key}",), atomic=field[1], field=field[2]))
    return frozenset(found)


def field_of(ref: Ref, key: str) -> tuple[Ref, bool, Field | None]:
    """The type of a field, whether it is replaced whole, and its row."""
    if ref.form == "struct":
        if key == "metadata" and "metadata" not in schema().struct(ref.name).fields:
            return METADATA, False, None
        field = schema().struct(ref.name).fields.get(key)
        if field is not None:
            return field.ref, field.atomic or _atomic(field.ref), field
        return ANY, False, None
    if ref.form == "map" and ref.of is not None:
        return ref.of, _atomic(ref.of), None
    if key == "metadata":
        return METADATA, False, None
    return ANY, False, None


def _atomic(ref: Ref) -> bool:
    return ref.form == "struct" and _struct(ref).atomic


def _struct(ref: Ref) -> Struct:
    return schema().struct(ref.name)


def item_key(item: Any, field: Field) -> str:
    """The path element of a keyed list's item: `k:{"name":"x"}`; "" when a key is missing."""
    if not isinstance(item, Mapping):
        return ""
    keys = {}
    for name in sorted(field.keys):
        value = item.get(name, _PROTOCOL.get(name))
        if value is None:
            return ""
        keys[name] = value
    return "k:" + json.dumps(keys, separators=(",", ":"), ensure_ascii=False)


def member_key(value: Any) -> str:
    return "v:" + json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _walk(
    value: Any, ref: Ref, path: Path, *, atomic: bool, field: Field | None = None
) -> Iterator[Path]:
    if atomic or value is None:
        yield path
    elif isinstance(value, Mapping) and ref.form in ("struct", "map", "any"):
        if not value:
            yield path
        for key, inner in value.items():
            type_, whole, row = field_of(ref, key)
            yield from _walk(inner, type_, (*path, f"f:{key}"), atomic=whole, field=row)
    elif isinstance(value, list) and field is not None and field.keys:
        yield from _keyed(value, path, field)
    elif isinstance(value, list) and field is not None and field.set:
        for inner in value:
            yield (*path, member_key(inner))
    else:
        yield path


def _keyed(value: list[Any], path: Path, field: Field) -> Iterator[Path]:
    assert field.ref.of is not None
    for item in value:
        key = item_key(item, field)
        if not key:
            yield path
            return
        yield (*path, key)
        yield from _walk(item, field.ref.of, (*path, key), atomic=False)


def value_at(obj: Any, path: Path) -> Any:
    """What an object has at a path; None where it has nothing."""
    for step in path:
        if step.startswith("f:"):
            obj = obj.get(step[2:]) if isinstance(obj, Mapping) else None
        elif not isinstance(obj, list):
            return None
        elif step.startswith("v:"):
            wanted = json.loads(step[2:])
            obj = wanted if wanted in obj else None
        else:
            keys = json.loads(step[2:])
            obj = next((item for item in obj if has_keys(item, keys)), None)
        if obj is None:
            return None
    return obj


def has_keys(item: Any, keys: Mapping[str, Any]) -> bool:
    return isinstance(item, Mapping) and all(
        item.get(name, _PROTOCOL.get(name)) == value for name, value in keys.items()
    )


def encode(paths: Iterable[Path]) -> dict[str, Any]:
    """FieldsV1: nested maps, "." where a path itself is a member and has members below."""
    tree: dict[str, Any] = {}
    ordered = sorted(paths)
    for path in ordered:
        node = tree
        for step in path:
            node = node.setdefault(step, {})
    for path in ordered:
        node = tree
        for step in path:
            node = node[step]
        if node or path[-1].startswith("k:"):
            node["."] = {}
    return tree


def decode(tree: Any, path: Path = ()) -> Iterator[Path]:
    """The paths of a FieldsV1 map."""
    if not isinstance(tree, Mapping):
        return
    if not tree and path:
        yield path
    for step, inner in tree.items():
        if step == ".":
            yield path
        else:
            yield from decode(inner, (*path, step))


def readable(path: Path) -> str:
    """A path as conflicts name it: `.spec.template.spec.containers[name="x"].image`."""
    found = ""
    for step in path:
        if step.startswith("f:"):
            found += f".{step[2:]}"
        elif step.startswith("k:"):
            keys = json.loads(step[2:])
            found += "[" + ",".join(f"{k}={json.dumps(v)}" for k, v in keys.items()) + "]"
        else:
            found += f"[={step[2:]}]"
    return found
