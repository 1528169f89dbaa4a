"""Notifications: who was told, and that a broken configuration is said aloud."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import pytest

from opsconsole.engine import notices
from opsconsole.engine.hub import Hub
from opsconsole.model.kinds import APPLICATION, CONFIG_MAP
from opsconsole.model.notified import NOTIFIED
from tests.aio.loop import pass_time
from tests.engine import objects
from tests.engine.fakes import StoreCluster
from tests.engine.test_hub import APP, play

GOOD = {"template.t": "message: hello", "trigger.on": "- when: 'true'\n  send: [t]"}


def config(data: dict[str, str], name: str = notices.CONFIG) -> dict[str, Any]:
    return {"metadata": {"name": name, "namespace": "argocd"}, "data": data}


def noted(**entries: int) -> dict[str, Any]:
    keys = {
        "plain": "on-degraded:[0].zoG5zU:slack:payments-team",
        "once": "fe8c:2026-01-05T09:00:00Z:on-sync:[1].abc:webhook:a:b",
        "nobody": "on-sync:[0].abc:hook:",
        "odd": "nonsense",
    }
    told = json.dumps({keys[name]: second for name, second in entries.items()})
    return {"metadata": {"name": "shop", "annotations": {NOTIFIED: told}}}


def test_who_was_told_is_read_from_the_annotation() -> None:
    found = notices.told(
        noted(plain=1_700_000_000, once=1_700_000_100, nobody=1_700_000_050, odd=1)
    )
    assert [event.message for event in found] == [
        "on-sync told webhook:a:b",
        "on-sync told hook",
        "on-degraded told slack:payments-team",
    ]
    assert found[0].at is not None
    assert found[0].at.timestamp() == 1_700_000_100


def test_an_annotation_that_is_none_tells_nothing() -> None:
    for raw in ("", "{", "[]", "3", '{"on:[0].a:b:c": "x"}', '{"on:[0].a:b:c": 1e99}', None, 3):
        app = {"metadata": {"name": "a", "annotations": {NOTIFIED: raw}}}
        assert notices.told(app) == []


def test_being_told_stands_among_the_events() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    app = cluster.store.get(APPLICATION, "argocd", "shop")
    meta = {
        **app["metadata"],
        "annotations": noted(plain=1_700_000_000)["metadata"]["annotations"],
    }
    cluster.store.update(APPLICATION, {**app, "metadata": meta})

    async def scene(hub: Hub) -> None:
        hub.select(APP)
        await pass_time(3)
        chosen = hub.snapshot().selection
        assert chosen is not None
        assert [(e.reason, e.message) for e in chosen.events] == [
            ("Notified", "on-degraded told slack:payments-team")
        ]

    play(cluster, scene)


def test_a_configuration_that_does_not_parse_is_an_incident_until_it_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def here(work: Callable[..., Any], *given: Any) -> Any:
        return work(*given)

    # a thread takes real time, of which a loop with free time knows nothing
    monkeypatch.setattr(asyncio, "to_thread", here)
    cluster = StoreCluster()
    objects.shop(cluster)
    broken = {**GOOD, "template.other": "message: '{{ .app'"}
    cluster.put(CONFIG_MAP, config(broken))
    cluster.put(CONFIG_MAP, config({"trigger.on": "- when: 'a =='"}, "another"))

    async def told(hub: Hub) -> list[str]:
        await pass_time(1)
        return [i.message for i in hub.snapshot().incidents if i.source == "notifications"]

    def change(data: dict[str, str]) -> None:
        now = cluster.store.get(CONFIG_MAP, "argocd", notices.CONFIG)
        cluster.store.update(CONFIG_MAP, {**now, "data": data})

    async def scene(hub: Hub) -> None:
        (message,) = await told(hub)
        assert message.startswith("nothing is sent: template: other:1: ")
        change(GOOD)
        assert await told(hub) == []
        change({"trigger.on": "- when: 'a =='"})
        assert len(await told(hub)) == 1
        cluster.store.delete(CONFIG_MAP, "argocd", notices.CONFIG)
        assert await told(hub) == []

    play(cluster, scene)
