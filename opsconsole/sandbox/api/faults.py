"""Faults that tests put into the server: what a bad network or a busy API server does.

Separate so that the server has one question to ask (`take`), and tests one list to fill.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from opsconsole.sandbox.api.negotiation import encode
from opsconsole.sandbox.api.target import Call
from opsconsole.sandbox.apierrors import StatusError


@dataclass
class Fault:
    """One rule. It applies to calls whose path contains `path`, `times` times (-1: always).

    `method` and `watch` narrow it. Then one of: `status` answers with that code, `reason`,
    `message` and `headers`; `drop` cuts the connection (`after`: once the request was carried
    out, so that the answer is lost); for watches `close` ends the stream at once, `stall` sends
    nothing more and keeps the connection, `mute` sends bookmarks only, `chunks` are sent as
    they are before the stream goes on (or ends, with `close`).
    """

    path: str = "/"
    method: str = ""
    watch: bool | None = None
    continues: bool = False
    times: int = 1
    status: int = 0
    reason: str = ""
    message: str = "injected fault"
    headers: Mapping[str, str] = field(default_factory=dict)
    drop: bool = False
    after: bool = False
    close: bool = False
    stall: bool = False
    mute: bool = False
    chunks: tuple[bytes, ...] = ()

    def hits(self, call: Call) -> bool:
        if self.times == 0 or self.path not in call.path:
            return False
        if self.method and self.method != call.method:
            return False
        if self.continues and not call.query.get("continue"):
            return False
        return self.watch is None or self.watch == call.flag("watch")

    def refuse(self) -> None:
        """Raise the StatusError of a fault that answers with one."""
        if self.status:
            raise StatusError(self.status, self.reason, self.message)


class Faults:
    """The rules of one server, first match first."""

    def __init__(self) -> None:
        self.rules: list[Fault] = []

    def add(self, fault: Fault) -> Fault:
        self.rules.append(fault)
        return fault

    def clear(self) -> None:
        self.rules.clear()

    def take(self, call: Call) -> Fault | None:
        """The fault for a call, counted down."""
        for fault in self.rules:
            if fault.hits(call):
                fault.times -= fault.times > 0
                return fault
        return None


def gone_event(message: str = "too old resource version: 1 (2)") -> bytes:
    """A 410 inside a stream."""
    return encode({"type": "ERROR", "object": StatusError(410, "Expired", message).body()})


def huge_event(size: int) -> bytes:
    """A watch line of at least `size` bytes."""
    meta = {"name": "huge", "namespace": "default", "uid": "huge", "resourceVersion": "1"}
    obj = {"kind": "ConfigMap", "apiVersion": "v1", "metadata": meta, "data": {"x": "x" * size}}
    return encode({"type": "ADDED", "object": obj})


def unauthorized(path: str = "/", times: int = 1) -> Fault:
    return Fault(path, status=401, reason="Unauthorized", message="Unauthorized", times=times)


def forbidden(path: str, times: int = -1) -> Fault:
    plural = path.rstrip("/").rpartition("/")[2]
    why = f'{plural} is forbidden: User "sandbox" cannot list resource "{plural}" at the cluster scope'
    return Fault(path, status=403, reason="Forbidden", message=why, times=times)


def throttled(path: str = "/", seconds: int = 1, times: int = 1) -> Fault:
    why = "the server has received too many requests and has asked us to try again later"
    headers = {"Retry-After": str(seconds)}
    return Fault(
        path, status=429, reason="TooManyRequests", message=why, headers=headers, times=times
    )


def expired_continue(path: str = "/", times: int = 1) -> Fault:
    why = "The provided continue parameter is too old to display a consistent list result."
    return Fault(path, continues=True, status=410, reason="Expired", message=why, times=times)
