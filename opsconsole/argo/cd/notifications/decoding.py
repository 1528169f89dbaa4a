"""YAML into the Go types of notifications-engine, as `sigs.k8s.io/yaml` does it.

Separate from what the values mean: a scalar becomes the string that a field asks for, and
anything else of a wrong type is a refusal in encoding/json's words.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.golang.format import v
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc

WRONG = "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal"


class DecodeError(Exception):
    """Why a value cannot be read, without the place that it stands in."""


def load(raw: str) -> Any:
    """One document; None for an empty one. Raises DecodeError."""
    try:
        return yamldoc.load(raw, strict=False) if raw.strip() else None
    except YamlError as fault:
        raise DecodeError(f"error converting YAML to JSON: {fault.message}") from fault


def string(value: Any, place: str = "") -> str:
    """A field of type string; "" when it is not set. Raises DecodeError."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return v(value)
    raise _wrong(value, "string", place)


def strings(value: Any, place: str = "") -> tuple[str, ...]:
    """A field of type []string. Raises DecodeError."""
    if value is None:
        return ()
    if not isinstance(value, list):
        raise _wrong(value, "[]string", place)
    return tuple(string(one, place) for one in value)


def entries(value: Any, kind: str, place: str = "") -> list[Mapping[str, Any]]:
    """A field of type []struct; `kind` is the Go type that a refusal names. Raises DecodeError."""
    if value is None:
        return []
    if not isinstance(value, list):
        raise _wrong(value, f"[]{kind}", place)
    return [fields(one, kind, place) for one in value]


def fields(value: Any, kind: str, place: str = "") -> Mapping[str, Any]:
    """A struct or map. Raises DecodeError."""
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise _wrong(value, kind, place)
    return value


def _wrong(value: Any, wanted: str, place: str) -> DecodeError:
    into = f"struct field {place} of type" if place else "value of type"
    return DecodeError(f"{WRONG} {_kind(value)} into Go {into} {wanted}")


def _kind(value: Any) -> str:
    if isinstance(value, Mapping):
        return "object"
    if isinstance(value, list):
        return "array"
    if isinstance(value, bool):
        return "bool"
    return "number" if isinstance(value, int | float) else "string"
