"""Watches: changes of the store as a stream of JSON lines.

Separate from the verbs because a watch lives on. Each connection has a queue that the store's
changes are put into as they happen (same thread); a client that cannot follow is cut off and
resumes from where it was.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from typing import Any

from opsconsole.sandbox.api import lists, negotiation, tables
from opsconsole.sandbox.api.negotiation import Form
from opsconsole.sandbox.api.target import Call, Target
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj
from opsconsole.sandbox.store import Change, Store

BACKLOG = 20_000
"""Events that wait for a slow client before it is cut off."""

BOOKMARK_INTERVAL = 60.0
"""Real seconds between bookmarks."""

INITIAL_EVENTS = (
    "sendInitialEvents: Forbidden: sendInitialEvents is forbidden for watch unless the WatchList"
    " feature gate is enabled"
)


class Watch:
    """One client's view of one target from some version on; `lines()` hands out what is due."""

    def __init__(self, store: Store, call: Call, target: Target, form: Form) -> None:
        if "sendInitialEvents" in call.query:
            raise StatusError(
                422,
                "Invalid",
                f'ListOptions.meta.k8s.io "" is invalid: {INITIAL_EVENTS}',
                {
                    "causes": [
                        {
                            "reason": "FieldValueForbidden",
                            "message": INITIAL_EVENTS.partition(": ")[2],
                            "field": "sendInitialEvents",
                        }
                    ]
                },
            )
        self.store = store
        self.target = target
        self.form = form
        self.include = call.query.get("includeObject", "Metadata")
        self.match = lists.matcher(target, call.query)
        self.wake = asyncio.Event()
        self.overrun = False
        self.failed = False
        self._headers = True
        self._waiting: deque[tuple[str, Obj]] = deque()
        self._leave: Callable[[], None] = lambda: None
        self._start(call.query.get("resourceVersion", ""))

    def _start(self, asked: str) -> None:
        self._leave = self.store.subscribe(self._see)
        if asked in ("", "0"):
            for obj in self.store.objects(self.target.kind, self.target.namespace):
                if self.target.admits(obj) and self.match(obj):
                    self._put("ADDED", obj)
            return
        try:
            for change in self.store.since(lists.parse_version(asked)):
                self._see(change)
        except StatusError as error:
            # the watch cache tells in the stream, with status 200
            if error.code != 410:
                self.close()
                raise
            self.failed = True
            self._put("ERROR", error.body())

    def close(self) -> None:
        self._leave()
        self._leave = lambda: None

    def _see(self, change: Change) -> None:
        if change.kind != self.target.kind or not self.target.admits(change.object):
            return
        new = change.type != "DELETED" and self.match(change.object)
        old = change.old is not None and self.match(change.old)
        if new:
            self._put("MODIFIED" if old else "ADDED", change.object)
        elif old or (change.type == "DELETED" and self.match(change.object)):
            self._put("DELETED", _as_of(change.object, change.version))

    def _put(self, type_: str, obj: Obj) -> None:
        if len(self._waiting) >= BACKLOG:
            self.overrun = True
        else:
            self._waiting.append((type_, obj))
        self.wake.set()

    def lines(self, limit: int = 200) -> bytes:
        """Up to `limit` events that wait, encoded; empty when there are none."""
        found: list[bytes] = []
        while self._waiting and len(found) < limit:
            type_, obj = self._waiting.popleft()
            found.append(negotiation.encode({"type": type_, "object": self._shaped(type_, obj)}))
        if not self._waiting:
            self.wake.clear()
        return b"".join(found)

    def bookmark(self) -> bytes:
        kind = self.target.served.kind
        meta = {"resourceVersion": str(self.store.version), "creationTimestamp": None}
        obj: dict[str, Any] = {"kind": kind.kind, "apiVersion": kind.api_version, "metadata": meta}
        if self.form.shape == negotiation.TABLE:
            obj = tables.table(
                self.target, (), meta, now=self.store.simulation.now(), headers=False
            )
            obj["metadata"] = {"resourceVersion": meta["resourceVersion"]}
        return negotiation.encode({"type": "BOOKMARK", "object": obj})

    def _shaped(self, type_: str, obj: Obj) -> Any:
        if type_ == "ERROR":
            return obj
        if self.form.shape == negotiation.TABLE:
            shown = tables.table(
                self.target,
                [obj],
                {"resourceVersion": obj["metadata"]["resourceVersion"]},
                now=self.store.simulation.now(),
                include=self.include,
                headers=self._headers,
            )
            self._headers = False
            return shown
        if self.form.shape in (negotiation.PARTIAL, negotiation.PARTIAL_LIST):
            return tables.partial(obj)
        return self.target.out(obj)


def _as_of(obj: Obj, version: int) -> Obj:
    """A deleted object carries the version of its deletion, also when it only left the selection."""
    if obj["metadata"].get("resourceVersion") == str(version):
        return obj
    return {**obj, "metadata": {**obj["metadata"], "resourceVersion": str(version)}}
