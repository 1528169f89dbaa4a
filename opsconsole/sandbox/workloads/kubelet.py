"""The kubelet of every node: runs pods by the table in `behaviour` and writes their status.

It keeps a `Life` per pod that still changes; a pod that has settled costs nothing, and after a
restart a `Life` is made anew from the pod's own status.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opsconsole.model.kinds import POD
from opsconsole.model.objects import mapping, mappings, name_of, namespace_of, number, text, uid_of
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.containers import INF, Node
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.life import Life, restore
from opsconsole.sandbox.workloads.profile import Profile
from opsconsole.sandbox.workloads.scheduler import draw

Obj = dict[str, Any]


@dataclass(slots=True)
class _Slot:
    life: Life
    stops_at: float = INF


class Kubelet:
    name = "kubelet"

    def __init__(self, store: Store, profile: Profile, recorder: Recorder) -> None:
        self.store = store
        self.profile = profile
        self.recorder = recorder
        self._slots: dict[str, _Slot] = {}
        self._images: set[tuple[str, str]] = set()
        self._bound: dict[str, float] = {}
        self._last_ip: int | None = None

    def watches(self) -> Iterable[Watch]:
        return (Watch(POD, self._mine),)

    def _mine(self, change: Change) -> Iterable[Key]:
        """Only what others changed: a binding, a deletion, the spec, a readiness gate."""
        pod, old = change.object, change.old
        if not text(pod, "spec", "nodeName"):
            return ()
        if change.type == "DELETED":
            self._slots.pop(uid_of(pod), None)
            self._bound.pop(uid_of(pod), None)
            return ()
        if change.type == "MODIFIED" and old is not None:
            if not text(old, "spec", "nodeName"):
                self._bound[uid_of(pod)] = self.store.simulation.elapsed
            same = pod["spec"] is old["spec"] or pod["spec"] == old["spec"]
            deletion = pod["metadata"].get("deletionGracePeriodSeconds")
            if (
                same
                and deletion == old["metadata"].get("deletionGracePeriodSeconds")
                and not pod["spec"].get("readinessGates")
            ):
                return ()
        return (Key(namespace_of(pod), name_of(pod)),)

    def reconcile(self, key: Key) -> float | None:
        pod = self.store.find(POD, key.namespace, key.name)
        if pod is None or not text(pod, "spec", "nodeName"):
            return None
        now = self.store.simulation.elapsed
        deleting = "deletionTimestamp" in pod["metadata"]
        if text(pod, "status", "phase") in ("Succeeded", "Failed"):
            self._slots.pop(uid_of(pod), None)
            if deleting:
                self.store.delete(POD, key.namespace, key.name, grace=0)
            return None
        slot = self._slots.get(uid_of(pod))
        if slot is None:
            slot = self._enter(pod, now)
            if slot is None:
                return self._setup_left(pod, now)
        for name in slot.life.adopt(pod):
            self._replace_image(slot.life, name, now)
        if deleting:
            return self._stop(slot, pod, now)
        return self._go_on(slot, pod, now)

    def _setup_left(self, pod: Obj, now: float) -> float:
        begun = self._bound.get(uid_of(pod), now)
        return max(begun + draw(uid_of(pod), "setup", self.profile.setup) - now, 0.0)

    def _enter(self, pod: Obj, now: float) -> _Slot | None:
        """A `Life` for a pod that this kubelet does not know yet; None while volumes are set up."""
        uid = uid_of(pod)
        bound = self._bound.setdefault(uid, now)
        fresh = not mappings(pod, "status", "containerStatuses")
        deleting = "deletionTimestamp" in pod["metadata"]
        if fresh and not deleting and self._setup_left(pod, now) > 1e-6:
            return None
        life = Life(pod, self._node(pod), self.store.simulation.start)
        life.ip = life.ip or ("" if deleting else self._address())
        node = text(pod, "spec", "nodeName")
        life.host = life.host or f"192.168.49.{2 + zlib.crc32(node.encode()) % 250}"
        if fresh:
            life.set_up(now, scheduled_at=bound)
        else:
            restore(life, now, self._scheduled(life, pod, bound))
        self._bound.pop(uid, None)
        slot = self._slots[uid] = _Slot(life)
        return slot

    def _scheduled(self, life: Life, pod: Obj, default: float) -> float:
        for entry in mappings(pod, "status", "conditions"):
            moment = parse_instant(entry.get("lastTransitionTime"))
            if entry.get("type") == "PodScheduled" and moment is not None:
                return (moment - life.start).total_seconds()
        return default

    def _node(self, pod: Obj) -> Node:
        uid, node = uid_of(pod), text(pod, "spec", "nodeName")
        namespace, name = namespace_of(pod), name_of(pod)

        def emit(type_: str, reason: str, message: str) -> None:
            current = self.store.find(POD, namespace, name) or pod
            self.recorder.event(current, type_, reason, message)

        return Node(
            draw=lambda label, bounds: draw(uid, label, bounds),
            emit=emit,
            has_image=lambda image: (node, image) in self._images,
            keep_image=lambda image: self._images.add((node, image)),
            pull=self.profile.pull,
            start=self.profile.start,
            stop=self.profile.stop,
        )

    def _address(self) -> str:
        """The next pod address; after a restart it goes on behind the highest in use."""
        if self._last_ip is None:
            used = (text(pod, "status", "podIP").split(".") for pod in self.store.objects(POD))
            self._last_ip = max(
                (int(a[2]) * 256 + int(a[3]) for a in used if len(a) == 4 and a[3].isdigit()),
                default=256,
            )
        self._last_ip += 1
        if self._last_ip % 256 == 0:
            self._last_ip += 1
        high, low = divmod(self._last_ip % 65536, 256)
        return f"10.244.{high}.{low}"

    def _replace_image(self, life: Life, name: str, now: float) -> None:
        """A container's image was changed in place: the old one is stopped, the new one begins."""
        fresh = Life(life.pod, life.node, life.start)
        for own in (life.inits, life.containers):
            for index, container in enumerate(own):
                if container.name != name or (container.init and container.stage == "done"):
                    continue
                source = fresh.inits if container.init else fresh.containers
                new = source[index]
                new.restarts, new.last = container.restarts + 1, container.ended or container.last
                own[index] = new
                if container.state == "running":
                    life.node.emit(
                        "Normal",
                        "Killing",
                        f"Container {name} definition changed, will be restarted",
                    )
        life.advance(now)

    def _stop(self, slot: _Slot, pod: Obj, now: float) -> float | None:
        grace = float(number(pod, "metadata", "deletionGracePeriodSeconds", default=30))
        if slot.stops_at == INF:
            slot.stops_at = now + slot.life.stop_after(grace)
        slot.stops_at = min(slot.stops_at, now + grace)
        if slot.stops_at > now + 1e-6:
            return slot.stops_at - now
        self._slots.pop(uid_of(pod), None)
        self.store.delete(POD, namespace_of(pod), name_of(pod), grace=0)
        return None

    def _go_on(self, slot: _Slot, pod: Obj, now: float) -> float | None:
        life = slot.life
        life.advance(now)
        status = life.status()
        if status != mapping(pod, "status"):
            self.store.update(POD, {**pod, "status": status}, subresource="status")
        if life.next_at == INF:
            self._slots.pop(uid_of(pod), None)
            return None
        return max(life.next_at - now, 0.0)
