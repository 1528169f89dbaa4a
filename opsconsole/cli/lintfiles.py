"""Files of a tree for `lint`: which there are, and their YAML documents with their lines.

Separate from `lintsets`, which puts documents into the sets that Argo CD would make of them.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from opsconsole.argo.lint import ALL_RULES, Finding, Placed
from opsconsole.argo.lint.findings import Document
from opsconsole.argo.lint.rules import DUPLICATE_KEY, NOT_LOOKED_AT, UNREADABLE
from opsconsole.errors import OpsError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.globs import matches
from opsconsole.render.directory import SKIP_MARK
from opsconsole.render.trees import MAX_FILE, Tree

SUFFIXES = (".yaml", ".yml", ".json")
_MARKS = (b"apiVersion:", b"kind:", b"metadata:")

IGNORE = re.compile(r"#\s*opsconsole:ignore=([\w,-]+)")
"""A comment in a document: rules that are not told of its object, or `all`."""

_IDS = {rule.id: rule for rule in ALL_RULES}


@dataclass(slots=True)
class Read:
    """One file: its manifests, or what is wrong with it."""

    placed: list[Placed] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def unreadable(file: str, why: str, line: int = 1, hint: str = "") -> Finding:
    rule = UNREADABLE
    message = bounded(why, 1000)
    return Finding(rule.id, rule.severity, message, "", file, max(line, 1), hint or rule.hint)


def left_out(file: str, why: str) -> Finding:
    rule = NOT_LOOKED_AT
    return Finding(rule.id, rule.severity, bounded(why, 1000), "", file, 1, rule.hint)


class Files:
    """The YAML and JSON files of a tree; each is read once."""

    def __init__(self, tree: Tree, exclude: Sequence[str] = ()) -> None:
        self.tree = tree
        self.findings: list[Finding] = []
        self._exclude = exclude
        self._read: dict[str, Read] = {}
        self.paths = list(self._walk(""))
        self.all = set(self.paths)

    def _walk(self, below: str) -> Iterator[str]:
        for name in sorted(self.tree.names(below)):
            path = posixpath.join(below, name)
            if name.startswith(".") or any(matches(e, path, "/") for e in self._exclude):
                continue
            try:
                found = self.tree.lookup(path)
                if found is None:
                    continue
                if found[0] == "dir":
                    yield from self._walk(path)
                elif found[0] == "link":
                    self._link(path)
                elif found[0] == "file" and self._is_manifest(name):
                    yield path
            except OSError as fault:
                why = fault.strerror or "cannot be read"
                self.findings.append(unreadable(path, why))

    @staticmethod
    def _is_manifest(name: str) -> bool:
        return name.endswith(SUFFIXES) or name == "Kustomization"

    def _link(self, path: str) -> None:
        """What a link leads to is looked at where it is; a link out of the tree is not followed."""
        target = self.tree.read(path).decode("utf-8", "replace")
        place = posixpath.normpath(posixpath.join(posixpath.dirname(path), target))
        if target.startswith("/") or place.startswith(".."):
            why = "a link that leads out of the tree: Argo CD refuses the repository"
            self.findings.append(unreadable(path, f"{why} (out-of-bounds symlink)"))
        elif self.tree.lookup(place) is None:
            self.findings.append(left_out(path, f"a link to {place}, which is not there"))

    def read(self, path: str) -> Read:
        found = self._read.get(path)
        if found is None:
            found = self._read[path] = self._load(path)
        return found

    def _load(self, path: str) -> Read:
        try:
            data = self.tree.read(path)
            if len(data) > MAX_FILE:
                return Read(findings=[unreadable(path, f"more than {MAX_FILE} bytes long")])
            return parse(path, data)
        except OpsError as fault:
            return Read(findings=[unreadable(path, fault.message, hint=fault.hint)])
        except OSError as fault:
            return Read(findings=[unreadable(path, fault.strerror or "cannot be read")])


def parse(path: str, data: bytes) -> Read:
    """The manifests of a file's text; documents after one that does not parse are read as well."""
    read = Read()
    if SKIP_MARK in data:
        return read
    try:
        documents = yamldoc.split_documents(data)
    except OpsError as fault:
        read.findings.append(unreadable(path, fault.message))
        return read
    line = 1
    for text in documents:
        try:
            for loaded in _documents(read, path, line, text):
                _take(read, loaded, Document(path, line, text))
        except OpsError as fault:
            looks = bool(read.placed) or all(mark in data for mark in _MARKS)
            read.findings.append(_fault(path, line, fault, manifest=looks))
        line += text.count("\n") + 2
    return read


def _documents(read: Read, path: str, line: int, text: str) -> list[object]:
    """What Argo CD reads; a key that stands twice is told, the last one counts."""
    try:
        return yamldoc.load_all(text)
    except yamldoc.DuplicateKeyError as fault:
        rule = DUPLICATE_KEY
        read.findings.append(
            Finding(
                rule.id, rule.severity, fault.problem, "", path, line + fault.line - 1, rule.hint
            )
        )
        return yamldoc.load_all(text, strict=False)


def _take(read: Read, loaded: object, document: Document) -> None:
    if not isinstance(loaded, dict):
        return
    if not isinstance(loaded.get("kind"), str):
        if loaded.get("apiVersion") and loaded.get("metadata"):
            why = "a document has no kind"
            read.findings.append(unreadable(document.file, why, document.line))
        return
    for manifest in yamldoc.expand_list(loaded):
        if isinstance(manifest.get("kind"), str):
            read.placed.append(Placed(manifest, document.file, document.line, "", (document,)))


def _fault(path: str, line: int, fault: OpsError, *, manifest: bool) -> Finding:
    """Argo CD passes over a file that does not look like a manifest."""
    at = line + fault.line - 1 if isinstance(fault, yamldoc.DocumentError) and fault.line else line
    why = fault.problem if isinstance(fault, yamldoc.DocumentError) else fault.message
    found = unreadable(path, why, at)
    if manifest:
        return found
    return Finding(found.rule, "warning", found.message, "", path, found.line, found.hint)


def ignored(one: Placed) -> frozenset[str]:
    """Rules that comments in its documents switch off."""
    found: set[str] = set()
    for document in one.documents:
        if "opsconsole:ignore" in document.text:
            for listed in IGNORE.findall(document.text):
                found.update(listed.split(","))
    return frozenset(_IDS) if "all" in found else frozenset(found)
