"""Analysis metrics whose conditions fail on data that is ordinary."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsconsole.argo.expr import ExprError
from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.lint.findings import Placed
from opsconsole.model.objects import mappings, text

TEMPLATES = ("AnalysisTemplate", "ClusterAnalysisTemplate", "AnalysisRun")
_ARGUMENT = re.compile(r"\{\{.*?\}\}")
OWN = ("default", "isNil", "isNaN", "isInf", "asInt", "asFloat")


def _metrics(one: Placed) -> list[Mapping[str, Any]]:
    held = text(one.manifest, "kind") in TEMPLATES
    return mappings(one.manifest, "spec", "metrics") if held else []


def _conditions(one: Placed) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for metric in _metrics(one):
        for field in ("successCondition", "failureCondition"):
            source = text(metric, field)
            if source:
                where = f'metric "{text(metric, "name")}": {field} "{source}"'
                yield where, _ARGUMENT.sub("1", source), metric


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


def unparsable(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    for where, source, _metric in _conditions(one):
        try:
            Parser(source, [b for b in BUILTINS if b not in OWN], OWN).parse()
        except ExprError as fault:
            yield f"{where}: {fault.message}"


def empty_result(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    for where, source, metric in _conditions(one):
        tree = _parsed(source)
        provider = metric.get("provider")
        if tree is None or not isinstance(provider, Mapping) or "prometheus" not in provider:
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
            yield f"{where}: an empty result is an Error, not a failure"


def default_of_part(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    for where, source, _metric in _conditions(one):
        tree = _parsed(source)
        for x in _nodes(tree) if tree else ():
            if (
                isinstance(x, n.Call)
                and isinstance(x.callee, n.Identifier)
                and x.callee.name == "default"
                and x.arguments
                and not _result(x.arguments[0])
            ):
                yield f"{where}: default() looks at the whole result, not at its argument"
                break


def dry_run_star(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    pending: list[Any] = [one.manifest]
    while pending:
        value = pending.pop()
        if isinstance(value, Mapping):
            if any(text(rule, "metricName") == "*" for rule in mappings(value, "dryRun")):
                yield 'dryRun metricName: "*" is a regular expression that does not parse'
            pending += value.values()
        elif isinstance(value, list):
            pending += value
