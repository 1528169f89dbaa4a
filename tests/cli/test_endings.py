"""A signal ends the program through its own clean-up: nothing of it is left in the temp directory."""

from __future__ import annotations

import os
import pty
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from opsconsole.aio import endings
from tests.cli.programs import PROGRAM, Served, environment, left
from tests.peers import peer

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_sandbox_serve_removes_what_it_wrote(tmp_path: Path, number: int) -> None:
    running = Served(tmp_path)
    assert left(tmp_path)
    assert running.end(number) == 0
    assert left(tmp_path) == []


@contextmanager
def console(folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """The console on a terminal of its own, with the sandbox live; the terminal's other end."""
    peer("git")
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "--sandbox"], env=environment(folder, XDG_STATE_HOME=str(folder)),
        stdin=its, stdout=its, stderr=its, start_new_session=True,
        preexec_fn=lambda: _adopt(its),  # noqa: PLW1509
    )  # fmt: skip
    os.close(its)
    try:
        seen = b""
        while b"my-app-canary" not in seen:
            seen = (seen + os.read(ours, 65536))[-200_000:]
        yield process, ours
    finally:
        process.kill()
        process.wait(60)


def _adopt(terminal: int) -> None:
    import fcntl
    import termios

    fcntl.ioctl(terminal, termios.TIOCSWINSZ, b"\x1e\x00\x78\x00\x00\x00\x00\x00")
    fcntl.ioctl(terminal, termios.TIOCSCTTY, 0)


def _drain(ours: int) -> None:
    try:
        while os.read(ours, 65536):
            pass
    except OSError:
        return  # the other end is closed


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_console_removes_what_it_wrote(tmp_path: Path, number: int) -> None:
    with console(tmp_path) as (process, ours):
        assert left(tmp_path)
        process.send_signal(number)
        _drain(ours)
        assert process.wait(60) == endings.exit_status(number)
        os.close(ours)
    assert left(tmp_path) == []


def test_a_terminal_that_closes_ends_the_console_cleanly(tmp_path: Path) -> None:
    with console(tmp_path) as (process, ours):
        os.close(ours)
        assert process.wait(60) == endings.exit_status(signal.SIGHUP)
    assert left(tmp_path) == []


def test_a_command_unwinds(tmp_path: Path) -> None:
    script = (
        "import os, signal, sys\n"
        "from opsconsole.aio.endings import unwinding\n"
        "with unwinding():\n"
        "    try:\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "    finally:\n"
        "        os.kill(os.getpid(), signal.SIGHUP)\n"
        "        print('cleaned up')\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, timeout=60,
        env=environment(tmp_path),
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (143, "cleaned up\n")


def test_handlers_are_put_back() -> None:
    before = [signal.getsignal(number) for number in endings.SIGNALS]
    with endings.unwinding():
        assert signal.getsignal(signal.SIGTERM) is not before[1]
    assert [signal.getsignal(number) for number in endings.SIGNALS] == before
