"""Symbolic links that leave a tree: Argo CD renders nothing of a repository that has one.

Separate because it is about the whole repository, not about what one source reads
(`util/app/path`, CheckOutOfBoundsSymlinks).
"""

from __future__ import annotations

import posixpath

from opsconsole.render.trees import Tree

KEPT = 200_000


class Links:
    """Remembers directories that were found clean, so that a commit costs what it changed."""

    def __init__(self) -> None:
        self._clean: set[tuple[str, str]] = set()

    def outside(self, tree: Tree) -> str:
        """The first link, in order of the walk, that is absolute or leads out; "" if there is none."""
        if len(self._clean) > KEPT:
            self._clean.clear()
        return self._walk(tree, "")

    def _walk(self, tree: Tree, folder: str) -> str:
        found = tree.lookup(folder)
        if found is None or (folder, found[1]) in self._clean:
            return ""
        for name in sorted(tree.names(folder)):
            path = posixpath.join(folder, name)
            kind = (tree.lookup(path) or ("", ""))[0]
            if kind == "dir":
                inside = self._walk(tree, path)
                if inside:
                    return inside
            elif kind == "link" and _leaves(path, tree.read(path).decode("utf-8", "replace")):
                return path
        self._clean.add((folder, found[1]))
        return ""


def _leaves(path: str, target: str) -> bool:
    """Whether a link's target leaves the tree anywhere on its way."""
    if target.startswith("/"):
        return True
    place = posixpath.dirname(path)
    for part in target.split("/"):
        place = posixpath.normpath(posixpath.join(place, part))
        if place == ".." or place.startswith("../"):
            return True
    return False
