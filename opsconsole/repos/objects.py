"""Trees and files at a commit, read from git's object store one by one and kept.

Separate from `repository` because it is what rendering reads: a tree object is parsed once,
whatever commits share it, so looking at a new commit costs only what changed.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from opsconsole.repos.process import RepoFault, open_git

MAX_FILE = 1024 * 1024
"""Bytes of the largest file that is read; mirrors do not even fetch larger ones."""

_KINDS = {"40000": "dir", "120000": "link", "160000": "module"}

CACHED_TREES = 50_000
CACHED_BLOBS = 20_000


class Entry(NamedTuple):
    """`kind` is file, dir, link or module (a submodule); `oid` names the content."""

    kind: str
    oid: str


class ObjectReader:
    """One repository's objects. Safe from any thread; one `cat-file` process serves all."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = threading.RLock()
        self._command: Any = None
        self._trees: dict[str, dict[str, Entry]] = {}
        self._blobs: dict[str, bytes] = {}

    def close(self) -> None:
        with self._lock:
            if self._command is not None:
                self._command.clear_cache()
                self._command = None

    def tree(self, oid: str) -> dict[str, Entry]:
        """Entries of a tree object, by name."""
        with self._lock:
            found = self._trees.get(oid)
            if found is None:
                found = _parse_tree(self._data(oid, limit=64 * MAX_FILE), len(oid) // 2)
                if len(self._trees) >= CACHED_TREES:
                    self._trees.clear()
                self._trees[oid] = found
            return found

    def blob(self, oid: str) -> bytes:
        """Content of a file. RepoFault `too-large` beyond MAX_FILE."""
        with self._lock:
            found = self._blobs.get(oid)
            if found is None:
                found = self._data(oid, limit=MAX_FILE)
                if len(self._blobs) >= CACHED_BLOBS:
                    self._blobs.clear()
                self._blobs[oid] = found
            return found

    def root(self, sha: str) -> str:
        """The tree of a commit."""
        with self._lock:
            first = self._data(sha, limit=MAX_FILE).split(b"\n", 1)[0]
        if not first.startswith(b"tree "):
            raise RepoFault(f"{sha[:12]} is not a commit", reason="no-ref")
        return first[5:].decode()

    def _data(self, oid: str, limit: int) -> bytes:
        command = self._command
        if command is None:
            command = self._command = open_git(self._folder)
            # what a partial clone left out is too large to be read, and not fetched here
            command.update_environment(GIT_ALLOW_PROTOCOL="none", GIT_NO_LAZY_FETCH="1")
        try:
            size = command.get_object_header(oid)[2]
            if size <= limit:
                return bytes(command.get_object_data(oid)[3])
        except (ValueError, OSError) as fault:
            command.clear_cache()
            self._command = None
            raise RepoFault(
                f"object {oid[:12]} is not there",
                reason="too-large",
                hint=f"files over {MAX_FILE // 1024} KiB are not fetched",
            ) from fault
        raise RepoFault(
            f"a file of {size} bytes is not read",
            reason="too-large",
            hint=f"at most {limit // 1024} KiB are",
        )


def _parse_tree(data: bytes, width: int) -> dict[str, Entry]:
    found: dict[str, Entry] = {}
    at = 0
    while at < len(data):
        space = data.index(b" ", at)
        end = data.index(b"\0", space)
        kind = _KINDS.get(data[at:space].decode(), "file")
        name = data[space + 1 : end].decode("utf-8", "surrogateescape")
        at = end + 1 + width
        found[name] = Entry(kind, data[end + 1 : at].hex())
    return found


class CommitTree:
    """The files of one commit: what `render` calls a `Tree`. Links are not followed here."""

    __slots__ = ("_folders", "_reader", "_root", "sha")

    def __init__(self, reader: ObjectReader, sha: str) -> None:
        self._reader = reader
        self.sha = sha
        self._root = reader.root(sha)
        self._folders: dict[str, Mapping[str, Entry]] = {}

    def lookup(self, path: str) -> tuple[str, str] | None:
        """(kind, oid) of a repository-relative path ("" is the root), or None."""
        if not path:
            return Entry("dir", self._root)
        head, _, name = path.rpartition("/")
        folder = self._folders.get(head)
        if folder is None:
            folder = self._folders[head] = self._folder(head)
        return folder.get(name)

    def _folder(self, path: str) -> Mapping[str, Entry]:
        """What is in a directory; nothing where there is none."""
        entry = self.lookup(path)
        return self._reader.tree(entry[1]) if entry is not None and entry[0] == "dir" else {}

    def read(self, path: str) -> bytes:
        """Content of a file, or the target of a link. Raises RepoFault."""
        entry = self.lookup(path)
        if entry is None or entry[0] not in ("file", "link"):
            raise RepoFault(f"{path}: no such file at {self.sha[:12]}", reason="no-ref")
        return self._reader.blob(entry[1])

    def names(self, path: str) -> list[str]:
        """Names in a directory, in git's order."""
        entry = self.lookup(path)
        if entry is None or entry[0] != "dir":
            raise RepoFault(f"{path}: no such directory at {self.sha[:12]}", reason="no-ref")
        return list(self._reader.tree(entry[1]))
