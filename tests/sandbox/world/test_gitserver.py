from __future__ import annotations

import asyncio
import os
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from opsconsole.errors import SandboxError
from opsconsole.repos.process import run as git
from opsconsole.sandbox import gitserver
from opsconsole.sandbox.gitserver import GitServer, make_bare
from tests.peers import peer


def client(folder: Path, *words: str) -> str:
    """The git of a user, in a process of its own."""
    identity = {
        f"GIT_{who}_{what}": "a@b" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")
    }
    done = subprocess.run(
        [peer("git"), *words], cwd=folder, capture_output=True, text=True, check=False, timeout=60,
        env=os.environ | identity | {"GIT_TERMINAL_PROMPT": "0"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def served(tmp_path: Path) -> Path:
    peer("git")
    root = tmp_path / "served"
    root.mkdir()
    git(None, ["init", "--quiet", "--bare", "--", str(root / "manifests.git")])
    make_bare(root / "manifests.git")
    return root


def test_clone_push_and_fetch(served: Path, tmp_path: Path) -> None:
    async def story() -> None:
        server = GitServer(served)
        url = await server.start() + "/manifests.git"
        try:
            await asyncio.to_thread(_push_and_clone, url, tmp_path)
        finally:
            await server.stop()

    asyncio.run(story())


def _push_and_clone(url: str, tmp_path: Path) -> None:
    client(tmp_path, "clone", "--quiet", url, "one")
    (tmp_path / "one" / "big.txt").write_text("x" * 200_000)
    client(tmp_path / "one", "checkout", "-q", "-b", "main")
    client(tmp_path / "one", "add", ".")
    client(tmp_path / "one", "commit", "-q", "-m", "first")
    client(tmp_path / "one", "push", "-q", "origin", "main")
    client(tmp_path, "clone", "--quiet", "--bare", "--filter=blob:none", "-b", "main", url, "two")
    missing = client(tmp_path / "two", "rev-list", "--objects", "--missing=print", "main")
    assert any(line.startswith("?") for line in missing.splitlines()), "the filter was not honoured"
    assert client(tmp_path / "two", "show", "main:big.txt") == "x" * 200_000


def test_nothing_outside_is_served(served: Path) -> None:
    (served.parent / "secret").write_text("s")

    async def story() -> list[int]:
        server = GitServer(served)
        url = await server.start()
        try:
            return [
                await asyncio.to_thread(_status, f"{url}/{path}")
                for path in ("%2e%2e/secret", "manifests.git/../../secret", "manifests.git/config", "nothing.git/HEAD")
            ]  # fmt: skip
        finally:
            await server.stop()

    assert all(status >= 400 for status in asyncio.run(story()))


def _status(url: str) -> int:
    try:
        with urllib.request.urlopen(url, timeout=20) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as fault:
        with fault:
            return fault.code


def test_without_git_there_is_a_sentence(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(gitserver.shutil, "which", lambda _: None)
    with pytest.raises(SandboxError, match="needs git"):
        GitServer(tmp_path)
