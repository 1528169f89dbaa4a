"""The installed program in a real terminal: starts on the sandbox, acts, and leaves cleanly."""

from __future__ import annotations

import subprocess
import sys
import threading
import uuid
from pathlib import Path

import pytest

from tests.peers import peer

PATIENCE = 400
"""Looks at the screen, a tenth of a second apart."""


class Terminal:
    """One tmux server with one window; ends with the test."""

    def __init__(self, tmux: str, home: Path) -> None:
        self.tmux = tmux
        self.socket = home / f"t{uuid.uuid4().hex[:6]}"
        self.beat = threading.Event()

    def run(self, *words: str) -> str:
        done = subprocess.run(
            [self.tmux, "-S", str(self.socket), "-f", "/dev/null", *words],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
        return done.stdout

    def start(self, command: str, width: int, height: int) -> None:
        self.run("new-session", "-d", "-x", str(width), "-y", str(height), "-s", "main", command)

    def keys(self, *keys: str) -> None:
        for key in keys:
            self.run("send-keys", "-t", "main", key)

    def screen(self) -> str:
        return self.run("capture-pane", "-p", "-t", "main")

    def until(self, *texts: str) -> str:
        shown = ""
        for _ in range(PATIENCE):
            shown = self.screen()
            if all(text in shown for text in texts):
                return shown
            self.beat.wait(0.1)
        pytest.fail(f"{texts} did not appear:\n{shown}")

    def stop(self) -> None:
        self.run("kill-server")


@pytest.fixture
def terminal(tmp_path):
    made = Terminal(peer("tmux"), tmp_path)
    yield made
    made.stop()


def program(tmp_path: Path) -> str:
    """The installed command, with a state directory of its own; its exit status is printed."""
    command = Path(sys.executable).with_name("opsconsole")
    return f"HOME={tmp_path} XDG_STATE_HOME={tmp_path} {command} --sandbox; echo status $?; read"


@pytest.mark.timeout(180)
@pytest.mark.parametrize(("width", "height"), [(80, 24), (200, 50)])
def test_promote_the_preview_in_a_real_terminal(terminal, tmp_path, width, height):
    terminal.start(program(tmp_path), width, height)
    terminal.until("Applications", "SANDBOX", "my-app-canary", "live")
    terminal.keys("j", "j")
    terminal.until("BlueGreen", "preview")
    terminal.keys("P")
    terminal.until("What is sent", "y runs it")
    terminal.beat.wait(0.5)
    terminal.keys("y")
    terminal.until("Promote", "succeeded")
    terminal.keys("?")
    terminal.until("Ask Argo CD to compare with git now")
    terminal.keys("q")
    terminal.until("filter", "quit")
    terminal.keys("q")
    shown = terminal.until("status 0")
    assert "Traceback" not in shown


@pytest.mark.timeout(120)
def test_a_terminal_of_40_by_10_gets_a_line(terminal, tmp_path):
    terminal.start(program(tmp_path), 40, 10)
    shown = terminal.until(" apps")
    assert len([row for row in shown.splitlines() if row.strip()]) == 1
    terminal.keys("q")
    terminal.until("status 0")
