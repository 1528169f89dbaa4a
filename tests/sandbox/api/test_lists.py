"""Lists, pages, watches, and the faults that tests may put in."""

from __future__ import annotations

import asyncio
import json

import aiohttp
import pytest

from opsconsole.sandbox.api import faults
from opsconsole.sandbox.api.faults import Fault
from tests.sandbox.api.support import (
    MAPS,
    MERGE,
    PODS,
    ROLLOUTS,
    Client,
    config_map,
    rollout,
    served,
)  # fmt: skip


def names(answer) -> list[str]:
    return [item["metadata"]["name"] for item in answer["items"]]


async def fill(api: Client, *given: str) -> None:
    for name in given:
        body = config_map(name)
        body["metadata"]["labels"] = {"first": name[0]}
        await api.ok("POST", MAPS, body)


def test_selectors():
    async def play(api: Client) -> None:
        await fill(api, "a1", "a2", "b1")
        assert names(await api.ok("GET", f"{MAPS}?labelSelector=first%3Da")) == ["a1", "a2"]
        assert names(await api.ok("GET", f"{MAPS}?labelSelector=first+notin+(a)")) == ["b1"]
        assert names(await api.ok("GET", f"{MAPS}?fieldSelector=metadata.name%3Da2")) == ["a2"]
        status, answer = await api("GET", f"{MAPS}?fieldSelector=data.x%3D1")
        assert (status, answer["message"]) == (
            400,
            '"data.x" is not a known field selector: only "metadata.name", "metadata.namespace"',
        )
        status, answer = await api("GET", f"{PODS}?fieldSelector=spec.foo%3D1")
        assert (status, answer["message"]) == (400, "field label not supported: spec.foo")
        status, answer = await api("GET", f"{MAPS}?labelSelector=,%3D")
        assert (status, answer["reason"]) == (400, "BadRequest")

    served(play)


def test_pages_are_one_consistent_look():
    async def play(api: Client) -> None:
        await fill(api, "a", "b", "c", "d", "e")
        first = await api.ok("GET", f"{MAPS}?limit=2")
        assert names(first) == ["a", "b"]
        assert first["metadata"]["remainingItemCount"] == 3
        await api.ok("DELETE", f"{MAPS}/c")
        await fill(api, "bb")
        token = first["metadata"]["continue"]
        second = await api.ok("GET", f"{MAPS}?limit=2&continue={token}")
        assert names(second) == ["c", "d"]
        assert second["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]
        last = await api.ok("GET", f"{MAPS}?limit=2&continue={second['metadata']['continue']}")
        assert names(last) == ["e"]
        assert "continue" not in last["metadata"]
        assert names(await api.ok("GET", MAPS)) == ["a", "b", "bb", "d", "e"]
        exact = f"resourceVersion={first['metadata']['resourceVersion']}&resourceVersionMatch=Exact"
        assert names(await api.ok("GET", f"{MAPS}?{exact}")) == ["a", "b", "c", "d", "e"]

    served(play)


def test_a_token_that_is_too_old_offers_to_go_on(monkeypatch):
    async def play(api: Client) -> None:
        await fill(api, "a", "b", "c")
        first = await api.ok("GET", f"{MAPS}?limit=1")
        api.cluster.store.log = type(api.cluster.store.log)(api.cluster.store.log, maxlen=2)
        await fill(api, "d", "e", "f")
        status, answer = await api(
            "GET", f"{MAPS}?limit=1&continue={first['metadata']['continue']}"
        )
        assert (status, answer["reason"]) == (410, "Expired")
        token = answer["metadata"]["continue"]
        assert names(await api.ok("GET", f"{MAPS}?continue={token}")) == ["b", "c", "d", "e", "f"]

    served(play)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("limit=x", 400),
        ("continue=!!", 400),
        ("resourceVersion=x", 400),
        ("resourceVersion=99999", 504),
    ],
)
def test_bad_parameters(query, code):
    async def play(api: Client) -> None:
        status, answer = await api("GET", f"{MAPS}?{query}")
        assert (status, answer["kind"]) == (code, "Status")

    served(play)


def test_a_watch_sees_what_enters_changes_and_leaves_its_selection():
    async def play(api: Client) -> None:
        version = (await api.ok("GET", MAPS))["metadata"]["resourceVersion"]
        await fill(api, "a", "b")
        await api.ok("PATCH", f"{MAPS}/a", {"data": {"x": "1"}}, media=MERGE)
        await api.ok("PATCH", f"{MAPS}/a", {"metadata": {"labels": {"first": "z"}}}, media=MERGE)
        await api.ok("DELETE", f"{MAPS}/a")
        await api.ok("PATCH", f"{MAPS}/b", {"metadata": {"labels": {"first": "a"}}}, media=MERGE)
        await api.ok("DELETE", f"{MAPS}/b")
        events = await api.watch(
            f"{MAPS}?watch=1&labelSelector=first%3Da&resourceVersion={version}", 5
        )
        assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
            ("ADDED", "a"), ("MODIFIED", "a"), ("DELETED", "a"), ("ADDED", "b"), ("DELETED", "b"),
        ]  # fmt: skip
        versions = [int(e["object"]["metadata"]["resourceVersion"]) for e in events]
        assert versions == sorted(set(versions))

    served(play)


def test_a_watch_without_version_begins_with_what_is_there():
    async def play(api: Client) -> None:
        await fill(api, "a", "b")
        for query in ("watch=true", "watch=true&resourceVersion=0"):
            events = await api.watch(f"{MAPS}?{query}", 2)
            assert [(e["type"], e["object"]["metadata"]["name"]) for e in events] == [
                ("ADDED", "a"),
                ("ADDED", "b"),
            ]

    served(play)


def test_a_watch_ends_in_time_with_a_bookmark():
    async def play(api: Client) -> None:
        await fill(api, "a")
        version = (await api.ok("GET", MAPS))["metadata"]["resourceVersion"]
        events = await api.watch(
            f"{MAPS}?watch=1&resourceVersion={version}&timeoutSeconds=1&allowWatchBookmarks=true", 9
        )
        assert [e["type"] for e in events] == ["BOOKMARK"]
        assert events[0]["object"]["metadata"]["resourceVersion"] == version
        assert events[0]["object"]["kind"] == "ConfigMap"

    served(play)


def test_a_version_past_the_window_ends_the_stream_with_410():
    async def play(api: Client) -> None:
        store = api.cluster.store
        store.log = type(store.log)(store.log, maxlen=2)
        await fill(api, "a", "b", "c", "d")
        events = await api.watch(f"{MAPS}?watch=1&resourceVersion=1", 2)
        assert [e["type"] for e in events] == ["ERROR"]
        assert (events[0]["object"]["code"], events[0]["object"]["reason"]) == (410, "Expired")
        assert events[0]["object"]["message"].startswith("too old resource version: 1 (")

    served(play)


def test_initial_events_are_refused():
    async def play(api: Client) -> None:
        status, answer = await api(
            "GET", f"{MAPS}?watch=1&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"
        )
        assert (status, answer["reason"]) == (422, "Invalid")
        assert answer["message"] == (
            'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents'
            " is forbidden for watch unless the WatchList feature gate is enabled"
        )

    served(play)


def test_tables_and_metadata_only():
    async def play(api: Client) -> None:
        await api.ok("POST", ROLLOUTS, rollout("ro", replicas=2))
        accept = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
        table = await api.ok("GET", ROLLOUTS, Accept=accept)
        assert [c["name"] for c in table["columnDefinitions"]] == [
            "Name", "Desired", "Current", "Up-to-date", "Available", "Age",
        ]  # fmt: skip
        assert table["rows"][0]["cells"] == ["ro", 2, None, None, None, "0s"]
        assert table["rows"][0]["object"]["kind"] == "PartialObjectMetadata"
        one = await api.ok("GET", f"{ROLLOUTS}/ro?includeObject=Object", Accept=accept)
        assert one["rows"][0]["object"]["spec"]["replicas"] == 2
        listed = await api.ok(
            "GET",
            ROLLOUTS,
            Accept="application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1",
        )
        assert listed["kind"] == "PartialObjectMetadataList"
        assert "spec" not in listed["items"][0]

    served(play)


def test_one_object_by_watch_and_by_yaml():
    async def play(api: Client) -> None:
        await fill(api, "a", "b")
        events = await api.watch(f"{MAPS}?watch=1&fieldSelector=metadata.name%3Db", 1)
        assert events[0]["object"]["metadata"]["name"] == "b"
        text = await api.ok("GET", f"{MAPS}/a", Accept="application/yaml")
        assert "name: a\n" in text

    served(play)


# faults


def test_answers_that_a_busy_server_gives():
    async def play(api: Client) -> None:
        rules = api.api.faults
        rules.add(faults.throttled(seconds=7))
        status, answer = await api("GET", MAPS)
        assert (status, answer["reason"], api.headers["Retry-After"]) == (
            429,
            "TooManyRequests",
            "7",
        )
        rules.add(faults.unauthorized())
        assert (await api("GET", MAPS))[0] == 401
        rules.add(faults.forbidden("/pods"))
        assert (await api("GET", PODS))[0] == 403
        assert (await api("GET", PODS))[0] == 403
        assert (await api("GET", MAPS))[0] == 200
        rules.clear()
        rules.add(Fault(status=503, reason="ServiceUnavailable", times=2))
        assert [(await api("GET", MAPS))[0] for _ in range(3)] == [503, 503, 200]
        rules.add(faults.expired_continue())
        await fill(api, "a", "b")
        token = (await api.ok("GET", f"{MAPS}?limit=1"))["metadata"]["continue"]
        assert (await api("GET", f"{MAPS}?continue={token}"))[0] == 410
        rules.add(Fault("/configmaps", status=404, reason="NotFound", message="gone"))
        assert (await api("GET", MAPS))[0] == 404

    served(play)


def test_a_lost_answer_has_still_been_carried_out():
    async def play(api: Client) -> None:
        await fill(api, "a")
        api.api.faults.add(Fault(method="PATCH", drop=True, after=True))
        with pytest.raises(aiohttp.ClientError):
            await api("PATCH", f"{MAPS}/a", {"data": {"x": "1"}}, media=MERGE)
        assert (await api.ok("GET", f"{MAPS}/a"))["data"] == {"x": "1"}
        api.api.faults.add(Fault(method="PATCH", drop=True))
        with pytest.raises(aiohttp.ClientError):
            await api("PATCH", f"{MAPS}/a", {"data": {"x": "2"}}, media=MERGE)
        assert (await api.ok("GET", f"{MAPS}/a"))["data"] == {"x": "1"}

    served(play)


def test_streams_that_go_wrong():
    async def play(api: Client) -> None:
        await fill(api, "a")
        path = f"{MAPS}?watch=1"
        api.api.faults.add(Fault(watch=True, close=True))
        assert await api.watch(path, 1) == []
        api.api.faults.add(Fault(watch=True, close=True, chunks=(faults.gone_event(),)))
        events = await api.watch(path, 2)
        assert [e["object"]["code"] for e in events] == [410]
        line = (
            json.dumps(
                {"type": "ADDED", "object": {"metadata": {"name": "ü"}}}, ensure_ascii=False
            ).encode()
            + b"\n"
        )
        middle = line.index("ü".encode()) + 1
        api.api.faults.add(Fault(watch=True, chunks=(line[:middle], line[middle:])))
        events = await api.watch(path, 2)
        assert [e["object"]["metadata"]["name"] for e in events] == ["ü", "a"]
        api.api.faults.add(Fault(watch=True, status=410, reason="Expired"))
        assert (await api("GET", path))[0] == 410
        api.api.faults.add(Fault(watch=True, mute=True))
        api.api.bookmark_interval = 0.01
        events = await api.watch(path, 3)
        assert [e["type"] for e in events] == ["BOOKMARK"] * 3
        api.api.faults.add(Fault(watch=True, stall=True))
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(api.watch(path, 1), 0.2)

    served(play)


def test_lines_of_any_length():
    async def play(api: Client) -> None:
        api.api.faults.add(Fault(watch=True, close=True, chunks=(faults.huge_event(5_000_000),)))
        async with api.session.get(f"{api.api.url}{MAPS}?watch=1") as reply:
            assert len(await reply.read()) > 5_000_000

    served(play)
