"""Starts the whole sandbox: cluster, API server, git server, metric endpoint, and the world in it.

The one place that knows all parts; `cli` starts a `Sandbox` for the console and calls
`serve_world` for other clients. Everything of the sandbox runs on one thread with one loop.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Self

from opsconsole.errors import SandboxError
from opsconsole.render.renderer import Renderer
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build
from opsconsole.sandbox.gitserver import GitServer
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.metrics.server import MetricServer
from opsconsole.sandbox.pacing import Pacer
from opsconsole.sandbox.serve import ServeOptions, serve
from opsconsole.sandbox.world.repository import NAME, URL, ServedRepositories, WorldRepository
from opsconsole.sandbox.world.story import LENGTH, Story, fleet_of
from opsconsole.settings import RepoSettings

START_LIMIT = 60.0
"""Real seconds that the start may take."""


class World:
    """The repository and what serves it; `services()` is what the controllers find."""

    def __init__(self, folder: Path, born: datetime) -> None:
        self.repository = WorldRepository(folder / "served")
        if not self.repository.head:
            self.repository.seed(born)
        # controllers read the repository itself; only other programs come through HTTP
        local = RepoSettings(replacements=((URL, str(self.repository.folder)),))
        self.repositories = ServedRepositories(local, folder / "mirrors")
        self.renderer = Renderer("helm")  # kustomizations by ourselves: the same on every machine
        self.git_server = GitServer(folder / "served")

    def services(self) -> dict[str, Any]:
        """`repositories` (repos.Repositories) and `renderer` (render.Renderer)."""
        return {"repositories": self.repositories, "renderer": self.renderer}

    async def start(self) -> str:
        """Serve the repository; returns its URL on loopback."""
        return f"{await self.git_server.start()}/{NAME}"

    async def stop(self) -> None:
        await self.git_server.stop()
        self.repositories.close()
        self.repository.close()


class Sandbox:
    """A cluster in this process, for the console. `start` returns when the API answers.

    `speed` is × real time (0 is paused). Every method may be called from any thread. With
    `tell` false the applications are installed and nothing has happened yet.
    """

    def __init__(
        self, *, seed: int = 1, speed: float = 20.0, start: datetime = START, tell: bool = True
    ) -> None:
        self.url = ""
        self.urls: Mapping[str, str] = {}
        """Where the APIs of the other clusters are served, by name."""

        self.git_url = ""
        self.prometheus_url = ""
        self._tell = tell
        self._scratch = tempfile.TemporaryDirectory(prefix="opsconsole-sandbox-")
        born = start - timedelta(seconds=LENGTH)
        self.world = World(Path(self._scratch.name), born)
        self.cluster = build(ClusterOptions(seed=seed, start=born), services=self.world.services())
        self.fleet = fleet_of(self.cluster)
        self.story = Story(self.cluster, self.world.repository)
        self._first_speed = speed
        self._pacer = Pacer(self.cluster.simulation, speed=0)
        self._api = ApiServer(self.cluster.store, logs=None)
        self._metrics = MetricServer(self.cluster)

    def start(self) -> Self:
        """Raises SandboxError when a part cannot be had (git is missing)."""
        self._pacer.start()
        try:
            self._pacer.submit(self._start()).result(START_LIMIT)
        except BaseException:
            self.stop()
            raise
        self.speed = self._first_speed
        return self

    async def _start(self) -> None:
        self.git_url = await self.world.start()
        self.fleet.declare()
        self.fleet.start()
        self.cluster.start()
        self.story.install()
        if self._tell:
            self.story.tell()
        self.prometheus_url = await self._metrics.start()
        self.url = await self._api.start()
        self.urls = await self.fleet.serve()

    def stop(self) -> None:
        """End everything and remove what was written."""
        try:
            self._pacer.submit(self._stop()).result(START_LIMIT)
        finally:
            self._pacer.stop()
            self._scratch.cleanup()

    async def _stop(self) -> None:
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.world.stop)
            stack.push_async_callback(self._metrics.stop)
            stack.push_async_callback(self._api.stop)
            stack.push_async_callback(self.fleet.stop)

    @property
    def replacements(self) -> tuple[tuple[str, str], ...]:
        """(URL as manifests write it, where it is really served)."""
        return ((URL, self.git_url),)

    @property
    def servers(self) -> Mapping[str, str]:
        """A cluster as Applications name it, by URL or by name → where its API is really served."""
        return {
            known: self.urls[place.name]
            for place in self.fleet.members
            for known in (place.server, place.name)
        }

    @property
    def speed(self) -> float:
        return self._pacer.speed

    @speed.setter
    def speed(self, value: float) -> None:
        self._pacer.speed = value

    def now(self) -> datetime:
        """Virtual time."""
        return self.cluster.simulation.now()

    def monotonic(self) -> float:
        """Virtual seconds."""
        return self.cluster.simulation.elapsed

    def push_image(self, app: str, tag: str) -> str:
        """Commit a new image tag for an application, as a colleague would; returns the hash."""
        from opsconsole.sandbox.world.repository import ALICE

        return self._pacer.call(lambda: self.story.push(app, tag, ALICE)).result(START_LIMIT)

    def outbox(self) -> str:
        """What the notifications controller sent, as text."""

        def look(cluster: Cluster) -> str:
            box = cluster.services.get("outbox")
            if box is None:
                return "there is no notifications controller"
            simulation = cluster.simulation
            start = simulation.now() - timedelta(seconds=simulation.elapsed)
            return str(box.told(start))

        return str(self.read(look))

    def read(self, look: Callable[[Cluster], Any]) -> Any:
        """Look at the cluster on its own thread (for tests and benchmarks)."""
        return self._pacer.call(lambda: look(self.cluster)).result(START_LIMIT)


async def serve_world(
    options: ServeOptions,
    *,
    ready: Callable[[str], None],
    stop: asyncio.Event,
    git: Callable[[str, str], None] | None = None,
) -> None:
    """`sandbox serve` with the world in it, until `stop` is set; git is kept with the state.

    `git` is told the repository's URL as manifests write it and where it is really served.
    """
    with tempfile.TemporaryDirectory(prefix="opsconsole-sandbox-") as scratch:
        folder = options.keep / "git" if options.keep else Path(scratch)
        try:
            world = World(folder, options.start)
        except OSError as error:
            raise SandboxError(
                f"the sandbox's repository cannot be written to {folder}: {error.strerror or error}"
            ) from error
        address = await world.start()
        if git is not None:
            git(URL, address)
        try:
            filled = replace(
                options,
                services={**options.services, **world.services()},
                fill=lambda cluster: Story(cluster, world.repository).install(),
                fleet=fleet_of,
            )
            await serve(filled, ready=ready, stop=stop)
        finally:
            await world.stop()
