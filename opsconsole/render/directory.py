"""Plain directories of manifests, found and read as Argo CD does (repository.go, `findManifests`)."""

from __future__ import annotations

import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.globs import matches
from opsconsole.render.options import DirectoryOptions
from opsconsole.render.trees import View

_MANIFEST = re.compile(r".*\.(yaml|yml|json|jsonnet)")
SKIP_MARK = b"+argocd:skip-file-rendering"


def render(view: View, path: str, options: DirectoryOptions) -> list[dict[str, Any]]:
    """Objects of every file, in order of the walk. Raises RenderError."""
    found: list[dict[str, Any]] = []
    for name in _walk(view, path, "", recurse=options.recurse):
        if _MANIFEST.fullmatch(name) is None or not _wanted(name, options):
            continue
        where = posixpath.join(path, name)
        data = view.read(where)
        if SKIP_MARK in data:
            continue
        found += _objects(where, name, data)
    return found


def _walk(view: View, path: str, below: str, *, recurse: bool) -> Iterator[str]:
    """Paths relative to the application's directory, in lexical order (filepath.Walk)."""
    for name in view.names(posixpath.join(path, below)):
        relative = posixpath.join(below, name)
        kind = view.kind(posixpath.join(path, relative))
        if kind == "dir":
            if recurse and name != ".git":
                yield from _walk(view, path, relative, recurse=True)
        elif kind:
            yield relative


def _wanted(name: str, options: DirectoryOptions) -> bool:
    if options.exclude and matches(options.exclude, name):
        return False
    return not options.include or matches(options.include, name)


def _objects(where: str, name: str, data: bytes) -> list[dict[str, Any]]:
    if name.endswith(".jsonnet"):
        raise UnsupportedError(
            f"{where}: jsonnet is not rendered here", hint="exclude it, or commit its output"
        )
    if name.endswith(".json"):
        return _json(where, data)
    return _yaml(where, data)


def _yaml(where: str, data: bytes) -> list[dict[str, Any]]:
    """Documents one by one, so that lines count as the repo server counts them."""
    found: list[dict[str, Any]] = []
    try:
        for part in yamldoc.split_documents(data):
            document = yamldoc.load(part, strict=False)
            if document is not None:
                found += yamldoc.expand_list(_manifest(document))
    except YamlError as fault:
        # a file of which nothing was a manifest is ignored unless it looks like one
        if found or all(mark in data for mark in (b"apiVersion:", b"kind:", b"metadata:")):
            go = fault.go if isinstance(fault, yamldoc.DocumentError) else fault.message
            if go.startswith("yaml: "):
                go = f"error converting YAML to JSON: {go}"
            raise RenderError(
                f'Failed to unmarshal "{posixpath.basename(where)}": failed to unmarshal manifest: {go}',
                hint=f"{where}: {fault.message}",
            ) from fault
    return found


def _manifest(document: Any) -> dict[str, Any]:
    if isinstance(document, dict) and isinstance(document.get("kind"), str) and document["kind"]:
        return document
    # the real message quotes the whole object, which may be a secret
    said = "error unmarshaling JSON: while decoding JSON: Object 'Kind' is missing in '{…}'"
    raise yamldoc.DocumentError("a document has no kind", go=said)


def _json(where: str, data: bytes) -> list[dict[str, Any]]:
    try:
        loaded = json.loads(data)
    except (ValueError, RecursionError) as fault:
        raise RenderError(
            f'Failed to unmarshal "{posixpath.basename(where)}": {bounded(fault, 160)}',
            hint=f"correct {where}",
        ) from fault
    if not isinstance(loaded, dict):
        raise RenderError(f"{where}: a manifest must be an object", hint=f"correct {where}")
    return yamldoc.expand_list(loaded)
