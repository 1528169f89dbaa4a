"""successCondition and failureCondition, as `utils/evaluate/evaluate.go` of Argo Rollouts.

Separate from the run loop because every provider ends here, and because the names that a
condition sees behave oddly: `default` and `isNil` look at the whole result, not at their argument.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.argo.analysis.phases import ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL
from opsconsole.argo.expr import ExprError, Function, evaluate
from opsconsole.argo.expr.types import ANY, BOOL, FLOAT, INT64, function
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.gotime import Time
from opsconsole.argo.golang.strconv import parse_float, parse_int
from opsconsole.argo.golang.values import Int64, float_to_int, type_name
from opsconsole.errors import RuleError
from opsconsole.model.objects import text

NO_DATA = "metric result is nil or empty: no data returned from the metric provider"


@dataclass(frozen=True, slots=True)
class Verdict:
    """The phase of one measurement; `message` is empty unless the phase is Error."""

    phase: str
    message: str = ""


def evaluate_result(result: Any, metric: Mapping[str, Any]) -> Verdict:
    """`EvaluateResult`: `result` is a Go value (see `golang.values`), `metric` a metric's spec.

    Failure wins where both conditions hold; neither is Inconclusive; no condition at all is
    Successful.
    """
    held: dict[str, bool] = {}
    for name in ("successCondition", "failureCondition"):
        condition = text(metric, name)
        if not condition:
            continue
        try:
            held[name] = evaluate_condition(result, condition)
        except RuleError as wrong:
            cause = NO_DATA if _nothing(result) else wrong.message
            return Verdict(ERROR, f'could not evaluate {name} "{condition}": {cause}')
    success, failure = held.get("successCondition"), held.get("failureCondition")
    if success is None and failure is None:
        return Verdict(SUCCESSFUL)
    if failure is None:
        failure = not success
    if success is None:
        success = not failure
    if failure:
        return Verdict(FAILED)
    return Verdict(SUCCESSFUL if success else INCONCLUSIVE)


def evaluate_condition(result: Any, condition: str) -> bool:
    """`EvalCondition`. RuleError with expr's text, without the place."""
    environment = {
        "result": result,
        **_CONSTANT,
        "isNil": Function("isNil", _IS_NIL, lambda _: result is None),
        "default": Function("default", _DEFAULT, lambda _, other: _default(result, other)),
    }
    found = evaluate(condition, environment)
    if isinstance(found, bool):
        return found
    raise RuleError(f"expected bool, but got {type_name(found)}")


def evaluate_time(expression: str, now: Callable[[], datetime]) -> datetime:
    """`EvalTime`: `rangeQuery.start` and `end`. RuleError when it is no time."""
    names = {name: _CONSTANT[name] for name in ("isNaN", "isInf")}
    found = evaluate(expression, names, lambda: Time.of(now()))
    if isinstance(found, Time):
        return found.at.replace(microsecond=found.nanos // 1000)
    raise RuleError(f"expected time.Time, but got {type_name(found)}")


def _nothing(result: Any) -> bool:
    return result is None or (isinstance(result, list) and not result)


def _default(result: Any, other: Any) -> Any:
    return other if result is None else result


def _as_int(value: Any) -> Int64:
    if isinstance(value, str):
        return Int64(parse_int(value))
    if isinstance(value, float):
        return Int64(float_to_int(value))
    if _plain_integer(value):
        return Int64(value)
    raise RuleError(f"asInt() not supported on {type_name(value)} {v(value)}")


def _as_float(value: Any) -> float:
    if isinstance(value, str):
        return parse_float(value)
    if isinstance(value, float) or _plain_integer(value):
        return float(value)
    raise RuleError(f"asFloat() not supported on {type_name(value)} {v(value)}")


def _plain_integer(value: Any) -> bool:
    return (
        isinstance(value, int)
        and not isinstance(value, bool)
        and type_name(value) in ("int", "int64", "uint8", "int32")
    )


_IS_NIL = function(ANY, out=BOOL)
_DEFAULT = function(ANY, ANY, out=ANY)
_CONSTANT: dict[str, Function] = {
    "asInt": Function("asInt", function(ANY, out=INT64), _as_int),
    "asFloat": Function("asFloat", function(ANY, out=FLOAT), _as_float),
    "isNaN": Function("isNaN", function(FLOAT, out=BOOL), math.isnan, typed=True),
    "isInf": Function("isInf", function(FLOAT, out=BOOL), math.isinf, typed=True),
}

__all__ = ["ExprError", "Verdict", "evaluate_condition", "evaluate_result", "evaluate_time"]
