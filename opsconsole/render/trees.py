"""The files that rendering may read, and nothing else.

`Tree` is a commit, a directory or a mapping; `View` is the guarded way to read one: paths
cannot leave it, links are followed only inside it, sizes and counts are bounded, and what
was read is remembered by content, so that a result can be used again for another commit that
has the same files.
"""

from __future__ import annotations

import hashlib
import posixpath
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from opsconsole.errors import RenderError, RepoError, bounded

MAX_FILE = 1024 * 1024
"""Bytes of one file."""

MAX_TOTAL = 10 * 1024 * 1024
"""Bytes read for one rendering (Argo CD's reposerver.max.combined.directory.manifests.size)."""

MAX_LINKS = 32


class Tree(Protocol):
    """Repository-relative, `/`-separated paths; "" is the root. Links are not followed.

    `lookup` gives (kind, oid), kind being file, dir, link or module, or None; `oid` names the
    content (of everything below, for a directory). `read` gives a file's content or a link's
    target.
    """

    def lookup(self, path: str) -> tuple[str, str] | None: ...

    def read(self, path: str) -> bytes: ...

    def names(self, path: str) -> list[str]: ...


class MemoryTree:
    """Files from a mapping: path → content."""

    def __init__(
        self, files: Mapping[str, str | bytes], *, links: Mapping[str, str] | None = None
    ) -> None:
        self._nodes: dict[str, tuple[str, bytes]] = {}
        for path, content in files.items():
            data = content.encode() if isinstance(content, str) else content
            self._nodes[path] = ("file", data)
        for path, target in (links or {}).items():
            self._nodes[path] = ("link", target.encode())
        self._dirs: dict[str, set[str]] = {"": set()}
        for path in self._nodes:
            while path:
                parent, name = posixpath.split(path)
                self._dirs.setdefault(parent, set()).add(name)
                path = parent  # noqa: PLW2901

    def lookup(self, path: str) -> tuple[str, str] | None:
        if path in self._nodes:
            kind, data = self._nodes[path]
            return kind, hashlib.sha256(data).hexdigest()
        if path in self._dirs:
            below = "".join(
                f"{name}:{self.lookup(posixpath.join(path, name))}\0" for name in self.names(path)
            )
            return "dir", hashlib.sha256(below.encode()).hexdigest()
        return None

    def read(self, path: str) -> bytes:
        return self._nodes[path][1]

    def names(self, path: str) -> list[str]:
        return sorted(self._dirs[path])


class DirectoryTree:
    """Files of a directory on this machine, for `lint` and `rehearse`."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def lookup(self, path: str) -> tuple[str, str] | None:
        place = self._root / path
        try:
            if place.is_symlink():
                return "link", str(place.readlink())
            stat = place.stat()
        except (OSError, ValueError):
            return None
        kind = "dir" if place.is_dir() else "file" if place.is_file() else None
        return (kind, f"{stat.st_ino}:{stat.st_mtime_ns}:{stat.st_size}") if kind else None

    def read(self, path: str) -> bytes:
        place = self._root / path
        if place.is_symlink():
            return str(place.readlink()).encode()
        if place.stat().st_size > MAX_FILE:
            raise RenderError(
                f"{path}: {place.stat().st_size} bytes long", hint=f"at most {MAX_FILE} are read"
            )
        return place.read_bytes()

    def names(self, path: str) -> list[str]:
        return sorted(p.name for p in (self._root / path).iterdir() if p.name != ".git")


class View:
    """Reads of one rendering. `seen` maps what was looked at to its content's name, None for absent."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self.seen: dict[str, tuple[str, str] | None] = {}
        self._total = 0

    def kind(self, path: str) -> str:
        """file, dir or "" when there is nothing; links are followed."""
        found = self._find(path)
        return found[1] if found else ""

    def read(self, path: str) -> bytes:
        """A file's content. Raises RenderError."""
        found = self._find(path)
        if found is None or found[1] != "file":
            raise RenderError(f"{bounded(path, 120)}: no such file")
        try:
            data = self.tree.read(found[0])
        except (RepoError, OSError) as fault:
            raise RenderError(f"{bounded(path, 120)}: {fault}") from fault
        self._total += len(data)
        if len(data) > MAX_FILE or self._total > MAX_TOTAL:
            raise RenderError(
                f"{bounded(path, 120)}: too large to render",
                hint=f"a file may have {MAX_FILE} bytes, all together {MAX_TOTAL}",
            )
        return data

    def names(self, path: str) -> list[str]:
        """Sorted names in a directory. Raises RenderError."""
        found = self._find(path)
        if found is None or found[1] != "dir":
            raise RenderError(f"{bounded(path, 120) or '.'}: no such directory")
        self.seen[found[0]] = self.tree.lookup(found[0])
        return sorted(self.tree.names(found[0]))

    def holds(self, tree: Tree) -> bool:
        """Whether another tree has the same content wherever this view looked."""
        return all(tree.lookup(path) == was for path, was in self.seen.items())

    def _find(self, path: str) -> tuple[str, str] | None:
        """(real path, file|dir) with every link on the way followed inside the tree."""
        pending = [part for part in path.split("/") if part not in ("", ".")]
        done: list[str] = []
        links = 0
        while pending:
            part = pending.pop(0)
            if part == "..":
                if not done:
                    raise _outside(path)
                done.pop()
                continue
            here = "/".join([*done, part])
            found = self._look(here)
            if found is None:
                return None
            if found[0] == "link":
                links += 1
                target = self.tree.read(here).decode("utf-8", "replace")
                if target.startswith("/") or links > MAX_LINKS or _climbs(done, target):
                    raise RenderError(
                        f"repository contains out-of-bounds symlinks. file: {bounded(here, 120)}",
                        hint="only files of the repository are read",
                    )
                pending = [p for p in target.split("/") if p not in ("", ".")] + pending
                continue
            done.append(part)
        place = "/".join(done)
        found = self._look(place)
        if found is None:
            return None
        return (place, "dir" if found[0] in ("dir", "module") else "file")

    def _look(self, place: str) -> tuple[str, str] | None:
        found = self.tree.lookup(place)
        # a directory on the way matters only for being one; what is listed is noted by `names`
        if found is None or found[0] != "dir":
            self.seen[place] = found
        return found


def _climbs(done: list[str], target: str) -> bool:
    return posixpath.normpath(posixpath.join(*done, target)).startswith("..")


def join(base: str, path: str) -> str:
    """`path` as seen from directory `base`, normalised. Raises RenderError when it leaves the tree."""
    if path.startswith("/"):
        raise RenderError(f"{bounded(path, 120)}: an absolute path", hint="use a relative one")
    joined = posixpath.normpath(posixpath.join(base, path))
    if joined == ".":
        return ""
    if joined.startswith(".."):
        raise _outside(path)
    return joined


def _outside(path: str) -> RenderError:
    return RenderError(
        f"{bounded(path, 120)}: leads out of the repository",
        hint="only files of the repository are read",
    )
