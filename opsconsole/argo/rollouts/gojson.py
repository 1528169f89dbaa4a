"""A pod template as Go writes it in JSON: what `ComputePodTemplateHash` hashes.

Separate from `hashes` for its table: `podfields.txt` has the order of the fields, which of them
are never left out, and their types. What a template has besides is dropped, as decoding drops it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from opsconsole.errors import OpsError
from opsconsole.model.quantities import canonical

_LINE = re.compile(r"([^:!0]+)(!?)(0?):(\S+)")
_OPAQUE = frozenset({"Time", "IntOrString"})
_ZERO: dict[str, Any] = {"s": "", "b": False, "i": 0}
_ESCAPES = {ord(c): f"\\u{ord(c):04x}" for c in "<>&\u2028\u2029"}
"""What Go's encoder escapes besides the usual."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str
    kept: bool
    """Without `omitempty`: written also when empty."""

    omit_zero: bool
    type: str


@cache
def _table() -> dict[str, tuple[_Field, ...]]:
    found: dict[str, tuple[_Field, ...]] = {}
    lines = Path(__file__).with_name("podfields.txt").read_text(encoding="utf-8").splitlines()
    for line in lines:
        if line.startswith("#"):
            continue
        kind, _, rest = line.partition(" ")
        matches = [_LINE.fullmatch(word) for word in rest.split()]
        found[kind] = tuple(
            _Field(m[1], m[2] == "!", m[3] == "0", m[4]) for m in matches if m is not None
        )
    return found


def pod_template(template: Mapping[str, Any]) -> str:
    """The JSON text of a template, as `json.Marshal` of a PodTemplateSpec gives it."""
    text = json.dumps(
        _struct(template, "PodTemplateSpec"), separators=(",", ":"), ensure_ascii=False
    )
    return text.translate(_ESCAPES)


def _struct(value: Any, kind: str) -> dict[str, Any]:
    given: Mapping[str, Any] = value if isinstance(value, Mapping) else {}
    found: dict[str, Any] = {}
    for field in _table()[kind]:
        item = _value(given.get(field.name), field.type)
        if field.kept or not _left_out(item, field):
            found[field.name] = item
    return found


def _left_out(item: Any, field: _Field) -> bool:
    """`omitempty`: a struct is never empty, a pointer only when it is nil."""
    if item is None:
        return True
    if field.type in _table():
        return field.omit_zero and not item
    if field.type.startswith("*") or field.type in _OPAQUE:
        return False
    return item in ("", 0, [], {})


def _value(value: Any, kind: str) -> Any:
    if kind.startswith("*"):
        return None if value is None else _value(value, kind[1:])
    if kind.startswith("[]"):
        return [_value(i, kind[2:]) for i in value] if isinstance(value, list | tuple) else None
    if kind.startswith("{}"):
        if not isinstance(value, Mapping):
            return None
        return {str(key): _value(value[key], kind[2:]) for key in sorted(value, key=str)}
    if kind in _table():
        return _struct(value, kind)
    if kind == "Quantity" and value is not None:
        return _quantity(value)
    return _ZERO.get(kind) if value is None else value


def _quantity(value: Any) -> Any:
    try:
        return canonical(value)
    except (OpsError, ValueError, TypeError):
        return value
