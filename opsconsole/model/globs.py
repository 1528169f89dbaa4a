"""Globs of Argo CD (`util/glob`, which is gobwas/glob), matched in linear time.

One place, because projects, sync windows, ignored differences and files of a directory all
use them, with or without separators.
"""

from __future__ import annotations

import re
from functools import lru_cache

from opsconsole.errors import RuleError
from opsconsole.model import regex


def matches(pattern: str, value: str, separator: str = "") -> bool:
    """Whether the whole of `value` matches.

    `*` and `?` stop at the separator, `**` does not, `[abc]`, `[a-z]` and `[!a-z]` are one
    character, `{a,b}` alternatives, a backslash quotes. A pattern that does not parse matches nothing,
    as in Argo CD, which only logs it.
    """
    try:
        return _compiled(pattern, separator).fullmatch(value)
    except RuleError:
        return False


@lru_cache(maxsize=1024)
def _compiled(pattern: str, separator: str) -> regex.Pattern:
    return regex.compile(f"(?s:{_Translation(pattern, separator).run()})")


class _Translation:
    """Glob → RE2. `run` raises RuleError for a bracket or brace that is not closed."""

    def __init__(self, pattern: str, separator: str) -> None:
        self.pattern = pattern
        self.any = f"[^{re.escape(separator)}]" if separator else "."
        self.at = 0
        self.depth = 0

    def run(self) -> str:
        out = []
        while self.at < len(self.pattern):
            out.append(self._next())
        if self.depth:
            raise RuleError(f"{self.pattern}: a brace is not closed")
        return "".join(out)

    def _next(self) -> str:
        char = self.pattern[self.at]
        self.at += 1
        if char == "*":
            return self._stars()
        if char == "?":
            return self.any
        if char == "[":
            return self._class()
        if char == "{":
            self.depth += 1
            return "(?:"
        if char == "}" and self.depth:
            self.depth -= 1
            return ")"
        if char == "," and self.depth:
            return "|"
        if char == "\\" and self.at < len(self.pattern):
            char = self.pattern[self.at]
            self.at += 1
        return re.escape(char)

    def _stars(self) -> str:
        begin = self.at
        while self.pattern[self.at : self.at + 1] == "*":
            self.at += 1
        return ".*" if self.at > begin else f"{self.any}*"

    def _class(self) -> str:
        end = self.pattern.find("]", self.at + 1)
        if end < 0:
            raise RuleError(f"{self.pattern}: a bracket is not closed")
        body, self.at = self.pattern[self.at : end], end + 1
        negated = body.startswith("!")
        inner = re.escape(body[negated:]).replace(r"\-", "-")
        return f"[{'^' if negated else ''}{inner}]"
