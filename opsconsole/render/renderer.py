"""From a path of a tree to manifests: which kind of source it is, who renders it, and the cache."""

from __future__ import annotations

import copy
import posixpath
import threading
from collections import OrderedDict
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from opsconsole.errors import RenderError, YamlError
from opsconsole.model import yamldoc
from opsconsole.render import directory
from opsconsole.render.options import KustomizeOptions, RenderOptions, from_source, substituted
from opsconsole.render.trees import Tree, View, join

KEPT = 4_000
"""Results that are kept."""

Manifests = list[dict[str, Any]]

__all__ = ["RenderOptions", "Rendered", "Renderer", "detect", "from_source", "render"]


@dataclass(frozen=True, slots=True)
class Rendered:
    """`tool` is Kustomize, Helm or Directory (`status.sourceType`); `by` is who rendered: "" is this
    program. Manifests are shared between callers: whoever changes one makes a copy.
    """

    manifests: Manifests
    tool: str
    by: str = ""
    fresh: bool = True
    """False when it was not rendered again."""


def detect(view: View, path: str, tool: str = "") -> str:
    """Kustomize, Helm or Directory, as Argo CD finds out. Raises RenderError for a path that is not there."""
    if view.kind(path) != "dir":
        raise RenderError(f"{path}: app path does not exist", hint="check spec.source.path")
    if tool in ("kustomize", "helm", "directory"):
        return tool.capitalize()
    from opsconsole.render.kustomize.kustfile import NAMES

    if any(view.kind(posixpath.join(path, name)) == "file" for name in NAMES):
        return "Kustomize"
    return "Helm" if view.kind(posixpath.join(path, "Chart.yaml")) == "file" else "Directory"


def render(tree: Tree, path: str, options: RenderOptions | None = None) -> Manifests:
    """The objects of a source, `List` kinds expanded. Raises RenderError (UnsupportedError, YamlError)."""
    return _render(View(tree), path, options or RenderOptions()).manifests


def _render(view: View, path: str, options: RenderOptions) -> Rendered:
    where = _place(view, path)
    options = _overridden(view, where, options)
    tool = detect(view, where, options.tool)
    if tool == "Directory":
        return Rendered(directory.render(view, where, options.directory), tool)
    if tool == "Helm":
        from opsconsole.render import helm

        return Rendered(helm.render(view, where, options), tool, by="helm")
    return _kustomize(view, where, options)


def _place(view: View, path: str) -> str:
    """The directory of a source (`util/app/path`). Raises RenderError for what is none."""
    if path.startswith("/"):
        raise RenderError(f"{path}: app path is absolute", hint="check spec.source.path")
    if posixpath.normpath(path).split("/")[0] == "..":
        raise RenderError(f"{path}: app path outside root", hint="check spec.source.path")
    where = join("", path)
    if view.kind(where) == "file":
        raise RenderError(f"{path}: app path is not a directory", hint="check spec.source.path")
    return where


def _kustomize(view: View, path: str, options: RenderOptions) -> Rendered:
    """The real program when there is one and our own reading met nothing that it must not see."""
    from opsconsole.render.binary import find_program, kustomize
    from opsconsole.render.kustomize import kustfile
    from opsconsole.render.kustomize.build import build

    chosen = _substituted(options.kustomize, dict(options.environment))
    program = find_program("kustomize", options.binary)
    # a field that we refuse is refused for the program too: our reading found the files it may see
    own = build(view, path, chosen)
    if program is None:
        return Rendered(own, "Kustomize")
    edited = (
        kustfile.with_options(kustfile.load(view, path), chosen)
        if chosen.changes_anything
        else None
    )
    return Rendered(kustomize(program, view, path, edited), "Kustomize", by=program.argv[0])


def _substituted(options: KustomizeOptions, environment: dict[str, str]) -> KustomizeOptions:
    """`$NAME` of the build environment in images and common labels (`$$` is a dollar)."""
    put = partial(substituted, environment=environment)
    return replace(
        options,
        images=tuple(put(one) for one in options.images),
        common_labels=tuple((k, put(v)) for k, v in options.common_labels),
        common_annotations=tuple((k, put(v)) for k, v in options.common_annotations),
    )


def _overridden(view: View, path: str, options: RenderOptions) -> RenderOptions:
    """`.argocd-source.yaml` and `.argocd-source-<app>.yaml` change the source's tool sections."""
    names = [".argocd-source.yaml"]
    if options.app_name:
        names.append(f".argocd-source-{options.app_name}.yaml")
    for name in names:
        where = posixpath.join(path, name)
        if view.kind(where) != "file":
            continue
        options = _override(options, view, where)
    return options


def _override(options: RenderOptions, view: View, where: str) -> RenderOptions:
    """One such file. Only tool sections count (`mergeSourceParameters`)."""
    try:
        patch = yamldoc.load(view.read(where), strict=False)
    except YamlError as fault:
        raise RenderError(
            f"error getting app source type: error while parsing source parameters: {where}: {fault.message}"
        ) from fault
    if not isinstance(patch, dict):
        raise RenderError(
            f"error getting app source type: error while parsing source parameters: {where}: not a mapping"
        )
    given = from_source(patch)
    tools = {tool for tool in (options.tool, given.tool) if tool}
    if len(tools) > 1:
        listed = ",".join(t.capitalize() for t in ("kustomize", "helm", "directory") if t in tools)
        raise RenderError(
            f"error getting app source type: multiple application sources defined: {listed}",
            hint=f"see {where}",
        )
    merged = {
        section: _merged(getattr(options, section), getattr(given, section))
        for section in ("kustomize", "helm", "directory")
        if section in patch
    }
    return replace(options, tool=options.tool or given.tool, **merged)


def _merged(old: Any, new: Any) -> Any:
    """The new section's fields over the old one's (a JSON merge patch: lists are replaced)."""
    blank = type(new)()
    changed = {
        name: getattr(new, name)
        for name in new.__dataclass_fields__
        if getattr(new, name) != getattr(blank, name)
    }
    return replace(old, **changed)


class Renderer:
    """Renders with a memory: what reads the same files with the same options is rendered once.

    Safe from any thread. `rendered` counts real renderings, for tests and figures.
    """

    def __init__(self, binary: str = "auto") -> None:
        self.binary = binary
        self.rendered = 0
        self._kept: OrderedDict[
            tuple[str, str, RenderOptions], list[tuple[View, Rendered | RenderError]]
        ]
        self._kept = OrderedDict()
        self._lock = threading.Lock()

    def render(
        self, tree: Tree, path: str, options: RenderOptions | None = None, *, repository: str = ""
    ) -> Rendered:
        """`repository` tells repositories apart. Raises RenderError (also remembered)."""
        wanted = options or RenderOptions()
        if wanted.binary == "auto":
            wanted = replace(wanted, binary=self.binary)
        key = (repository, path, wanted)
        with self._lock:
            for view, result in self._kept.get(key, ()):
                if view.holds(tree):
                    self._kept.move_to_end(key)
                    return _again(result)
        view = View(tree)
        try:
            made = _render(view, path, wanted)
        except RenderError as fault:
            self._keep(key, view, fault)
            raise
        self._keep(key, view, made)
        return made

    def _keep(
        self, key: tuple[str, str, RenderOptions], view: View, result: Rendered | RenderError
    ) -> None:
        with self._lock:
            self.rendered += 1
            before = self._kept.get(key, [])
            # a rollback goes to what was there before: the last few are worth their memory
            self._kept[key] = [(view, result), *before[:3]]
            self._kept.move_to_end(key)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)


def _again(result: Rendered | RenderError) -> Rendered:
    if isinstance(result, RenderError):
        raise copy.copy(result)
    return replace(result, fresh=False)
