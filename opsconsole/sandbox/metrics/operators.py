"""PromQL's binary operators and aggregations over instant vectors.

Separate from walking the expression: matching and grouping are rules of their own
(promql/engine.go VectorBinop, aggregation). Pure.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from opsconsole.errors import MetricsError
from opsconsole.sandbox.metrics.functions import highest, lowest, variance
from opsconsole.sandbox.metrics.numbers import divide, modulo, power, printed, quantile
from opsconsole.sandbox.metrics.samples import NAME, Labels


class Point(NamedTuple):
    labels: Labels
    value: float


Vector = list[Point]

ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "*": lambda a, b: a * b,
    "/": divide,
    "%": modulo,
    "^": power,
    "atan2": math.atan2,
}
COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    ">": lambda a, b: a > b,
    "<": lambda a, b: a < b,
    ">=": lambda a, b: a >= b,
    "<=": lambda a, b: a <= b,
}
SETS = frozenset({"and", "or", "unless"})


@dataclass(frozen=True, slots=True)
class Matching:
    """`on`: only `labels` are compared; otherwise all but them (ignoring)."""

    on: bool = False
    labels: tuple[str, ...] = ()
    card: str = "one-to-one"
    """Also many-to-one (group_left) and one-to-many (group_right)."""

    include: tuple[str, ...] = ()
    return_bool: bool = False

    def signature(self, labels: Labels) -> Labels:
        if self.on:
            return tuple(pair for pair in labels if pair[0] in self.labels)
        return tuple(p for p in labels if p[0] not in self.labels and p[0] != NAME)


def without_name(labels: Labels) -> Labels:
    return tuple(pair for pair in labels if pair[0] != NAME)


def distinct(vector: Vector) -> Vector:
    """Refuses two samples with the same labels, as the engine does."""
    if len({point.labels for point in vector}) != len(vector):
        raise MetricsError("vector cannot contain metrics with the same labelset")
    return vector


def scalar_operation(op: str, a: float, b: float, *, return_bool: bool) -> float:
    if op in ARITHMETIC:
        return ARITHMETIC[op](a, b)
    held = COMPARISONS[op](a, b)
    if not return_bool:
        raise MetricsError("comparisons between scalars must use BOOL modifier")
    return 1.0 if held else 0.0


def with_scalar(
    op: str, vector: Vector, number: float, *, swapped: bool, return_bool: bool
) -> Vector:
    """`swapped`: the number stands on the left."""
    found: Vector = []
    for labels, value in vector:
        a, b = (number, value) if swapped else (value, number)
        if op in ARITHMETIC:
            found.append(Point(without_name(labels), ARITHMETIC[op](a, b)))
        elif return_bool:
            found.append(Point(without_name(labels), 1.0 if COMPARISONS[op](a, b) else 0.0))
        elif COMPARISONS[op](a, b):
            found.append(Point(labels, value))
    return distinct(found)


def set_operation(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    if op == "or":
        held = {matching.signature(labels) for labels, _ in left}
        return left + [p for p in right if matching.signature(p.labels) not in held]
    held = {matching.signature(labels) for labels, _ in right}
    wanted = op == "and"
    return [p for p in left if (matching.signature(p.labels) in held) is wanted]


def vector_operation(op: str, left: Vector, right: Vector, matching: Matching) -> Vector:
    if op in SETS:
        return set_operation(op, left, right, matching)
    swapped = matching.card == "one-to-many"
    many, one = (right, left) if swapped else (left, right)
    side = "left" if swapped else "right"
    ones: dict[Labels, Point] = {}
    for point in one:
        key = matching.signature(point.labels)
        if key in ones:
            raise MetricsError(
                f"found duplicate series for the match group {_shown(key)} on the {side} hand-side"
                f" of the operation: [{_shown(point.labels)}, {_shown(ones[key].labels)}]"
                ";many-to-many matching not allowed: matching labels must be unique on one side"
            )
        ones[key] = point
    found: Vector = []
    seen: set[Labels] = set()
    for point in many:
        key = matching.signature(point.labels)
        other = ones.get(key)
        if other is None:
            continue
        a, b = (other.value, point.value) if swapped else (point.value, other.value)
        value = _combined(op, a, b, matching)
        labels = _result(op, point.labels, other.labels, matching)
        single = key if matching.card == "one-to-one" else labels
        if single in seen:
            raise MetricsError(_not_unique(matching))
        seen.add(single)
        if value is not None:
            found.append(Point(labels, value))
    return found


def _combined(op: str, a: float, b: float, matching: Matching) -> float | None:
    if op in ARITHMETIC:
        return ARITHMETIC[op](a, b)
    held = COMPARISONS[op](a, b)
    if matching.return_bool:
        return 1.0 if held else 0.0
    return a if held else None


def _not_unique(matching: Matching) -> str:
    if matching.card == "one-to-one":
        return (
            "multiple matches for labels: many-to-one matching must be explicit"
            " (group_left/group_right)"
        )
    return "multiple matches for labels: grouping labels must ensure unique matches"


def _result(op: str, many: Labels, one: Labels, matching: Matching) -> Labels:
    labels = dict(many)
    if op in ARITHMETIC or matching.return_bool:
        labels.pop(NAME, None)
    if matching.card == "one-to-one":
        if matching.on:
            labels = {k: v for k, v in labels.items() if k in matching.labels}
        else:
            labels = {k: v for k, v in labels.items() if k not in matching.labels}
    others = dict(one)
    for name in matching.include:
        if others.get(name):
            labels[name] = others[name]
        else:
            labels.pop(name, None)
    return tuple(sorted(labels.items()))


def _shown(labels: Labels) -> str:
    name = dict(labels).get(NAME, "")
    inner = ", ".join(f'{k}="{v}"' for k, v in labels if k != NAME)
    return f"{name}{{{inner}}}"


# aggregation


def grouped(vector: Vector, names: Sequence[str], *, without: bool) -> dict[Labels, list[Point]]:
    groups: dict[Labels, list[Point]] = {}
    keys: dict[Labels, Labels] = {}
    chosen = frozenset(names)
    for point in vector:
        key = keys.get(point.labels)
        if key is None:
            if without:
                key = tuple(p for p in point.labels if p[0] not in chosen and p[0] != NAME)
            else:
                key = tuple(p for p in point.labels if p[0] in chosen)
            keys[point.labels] = key
        groups.setdefault(key, []).append(point)
    return groups


SIMPLE: Mapping[str, Callable[[list[float]], float]] = {
    "sum": math.fsum,
    "avg": lambda values: math.fsum(values) / len(values),
    "min": lowest,
    "max": highest,
    "count": lambda values: float(len(values)),
    "group": lambda values: 1.0,  # noqa: ARG005
    "stddev": lambda values: math.sqrt(variance(values)),
    "stdvar": variance,
}
AGGREGATIONS = frozenset({*SIMPLE, "topk", "bottomk", "quantile", "count_values"})


def aggregate(
    op: str,
    vector: Vector,
    names: Sequence[str],
    *,
    without: bool,
    parameter: float = 0.0,
    label: str = "",
) -> Vector:
    groups = grouped(vector, names, without=without)
    if op in SIMPLE:
        function = SIMPLE[op]
        return [Point(key, _finite(function, points)) for key, points in groups.items()]
    if op == "quantile":
        return [Point(k, quantile(parameter, [p.value for p in g])) for k, g in groups.items()]
    if op == "count_values":
        return _count_values(groups, label)
    count = int(parameter) if math.isfinite(parameter) else 0
    found: Vector = []
    for points in groups.values():
        found += _ranked(points, descending=op == "topk")[: max(count, 0)]
    return found


def _finite(function: Callable[[list[float]], float], points: list[Point]) -> float:
    values = [point.value for point in points]
    try:
        return function(values)
    except (ValueError, OverflowError):
        return math.nan if any(math.isnan(v) for v in values) else sum(values)


def _ranked(points: list[Point], *, descending: bool) -> list[Point]:
    real = [p for p in points if not math.isnan(p.value)]
    rest = [p for p in points if math.isnan(p.value)]
    real.sort(key=lambda p: p.value, reverse=descending)
    return real + rest


def _count_values(groups: Mapping[Labels, list[Point]], label: str) -> Vector:
    found: Vector = []
    for key, points in groups.items():
        counts: dict[str, int] = {}
        for point in points:
            shown = printed(point.value)
            counts[shown] = counts.get(shown, 0) + 1
        for shown, count in counts.items():
            labels = tuple(sorted({**dict(key), label: shown}.items()))
            found.append(Point(labels, float(count)))
    return found
