"""Semantic versions and constraints as `github.com/Masterminds/semver` reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import total_ordering
from typing import Any, ClassVar

from opsconsole.argo.golang.values import Uint64
from opsconsole.argo.gotemplate.errors import CallError

_VERSION = re.compile(
    r"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?"
    r"(?:-([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?(?:\+([0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*))?",
    re.ASCII,
)
_PART = r"v?(?:[xX*]|\d+)(?:\.(?:[xX*]|\d+))?(?:\.(?:[xX*]|\d+))?(?:-[\w.-]+)?(?:\+[\w.-]+)?"
_TERM = re.compile(rf"\s*(=|!=|>=|=>|<=|=<|>|<|~>|~|\^|)\s*({_PART})\s*,?", re.ASCII)
_HYPHEN = re.compile(rf"\s*({_PART})\s+-\s+({_PART})\s*", re.ASCII)


@total_ordering
@dataclass(frozen=True, eq=False)
class Version:
    """Build metadata does not count for order."""

    numbers: tuple[int, int, int]
    prerelease: str = ""
    metadata: str = ""
    original: str = ""
    go_type: ClassVar[str] = "*semver.Version"

    def __str__(self) -> str:
        text = ".".join(map(str, self.numbers))
        text += f"-{self.prerelease}" if self.prerelease else ""
        return text + (f"+{self.metadata}" if self.metadata else "")

    json_text = __str__

    @property
    def key(self) -> tuple[Any, ...]:
        parts = tuple(
            (0, int(part), "") if part.isdigit() else (1, 0, part)
            for part in self.prerelease.split(".")
            if part
        )
        return (self.numbers, not self.prerelease, parts)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Version) and self.key == other.key

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    def __hash__(self) -> int:
        return hash(self.key)


def parse(text: str) -> Version:
    """`semver.NewVersion`: "1.2" and "v1.2.3" are versions too."""
    found = _VERSION.fullmatch(text)
    if found is None:
        raise CallError("Invalid Semantic Version")
    numbers = tuple(int(part or 0) for part in found.groups()[:3])
    if any(number >= 2**63 for number in numbers):
        raise CallError("Error parsing version segment")
    a, b, c = numbers
    return Version((a, b, c), found[4] or "", found[5] or "", text)


def _bumped(version: Version, place: int) -> Version:
    """`IncMajor` and its like; a prerelease's next patch is its release."""
    numbers = list(version.numbers)
    if place < 2 or not version.prerelease:
        numbers[place] += 1
        numbers[place + 1 :] = [0] * (2 - place)
    a, b, c = numbers
    return Version((a, b, c))


METHODS: dict[str, tuple[str, Callable[..., Any]]] = {
    "Major": ("", lambda version: Uint64(version.numbers[0])),
    "Minor": ("", lambda version: Uint64(version.numbers[1])),
    "Patch": ("", lambda version: Uint64(version.numbers[2])),
    "Prerelease": ("", lambda version: version.prerelease),
    "Metadata": ("", lambda version: version.metadata),
    "Original": ("", lambda version: version.original),
    "String": ("", str),
    "Compare": ("version", lambda one, two: (one > two) - (one < two)),
    "Equal": ("version", lambda one, two: one == two),
    "LessThan": ("version", lambda one, two: one < two),
    "GreaterThan": ("version", lambda one, two: one > two),
    "IncMajor": ("", lambda version: _bumped(version, 0)),
    "IncMinor": ("", lambda version: _bumped(version, 1)),
    "IncPatch": ("", lambda version: _bumped(version, 2)),
}
"""What templates call on a version."""


def _loose(text: str) -> tuple[Version, int]:
    """A version of a constraint and how many of its numbers are written; x counts as left out."""
    head, _, prerelease = text.lstrip("v").partition("+")[0].partition("-")
    numbers: list[int] = []
    for part in head.split("."):
        if part in ("x", "X", "*"):
            break
        numbers.append(int(part))
    a, b, c = [*numbers, 0, 0, 0][:3]
    return Version((a, b, c), prerelease), len(numbers)


def _above(version: Version, place: int) -> Version:
    """The first version with a higher number at `place`."""
    numbers = [*version.numbers[: place + 1], 0, 0][:3]
    numbers[place] += 1
    for later in range(place + 1, 3):
        numbers[later] = 0
    a, b, c = numbers
    return Version((a, b, c))


def _holds(operator: str, written: str, version: Version) -> bool:
    wanted, known = _loose(written)
    if version.prerelease and not wanted.prerelease:
        return False
    if known == 0:
        return operator not in ("!=", "<", ">")
    last = known - 1
    if operator in ("", "="):
        return version == wanted if known == 3 else wanted <= version < _above(wanted, last)
    if operator == "!=":
        return not _holds("=", written, version)
    if operator == ">":
        return version > wanted if known == 3 else version >= _above(wanted, last)
    if operator == "<":
        return version < wanted
    if operator in (">=", "=>"):
        return version >= wanted
    if operator in ("<=", "=<"):
        return version <= wanted if known == 3 else version < _above(wanted, last)
    if operator in ("~", "~>"):
        return wanted <= version < _above(wanted, min(last, 1))
    place = next((at for at in range(3) if wanted.numbers[at] or at >= last), 2)
    return wanted <= version < _above(wanted, place)


def satisfies(constraint: str, text: str) -> bool:
    """`semverCompare`: "^1.2 || >=2, <3", "1.2 - 1.4", "1.x"."""
    version_needed = [_terms(part) for part in constraint.split("||")]
    version = parse(text)
    return any(
        all(_holds(operator, written, version) for operator, written in terms)
        for terms in version_needed
    )


def _terms(part: str) -> list[tuple[str, str]]:
    spread = _HYPHEN.fullmatch(part)
    if spread is not None:
        return [(">=", spread[1]), ("<=", spread[2])]
    terms: list[tuple[str, str]] = []
    at = 0
    while at < len(part.rstrip()):
        found = _TERM.match(part, at)
        if found is None or found.end() == at:
            raise CallError(f"improper constraint: {part}")
        terms.append((found[1], found[2]))
        at = found.end()
    if not terms:
        raise CallError(f"improper constraint: {part}")
    return terms
