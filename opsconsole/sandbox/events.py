"""Kubernetes Events as client-go's recorder writes them: counted, combined and rate-limited.

Rules of `tools/record/events_cache.go`: the same event again moves its count; the eleventh
message of one reason within ten minutes is combined with those before; and one object gets
25 events of a type at once, then one every five minutes. So a busy rollout's later events
are missing here as they are in a real cluster.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from opsconsole.model.kinds import EVENT
from opsconsole.model.objects import name_of, namespace_of, text, uid_of
from opsconsole.model.times import format_instant
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.store import Store

BURST = 25
REFILL = 1 / 300
"""Events of one type about one object: at once, and a second after that."""

SIMILAR = 10
SIMILAR_WITHIN = 600.0
"""Messages of one reason before they are combined, and the seconds that they count for."""

KEPT = 4096
"""Objects and events that a recorder remembers."""

Key = tuple[str, ...]


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(slots=True)
class _Similar:
    at: float
    messages: dict[str, None] = field(default_factory=dict)


class EventRecorder:
    """Writes Events for one component. What it remembers goes with it, as with a real process."""

    def __init__(self, store: Store, component: str) -> None:
        self.store = store
        self.component = component
        self._seen: dict[Key, str] = {}
        self._buckets: dict[Key, _Bucket] = {}
        self._similar: dict[Key, _Similar] = {}

    def event(self, obj: Mapping[str, Any], type_: str, reason: str, message: str) -> None:
        """`type_` is Normal or Warning. An event that the API server refuses is dropped.

        Source: client-go tools/record/event.go, recordEvent: a rejected event is not sent again
        (in a namespace that is going away nothing can be created).
        """
        with suppress(StatusError):
            self._event(obj, type_, reason, message)

    def _event(self, obj: Mapping[str, Any], type_: str, reason: str, message: str) -> None:
        about = (
            namespace_of(obj) or "default",
            text(obj, "kind"),
            name_of(obj),
            uid_of(obj),
            type_,
        )
        message, key = self._combined((*about, reason), message)
        if not self._allowed(about):
            return
        now = format_instant(self.store.simulation.now())
        old = self.store.find(EVENT, about[0], self._seen.get(key, ""))
        if old is not None:
            moved = {"count": old.get("count", 1) + 1, "lastTimestamp": now, "message": message}
            self.store.update(EVENT, {**old, **moved})
            return
        name = f"{name_of(obj)}.{self.store.simulation.random.getrandbits(63):016x}"
        _remember(self._seen, key, name)
        involved = {
            "kind": text(obj, "kind"),
            "namespace": namespace_of(obj),
            "name": name_of(obj),
            "uid": uid_of(obj),
            "apiVersion": text(obj, "apiVersion"),
            "resourceVersion": text(obj, "metadata", "resourceVersion"),
        }
        self.store.create(
            EVENT,
            {
                "metadata": {"name": name, "namespace": about[0]},
                "involvedObject": {k: v for k, v in involved.items() if v},
                "type": type_,
                "reason": reason,
                "message": message,
                "count": 1,
                "firstTimestamp": now,
                "lastTimestamp": now,
                "source": {"component": self.component},
            },
        )

    def _combined(self, reason: Key, message: str) -> tuple[str, Key]:
        """The message to write, and what the event is counted under."""
        now = self.store.simulation.elapsed
        found = self._similar.get(reason)
        if found is None or now - found.at > SIMILAR_WITHIN:
            found = _Similar(now)
            _remember(self._similar, reason, found)
        found.at = now
        found.messages[message] = None
        if len(found.messages) < SIMILAR:
            return message, (*reason, message)
        found.messages.popitem()
        return f"(combined from similar events): {message}", reason

    def _allowed(self, about: Key) -> bool:
        now = self.store.simulation.elapsed
        bucket = self._buckets.get(about)
        if bucket is None:
            bucket = _Bucket(BURST, now)
            _remember(self._buckets, about, bucket)
        bucket.tokens = min(BURST, bucket.tokens + (now - bucket.at) * REFILL)
        bucket.at = now
        if bucket.tokens < 1:
            return False
        bucket.tokens -= 1
        return True


def _remember(table: dict[Key, Any], key: Key, value: Any) -> None:
    if len(table) >= KEPT:
        table.pop(next(iter(table)))
    table[key] = value
