"""Draws screenshots/*.svg with Textual's own export: `make screenshots`.

The picture is the one that the screen tests use, so the files change only when the screens do.
"""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.ui import world
from tests.ui.support import Stage, stage

FOLDER = Path(__file__).resolve().parents[1] / "screenshots"
BANNER = "SANDBOX 20× Mon 10:32:05"
CANARY = ("j", "j", "j")

SCENES: dict[str, tuple[tuple[int, int], tuple[str, ...]]] = {
    "overview": ((120, 36), CANARY),
    "analysis": ((120, 36), (*CANARY, "3", "enter")),
    "plan": ((120, 36), (*CANARY, "4", "R")),
    "small": ((80, 24), CANARY),
}


async def draw(name: str, size: tuple[int, int], keys: tuple[str, ...]) -> None:
    async with stage(world.snapshot(context="sandbox"), size=size, banner=BANNER) as on:
        await on.press(*keys)
        write(on, name)


def write(on: Stage, name: str) -> None:
    svg = on.app.export_screenshot(title="opsconsole")
    path = FOLDER / f"{name}.svg"
    path.write_text(svg + "\n", encoding="utf-8")


async def main() -> None:
    FOLDER.mkdir(exist_ok=True)
    for name, (size, keys) in SCENES.items():
        await draw(name, size, keys)


if __name__ == "__main__":
    asyncio.run(main())
