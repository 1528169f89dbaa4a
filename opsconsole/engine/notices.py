"""Argo CD's notifications: who was told of an application, and whether anybody is told at all.

Separate from the world's reflectors: one ConfigMap matters, and a trigger or template of it
that does not parse silences every notification (seen in the recorded runs).
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsconsole.model.events import Event
from opsconsole.model.objects import Object, annotations_of, mapping, name_of

CONFIG = "argocd-notifications-cm"
NOTIFIED = "notified.notifications.argoproj.io"

HINT = "one trigger or template that does not parse silences every notification: correct it"

_KEY = re.compile(
    r"(?:.*:)?(?P<trigger>[^:]+):\[\d+\]\.[^:]+:(?P<service>[^:]+):(?P<recipient>.*)", re.DOTALL
)
"""`[oncePer:]trigger:[index].hash:service:recipient` (notifications-engine, `state.go`)."""


def told(app: Object) -> list[Event]:
    """Who was told of an application, as events, newest first. What does not read is left out."""
    import json

    try:
        noted = json.loads(annotations_of(app).get(NOTIFIED) or "{}")
    except (TypeError, ValueError):
        return []
    if not isinstance(noted, Mapping):
        return []
    found = []
    for key, second in noted.items():
        parts = _KEY.fullmatch(str(key))
        if parts is not None and isinstance(second, int) and 0 < second < 1 << 33:
            to = parts["service"] + (f":{parts['recipient']}" if parts["recipient"] else "")
            found.append(
                Event(
                    at=datetime.fromtimestamp(second, UTC),
                    type="Normal",
                    reason="Notified",
                    message=f"{parts['trigger']} told {to}",
                    kind="Application",
                    name=name_of(app),
                    count=1,
                )
            )
    return sorted(
        found, key=lambda event: event.at or datetime.min.replace(tzinfo=UTC), reverse=True
    )


async def fault_of(config: Object | None) -> str:
    """Why nothing is sent with this ConfigMap, or ""."""
    if config is None:
        return ""
    return await asyncio.to_thread(_fault, mapping(config, "data"))


def _fault(data: Mapping[str, Any]) -> str:
    from opsconsole.argo.cd.notifications import ConfigError, parse

    try:
        parse(data, {})
    except ConfigError as fault:
        return str(fault)
    return ""
