"""The watch protocol without I/O: bytes in, events and one outcome out.

Separate from sockets so that every fault (a line cut inside a character, an error in the
stream, an object without a version) is a plain test. The stock Watch reconnects 850 times a
second, resumes from a stale version and dies on a line of more than 4 MiB.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import OpsError
from opsconsole.kube import failures
from opsconsole.kube.listing import trimmed
from opsconsole.kube.transport import decode
from opsconsole.model.feed import Alive, Changed
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import mapping, number, text

MAX_LINE = 128 * 2**20
"""A longer line is not an event of a real server."""


@dataclass(frozen=True, slots=True)
class Closed:
    """The server ended the stream, as it does every few minutes: go on from the last version."""


@dataclass(frozen=True, slots=True)
class Expired:
    """The version is too old (410, as HTTP status or inside the stream): list again."""


@dataclass(frozen=True, slots=True)
class Stalled:
    """Nothing came for too long: the connection is dead without saying so."""


@dataclass(frozen=True, slots=True)
class Broken:
    """An error with our own words; `relist` when the stream itself cannot be trusted."""

    fault: OpsError
    relist: bool = False


Outcome = Closed | Expired | Stalled | Broken


class LineSplitter:
    """Chunks of any size → lines. A character or a line may be cut anywhere."""

    def __init__(self, limit: int = MAX_LINE) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self._limit = limit

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Complete lines. OpsError when a line grows beyond the limit."""
        *ended, rest = chunk.split(b"\n")
        for line in ended:
            self._parts.append(line)
            whole = b"".join(self._parts)
            self._parts, self._size = [], 0
            if whole.strip():
                yield whole
        if rest:
            self._parts.append(rest)
            self._size += len(rest)
            if self._size > self._limit:
                raise OpsError(f"a watch event is longer than {self._limit} bytes")


class WatchState:
    """One stream from one resourceVersion. `version` moves with every event."""

    def __init__(self, kind: Kind, version: str, where: str) -> None:
        self.kind = kind
        self.version = version
        self.bookmarks = False
        """Whether this server sends bookmarks: then silence means a dead connection."""

        self._where = where

    def line(self, raw: bytes) -> Changed | Alive | Outcome:
        try:
            event = decode(raw)
        except (ValueError, RecursionError):
            fault = OpsError(f"{self._where}: an event is no JSON: {failures.redacted(raw[:80])}")
            return Broken(fault, relist=True)
        kind, obj = text(event, "type"), mapping(event, "object")
        if kind == "ERROR":
            return self._error(obj)
        version = text(obj, "metadata", "resourceVersion")
        if version:
            self.version = version
        if kind == "BOOKMARK":
            self.bookmarks = True
            return Alive()
        if kind not in ("ADDED", "MODIFIED", "DELETED") or not text(obj, "metadata", "name"):
            # a newer protocol may add types; what we do not know tells only that it lives
            return Alive()
        return Changed(kind, trimmed(obj, self.kind.api_version, self.kind.kind))

    def _error(self, status: Mapping[str, Any]) -> Outcome:
        code = number(status, "code")
        if code == 410 or text(status, "reason") in ("Expired", "Gone"):
            return Expired()
        return Broken(failures.from_status(code or 500, status, self._where), relist=code == 0)
