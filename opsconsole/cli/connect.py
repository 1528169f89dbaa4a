"""Connectors: how the engine gets its cluster, run on the engine's thread.

Separate so that importing the command line loads neither the client nor the sandbox, nor the
engine's model: the first frame waits for all that is imported here.
"""

from __future__ import annotations

import asyncio
import threading
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING

from opsconsole.aio.backoff import Uniform
from opsconsole.aio.clock import Clock, SystemClock
from opsconsole.cli.options import Options, sandbox_settings, settings_of
from opsconsole.cli.sandboxing import SandboxEnvironment, check_extra
from opsconsole.model.environment import Environment, PlainEnvironment
from opsconsole.settings import Settings

if TYPE_CHECKING:
    from opsconsole.engine.protocols import Connected, Connector
    from opsconsole.kube.cluster import KubeCluster
    from opsconsole.sandbox.world.assembly import Sandbox


@dataclass(frozen=True, slots=True)
class Chosen:
    """Where the program connects, decided; `clock` dates objects (virtual in the sandbox)."""

    settings: Settings
    connector: Connector
    environment: Environment
    clock: Clock
    is_sandbox: bool = False


def luck() -> Uniform:
    import random

    return random.random


def choose(options: Options) -> Chosen:
    """Decide and check what can be checked without the network. KubeconfigError, UsageError."""
    settings = settings_of(options)
    if settings is None:
        return _sandbox(options)
    from opsconsole.kube.contexts import target_of

    clock = SystemClock()
    target_of(settings.cluster, clock)

    async def connect() -> Connected:
        from opsconsole.engine.protocols import Connected
        from opsconsole.kube.cluster import open_cluster, open_elsewhere

        cluster = open_cluster(settings.cluster, clock, luck())
        return Connected(
            cluster,
            settings.repos,
            server=cluster.server,
            elsewhere=lambda server: open_elsewhere(settings.cluster, server, clock, luck()),
        )

    return Chosen(settings, connect, PlainEnvironment(clock.now), clock)


class _VirtualClock:
    """`now` is the sandbox's; `monotonic` is real, since it measures waiting."""

    def __init__(self, environment: SandboxEnvironment) -> None:
        self._environment = environment
        self._real = SystemClock()

    def now(self) -> datetime:
        return self._environment.now()

    def monotonic(self) -> float:
        return self._real.monotonic()


def _sandbox(options: Options) -> Chosen:
    check_extra()
    settings = sandbox_settings(options)
    environment = SandboxEnvironment(options.pace(), ascii_only=settings.ascii_only)

    async def connect() -> Connected:
        from opsconsole.engine.protocols import Connected
        from opsconsole.kube.cluster import open_cluster

        sandbox = await _started(options)
        environment.attach(sandbox)
        cluster = replace(settings.cluster, server=sandbox.url)
        repos = replace(
            settings.repos, replacements=(*settings.repos.replacements, *sandbox.replacements)
        )

        def close() -> None:
            environment.attach(None)
            sandbox.stop()

        def elsewhere(server: str) -> KubeCluster | None:
            at = sandbox.servers.get(server)
            there = replace(cluster, server=at or "")
            return open_cluster(there, SystemClock(), luck()) if at else None

        made = open_cluster(cluster, SystemClock(), luck())
        return Connected(
            made,
            repos,
            close,
            elsewhere=elsewhere,
            prometheus=lambda address: sandbox.prometheus_url or address,
        )

    return Chosen(settings, connect, environment, _VirtualClock(environment), is_sandbox=True)


async def _started(options: Options) -> Sandbox:
    """A sandbox that runs, started on a thread of its own."""
    from opsconsole.sandbox.world.assembly import Sandbox

    left = threading.Event()

    def begin() -> Sandbox:
        made = Sandbox(seed=options.seed, speed=options.pace()).start()
        if left.is_set():
            made.stop()
        return made

    try:
        return await asyncio.to_thread(begin)
    except asyncio.CancelledError:
        # a thread cannot be cancelled: it cleans up after itself
        left.set()
        raise
