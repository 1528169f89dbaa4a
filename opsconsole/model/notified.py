"""The annotation in which Argo's notifications controllers note whom they told.

Separate because the engine reads what the sandbox's controller writes: one spelling of its keys.
Source: notifications-engine `state.go`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import NamedTuple

NOTIFIED = "notified.notifications.argoproj.io"

_KEY = re.compile(
    r"(?:.*:)?(?P<trigger>[^:]+):\[\d+\]\.[^:]+:(?P<service>[^:]+):(?P<recipient>.*)", re.DOTALL
)


class Told(NamedTuple):
    """`second` is since the epoch."""

    trigger: str
    service: str
    recipient: str
    second: int


def key_of(trigger: str, condition: str, service: str, recipient: str, once_per: str = "") -> str:
    """`[oncePer:]trigger:[index].hash:service:recipient`; `condition` is the third part."""
    key = f"{trigger}:{condition}:{service}:{recipient}"
    return f"{once_per}:{key}" if once_per else key


def read(raw: object) -> dict[str, int]:
    """Key → second of an annotation's text. One that does not read whole counts as empty."""
    if not isinstance(raw, str):
        return {}
    try:
        loaded = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    if not isinstance(loaded, Mapping) or any(type(n) is not int for n in loaded.values()):
        return {}
    return {str(key): second for key, second in loaded.items()}


def told(raw: object) -> list[Told]:
    """Who was told, newest first."""
    found = []
    for key, second in read(raw).items():
        parts = _KEY.fullmatch(key)
        if parts is not None and 0 < second < 1 << 33:
            found.append(Told(parts["trigger"], parts["service"], parts["recipient"], second))
    return sorted(found, key=lambda one: -one.second)
