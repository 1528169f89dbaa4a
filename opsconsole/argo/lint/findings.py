"""What lint looks at and what it says; separate because every rule and every output needs it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.model.objects import name_of, namespace_of, text

ERROR, WARNING = "error", "warning"


@dataclass(frozen=True, slots=True)
class Placed:
    """A manifest, the file it came from and the line its document begins at (1 when rendered)."""

    manifest: Mapping[str, Any]
    file: str
    line: int = 1

    @property
    def label(self) -> str:
        return f"{text(self.manifest, 'kind')}/{name_of(self.manifest)}"


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


Check = Callable[[Placed, Sequence[Placed]], Iterator[str]]
"""(one manifest, all of its set) → messages."""


@dataclass(frozen=True, slots=True)
class Rule:
    id: str
    severity: str
    told: str
    hint: str
    check: Check


def named(everything: Sequence[Placed], kind: str, namespace: str, name: str) -> Any:
    """The manifest of that name, or None."""
    for one in everything:
        found = one.manifest
        if (text(found, "kind"), namespace_of(found), name_of(found)) == (kind, namespace, name):
            return found
    return None
