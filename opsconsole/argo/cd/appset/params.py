"""Sets of parameters: Go's types in them, flattened, combined.

Separate from the generators because matrix and merge do the same to each other's sets. Source:
Argo CD `applicationset/utils/map.go`, mergo (with override) and jeremywohl/flatten.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.golang.format import sprintf, v
from opsconsole.argo.golang.values import StringMap

Params = dict[str, Any]


def decoded(value: Any) -> Any:
    """As `json.Unmarshal` into an interface gives it: every number is a float64."""
    if isinstance(value, Mapping):
        return {str(key): decoded(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [decoded(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested values by dotted keys, as text. Only `map[string]any` and `[]any` are gone into."""
    if type(value) is dict:
        pairs = [(str(k), inner) for k, inner in value.items()]
    elif type(value) is list:
        pairs = [(str(i), inner) for i, inner in enumerate(value)]
    else:
        return {prefix: v(value)}
    found: dict[str, str] = {}
    for key, inner in pairs:
        found |= flatten(inner, f"{prefix}.{key}" if prefix else key)
    return found


def overridden(old: Mapping[str, Any], new: Mapping[str, Any]) -> Params:
    """`mergo.Merge` with override: maps within maps are merged, all else is replaced."""
    found = dict(old)
    for key, value in new.items():
        mine = found.get(key)
        if isinstance(value, Mapping) and isinstance(mine, Mapping):
            merged = overridden(mine, value)
            texts = isinstance(mine, StringMap) and isinstance(value, StringMap)
            found[key] = StringMap(merged) if texts else merged
        else:
            found[key] = value
    return found


def _text(value: Any) -> str:
    return value if isinstance(value, str) else sprintf("%s", [value])


def combined(left: Mapping[str, Any], right: Mapping[str, Any]) -> Params:
    """`CombineStringMaps`: all of both as text; a key of both has to have one value."""
    found: Params = {key: _text(value) for key, value in left.items()}
    for key in sorted(right):
        value = right[key]
        if key in found and found[key] != value:
            raise GenerateError(
                f"found duplicate key {key} with different value, a: {found[key]} ,b: {_text(value)}"
            )
        found[key] = _text(value)
    return found


def replaced(left: Mapping[str, Any], right: Mapping[str, Any]) -> Params:
    """`CombineStringMapsAllowDuplicates`."""
    return {key: _text(value) for key, value in {**left, **right}.items()}
