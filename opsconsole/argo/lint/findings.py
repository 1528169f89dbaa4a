"""What lint looks at and what it says; separate because every rule and every output needs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from opsconsole.model import yamlplaces
from opsconsole.model.objects import name_of, namespace_of, text

if TYPE_CHECKING:
    from opsconsole.argo.lint.scope import Scope

ERROR, WARNING, NOTE = "error", "warning", "note"
SEVERITIES = (NOTE, WARNING, ERROR)
"""SARIF's levels, the mildest first."""

Path = yamlplaces.Path


@dataclass(frozen=True, slots=True)
class Document:
    """One YAML document of the repository; `line` is the one of the file that it begins at."""

    file: str
    line: int
    text: str = field(repr=False)

    def places(self, paths: list[Path]) -> list[tuple[int, int]]:
        """How much of each path the document has, and at which of its lines."""
        return yamlplaces.places(self.text, paths)


@dataclass(frozen=True, slots=True, eq=False)
class Placed:
    """A manifest, the namespace it will be in ("" when nothing says), and where it was written.

    `documents` are its definition and then the patches of it, in the order of their application.
    """

    manifest: Mapping[str, Any]
    file: str
    line: int = 1
    home: str = ""
    documents: tuple[Document, ...] = ()
    kind: str = field(init=False)
    name: str = field(init=False)
    namespace: str = field(init=False)

    def __post_init__(self) -> None:
        # asked for at every turn, so read once
        object.__setattr__(self, "kind", text(self.manifest, "kind"))
        object.__setattr__(self, "name", name_of(self.manifest))
        object.__setattr__(self, "namespace", namespace_of(self.manifest) or self.home)

    @property
    def label(self) -> str:
        return f"{self.kind}/{self.name}"

    def at(self, path: Path) -> tuple[str, int]:
        """(file, line) of a field: the last document that has the most of its path."""
        best, found = 0, (self.file, self.line)
        if self.documents and not path:
            first = self.documents[0]
            return first.file, first.line + first.places([()])[0][1] - 1
        for document in self.documents:
            for depth, line in document.places(_spellings(path)):
                if depth and depth >= best:
                    best, found = depth, (document.file, document.line + line - 1)
        return found


def _spellings(path: Path) -> list[Path]:
    """The controller's own paths leave out `canary` and `blueGreen` (`spec.strategy.steps[0]`)."""
    if path[:2] == ("spec", "strategy") and path[2:] and path[2] not in ("canary", "blueGreen"):
        return [path, *((*path[:2], side, *path[2:]) for side in ("canary", "blueGreen"))]
    return [path]


class Hit(NamedTuple):
    """What a rule finds in one object. `severity` where it is not the rule's own."""

    message: str
    path: Path = ()
    severity: str = ""
    related: tuple[Path, ...] = ()


class Place(NamedTuple):
    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Finding:
    """`message` is the controller's own where it has one; `hint` says what to do next."""

    rule: str
    severity: str
    message: str
    object: str
    file: str
    line: int = 1
    hint: str = ""
    related: tuple[Place, ...] = ()


Check = Callable[[Placed, "Scope"], Iterator[Hit | str]]
"""(one manifest, all of its set) → what is wrong; a text is a Hit whose path begins the text."""

_PATH = re.compile(
    r"([A-Za-z][\w.\[\]-]*): "
    r"(?:Invalid value|Required value|Unsupported value|Internal error|Forbidden|Duplicate value)"
)


def as_hit(said: Hit | str) -> Hit:
    if isinstance(said, Hit):
        return said
    found = _PATH.match(said)
    return Hit(said, yamlplaces.parse_path(found[1]) if found else ())


@dataclass(frozen=True, slots=True)
class Rule:
    """`kinds` are the kinds of objects that it is asked about; empty for all."""

    id: str
    severity: str
    told: str
    hint: str
    check: Check
    kinds: frozenset[str] = frozenset()
