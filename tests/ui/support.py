"""What screen tests share: the app on a fake engine, its screen as text, bytes counted."""

from __future__ import annotations

import difflib
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import pytest
from textual.drivers import headless_driver
from textual.drivers.headless_driver import HeadlessDriver
from textual.pilot import Pilot

from opsconsole.model.snapshot import Snapshot
from opsconsole.settings import Settings
from opsconsole.ui.app import OpsApp
from tests.ui.fake import FakeConsole, FakeEnvironment, Hand

SNAPSHOTS = Path(__file__).resolve().parents[1] / "snapshots"
UPDATE = bool(os.environ.get("UPDATE_SNAPSHOTS"))


class Stage:
    """The app under test with what it was given."""

    def __init__(self, app: OpsApp, pilot: Pilot[int], console: FakeConsole, hand: Hand) -> None:
        self.app = app
        self.pilot = pilot
        self.console = console
        self.hand = hand

    async def press(self, *keys: str) -> None:
        """Each key a second after the one before, as a person would."""
        for key in keys:
            self.hand.advance(1)
            await self.pilot.press(key)
        await self.pilot.pause()

    def text(self) -> str:
        return screen_text(self.app)

    async def until(self, holds: Callable[[], Any], turns: int = 200) -> None:
        """Wait for a condition, not for a time."""
        for _ in range(turns):
            if holds():
                return
            await self.pilot.pause()
        pytest.fail(f"did not come about:\n{self.text()}")


@asynccontextmanager
async def stage(
    picture: Snapshot | None = None, *, size: tuple[int, int] = (80, 24), banner: str = "",
    driver: Any = None, environment: Any = None, **settings: Any,
) -> AsyncIterator[Stage]:  # fmt: skip
    console = FakeConsole(picture)
    hand = Hand()
    app = OpsApp(
        console,
        environment or FakeEnvironment(banner),
        Settings(frame_interval=0, **settings),
        monotonic=hand,
    )
    with patch.object(headless_driver, "HeadlessDriver", driver or HeadlessDriver):
        async with _running(app, size) as pilot:
            yield Stage(app, pilot, console, hand)


@asynccontextmanager
async def _running(app: OpsApp, size: tuple[int, int]) -> AsyncIterator[Pilot[int]]:
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot


def screen_text(app: OpsApp) -> str:
    """What the terminal shows, without colours and trailing blanks."""
    strips = app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in strips) + "\n"


def check_snapshot(name: str, text: str) -> None:
    """Compare with tests/snapshots/NAME.txt; UPDATE_SNAPSHOTS=1 writes it."""
    path = SNAPSHOTS / f"{name}.txt"
    if UPDATE:
        path.write_text(text, encoding="utf-8")
        return
    wanted = path.read_text(encoding="utf-8") if path.is_file() else ""
    if wanted != text:
        diff = difflib.unified_diff(
            wanted.splitlines(), text.splitlines(), "snapshot", "now", lineterm=""
        )
        pytest.fail(f"{path.name} differs (make snapshots rewrites it):\n" + "\n".join(diff))


class CountingDriver(HeadlessDriver):
    """Behaves like a terminal that takes everything, and keeps what was written."""

    written: list[str]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.written = []

    @property
    def is_headless(self) -> bool:
        return False

    def write(self, data: str) -> None:
        self.written.append(data)

    def taken(self) -> str:
        """Everything written since the last call."""
        text, self.written = "".join(self.written), []
        return text


def driver_of(app: OpsApp) -> CountingDriver:
    driver = app._driver
    assert isinstance(driver, CountingDriver)
    return driver
