"""The expression language of conditions and triggers (github.com/expr-lang/expr v1.17).

    program = compile_expression("result[0] < 5", {"result": Floats([1.0])})
    program.run({"result": Floats([1.0])}, now=clock)

Environments map names to Go values (see `golang.values`) and `Function`s. Nothing here evaluates
Python; time and memory are bounded. Errors are `ExprError`: `.message` is expr's text, `.located`
adds the place, as expr prints it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.checker import Checker
from opsconsole.argo.expr.errors import ExprError, Panic
from opsconsole.argo.expr.functions import Function
from opsconsole.argo.expr.interpreter import Interpreter, Skip
from opsconsole.argo.expr.optimizer import optimize
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.expr.types import Nature, natures_of
from opsconsole.argo.golang.gotime import Time

Now = Callable[[], Time]

MAX_SOURCE = 100_000
"""Characters of an expression; ours."""


def epoch() -> Time:
    """The clock of who has none."""
    return Time.of(datetime(1970, 1, 1, tzinfo=UTC))


@dataclass(frozen=True)
class Program:
    """A compiled expression; may be run many times. `nature` is what is known of its result."""

    source: str
    root: n.Node
    nature: Nature

    def run(self, environment: Mapping[str, Any], now: Now = epoch) -> Any:
        """The value as a Go value. ExprError when evaluation fails."""
        try:
            return Interpreter(environment, now).run(self.root)
        except Panic as fault:
            raise ExprError(fault.message, self.source, fault.at) from fault
        except Skip:
            return None
        except RecursionError:
            raise ExprError("the value is nested too deeply", self.source, 0) from None


def compile_expression(source: str, environment: Mapping[str, Any]) -> Program:
    """Parse and check against the names and types of `environment`. ExprError says what is wrong."""
    natures = natures_of(environment)
    return _compiled(source, tuple(sorted(natures.items(), key=lambda pair: pair[0])))


def evaluate(source: str, environment: Mapping[str, Any], now: Now = epoch) -> Any:
    """Compile and run. ExprError for either."""
    return compile_expression(source, environment).run(environment, now)


@lru_cache(maxsize=512)
def _compiled(source: str, names: tuple[tuple[str, Nature], ...]) -> Program:
    if len(source) > MAX_SOURCE:
        raise ExprError(f"expression is longer than {MAX_SOURCE} characters")
    environment = dict(names)
    tree = Parser(source, BUILTINS, environment).parse()
    nature = Checker(source, environment).visit(tree)
    tree = optimize(tree, source)
    _measure(tree)
    return Program(source, tree, nature)


def _measure(node: n.Node) -> int:
    """Write the size of each predicate, which is what one round of a loop costs."""
    size = 1 + sum(_measure(child) for child in n.children(node))
    if isinstance(node, n.Predicate):
        node.size = size
    return size


__all__ = ["ExprError", "Function", "Program", "compile_expression", "epoch", "evaluate"]
