"""Reading decoded JSON that may have missing or mistyped fields, without raising.

Separate so that no reader of API objects needs its own `isinstance` ladders.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Object = Mapping[str, Any]
"""A decoded API object. Never changed in place: whoever wants another value makes a copy."""

_MAPPINGS = (dict, Mapping)
"""`dict` first: the check of an abstract class is ten times slower."""

_LISTS = (list, tuple)


def dig(obj: Any, *path: str | int, default: Any = None) -> Any:
    """The value at `path` ("spec", "template", 0, …), or `default` where the way ends or is null."""
    for step in path:
        if isinstance(obj, dict) and isinstance(step, str):  # nearly always, and quick
            obj = obj.get(step)
        elif isinstance(step, int):
            if (
                not isinstance(obj, Sequence)
                or isinstance(obj, str)
                or not -len(obj) <= step < len(obj)
            ):
                return default
            obj = obj[step]
        else:
            if not isinstance(obj, Mapping):
                return default
            obj = obj.get(step)
        if obj is None:
            return default
    return obj


def mapping(obj: Any, *path: str | int) -> Mapping[str, Any]:
    """The mapping at `path`, or an empty one."""
    found = dig(obj, *path)
    return found if isinstance(found, _MAPPINGS) else {}


def items(obj: Any, *path: str | int) -> list[Any]:
    """The list at `path`, or an empty one."""
    found = dig(obj, *path)
    return list(found) if isinstance(found, _LISTS) else []


def mappings(obj: Any, *path: str | int) -> list[Mapping[str, Any]]:
    """The mappings of the list at `path`; other elements are left out."""
    found = dig(obj, *path)
    if not isinstance(found, _LISTS):
        return []
    return [item for item in found if isinstance(item, _MAPPINGS)]


def text(obj: Any, *path: str | int, default: str = "") -> str:
    """The string at `path`; numbers are written out, anything else is `default`."""
    found = dig(obj, *path)
    if isinstance(found, str):
        return found
    if isinstance(found, bool) or not isinstance(found, int | float):
        return default
    return str(found)


def number(obj: Any, *path: str | int, default: int = 0) -> int:
    """The whole number at `path`; a boolean or a string is `default`."""
    found = dig(obj, *path)
    if isinstance(found, bool) or not isinstance(found, int | float):
        return default
    return int(found) if found == found and abs(found) < 2**63 else default  # noqa: PLR0124


def flag(obj: Any, *path: str | int) -> bool:
    """Whether the value at `path` is true (only `true` is)."""
    return dig(obj, *path) is True


def _meta_text(obj: Object, field: str) -> str:
    """Names and uids are asked for at every turn: the straight way first."""
    meta = obj.get("metadata") if isinstance(obj, dict) else None
    found = meta.get(field) if isinstance(meta, dict) else None
    return found if isinstance(found, str) else text(obj, "metadata", field)


def name_of(obj: Object) -> str:
    return _meta_text(obj, "name")


def namespace_of(obj: Object) -> str:
    return _meta_text(obj, "namespace")


def uid_of(obj: Object) -> str:
    return _meta_text(obj, "uid")


def labels_of(obj: Object) -> Mapping[str, Any]:
    return mapping(obj, "metadata", "labels")


def annotations_of(obj: Object) -> Mapping[str, Any]:
    return mapping(obj, "metadata", "annotations")


def controller_of(obj: Object) -> Mapping[str, Any]:
    """The owner reference with `controller: true`, or an empty mapping."""
    for owner in mappings(obj, "metadata", "ownerReferences"):
        if owner.get("controller") is True:
            return owner
    return {}


def condition(obj: Object, kind: str) -> Mapping[str, Any]:
    """The entry of `status.conditions` with that type, or an empty mapping."""
    for entry in mappings(obj, "status", "conditions"):
        if entry.get("type") == kind:
            return entry
    return {}
