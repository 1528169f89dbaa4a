"""The screen: time to the first frame beside a bare Textual app, and bytes per change.

Each program runs in a pseudo-terminal of 80 × 24; the clock stops when the bytes hold
`Applications`. Runs alternate, so that both see the same machine.
"""

from __future__ import annotations

import asyncio
import os
import pty
import select
import signal
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

RUNS = 9
MARK = b"Applications"

BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    def compose(self):
        yield Static("Applications")
Bare().run()
"""
OURS = """
from datetime import UTC, datetime
from opsconsole.model.environment import PlainEnvironment
from opsconsole.settings import Settings
from opsconsole.ui.app import run
from opsconsole.ui.later import Later
def make():
    from tests.ui.fake import FakeConsole
    return FakeConsole()
run(Later(make), PlainEnvironment(lambda: datetime.now(UTC)), Settings())
"""
SANDBOX = """
import sys
from opsconsole.__main__ import main
sys.argv = ["opsconsole", "--sandbox"]
sys.exit(main())
"""


def first_frame(code: str) -> float:
    """Seconds from the start of the interpreter to the mark on the terminal."""
    started = time.perf_counter()
    child, terminal = pty.fork()
    if child == 0:
        os.environ.update(TERM="xterm-256color", PYTHONPATH=str(ROOT), COLUMNS="80", LINES="24")
        os.execv(sys.executable, [sys.executable, "-c", code])
    seen = b""
    while MARK not in seen:
        ready, _, _ = select.select([terminal], [], [], 20)
        if not ready:
            raise SystemExit(f"no frame came: {seen[-500:]!r}")
        seen += os.read(terminal, 65536)
    took = time.perf_counter() - started
    os.kill(child, signal.SIGTERM)  # it cleans up after itself
    os.waitpid(child, 0)
    os.close(terminal)
    return took


def measure_first_frame() -> None:
    codes = {"bare": BARE, "first frame": OURS, "with --sandbox": SANDBOX}
    for code in codes.values():
        first_frame(code)
    taken: dict[str, list[float]] = {name: [] for name in codes}
    for _ in range(RUNS):
        for name, code in codes.items():
            taken[name].append(first_frame(code))
    floor = statistics.median(taken.pop("bare"))
    for name, times in taken.items():
        made = statistics.median(times)
        print(
            f"{name:16} {made:.3f} s   bare Textual app {floor:.3f} s   {made / floor:.2f} x (goal 1.35 x)"
        )


async def measure_bytes() -> None:
    """A table of 2,000 applications at 200 × 50, as the budgets in tests/ui/test_bytes.py."""
    from tests.ui import world
    from tests.ui.support import CountingDriver, driver_of, stage
    from tests.ui.test_bytes import SIZE, many, settled, with_app

    async with stage(many(), size=SIZE, driver=CountingDriver) as on:
        await settled(on)
        for name, where, goal in (
            ("app-1500", "off-screen cell", 0),
            ("app-0007", "visible cell", 400),
        ):
            on.console.change(
                applications=with_app(on.console.picture, name, revision=world.SHAS["third"])
            )
            started = time.perf_counter()
            await on.pilot.pause()
            took = time.perf_counter() - started
            size = len(driver_of(on.app).taken().encode())
            print(
                f"{where:<16} {size} bytes (goal {goal})   {took * 1000:.0f} ms with the pilot's waiting",
                file=sys.__stdout__,
            )


if __name__ == "__main__":
    measure_first_frame()
    asyncio.run(measure_bytes())
