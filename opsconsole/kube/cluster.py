"""One cluster with everything the engine asks of it: the face of this package.

Separate so that the engine knows only `engine.protocols.Cluster`, and tests put another
cluster in its place.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

from opsconsole.aio.backoff import Uniform
from opsconsole.aio.clock import Clock
from opsconsole.kube import access, discovery, patching
from opsconsole.kube.contexts import Target, context_of_server, target_of
from opsconsole.kube.following import Follower
from opsconsole.kube.listing import list_all
from opsconsole.kube.transport import Transport
from opsconsole.model.feed import Feed
from opsconsole.model.kinds import Kind
from opsconsole.model.permissions import Permissions
from opsconsole.model.requests import Request
from opsconsole.settings import ClusterSettings


class KubeCluster:
    """All methods belong to the loop that it was made on. Errors: ConnectError, ApiError."""

    def __init__(self, target: Target, *, luck: Uniform, timeout: float = 15.0) -> None:
        self.context = target.context
        self.server = target.server
        self.namespace = target.namespace
        self.transport = Transport(target, luck=luck, timeout=timeout)
        self._luck = luck

    def follow(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Feed]:
        """List and watch for ever; never raises OpsError."""
        follower = Follower(
            self.transport, kind, namespace, luck=self._luck, labels=labels, fields=fields
        )
        return follower.follow()

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        """The whole object, as it is now."""
        found: dict[str, Any] = await self.transport.json("GET", kind.path(namespace, name))
        return found

    async def list(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> list[dict[str, Any]]:
        """Objects without managedFields."""
        found, _ = await list_all(self.transport, kind, namespace, labels=labels, fields=fields)
        return found

    async def send(self, request: Request, *, dry_run: bool = False) -> dict[str, Any]:
        """One write, sent once."""
        return await patching.send(self.transport, request, dry_run=dry_run)

    async def permissions(self, namespace: str) -> Permissions:
        return await access.permissions(self.transport, namespace)

    async def through_service(
        self, namespace: str, service: str, path: str, *, scheme: str = "http"
    ) -> bytes:
        """GET of a Service's own HTTP endpoint, through the API server's proxy; `path` begins with `/`."""
        home = f"/api/v1/namespaces/{namespace}/services/{scheme}:{service}:/proxy"
        return await self.transport.request("GET", home + path, accept="*/*")

    async def version(self) -> str:
        return await discovery.server_version(self.transport)

    async def close(self) -> None:
        await self.transport.close()


def open_cluster(settings: ClusterSettings, clock: Clock, luck: Uniform) -> KubeCluster:
    """The cluster that the settings name. KubeconfigError when they cannot be used."""
    return KubeCluster(target_of(settings, clock), luck=luck, timeout=settings.request_timeout)


def open_elsewhere(
    settings: ClusterSettings, server: str, clock: Clock, luck: Uniform
) -> KubeCluster | None:
    """Another cluster by its URL: through the kubeconfig's context that has it, None when none has.

    KubeconfigError when that context cannot be used.
    """
    context = context_of_server(settings.kubeconfig, server) if settings.kubeconfig else ""
    return open_cluster(replace(settings, context=context), clock, luck) if context else None
