"""Secrets that lie open in the repository of an application.

Separate from git's history: this reads the tree, and only once for every commit.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator
from contextlib import suppress

from opsconsole.argo.cd.plaintext import is_plaintext
from opsconsole.errors import RenderError, YamlError
from opsconsole.model import yamldoc
from opsconsole.render.kustomize.build import build
from opsconsole.render.kustomize.kustfile import NAMES
from opsconsole.render.trees import Tree, View

FILES = 2_000
"""Files that are looked at."""

_KINDS = (".yaml", ".yml", ".json")


def plaintext_files(tree: Tree, path: str) -> tuple[str, ...]:
    """Files below an application's path, and those that its kustomization reads, with a Secret in plain text."""
    view = View(tree)
    names = dict.fromkeys(_below(view, path))
    if any(view.kind(posixpath.join(path, name)) == "file" for name in NAMES):
        reading = View(tree)
        with suppress(RenderError):
            build(reading, path)
        names |= dict.fromkeys(p for p, was in reading.seen.items() if was and was[0] == "file")
    wanted = [name for name in names if name.endswith(_KINDS)][:FILES]
    return tuple(sorted(name for name in wanted if _open(tree, name)))


def _below(view: View, path: str) -> Iterator[str]:
    pending = [path]
    while pending:
        place = pending.pop()
        try:
            kind = view.kind(place)
            if kind == "dir":
                pending += [posixpath.join(place, name) for name in view.names(place)]
            elif kind:
                yield place
        except RenderError:
            # a link that leads out of the tree: nothing of ours is behind it
            continue


def _open(tree: Tree, path: str) -> bool:
    try:
        data = View(tree).read(path)
        if b"Secret" not in data:
            return False
        return any(is_plaintext(one) for one in yamldoc.load_manifests(data))
    except (RenderError, YamlError):
        return False
