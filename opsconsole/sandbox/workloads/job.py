"""The Job controller: pods until enough have succeeded, or too many have failed.

Follows k8s.io/kubernetes/pkg/controller/job (job_controller.go, backoff_utils.go) and the TTL
controller (pkg/controller/ttlafterfinished).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.model.kinds import JOB, POD
from opsconsole.model.objects import (
    annotations_of,
    condition,
    controller_of,
    dig,
    flag,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import is_active, is_ready, pod_from, restarts

Obj = dict[str, Any]

BACKOFF_FIRST, BACKOFF_CAP = 10.0, 600.0
"""Seconds between a failed pod and its replacement: doubled with every failure."""

INDEX = "batch.kubernetes.io/job-completion-index"


@dataclass(frozen=True, slots=True)
class Count:
    """A Job's pods as its controller sees them."""

    active: tuple[Obj, ...]
    succeeded: int
    failed: int
    ended_indexes: frozenset[int]
    last_failure: datetime | None

    @property
    def ready(self) -> int:
        return sum(is_ready(pod) for pod in self.active)


class JobController:
    name = "job"

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self.store = store
        self.recorder = recorder

    def watches(self) -> Iterable[Watch]:
        return (Watch(JOB), Watch(POD, self._of_pod))

    def _of_pod(self, change: Change) -> Iterable[Key]:
        owner = controller_of(change.object)
        if owner.get("kind") != "Job":
            return ()
        return (Key(namespace_of(change.object), str(owner.get("name"))),)

    def reconcile(self, key: Key) -> float | None:
        job = self.store.find(JOB, key.namespace, key.name)
        if job is None or "deletionTimestamp" in job["metadata"]:
            return None
        if finished(job):
            return self._expire(job)
        now = self.store.simulation.now()
        if flag(job, "spec", "suspend"):
            self._suspend(job, now)
            return None
        job = self._start(job, now)
        pods = self.store.owned_by(uid_of(job), POD)
        counted = count(job, pods)
        verdict = judge(job, counted, now)
        if verdict is not None:
            return self._finish(job, counted, verdict, now)
        again = self._manage(job, counted, now)
        self._write(job, count(job, self.store.owned_by(uid_of(job), POD)))
        limit = deadline_left(job, now)
        waits = [w for w in (again, limit) if w is not None]
        return min(waits) if waits else None

    def _start(self, job: Obj, now: datetime) -> Obj:
        """startTime, and Suspended=False when it was suspended."""
        status = {**mapping(job, "status")}
        suspended = condition(job, "Suspended")
        if suspended.get("status") == "True":
            status["conditions"] = _with(
                job, _entry("Suspended", "JobResumed", "Job resumed", now, status="False")
            )
            status["startTime"] = format_instant(now)
            self.recorder.event(job, "Normal", "Resumed", "Job resumed")
        status.setdefault("startTime", format_instant(now))
        if status == mapping(job, "status"):
            return job
        return self.store.update(JOB, {**job, "status": status}, subresource="status")

    def _suspend(self, job: Obj, now: datetime) -> None:
        for pod in self.store.owned_by(uid_of(job), POD):
            if is_active(pod):
                self._delete(job, pod)
        status = {k: v for k, v in mapping(job, "status").items() if k not in ("active", "ready")}
        if condition(job, "Suspended").get("status") != "True":
            status.pop("startTime", None)
            status["conditions"] = _with(
                job, _entry("Suspended", "JobSuspended", "Job suspended", now)
            )
            self.recorder.event(job, "Normal", "Suspended", "Job suspended")
        if status != mapping(job, "status"):
            self.store.update(JOB, {**job, "status": status}, subresource="status")

    def _manage(self, job: Obj, counted: Count, now: datetime) -> float | None:
        """Create what is missing, remove what is too much; seconds until a backed-off pod is due."""
        wanted = wanted_active(job, counted)
        surplus = len(counted.active) - wanted
        for pod in sorted(counted.active, key=is_ready)[: max(surplus, 0)]:
            self._delete(job, pod)
        missing = -surplus
        if missing <= 0:
            return None
        wait = backoff_left(counted, now)
        if wait > 0:
            return wait
        for index in free_indexes(job, counted, missing):
            self._create(job, index)
        return None

    def _create(self, job: Obj, index: int | None) -> None:
        template = mapping(job, "spec", "template")
        if index is None:
            pod = pod_from(template, JOB, job)
        else:
            noted = {INDEX: str(index)}
            pod = pod_from(template, JOB, job, labels=noted, annotations=noted)
            pod["metadata"]["generateName"] = f"{name_of(job)}-{index}-"
        made = self.store.create(POD, pod)
        self.recorder.event(job, "Normal", "SuccessfulCreate", f"Created pod: {name_of(made)}")

    def _delete(self, job: Obj, pod: Obj) -> None:
        self.store.delete(POD, namespace_of(pod), name_of(pod))
        self.recorder.event(job, "Normal", "SuccessfulDelete", f"Deleted pod: {name_of(pod)}")

    def _finish(
        self, job: Obj, counted: Count, verdict: tuple[str, str, str], now: datetime
    ) -> float | None:
        """First the criterion (SuccessCriteriaMet, FailureTarget); the end when all pods have stopped."""
        outcome, reason, message = verdict
        for pod in counted.active:
            self._delete(job, pod)
        sign = "SuccessCriteriaMet" if outcome == "Complete" else "FailureTarget"
        pods = self.store.owned_by(uid_of(job), POD)
        left = [p for p in pods if text(p, "status", "phase") not in ("Succeeded", "Failed")]
        if condition(job, sign).get("status") != "True":
            status = _status(job, count(job, pods))
            status["conditions"] = _with(job, _entry(sign, reason, message, now))
            job = self.store.update(JOB, {**job, "status": status}, subresource="status")
        if left:
            self._write(job, count(job, pods))
            return None
        counted = count(job, pods)
        status = _status(job, counted)
        for field in ("active", "ready"):
            status.pop(field, None)
        stopped = len(counted.active)
        if stopped and outcome == "Failed":
            status["failed"] = counted.failed + stopped
        status["conditions"] = _with(job, _entry(outcome, reason, message, now))
        if outcome == "Complete":
            status["completionTime"] = format_instant(now)
            self.recorder.event(job, "Normal", "Completed", "Job completed")
        else:
            self.recorder.event(job, "Warning", reason, message)
        self.store.update(JOB, {**job, "status": status}, subresource="status")
        return None

    def _write(self, job: Obj, counted: Count) -> None:
        current = self.store.get(JOB, namespace_of(job), name_of(job))
        status = _status(current, counted)
        if status != mapping(current, "status"):
            self.store.update(JOB, {**current, "status": status}, subresource="status")

    def _expire(self, job: Obj) -> float | None:
        ttl = dig(job, "spec", "ttlSecondsAfterFinished")
        if not isinstance(ttl, int) or isinstance(ttl, bool):
            return None
        done = condition(job, "Complete") or condition(job, "Failed")
        since = parse_instant(done.get("lastTransitionTime"))
        if since is None:
            return None
        left = ttl - (self.store.simulation.now() - since).total_seconds()
        if left > 0:
            return left
        self.store.delete(JOB, namespace_of(job), name_of(job), propagation="Foreground")
        return None


# the rules


def finished(job: Mapping[str, Any]) -> bool:
    return any(condition(job, kind).get("status") == "True" for kind in ("Complete", "Failed"))


def count(job: Mapping[str, Any], pods: Sequence[Obj]) -> Count:
    """Counts never go back when a finished pod is deleted: the status remembers."""
    active, failures, good, bad = [], [], 0, 0
    ended: set[int] = set()
    for pod in pods:
        phase = text(pod, "status", "phase")
        if phase == "Succeeded":
            good += 1
            index = index_of(pod)
            if index is not None:
                ended.add(index)
        elif phase == "Failed":
            bad += 1
            failures.append(_ended_at(pod))
        elif is_active(pod):
            active.append(pod)
    last = max((moment for moment in failures if moment), default=None)
    return Count(
        tuple(active),
        max(good, number(job, "status", "succeeded")),
        max(bad, number(job, "status", "failed")),
        frozenset(ended),
        last,
    )


def judge(job: Mapping[str, Any], counted: Count, now: datetime) -> tuple[str, str, str] | None:
    """(Complete or Failed, reason, message), or None while it goes on."""
    for sign, outcome in (("FailureTarget", "Failed"), ("SuccessCriteriaMet", "Complete")):
        held = condition(job, sign)
        if held.get("status") == "True":
            return outcome, text(held, "reason"), text(held, "message")
    limit = number(job, "spec", "backoffLimit", default=6)
    tried = counted.failed
    if text(job, "spec", "template", "spec", "restartPolicy") == "OnFailure":
        tried += sum(restarts(pod) for pod in counted.active)
    if tried > limit:
        return "Failed", "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    left = deadline_left(job, now)
    if left is not None and left <= 0:
        return "Failed", "DeadlineExceeded", "Job was active longer than specified deadline"
    completions = dig(job, "spec", "completions")
    if isinstance(completions, int):
        done = counted.succeeded >= completions
    else:
        done = counted.succeeded > 0 and not counted.active
    if done:
        return "Complete", "CompletionsReached", "Reached expected number of succeeded pods"
    return None


def wanted_active(job: Mapping[str, Any], counted: Count) -> int:
    parallelism = number(job, "spec", "parallelism", default=1)
    completions = dig(job, "spec", "completions")
    if isinstance(completions, int):
        return min(parallelism, max(completions - counted.succeeded, 0))
    return len(counted.active) if counted.succeeded else parallelism


def deadline_left(job: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until activeDeadlineSeconds strikes."""
    limit = dig(job, "spec", "activeDeadlineSeconds")
    since = parse_instant(dig(job, "status", "startTime"))
    if not isinstance(limit, int) or since is None:
        return None
    return limit - (now - since).total_seconds()


def backoff_left(counted: Count, now: datetime) -> float:
    if not counted.failed or counted.last_failure is None:
        return 0.0
    wait = min(BACKOFF_FIRST * 2.0 ** min(counted.failed - 1, 16), BACKOFF_CAP)
    return wait - (now - counted.last_failure).total_seconds()


def index_of(pod: Mapping[str, Any]) -> int | None:
    value = text(annotations_of(pod), INDEX)
    return int(value) if value.isdigit() else None


def free_indexes(job: Mapping[str, Any], counted: Count, missing: int) -> list[int | None]:
    if text(job, "spec", "completionMode") != "Indexed":
        return [None] * missing
    taken = counted.ended_indexes | {index_of(pod) for pod in counted.active}
    total = number(job, "spec", "completions")
    free: list[int | None] = [index for index in range(total) if index not in taken]
    return free[:missing]


def _ended_at(pod: Mapping[str, Any]) -> datetime | None:
    for status in mappings(pod, "status", "containerStatuses"):
        moment = parse_instant(dig(status, "state", "terminated", "finishedAt"))
        if moment is not None:
            return moment
    return parse_instant(dig(pod, "metadata", "creationTimestamp"))


def _status(job: Mapping[str, Any], counted: Count) -> Obj:
    status = {**mapping(job, "status")}
    for field, value in (
        ("active", len(counted.active)),
        ("succeeded", counted.succeeded),
        ("failed", counted.failed),
    ):
        status.pop(field, None)
        if value:
            status[field] = value
    status["ready"] = counted.ready
    status["terminating"] = 0
    status["uncountedTerminatedPods"] = {}
    if text(job, "spec", "completionMode") == "Indexed" and counted.ended_indexes:
        status["completedIndexes"] = ",".join(str(i) for i in sorted(counted.ended_indexes))
    return status


def _entry(type_: str, reason: str, message: str, now: datetime, *, status: str = "True") -> Obj:
    at = format_instant(now)
    return {
        "type": type_,
        "status": status,
        "lastProbeTime": at,
        "lastTransitionTime": at,
        "reason": reason,
        "message": message,
    }


def _with(job: Mapping[str, Any], entry: Obj) -> list[Obj]:
    kept = [dict(c) for c in mappings(job, "status", "conditions") if c["type"] != entry["type"]]
    return [*kept, entry]
