"""A Rollout joined with its ReplicaSets, pods and analysis runs, as the console sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsconsole.model.analysis import AnalysisRun
from opsconsole.model.applications import Condition
from opsconsole.model.experiments import Experiment
from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import RolloutPhase


@dataclass(frozen=True, slots=True)
class Step:
    """One step of `spec.strategy.canary.steps`.

    `kind` is the API's field name (`setWeight`, `pause`, `analysis`…), `summary` what to print
    ("setWeight 20", "pause 10m", "analysis latency-check"); `state` is done, current, waiting
    or skipped.
    """

    index: int
    kind: str
    summary: str
    state: str
    until: datetime | None = None
    """When a timed pause ends."""

    run: str = ""
    """Name of the AnalysisRun or Experiment of this step."""


@dataclass(frozen=True, slots=True)
class Pod:
    name: str
    status: str
    """What kubectl prints in STATUS (`Running`, `CrashLoopBackOff`…)."""

    ready: int
    containers: int
    restarts: int
    created_at: datetime | None
    healthy: bool = True


@dataclass(frozen=True, slots=True)
class Revision:
    """One ReplicaSet of a Rollout. `roles` ⊆ stable, canary, active, preview, ping, pong."""

    number: int
    replica_set: str
    pod_hash: str
    images: tuple[str, ...]
    roles: tuple[str, ...]
    status: str
    desired: int
    current: int
    ready: int
    available: int
    created_at: datetime | None
    scale_down_at: datetime | None
    pods: tuple[Pod, ...] = ()


@dataclass(frozen=True, slots=True)
class Rollout:
    key: ResourceKey
    resource_version: str
    strategy: str
    """`Canary`, `BlueGreen` or "" when the spec has none."""

    phase: RolloutPhase
    message: str
    paused_reason: str
    """Reason of the first pauseCondition, "manually paused" for spec.paused, or empty."""

    aborted: bool
    fully_promoted: bool
    """`status.stableRS == status.currentPodHash`."""

    promote_full: bool
    steps: tuple[Step, ...]
    step_index: int | None
    set_weight: int
    actual_weight: int
    images: tuple[str, ...]
    desired: int
    current: int
    updated: int
    ready: int
    available: int
    current_hash: str
    stable_hash: str
    waiting_for: str
    """One line: what the rollout waits for now ("a promote", "4 of 10 pods available"…)."""

    waiting_until: datetime | None
    revisions: tuple[Revision, ...] = ()
    runs: tuple[AnalysisRun, ...] = ()
    """Analysis runs that it or one of its experiments owns, newest first."""

    experiments: tuple[Experiment, ...] = ()
    """Experiments that it owns, newest first."""

    services: tuple[tuple[str, str], ...] = ()
    """(role, Service name): stable, canary, active, preview."""

    conditions: tuple[Condition, ...] = ()
    workload_ref: str = ""
    problems: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        return self.key.name
