"""An Argo CD Application as the console sees it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import Health, OperationPhase, Sync


@dataclass(frozen=True, slots=True)
class Source:
    repo_url: str = ""
    path: str = ""
    target_revision: str = ""
    chart: str = ""


@dataclass(frozen=True, slots=True)
class ManagedResource:
    """One row of `status.resources`. `health` is computed by us when the API leaves it out."""

    group: str
    version: str
    kind: str
    namespace: str
    name: str
    sync: Sync
    health: Health | None
    requires_pruning: bool = False
    sync_wave: int = 0
    hook: bool = False


@dataclass(frozen=True, slots=True)
class ResourceResult:
    """One row of `operationState.syncResult.resources`."""

    kind: str
    namespace: str
    name: str
    status: str
    message: str
    sync_phase: str = ""
    hook_phase: str = ""


@dataclass(frozen=True, slots=True)
class Operation:
    """`status.operationState` joined with `.operation`."""

    phase: OperationPhase = OperationPhase.NONE
    message: str = ""
    requested: bool = False
    """`.operation` is set and the controller has not finished it."""

    waiting_for_retry: bool = False
    """Phase Running with a finishedAt: the next attempt is scheduled."""

    revision: str = ""
    retry_count: int = 0
    initiated_by: str = ""
    automated: bool = False
    started_at: datetime | None = None
    finished_at: datetime | None = None
    results: tuple[ResourceResult, ...] = ()
    info: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Deployed:
    """One entry of `status.history`, oldest first in the API."""

    id: int
    revision: str
    deployed_at: datetime | None
    initiated_by: str
    automated: bool
    source: Source = Source()


@dataclass(frozen=True, slots=True)
class Condition:
    type: str
    message: str
    at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Application:
    key: ResourceKey
    resource_version: str
    project: str
    source: Source
    sources: tuple[Source, ...]
    destination_server: str
    """The cluster's URL, or its name when the Application gives only that."""

    destination_namespace: str
    sync: Sync
    revision: str
    health: Health
    health_message: str = ""
    auto_sync: bool = False
    self_heal: bool = False
    prune: bool = False
    refreshing: bool = False
    deleting: bool = False
    operation: Operation = Operation()
    history: tuple[Deployed, ...] = ()
    conditions: tuple[Condition, ...] = ()
    resources: tuple[ManagedResource, ...] = ()
    reconciled_at: datetime | None = None
    last_activity: datetime | None = None
    """The newest of: operation started or finished, deployed, health transition."""

    elsewhere: str = ""
    """URL or name of the destination when that is not the cluster that the console is on."""

    attention: str = ""
    """Why a human should look ("paused for a promote", "analysis failed"…); empty when not."""

    problems: tuple[str, ...] = ()
    """Fields of the object that were missing or mistyped."""

    @property
    def name(self) -> str:
        return self.key.name
