"""Whole lists in pages.

Separate because a list of thousands must neither block the loop nor be one giant document,
and because a continue token may expire between two pages.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import ApiError
from opsconsole.kube.transport import Transport
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import items, mapping, text

PAGE = 500
RESTARTS = 2
"""Times that a list starts anew because its continue token expired; then it is asked whole."""

BIG_LIST = 60.0
"""Seconds for one page."""

DROPPED = "kubectl.kubernetes.io/last-applied-configuration"


def trimmed(obj: Mapping[str, Any], api_version: str, kind: str) -> dict[str, Any]:
    """An object without what the console never reads: a quarter to a third of its size."""
    meta = dict(mapping(obj, "metadata"))
    meta.pop("managedFields", None)
    notes = mapping(meta, "annotations")
    if DROPPED in notes:
        meta["annotations"] = {k: v for k, v in notes.items() if k != DROPPED}
    return {"apiVersion": api_version, "kind": kind, **obj, "metadata": meta}


async def list_all(
    transport: Transport,
    kind: Kind,
    namespace: str = "",
    *,
    labels: str = "",
    fields: str = "",
    page: int = PAGE,
) -> tuple[list[dict[str, Any]], str]:
    """(objects, resourceVersion to watch from). Items of a list carry no kind; ours do."""
    for restart in range(RESTARTS + 1):
        limit = page if restart < RESTARTS else 0
        try:
            return await _pages(transport, kind, namespace, _selectors(labels, fields), limit)
        except ApiError as fault:
            if fault.status != 410 or restart == RESTARTS:
                raise
    raise AssertionError("unreachable")


@dataclass(frozen=True, slots=True)
class Standing:
    """The first object of a list, by what no two objects share: a mark of whose state it is."""

    uid: str = ""
    created: str = ""


def standing_of(objects: Sequence[Mapping[str, Any]]) -> Standing:
    if not objects:
        return Standing()
    first = objects[0]
    return Standing(text(first, "metadata", "uid"), text(first, "metadata", "creationTimestamp"))


async def standing_now(
    transport: Transport, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
) -> tuple[Standing, str]:
    """(standing, resourceVersion) of the server as it is now, by a list of one."""
    asked = [*_selectors(labels, fields), ("limit", "1")]
    body = await transport.json("GET", kind.path(namespace), query=asked)
    return standing_of([*_objects(body, kind)]), text(body, "metadata", "resourceVersion")


def _selectors(labels: str, fields: str) -> list[tuple[str, str]]:
    query = [("labelSelector", labels), ("fieldSelector", fields)]
    return [pair for pair in query if pair[1]]


async def _pages(
    transport: Transport, kind: Kind, namespace: str, query: list[tuple[str, str]], limit: int
) -> tuple[list[dict[str, Any]], str]:
    found: list[dict[str, Any]] = []
    token = ""
    while True:
        asked = [*query, *([("limit", str(limit))] if limit else [])]
        asked += [("continue", token)] if token else []
        body = await transport.json("GET", kind.path(namespace), query=asked, within=BIG_LIST)
        found.extend(_objects(body, kind))
        token = text(body, "metadata", "continue")
        if not token:
            return found, text(body, "metadata", "resourceVersion")
        await asyncio.sleep(0)


def _objects(body: Any, kind: Kind) -> Iterator[dict[str, Any]]:
    for item in items(body, "items"):
        if isinstance(item, Mapping):
            yield trimmed(item, kind.api_version, kind.kind)
