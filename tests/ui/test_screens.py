"""What is on the screen, as text, in every state and at the sizes that matter."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from opsconsole.model.status import RolloutPhase
from tests.ui import world
from tests.ui.support import check_snapshot, stage

BANNER = "SANDBOX 20× Mon 10:32:05"


def draw(name, picture=None, keys=(), size=(80, 24), **more):
    async def scene():
        async with stage(picture, size=size, **more) as on:
            await on.press(*keys)
            check_snapshot(name, on.text())

    asyncio.run(scene())


@pytest.mark.parametrize("state", ["connecting", "empty", "stale", "denied", "broken"])
def test_every_state_of_the_connection_has_its_own_text(state):
    draw(f"state-{state}-80x24", getattr(world, state)())


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("healthy", ()),
        ("out-of-sync", ("j",)),
        ("blue-green-paused", ("j", "j")),
        ("canary-midway", ("j", "j", "j")),
        ("degraded-analysis", ("j", "j", "j", "j")),
        ("drifting", ("G",)),
    ],
)
def test_each_application_at_80x24(name, keys):
    draw(f"{name}-80x24", keys=keys, banner=BANNER)


def test_the_four_panes_at_120x36():
    draw("canary-midway-120x36", keys=("j", "j", "j"), size=(120, 36), banner=BANNER)


def test_the_four_panes_at_200x50():
    draw("degraded-200x50", keys=("j", "j", "j", "j"), size=(200, 50), banner=BANNER)


@pytest.mark.parametrize(
    ("name", "keys"),
    [
        ("full-applications", ("j", "j", "j", "j", "enter")),
        ("full-rollout", ("j", "j", "j", "2", "enter")),
        ("full-analysis", ("j", "j", "j", "3", "enter")),
        ("full-history", ("j", "j", "j", "4", "j", "enter")),
        ("help", ("question_mark",)),
        ("filter", ("slash", "h", "e", "a", "l", "t", "h", "colon", "d", "e", "g")),
        ("filter-nothing", ("slash", "z", "z", "enter")),
        ("plan-promote", ("j", "j", "j", "P")),
        ("plan-promote-full", ("j", "j", "j", "F")),
        ("plan-sync", ("j", "s")),
        ("plan-undo", ("j", "j", "j", "U")),
        ("plan-revert", ("j", "j", "j", "4", "R")),
        ("refused", ("j", "j", "j", "j", "A")),
    ],
)
def test_dialogs_and_full_panes_at_80x24(name, keys):
    draw(f"{name}-80x24", keys=keys)


@pytest.mark.parametrize("size", [(40, 10), (59, 24), (80, 14)])
def test_a_small_terminal_gets_one_line_of_state(size):
    draw(f"tiny-{size[0]}x{size[1]}", keys=("j", "j", "j"), size=size)


def test_ascii_only():
    draw("ascii-80x24", keys=("j", "j", "j"), ascii_only=True)


def test_ascii_screens_hold_no_other_character():
    async def scene():
        async with stage(size=(120, 36), ascii_only=True, banner=BANNER) as on:
            await on.press("j", "j", "j")
            assert on.text().isascii()
            await on.press("4", "R")
            assert on.text().isascii()

    asyncio.run(scene())


def test_foreign_text_cannot_move_the_cursor_or_reorder_letters():
    evil = "fix \x1b[2J\x1b]0;owned\x07\u202egnp.exe\u202c [red]bold[/] \x9b31m\r\ndone 日本語"
    picture = world.snapshot()
    key = world.app_key("my-app-canary")
    app = replace(picture.applications[key], project="\x1b[31mevil\x1b[0m", attention=evil)
    rollout = replace(
        picture.rollouts[world.rollout_key("my-app-canary")],
        message=evil, waiting_for=evil, phase=RolloutPhase.DEGRADED,
    )  # fmt: skip
    picture = replace(
        picture,
        applications={**picture.applications, key: app},
        rollouts={**picture.rollouts, rollout.key: rollout},
        context=evil,
    )

    async def scene():
        async with stage(picture, size=(200, 50)) as on:
            await on.press("j", "j", "j")
            text = on.text()
            for char in ("\x1b", "\x07", "\u202e", "\x9b", "\r"):
                assert char not in text
            assert "[red]bold[/]" in text
            check_snapshot("foreign-text-200x50", text)

    asyncio.run(scene())


def test_a_broken_object_spoils_only_its_own_pane(monkeypatch):
    from opsconsole.view import rollout

    def fail(*_):
        raise ValueError("boom \x1b[31m")

    monkeypatch.setattr(rollout, "rollout_lines", fail)

    async def scene():
        async with stage() as on:
            await on.press("j", "j", "j")
            text = on.text()
            assert "this cannot be drawn: boom" in text
            assert "p99-latency" in text
            assert "f00dfac" in text

    asyncio.run(scene())
