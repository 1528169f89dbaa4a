"""Regular expressions that come from manifests: Go's syntax, and never more than linear time.

Separate because `re` backtracks and speaks another dialect: only google-re2 may see a
pattern that we did not write ourselves.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import re2

from opsconsole.errors import RuleError, bounded

MAX_PATTERN = 10_000
"""Characters of a pattern; Go has no such bound, but compiling costs memory."""

_OPTIONS = re2.Options()
_OPTIONS.log_errors = False
_OPTIONS.max_mem = 8 << 20


class Pattern:
    """A compiled pattern; a thin face over re2's so that no caller depends on the library."""

    __slots__ = ("_compiled", "text")

    def __init__(self, text: str, compiled: Any) -> None:
        self.text = text
        self._compiled = compiled

    def search(self, text: str) -> bool:
        """Go's `MatchString`: whether it matches anywhere."""
        return self._compiled.search(text) is not None

    def fullmatch(self, text: str) -> bool:
        return self._compiled.fullmatch(text) is not None

    def groups(self, text: str) -> tuple[str, ...] | None:
        """Go's `FindStringSubmatch`: the match and its groups, "" for a group that took no part."""
        found = self._compiled.search(text)
        return None if found is None else (found[0], *(g or "" for g in found.groups()))

    def spans(self, text: str) -> list[tuple[int, int]]:
        """Begin and end of every match, in order."""
        return [found.span() for found in self._compiled.finditer(text)]

    def replace(self, replacement: str, text: str) -> str:
        """Every match replaced; `$1` and `${name}` stand for groups, as in Go's `ReplaceAllString`."""
        out, at = [], 0
        for found in self._compiled.finditer(text):
            out += [text[at : found.start()], _expand(replacement, found)]
            at = found.end()
        return "".join(out) + text[at:]


def _expand(template: str, found: Any) -> str:
    def put(reference: Any) -> str:
        name = reference[1] or reference[2] or ""
        if reference[0] == "$$":
            return "$"
        try:
            return found[int(name)] or "" if name.isdigit() else found[name] or ""
        except (IndexError, KeyError):
            return ""

    return str(_REFERENCE.sub(put, template))


_REFERENCE: Any = re2.compile(r"\$(?:\$|\{(\w+)\}|(\w+))")


@lru_cache(maxsize=512)
def compile(pattern: str) -> Pattern:  # noqa: A001 - the field's name for it
    """Raises RuleError with Go's text: ``error parsing regexp: missing closing ): `(a` ``."""
    if len(pattern) > MAX_PATTERN:
        raise RuleError(f"error parsing regexp: expression is longer than {MAX_PATTERN} characters")
    try:
        return Pattern(pattern, re2.compile(pattern, _OPTIONS))
    except re2.error as fault:
        raise RuleError(f"error parsing regexp: {_go_text(fault, pattern)}") from None


def search(pattern: str, text: str) -> bool:
    return compile(pattern).search(text)


def fullmatch(pattern: str, text: str) -> bool:
    return compile(pattern).fullmatch(text)


def _go_text(fault: Exception, pattern: str) -> str:
    """re2's sentence with Go's argument: Go names the offending part in back quotes."""
    said = fault.args[0] if fault.args else ""
    problem = said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)
    problem, _, part = problem.partition(": ")
    problem = {
        "no argument for repetition operator": "missing argument to repetition operator",
        "bad repetition operator": "invalid nested repetition operator",
        "invalid perl operator": "invalid or unsupported Perl syntax",
        "trailing \\": "trailing backslash at end of expression",
        "pattern too large - compile failed": "expression too large",
        "invalid repetition size": "invalid repeat count",
    }.get(problem, problem)
    if problem == "missing )":
        problem, part = "missing closing )", pattern
    elif problem == "missing ]":
        problem = "missing closing ]"
    elif problem == "unexpected )":
        part = pattern
    if problem == "trailing backslash at end of expression":
        part = ""
    return f"{problem}: `{bounded(part, 128)}`"
