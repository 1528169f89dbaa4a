"""One pod's life on a node, and the status that the kubelet shows of it.

Separate from the controller: a `Life` is made from the pod object (again, when the controller
was restarted), moves through virtual time, and says what `status` is now. Follows
pkg/kubelet/status/generate.go.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from opsconsole.model.objects import (
    annotations_of,
    dig,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.workloads.behaviour import program
from opsconsole.sandbox.workloads.containers import INF, Container, Ended, Node
from opsconsole.sandbox.workloads.pods import shared_condition

Obj = dict[str, Any]

ZERO_TIME = "1970-01-01T00:00:00Z"


class Life:
    """`start` is the instant of virtual second 0."""

    __slots__ = (
        "containers", "deadline", "host", "initialized_at", "inits", "ip", "is_ready", "node",
        "phase", "pod", "qos", "ready_at", "reason", "sandbox_at", "scheduled_at", "start",
    )  # fmt: skip

    def __init__(self, pod: Obj, node: Node, start: datetime) -> None:
        self.pod = pod
        self.node = node
        self.start = start
        policy = text(pod, "spec", "restartPolicy", default="Always")
        self.inits = [self._container(c, policy, init=True) for c in _list(pod, "initContainers")]
        self.containers = [self._container(c, policy) for c in _list(pod, "containers")]
        self.phase = "Pending"
        self.reason = ""
        self.ip = text(pod, "status", "podIP")
        self.host = text(pod, "status", "hostIP")
        self.scheduled_at = self.sandbox_at = self.initialized_at = self.ready_at = 0.0
        self.is_ready = False
        self.deadline = INF
        self.qos = qos_class(pod)

    def _container(self, spec: Mapping[str, Any], policy: str, *, init: bool = False) -> Container:
        pod = self.pod
        grace = number(pod, "spec", "terminationGracePeriodSeconds", default=30)
        return Container(
            spec,
            program(spec, annotations_of(pod), policy),
            policy,
            f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})",
            float(grace),
            init=init,
            reason="PodInitializing"
            if init or _list(pod, "initContainers")
            else "ContainerCreating",
        )

    def set_up(self, now: float, *, scheduled_at: float) -> None:
        """The pod's sandbox is being made from `now` on."""
        self.scheduled_at, self.sandbox_at = scheduled_at, now
        self.initialized_at = self.ready_at = now
        seconds = dig(self.pod, "spec", "activeDeadlineSeconds")
        if isinstance(seconds, int) and not isinstance(seconds, bool):
            self.deadline = now + seconds
        if not self.inits:
            self.initialized_at = now

    def advance(self, now: float) -> None:
        """Do everything that is due by `now`, in order."""
        for _ in range(10_000):
            self._begin_next(now)
            due = min(self._all(), key=lambda c: c.at, default=None)
            if self.deadline <= now and (due is None or due.at >= self.deadline):
                self._fail("DeadlineExceeded")
                return
            if due is None or due.at > now:
                break
            due.advance(self.node)
        self._assess(now)

    @property
    def next_at(self) -> float:
        if self.phase in ("Succeeded", "Failed"):
            return INF
        return (
            min((c.at for c in self._all()), default=INF)
            if math.isinf(self.deadline)
            else min(self.deadline, *(c.at for c in self._all()))
        )

    @property
    def finished(self) -> bool:
        return self.phase in ("Succeeded", "Failed")

    def stop_after(self, grace: float) -> float:
        """Seconds until every container has stopped; says so in events."""
        for container in self._all():
            if container.state == "running":
                self.node.emit("Normal", "Killing", f"Stopping container {container.name}")
        return max((c.stopping_time(self.node, grace) for c in self._all()), default=0.0)

    def adopt(self, pod: Obj) -> list[str]:
        """Take a newer version of the pod; the names of containers whose image changed."""
        changed = []
        for own, listed in ((self.inits, "initContainers"), (self.containers, "containers")):
            for container, spec in zip(own, _list(pod, listed), strict=False):
                if text(spec, "image") != text(container.spec, "image"):
                    changed.append(container.name)
                container.spec = spec
        self.pod = pod
        return changed

    def _all(self) -> list[Container]:
        return [*self.inits, *self.containers]

    def _begin_next(self, now: float) -> None:
        for init in self.inits:
            if init.stage == "idle":
                init.begin(now, self.node)
                init.reason = init.reason or "PodInitializing"
            if not init.settled:
                return
        for container in self.containers:
            if container.stage == "idle":
                container.begin(now, self.node)

    def _initialized(self) -> bool:
        return all(c.settled or (c.sidecar and c.stage != "idle") for c in self.inits)

    def _fail(self, reason: str) -> None:
        now = self.deadline
        for container in self._all():
            if container.state == "running":
                container.ended = Ended("Error", 137, container.started, now)
            container.stage, container.at, container.ready = "done", INF, False
        self.phase, self.reason = "Failed", reason
        self.is_ready, self.ready_at = False, now

    def _assess(self, now: float) -> None:
        if any(c.stage == "done" and c.ended and c.ended.code for c in self.inits):
            self.phase = "Failed"
        elif self.containers and all(c.stage == "done" for c in self.containers):
            codes = [c.ended.code if c.ended else 0 for c in self.containers]
            self.phase = "Failed" if any(codes) else "Succeeded"
            for sidecar in (c for c in self.inits if c.sidecar):
                sidecar.stage, sidecar.at, sidecar.ready = "done", INF, False
                sidecar.ended = Ended("Completed", 0, sidecar.started, now)
        elif any(c.state == "running" or c.last or c.ended for c in self.containers):
            self.phase = "Running"
        if not self._initialized():
            self.initialized_at = now
        ready = self._ready_containers() and self._gates_open()
        if ready != self.is_ready:
            self.is_ready, self.ready_at = ready, now

    def _ready_containers(self) -> bool:
        sidecars = all(c.ready for c in self.inits if c.sidecar)
        return bool(self.containers) and sidecars and all(c.ready for c in self.containers)

    def _gates_open(self) -> bool:
        held = {
            str(c.get("type")): c.get("status") for c in mappings(self.pod, "status", "conditions")
        }
        return all(
            held.get(text(gate, "conditionType")) == "True"
            for gate in mappings(self.pod, "spec", "readinessGates")
        )

    # what the API shows

    def status(self) -> Obj:
        status: Obj = {"phase": self.phase, "conditions": self._conditions(), "qosClass": self.qos}
        if self.reason:
            status["reason"] = self.reason
            status["message"] = "Pod was active on the node longer than the specified deadline"
        status["hostIP"] = self.host
        status["hostIPs"] = _ips(self.host)
        if self.ip:
            status["podIP"] = self.ip
            status["podIPs"] = _ips(self.ip)
        status["startTime"] = self.moment(self.sandbox_at)
        if self.inits:
            status["initContainerStatuses"] = [self._show(c) for c in self.inits]
        if self.containers:
            status["containerStatuses"] = [self._show(c) for c in self.containers]
        return status

    def moment(self, at: float | None) -> str:
        if at is None:
            return ZERO_TIME
        return format_instant(self.start + timedelta(seconds=max(at, 0.0)))

    def _conditions(self) -> list[Obj]:
        ready_since = self.moment(self.ready_at)
        done = "PodCompleted" if self.phase == "Succeeded" else ""
        unready = [c.name for c in self.containers if not c.ready]
        reason = done or "ContainersNotReady"
        why = "" if done else f"containers with unready status: [{' '.join(unready)}]"
        if self.phase == "Failed":
            reason, why = "PodFailed", ""
        containers = self._ready_containers()
        own = [
            shared_condition("PodReadyToStartContainers", _truth(bool(self.ip) and not self.finished), self.moment(self.sandbox_at)),
            self._initialized_condition(),
            _either("Ready", self.is_ready, ready_since, *self._not_ready(reason, why)),
            _either("ContainersReady", containers, ready_since, reason, why),
            shared_condition("PodScheduled", "True", self.moment(self.scheduled_at)),
        ]  # fmt: skip
        mine = {str(c["type"]) for c in own}
        others = [
            c for c in mappings(self.pod, "status", "conditions") if c.get("type") not in mine
        ]
        return [*own, *(dict(c) for c in others)]

    def _not_ready(self, reason: str, why: str) -> tuple[str, str]:
        if not self._ready_containers() or self._gates_open():
            return reason, why
        missing = ", ".join(
            f'corresponding condition of pod readiness gate "{text(gate, "conditionType")}"'
            " does not exist."
            for gate in mappings(self.pod, "spec", "readinessGates")
        )
        return "ReadinessGatesNotReady", missing

    def _initialized_condition(self) -> Obj:
        at = self.moment(self.initialized_at)
        if self.phase == "Succeeded":
            return shared_condition("Initialized", "True", at, "PodCompleted")
        if self._initialized():
            return shared_condition("Initialized", "True", at)
        waiting = " ".join(c.name for c in self.inits if not c.settled)
        return shared_condition(
            "Initialized",
            "False",
            self.moment(self.sandbox_at),
            "ContainersNotInitialized",
            f"containers with incomplete status: [{waiting}]",
        )

    def _show(self, c: Container) -> Obj:
        state: tuple[Any, ...]
        if c.state == "running":
            state = ("running", self.moment(c.started))
        elif c.ended is not None:
            state = ("terminated", *self._ended(c.ended))
        else:
            state = ("waiting", c.reason, c.message)
        last = c.last if c.last is not None and c.last is not c.ended else None
        started = c.state == "running" and c.booted
        ready = c.ready if not c.init or c.sidecar else c.stage == "done" and c.settled
        return _container_status(
            c.name,
            c.does.image,
            ready,
            started,
            c.restarts,
            state,
            self._ended(last) if last is not None else None,
            c.restarts > 0 or c.state != "waiting",
        )

    def _ended(self, ended: Ended) -> tuple[Any, ...]:
        return (ended.reason, ended.code, self.moment(ended.started), self.moment(ended.finished))


def restore(life: Life, now: float, scheduled_at: float) -> None:
    """Put a new `Life` where the pod's status says it is: the controller was restarted."""
    status = mapping(life.pod, "status")
    begun = _second(life, status.get("startTime"), now)
    life.set_up(begun, scheduled_at=scheduled_at)
    life.phase = text(status, "phase", default="Pending")
    for condition in mappings(status, "conditions"):
        since = _second(life, condition.get("lastTransitionTime"), now)
        if condition.get("type") == "Ready":
            life.ready_at, life.is_ready = since, condition.get("status") == "True"
        elif condition.get("type") == "Initialized":
            life.initialized_at = since
    shown = {
        text(s, "name"): s
        for listed in ("initContainerStatuses", "containerStatuses")
        for s in mappings(status, listed)
    }
    for container in [*life.inits, *life.containers]:
        if container.name in shown:
            _restore_container(life, container, shown[container.name], now)


def _restore_container(life: Life, c: Container, shown: Mapping[str, Any], now: float) -> None:
    c.restarts = number(shown, "restartCount")
    c.backoff = 0.0 if c.restarts == 0 else min(10.0 * 2 ** min(c.restarts - 1, 6), 300.0)
    last = mapping(shown, "lastState", "terminated")
    if last:
        c.last = _ended_from(life, last, now)
    running, over = mapping(shown, "state", "running"), mapping(shown, "state", "terminated")
    waiting = mapping(shown, "state", "waiting")
    if running:
        c.stage, c.reason = "running", ""
        c.started = _second(life, running.get("startedAt"), now)
        c.ready, c.booted = shown.get("ready") is True, shown.get("started") is True
        c.misses = 1
        c.watch_probes()
        c.at = now
    elif over:
        c.ended = _ended_from(life, over, now)
        again = c.sidecar or (c.init and c.ended.code and c.policy != "Never")
        again = again or (not c.init and (c.policy == "Always" or (
            c.policy == "OnFailure" and c.ended.code != 0)))  # fmt: skip
        c.stage, c.at = ("backoff", now) if again else ("done", INF)
        c.last = c.ended if again else c.last
    elif waiting:
        _restore_waiting(c, waiting, now)


def _restore_waiting(c: Container, waiting: Mapping[str, Any], now: float) -> None:
    reason = text(waiting, "reason")
    if reason in ("ContainerCreating", "PodInitializing", ""):
        return
    c.reason, c.message = reason, text(waiting, "message")
    if reason == "InvalidImageName":
        c.stage = "refused"
    elif reason in ("ErrImagePull", "ImagePullBackOff"):
        c.stage, c.at, c.pull_backoff = "pull-backoff", now + 10.0, 10.0
    elif reason == "CrashLoopBackOff":
        finished = c.last.finished if c.last else now
        c.stage, c.at = "backoff", max(now, finished + c.backoff)
        c.backoff = min(max(c.backoff * 2, 10.0), 300.0)
    else:
        c.stage, c.at = "start-failed", now


def _ended_from(life: Life, over: Mapping[str, Any], now: float) -> Ended:
    return Ended(
        text(over, "reason"),
        number(over, "exitCode"),
        _second(life, over.get("startedAt"), now),
        _second(life, over.get("finishedAt"), now),
    )


def _second(life: Life, value: object, default: float) -> float:
    moment = parse_instant(value)
    return default if moment is None else (moment - life.start).total_seconds()


def _list(pod: Obj, field: str) -> list[Mapping[str, Any]]:
    return mappings(pod, "spec", field)


def _truth(value: bool) -> str:  # noqa: FBT001
    return "True" if value else "False"


def _either(type_: str, held: bool, since: str, reason: str, why: str) -> Obj:  # noqa: FBT001
    if held:
        return shared_condition(type_, "True", since)
    return shared_condition(type_, "False", since, reason, why)


@lru_cache(maxsize=8192)
def _ips(address: str) -> list[Obj]:
    return [{"ip": address}]


@lru_cache(maxsize=256)
def _image_id(image: str) -> str:
    name = image.split("@", 1)[0]
    head, _, last = name.rpartition("/")
    base = (f"{head}/" if head else "") + last.split(":", 1)[0]
    if "." not in head.split("/", 1)[0]:
        base = f"docker.io/{base}" if head else f"docker.io/library/{base}"
    return f"{base}@sha256:{hashlib.sha256(image.encode()).hexdigest()}"


@lru_cache(maxsize=8192)
def _container_status(  # noqa: PLR0917
    name: str,
    image: str,
    ready: bool,  # noqa: FBT001
    started: bool,  # noqa: FBT001
    restarts: int,
    state: tuple[Any, ...],
    last: tuple[Any, ...] | None,
    pulled: bool,  # noqa: FBT001
) -> Obj:
    """Containers that look the same share one status."""
    shown: Obj
    if state[0] == "running":
        shown = {"running": {"startedAt": state[1]}}
    elif state[0] == "terminated":
        shown = {"terminated": _terminated(state[1:])}
    else:
        shown = {"waiting": {"reason": state[1], **({"message": state[2]} if state[2] else {})}}
    return {
        "name": name,
        "image": image,
        "imageID": _image_id(image) if pulled else "",
        "ready": ready,
        "started": started,
        "restartCount": restarts,
        "state": shown,
        "lastState": {"terminated": _terminated(last)} if last else {},
    }


def _terminated(ended: tuple[Any, ...]) -> Obj:
    reason, code, started, finished = ended
    return {"exitCode": code, "reason": reason, "startedAt": started, "finishedAt": finished}


def qos_class(pod: Mapping[str, Any]) -> str:
    """BestEffort, Burstable or Guaranteed (helper/qos.go)."""
    listed = [*mappings(pod, "spec", "containers"), *mappings(pod, "spec", "initContainers")]
    asked = [mapping(c, "resources", side) for c in listed for side in ("requests", "limits")]
    if not any(asked):
        return "BestEffort"
    for container in listed:
        limits, requests = mapping(container, "resources", "limits"), mapping(container, "resources", "requests")  # fmt: skip
        for resource in ("cpu", "memory"):
            if (
                resource not in limits
                or requests.get(resource, limits[resource]) != limits[resource]
            ):
                return "Burstable"
    return "Guaranteed"
