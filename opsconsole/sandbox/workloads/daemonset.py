"""The DaemonSet controller: one pod on every node.

Follows pkg/controller/daemon; updates replace `maxUnavailable` pods at a time. A stand without
nodes runs one pod.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opsconsole.model.kinds import DAEMON_SET, POD
from opsconsole.model.objects import (
    controller_of,
    labels_of,
    mapping,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.deployment_rules import scaled
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import available_in, is_active, pod_from, template_hash
from opsconsole.sandbox.workloads.scheduler import node_names

Obj = dict[str, Any]

REVISION_LABEL = "controller-revision-hash"


class DaemonSetController:
    name = "daemonset"

    def __init__(self, store: Store, recorder: Recorder, nodes: int) -> None:
        self.store = store
        self.recorder = recorder
        self.nodes = node_names(nodes) or ("",)

    def watches(self) -> Iterable[Watch]:
        return (Watch(DAEMON_SET), Watch(POD, self._of_pod))

    def _of_pod(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.object)
        if owner.get("kind") != "DaemonSet":
            return ()
        return (Key(namespace_of(change.object), str(owner.get("name"))),)

    def reconcile(self, key: Key) -> float | None:
        ds = self.store.find(DAEMON_SET, key.namespace, key.name)
        if ds is None or "deletionTimestamp" in ds["metadata"]:
            return None
        hashed = template_hash(mapping(ds, "spec", "template"))
        pods = self.store.owned_by(uid_of(ds), POD)
        for pod in pods:
            if text(pod, "status", "phase") in ("Succeeded", "Failed"):
                self.store.delete(POD, namespace_of(pod), name_of(pod))
        taken = {text(p, "spec", "nodeName") for p in self.store.owned_by(uid_of(ds), POD)}
        for node in self.nodes:
            if node not in taken:
                self._create(ds, node, hashed)
        if text(ds, "spec", "updateStrategy", "type") != "OnDelete":
            self._update(ds, hashed)
        return self._write_status(ds, hashed)

    def _create(self, ds: Obj, node: str, hashed: str) -> None:
        template = mapping(ds, "spec", "template")
        spec = {**mapping(template, "spec"), "nodeName": node} if node else None
        labels = {REVISION_LABEL: hashed, "pod-template-generation": str(
            number(ds, "metadata", "generation", default=1))}  # fmt: skip
        made = self.store.create(POD, pod_from(template, DAEMON_SET, ds, labels=labels, spec=spec))
        self.recorder.event(ds, "Normal", "SuccessfulCreate", f"Created pod: {name_of(made)}")

    def _update(self, ds: Obj, hashed: str) -> None:
        """Delete outdated pods: the unavailable ones, then as many as may be missing."""
        now = self.store.simulation.now()
        minimum = number(ds, "spec", "minReadySeconds")
        pods = self.store.owned_by(uid_of(ds), POD)
        unavailable = [p for p in pods if not is_active(p) or available_in(p, minimum, now) != 0]
        limit = mapping(ds, "spec", "updateStrategy", "rollingUpdate").get("maxUnavailable", 1)
        room = max(scaled(limit, len(self.nodes), up=True), 1) - len(unavailable)
        missing = {name_of(p) for p in unavailable}
        for pod in pods:
            if labels_of(pod).get(REVISION_LABEL) == hashed or not is_active(pod):
                continue
            if name_of(pod) not in missing:
                if room <= 0:
                    continue
                room -= 1
            self.store.delete(POD, namespace_of(pod), name_of(pod))
            self.recorder.event(ds, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _write_status(self, ds: Obj, hashed: str) -> float | None:
        now = self.store.simulation.now()
        pods = [p for p in self.store.owned_by(uid_of(ds), POD) if is_active(p)]
        minimum = number(ds, "spec", "minReadySeconds")
        waits = [available_in(p, minimum, now) for p in pods]
        wanted, available = len(self.nodes), sum(w == 0 for w in waits)
        status: Obj = {
            "currentNumberScheduled": len(pods),
            "numberMisscheduled": 0,
            "desiredNumberScheduled": wanted,
            "numberReady": sum(w is not None for w in waits),
            "observedGeneration": number(ds, "metadata", "generation", default=1),
        }
        updated = sum(labels_of(p).get(REVISION_LABEL) == hashed for p in pods)
        for field, value in (
            ("updatedNumberScheduled", updated),
            ("numberAvailable", available),
            ("numberUnavailable", wanted - available),
        ):
            if value:
                status[field] = value
        current = self.store.get(DAEMON_SET, namespace_of(ds), name_of(ds))
        if status != mapping(current, "status"):
            self.store.update(DAEMON_SET, {**current, "status": status}, subresource="status")
        left = [w for w in waits if w]
        return min(left) if left else None
