"""Patches that stand inside of a kustomization, or are JSON patches: where they set a field.

Separate from `lintsets` because these are no manifests: only the kustomization says of whom they are.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.lint.findings import Document, Path
from opsconsole.cli.lintfiles import Files
from opsconsole.errors import OpsError
from opsconsole.model import yamldoc, yamlplaces
from opsconsole.model.objects import mapping, name_of, text

FIELDS = ("patches", "patchesJson6902", "patchesStrategicMerge")


@dataclass(frozen=True, slots=True)
class Operations(Document):
    """A JSON patch; `paths` are the fields that it writes, with their lines in the file."""

    paths: tuple[tuple[Path, int], ...] = ()

    def places(self, paths: list[Path]) -> list[tuple[int, int]]:
        return [
            max((self._shared(path, own) for own in self.paths), default=(0, 1)) for path in paths
        ]

    def _shared(self, path: Path, own: tuple[Path, int]) -> tuple[int, int]:
        shorter = min(len(path), len(own[0]))
        same = path[:shorter] == own[0][:shorter]
        return (shorter, own[1]) if same else (0, 1)


@dataclass(frozen=True, slots=True)
class Patch:
    """A document and the object that it is for; an empty name is any of the kind."""

    kind: str
    name: str
    document: Document


def patches_of(files: Files, kustomization: str) -> Iterator[Patch]:
    """The patches of a kustomization that are not manifests in files of their own."""
    try:
        source = files.tree.read(kustomization).decode("utf-8", "replace")
        loaded = yamldoc.load(source)
    except (OpsError, OSError):
        return
    for field in FIELDS:
        listed = loaded.get(field) if isinstance(loaded, Mapping) else None
        for index, entry in enumerate(listed if isinstance(listed, list) else ()):
            if isinstance(entry, str) and "\n" in entry:
                yield from _inline(kustomization, source, (field, index), entry, {})
            elif isinstance(entry, Mapping):
                target = mapping(entry, "target")
                if text(entry, "patch"):
                    where = (field, index, "patch")
                    yield from _inline(kustomization, source, where, text(entry, "patch"), target)
                elif text(entry, "path"):
                    yield from _in_file(files, kustomization, text(entry, "path"), target)


def _inline(
    file: str, source: str, where: Path, patch: str, target: Mapping[str, Any]
) -> Iterator[Patch]:
    line = yamlplaces.places(source, [where])[0][1]
    # the text of a block begins below its key
    below = source.splitlines()[line - 1].rstrip().endswith(("|", "|-", "|+", ">", ">-"))
    yield from _patch(file, line + below, patch, target)


def _in_file(
    files: Files, kustomization: str, path: str, target: Mapping[str, Any]
) -> Iterator[Patch]:
    place = posixpath.normpath(posixpath.join(posixpath.dirname(kustomization), path))
    if target and place in files.all:
        try:
            source = files.tree.read(place).decode("utf-8", "replace")
        except (OpsError, OSError):
            return
        yield from _patch(place, 1, source, target)


def _patch(file: str, line: int, source: str, target: Mapping[str, Any]) -> Iterator[Patch]:
    try:
        loaded = yamldoc.load(source)
    except OpsError:
        return
    if isinstance(loaded, Mapping):
        kind, name = text(target, "kind") or text(loaded, "kind"), text(target, "name")
        yield Patch(kind, name or name_of(loaded), Document(file, line, source))
    elif isinstance(loaded, list):
        lines = yamlplaces.places(source, [(index,) for index in range(len(loaded))])
        paths = tuple(
            (_pointer(text(operation, "path")), line + at[1] - 1)
            for operation, at in zip(loaded, lines, strict=True)
            if isinstance(operation, Mapping)
        )
        document = Operations(file, 1, source, paths)
        yield Patch(text(target, "kind"), text(target, "name"), document)


def _pointer(pointer: str) -> Path:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    return tuple(int(part) if part.isdigit() else part for part in parts)
