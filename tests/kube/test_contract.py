"""The client against the sandbox's API server over real HTTP, faults included (§5.6)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from opsconsole.errors import (
    ConflictError,
    DeniedError,
    NotFoundError,
    ThrottledError,
    UnreachableError,
)
from opsconsole.kube import following
from opsconsole.kube.cluster import KubeCluster
from opsconsole.kube.contexts import Target
from opsconsole.kube.credentials import Fixed, Proof, bearer
from opsconsole.kube.discovery import missing
from opsconsole.kube.following import Follower
from opsconsole.model.feed import Alive, Changed, Feed, Interrupted, Listed
from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, NAMESPACE, ROLLOUT, Kind
from opsconsole.model.objects import name_of
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.snapshot import Link
from opsconsole.sandbox.api.faults import Fault, gone_event, huge_event
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.store import Store

MAPS = "/configmaps"


class Stand:
    """A server with the namespace `default`, and a client."""

    def __init__(self) -> None:
        self.store = Store(Simulation())
        self.store.create(NAMESPACE, {"metadata": {"name": "default"}})
        self.server = ApiServer(self.store)
        self.client: Any = None

    def add(self, name: str, **data: str) -> None:
        meta = {"name": name, "namespace": "default"}
        self.store.create(CONFIG_MAP, {"metadata": meta, "data": data})

    def fault(self, **options: Any) -> Fault:
        return self.server.faults.add(Fault(**options))

    def follow(self, kind: Kind = CONFIG_MAP, **more: Any) -> Any:
        more = {"luck": lambda: 0.0, **more}
        return Follower(self.client.transport, kind, "default", **more).follow()


def play(scene: Callable[[Stand], Awaitable[None]], credential: Any = None) -> None:
    async def main() -> None:
        stand = Stand()
        url = await stand.server.start()
        target = Target(url, credential or Fixed(Proof()), "test", direct=True)
        stand.client = KubeCluster(target, luck=lambda: 0.0, timeout=3.0)
        try:
            async with asyncio.timeout(30):
                await scene(stand)
        finally:
            await stand.client.close()
            await stand.server.stop()

    asyncio.run(main())


async def until(feed: Any, wanted: Callable[[Feed], bool]) -> list[Feed]:
    found: list[Feed] = []
    async for item in feed:
        found.append(item)
        if wanted(item):
            break
    return found


def named(name: str) -> Callable[[Feed], bool]:
    return lambda item: isinstance(item, Changed) and name_of(item.object) == name


def listed(*names: str) -> Callable[[Feed], bool]:
    return lambda item: (
        isinstance(item, Listed) and [name_of(o) for o in item.objects] == list(names)
    )


def test_lists_in_pages_and_then_watches() -> None:
    async def scene(stand: Stand) -> None:
        for i in range(1203):
            stand.add(f"m{i:04d}")
        feed = stand.follow()
        first = await anext(feed)
        assert isinstance(first, Listed)
        assert len(first.objects) == 1203
        assert first.objects[0]["kind"] == "ConfigMap"
        assert stand.server.requests == 3
        await anext(feed)
        stand.add("late")
        await until(feed, named("late"))

    play(scene)


def test_a_continue_token_that_expires_starts_the_list_anew() -> None:
    async def scene(stand: Stand) -> None:
        for i in range(600):
            stand.add(f"m{i:03d}")
        stand.fault(path=MAPS, continues=True, status=410, reason="Expired")
        found = await stand.client.list(CONFIG_MAP, "default")
        assert len(found) == 600

    play(scene)


@pytest.mark.parametrize(
    "fault",
    [
        {"chunks": (gone_event() + b"\n",), "close": True},
        {"status": 410, "reason": "Expired"},
    ],
)
def test_410_lists_anew_in_the_stream_and_as_status(fault: dict[str, Any]) -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        stand.fault(path=MAPS, watch=True, **fault)
        feed = stand.follow()
        await until(feed, listed("one"))
        stand.add("two")
        await until(feed, listed("one", "two"))

    play(scene)


def test_what_was_deleted_in_the_gap_is_not_listed() -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        stand.add("two")
        stand.fault(path=MAPS, watch=True, status=410, reason="Expired")
        feed = stand.follow()
        await until(feed, listed("one", "two"))
        stand.store.delete(CONFIG_MAP, "default", "one")
        await until(feed, listed("two"))

    play(scene)


def test_a_watch_that_closes_at_once_is_not_hammered() -> None:
    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, watch=True, close=True, times=3)
        feed = stand.follow()
        found: list[Feed] = []
        while sum(isinstance(item, Interrupted) for item in found) < 3:
            found.append(await anext(feed))
        pauses = [item for item in found if isinstance(item, Interrupted)]
        assert all(item.link is Link.STALE and item.retry_in >= 0.1 for item in pauses)
        stand.add("later")
        await until(feed, named("later"))
        assert sum(isinstance(item, Listed) for item in found) == 1

    play(scene)


def test_a_silent_connection_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "WATCH", (0.0, 0.0))
    monkeypatch.setattr(following, "MARGIN", 0.3)

    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, watch=True, stall=True)
        found = await until(stand.follow(), lambda i: isinstance(i, Interrupted))
        assert found[-1].message == "the connection went silent"  # type: ignore[union-attr]

    play(scene)


def test_an_event_of_more_than_4_mib() -> None:
    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, watch=True, chunks=(huge_event(5 * 2**20),))
        await until(stand.follow(), named("huge"))

    play(scene)


def test_a_line_cut_inside_a_character() -> None:
    async def scene(stand: Stand) -> None:
        raw = '{"type":"ADDED","object":{"metadata":{"name":"é","resourceVersion":"9"}}}\n'.encode()
        at = raw.index(b"\xa9")
        stand.fault(path=MAPS, watch=True, chunks=(raw[:at], raw[at:]))
        await until(stand.follow(), named("é"))

    play(scene)


def test_malformed_json_lists_anew() -> None:
    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, watch=True, chunks=(b'{"type": oops}\n',), close=True)
        feed = stand.follow()
        found = await until(feed, lambda i: isinstance(i, Interrupted))
        assert "no JSON" in found[-1].message  # type: ignore[union-attr]
        await until(feed, listed())

    play(scene)


def test_denied_says_so_and_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(following, "DENIED_AGAIN", 0.2)

    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, status=403, reason="Forbidden", message="no configmaps")
        feed = stand.follow()
        found = await until(feed, lambda i: isinstance(i, Interrupted))
        assert found[-1].link is Link.DENIED  # type: ignore[union-attr]
        assert "no configmaps" in found[-1].message  # type: ignore[union-attr]
        await until(feed, listed())

    play(scene)


def test_an_absent_kind_is_absent() -> None:
    async def scene(stand: Stand) -> None:
        widgets = Kind("example.com", "v1", "Widget", "widgets")
        item = await anext(stand.follow(widgets))
        assert isinstance(item, Interrupted)
        assert item.link is Link.ABSENT
        assert await missing(stand.client.transport, [ROLLOUT, APPLICATION, widgets]) == (widgets,)

    play(scene)


def test_a_burst_of_5xx_is_survived() -> None:
    async def scene(stand: Stand) -> None:
        stand.fault(path=MAPS, status=500, times=2)
        feed = stand.follow()
        found = await until(feed, listed())
        assert [type(i) for i in found] == [Interrupted, Interrupted, Listed]

    play(scene)


def test_a_throttled_read_waits_as_asked_and_a_write_does_not_repeat() -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        limit = {"status": 429, "reason": "TooManyRequests", "headers": {"Retry-After": "1"}}
        stand.fault(path=MAPS, method="GET", **limit)
        assert await stand.client.get(CONFIG_MAP, "default", "one")
        stand.fault(path=MAPS, method="PATCH", **limit)
        before = stand.server.requests
        with pytest.raises(ThrottledError):
            await stand.client.send(patch({"data": {"a": "b"}}))
        assert stand.server.requests == before + 1

    play(scene)


def patch(body: Any, **more: Any) -> Request:
    return Request(
        Verb.PATCH, CONFIG_MAP, "default", "one", body, PatchType.MERGE, **more
    )  # fmt: skip


def test_writes_are_guarded_by_the_version() -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        old = await stand.client.get(CONFIG_MAP, "default", "one")
        version = old["metadata"]["resourceVersion"]
        new = await stand.client.send(
            patch({"data": {"a": None, "b": "1"}}, resource_version=version)
        )
        assert new["data"] == {"b": "1"}
        with pytest.raises(ConflictError):
            await stand.client.send(patch({"data": {"b": "2"}}, resource_version=version))
        with pytest.raises(NotFoundError):
            await stand.client.get(CONFIG_MAP, "default", "gone")

    play(scene)


def test_an_answer_that_is_lost_is_not_sent_again() -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        stand.fault(path=MAPS, method="PATCH", drop=True, after=True, times=-1)
        before = stand.server.requests
        with pytest.raises(UnreachableError):
            await stand.client.send(patch({"data": {"b": "1"}}))
        assert stand.server.requests == before + 1
        assert stand.store.get(CONFIG_MAP, "default", "one")["data"] == {"b": "1"}

    play(scene)


def test_401_renews_the_credential_once() -> None:
    asked: list[bool] = []

    class Credential:
        async def proof(self, *, fresh: bool = False) -> Proof:
            asked.append(fresh)
            return bearer("new" if fresh else "old")

    async def scene(stand: Stand) -> None:
        stand.add("one")
        stand.fault(path=MAPS, status=401, reason="Unauthorized")
        assert await stand.client.get(CONFIG_MAP, "default", "one")
        assert asked == [False, True]
        stand.fault(path=MAPS, status=401, reason="Unauthorized", times=2)
        with pytest.raises(DeniedError, match="credentials"):
            await stand.client.get(CONFIG_MAP, "default", "one")

    play(scene, Credential())


def test_a_status_write_falls_back_to_the_object() -> None:
    async def scene(stand: Stand) -> None:
        stand.add("one")
        request = patch({"data": {"x": "y"}}, subresource="status", main_on_404=True)
        assert (await stand.client.send(request))["data"] == {"x": "y"}

    play(scene)


def test_nobody_there() -> None:
    async def scene(stand: Stand) -> None:
        await stand.server.stop()
        with pytest.raises(UnreachableError, match="cannot talk to"):
            await stand.client.get(CONFIG_MAP, "default", "one")
        found = await anext(stand.follow())
        assert isinstance(found, Interrupted)
        assert found.link is Link.STALE

    play(scene)


async def _comes_back_as(stand: Stand, store: Store, wanted: Callable[[Feed], bool]) -> list[Feed]:
    """What a follower says after its server stops and another store answers at the address."""
    stand.add("known")
    stand.add("old")
    feed = stand.follow()
    await until(feed, listed("known", "old"))
    port = int(stand.client.transport.target.server.rsplit(":", 1)[1])
    await stand.server.stop()
    await until(feed, lambda item: isinstance(item, Interrupted))
    stand.server = ApiServer(store)
    await stand.server.start(port=port)
    return await until(feed, wanted)


def test_a_server_that_comes_back_with_an_earlier_state_is_listed_anew() -> None:
    """A watch from a version that it has yet to reach would be silent, and all would look live."""

    async def scene(stand: Stand) -> None:
        store = Store(Simulation())
        store.create(NAMESPACE, {"metadata": {"name": "default"}})
        await _comes_back_as(stand, store, listed())

    play(scene)


def test_a_server_that_comes_back_with_another_state_is_listed_anew() -> None:
    async def scene(stand: Stand) -> None:
        store = Store(Simulation(seed=7))
        store.create(NAMESPACE, {"metadata": {"name": "default"}})
        for i in range(40):
            meta = {"name": f"new{i:02d}", "namespace": "default"}
            store.create(CONFIG_MAP, {"metadata": meta})
        await _comes_back_as(stand, store, listed(*(f"new{i:02d}" for i in range(40))))

    play(scene)


def test_a_server_that_comes_back_as_it_was_is_resumed() -> None:
    async def scene(stand: Stand) -> None:
        found = await _comes_back_as(stand, stand.store, lambda item: isinstance(item, Alive))
        assert not [item for item in found if isinstance(item, Listed)]

    play(scene)
