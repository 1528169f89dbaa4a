"""What goes down the wire: nothing for what is not seen, little for what is."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest
from rich.style import Style

from opsconsole.model.status import Health, Sync
from opsconsole.ui.themes import palette
from tests.ui import world
from tests.ui.support import CountingDriver, driver_of, stage

SIZE = (200, 50)


def many(count=2000):
    apps = (
        world.application(f"app-{i:04}", Sync.SYNCED, Health.HEALTHY, resources=())
        for i in range(count)
    )
    return world.snapshot(applications={app.key: app for app in apps})


def with_app(picture, name, **change):
    key = world.app_key(name)
    app = replace(picture.applications[key], **change)
    return {**picture.applications, key: app}


def only_colours(monkeypatch, system):
    """Rich keeps the codes that a style was first written with: another test's, of other colours."""
    monkeypatch.setattr("textual.constants.COLOR_SYSTEM", system)
    Style.parse.cache_clear()
    Style._add.cache_clear()
    palette.cache_clear()


async def settled(on):
    """No byte in two consecutive turns."""
    quiet = 0
    while quiet < 2:
        await on.pilot.pause()
        quiet = 0 if driver_of(on.app).taken() else quiet + 1


def test_a_change_that_is_not_on_screen_writes_nothing():
    async def scene():
        async with stage(many(), size=SIZE, driver=CountingDriver) as on:
            await settled(on)
            on.console.change(
                applications=with_app(on.console.picture, "app-1500", revision=world.SHAS["third"])
            )
            await on.pilot.pause()
            assert driver_of(on.app).taken() == ""

    asyncio.run(scene())


@pytest.mark.parametrize("colours", ["256", "truecolor", "standard"])
@pytest.mark.parametrize(
    ("change", "shown"),
    [
        ({"sync": Sync.OUT_OF_SYNC}, "OutOfSync"),
        ({"health": Health.DEGRADED}, "Degraded"),
        ({"revision": world.SHAS["third"]}, "0badc0d"),
        ({"attention": "paused for a promote"}, "paused for a promote"),
    ],
)
def test_one_visible_cell_costs_at_most_400_bytes(monkeypatch, colours, change, shown):
    only_colours(monkeypatch, colours)

    async def scene():
        async with stage(many(), size=SIZE, driver=CountingDriver) as on:
            await settled(on)
            on.app.main.query_one("#head").redraw = lambda: None  # its counts are another cell
            on.console.change(applications=with_app(on.console.picture, "app-0007", **change))
            await on.pilot.pause()
            written = driver_of(on.app).taken()
            assert shown in written
            assert len(written.encode()) <= 400, len(written.encode())

    asyncio.run(scene())


def test_the_same_picture_again_writes_nothing():
    async def scene():
        async with stage(size=SIZE, driver=CountingDriver) as on:
            await on.press("j", "j", "j")
            await settled(on)
            for _ in range(5):
                on.console.change(taken_at=world.NOW)
            on.app._tick()
            await on.pilot.pause()
            assert driver_of(on.app).taken() == ""

    asyncio.run(scene())


def test_a_second_that_passes_repaints_only_ages_and_the_banner(monkeypatch):
    only_colours(monkeypatch, "256")

    async def scene():
        async with stage(size=SIZE, driver=CountingDriver, banner="SANDBOX 20× 10:32:05") as on:
            await on.press("j", "j", "j")
            await settled(on)
            on.app.environment.moment = world.NOW.replace(second=6)
            on.app.environment.text = "SANDBOX 20× 10:32:06"
            on.app._tick()
            await on.pilot.pause()
            written = driver_of(on.app).taken()
            assert "10:32:06" in written
            assert len(written.encode()) <= 1500

    asyncio.run(scene())


@pytest.mark.parametrize("no_color", [False, True])
def test_16_colours_use_only_the_terminals_own(monkeypatch, no_color):
    if no_color:
        monkeypatch.setenv("NO_COLOR", "1")

    async def scene():
        async with stage(size=(80, 24), driver=CountingDriver, ansi_colors=True) as on:
            driver_of(on.app).taken()
            await on.press("j", "j", "j", "P")
            written = driver_of(on.app).taken()
            assert "Promote" in written
            assert "38;2;" not in written
            assert "48;2;" not in written
            assert "38;5;" not in written
            if no_color:
                assert "\x1b[31m" not in written
                assert ";31" not in written

    asyncio.run(scene())


def test_in_colour_the_focus_and_the_cursor_are_also_seen_without_colour(monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")

    async def scene():
        async with stage(size=(80, 24), driver=CountingDriver, ansi_colors=True) as on:
            strips = on.app.screen._compositor.render_strips()
            title = next(s for s in strips[1] if "Applications" in s.text)
            cursor = next(s for s in strips[2] if "checkout" in s.text)
            assert title.style.reverse
            assert cursor.style.reverse

    asyncio.run(scene())
