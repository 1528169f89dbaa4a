"""Running a real renderer (kustomize, kubectl kustomize, helm) on a copy of the tree.

Separate because of what that needs: a directory with only the files of the tree, an
environment with nothing of the user's, dead proxies instead of a network, a time limit.
"""

from __future__ import annotations

import posixpath
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from opsconsole.errors import RenderError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.render.trees import View

TIMEOUT = 90.0
"""Seconds for one run (Argo CD's exec timeout)."""

MAX_OUTPUT = 64 * 1024 * 1024

MAX_SAID = 8192
"""Characters of what a program said that are kept."""

_NOWHERE = "http://127.0.0.1:9"
"""The discard port: whoever asks a proxy there gets no answer."""


@dataclass(frozen=True, slots=True)
class Program:
    argv: tuple[str, ...]

    def run(self, arguments: Iterable[str], folder: Path) -> bytes:
        """Standard output. Raises RenderError with what the program said."""
        with tempfile.TemporaryDirectory(prefix="opsconsole-home-") as home:
            try:
                done = subprocess.run(  # noqa: S603 - found on PATH or named by the user, no shell
                    [*self.argv, *arguments], cwd=folder, env=_environment(home),
                    stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, check=False,
                )  # fmt: skip
            except subprocess.TimeoutExpired:
                raise RenderError(f"{self.argv[0]}: no result within {TIMEOUT:g} s") from None
            except OSError as fault:
                raise RenderError(f"{self.argv[0]}: cannot be run: {fault.strerror}") from fault
        if done.returncode != 0:
            said = done.stderr.decode("utf-8", "replace")
            shown = bounded(said.replace(str(folder), "."), 600)
            raise RenderError(f"{Path(self.argv[0]).name}: {shown}", said=said.strip()[:MAX_SAID])
        if len(done.stdout) > MAX_OUTPUT:
            raise RenderError(f"{Path(self.argv[0]).name}: the output is too large")
        return done.stdout


def _environment(home: str) -> dict[str, str]:
    return {
        "HOME": home,
        "PATH": "/usr/bin:/bin",
        "LC_ALL": "C.UTF-8",
        "GIT_ALLOW_PROTOCOL": "none",
        "GIT_TERMINAL_PROMPT": "0",
        "NO_PROXY": "",
        **dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), _NOWHERE),
    }


def find_program(name: str, binary: str) -> Program | None:
    """`binary` is auto (look on PATH), never, helm (only that one), or the program's path. kubectl stands in for kustomize."""
    if binary == "never" or (binary == "helm" and name != "helm"):
        return None
    if binary not in ("auto", "helm"):
        chosen = Path(binary).name
        if name == "kustomize" and chosen.startswith("kubectl"):
            return Program((binary, "kustomize"))
        return Program((binary,)) if chosen.startswith(name) else find_program(name, "auto")
    found = shutil.which(name)
    if found is not None:
        return Program((found, "build") if name == "kustomize" else (found,))
    if name == "kustomize" and (kubectl := shutil.which("kubectl")) is not None:
        return Program((kubectl, "kustomize"))
    return None


@contextmanager
def checkout(view: View, paths: Iterable[str]) -> Iterator[Path]:
    """A temporary directory with these files and directories of the tree, links resolved."""
    with tempfile.TemporaryDirectory(prefix="opsconsole-render-") as scratch:
        root = Path(scratch, "tree")
        root.mkdir()
        for path in paths:
            _copy(view, path, root)
        yield root


def _copy(view: View, path: str, root: Path) -> None:
    kind = view.kind(path)
    if kind == "dir":
        (root / path).mkdir(parents=True, exist_ok=True)
        for name in view.names(path):
            _copy(view, posixpath.join(path, name), root)
    elif kind == "file":
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_bytes(view.read(path))


def kustomize(
    program: Program, view: View, path: str, kustomization: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """`kustomize build` by the real program; `kustomization` replaces the file in `path` when given.

    The files are those that `view` has looked at, so the view must have been through our own
    reading before. Raises RenderError.
    """
    files = [p for p, was in view.seen.items() if was is not None and was[0] == "file"]
    with checkout(view, files) as root:
        place = root / path
        if kustomization is not None:
            for name in ("kustomization.yaml", "kustomization.yml", "Kustomization"):
                (place / name).unlink(missing_ok=True)
            (place / "kustomization.yaml").write_text(yamldoc.dump(kustomization))
        text = program.run(["--load-restrictor", "LoadRestrictionsNone", "."], place)
    try:
        return yamldoc.load_manifests(text)
    except YamlError as fault:
        raise RenderError(f"kustomize's output: {fault.message}") from fault
