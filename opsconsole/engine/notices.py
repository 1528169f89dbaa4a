"""Argo CD's notifications: who was told of an application, and whether anybody is told at all.

Separate from the world's reflectors: one ConfigMap matters, and a trigger or template of it
that does not parse silences every notification (seen in the recorded runs).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from opsconsole.model import notified
from opsconsole.model.events import Event
from opsconsole.model.objects import Object, annotations_of, mapping, name_of

CONFIG = "argocd-notifications-cm"
HINT = "one trigger or template that does not parse silences every notification: correct it"


def told(app: Object) -> list[Event]:
    """Who was told of an application, as events, newest first.

    An annotation that does not read whole tells nothing, as for the controller (`notified.read`).
    """
    return [
        Event(
            at=datetime.fromtimestamp(one.second, UTC),
            type="Normal",
            reason="Notified",
            message=f"{one.trigger} told {':'.join(filter(None, (one.service, one.recipient)))}",
            kind="Application",
            name=name_of(app),
            count=1,
        )
        for one in notified.told(annotations_of(app).get(notified.NOTIFIED))
    ]


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
