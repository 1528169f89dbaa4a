"""From files to the sets that Argo CD would render of them, each manifest with its sources.

A set is what an Application of the tree renders, or a kustomization or chart that no other one
builds on; loose files of a directory are one set that may refer to other directories.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsconsole.argo.lint import Finding, Index, Placed, Scope
from opsconsole.argo.lint.findings import Document
from opsconsole.cli.lintappsets import made
from opsconsole.cli.lintfiles import Files, left_out, unreadable
from opsconsole.cli.lintpatches import Patch, patches_of
from opsconsole.errors import OpsError, UnsupportedError, YamlError
from opsconsole.model import yamldoc, yamlplaces
from opsconsole.model.globs import matches
from opsconsole.model.objects import flag, items, mapping, mappings, name_of, namespace_of, text
from opsconsole.render.kustomize.kustfile import NAMES
from opsconsole.render.options import RenderOptions, from_source
from opsconsole.render.renderer import render
from opsconsole.render.trees import Tree

CHART = "Chart.yaml"
HOMES = (*NAMES, CHART)
"""Files that make a directory one source for Argo CD."""


@dataclass(slots=True)
class Sets:
    """What there is to check; `findings` are those of files."""

    scopes: list[Scope] = field(default_factory=list)
    hidden: list[Placed] = field(default_factory=list)
    """Manifests below kustomizations as they are written: looked at for plaintext only."""

    findings: list[Finding] = field(default_factory=list)


class _Recorded:
    """A tree that notes which files were read, in their order."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.files: dict[str, None] = {}

    def lookup(self, path: str) -> tuple[str, str] | None:
        return self._tree.lookup(path)

    def read(self, path: str) -> bytes:
        self.files[path] = None
        return self._tree.read(path)

    def names(self, path: str) -> list[str]:
        return self._tree.names(path)


@dataclass(slots=True)
class _Set:
    own: list[Placed]
    application: Placed | None = None
    lenient: bool = False


class Builder:
    def __init__(self, files: Files) -> None:
        self.files = files
        self.homes = {posixpath.dirname(f) for f in files.paths if posixpath.basename(f) in HOMES}
        self.findings = list(files.findings)
        self.sets: list[_Set] = []
        self.hidden: list[Placed] = []
        self._loose: dict[str, list[Placed]] = {}
        self._rendered: set[str] = set()
        self._broken: set[str] = set()

    def build(self) -> Sets:
        self._sort()
        referenced = self._referenced()
        tops = [home for home in sorted(self.homes) if home not in referenced]
        applications = [one for group in self._loose.values() for one in _applications(group)]
        found: list[Placed] = []
        bringing = self._bringing_applications()
        for home in tops:
            # an app of apps: what a kustomization renders may be Applications
            if home in bringing:
                found += _applications(self._render(home, RenderOptions(binary="helm"), None))
        for application in dict.fromkeys((*applications, *found)):
            self._source(application)
        appsets = [p for g in self._loose.values() for p in g if p.kind == "ApplicationSet"]
        generated = list(made(appsets, self.files))
        for application in generated:
            self._source(application)
        if generated:
            self.sets.append(_Set(generated, lenient=True))
        for home in (*tops, *sorted(self.homes)):
            if not self._covered(home):
                self._render(home, RenderOptions(binary="helm"), None)
        self._unread()
        for folder in sorted(self._loose):
            self.sets.append(_Set(self._loose[folder], lenient=True))
        around = Index(one for each in self.sets for one in each.own)
        paths = self.files.paths
        scopes = [
            Scope(each.own, around, lenient=each.lenient, application=each.application, files=paths)
            for each in self.sets
        ]
        return Sets(scopes, self.hidden, self.findings)

    def _sort(self) -> None:
        """Loose manifests by directory, and those that kustomizations and charts will read."""
        for file in self.files.paths:
            inside = [h for h in _parents(file) if h in self.homes]
            if not inside:
                read = self.files.read(file)
                self.findings += read.findings
                if read.placed:
                    self._loose.setdefault(posixpath.dirname(file), []).extend(read.placed)
            elif posixpath.basename(file) not in HOMES and not self._in_chart(inside):
                self.hidden += self.files.read(file).placed

    def _unread(self) -> None:
        """Below a kustomization, but of no kustomization: a directory by itself."""
        for one in self.hidden:
            folder = posixpath.dirname(one.file)
            if (
                one.file not in self._rendered
                and folder not in self.homes
                and not self._failed(folder)
            ):
                self._loose.setdefault(folder, []).append(one)

    def _failed(self, folder: str) -> bool:
        """Whether a kustomization above could not be rendered: what it reads is not known."""
        return any(home in self._broken for home in (folder, *_parents(folder)))

    def _in_chart(self, homes: Iterable[str]) -> bool:
        return any(posixpath.join(home, CHART) in self.files.all for home in homes)

    def _covered(self, home: str) -> bool:
        """Rendered, or read by another that was."""
        return home in self._rendered or any(
            posixpath.join(home, name) in self._rendered for name in HOMES
        )

    def _referenced(self) -> set[str]:
        """Directories that a kustomization or a chart builds on."""
        found: set[str] = set()
        for home in self.homes:
            for name in NAMES:
                path = posixpath.join(home, name)
                if path in self.files.all:
                    for loaded in self._raw(path):
                        found |= _bases(loaded, home)
            if posixpath.join(home, CHART) in self.files.all:
                # a chart's own charts/
                found |= {h for h in self.homes if h.startswith(f"{home}/" if home else "")} - {
                    home
                }
        return found & self.homes

    def _raw(self, path: str) -> list[Mapping[str, Any]]:
        try:
            return [x for x in yamldoc.load_all(self.files.tree.read(path)) if isinstance(x, dict)]
        except (OpsError, OSError):
            return []

    def _bringing_applications(self) -> set[str]:
        """Directories beside or below which a kustomization's file holds an Application."""
        files = (one.file for one in self.hidden if one.kind == "Application")
        return {folder for file in files for folder in _parents(file)}

    def _source(self, application: Placed) -> None:
        """The set of an Application, when its path is in the tree."""
        spec = mapping(application.manifest, "spec")
        sources = mappings(spec, "sources") or [mapping(spec, "source")]
        namespace = text(spec, "destination", "namespace")
        for source in sources:
            path = posixpath.normpath(text(source, "path") or "/")
            if path.startswith(("/", "..")) or text(source, "chart"):
                continue
            path = "" if path == "." else path
            if path in self.homes:
                try:
                    options = from_source(
                        source,
                        app_name=name_of(application.manifest),
                        namespace=namespace,
                        binary="helm",
                    )
                except OpsError as fault:
                    file, line = application.at(("spec", "source"))
                    self.findings.append(unreadable(file, fault.message, line, fault.hint))
                    continue
                self._render(path, options, application)
            else:
                self._directory(path, mapping(source, "directory"), namespace, application)

    def _directory(
        self, path: str, options: Mapping[str, Any], namespace: str, application: Placed
    ) -> None:
        below = f"{path}/" if path else ""
        folders = [path] if path in self._loose else []
        if flag(options, "recurse"):
            folders = [f for f in sorted(self._loose) if f == path or f.startswith(below)]
        own: list[Placed] = []
        for folder in folders:
            left: list[Placed] = []
            for one in self._loose.pop(folder):
                chosen = _wanted(one.file, below, options)
                (own if chosen else left).append(replace(one, home=namespace) if chosen else one)
            if left:
                self._loose[folder] = left
        if own:
            self.sets.append(_Set(own, application))

    def _render(
        self, home: str, options: RenderOptions, application: Placed | None
    ) -> list[Placed]:
        tree = _Recorded(self.files.tree)
        self._rendered.add(home)
        file = next(p for p in (posixpath.join(home, n) for n in HOMES) if p in self.files.all)
        try:
            manifests = render(tree, home, options)
        except (OpsError, OSError) as fault:
            self._rendered |= set(tree.files)
            self._broken.add(home)
            self._refused(file, fault, tree)
            return []
        self._rendered |= set(tree.files)
        sources = _Sources(self.files, [f for f in tree.files if not _is_chart(file)], file)
        if _is_chart(file):
            sources.charts(tree.files)
        own = [sources.place(manifest, options.namespace) for manifest in manifests]
        self.sets.append(_Set(own, application))
        return own

    def _refused(self, file: str, fault: Exception, tree: _Recorded) -> None:
        """Where a file that it reads does not parse, that file's own line."""
        if self._is_component(file):
            return  # rendered with those that use it
        if isinstance(fault, UnsupportedError) and _is_chart(file):
            self.findings.append(left_out(file, f"{fault.message} ({fault.hint})"))
            return
        broken = [
            finding
            for path in tree.files
            if path.endswith((".yaml", ".yml")) and not _is_chart(path)
            for finding in self.files.read(path).findings
        ]
        self.findings += broken if isinstance(fault, YamlError) and broken else ()
        why = fault.message if isinstance(fault, OpsError) else "cannot be read"
        line = _line_of(self.files, file, why)
        self.findings.append(unreadable(file, why, line, getattr(fault, "hint", "")))

    def _is_component(self, file: str) -> bool:
        return any(text(loaded, "kind") == "Component" for loaded in self._raw(file))


def _line_of(files: Files, file: str, why: str) -> int:
    """The line of the field that a message names (`…: patches[0]: …`), or of what it quotes."""
    try:
        source = files.tree.read(file).decode("utf-8", "replace")
    except (OpsError, OSError):
        return 1
    words = [part.strip() for part in why.split(":")]
    paths = [yamlplaces.parse_path(word) for word in words if word and " " not in word]
    depth, line = max(yamlplaces.places(source, paths), default=(0, 1))
    for quoted in _QUOTED.findall(why) if not depth else ():
        for number, written in enumerate(source.splitlines(), 1):
            if quoted in written:
                return number
    return line


_QUOTED = re.compile(r"""['"]([^'"]{2,})['"]""")


def _is_chart(file: str) -> bool:
    return posixpath.basename(file) == CHART


def _applications(placed: Iterable[Placed]) -> list[Placed]:
    return [one for one in placed if one.kind == "Application"]


def _parents(file: str) -> Iterator[str]:
    folder = posixpath.dirname(file)
    while True:
        yield folder
        if not folder:
            return
        folder = posixpath.dirname(folder)


def _bases(loaded: Mapping[str, Any], home: str) -> set[str]:
    listed = [x for f in ("resources", "bases", "components") for x in items(loaded, f)]
    found = set()
    for entry in listed:
        place = posixpath.normpath(posixpath.join(home, str(entry)))
        found.add("" if place == "." else place)
    return found


def _wanted(file: str, below: str, options: Mapping[str, Any]) -> bool:
    name = file.removeprefix(below)
    if text(options, "exclude") and matches(text(options, "exclude"), name):
        return False
    return not text(options, "include") or matches(text(options, "include"), name)


class _Sources:
    """Finds the documents that a rendered manifest came of, by kind and name."""

    def __init__(self, files: Files, read: Iterable[str], file: str) -> None:
        self._files = files
        self._file = file
        self._documents: dict[str, list[tuple[str, Document]]] = {}
        self._generators: list[tuple[str, str, str, int]] = []
        self._charts: dict[str, list[tuple[str, int]]] = {}
        self._patches: list[Patch] = []
        for path in read:
            if posixpath.basename(path) in NAMES:
                self._generated(path)
                # what is read first is applied last
                self._patches[:0] = patches_of(files, path)
            elif path.endswith((".yaml", ".yml", ".json")):
                for one in files.read(path).placed:
                    known = self._documents.setdefault(one.kind, [])
                    known.extend((name_of(one.manifest), d) for d in one.documents)

    def _generated(self, path: str) -> None:
        try:
            source = self._files.tree.read(path).decode("utf-8", "replace")
            loaded = yamldoc.load(source)
        except (OpsError, OSError):
            return
        for field_name, kind in (
            ("configMapGenerator", "ConfigMap"),
            ("secretGenerator", "Secret"),
        ):
            for index, entry in enumerate(mappings(loaded, field_name)):
                line = yamlplaces.places(source, [(field_name, index)])[0][1]
                self._generators.append((kind, text(entry, "name"), path, line))

    def charts(self, files: Iterable[str]) -> None:
        """Templates by the kind that they write; only one of a kind is certain."""
        for path in files:
            if "/templates/" in f"/{path}":
                data = self._files.tree.read(path).decode("utf-8", "replace")
                for number, line in enumerate(data.splitlines(), 1):
                    if line.startswith("kind: "):
                        kind = line.removeprefix("kind: ").strip()
                        self._charts.setdefault(kind, []).append((path, number))

    def place(self, manifest: Mapping[str, Any], namespace: str) -> Placed:
        kind, name = text(manifest, "kind"), name_of(manifest)
        known = self._documents.get(kind, [])
        found = [d for n, d in known if n == name] or [d for n, d in known if n and n in name]
        home = namespace_of(manifest) or namespace
        if found:
            found += [p.document for p in self._patches if p.kind in (kind, "") and _named(p, name)]
            return Placed(manifest, found[0].file, found[0].line, home, tuple(found))
        made = [(p, line) for k, n, p, line in self._generators if k == kind and name.find(n) >= 0]
        chart = self._charts.get(kind, [])
        if made:
            return Placed(manifest, made[0][0], made[0][1], home)
        if len(chart) == 1:
            return Placed(manifest, chart[0][0], chart[0][1], home)
        return Placed(manifest, self._file, 1, home)


def _named(patch: Patch, name: str) -> bool:
    return not patch.name or patch.name in name
