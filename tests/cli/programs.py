"""The installed program as a process of its own, with temp and home directories of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

from tests.peers import peer

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

    def __init__(self, folder: Path, *more: str) -> None:
        peer("git")
        self.config = folder / "kubeconfig"
        words = [*PROGRAM, "sandbox", "serve", "--kubeconfig-out", str(self.config), *more]
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
