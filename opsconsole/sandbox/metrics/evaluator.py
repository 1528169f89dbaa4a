"""PromQL: parsed by Prometheus' own grammar (promql-parser), evaluated here over `Samples`.

What is answered is written down in docs/promql.md and in the tables of `functions` and
`operators`; everything else is refused with its name. Separate from HTTP (`api`) so that
controllers ask in-process, and from the traffic model so that the same evaluator can be
compared with a real Prometheus on given samples. Source: promql/engine.go.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import Any

import promql_parser as grammar

from opsconsole.errors import MetricsError, RuleError, bounded
from opsconsole.model import regex
from opsconsole.sandbox.metrics import functions, operators
from opsconsole.sandbox.metrics.operators import Matching, Point, Vector, distinct, without_name
from opsconsole.sandbox.metrics.samples import (
    NAME,
    Labels,
    Matcher,
    PointWindow,
    Sample,
    Samples,
    Window,
    labels_from,
)

LOOKBACK = 300.0
"""Seconds that a sample stays current."""

MAX_QUERY, MAX_DEPTH, MAX_POINTS = 20_000, 120, 11_000

Value = Vector | float | str

_MATCH_OPS = {"Equal": "=", "NotEqual": "!=", "Re": "=~", "NotRe": "!~"}
_CARDS = {
    "OneToOne": "one-to-one", "ManyToOne": "many-to-one", "OneToMany": "one-to-many",
    "ManyToMany": "one-to-one",
}  # fmt: skip


class QueryError(MetricsError):
    """`kind` is Prometheus' errorType: bad_data or execution."""

    def __init__(self, message: str, kind: str = "bad_data") -> None:
        super().__init__(message)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class Rules:
    """What differs between releases of Prometheus; the defaults are those of version 3."""

    open_start: bool = True
    """Ranges exclude their first instant (version 2 includes it)."""

    zero_first: bool = False

    @classmethod
    def of_version(cls, major: int) -> Rules:
        return cls() if major >= 3 else cls(open_start=False, zero_first=True)


@dataclass(frozen=True, slots=True)
class _Moment:
    """The instant that is evaluated, and the bounds of the whole query (for `@ start()`)."""

    at: float
    start: float
    end: float


@lru_cache(maxsize=512)
def parse(query: str) -> Any:
    """The parsed expression. QueryError with the grammar's message."""
    if len(query) > MAX_QUERY:
        raise QueryError(f"the query is longer than {MAX_QUERY} characters")
    depth = deepest = 0
    for char in query:
        depth += (char in "([{") - (char in ")]}")
        deepest = max(deepest, depth)
    if deepest > MAX_DEPTH:
        raise QueryError(f"the query nests deeper than {MAX_DEPTH} levels")
    if not query.strip():
        raise QueryError(
            'invalid parameter "query": 1:1: parse error: no expression found in input'
        )
    try:
        return grammar.parse(query)
    except ValueError as refused:
        raise QueryError(f'invalid parameter "query": parse error: {bounded(refused)}') from refused


def instant(query: str, samples: Samples, at: float, rules: Rules | None = None) -> Value:
    """The value of a query at one instant."""
    return Evaluator(samples, rules).evaluate(
        parse(query), _Moment(float(at), float(at), float(at))
    )


def over_range(  # noqa: PLR0917
    query: str,
    samples: Samples,
    start: float,
    end: float,
    step: float,
    rules: Rules | None = None,
) -> list[tuple[Labels, list[Sample]]]:
    """`query_range`: per series its (instant, value) pairs, in order of the labels."""
    if step <= 0:
        raise QueryError(
            'invalid parameter "step": zero or negative query resolution step widths are not accepted. Try a positive integer'
        )
    if end < start:
        raise QueryError('invalid parameter "end": end timestamp must not be before start time')
    if (end - start) / step > MAX_POINTS:
        raise QueryError(
            f"exceeded maximum resolution of {MAX_POINTS:,} points per timeseries."
            " Try decreasing the query resolution (?step=XX)"
        )
    expression = parse(query)
    evaluator = Evaluator(samples, rules)
    found: dict[Labels, list[Sample]] = {}
    for index in range(int((end - start) / step + 1e-9) + 1):
        at = float(start + index * step)
        value = evaluator.evaluate(expression, _Moment(at, start, end))
        if isinstance(value, str):
            raise QueryError(
                'invalid expression type "string" for range query, must be Scalar or instant Vector'
            )
        points = [Point((), value)] if isinstance(value, float) else value
        for labels, number in points:
            found.setdefault(labels, []).append((at, number))
    return sorted(found.items())


def selectors(expression: Any) -> list[list[Matcher]]:
    """The matchers of a plain selector, as `match[]` of `series` and `labels` has them."""
    if type(expression).__name__ != "VectorSelector":
        raise QueryError("match[] must contain a series selector")
    return [_matchers(expression)]


def _matchers(selector: Any) -> list[Matcher]:
    if selector.matchers.or_matchers:
        raise QueryError("the sandbox does not support `or` between matchers")
    found = [
        Matcher(m.name, _MATCH_OPS[str(m.op).rsplit(".", 1)[-1]], m.value)
        for m in selector.matchers.matchers
    ]
    if selector.name:
        found.insert(0, Matcher(NAME, "=", selector.name))
    return found


class Evaluator:
    def __init__(self, samples: Samples, rules: Rules | None = None) -> None:
        self.samples = samples
        self.rules = rules or Rules()

    def evaluate(self, node: Any, moment: _Moment) -> Value:
        match type(node).__name__:
            case "NumberLiteral":
                return float(node.val)
            case "StringLiteral":
                return str(node.val)
            case "ParenExpr":
                return self.evaluate(node.expr, moment)
            case "UnaryExpr":
                return _negated(self.evaluate(node.expr, moment))
            case "VectorSelector":
                return self._select(node, moment)
            case "AggregateExpr":
                return self._aggregate(node, moment)
            case "BinaryExpr":
                return self._binary(node, moment)
            case "Call":
                return self._call(node, moment)
            case "MatrixSelector" | "SubqueryExpr":
                raise QueryError(
                    'invalid expression type "range vector" for range query, must be Scalar or instant Vector'
                )
            case other:
                raise QueryError(f"the sandbox does not support PromQL's {other}", "execution")

    def matrix(self, node: Any, at: float) -> list[tuple[Labels, list[Sample]]]:
        """A range vector as a whole expression, as `query` may ask for it."""
        windows, _, _ = self._windows(node, _Moment(at, at, at))
        return [(labels, list(window.points())) for labels, window in windows]

    # selectors

    def _shifted(self, node: Any, moment: _Moment) -> float:
        at = moment.at
        if node.at is not None:
            kind = str(node.at.type).rsplit(".", 1)[-1]
            at = {"Start": moment.start, "End": moment.end}.get(kind, at)
            if kind == "At":
                at = node.at.at.timestamp()
        return at - (node.offset.total_seconds() if node.offset is not None else 0.0)

    def _select(self, node: Any, moment: _Moment) -> Vector:
        at = self._shifted(node, moment)
        found = self._guard(
            lambda: self.samples.latest(
                _matchers(node), at - LOOKBACK, at, open_start=self.rules.open_start
            )
        )
        return [Point(labels, sample[1]) for labels, sample in found]

    def _guard(self, ask: Callable[[], Any]) -> list[Any]:
        try:
            return list(ask())
        except RuleError as refused:
            raise QueryError(
                f'invalid parameter "query": parse error: {refused.message}'
            ) from refused

    def _windows(
        self, node: Any, moment: _Moment
    ) -> tuple[list[tuple[Labels, Window]], float, float]:
        """Series with their samples in a range, and the range's bounds."""
        if type(node).__name__ == "ParenExpr":
            return self._windows(node.expr, moment)
        if type(node).__name__ == "SubqueryExpr":
            return self._subquery(node, moment)
        if type(node).__name__ != "MatrixSelector":
            raise QueryError("expected a range vector", "execution")
        selector = node.vector_selector
        end = self._shifted(selector, moment)
        start = end - node.range.total_seconds()
        found = self._guard(
            lambda: self.samples.windows(
                _matchers(selector), start, end, open_start=self.rules.open_start
            )
        )
        return found, start, end

    def _subquery(
        self, node: Any, moment: _Moment
    ) -> tuple[list[tuple[Labels, Window]], float, float]:
        end = self._shifted(node, moment)
        start = end - node.range.total_seconds()
        step = node.step.total_seconds() if node.step is not None else 60.0
        first = math.floor(start / step) * step
        while first < start or (self.rules.open_start and first <= start):
            first += step
        count = int((end - first) / step + 1e-9) + 1
        if count > MAX_POINTS:
            raise QueryError("the subquery has too many steps", "execution")
        found: dict[Labels, list[Sample]] = {}
        for index in range(max(count, 0)):
            at = first + index * step
            value = self.evaluate(node.expr, replace(moment, at=at))
            points = [Point((), value)] if isinstance(value, float) else value
            for labels, number in points if not isinstance(points, str) else ():
                found.setdefault(labels, []).append((at, number))
        return [(labels, PointWindow(points)) for labels, points in found.items()], start, end

    # operators

    def _aggregate(self, node: Any, moment: _Moment) -> Vector:
        op = str(node.op)
        if op not in operators.AGGREGATIONS:
            raise QueryError(f"the sandbox does not support the aggregation {op!r}", "execution")
        vector = self._vector(node.expr, moment)
        names: Sequence[str] = ()
        without = False
        if node.modifier is not None:
            names = node.modifier.labels
            without = str(node.modifier.type).endswith("Without")
        parameter, label = 0.0, ""
        if node.param is not None:
            given = self.evaluate(node.param, moment)
            if isinstance(given, str):
                label = given
            else:
                parameter = _number(given)
        return operators.aggregate(
            op, vector, names, without=without, parameter=parameter, label=label
        )

    def _binary(self, node: Any, moment: _Moment) -> Value:
        op = str(node.op)
        left, right = self.evaluate(node.lhs, moment), self.evaluate(node.rhs, moment)
        known = op in operators.ARITHMETIC or op in operators.COMPARISONS or op in operators.SETS
        if not known or isinstance(left, str) or isinstance(right, str):
            raise QueryError(f"the sandbox does not support the operator {op!r}", "execution")
        matching = _matching(node.modifier)
        try:
            if isinstance(left, float) and isinstance(right, float):
                return operators.scalar_operation(op, left, right, return_bool=matching.return_bool)
            if isinstance(right, float):
                assert isinstance(left, list)
                return operators.with_scalar(
                    op, left, right, swapped=False, return_bool=matching.return_bool
                )
            if isinstance(left, float):
                return operators.with_scalar(
                    op, right, left, swapped=True, return_bool=matching.return_bool
                )
            return operators.vector_operation(op, left, right, matching)
        except MetricsError as refused:
            raise QueryError(refused.message, "execution") from refused

    # functions

    def _call(self, node: Any, moment: _Moment) -> Value:
        name, args = node.func.name, node.args
        if name in functions.RATES:
            return self._rate(name, args[0], moment)
        if name in functions.OVER_TIME:
            return self._over_time(name, args[0], moment)
        if name in functions.INSTANT:
            function = functions.INSTANT[name]
            return self._each(self._vector(args[0], moment), function)
        if name in functions.CALENDAR:
            vector = [Point((), moment.at)] if not args else self._vector(args[0], moment)
            return self._each(vector, functions.CALENDAR[name])
        method = getattr(self, f"_do_{name}", None)
        if method is None:
            raise QueryError(f"the sandbox does not support the function {name!r}", "execution")
        found: Value = method(args, moment)
        return found

    def _vector(self, node: Any, moment: _Moment) -> Vector:
        value = self.evaluate(node, moment)
        if not isinstance(value, list):
            raise QueryError("expected an instant vector", "execution")
        return value

    def _scalar(self, node: Any, moment: _Moment) -> float:
        return _number(self.evaluate(node, moment))

    def _text(self, node: Any, moment: _Moment) -> str:
        return str(self.evaluate(node, moment))

    def _each(self, vector: Vector, function: Callable[[float], float]) -> Vector:
        try:
            return distinct([Point(without_name(p.labels), function(p.value)) for p in vector])
        except MetricsError as refused:
            raise QueryError(refused.message, "execution") from refused

    def _ranged(
        self, node: Any, moment: _Moment, function: Callable[[Window, float, float], float | None]
    ) -> Vector:
        windows, start, end = self._windows(node, moment)
        found = []
        for labels, window in windows:
            value = function(window, start, end)
            if value is not None:
                found.append(Point(without_name(labels), value))
        try:
            return distinct(found)
        except MetricsError as refused:
            raise QueryError(refused.message, "execution") from refused

    def _rate(self, name: str, node: Any, moment: _Moment) -> Vector:
        counter, per_second = functions.RATES[name]
        zero_first = self.rules.zero_first
        return self._ranged(
            node,
            moment,
            lambda w, start, end: functions.extrapolated(
                w, start, end, counter, per_second, zero_first
            ),
        )

    def _over_time(self, name: str, node: Any, moment: _Moment) -> Vector:
        function = functions.OVER_TIME[name]
        if name == "last_over_time":
            windows, _, _ = self._windows(node, moment)
            return [Point(labels, function(window)) for labels, window in windows]
        return self._ranged(node, moment, lambda w, *_: function(w))

    def _do_irate(self, args: Any, moment: _Moment) -> Vector:
        return self._ranged(
            args[0], moment, lambda w, *_: functions.instant_change(w, is_rate=True)
        )

    def _do_idelta(self, args: Any, moment: _Moment) -> Vector:
        return self._ranged(
            args[0], moment, lambda w, *_: functions.instant_change(w, is_rate=False)
        )

    def _do_deriv(self, args: Any, moment: _Moment) -> Vector:
        return self._ranged(args[0], moment, lambda w, *_: functions.deriv(w))

    def _do_predict_linear(self, args: Any, moment: _Moment) -> Vector:
        seconds = self._scalar(args[1], moment)
        return self._ranged(args[0], moment, lambda w, *_: functions.predict(w, moment.at, seconds))

    def _do_quantile_over_time(self, args: Any, moment: _Moment) -> Vector:
        q = self._scalar(args[0], moment)
        return self._ranged(args[1], moment, lambda w, *_: functions.quantile_over_time(q, w))

    def _do_absent_over_time(self, args: Any, moment: _Moment) -> Vector:
        windows, _, _ = self._windows(args[0], moment)
        selector = getattr(args[0], "vector_selector", None)
        return [] if windows else [Point(_absent_labels(selector), 1.0)]

    def _do_absent(self, args: Any, moment: _Moment) -> Vector:
        found = self._vector(args[0], moment)
        return [] if found else [Point(_absent_labels(args[0]), 1.0)]

    def _do_time(self, args: Any, moment: _Moment) -> float:  # noqa: ARG002
        return moment.at

    def _do_pi(self, args: Any, moment: _Moment) -> float:  # noqa: ARG002
        return math.pi

    def _do_scalar(self, args: Any, moment: _Moment) -> float:
        found = self._vector(args[0], moment)
        return found[0].value if len(found) == 1 else math.nan

    def _do_vector(self, args: Any, moment: _Moment) -> Vector:
        return [Point((), self._scalar(args[0], moment))]

    def _do_timestamp(self, args: Any, moment: _Moment) -> Vector:
        node = args[0]
        while type(node).__name__ == "ParenExpr":
            node = node.expr
        if type(node).__name__ != "VectorSelector":
            return self._each(self._vector(node, moment), lambda _: moment.at)
        at = self._shifted(node, moment)
        found = self._guard(
            lambda: self.samples.latest(
                _matchers(node), at - LOOKBACK, at, open_start=self.rules.open_start
            )
        )
        return distinct([Point(without_name(labels), sample[0]) for labels, sample in found])

    def _do_clamp(self, args: Any, moment: _Moment) -> Vector:
        low, high = self._scalar(args[1], moment), self._scalar(args[2], moment)
        if low > high:
            return []
        vector = self._vector(args[0], moment)
        return self._each(vector, lambda v: functions.clamp(v, low, high))

    def _do_clamp_min(self, args: Any, moment: _Moment) -> Vector:
        low = self._scalar(args[1], moment)
        return self._each(
            self._vector(args[0], moment), lambda v: functions.clamp(v, low, math.inf)
        )

    def _do_clamp_max(self, args: Any, moment: _Moment) -> Vector:
        high = self._scalar(args[1], moment)
        return self._each(
            self._vector(args[0], moment), lambda v: functions.clamp(v, -math.inf, high)
        )

    def _do_round(self, args: Any, moment: _Moment) -> Vector:
        to = self._scalar(args[1], moment) if len(args) > 1 else 1.0
        return self._each(self._vector(args[0], moment), lambda v: functions.rounded(v, to))

    def _do_sort(self, args: Any, moment: _Moment) -> Vector:
        return sorted(self._vector(args[0], moment), key=lambda p: (math.isnan(p.value), p.value))

    def _do_sort_desc(self, args: Any, moment: _Moment) -> Vector:
        vector = self._vector(args[0], moment)
        return sorted(vector, key=lambda p: (math.isnan(p.value), -p.value))

    def _do_histogram_quantile(self, args: Any, moment: _Moment) -> Vector:
        q = self._scalar(args[0], moment)
        groups: dict[Labels, list[tuple[float, float]]] = {}
        for labels, value in self._vector(args[1], moment):
            bound = _bound(dict(labels).get("le", ""))
            if bound is not None:
                key = tuple(p for p in labels if p[0] not in ("le", NAME))
                groups.setdefault(key, []).append((bound, value))
        return [
            Point(key, functions.histogram_quantile(q, buckets)) for key, buckets in groups.items()
        ]

    def _do_label_replace(self, args: Any, moment: _Moment) -> Vector:
        target, template, source, pattern = (self._text(a, moment) for a in args[1:5])
        try:
            compiled = regex.compile(f"^(?:{pattern})$")
        except RuleError as refused:
            raise QueryError(
                f"invalid regular expression in label_replace(): {bounded(pattern, 60)}",
                "execution",
            ) from refused
        found = []
        for labels, value in self._vector(args[0], moment):
            held = dict(labels)
            if compiled.search(held.get(source, "")):
                held[target] = compiled.replace(template, held.get(source, ""))
            found.append(Point(labels_from(held), value))
        return distinct(found)

    def _do_label_join(self, args: Any, moment: _Moment) -> Vector:
        target, glue, *sources = (self._text(a, moment) for a in args[1:])
        found = []
        for labels, value in self._vector(args[0], moment):
            held = dict(labels)
            held[target] = glue.join(held.get(source, "") for source in sources)
            found.append(Point(labels_from(held), value))
        return distinct(found)


def _negated(value: Value) -> Value:
    if isinstance(value, float):
        return -value
    if isinstance(value, str):
        raise QueryError("unary expression only allowed on expressions of type scalar or vector")
    return distinct([Point(without_name(p.labels), -p.value) for p in value])


def _number(value: Value) -> float:
    if not isinstance(value, float):
        raise QueryError("expected a scalar", "execution")
    return value


def _bound(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _matching(modifier: Any) -> Matching:
    if modifier is None:
        return Matching()
    on, labels = False, ()
    if modifier.matching is not None:
        on = str(modifier.matching.type).endswith("Include")
        labels = tuple(modifier.matching.labels)
    card = _CARDS[str(modifier.card).rsplit(".", 1)[-1]]
    return Matching(on, labels, card, tuple(modifier.group_labels or ()), modifier.return_bool)


def _absent_labels(selector: Any) -> Labels:
    """Of a plain selector the labels that it demands once, by equality."""
    if type(selector).__name__ != "VectorSelector":
        return ()
    equal: dict[str, list[str]] = {}
    for matcher in _matchers(selector):
        if matcher.name != NAME:
            equal.setdefault(matcher.name, []).append(matcher.value if matcher.op == "=" else "")
    return labels_from({k: v[0] for k, v in equal.items() if len(v) == 1 and v[0]})
