"""The StatefulSet controller: pods with ordinals, made and replaced in order.

Follows pkg/controller/statefulset (stateful_set_control.go). Revisions are kept as
ControllerRevisions so that a pod below the partition comes back with its old template.
Volume claims are created and never deleted.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.model.kinds import POD, STATEFUL_SET, Kind
from opsconsole.model.objects import (
    controller_of,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import (
    available_in,
    is_active,
    is_ready,
    owned,
    pod_from,
    template_hash,
)

Obj = dict[str, Any]

CONTROLLER_REVISION = Kind("apps", "v1", "ControllerRevision", "controllerrevisions")
PVC = Kind("", "v1", "PersistentVolumeClaim", "persistentvolumeclaims")
REVISION_LABEL = "controller-revision-hash"


class StatefulSetController:
    name = "statefulset"

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self.store = store
        self.recorder = recorder

    def watches(self) -> Iterable[Watch]:
        return (Watch(STATEFUL_SET), Watch(POD, self._of_pod))

    def _of_pod(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.object)
        if owner.get("kind") != "StatefulSet":
            return ()
        return (Key(namespace_of(change.object), str(owner.get("name"))),)

    def reconcile(self, key: Key) -> float | None:
        sts = self.store.find(STATEFUL_SET, key.namespace, key.name)
        if sts is None or "deletionTimestamp" in sts["metadata"]:
            return None
        update = self._revision(sts)
        current = text(sts, "status", "currentRevision", default=update)
        pods = {ordinal_of(p): p for p in self.store.owned_by(uid_of(sts), POD)}
        self._manage(sts, pods, update, current)
        return self._write_status(key, update, current)

    def _revision(self, sts: Obj) -> str:
        """The name of the current template's ControllerRevision, made when it is new."""
        template = mapping(sts, "spec", "template")
        name = f"{name_of(sts)}-{template_hash(template)}"
        if self.store.find(CONTROLLER_REVISION, namespace_of(sts), name) is None:
            held = self.store.owned_by(uid_of(sts), CONTROLLER_REVISION)
            self.store.create(
                CONTROLLER_REVISION,
                {
                    "metadata": {
                        "name": name,
                        "namespace": namespace_of(sts),
                        "labels": mapping(template, "metadata", "labels"),
                        "ownerReferences": owned(STATEFUL_SET, sts),
                    },
                    "data": {"spec": {"template": template}},
                    "revision": max((number(r, "revision") for r in held), default=0) + 1,
                },
            )
        return name

    def _manage(self, sts: Obj, pods: dict[int, Obj], update: str, current: str) -> None:
        """One step in order, or all at once with podManagementPolicy Parallel."""
        replicas = number(sts, "spec", "replicas", default=1)
        first = number(sts, "spec", "ordinals", "start")
        wanted = range(first, first + replicas)
        parallel = text(sts, "spec", "podManagementPolicy") == "Parallel"
        partition = number(sts, "spec", "updateStrategy", "rollingUpdate", "partition")
        for ordinal in wanted:
            pod = pods.get(ordinal)
            if pod is not None and text(pod, "status", "phase") in ("Succeeded", "Failed"):
                self._delete(sts, pod)
                return
            if pod is None:
                self._create(sts, ordinal, current if ordinal < partition else update)
            if not parallel and not (pod is not None and is_active(pod) and is_ready(pod)):
                return
        surplus = sorted((o for o in pods if o not in wanted), reverse=True)
        for ordinal in surplus:
            if is_active(pods[ordinal]):
                self._delete(sts, pods[ordinal])
            if not parallel:
                return
        if text(sts, "spec", "updateStrategy", "type") == "OnDelete":
            return
        self._update(sts, pods, [o for o in wanted if o >= partition], update)

    def _update(self, sts: Obj, pods: dict[int, Obj], ordinals: list[int], update: str) -> None:
        """Replace the highest outdated pod, when everything above it is ready."""
        for ordinal in reversed(ordinals):
            pod = pods.get(ordinal)
            if pod is None or not is_active(pod):
                return
            if labels_of(pod).get(REVISION_LABEL) != update:
                self._delete(sts, pod)
                return
            if not is_ready(pod):
                return

    def _create(self, sts: Obj, ordinal: int, revision: str) -> None:
        held = self.store.find(CONTROLLER_REVISION, namespace_of(sts), revision)
        template = mapping(held, "data", "spec", "template") or mapping(sts, "spec", "template")
        name = f"{name_of(sts)}-{ordinal}"
        spec = {
            **mapping(template, "spec"),
            "hostname": name,
            "subdomain": text(sts, "spec", "serviceName"),
        }
        claims = mappings(sts, "spec", "volumeClaimTemplates")
        if claims:
            spec["volumes"] = [
                *mappings(spec, "volumes"),
                *(self._claim(sts, claim, name) for claim in claims),
            ]
        labels = {
            "statefulset.kubernetes.io/pod-name": name,
            "apps.kubernetes.io/pod-index": str(ordinal),
            REVISION_LABEL: revision,
        }
        self.store.create(
            POD, pod_from(template, STATEFUL_SET, sts, name=name, labels=labels, spec=spec)
        )
        self.recorder.event(
            sts,
            "Normal",
            "SuccessfulCreate",
            f"create Pod {name} in StatefulSet {name_of(sts)} successful",
        )

    def _claim(self, sts: Obj, claim: Mapping[str, Any], pod: str) -> Obj:
        name = f"{name_of(claim)}-{pod}"
        if self.store.find(PVC, namespace_of(sts), name) is None:
            meta = {"name": name, "namespace": namespace_of(sts), "labels": labels_of(claim)}
            made = self.store.create(PVC, {"metadata": meta, "spec": mapping(claim, "spec")})
            self.store.update(PVC, {**made, "status": {"phase": "Bound"}}, subresource="status")
        return {"name": name_of(claim), "persistentVolumeClaim": {"claimName": name}}

    def _delete(self, sts: Obj, pod: Obj) -> None:
        if "deletionTimestamp" in pod["metadata"]:
            return
        self.store.delete(POD, namespace_of(pod), name_of(pod))
        self.recorder.event(
            sts,
            "Normal",
            "SuccessfulDelete",
            f"delete Pod {name_of(pod)} in StatefulSet {name_of(sts)} successful",
        )

    def _write_status(self, key: Key, update: str, current: str) -> float | None:
        sts = self.store.find(STATEFUL_SET, key.namespace, key.name)
        if sts is None:
            return None
        now = self.store.simulation.now()
        pods = [p for p in self.store.owned_by(uid_of(sts), POD) if is_active(p)]
        minimum = number(sts, "spec", "minReadySeconds")
        waits = [available_in(p, minimum, now) for p in pods]
        updated = sum(labels_of(p).get(REVISION_LABEL) == update for p in pods)
        ready = sum(w is not None for w in waits)
        replicas = number(sts, "spec", "replicas", default=1)
        if updated == ready == len(pods) == replicas:
            current = update
        status: Obj = {
            "observedGeneration": number(sts, "metadata", "generation", default=1),
            "replicas": len(pods),
            "availableReplicas": sum(w == 0 for w in waits),
            "currentRevision": current,
            "updateRevision": update,
            "collisionCount": 0,
        }
        on_current = sum(labels_of(p).get(REVISION_LABEL) == current for p in pods)
        for field, value in (
            ("readyReplicas", ready), ("currentReplicas", on_current), ("updatedReplicas", updated),
        ):  # fmt: skip
            if value:
                status[field] = value
        if status != mapping(sts, "status"):
            self.store.update(STATEFUL_SET, {**sts, "status": status}, subresource="status")
        left = [w for w in waits if w]
        return min(left) if left else None


def ordinal_of(pod: Mapping[str, Any]) -> int:
    tail = name_of(pod).rpartition("-")[2]
    return int(tail) if tail.isdigit() else -1
