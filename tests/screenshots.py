"""Draws screenshots/*.svg with Textual's own export: `make screenshots`.

The pictures are of the real console on the real sandbox, whose virtual time stands at a chosen
moment of its seeded story: the same program draws the same pictures. A test compares what they
say with what the program says now.
"""

from __future__ import annotations

import asyncio
import html
import random
import re
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from opsconsole.aio.clock import SystemClock
from opsconsole.cli.sandboxing import SandboxEnvironment
from opsconsole.engine.hub import Hub
from opsconsole.engine.protocols import Connected
from opsconsole.kube.cluster import open_cluster
from opsconsole.model.kinds import ResourceKey
from opsconsole.sandbox.world.assembly import Sandbox
from opsconsole.settings import ClusterSettings, RepoSettings, Settings
from opsconsole.ui.app import OpsApp
from opsconsole.ui.dialogs.plan import PlanDialog

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"

MINUTES = 5.0
"""Virtual minutes of the story that pass first: then the canary's first analysis is running."""

LOOKS = 1500
"""Times that a condition is looked at before it counts as not coming, 20 ms apart."""

Scene = tuple[str, tuple[int, int], str, tuple[str, ...]]

SCENES: tuple[Scene, ...] = (
    ("small", (80, 24), "my-app-canary", ()),
    ("overview", (120, 36), "my-app-canary", ()),
    ("analysis", (120, 36), "my-app-canary", ("3", "enter")),
    ("plan", (120, 36), "payments", ("4", "R")),
)
"""(file, columns and rows, application, keys)."""


class Still(SystemClock):
    """Objects are dated by the sandbox's clock, which stands."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def now(self):  # type: ignore[no-untyped-def]
        return self._sandbox.now()


async def drawn() -> dict[str, str]:
    """Name → SVG of every scene."""
    sandbox = await asyncio.to_thread(lambda: Sandbox(speed=0).start())
    try:
        await asyncio.to_thread(
            sandbox.read,
            lambda c: c.simulation.run_until(c.simulation.elapsed + MINUTES * 60),
        )
        async with _console(sandbox, SCENES[0][1]) as (app, pilot):
            return {
                name: await _draw(app, pilot, size, about, keys)
                for name, size, about, keys in SCENES
            }
    finally:
        await asyncio.to_thread(sandbox.stop)


async def _draw(
    app: OpsApp, pilot: Pilot[int], size: tuple[int, int], name: str, keys: tuple[str, ...]
) -> str:
    await pilot.resize_terminal(*size)
    await _until(pilot, lambda: name in _keys(app))
    app.main.table("applications").go_to(_keys(app)[name])
    await _until(pilot, lambda: _settled(app, name))
    for key in keys:
        await pilot.press(key)
    if isinstance(app.screen, PlanDialog):
        dialog = app.screen
        await _until(pilot, lambda: dialog._plan is not None)
    await pilot.pause(0.1)
    svg = app.export_screenshot(title="opsconsole")
    await pilot.press("escape", "1")
    return svg


def _keys(app: OpsApp) -> dict[str, ResourceKey]:
    picture = app.main.picture
    return {key.name: key for key in picture.applications} if picture is not None else {}


def _settled(app: OpsApp, name: str) -> bool:
    """Whether everything about the application has come: its rollout, git, events, live values."""
    main = app.main
    chosen, rollout = main.selection, main.rollout
    if chosen is None or rollout is None or main.selected is None or main.selected.name != name:
        return False
    running = any(not run.phase.completed for run in rollout.runs)
    return bool(
        chosen.history.commits
        and chosen.events
        and (not running or any(trace.points for trace in chosen.traces))
    )


async def _until(pilot: Pilot[int], holds: Callable[[], object]) -> None:
    for _ in range(LOOKS):
        if holds():
            return
        await pilot.pause(0.02)
    raise SystemExit("the console does not show what the picture is of")


@asynccontextmanager
async def _console(
    sandbox: Sandbox, size: tuple[int, int]
) -> AsyncIterator[tuple[OpsApp, Pilot[int]]]:
    environment = SandboxEnvironment(20)
    settings = Settings(frame_interval=0)
    environment.attach(sandbox)

    async def connect() -> Connected:
        cluster = open_cluster(
            ClusterSettings(server=sandbox.url), SystemClock(), random.Random(1).random
        )
        repos = RepoSettings(replacements=sandbox.replacements)
        return Connected(cluster, repos, prometheus=lambda _: sandbox.prometheus_url)

    hub = Hub(connect, settings, Still(sandbox), random.Random(1).random)
    app = OpsApp(hub, environment, settings)
    try:
        async with app.run_test(size=size) as pilot:
            yield app, pilot
    finally:
        await asyncio.to_thread(hub.stop)


def says(svg: str) -> list[str]:
    """The texts of a picture in their order; commits are masked, they change with every file."""
    found = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    return [re.sub(r"\b[0-9a-f]{7,40}\b", "#", text.replace("\xa0", " ")) for text in found]


def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, svg in asyncio.run(drawn()).items():
        # some viewers would drop the blanks at the ends of texts
        kept = svg.replace("<svg ", '<svg xml:space="preserve" ', 1)
        (FOLDER / f"{name}.svg").write_text(kept + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
