"""A signal ends the program through its own clean-up: nothing of it is left in the temp directory."""

from __future__ import annotations

import json
import os
import pty
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.aio import endings
from opsconsole.model import yamldoc
from tests.peers import peer

pytestmark = pytest.mark.timeout(120)

PROGRAM = [sys.executable, "-m", "opsconsole"]


def environment(folder: Path, **more: str) -> dict[str, str]:
    (folder / "tmp").mkdir(exist_ok=True)
    kept = {k: v for k, v in os.environ.items() if k != "KUBECONFIG"}
    return (
        kept | {"TMPDIR": str(folder / "tmp"), "HOME": str(folder), "TERM": "xterm-256color"} | more
    )


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "tmp").iterdir())


class Served:
    """`sandbox serve` of the world, running."""

    def __init__(self, folder: Path) -> None:
        peer("git")
        self.config = folder / "kubeconfig"
        words = [*PROGRAM, "sandbox", "serve", "--kubeconfig-out", str(self.config)]
        self.process = subprocess.Popen(
            words, env=environment(folder), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            text=True,
        )  # fmt: skip
        assert self.process.stdout is not None
        assert self.process.stdout.readline().startswith("serving on http://127.0.0.1:")

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.process.communicate(timeout=60)
        return self.process.returncode


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served"))
    yield made
    if made.process.poll() is None:
        made.end()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_sandbox_serve_removes_what_it_wrote(tmp_path: Path, number: int) -> None:
    running = Served(tmp_path)
    assert left(tmp_path)
    assert running.end(number) == 0
    assert left(tmp_path) == []


def test_both_clusters_have_a_context(served: Served) -> None:
    config = yamldoc.load(served.config.read_text())
    assert config["current-context"] == "opsconsole-sandbox"
    servers = {c["name"]: c["cluster"]["server"] for c in config["clusters"]}
    assert list(servers) == ["opsconsole-sandbox", "opsconsole-sandbox-us-east"]
    contexts = {c["name"]: c["context"]["cluster"] for c in config["contexts"]}
    assert contexts == {name: name for name in servers}

    def listed(name: str, path: str) -> list[str]:
        with urllib.request.urlopen(servers[name] + path, timeout=20) as answer:
            return [one["metadata"]["name"] for one in json.load(answer)["items"]]

    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    assert listed("opsconsole-sandbox-us-east", path) == []
    assert "my-app-canary" in listed("opsconsole-sandbox", path)
    assert "argocd" not in listed("opsconsole-sandbox-us-east", "/api/v1/namespaces")


def test_the_secret_names_the_cluster_by_the_url_that_it_is_served_at(served: Served) -> None:
    """A real Argo CD or a console in another process reaches it there."""
    servers = {c["name"]: c["cluster"]["server"] for c in yamldoc.load(served.config.read_text())["clusters"]}  # fmt: skip
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    only = "?watch=true&fieldSelector=metadata.name%3Dmy-app-us-east"
    url = servers["opsconsole-sandbox"] + path + only
    with urllib.request.urlopen(url, timeout=60) as answer:
        app = json.loads(answer.readline())["object"]
    assert app["spec"]["destination"]["server"] == servers["opsconsole-sandbox-us-east"]


def _console(folder: Path) -> tuple[subprocess.Popen[bytes], int]:
    """The console on a terminal of its own, with the sandbox live; the terminal's other end."""
    peer("git")
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [*PROGRAM, "--sandbox"], env=environment(folder, XDG_STATE_HOME=str(folder)),
        stdin=its, stdout=its, stderr=its, start_new_session=True,
        preexec_fn=lambda: _adopt(its),  # noqa: PLW1509
    )  # fmt: skip
    os.close(its)
    seen = b""
    while b"my-app-canary" not in seen:
        seen = (seen + os.read(ours, 65536))[-200_000:]
    return process, ours


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
    process, ours = _console(tmp_path)
    assert left(tmp_path)
    process.send_signal(number)
    _drain(ours)
    assert process.wait(60) == endings.exit_status(number)
    os.close(ours)
    assert left(tmp_path) == []


def test_a_terminal_that_closes_ends_the_console_cleanly(tmp_path: Path) -> None:
    process, ours = _console(tmp_path)
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
