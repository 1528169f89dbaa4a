"""A terminal that stops reading: the engine goes on, and the screen is right when it reads again.

A hung ssh session freezes Textual's loop in a write; an operation that was confirmed must be
followed to its end all the same. Needs a real pseudo-terminal whose reader can pause.
"""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import threading
from collections.abc import Callable
from pathlib import Path

import pytest

WIDTH, HEIGHT = 200, 50
PATIENCE = 1200
"""Looks at a condition, a twentieth of a second apart."""

SEQUENCE = re.compile(
    r"\x1b\[(\??[0-9;:=>]*)[ -/]*([@-~])|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[PX^_][^\x1b]*\x1b\\|\x1b."
)


class Terminal:
    """The other end of a pseudo-terminal; `grid` is what a person would see."""

    def __init__(self, command: list[str], home: Path) -> None:
        self.beat = threading.Event()
        self.grid = [[" "] * WIDTH for _ in range(HEIGHT)]
        self._at = (0, 0)
        self._rest = b""
        self.child, self.end = pty.fork()
        if self.child == 0:
            os.environ.update(
                TERM="xterm-256color", HOME=str(home), XDG_STATE_HOME=str(home), LC_ALL="C.UTF-8"
            )
            os.execv(command[0], command)
        fcntl.ioctl(self.end, termios.TIOCSWINSZ, struct.pack("HHHH", HEIGHT, WIDTH, 0, 0))

    def read(self) -> None:
        """Take what is there and draw it."""
        while select.select([self.end], [], [], 0)[0]:
            try:
                self._rest += os.read(self.end, 65536)
            except OSError:  # the program has ended
                break
        text, self._rest = _whole(self._rest)
        at = 0
        for found in SEQUENCE.finditer(text):
            self._print(text[at : found.start()])
            at = found.end()
            if found[2] == "H":
                row, _, column = (found[1] or "1;1").partition(";")
                self._at = (int(row or 1) - 1, int(column or 1) - 1)
        self._print(text[at:])

    def _print(self, text: str) -> None:
        row, column = self._at
        for char in text:
            if char == "\n":
                row += 1
            elif char == "\r":
                column = 0
            elif char.isprintable():
                if row < HEIGHT and column < WIDTH:
                    self.grid[row][column] = char
                column += 1
        self._at = (row, column)

    @property
    def screen(self) -> str:
        return "\n".join("".join(row).rstrip() for row in self.grid)

    def until(self, holds: Callable[[], object], *, reading: bool = True) -> None:
        for _ in range(PATIENCE):
            if reading:
                self.read()
            if holds():
                return
            self.beat.wait(0.05)
        pytest.fail(f"it did not come about:\n{self.screen}")

    def shows(self, *texts: str) -> None:
        self.until(lambda: all(text in self.screen for text in texts))

    def keys(self, text: str) -> None:
        os.write(self.end, text.encode())

    @property
    def pending(self) -> int:
        """Bytes that the program wrote and nobody has read."""
        return struct.unpack("i", fcntl.ioctl(self.end, termios.FIONREAD, b"\0" * 4))[0]

    def stalled(self) -> Callable[[], bool]:
        """Whether nothing more was written during ten looks, although something waits."""
        seen: list[int] = []

        def look() -> bool:
            seen.append(self.pending)
            return len(seen) > 10 and seen[-1] > 2000 and len(set(seen[-10:])) == 1

        return look

    def close(self) -> None:
        try:
            os.kill(self.child, 9)
            os.waitpid(self.child, 0)
        except (ProcessLookupError, ChildProcessError):
            pass
        os.close(self.end)


def _whole(data: bytes) -> tuple[str, bytes]:
    """Text up to the last sequence or character that may be cut, and the rest."""
    cut = data.rfind(b"\x1b")
    end = (
        cut if cut >= 0 and not SEQUENCE.match(data[cut:].decode("utf-8", "replace")) else len(data)
    )
    while end and end > len(data) - 4:
        try:
            return data[:end].decode(), data[end:]
        except UnicodeDecodeError:
            end -= 1
    return data[:end].decode("utf-8", "replace"), data[end:]


@pytest.fixture
def terminal(tmp_path):
    command = Path(sys.executable).with_name("opsconsole")
    made = Terminal([str(command), "--sandbox", "--speed", "2"], tmp_path)
    yield made
    made.close()


def events(home: Path) -> list[str]:
    """What the journal has of operations."""
    found = [path for path in home.rglob("*.jsonl") if path.is_file()]
    lines = [line for path in found for line in path.read_text().splitlines()]
    entries = [json.loads(line) for line in lines if line.endswith("}")]
    return [f"{e['event']} {e['action']} {e.get('status', '')}".strip() for e in entries]


@pytest.mark.timeout(240)
def test_a_stalled_terminal_does_not_stop_a_running_operation(terminal, tmp_path):
    terminal.shows("my-app-canary", "live", "SANDBOX")
    terminal.keys("jjj")
    terminal.shows("  my-app-canary", "Canary", "my-app:v2.1.0")
    terminal.keys("F")
    terminal.shows("type my-app-canary to run it", "What is sent")
    terminal.beat.wait(0.5)  # the dialog is deaf at first
    terminal.keys("my-app-canary\r")
    terminal.shows("running", "Promote my-app-canary fully")
    # from here on nobody reads; other themes are painted until the terminal takes no more
    spam = terminal.stalled()

    def stalled() -> bool:
        terminal.keys("t")
        return spam()

    terminal.until(stalled, reading=False)
    assert not any(entry.startswith("ended") for entry in events(tmp_path)), "too late to tell"
    waiting = terminal.pending
    terminal.until(lambda: "ended promote-full succeeded" in events(tmp_path), reading=False)
    assert terminal.pending == waiting
    # and now it reads again
    terminal.shows(
        "succeeded  Promote my-app-canary fully", "Healthy  my-app-canary", "my-app:v2.1.0"
    )
    terminal.keys("q")
    terminal.until(lambda: os.waitpid(terminal.child, os.WNOHANG)[0])
