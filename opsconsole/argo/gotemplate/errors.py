"""The errors of Go templates."""

from __future__ import annotations

from opsconsole.errors import RuleError


class TemplateError(RuleError):
    """`message` is Go's whole text; `partial` what was written before the fault."""

    def __init__(self, message: str, partial: str = "") -> None:
        super().__init__(message)
        self.partial = partial


class ParseError(TemplateError):
    """`template: name:line: …`."""


class ExecError(TemplateError):
    """`template: name:line:column: executing "name" at <…>: …`."""


class CallError(Exception):
    """What a function returns as its Go error, or panics with."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message
