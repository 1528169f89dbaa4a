"""The files that a kustomization names: where they may lie, and what is said of those that are not there.

Separate because resources, patches, replacements and generators all read them by one rule.
"""

from __future__ import annotations

from opsconsole.errors import RenderError
from opsconsole.render.kustomize import faults
from opsconsole.render.trees import View, join


class Files:
    """`restricted` is kustomize's load restrictor: only what lies in or below the kustomization."""

    def __init__(self, view: View, *, restricted: bool) -> None:
        self.view = view
        self.restricted = restricted

    def read(self, path: str, directory: str) -> tuple[bytes, str]:
        """(content, where it is) of a path that the kustomization of `directory` names. Raises RenderError."""
        where = join(directory, path)
        if self.view.kind(where) != "file":
            raise RenderError(f"{where}: no such file", said=faults.lost(self.view, where))
        self.permit(where, directory)
        return self.view.read(where), where

    def permit(self, where: str, directory: str) -> None:
        if self.restricted and not faults.within(directory, where):
            raise RenderError(
                f"{where}: is not in or below {directory or '.'}, where a kustomization may read files",
                hint="put it under a directory of its own, or set kustomize.buildOptions",
                said=faults.insecure(directory, where),
            )
