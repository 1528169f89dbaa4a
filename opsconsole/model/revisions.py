"""What git tells the console: commits, and where in them the cluster is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Commit:
    """`subject` and `author` are foreign text: whoever draws them makes them safe."""

    sha: str
    author: str
    email: str
    date: datetime
    subject: str
    files: tuple[str, ...] = ()
    """Paths that it touches, repository-relative, `/`-separated."""

    parents: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class History:
    """Commits that touch an application's path, newest first.

    `live` is the newest of them that the cluster runs, `desired` the newest that targetRevision
    has now (in a monorepo the synced revision itself rarely touches the path); `error` says why
    there is no history.
    """

    commits: tuple[Commit, ...] = ()
    live: str = ""
    desired: str = ""
    branch: str = ""
    fetched_at: datetime | None = None
    error: str = ""
    plaintext_secrets: tuple[str, ...] = ()
    """Paths of manifests that hold a Secret in plain text."""
