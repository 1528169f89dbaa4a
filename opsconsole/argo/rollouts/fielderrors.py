"""`field.Error` of Kubernetes: how a refusal of a spec is worded.

Separate because several validations print it, and users search for these texts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def shown(value: Any) -> str:
    """A value as `field.Error` prints it: strings quoted, objects as JSON."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str | Mapping | list | tuple):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return str(value)


def invalid(path: str, value: Any, why: str) -> str:
    return f"{path}: Invalid value: {shown(value)}: {why}"


def required(path: str, why: str = "") -> str:
    return f"{path}: Required value" + (f": {why}" if why else "")


def unsupported(path: str, value: Any, supported: tuple[str, ...]) -> str:
    listed = ", ".join(f'"{s}"' for s in supported)
    return f"{path}: Unsupported value: {shown(value)}: supported values: {listed}"


def internal(path: str, why: str) -> str:
    return f"{path}: Internal error: {why}"
