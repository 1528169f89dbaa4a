"""`opsconsole sandbox serve`: one cluster with its API server, for other clients.

Separate from the command line, which reads flags and the clock and prints. Everything runs
on the caller's loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from opsconsole.aio.tasks import cancel, supervise
from opsconsole.errors import SandboxError, UsageError
from opsconsole.model import yamldoc
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox import state
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.argocd.webhook import WebhookServer
from opsconsole.sandbox.cluster import Cluster, ClusterOptions
from opsconsole.sandbox.fleet import Fleet
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.metrics.server import MetricServer
from opsconsole.sandbox.pacing import Pacer

SAVE_INTERVAL = 10.0
"""Real seconds between two saves of a state that changed."""

CONTEXT = "opsconsole-sandbox"
"""The context of the first cluster; a member's is this, a dash and its name."""


def alone(cluster: Cluster) -> Fleet:
    """No cluster besides."""
    return Fleet(cluster, ())


@dataclass(frozen=True, slots=True)
class ServeOptions:
    """What the flags say. `start` is the virtual time to begin with: now, for other clients.

    `fill` puts the world into a new cluster before its controllers start; None leaves it empty.
    `fleet` makes the clusters beside it.
    """

    port: int = 0
    kubeconfig_out: Path | None = None
    speed: float = 1.0
    seed: int = 1
    start: datetime = START
    profile: str = "realistic"
    without: frozenset[str] = frozenset()
    keep: Path | None = None
    app_resync: float = 180.0
    services: dict[str, Any] = field(default_factory=dict)
    fill: Callable[[Cluster], None] | None = None
    fleet: Callable[[Cluster], Fleet] = alone
    metrics: Callable[[str], None] | None = None
    """Told the URL of the Prometheus-compatible endpoint, where there is one."""

    webhook: Callable[[str], None] | None = None
    """Told the URL that takes push events, where Argo CD is simulated."""

    others: Callable[[str, str], None] | None = None
    """Told the context and the URL of each further cluster."""

    def check(self) -> None:
        """UsageError for values that do not go together."""
        if not self.speed >= 0:
            raise UsageError(f"a speed of {self.speed} is not possible")
        if self.without and self.speed != 1:
            raise UsageError(
                "controllers can be left to somebody else only at wall-clock speed",
                hint="leave --speed out, or --without",
            )
        if not 0 <= self.port <= 65535:
            raise UsageError(f"{self.port} is not a port")


class Server:
    """A cluster, its pacer and its API server. `start`, `stop` on one loop."""

    def __init__(self, options: ServeOptions) -> None:
        options.check()
        self.options = options
        self.cluster = _cluster(options)
        self.fleet = options.fleet(self.cluster)
        if options.keep is not None:
            self.fleet.restore(options.keep, now=options.start)
        self.pacer = Pacer(self.cluster.simulation, speed=options.speed)
        self.api = ApiServer(self.cluster.store, schemas=options.profile != "recorded")
        self.metrics = MetricServer(self.cluster)
        self.webhook = WebhookServer(self.cluster.store)
        self.url = ""
        self._saved: tuple[int, ...] = ()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> str:
        """Serve; returns the URL. SandboxError for a port or a file that cannot be had."""
        options = self.options
        self.url = await self.api.start(options.port)
        try:
            others = await self.fleet.serve(schemas=options.profile != "recorded")
            if options.kubeconfig_out is not None:
                write_kubeconfig(options.kubeconfig_out, self.url, others)
            if options.others is not None:
                for name, at in others.items():
                    options.others(f"{CONTEXT}-{name}", at)
            self.fleet.declare(others)
            self.fleet.start()
            self.cluster.start()
            address = await self.metrics.start()
            if address and options.metrics is not None:
                options.metrics(address)
            if options.webhook is not None and "argocd" not in options.without:
                options.webhook(await self.webhook.start())
            self._save()
        except BaseException:
            await self.webhook.stop()
            await self.fleet.stop()
            await self.api.stop()
            raise
        self._tasks.append(supervise(self.pacer.run(), name="sandbox pacer"))
        if options.keep is not None:
            self._tasks.append(supervise(self._save_often(), name="sandbox state"))
        return self.url

    async def stop(self) -> None:
        self.pacer.stop()
        await cancel(*self._tasks)
        self._tasks.clear()
        await self.fleet.stop()
        await self.api.stop()
        await self.metrics.stop()
        await self.webhook.stop()
        self._save()

    def _save(self) -> None:
        version = (self.cluster.store.version, *self.fleet.versions())
        if self.options.keep is not None and self._saved != version:
            state.save(self.cluster, self.options.keep)
            self.fleet.save(self.options.keep)
            self._saved = version

    async def _save_often(self) -> None:
        while True:
            await asyncio.sleep(SAVE_INTERVAL)
            self._save()


async def serve(
    options: ServeOptions, *, ready: Callable[[str], None], stop: asyncio.Event
) -> None:
    """Serve until `stop` is set; `ready` is told the URL."""
    server = Server(options)
    url = await server.start()
    try:
        ready(url)
        await stop.wait()
    finally:
        await server.stop()


def _cluster(options: ServeOptions) -> Cluster:
    inner = ClusterOptions(
        seed=options.seed,
        start=options.start,
        profile=options.profile,
        without=options.without,
        app_resync=options.app_resync,
    )
    made = clusters.build(inner, services=options.services, bare=True)
    kept = options.keep is not None and state.restore(made, options.keep, now=options.start)
    clusters.bootstrap(made.store)
    if not kept and options.fill is not None:
        options.fill(made)
    return made


def kubeconfig(url: str, others: Mapping[str, str] | None = None) -> str:
    """A kubeconfig for the sandbox: no credentials, everything is allowed.

    `others` are the URLs of further clusters by name: each gets a context of its own.
    """
    named = {CONTEXT: url} | {f"{CONTEXT}-{name}": at for name, at in (others or {}).items()}
    return yamldoc.dump(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": CONTEXT,
            "clusters": [{"name": name, "cluster": {"server": at}} for name, at in named.items()],
            "contexts": [
                {"name": name, "context": {"cluster": name, "user": CONTEXT}} for name in named
            ],
            "users": [{"name": CONTEXT, "user": {}}],
        }
    )


def write_kubeconfig(path: Path, url: str, others: Mapping[str, str] | None = None) -> None:
    """Write it whole or not at all; SandboxError when that is not possible."""
    partial = path.with_name(f"{path.name}.new")
    try:
        partial.write_text(kubeconfig(url, others), encoding="utf-8")
        partial.chmod(0o600)
        partial.replace(path)
    except OSError as error:
        raise SandboxError(
            f"the kubeconfig {path} cannot be written: {error.strerror or error}"
        ) from error
