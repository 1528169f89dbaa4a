"""A bare repository on disk: references, trees, history and new commits, without a work tree.

Every call takes the repository's lock and may be made from any thread; callers on an event
loop run them in `Repositories.executor`. Commits are made by plumbing (a temporary index),
so nothing is checked out except for a revert.
"""

from __future__ import annotations

import tempfile
import threading
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

from opsconsole.errors import bounded
from opsconsole.model.revisions import Commit
from opsconsole.model.times import format_instant
from opsconsole.repos import history
from opsconsole.repos.objects import CommitTree, ObjectReader
from opsconsole.repos.process import RepoFault, run

MAX_DIFF = 200_000
"""Characters of a diff that are kept."""

CACHED_COMMITS = 2_000


class Repository:
    """`name` is how messages call it (a URL without credentials)."""

    def __init__(self, folder: Path, *, name: str = "", timeout: float = 60.0) -> None:
        self.folder = folder
        self.name = name or str(folder)
        self.timeout = timeout
        self.lock = threading.RLock()
        self.objects = ObjectReader(folder)
        self._refs: tuple[object, dict[str, str]] | None = None
        self._trees: dict[str, CommitTree] = {}

    def close(self) -> None:
        self.objects.close()

    def git(
        self,
        *arguments: str,
        environment: Mapping[str, str] | None = None,
        data: bytes | None = None,
        accept: tuple[int, ...] = (0,),
    ) -> str:
        with self.lock:
            out = run(
                self.folder, arguments, timeout=self.timeout, environment=environment, data=data,
                about=self.name, accept=accept,
            )  # fmt: skip
        return out.decode("utf-8", "replace")

    # references

    def refs(self) -> dict[str, str]:
        """Full reference name → commit, annotated tags peeled; `HEAD` too. Read again only after a change."""
        signature = refs_signature(self.folder)
        with self.lock:
            if self._refs is None or self._refs[0] != signature:
                self._refs = (signature, self._read_refs())
            return self._refs[1]

    def _read_refs(self) -> dict[str, str]:
        """One process for all: each costs milliseconds."""
        listed = self.git("for-each-ref", "--format=%(HEAD)%(refname) %(objectname) %(*objectname)")
        found: dict[str, str] = {}
        head = ""
        for line in listed.splitlines():
            name, sha, *peeled = line[1:].split(" ")
            found[name] = peeled[0] if peeled and peeled[0] else sha
            if line.startswith("*"):
                head = name
        if head:
            found["HEAD"] = found[head]
        return found

    def resolve(self, revision: str) -> str:
        """Branch, tag, `HEAD` (also "") or commit → commit.

        Raises RepoFault `no-ref` (Argo CD: `unable to resolve 'x' to a commit SHA`) or `empty`.
        """
        wanted = revision or "HEAD"
        refs = self.refs()
        for name in (wanted, f"refs/heads/{wanted}", f"refs/tags/{wanted}", f"refs/{wanted}"):
            if name in refs:
                return refs[name]
        hexadecimal = all(c in "0123456789abcdefABCDEF" for c in wanted)
        if hexadecimal and len(wanted) in (40, 64) and self._has_commit(wanted.lower()):
            return wanted.lower()
        if hexadecimal and len(wanted) in range(4, 65):
            found = self.git(
                "rev-parse", "--verify", "--quiet", f"{wanted}^{{commit}}", accept=(0, 1, 128)
            ).strip()
            if found:
                return found
        if not refs:
            raise RepoFault(
                f"{self.name}: the repository is empty", reason="empty", hint="push a commit first"
            )
        raise RepoFault(
            f"unable to resolve '{bounded(wanted, 100)}' to a commit SHA",
            reason="no-ref",
            hint="the branch or tag may have been deleted or force-pushed",
        )

    def _has_commit(self, sha: str) -> bool:
        try:
            self.tree(sha)
        except RepoFault:
            return False
        return True

    # reading

    def tree(self, sha: str) -> CommitTree:
        """Files of a commit (a full hash). Raises RepoFault."""
        with self.lock:
            found = self._trees.get(sha)
            if found is None:
                if len(self._trees) >= CACHED_COMMITS:
                    self._trees.clear()
                found = self._trees[sha] = CommitTree(self.objects, sha)
            return found

    def history(self, path: str, revision: str, limit: int = 50) -> list[Commit]:
        """Commits that touch `path` ("" for all), newest first, each with all files it touches."""
        where = ["--", path] if path not in ("", ".") else ["--"]
        return history.parse(
            self.git(
                "log", *history.FORMAT, "--full-diff", f"--max-count={limit}",
                self.resolve(revision), *where,
            )
        )  # fmt: skip

    def commit(self, revision: str) -> Commit:
        sha = self.resolve(revision)
        return history.parse(self.git("log", *history.FORMAT, "--max-count=1", sha, "--"))[0]

    def is_ancestor(self, older: str, newer: str) -> bool:
        try:
            self.git("merge-base", "--is-ancestor", older, newer)
        except RepoFault:
            return False
        return True

    def diff(self, older: str, newer: str, path: str = "") -> str:
        """A unified diff between two commits, bounded. An empty `older` is the empty tree."""
        start = self.resolve(older) if older else "4b825dc642cb6eb9a060e54bf8d69288fbee4904"
        where = ["--", path] if path else ["--"]
        text = self.git(
            "diff", "--no-color", "--no-ext-diff", "--no-textconv", start, self.resolve(newer), *where
        )  # fmt: skip
        return text if len(text) <= MAX_DIFF else text[:MAX_DIFF] + "\n… the rest is left out\n"

    def show(self, revision: str, path: str = "") -> str:
        """The diff that a commit makes to its first parent."""
        commit = self.commit(revision)
        return self.diff(commit.parents[0] if commit.parents else "", commit.sha, path)

    # writing

    def write_commit(
        self,
        parent: str,
        changes: Mapping[str, bytes | None],
        message: str,
        *,
        author: tuple[str, str],
        date: datetime | None = None,
    ) -> str:
        """A new commit on `parent` ("" for the first) that no branch points to yet.

        `changes` maps paths to content, None to remove. `author` is (name, email).
        Raises RepoFault when nothing changes.
        """
        with self.lock, tempfile.TemporaryDirectory() as scratch:
            index = {"GIT_INDEX_FILE": str(Path(scratch, "index"))}
            if parent:
                self.git("read-tree", parent, environment=index)
            else:
                self.git("read-tree", "--empty", environment=index)
            listed = "".join(self._index_line(path, text) for path, text in changes.items())
            self.git("update-index", "-z", "--index-info", environment=index, data=listed.encode())
            tree = self.git("write-tree", environment=index).strip()
            if parent and tree == self.objects.root(parent):
                raise RepoFault(
                    f"{self.name}: nothing to commit, the files are like that already",
                    reason="failed",
                )
            above = ["-p", parent] if parent else []
            return self.git(
                "commit-tree", tree, *above, "-m", message, environment=identity(author, date)
            ).strip()

    def _index_line(self, path: str, text: bytes | None) -> str:
        check_path(path)
        if text is None:
            return f"0 {'0' * 40}\t{path}\0"
        blob = self.git("hash-object", "-w", "--stdin", data=text).strip()
        return f"100644 {blob}\t{path}\0"

    def move_branch(self, branch: str, sha: str, expected: str = "") -> None:
        """Point a branch at a commit, only if it is still at `expected` ("" for a new branch)."""
        self.git(
            "update-ref", f"refs/heads/{branch}", sha, expected or "0" * len(sha)
        )  # fmt: skip


def refs_signature(folder: Path) -> tuple[object, ...]:
    """Changes whenever a reference of the bare repository does; costs a few `stat` calls."""
    marks: list[object] = []
    loose = sorted(path for path in (folder / "refs").rglob("*") if path.is_file())
    for path in (folder / "HEAD", folder / "packed-refs", *loose):
        try:
            stat = path.stat()
        except OSError:
            continue
        marks.append((str(path), stat.st_ino, stat.st_mtime_ns, stat.st_size))
    return tuple(marks)


def identity(author: tuple[str, str], date: datetime | None) -> dict[str, str]:
    """The environment that makes a commit somebody's."""
    name, email = author
    found = {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": email,
        "GIT_COMMITTER_NAME": name,
        "GIT_COMMITTER_EMAIL": email,
    }
    if date is not None:
        stamp = format_instant(date)
        found |= {"GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
    return found


def check_path(path: str) -> None:
    """Refuse paths that leave the repository or that git keeps for itself."""
    parts: Sequence[str] = path.split("/")
    if any(part in ("", ".", "..") or part.lower() == ".git" for part in parts) or "\0" in path:
        raise RepoFault(f"{bounded(path, 80)!r} is not a path inside a repository", reason="failed")
