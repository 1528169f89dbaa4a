"""The scheduler: gives a pod a node, or says why none fits.

Separate from the kubelet because the two write at different moments and as different
components (events). The nodes are only names with a size: there are no Node objects.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable
from typing import Any

from opsconsole.model.kinds import POD
from opsconsole.model.objects import (
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import quantity, shared_condition
from opsconsole.sandbox.workloads.profile import Profile

Obj = dict[str, Any]

NODE_CPU, NODE_MEMORY = 32.0, 128 * 2**30
"""What one node has; a single pod that asks for more stays Pending."""


def draw(uid: str, label: str, bounds: tuple[float, float]) -> float:
    """A number in `bounds` that depends only on the pod and what it is for."""
    share = zlib.crc32(f"{uid} {label}".encode()) / 2**32
    return bounds[0] + share * (bounds[1] - bounds[0])


def node_names(count: int) -> tuple[str, ...]:
    return tuple(f"sandbox-node-{index + 1}" for index in range(count))


class Scheduler:
    name = "scheduler"

    def __init__(self, store: Store, profile: Profile, recorder: Recorder) -> None:
        self.store = store
        self.profile = profile
        self.recorder = recorder
        self.nodes = node_names(profile.nodes)
        self._seen: dict[Key, float] = {}

    def watches(self) -> Iterable[Watch]:
        return (Watch(POD, self._unscheduled),)

    def _unscheduled(self, change: Change) -> Iterable[Key]:
        pod = change.object
        if change.type != "ADDED" or text(pod, "spec", "nodeName"):
            return ()
        key = Key(namespace_of(pod), name_of(pod))
        self._seen[key] = self.store.simulation.elapsed
        return (key,)

    def reconcile(self, key: Key) -> float | None:
        pod = self.store.find(POD, key.namespace, key.name)
        if pod is None or text(pod, "spec", "nodeName") or "deletionTimestamp" in pod["metadata"]:
            self._seen.pop(key, None)
            return None
        if text(pod, "spec", "schedulerName", default="default-scheduler") != "default-scheduler":
            return None
        elapsed = self.store.simulation.elapsed
        due = self._seen.get(key, elapsed - 60.0) + draw(
            uid_of(pod), "schedule", self.profile.scheduling
        )
        if due > elapsed + 1e-6:
            return due - elapsed
        why = self._unfit(pod)
        if why:
            self._refuse(pod, why)
            return 60.0
        self._seen.pop(key, None)
        node = self.nodes[zlib.crc32(uid_of(pod).encode()) % len(self.nodes)]
        self.store.update(POD, {**pod, "spec": {**pod["spec"], "nodeName": node}})
        self.recorder.event(
            pod,
            "Normal",
            "Scheduled",
            f"Successfully assigned {key.namespace}/{key.name} to {node}",
        )
        return None

    def _unfit(self, pod: Obj) -> str:
        count = len(self.nodes)
        wanted = mapping(pod, "spec", "nodeSelector")
        offered = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64"}
        hosts = wanted.get("kubernetes.io/hostname")
        rest = {k: v for k, v in wanted.items() if k != "kubernetes.io/hostname"}
        if any(offered.get(k) != v for k, v in rest.items()) or (
            hosts is not None and hosts not in self.nodes
        ):
            return f"{count} node(s) didn't match Pod's node affinity/selector"
        cpu = memory = 0.0
        for container in mappings(pod, "spec", "containers"):
            requests = mapping(container, "resources", "requests")
            cpu += quantity(requests.get("cpu"))
            memory += quantity(requests.get("memory"))
        if cpu > NODE_CPU:
            return f"{count} Insufficient cpu"
        return f"{count} Insufficient memory" if memory > NODE_MEMORY else ""

    def _refuse(self, pod: Obj, why: str) -> None:
        message = (
            f"0/{len(self.nodes)} nodes are available: {why}. preemption: 0/{len(self.nodes)}"
            " nodes are available: "
            f"{len(self.nodes)} Preemption is not helpful for scheduling."
        )
        self.recorder.event(pod, "Warning", "FailedScheduling", message)
        for entry in mappings(pod, "status", "conditions"):
            if entry.get("message") == message:
                return
        at = format_instant(self.store.simulation.now())
        condition = shared_condition("PodScheduled", "False", at, "Unschedulable", message)
        status = {**mapping(pod, "status"), "conditions": [condition]}
        self.store.update(POD, {**pod, "status": status}, subresource="status")
