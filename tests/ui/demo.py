"""The console on the fake engine, in this terminal: `python -m tests.ui.demo [state]`."""

from __future__ import annotations

import sys

from opsconsole.settings import Settings
from opsconsole.ui.app import run
from tests.ui import world
from tests.ui.fake import FakeConsole, FakeEnvironment

if __name__ == "__main__":
    state = sys.argv[1] if len(sys.argv) > 1 else "snapshot"
    console = FakeConsole(getattr(world, state)())
    settings = Settings(ascii_only="--ascii" in sys.argv, ansi_colors="--ansi" in sys.argv)
    sys.exit(run(console, FakeEnvironment("SANDBOX 20× Mon 10:32:05"), settings))
