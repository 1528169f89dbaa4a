"""The error of the expression language, with the place in the source as expr prints it."""

from __future__ import annotations

from opsconsole.errors import RuleError


class ExprError(RuleError):
    """`message` is expr's text alone; `located` adds line, column and the marked source line."""

    def __init__(self, message: str, source: str = "", at: int | None = None) -> None:
        super().__init__(message)
        self.source = source
        self.at = at

    @property
    def located(self) -> str:
        """`file.Error.Error()`: the message, (line:column), the line, and a mark below it."""
        if self.at is None:
            return self.message
        before = self.source[: self.at]
        start = before.rfind("\n") + 1
        column = len(before) - start
        line = self.source[start:].partition("\n")[0]
        if not line:
            return self.message
        shown = line.replace("\t", " ")
        number = before.count("\n") + 1
        return f"{self.message} ({number}:{column + 1})\n | {shown}\n | {'.' * column}^"


class Panic(Exception):  # noqa: N818 - Go's word for it
    """A run-time fault on its way up; the interpreter adds the place."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
        self.at: int | None = None
