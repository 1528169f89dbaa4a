"""The kubelet and the Job controller of the recorded stand: fixed delays, two annotations.

Separate from the believable kubelet because it is the recordings' own machine
(`conformance/README.md`): a pod is Running and Ready 0.6 s after it is created, or never when
its template is annotated `test/ready: never`; a Job completes after 1 s, or fails when its pod
template is annotated `test/job: fail`. There are no nodes, so a deleted pod vanishes at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from opsconsole.model.kinds import JOB, POD
from opsconsole.model.objects import annotations_of, dig, mappings, name_of, namespace_of, text
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.pods import shared_condition
from opsconsole.sandbox.workloads.profile import Profile

Obj = dict[str, Any]


class _Births:
    """When objects were first seen, to fractions of a second; creationTimestamp has only seconds."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._seen: dict[Key, float] = {}

    def note(self, change: Change) -> Iterable[Key]:
        key = Key(namespace_of(change.object), name_of(change.object))
        if change.type == "ADDED" and change.version == self.store.version:
            self._seen[key] = self.store.simulation.elapsed
        elif change.type == "DELETED":
            self._seen.pop(key, None)
        return (key,)

    def age(self, obj: Mapping[str, Any]) -> float:
        simulation = self.store.simulation
        seen = self._seen.get(Key(namespace_of(obj), name_of(obj)))
        born = parse_instant(dig(obj, "metadata", "creationTimestamp"))
        whole = (simulation.now() - (born or simulation.now())).total_seconds()
        return whole if seen is None else min(whole, simulation.elapsed - seen)

    def forget(self, key: Key) -> None:
        self._seen.pop(key, None)


class InstantKubelet:
    name = "kubelet"

    def __init__(self, store: Store, profile: Profile) -> None:
        self.store = store
        self.profile = profile
        self._births = _Births(store)

    def watches(self) -> Iterable[Watch]:
        return (Watch(POD, self._starting),)

    def _starting(self, change: Change) -> Iterable[Key]:
        if change.type == "MODIFIED" and text(change.object, "status", "phase") == "Running":
            return ()
        return self._births.note(change)

    def reconcile(self, key: Key) -> float | None:
        pod = self.store.find(POD, key.namespace, key.name)
        if pod is None or text(pod, "status", "phase") not in ("", "Pending"):
            return None
        if annotations_of(pod).get("test/ready") == "never":
            self._births.forget(key)
            return None
        left = self.profile.instant_ready - self._births.age(pod)
        if left > 1e-6:
            return left
        self._births.forget(key)
        status = _running(pod, self.store.simulation.now())
        self.store.update(POD, {**pod, "status": status}, subresource="status")
        return None


def _running(pod: Obj, now: datetime) -> Obj:
    at = format_instant(now)
    containers = tuple(
        (text(c, "name"), text(c, "image")) for c in mappings(pod, "spec", "containers")
    )
    return _running_status(containers, at)


@lru_cache(maxsize=1024)
def _running_status(containers: tuple[tuple[str, str], ...], at: str) -> Obj:
    """Pods of one template that start in one second share their whole status."""
    return {
        "phase": "Running",
        "startTime": at,
        "conditions": [
            shared_condition(type_, "True", at)
            for type_ in ("Initialized", "Ready", "ContainersReady", "PodScheduled")
        ],
        "containerStatuses": [
            {
                "name": name,
                "image": image,
                "imageID": "",
                "ready": True,
                "started": True,
                "restartCount": 0,
                "state": {"running": {"startedAt": at}},
            }
            for name, image in containers
        ],
    }


class InstantJobs:
    """Jobs without pods: the stand only wrote their outcome."""

    name = "job"

    def __init__(self, store: Store, profile: Profile) -> None:
        self.store = store
        self.profile = profile
        self._births = _Births(store)

    def watches(self) -> Iterable[Watch]:
        return (Watch(JOB, self._births.note),)

    def reconcile(self, key: Key) -> float | None:
        job = self.store.find(JOB, key.namespace, key.name)
        if job is None or mappings(job, "status", "conditions"):
            return None
        if dig(job, "spec", "suspend") is True:
            return None
        now = self.store.simulation.now()
        left = self.profile.instant_job - self._births.age(job)
        if left > 1e-6:
            return left
        self._births.forget(key)
        at = format_instant(now)
        failed = dig(job, "spec", "template", "metadata", "annotations", "test/job") == "fail"
        outcome = "Failed" if failed else "Complete"
        condition: Obj = {
            "type": outcome,
            "status": "True",
            "lastProbeTime": at,
            "lastTransitionTime": at,
        }
        status: Obj = {"startTime": at, "conditions": [condition]}
        if failed:
            condition |= {
                "reason": "BackoffLimitExceeded",
                "message": "Job has reached the specified backoff limit",
            }
            status["failed"] = 1
        else:
            status |= {"succeeded": 1, "completionTime": at}
        self.store.update(JOB, {**job, "status": status}, subresource="status")
        return None
