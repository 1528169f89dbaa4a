"""The ReplicaSet controller: keeps the wanted number of pods, and counts them.

Follows k8s.io/kubernetes/pkg/controller/replicaset. Also runs what Rollouts and Deployments own.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opsconsole.model.kinds import POD, REPLICA_SET
from opsconsole.model.objects import (
    controller_of,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    uid_of,
)
from opsconsole.model.selectors import matches_labels, matches_selector
from opsconsole.model.times import format_instant
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import (
    available_in,
    counts_the_same,
    deletion_order,
    is_active,
    owned,
    pod_from,
)

Obj = dict[str, Any]

BURST = 500
"""Pods that one pass creates or removes at most (BurstReplicas)."""


class ReplicaSetController:
    name = "replicaset"

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self.store = store
        self.recorder = recorder
        self._orphans: set[tuple[str, str]] = set()

    def watches(self) -> Iterable[Watch]:
        return (Watch(REPLICA_SET), Watch(POD, self._of_pod))

    def _of_pod(self, change: Change) -> Iterable[Key]:
        pod, old = change.object, change.old
        if change.type == "MODIFIED" and old is not None and counts_the_same(pod, old):
            return ()
        owner = controller_of(pod)
        if owner:
            if owner.get("kind") == "ReplicaSet":
                return (Key(namespace_of(pod), str(owner.get("name"))),)
            return ()
        if change.type == "DELETED":
            return ()
        labels = labels_of(pod)
        if not labels:
            return ()
        self._orphans.add((namespace_of(pod), name_of(pod)))
        return [
            Key(namespace_of(rs), name_of(rs))
            for rs in self.store.objects(REPLICA_SET, namespace_of(pod))
            if matches_selector(mapping(rs, "spec", "selector"), labels)
        ]

    def reconcile(self, key: Key) -> float | None:
        rs = self.store.find(REPLICA_SET, key.namespace, key.name)
        if rs is None:
            return None
        pods = [p for p in self.store.owned_by(uid_of(rs), POD) if is_active(p)]
        fault: StatusError | None = None
        if "deletionTimestamp" not in rs["metadata"]:
            self._adopt(rs)
            try:
                self._scale(rs, pods)
            except StatusError as refused:
                fault = refused
            pods = [p for p in self.store.owned_by(uid_of(rs), POD) if is_active(p)]
        again = self._write_status(key, pods, fault)
        if fault is not None:
            raise fault
        return again

    def _adopt(self, rs: Obj) -> None:
        """Take over matching pods that nobody controls."""
        if not self._orphans:
            return
        selector = mapping(rs, "spec", "selector")
        for namespace, name in sorted(self._orphans):
            pod = self.store.find(POD, namespace, name)
            if pod is None or controller_of(pod):
                self._orphans.discard((namespace, name))
            elif (
                namespace == namespace_of(rs)
                and is_active(pod)
                and matches_selector(selector, labels_of(pod))
            ):
                references = [
                    *mappings(pod, "metadata", "ownerReferences"),
                    *owned(REPLICA_SET, rs),
                ]
                self.store.update(
                    POD, {**pod, "metadata": {**pod["metadata"], "ownerReferences": references}}
                )
                self._orphans.discard((namespace, name))

    def _scale(self, rs: Obj, pods: list[Obj]) -> None:
        wanted = number(rs, "spec", "replicas", default=1)
        missing = min(wanted - len(pods), BURST)
        if missing > 0:
            template = mapping(rs, "spec", "template")
            for _ in range(missing):
                self._create(rs, pod_from(template, REPLICA_SET, rs))
        elif missing < 0:
            surplus = min(len(pods) - wanted, BURST)
            for pod in deletion_order(pods, self.store.simulation.now())[:surplus]:
                self.store.delete(POD, namespace_of(pod), name_of(pod))
                self.recorder.event(
                    rs, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}"
                )

    def _create(self, rs: Obj, pod: Obj) -> None:
        try:
            made = self.store.create(POD, pod)
        except StatusError as refused:
            self.recorder.event(rs, "Warning", "FailedCreate", f"Error creating: {refused.message}")
            raise
        self.recorder.event(rs, "Normal", "SuccessfulCreate", f"Created pod: {name_of(made)}")

    def _write_status(self, key: Key, pods: list[Obj], fault: StatusError | None) -> float | None:
        rs = self.store.find(REPLICA_SET, key.namespace, key.name)
        if rs is None:
            return None
        status, again = self._status(rs, pods)
        conditions = self._conditions(rs, fault)
        if conditions:
            status["conditions"] = conditions
        if status != rs.get("status"):
            self.store.update(REPLICA_SET, {**rs, "status": status}, subresource="status")
        return again

    def _status(self, rs: Obj, pods: list[Obj]) -> tuple[Obj, float | None]:
        """The counters, and seconds until the next pod becomes available by minReadySeconds."""
        min_ready = number(rs, "spec", "minReadySeconds")
        now = self.store.simulation.now()
        wanted = mapping(rs, "spec", "template", "metadata", "labels")
        labelled = ready = available = 0
        again: float | None = None
        for pod in pods:
            labels = labels_of(pod)
            if labels is wanted or matches_labels(wanted, labels):
                labelled += 1
            left = available_in(pod, min_ready, now)
            if left is None:
                continue
            ready += 1
            if left == 0:
                available += 1
            else:
                again = left if again is None else min(again, left)
        status: Obj = {"replicas": len(pods)}
        for field, value in (
            ("fullyLabeledReplicas", labelled),
            ("readyReplicas", ready),
            ("availableReplicas", available),
            ("observedGeneration", rs["metadata"].get("generation", 1)),
        ):
            if value:
                status[field] = value
        return status, again

    def _conditions(self, rs: Obj, fault: StatusError | None) -> list[Any]:
        old = [c for c in mappings(rs, "status", "conditions") if c.get("type") != "ReplicaFailure"]
        if fault is None:
            return old
        for entry in mappings(rs, "status", "conditions"):
            # the first one stays, as in kube's own: each refusal names another pod
            if entry.get("type") == "ReplicaFailure":
                return [*old, entry]
        return [
            *old,
            {
                "type": "ReplicaFailure",
                "status": "True",
                "lastTransitionTime": format_instant(self.store.simulation.now()),
                "reason": "FailedCreate",
                "message": fault.message,
            },
        ]
