"""Kubernetes Events as client-go's recorder writes them: counted when repeated."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.model.kinds import EVENT
from opsconsole.model.objects import name_of, namespace_of, text, uid_of
from opsconsole.model.times import format_instant
from opsconsole.sandbox.store import Store


class EventRecorder:
    """Writes Events for one component; the same event again moves its count and lastTimestamp."""

    def __init__(self, store: Store, component: str) -> None:
        self.store = store
        self.component = component
        self._seen: dict[tuple[str, ...], str] = {}

    def event(self, obj: Mapping[str, Any], type_: str, reason: str, message: str) -> None:
        """`type_` is Normal or Warning."""
        namespace = namespace_of(obj) or "default"
        now = format_instant(self.store.simulation.now())
        key = (namespace, text(obj, "kind"), name_of(obj), uid_of(obj), type_, reason, message)
        old = self.store.find(EVENT, namespace, self._seen.get(key, ""))
        if old is not None:
            count = old.get("count", 1) + 1
            self.store.update(EVENT, {**old, "count": count, "lastTimestamp": now})
            return
        name = f"{name_of(obj)}.{self.store.simulation.random.getrandbits(63):016x}"
        self._seen[key] = name
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
                "metadata": {"name": name, "namespace": namespace},
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
