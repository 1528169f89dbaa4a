"""One container's life on a node: pulling, starting, probing, crashing, backing off.

A state machine on virtual time without the store: `kubelet` drives it and writes what it
shows. What the container does comes from `behaviour`. Follows pkg/kubelet/kuberuntime
(back-off, start errors) and pkg/kubelet/prober.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.model.objects import text
from opsconsole.sandbox.workloads.behaviour import Probe, Program, probe

INF = math.inf

BACKOFF_FIRST, BACKOFF_CAP, BACKOFF_RESET = 10.0, 300.0, 600.0
"""Seconds: kubelet's CrashLoopBackOff and ImagePullBackOff."""

START_ERROR = 128

UNHEALTHY_BURST, UNHEALTHY_SLOW = 25, 300.0
"""After this many failed probes only one in that many seconds is looked at: nobody sees more."""

Emit = Callable[[str, str, str], None]
Draw = Callable[[str, tuple[float, float]], float]


@dataclass(frozen=True, slots=True)
class Ended:
    reason: str
    code: int
    started: float | None
    finished: float


@dataclass(slots=True)
class Node:
    """What a container needs of its node: delays, who has which image, where events go."""

    draw: Draw
    emit: Emit
    has_image: Callable[[str], bool]
    keep_image: Callable[[str], None]
    pull: tuple[float, float]
    start: tuple[float, float]
    stop: tuple[float, float]


@dataclass(slots=True)
class Container:
    """`at` is the virtual second of the next transition, inf when nothing is due."""

    spec: Mapping[str, Any]
    does: Program
    policy: str
    pod: str
    """`name_namespace(uid)`, as messages name it."""

    grace: float
    init: bool = False
    stage: str = "idle"
    at: float = INF
    reason: str = "ContainerCreating"
    message: str = ""
    started: float | None = None
    ended: Ended | None = None
    last: Ended | None = None
    restarts: int = 0
    backoff: float = 0.0
    ready: bool = False
    booted: bool = False
    """Its startup probe has passed."""

    pull_backoff: float = 0.0
    pull_until: float = 0.0
    pull_began: float = 0.0
    misses: int = 0
    probes: dict[str, Probe | None] = field(default_factory=dict)

    @property
    def name(self) -> str:
        return text(self.spec, "name")

    @property
    def sidecar(self) -> bool:
        return self.init and self.spec.get("restartPolicy") == "Always"

    @property
    def state(self) -> str:
        if self.stage in ("running", "stopping"):
            return "running"
        return "terminated" if self.ended is not None else "waiting"

    @property
    def settled(self) -> bool:
        """Whether the next container of the init sequence may begin."""
        if self.sidecar:
            return self.stage == "running" and self.booted
        return self.stage == "done" and self.ended is not None and self.ended.code == 0

    # transitions

    def begin(self, now: float, node: Node) -> None:
        """Its turn has come: look at the image."""
        if self.does.image_fault == "InvalidImageName":
            image = self.does.image
            why = f'couldn\'t parse image name "{image}": invalid reference format'
            self._wait("InvalidImageName", f'Failed to apply default image tag "{image}": {why}')
            self.stage, self.at = "refused", INF
            node.emit("Warning", "InspectFailed", self.message)
            node.emit("Warning", "Failed", "Error: InvalidImageName")
            return
        always = self.spec.get("imagePullPolicy") == "Always"
        if node.has_image(self.does.image) and not always and not self.does.image_fault:
            node.emit(
                "Normal",
                "Pulled",
                f'Container image "{self.does.image}" already present on machine',
            )
            self._create(now, node)
            return
        node.emit("Normal", "Pulling", f'Pulling image "{self.does.image}"')
        self.stage, self.pull_began = "pulling", now
        known = always and node.has_image(self.does.image)
        self.at = now + (0.3 if known else node.draw(f"pull {self.name}", node.pull))

    def advance(self, node: Node) -> None:
        """Do the transition that is due at `at`."""
        now = self.at
        match self.stage:
            case "pulling":
                self._pulled(now, node)
            case "pull-failed":
                self._pull_backs_off(now, node)
            case "pull-backoff":
                self.begin(now, node)
            case "starting":
                self._start(now, node)
            case "start-failed" | "backoff":
                self._again(now, node)
            case "running":
                self._live(now, node)
            case "stopping":
                self._end(now, node, "Error", 137)
            case _:
                self.at = INF

    def stopping_time(self, node: Node, grace: float) -> float:
        """Seconds from the order to stop until it has stopped."""
        if self.stage not in ("running", "stopping"):
            return 0.0
        listens = INF if self.does.deaf else node.draw(f"stop {self.name}", node.stop)
        return min(grace, self.does.after + listens)

    def _pulled(self, now: float, node: Node) -> None:
        image = self.does.image
        if not self.does.image_fault:
            took = f"{now - self.pull_began:.3f}".rstrip("0").rstrip(".") + "s"
            node.keep_image(image)
            node.emit(
                "Normal",
                "Pulled",
                f'Successfully pulled image "{image}" in {took} ({took} including waiting)',
            )
            self._create(now, node)
            return
        why = (
            f'failed to pull and unpack image "{image}": failed to resolve reference'
            f' "{image}": {image}: not found'
        )
        self._wait("ErrImagePull", f"rpc error: code = NotFound desc = {why}")
        node.emit("Warning", "Failed", f'Failed to pull image "{image}": {self.message}')
        node.emit("Warning", "Failed", "Error: ErrImagePull")
        self.pull_backoff = min(max(self.pull_backoff * 2, BACKOFF_FIRST), BACKOFF_CAP)
        self.pull_until = now + self.pull_backoff
        self.stage, self.at = "pull-failed", now + node.draw(f"sync {self.name}", (8.0, 9.9))

    def _pull_backs_off(self, now: float, node: Node) -> None:
        image = self.does.image
        self._wait(
            "ImagePullBackOff",
            f'Back-off pulling image "{image}": ErrImagePull: {self.message}',
        )
        node.emit("Normal", "BackOff", f'Back-off pulling image "{image}"')
        node.emit("Warning", "Failed", "Error: ImagePullBackOff")
        self.stage, self.at = "pull-backoff", max(self.pull_until, now + 1.0)

    def _create(self, now: float, node: Node) -> None:
        node.emit("Normal", "Created", f"Created container: {self.name}")
        self.stage = "starting"
        self.at = (
            now + node.draw(f"start {self.name} {self.restarts}", node.start) + self.does.before
        )

    def _start(self, now: float, node: Node) -> None:
        self.ended = None
        if self.does.missing:
            self._start_error(now, node)
            return
        node.emit("Normal", "Started", f"Started container {self.name}")
        self.stage, self.reason, self.message = "running", "", ""
        self.started, self.misses = now, 0
        self.booted = self.ready = False
        self.watch_probes()
        self._live(now, node)

    def watch_probes(self) -> None:
        self.probes = {
            which: probe(self.spec, which, self.does)
            for which in ("startupProbe", "readinessProbe", "livenessProbe")
        }

    def _start_error(self, now: float, node: Node) -> None:
        program = self.does.missing
        why = (
            f"stat {program}: no such file or directory"
            if "/" in program
            else "executable file not found in $PATH"
        )
        message = (
            "failed to create containerd task: failed to create shim task: OCI runtime create"
            " failed: runc create failed: unable to start container process: error during"
            f' container init: exec: "{program}": {why}: unknown'
        )
        node.emit("Warning", "Failed", f"Error: {message}")
        ended = Ended("StartError", START_ERROR, None, now)
        if self.policy == "Never":
            self.stage, self.at, self.ended, self.message = "done", INF, ended, message
            return
        self.last = ended
        self._wait("RunContainerError", message)
        self.stage, self.at = "start-failed", now + 1.0

    def _live(self, now: float, node: Node) -> None:
        """Running: readiness, start-up, liveness and the program's own end, in order of time."""
        assert self.started is not None
        end = self.started + self.does.runs
        if now >= end:
            code = self.does.code
            reason = "OOMKilled" if self.does.oom else "Completed" if code == 0 else "Error"
            self._end(end, node, reason, code)
            return
        boots = self._boots_at()
        if now >= boots and not self.booted:
            self.booted = True
        ready_at = self._ready_at(boots)
        self.ready = now >= ready_at
        kill = self._killed_at(boots)
        if now >= kill:
            self._probe_kills(now, node, boots)
            return
        miss = self._missed(now, node, ready_at, boots)
        future = (t for t in (end, boots, ready_at, kill, miss) if t > now)
        self.at = min(future, default=INF)

    def _boots_at(self) -> float:
        assert self.started is not None
        startup = self.probes.get("startupProbe")
        return self.started + (startup.passed_at if startup else 0.0)

    def _ready_at(self, boots: float) -> float:
        assert self.started is not None
        readiness = self.probes.get("readinessProbe")
        if readiness is None:
            return max(boots, self.started + self.does.answers_after)
        passed = self.started + readiness.passed_at
        if passed >= boots or math.isinf(boots) or math.isinf(passed):
            return max(passed, boots)
        return passed + math.ceil((boots - passed) / readiness.period) * readiness.period

    def _killed_at(self, boots: float) -> float:
        assert self.started is not None
        startup, liveness = self.probes.get("startupProbe"), self.probes.get("livenessProbe")
        if startup is not None and math.isinf(startup.first_success):
            return self.started + startup.failed_at
        if liveness is not None and math.isinf(liveness.first_success):
            return max(boots, self.started) + liveness.failed_at
        return INF

    def _probe_kills(self, now: float, node: Node, boots: float) -> None:
        which = "liveness" if now >= boots else "startup"
        failed = self.probes["livenessProbe" if which == "liveness" else "startupProbe"]
        assert failed is not None
        node.emit("Warning", "Unhealthy", f"{which.capitalize()} probe failed: {failed.message}")
        node.emit(
            "Normal", "Killing", f"Container {self.name} failed {which} probe, will be restarted"
        )
        self.ready = False
        self.at = now + max(0.001, self.stopping_time(node, self.grace))
        self.stage = "stopping"

    def _missed(self, now: float, node: Node, ready_at: float, boots: float) -> float:
        """Say that the readiness probe fails, and when it will be tried again."""
        readiness = self.probes.get("readinessProbe")
        if readiness is None or self.ready or now < boots or self.started is None:
            return INF
        first = max(boots, self.started + readiness.initial)
        if now < first:
            return first
        due = first + self.misses * readiness.period
        if self.misses >= UNHEALTHY_BURST:
            due = (
                first
                + UNHEALTHY_BURST * readiness.period
                + UNHEALTHY_SLOW * (self.misses - UNHEALTHY_BURST)
            )
        if now + 1e-9 < due:
            return due
        self.misses += 1
        node.emit("Warning", "Unhealthy", f"Readiness probe failed: {readiness.message}")
        later = readiness.period if self.misses < UNHEALTHY_BURST else UNHEALTHY_SLOW
        return due + later if due + later < ready_at else INF

    def _end(self, now: float, node: Node, reason: str, code: int) -> None:
        ended = Ended(reason, code, self.started, now)
        ran = now - (self.started if self.started is not None else now)
        self.ready = self.booted = False
        self.started = None
        if not self._restarts(code):
            self.stage, self.at, self.ended = "done", INF, ended
            return
        self.last = ended
        if ran > BACKOFF_RESET:
            self.backoff = 0.0
        self._back_off(now, node, ended)

    def _restarts(self, code: int) -> bool:
        if self.sidecar:
            return True
        if self.init:
            return code != 0 and self.policy != "Never"
        return self.policy == "Always" or (self.policy == "OnFailure" and code != 0)

    def _back_off(self, now: float, node: Node, ended: Ended) -> None:
        wait, self.backoff = self.backoff, min(max(self.backoff * 2, BACKOFF_FIRST), BACKOFF_CAP)
        if wait <= 0:
            self.ended = ended
            self.stage, self.at = "backoff", now + 1.0
            return
        self.ended = None
        self._wait(
            "CrashLoopBackOff",
            f"back-off {_go_seconds(wait)} restarting failed container={self.name} pod={self.pod}",
        )
        node.emit(
            "Warning",
            "BackOff",
            f"Back-off restarting failed container {self.name} in pod {self.pod}",
        )
        self.stage, self.at = "backoff", now + wait

    def _again(self, now: float, node: Node) -> None:
        if self.stage == "start-failed":
            assert self.last is not None
            self._back_off(now, node, self.last)
            self.ended = None
            if self.reason == "RunContainerError":
                self.at = now
            return
        self.restarts += 1
        if node.has_image(self.does.image):
            node.emit(
                "Normal",
                "Pulled",
                f'Container image "{self.does.image}" already present on machine',
            )
        self._create(now, node)

    def _wait(self, reason: str, message: str) -> None:
        self.reason, self.message = reason, message


def _go_seconds(seconds: float) -> str:
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
