"""Starts the console: checks the terminal, tells Textual what to be, injects everything.

Separate because Textual reads its environment when it is imported: it must be set before.
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from opsconsole.cli.connect import choose, luck
from opsconsole.cli.options import Options
from opsconsole.errors import UsageError

if TYPE_CHECKING:
    from opsconsole.engine.protocols import Console


def start(options: Options, words: list[str]) -> int:
    """The console until the user leaves it."""
    del words
    check_terminal(os.environ.get("TERM", ""), tty=sys.stdin.isatty() and sys.stdout.isatty())
    chosen = choose(options)
    prepare(slow=bool(os.environ.get("SSH_CONNECTION")))
    from opsconsole.ui.app import run
    from opsconsole.ui.later import Later

    def engine() -> Console:
        from opsconsole.engine.hub import Hub

        return Hub(chosen.connector, chosen.settings, chosen.clock, luck())

    return run(Later(engine), chosen.environment, chosen.settings)


def check_terminal(term: str, *, tty: bool) -> None:
    """UsageError with a sentence when there is nothing to draw on."""
    if not tty:
        raise UsageError(
            "the console needs a terminal for its input and output",
            hint="in a pipe or a script use the commands: opsconsole apps, get, sync, promote…",
        )
    if term in ("dumb", ""):
        raise UsageError(
            f"the console cannot draw on a terminal of type {term or 'unknown'!r}",
            hint="set TERM to what your terminal is, or use the commands: opsconsole apps",
        )


def prepare(*, slow: bool) -> None:
    """Textual's settings, unless the user set them: constants are read at its import."""
    defaults = {
        "TEXTUAL_FPS": "15" if slow else "30",
        "TEXTUAL_ANIMATIONS": "none",
        "TEXTUAL_SMOOTH_SCROLL": "0",
    }
    for name, value in defaults.items():
        os.environ.setdefault(name, value)
    for name in ("COLUMNS", "LINES"):  # inherited ones are stale: the terminal itself is asked
        os.environ.pop(name, None)
