"""The watch protocol without sockets: bytes in, events and outcomes out."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    NotFoundError,
    OpsError,
    ThrottledError,
)
from opsconsole.kube import failures
from opsconsole.kube.listing import trimmed
from opsconsole.kube.patching import preconditioned
from opsconsole.kube.watching import Broken, Expired, LineSplitter, WatchState
from opsconsole.model.feed import Alive, Changed
from opsconsole.model.kinds import POD, ROLLOUT
from opsconsole.model.requests import PatchType, Request, Verb


def event(kind: str, **obj: Any) -> bytes:
    return json.dumps({"type": kind, "object": obj}).encode()


def added(name: str, version: str) -> bytes:
    return event("ADDED", metadata={"name": name, "namespace": "a", "resourceVersion": version})


@given(
    st.lists(
        st.text(st.characters(codec="utf-8", exclude_characters="\n\r"), min_size=1), max_size=5
    ),
    st.data(),
)
def test_lines_survive_any_cut_even_inside_a_character(
    lines: list[str], data: st.DataObject
) -> None:
    wanted = [line.encode() for line in lines if line.encode().strip()]
    raw = b"".join(line.encode() + b"\n" for line in lines)
    splitter = LineSplitter()
    found: list[bytes] = []
    while raw:
        size = data.draw(st.integers(1, len(raw)))
        found += splitter.feed(raw[:size])
        raw = raw[size:]
    assert found == wanted


def test_a_line_beyond_the_limit_is_an_error() -> None:
    splitter = LineSplitter(limit=100)
    assert list(splitter.feed(b"x" * 90)) == []
    with pytest.raises(OpsError, match="longer than 100"):
        list(splitter.feed(b"x" * 20))


def test_events_move_the_version_and_keep_no_managed_fields() -> None:
    state = WatchState(POD, "5", "watch pods")
    raw = event("MODIFIED", metadata={"name": "p", "resourceVersion": "7", "managedFields": [1]})
    found = state.line(raw)
    assert isinstance(found, Changed)
    assert found.type == "MODIFIED"
    assert found.object["kind"] == "Pod"
    assert "managedFields" not in found.object["metadata"]
    assert state.version == "7"


def test_a_bookmark_moves_the_version_and_is_a_sign_of_life() -> None:
    state = WatchState(POD, "5", "watch pods")
    assert not state.bookmarks
    assert isinstance(state.line(event("BOOKMARK", metadata={"resourceVersion": "90"})), Alive)
    assert (state.version, state.bookmarks) == ("90", True)


@pytest.mark.parametrize(
    "status", [{"code": 410, "reason": "Gone"}, {"code": 410}, {"reason": "Expired", "code": 500}]
)
def test_410_inside_the_stream_expires(status: dict[str, Any]) -> None:
    assert isinstance(WatchState(POD, "5", "w").line(event("ERROR", **status)), Expired)


def test_other_errors_inside_the_stream_are_ours() -> None:
    found = WatchState(POD, "5", "w").line(event("ERROR", code=403, message="no pods for you"))
    assert isinstance(found, Broken)
    assert isinstance(found.fault, DeniedError)


@pytest.mark.parametrize("raw", [b"{", b"[]", b'"x"', b"\xff\xfe", b"[" * 100_000])
def test_garbage_never_raises(raw: bytes) -> None:
    found = WatchState(POD, "5", "w").line(raw)
    assert isinstance(found, Broken | Alive)
    if isinstance(found, Broken):
        assert found.relist


def test_unknown_types_and_nameless_objects_change_nothing() -> None:
    state = WatchState(POD, "5", "w")
    assert isinstance(state.line(event("NEWTYPE", metadata={"name": "x"})), Alive)
    assert isinstance(state.line(event("ADDED", metadata=[])), Alive)


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        (401, {}, DeniedError),
        (403, {"message": "no"}, DeniedError),
        (404, {}, NotFoundError),
        (409, {"reason": "Conflict"}, ConflictError),
        (410, {"reason": "Expired"}, ApiError),
        (429, {}, ThrottledError),
        (500, {}, ApiError),
    ],
)
def test_statuses(code: int, status: dict[str, Any], kind: type[OpsError]) -> None:
    found = failures.from_status(code, status, "GET /x", {"Retry-After": "7"})
    assert type(found) is kind
    if isinstance(found, ThrottledError):
        assert found.retry_after == 7


def test_already_exists_is_no_conflict() -> None:
    found = failures.from_status(409, {"reason": "AlreadyExists"}, "POST /x")
    assert not isinstance(found, ConflictError)


def test_messages_are_bounded_printable_and_without_credentials() -> None:
    text = "bad token=abcdef123456 Bearer eyJhbGciOiJ.eyJzdWIiOiIx.sig \x1b[31m" + "x" * 1000
    shown = failures.from_status(500, {"message": text}, "GET /x").message
    assert "abcdef123456" not in shown
    assert "eyJ" not in shown
    assert "\x1b" not in shown
    assert len(shown) < 300


def test_trimming_keeps_the_original() -> None:
    obj = {"metadata": {"name": "x", "managedFields": [1],
                        "annotations": {"kubectl.kubernetes.io/last-applied-configuration": "{}", "a": "b"}}}  # fmt: skip
    found = trimmed(obj, "v1", "Pod")
    assert found["metadata"] == {"name": "x", "annotations": {"a": "b"}}
    assert "managedFields" in obj["metadata"]


@pytest.mark.parametrize(
    ("patch_type", "verb", "body", "wanted"),
    [
        (PatchType.MERGE, Verb.PATCH, {"spec": 1}, {"spec": 1, "metadata": {"resourceVersion": "9"}}),
        (PatchType.JSON, Verb.PATCH, [{"op": "x"}],
         [{"op": "test", "path": "/metadata/resourceVersion", "value": "9"}, {"op": "x"}]),
        (PatchType.NONE, Verb.PUT, {"metadata": {"name": "x"}},
         {"metadata": {"name": "x", "resourceVersion": "9"}}),
        (PatchType.NONE, Verb.DELETE, None, {"preconditions": {"resourceVersion": "9"}}),
    ],
)  # fmt: skip
def test_preconditions(patch_type: PatchType, verb: Verb, body: Any, wanted: Any) -> None:
    request = Request(verb, ROLLOUT, "a", "x", body, patch_type, resource_version="9")
    assert preconditioned(request) == wanted
