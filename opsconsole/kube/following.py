"""List, then watch, for ever: what a reflector feeds on.

Separate from the protocol (`watching`) and from the store: here are only the decisions of
when to list, resume, wait, and what to say meanwhile. Rules as client-go's reflector has
them, and engineering.md §5.5: back-off resets after a stable stretch only; 410 lists anew;
a silent connection is given up. One rule more than client-go's: a server may come back with
another state (etcd restored from a backup, a sandbox started again), and a watch from a version
that it has yet to reach is silent without an error, so a broken watch is resumed only after a look.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import aiohttp

from opsconsole.aio.backoff import Backoff, Uniform
from opsconsole.errors import (
    DeniedError,
    NotFoundError,
    OpsError,
    ThrottledError,
    UnreachableError,
)
from opsconsole.kube import failures
from opsconsole.kube.listing import Standing, list_all, standing_now, standing_of
from opsconsole.kube.transport import Transport
from opsconsole.kube.watching import (
    Broken,
    Closed,
    Expired,
    LineSplitter,
    Outcome,
    Stalled,
    WatchState,
)
from opsconsole.model.feed import Alive, Changed, Feed, Interrupted, Listed
from opsconsole.model.kinds import Kind
from opsconsole.model.snapshot import Link

WATCH = (240.0, 300.0)
"""Seconds that the server is asked to keep a watch: random, to spread reconnects."""

SILENCE = 150.0
"""Seconds without a byte, once bookmarks (about one a minute) were seen."""

MARGIN = 15.0
"""Seconds beyond the asked end of a watch after which silence means a dead connection."""

STABLE = 30.0
"""Seconds that a watch must live before its failures are forgotten."""

DENIED_AGAIN = 60.0
ABSENT_AGAIN = 30.0
"""Seconds between attempts while the cluster says no, or does not serve the kind."""


class Follower:
    """Follows one kind in one namespace ("" for all) with one server."""

    def __init__(
        self,
        transport: Transport,
        kind: Kind,
        namespace: str = "",
        *,
        luck: Uniform,
        labels: str = "",
        fields: str = "",
        silence: float = SILENCE,
    ) -> None:
        self._transport = transport
        self._kind = kind
        self._namespace = namespace
        self._luck = luck
        self._labels = labels
        self._fields = fields
        self._silence = silence
        self._delays = Backoff(luck)
        self._version = ""
        self._standing = Standing()
        self._in_doubt = False
        self._bookmarks = False
        self._outcome: Outcome = Closed()

    async def follow(self) -> AsyncIterator[Feed]:
        """Never ends and never raises OpsError. Cancel it to stop."""
        while True:
            try:
                if self._in_doubt and self._version:
                    await self._look()
                if not self._version:
                    async for item in self._list():
                        yield item
            except OpsError as fault:
                yield (pause := self._interruption(fault))
                await asyncio.sleep(pause.retry_in)
                continue
            started = asyncio.get_running_loop().time()
            async for change in self._watch():
                yield change
            lived = asyncio.get_running_loop().time() - started
            if lived >= STABLE:
                self._delays.reset()
            paused = self._after(self._outcome, lived)
            if paused is not None:
                yield paused
                await asyncio.sleep(paused.retry_in)

    async def _list(self) -> AsyncIterator[Feed]:
        objects, version = await list_all(
            self._transport,
            self._kind,
            self._namespace,
            labels=self._labels,
            fields=self._fields,
        )
        # a server that gives no version cannot be resumed: watch from "now"
        self._version = version or "0"
        self._standing = standing_of(objects)
        self._in_doubt = False
        yield Listed(tuple(objects))

    async def _look(self) -> None:
        """Forgets the version unless the server still has the state that it belongs to.

        A new first object is no proof of that, but a list too many does no harm.
        """
        now, version = await standing_now(
            self._transport, self._kind, self._namespace, labels=self._labels, fields=self._fields
        )
        backwards = (
            version.isdecimal() and self._version.isdecimal() and int(version) < int(self._version)
        )
        if backwards or now != self._standing:
            self._version = ""
        self._in_doubt = False

    def _after(self, outcome: Outcome, lived: float) -> Interrupted | None:
        """What to say and how long to wait before the next attempt; None to go on at once."""
        if isinstance(outcome, Expired):
            self._version = ""
            return None if lived >= 1.0 else self._short("the watch expired at once")
        if isinstance(outcome, Broken):
            self._in_doubt = True
            if outcome.relist:
                self._version = ""
            return self._interruption(outcome.fault)
        if isinstance(outcome, Stalled):
            return self._short("the connection went silent")
        return None if lived >= 5.0 else self._short("the server ends the watch at once")

    def _short(self, message: str) -> Interrupted:
        return Interrupted(Link.STALE, message, retry_in=self._delays.next())

    def _interruption(self, fault: OpsError) -> Interrupted:
        again = self._delays.next()
        link = Link.STALE
        if isinstance(fault, DeniedError):
            link, again = Link.DENIED, DENIED_AGAIN * (0.5 + self._luck())
            self._version = ""
        elif isinstance(fault, NotFoundError):
            link, again = Link.ABSENT, ABSENT_AGAIN * (0.5 + self._luck())
            self._version = ""
        elif isinstance(fault, ThrottledError):
            again = max(again, fault.retry_after)
        elif not isinstance(fault, UnreachableError):
            link = Link.STALE
        return Interrupted(link, fault.message, fault.hint, again)

    async def _watch(self) -> AsyncIterator[Changed | Alive]:
        """One stream; leaves its outcome in `_outcome`."""
        low, high = WATCH
        seconds = low + self._luck() * (high - low)
        query = [
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(int(seconds))),
            ("resourceVersion", self._version),
        ]
        query += [("labelSelector", self._labels)] if self._labels else []
        query += [("fieldSelector", self._fields)] if self._fields else []
        idle = self._silence if self._bookmarks else seconds + MARGIN
        path = self._kind.path(self._namespace)
        where = f"watch {self._kind.resource}"
        state = WatchState(self._kind, self._version, where)
        self._outcome = Closed()
        try:
            async with self._transport.stream(path, query=query, idle=idle) as content:
                yield Alive()
                lines = LineSplitter()
                async for chunk in content.iter_any():
                    for line in lines.feed(chunk):
                        found = state.line(line)
                        if not isinstance(found, Changed | Alive):
                            self._outcome = found
                            return
                        self._version, self._bookmarks = state.version, state.bookmarks
                        yield found
        except TimeoutError:
            self._outcome = Stalled()
        except (aiohttp.ClientError, OSError) as fault:
            self._outcome = Broken(
                failures.from_socket(fault, where, self._transport.target.server)
            )
        except OpsError as fault:
            gone = getattr(fault, "status", 0) == 410
            self._outcome = Expired() if gone else Broken(fault)
