"""Applications that ApplicationSets of the tree make, as far as the tree alone tells.

Separate because it takes the tree for the repository that git generators read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.cd.appset import AppSetError, applications
from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.lint import Placed
from opsconsole.cli.lintfiles import Files
from opsconsole.errors import OpsError

MOST = 1000
"""Applications of one set that are looked at."""


@dataclass(frozen=True)
class _Inputs:
    files: Files

    def clusters(self) -> Sequence[Mapping[str, Any]]:
        raise GenerateError("clusters are not known from a tree")

    def git(self, url: str, revision: str) -> _Inputs:
        del url, revision
        return self

    def paths(self) -> Sequence[str]:
        return self.files.paths

    def read(self, path: str) -> bytes:
        try:
            return self.files.tree.read(path)
        except (OpsError, OSError) as fault:
            raise GenerateError(f"unable to read file '{path}'") from fault


def made(appsets: Iterable[Placed], files: Files) -> Iterator[Placed]:
    """Each stands where its ApplicationSet does; sets that need clusters make none here."""
    for one in appsets:
        try:
            wanted = applications(one.manifest, _Inputs(files))
        except (AppSetError, GenerateError, OpsError, TypeError, ValueError, AttributeError):
            continue  # the rules say why
        file, line = one.at(("spec", "template"))
        for application in wanted[:MOST]:
            yield Placed(application, file, line)
