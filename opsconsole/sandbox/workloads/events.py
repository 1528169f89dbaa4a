"""Events of the workload controllers, limited as client-go and the kubelet limit theirs.

Separate because thousands of pods that start at once must not fill the store with events:
the real ones are held back too (client-go's spam filter: 25 per object, then one in five
minutes; the kubelet: 50 a second, bursts of 100).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.model.objects import uid_of
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.store import Store

OBJECT_BURST, OBJECT_REFILL = 25.0, 1 / 300
RATE_BURST, RATE_REFILL = 100.0, 50.0


class _Bucket:
    __slots__ = ("at", "tokens")

    def __init__(self, tokens: float, at: float) -> None:
        self.tokens, self.at = tokens, at

    def take(self, now: float, burst: float, refill: float) -> bool:
        self.tokens = min(burst, self.tokens + (now - self.at) * refill)
        self.at = now
        if self.tokens < 1:
            return False
        self.tokens -= 1
        return True


class Recorder:
    """One component's events; `enabled=False` writes none (the recorded stand had none)."""

    def __init__(
        self, store: Store, component: str, *, enabled: bool = True, rate_limited: bool = False
    ) -> None:
        self.store = store
        self.enabled = enabled
        self.rate_limited = rate_limited
        self._recorder = EventRecorder(store, component)
        self._rate = _Bucket(RATE_BURST, 0.0)
        self._objects: dict[str, _Bucket] = {}

    def event(self, obj: Mapping[str, Any], type_: str, reason: str, message: str) -> None:
        if not self.enabled:
            return
        now = self.store.simulation.elapsed
        uid = uid_of(obj)
        bucket = self._objects.get(uid)
        if bucket is None:
            if len(self._objects) > 4096:
                self._objects.clear()
            bucket = self._objects[uid] = _Bucket(OBJECT_BURST, now)
        if not bucket.take(now, OBJECT_BURST, OBJECT_REFILL):
            return
        if self.rate_limited and not self._rate.take(now, RATE_BURST, RATE_REFILL):
            return
        try:
            self._recorder.event(obj, type_, reason, message)
        except StatusError:
            return  # the namespace is going away: real recorders drop the event too
