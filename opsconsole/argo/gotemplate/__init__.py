"""Go's text/template with sprig's functions, as notifications and ApplicationSets use it.

    render("{{.app.metadata.name | upper}}", {"app": app}) → "MY-APP"

`data` is decoded JSON (numbers as floats where Go decoded them so), Go values of
`argo.golang`, and `argo.expr.Function`s for `call`. Time and output are bounded. Errors are
TemplateErrors (RuleErrors) with Go's texts.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from opsconsole.argo.gotemplate import builtins
from opsconsole.argo.gotemplate.calls import Builtin, Signature, function
from opsconsole.argo.gotemplate.errors import CallError, ExecError, ParseError, TemplateError
from opsconsole.argo.gotemplate.executor import Executor
from opsconsole.argo.gotemplate.parser import Parser, Tree
from opsconsole.argo.gotemplate.sprig import Clock, epoch, sprig_functions
from opsconsole.errors import RuleError

MAX_OUTPUT = 1_000_000
"""Characters that a template may write; ours."""

MAX_SOURCE = 1_000_000

MISSING_KEY = {
    "missingkey=default": "default",
    "missingkey=invalid": "default",
    "missingkey=zero": "zero",
    "missingkey=error": "error",
}


def functions(now: Clock = epoch, *, sprig: bool = True) -> dict[str, Builtin]:
    """Functions by name: text/template's own and, with `sprig`, sprig's (none that reads the
    environment or the network). Add to it with `gotemplate.function`.
    """
    return {**builtins.TABLE, **(sprig_functions(now) if sprig else {})}


def render(
    template: str,
    data: Any,
    *,
    functions: Mapping[str, Builtin] | None = None,
    options: Sequence[str] = (),
    name: str = "t",
    max_output: int = MAX_OUTPUT,
) -> str:
    """The text that `template` gives for `data`.

    `functions` are those that may be called (all of sprig when None), `options` Go's
    ("missingkey=error"), `name` the template's name in messages. Raises ParseError or ExecError.
    """
    table = _DEFAULT if functions is None else functions
    missing = "default"
    for option in options:
        if option not in MISSING_KEY:
            raise RuleError(f"unrecognized option: {option}")
        missing = MISSING_KEY[option]
    trees = parse(template, table, name=name)
    if _WRITES.search(template):
        data = copy.deepcopy(data)
    executor = Executor(trees, table, missing=missing, max_output=max_output)
    try:
        return executor.run(name, data)
    except RecursionError:
        raise executor.error("the value is nested too deeply") from None


def parse(template: str, functions: Mapping[str, Builtin], *, name: str = "t") -> dict[str, Tree]:
    """The trees of a template and of those that it defines. ParseError with Go's text."""
    if len(template) > MAX_SOURCE:
        raise ParseError(f"template: {name}: template is longer than {MAX_SOURCE} characters")
    return _parsed(template, frozenset(functions), name)


@lru_cache(maxsize=512)
def _parsed(template: str, names: frozenset[str], name: str) -> dict[str, Tree]:
    return Parser(name, template, names).parse()


_WRITES = re.compile(r"\b(set|unset|merge|mustMerge)")
"""Functions that change the maps they are given: the caller's data must stay as it is."""

_DEFAULT = functions()

__all__ = [
    "Builtin",
    "CallError",
    "ExecError",
    "ParseError",
    "Signature",
    "TemplateError",
    "function",
    "functions",
    "parse",
    "render",
]
