"""Other repositories of the same application, beside the tree of one source.

Separate because only Helm sources of an application with several sources see them, as
`$name/path` in `valueFiles` and `fileParameters`.
"""

from __future__ import annotations

from collections.abc import Mapping

from opsconsole.render.trees import Tree


class Mounted:
    """A tree with others in it: `mounts` maps first path segments such as `$values` to them.

    Mounts are not listed: only who names one sees it.
    """

    def __init__(self, tree: Tree, mounts: Mapping[str, Tree]) -> None:
        self._tree = tree
        self._mounts = mounts

    def _at(self, path: str) -> tuple[Tree, str]:
        head, _, rest = path.partition("/")
        found = self._mounts.get(head)
        return (found, rest) if found is not None else (self._tree, path)

    def lookup(self, path: str) -> tuple[str, str] | None:
        tree, place = self._at(path)
        return tree.lookup(place)

    def read(self, path: str) -> bytes:
        tree, place = self._at(path)
        return tree.read(place)

    def names(self, path: str) -> list[str]:
        tree, place = self._at(path)
        return tree.names(place)
