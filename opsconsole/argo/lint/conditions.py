"""Analysis metrics whose conditions fail on data that is ordinary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from opsconsole.argo.analysis.conditions import evaluate_condition
from opsconsole.argo.expr import ExprError
from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.golang.values import Floats
from opsconsole.argo.lint.findings import Hit, Path, Placed
from opsconsole.argo.lint.scope import Scope
from opsconsole.errors import RuleError
from opsconsole.model import regex
from opsconsole.model.objects import mappings, text

_ARGUMENT = re.compile(r"\{\{.*?\}\}")
OWN = ("default", "isNil", "isNaN", "isInf", "asInt", "asFloat")


class _Condition(NamedTuple):
    where: str
    source: str
    metric: Mapping[str, Any]
    path: Path


def _conditions(one: Placed) -> Iterator[_Condition]:
    for index, metric in enumerate(mappings(one.manifest, "spec", "metrics")):
        for field in ("successCondition", "failureCondition"):
            source = text(metric, field)
            if source:
                where = f'metric "{text(metric, "name")}": {field} "{source}"'
                path = ("spec", "metrics", index, field)
                yield _Condition(where, _ARGUMENT.sub("1", source), metric, path)


def _parsed(source: str) -> n.Node | None:
    try:
        return Parser(source, [b for b in BUILTINS if b not in OWN], OWN).parse()
    except ExprError:
        return None


def _nodes(node: n.Node) -> Iterator[n.Node]:
    yield node
    for child in n.children(node):
        yield from _nodes(child)


def _result(node: n.Node) -> bool:
    return isinstance(node, n.Identifier) and node.name == "result"


def _index(node: n.Node) -> bool:
    return isinstance(node, n.Literal) and isinstance(node.value, int)


def unparsable(one: Placed, _: Scope) -> Iterator[Hit]:
    """Syntax, and names that the environment of a condition does not have."""
    for where, source, _metric, path in _conditions(one):
        try:
            Parser(source, [b for b in BUILTINS if b not in OWN], OWN).parse()
            evaluate_condition(1.0, source)
        except ExprError as fault:
            if _parsed(source) is None or "unknown name" in fault.message:
                yield Hit(f"{where}: {fault.message}", path)
        except RuleError:
            continue


def mistyped(one: Placed, _: Scope) -> Iterator[Hit]:
    """Prometheus gives a list of numbers, or one number for a scalar: what does not fit it."""
    for where, source, metric, path in _conditions(one):
        query = text(metric, "provider", "prometheus", "query").strip()
        if not query or _parsed(source) is None:
            continue
        one_number = query.startswith("scalar(") or query == "time()"
        try:
            evaluate_condition(1.0 if one_number else Floats([1.0]), source)
        except RuleError as fault:
            if "unknown name" not in fault.message and "out of range" not in fault.message:
                told = "one number" if one_number else "a list of numbers"
                yield Hit(f"{where}: {fault.message} (the result is {told})", path)


_NEVER_EMPTY = re.compile(
    r"\bvector\s*\(|\bscalar\s*\(|\babsent(_over_time)?\s*\(|\btime\s*\(\s*\)"
)
"""Queries that answer even where there are no samples."""


def empty_result(one: Placed, _: Scope) -> Iterator[Hit]:
    """A vector without samples is an empty list; its first element is an Error, five are an abort."""
    for where, source, metric, path in _conditions(one):
        tree = _parsed(source)
        provider = metric.get("provider")
        if tree is None or not isinstance(provider, Mapping) or "prometheus" not in provider:
            continue
        if _NEVER_EMPTY.search(text(provider, "prometheus", "query")):
            continue
        nodes = list(_nodes(tree))
        indexed = any(
            isinstance(x, n.Member) and _result(x.node) and _index(x.property) for x in nodes
        )
        guarded = any(
            isinstance(x, n.BuiltinCall) and x.name == "len" and any(map(_result, x.arguments))
            for x in nodes
        )
        if indexed and not guarded:
            yield Hit(f"{where}: an empty result is an Error, not a failure", path)


def default_of_part(one: Placed, _: Scope) -> Iterator[Hit]:
    """`default` and `isNil` look at the whole result, whatever they are given (evaluate.go)."""
    for where, source, _metric, path in _conditions(one):
        tree = _parsed(source)
        for x in _nodes(tree) if tree else ():
            if (
                isinstance(x, n.Call)
                and isinstance(x.callee, n.Identifier)
                and x.callee.name in ("default", "isNil")
                and x.arguments
                and not _result(x.arguments[0])
            ):
                name = x.callee.name
                yield Hit(f"{where}: {name}() looks at the whole result, not at its argument", path)
                break


def both_never(one: Placed, _: Scope) -> Iterator[Hit]:
    """A condition without `result` says the same of every measurement."""
    for where, source, metric, path in _conditions(one):
        tree = _parsed(source)
        provider = metric.get("provider")
        if tree is None or (isinstance(provider, Mapping) and "job" in provider):
            continue
        own = ("result", "isNil", "default")
        if not any(isinstance(x, n.Identifier) and x.name in own for x in _nodes(tree)):
            yield Hit(f"{where}: it does not look at the result", path)


def dry_run_star(one: Placed, _: Scope) -> Iterator[Hit]:
    pending: list[tuple[Any, Path]] = [(one.manifest, ())]
    while pending:
        value, path = pending.pop()
        if isinstance(value, Mapping):
            for field in ("dryRun", "measurementRetention"):
                for index, rule in enumerate(mappings(value, field)):
                    name = text(rule, "metricName")
                    if name and not _compiles(name):
                        why = f'{field} metricName: "{name}" is a regular expression that does not parse'
                        yield Hit(why, (*path, field, index))
            pending += [(inner, (*path, key)) for key, inner in value.items()]
        elif isinstance(value, list):
            pending += [(inner, (*path, index)) for index, inner in enumerate(value)]


def _compiles(pattern: str) -> bool:
    try:
        regex.compile(pattern)
    except RuleError:
        return False
    return True
