"""The sandbox's Prometheus endpoint over real HTTP on loopback.

Separate from `api`, which answers without a server: analyses of the sandbox ask in-process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.sandbox.metrics.api import application

if TYPE_CHECKING:
    from aiohttp import web

    from opsconsole.sandbox.cluster import Cluster


class MetricServer:
    """Runs on the loop that owns the simulation. A cluster without metrics is served none."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self._runner: web.AppRunner | None = None

    async def start(self) -> str:
        """Listen on a free loopback port; the URL, or "" when the cluster has no metrics."""
        endpoint = self._cluster.services.get("prometheus")
        if endpoint is None:
            return ""
        from aiohttp import web

        self._runner = web.AppRunner(application(endpoint.call), access_log=None)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None
