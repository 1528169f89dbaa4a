"""Plays a scenario against a sandbox of its own and keeps what happened.

Everything runs on virtual time: a wait for an hour takes milliseconds. The player looks at
the world as a client does, through the store's changes and its verbs.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.rollouts import phase as phases
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.errors import InputError, OpsError
from opsconsole.model.kinds import ROLLOUT
from opsconsole.model.objects import dig, text
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import Cluster, ClusterOptions
from opsconsole.sandbox.rehearse import kubectl, plugin
from opsconsole.sandbox.rehearse.answers import Answers
from opsconsole.sandbox.rehearse.client import Client
from opsconsole.sandbox.rehearse.faults import Faults
from opsconsole.sandbox.rehearse.scenario import Scenario
from opsconsole.sandbox.store import Change

POLL = 0.1
"""Virtual seconds between two looks of a wait."""

COMMAND = 0.4
"""Virtual seconds that a command takes: it starts, asks the server and prints."""

SETTLE = 3.0
"""Virtual seconds that a finished scenario is watched on."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What one step of the scenario did: exit `code` and printed text of a command."""

    at: float
    step: str
    argument: Any
    code: int = 0
    out: str = ""


@dataclass(slots=True)
class Result:
    """`changes` are (virtual seconds, change) of the scenario's namespace, oldest first."""

    scenario: Scenario
    log: list[Entry] = field(default_factory=list)
    changes: list[tuple[float, Change]] = field(default_factory=list)
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    completed: bool = True
    phase: str = ""
    message: str = ""
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)

    @property
    def healthy(self) -> bool:
        return self.completed and self.phase == "Healthy"


Watcher = Callable[[float, Change], None]


class Player:
    """One scenario, one cluster. `play()` may be called once."""

    def __init__(self, scenario: Scenario, *, watcher: Watcher | None = None) -> None:
        self.scenario = scenario
        self.answers = Answers(scenario.metrics)
        options = ClusterOptions(
            seed=scenario.seed,
            profile=scenario.profile,
            without=frozenset({"argocd", "applicationset", "notifications"}),
        )
        self.cluster: Cluster = clusters.build(options, services=self.answers.services())
        self.client = Client(self.cluster.store)
        self.result = Result(scenario)
        self._watcher = watcher
        self._faults = Faults(scenario.faults, self.cluster, self.answers)
        self._applied: list[Mapping[str, Any]] = []

    @property
    def now(self) -> float:
        return self.cluster.simulation.elapsed

    def play(self) -> Result:
        """Play all steps; a step that cannot be done ends the scenario with `completed` false."""
        self.client.ensure_namespace(self.scenario.namespace)
        self.cluster.store.subscribe(self._see)
        self.cluster.start()
        self._plan_restarts()
        for kind, argument in self.scenario.steps:
            try:
                self._step(kind, argument)
            except OpsError as error:
                self.result.completed = False
                self._log(kind, argument, 1, f"Error: {error}")
                break
        self.cluster.simulation.run_for(SETTLE)
        return self._finish()

    def _finish(self) -> Result:
        result = self.result
        ro = self.cluster.store.find(ROLLOUT, self.scenario.namespace, self.scenario.rollout)
        if ro is not None:
            found, result.message = phases.observed(ro)
            result.phase = found.value
        result.requests = list(self.answers.requests)
        result.seconds = self.now
        result.faults = [
            f"{name} {key.namespace}/{key.name}: {fault!r}"
            for name, key, fault in self.cluster.manager.faults
        ]
        return result

    def _see(self, change: Change) -> None:
        namespace = text(change.object, "metadata", "namespace")
        if namespace != self.scenario.namespace:
            return
        at = round(self.now, 1)
        if self._watcher is not None:
            self._watcher(at, change)
        self.result.changes.append((at, change))

    def _log(self, step: str, argument: Any, code: int = 0, out: str = "") -> None:
        self.result.log.append(Entry(round(self.now, 1), step, argument, code, out))

    # steps

    def _step(self, kind: str, argument: Any) -> None:
        handler: Callable[[Any], None] = getattr(self, f"_do_{kind}")
        handler(argument)

    def _do_apply(self, manifests: list[Mapping[str, Any]]) -> None:
        for manifest in manifests:
            self.client.apply(self.answers.placed(manifest), self.scenario.namespace)
        self._log("apply", len(manifests))

    def _do_delete(self, manifests: list[Mapping[str, Any]]) -> None:
        for manifest in manifests:
            kind = self.cluster.store.resources.by_kind(
                text(manifest, "apiVersion"), text(manifest, "kind")
            )
            if kind is None:
                raise InputError(f"no kind {text(manifest, 'kind')} is served")
            name = text(manifest, "metadata", "name")
            self.cluster.store.delete(kind, self.scenario.namespace, name)
        self._log("delete", len(manifests))

    def _do_run(self, line: str) -> None:
        done = plugin.run(line, self.scenario.namespace, self.cluster, self.client)
        self.cluster.simulation.run_for(COMMAND)
        self._log("run", line, done.code, done.text.rstrip("\n"))

    def _do_kubectl(self, words: list[str]) -> None:
        out = kubectl.run(words, self.scenario.namespace, self.client)
        self.cluster.simulation.run_for(COMMAND)
        self._log("kubectl", words, 0, out)

    def _do_metrics(self, answers: Mapping[str, Any]) -> None:
        self.answers.update(answers)
        self._log("metrics", dict(answers))

    def _do_sleep(self, seconds: float) -> None:
        self._log("sleep", seconds)
        self.cluster.simulation.run_for(seconds)

    def _do_promote(self, limit: float) -> None:
        """Promote at every pause until the rollout is Healthy or Degraded, `limit` s at most."""
        self._log("promote", limit)
        end = self.now + limit
        phase = ""
        while self.now < end and phase not in ("Healthy", "Degraded"):
            ro = self.cluster.store.find(ROLLOUT, self.scenario.namespace, self.scenario.rollout)
            phase = phases.observed(ro)[0].value if ro is not None else ""
            if phase == "Paused" and ro is not None and _needs_promotion(ro):
                self._do_run(f"promote {self.scenario.rollout}")
            self.cluster.simulation.run_for(1.0)

    def _do_wait(self, wait: Mapping[str, Any]) -> None:
        wanted: Mapping[str, Any] = wait["for"]
        timeout = float(wait.get("timeout") or self.scenario.timeout)
        end = self.now + timeout
        while not self._holds(wait, wanted):
            if self.now >= end:
                shown = ", ".join(f"{path} = {value}" for path, value in wanted.items())
                raise InputError(f"waited {timeout:g} s in vain for {shown}")
            self.cluster.simulation.run_for(POLL)
        self._log("wait", dict(wanted))

    def _holds(self, wait: Mapping[str, Any], wanted: Mapping[str, Any]) -> bool:
        kind_name = text(wait, "kind", default="Rollout")
        kind = next(
            (row.kind for row in self.cluster.store.resources if row.kind.kind == kind_name),
            ROLLOUT,
        )
        name = text(wait, "name", default=self.scenario.rollout)
        obj = self.cluster.store.find(kind, self.scenario.namespace, name)
        if obj is None:
            return False
        if kind == ROLLOUT:
            seen = text(obj, "status", "observedGeneration")
            if seen != str(dig(obj, "metadata", "generation")):
                return False
        return all(_shows(obj, path, value) for path, value in wanted.items())

    def _plan_restarts(self) -> None:
        for at in self.scenario.restarts:
            self.cluster.simulation.call_at(at, self.restart_controllers)

    def restart_controllers(self) -> None:
        """Start the controllers of the group `rollouts` anew: they go on from the objects."""
        self.cluster.restart_group("rollouts")


def _needs_promotion(obj: Mapping[str, Any]) -> bool:
    """Whether it would rest for ever: not at a pause that ends by itself."""
    ro = RolloutView(obj)
    pause = None if ro.current_step is None else ro.current_step.get("pause")
    if isinstance(pause, Mapping) and pause.get("duration") is not None:
        return ro.paused
    return ro.blue_green is None or not ro.auto_promotion_enabled or ro.paused


def _shows(obj: Mapping[str, Any], path: str, value: Any) -> bool:
    found = dig(obj, *path.split("."))
    return found in value if isinstance(value, list) else bool(found == value)


def play(scenario: Scenario, *, watcher: Watcher | None = None) -> Result:
    return Player(scenario, watcher=watcher).play()
