"""A local copy of a remote repository: fetched, read, and pushed back to.

Separate from `Repository` because this is the part that talks to somebody else's server.
Mirrors are bare and partial (no file over a mebibyte comes along).
"""

from __future__ import annotations

import hashlib
import re
import tempfile
import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from opsconsole.errors import bounded
from opsconsole.model.revisions import Commit
from opsconsole.repos.process import RepoFault, redacted, run
from opsconsole.repos.repository import Repository, identity, refs_signature
from opsconsole.settings import RepoSettings

FILTER = "--filter=blob:limit=1m"

WORKTREE = "<worktree>"
"""Stands for the temporary directory in the commands that a plan shows."""


@dataclass(frozen=True, slots=True)
class GitCommand:
    """One command of a change, as it will be run; `why` is for people."""

    argv: tuple[str, ...]
    why: str

    def __str__(self) -> str:
        return " ".join(self.argv)


@dataclass(frozen=True, slots=True)
class RevertPlan:
    """Everything that a revert will do. `tip` is the branch as it was looked at."""

    commit: Commit
    branch: str
    tip: str
    subject: str
    commands: tuple[GitCommand, ...]


def replaced(url: str, replacements: tuple[tuple[str, str], ...]) -> str:
    """The URL with the longest matching prefix replaced."""
    best = max(
        (p for p in replacements if url.startswith(p[0])), key=lambda p: len(p[0]), default=None
    )
    return url if best is None else best[1] + url[len(best[0]) :]


class Mirror(Repository):
    """`url` is the address as manifests write it; what is really called may be mapped."""

    def __init__(self, url: str, cache_dir: Path, settings: RepoSettings | None = None) -> None:
        settings = settings or RepoSettings()
        self.url = url
        self.settings = settings
        self.address = replaced(url, settings.replacements)
        self._check_address()
        folder = cache_dir / (hashlib.sha256(self.address.encode()).hexdigest()[:24] + ".git")
        super().__init__(folder, name=redacted(url), timeout=settings.timeout)
        self.fetched_at: datetime | None = None
        self._remote: str | None = None
        self._local: tuple[object, ...] = ()
        self._ready = False
        self._filter: tuple[str, ...] | None = None

    def _check_address(self) -> None:
        scheme, sep, _ = self.address.partition("::")
        if self.address.startswith("-") or (sep and "/" not in scheme):
            raise RepoFault(
                f"{bounded(self.url, 100)} is not the address of a repository",
                reason="denied",
                hint="use a path, file://, http(s):// or ssh",
            )

    def fetch(self, now: datetime | None = None) -> bool:
        """Bring the mirror up to date; whether anything moved. Raises RepoFault."""
        with self.lock:
            self._prepare()
            local = self._local_signature()
            if local and local == self._local:
                self.fetched_at = now
                return False
            listed = self._list()
            moved = listed != self._remote
            if moved:
                self._download(listed)
                self._remote = listed
            self._local = local
            self.fetched_at = now
            return moved

    def refs(self) -> dict[str, str]:
        """As they were fetched: nobody else moves them."""
        with self.lock:
            if self._refs is None:
                self._refs = ((), self._read_refs())
            return self._refs[1]

    def _local_signature(self) -> tuple[object, ...]:
        """References of a bare repository on this machine, which need no git to be compared."""
        path = Path(self.address.removeprefix("file://"))
        return refs_signature(path) if path.is_absolute() else ()

    def _list(self) -> str:
        """References of the server, and at the first time whether it can leave large files out."""
        packets = self.folder.absolute() / "opsconsole-packets"
        asked = self._filter is None
        listed = run(
            None, ["ls-remote", "--symref", "--", self.address], timeout=self.timeout,
            about=self.name, environment={"GIT_TRACE_PACKET": str(packets)} if asked else None,
        ).decode("utf-8", "replace")  # fmt: skip
        if asked:
            # a partial clone of a server that has no filter (plain files behind HTTP, a shallow
            # repository) would ask for each missing object by a fetch that asks for it again
            offered = packets.exists() and re.search(rb"[ =]filter\b", packets.read_bytes())
            self._filter = (FILTER,) if offered else ()
            packets.unlink(missing_ok=True)
            self._configure(partial=bool(self._filter))
        return listed

    def _prepare(self) -> None:
        if self._ready:
            return
        if not (self.folder / "HEAD").exists():
            self.folder.parent.mkdir(parents=True, exist_ok=True)
            run(None, ["init", "--quiet", "--bare", "--", str(self.folder)], about=self.name)
        self.git("config", "remote.origin.url", self.address)
        self._ready = True

    def _configure(self, *, partial: bool) -> None:
        """Whether git takes missing objects of this mirror for ones that were left out."""
        for key, value in (("promisor", "true"), ("partialclonefilter", "blob:limit=1m")):
            if partial:
                self.git("config", f"remote.origin.{key}", value)
            else:
                self.git("config", "--unset-all", f"remote.origin.{key}", accept=(0, 5))

    def _download(self, listed: str) -> None:
        self._refs = None
        self.git(
            "fetch", "--quiet", "--prune", "--force", "--no-write-fetch-head", "--update-shallow",
            *(self._filter or ()), "origin",
            "+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*",
        )  # fmt: skip
        for line in listed.splitlines():
            if line.startswith("ref: ") and line.endswith("\tHEAD"):
                self.git("symbolic-ref", "HEAD", line[5:-5])

    def author(self) -> tuple[str, str]:
        """Who commits: git's own configuration, or the settings where it has none."""
        name = self.git("config", "--get", "user.name", accept=(0, 1)).strip()
        email = self.git("config", "--get", "user.email", accept=(0, 1)).strip()
        return name or self.settings.author_name, email or self.settings.author_email

    # changing

    def plan_revert(self, revision: str, branch: str) -> RevertPlan:
        """The commands that undo one commit on a branch and push the result.

        Raises RepoFault `failed` for a commit that is not on the branch, or is its first.
        """
        commit = self.commit(revision)
        tip = self.resolve(f"refs/heads/{branch}")
        if commit.sha != tip and not self.is_ancestor(commit.sha, tip):
            raise RepoFault(
                f"{commit.sha[:12]} is not on {branch}",
                reason="failed",
                hint="choose another commit",
            )
        if not commit.parents:
            raise RepoFault(
                f"{commit.sha[:12]} is the first commit",
                reason="failed",
                hint="choose another commit",
            )
        mainline = ("--mainline", "1") if len(commit.parents) > 1 else ()
        work = ("git", "-C", WORKTREE)
        return RevertPlan(
            commit=commit,
            branch=branch,
            tip=tip,
            subject=f'Revert "{commit.subject}"',
            commands=(
                GitCommand(
                    ("git", "worktree", "add", "--no-checkout", "--detach", WORKTREE, tip),
                    f"a temporary work tree at {branch}",
                ),
                GitCommand(
                    (*work, "sparse-checkout", "set", "--no-cone", *_patterns(commit.files)),
                    "check out only what the commit touched",
                ),
                GitCommand((*work, "checkout", "--quiet"), "check it out"),
                GitCommand(
                    (*work, "revert", "--no-edit", *mainline, commit.sha), "undo the commit"
                ),
                GitCommand(
                    (*work, "push", "origin", f"HEAD:refs/heads/{branch}"),
                    f"publish it on {branch}",
                ),
            ),
        )

    def revert(self, plan: RevertPlan, *, date: datetime | None = None) -> str:
        """Run the plan; the new commit. Raises RepoFault `conflict` or `rejected`: nothing is pushed then."""
        environment = identity(self.author(), date)
        with self.lock, tempfile.TemporaryDirectory() as scratch:
            place = str(Path(scratch, "work"))
            try:
                for command in plan.commands:
                    argv = [place if part == WORKTREE else part for part in command.argv[1:]]
                    self.git(*argv, environment=environment)
                sha = self.git("-C", place, "rev-parse", "HEAD").strip()
            except RepoFault as fault:
                if fault.reason == "conflict":
                    raise RepoFault(
                        f"{plan.commit.sha[:12]} cannot be reverted without conflicts: later commits changed the same lines",
                        reason="conflict",
                        hint=f"revert it by hand in a clone, then push to {plan.branch}",
                        said=fault.said,
                    ) from fault
                raise
            finally:
                self.git("worktree", "remove", "--force", place, accept=(0, 128))
                self.git("worktree", "prune")
            self._after_push(plan.branch, sha)
            return sha

    def plan_change(
        self, branch: str, changes: Mapping[str, bytes | None], message: str
    ) -> tuple[GitCommand, ...]:
        """What `change` will do, for a plan."""
        return (
            GitCommand(("git", "add", "--", *changes), f"on {branch}"),
            GitCommand(("git", "commit", "--message", message), "commit"),
            GitCommand(
                ("git", "push", "origin", f"HEAD:refs/heads/{branch}"), f"publish it on {branch}"
            ),
        )

    def change(
        self,
        branch: str,
        changes: Mapping[str, bytes | None],
        message: str,
        *,
        author: tuple[str, str] | None = None,
        date: datetime | None = None,
    ) -> str:
        """Commit file changes on a branch and push; the new commit. Raises RepoFault."""
        with self.lock:
            tip = self.resolve(f"refs/heads/{branch}")
            sha = self.write_commit(
                tip, changes, message, author=author or self.author(), date=date
            )
            self.git("push", "--quiet", "origin", f"{sha}:refs/heads/{branch}")
            self._after_push(branch, sha)
            return sha

    def _after_push(self, branch: str, sha: str) -> None:
        self.git("update-ref", f"refs/heads/{branch}", sha)
        self._remote = None
        self._local = ()
        self._refs = None


def _patterns(files: tuple[str, ...]) -> tuple[str, ...]:
    """Sparse-checkout patterns that match exactly these paths."""
    special = str.maketrans({c: "\\" + c for c in "\\*?[]!# "})
    return tuple("/" + name.translate(special) for name in files)


class Repositories:
    """All mirrors of one run. `executor` is the one thread that callers on an event loop use."""

    def __init__(self, settings: RepoSettings | None = None, cache_dir: Path | None = None) -> None:
        self.settings = settings or RepoSettings()
        self._scratch: tempfile.TemporaryDirectory[str] | None = None
        self._cache_dir = cache_dir or self.settings.cache_dir
        self._mirrors: dict[str, Mirror] = {}
        self._lock = threading.Lock()
        self.executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="git")

    def mirror(self, url: str) -> Mirror:
        """The mirror of a URL; nothing is fetched yet."""
        with self._lock:
            found = self._mirrors.get(url)
            if found is None:
                if self._cache_dir is None:
                    self._scratch = tempfile.TemporaryDirectory(prefix="opsconsole-git-")
                    self._cache_dir = Path(self._scratch.name)
                found = self._mirrors[url] = self._make(url, self._cache_dir)
            return found

    def _make(self, url: str, cache_dir: Path) -> Mirror:
        return Mirror(url, cache_dir, self.settings)

    def close(self) -> None:
        self.executor.shutdown(wait=True, cancel_futures=True)
        for mirror in self._mirrors.values():
            mirror.close()
        if self._scratch is not None:
            self._scratch.cleanup()
