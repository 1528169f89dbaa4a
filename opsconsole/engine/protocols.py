"""What the front ends see of the engine, and what the engine needs from its adapters.

Separate so that the UI is tested with a fake console and the engine with fake adapters.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.model.feed import Feed
from opsconsole.model.kinds import Kind, ResourceKey
from opsconsole.model.permissions import Permissions
from opsconsole.model.plans import Intent, OperationRecord, Plan
from opsconsole.model.requests import Request
from opsconsole.model.snapshot import Snapshot
from opsconsole.settings import RepoSettings


class Cluster(Protocol):
    """What the engine asks of a cluster; `kube.cluster.KubeCluster` is the real one.

    Methods are called on the engine's loop and fail with ConnectError or ApiError.
    `context` names it for people, `namespace` is its home namespace ("" when it has none).
    """

    @property
    def context(self) -> str: ...

    @property
    def namespace(self) -> str: ...

    def follow(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Feed]: ...

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]: ...

    async def send(self, request: Request, *, dry_run: bool = False) -> dict[str, Any]: ...

    async def permissions(self, namespace: str) -> Permissions: ...

    async def close(self) -> None: ...


Elsewhere = Callable[[str], Cluster | None]
"""A server's URL or name → a connection, or None when we have none. Raises OpsError; no I/O."""


@dataclass(frozen=True, slots=True)
class Connected:
    """What a connector brings: the cluster, and how its repositories are reached from here.

    `close` undoes what the connector started besides (the sandbox); it may block briefly.
    `server` is the cluster's URL as others write it; `elsewhere` reaches other clusters.
    """

    cluster: Cluster
    repos: RepoSettings = field(default_factory=RepoSettings)
    close: Callable[[], None] | None = None
    server: str = ""
    elsewhere: Elsewhere | None = None
    prometheus: Callable[[str], str] = str
    """Turns the address of a metric provider, as analyses name it, into one that is reached here."""


Connector = Callable[[], Awaitable[Connected]]
"""Called on the engine's thread; imports what is heavy, so it runs after the first paint.

Raises OpsError; ConnectError is tried again, others are final.
"""


class Console(Protocol):
    """The engine's façade. Every method may be called from any thread and returns at once.

    Futures fail with `OpsError`; a refused action is a `GuardError` that says why.
    """

    def start(self) -> None:
        """Start the engine's thread; connecting goes on in the background."""

    def stop(self) -> None:
        """End the thread and wait for it; a running operation is recorded as unknown."""

    def snapshot(self) -> Snapshot:
        """The latest picture."""

    def subscribe(self, notify: Callable[[int], None]) -> Callable[[], None]:
        """Call `notify(generation)` on the engine's thread after changes, coalesced; returns the way out."""

    def select(self, application: ResourceKey | None) -> None:
        """Load what belongs to this application (history, drift) and keep it current."""

    def refusal(self, intent: Intent) -> str:
        """Why the action is not allowed now; empty when it is. Pure and quick: no I/O."""

    def plan(self, intent: Intent) -> Future[Plan]:
        """Work out the exact requests (may read the cluster and git)."""

    def execute(self, plan: Plan) -> Future[OperationRecord]:
        """Run this very plan and follow it to its end; progress shows in `snapshot().operations`."""
