"""Label and field selectors, as strings of a query and as `LabelSelector` objects.

Shared by the client (what to ask), the sandbox (what to answer) and Argo's rules.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, items, mapping, mappings, text

Labels = Mapping[str, Any]
Predicate = Callable[[Labels], bool]

_TERM = re.compile(
    r"\s*(?:"
    r"(?P<absent>!)\s*(?P<akey>[\w./-]+)"
    r"|(?P<skey>[\w./-]+)\s+(?P<sop>in|notin)\s*\((?P<set>[^)]*)\)"
    r"|(?P<key>[\w./-]+)\s*(?:(?P<op>==|=|!=|>|<)\s*(?P<value>[\w.-]*))?"
    r")\s*(?:,|$)"
)


def everything(_: Labels) -> bool:
    return True


def _one(found: re.Match[str]) -> Predicate:
    if found["absent"]:
        key = found["akey"]
        return lambda labels: key not in labels
    if found["sop"]:
        key, values = found["skey"], {v.strip() for v in found["set"].split(",")}
        if found["sop"] == "in":
            return lambda labels: key in labels and labels[key] in values
        return lambda labels: labels.get(key) not in values
    key, op, value = found["key"], found["op"], found["value"]
    if op is None:
        return lambda labels: key in labels
    if op in ("=", "=="):
        return lambda labels: labels.get(key) == value
    if op == "!=":
        return lambda labels: labels.get(key) != value
    limit = int(value) if value.lstrip("-").isdigit() else 0
    if op == ">":
        return lambda labels: _whole(labels.get(key)) > limit
    return lambda labels: _whole(labels.get(key), default=limit) < limit


def _whole(value: object, default: int = -(2**63)) -> int:
    return int(value) if isinstance(value, str) and value.lstrip("-").isdigit() else default


def parse_selector(source: str) -> Predicate:
    """A `labelSelector` query ("app=x,tier in (a,b),!canary"). RuleError when it does not parse."""
    if not source.strip():
        return everything
    terms: list[Predicate] = []
    at = 0
    while at < len(source):
        found = _TERM.match(source, at)
        if found is None or found.end() == at:
            raise RuleError(f"unable to parse requirement: {source[at : at + 60]!r}")
        terms.append(_one(found))
        at = found.end()
    return lambda labels: all(term(labels) for term in terms)


def matches_selector(selector: Mapping[str, Any] | None, labels: Labels) -> bool:
    """A `LabelSelector` object (matchLabels, matchExpressions). None matches nothing, {} everything."""
    if selector is None:
        return False
    if any(labels.get(key) != value for key, value in mapping(selector, "matchLabels").items()):
        return False
    for term in mappings(selector, "matchExpressions"):
        key, operator, values = text(term, "key"), text(term, "operator"), items(term, "values")
        present = key in labels
        held = {
            "In": present and labels.get(key) in values,
            "NotIn": labels.get(key) not in values,
            "Exists": present,
            "DoesNotExist": not present,
        }.get(operator, False)
        if not held:
            return False
    return True


def matches_labels(wanted: Mapping[str, Any], labels: Labels) -> bool:
    """A Service's `spec.selector`: equality only; an empty one selects nothing."""
    return bool(wanted) and all(labels.get(key) == value for key, value in wanted.items())


def parse_field_selector(source: str) -> Callable[[Mapping[str, Any]], bool]:
    """A `fieldSelector` query ("metadata.name=x,status.phase!=Running") over whole objects."""
    terms: list[tuple[tuple[str, ...], bool, str]] = []
    for part in filter(None, (p.strip() for p in source.split(","))):
        found = re.fullmatch(r"([\w.]+)\s*(!=|==|=)\s*(.*)", part)
        if found is None:
            raise RuleError(f"invalid selector: '{part[:60]}'; can't understand '{part[:60]}'")
        terms.append((tuple(found[1].split(".")), found[2] != "!=", found[3]))
    return lambda obj: all(
        (str(dig(obj, *path, default="")) == value) is equal for path, equal, value in terms
    )


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """`metav1.FormatLabelSelector`: "app=demo,tier in (a,b)"."""
    pairs = mapping(selector, "matchLabels")
    terms = [f"{key}={pairs[key]}" for key in sorted(pairs)]
    for term in mappings(selector, "matchExpressions"):
        key, operator = text(term, "key"), text(term, "operator")
        values = ",".join(sorted(str(v) for v in term.get("values") or []))
        terms.append(
            {
                "In": f"{key} in ({values})",
                "NotIn": f"{key} notin ({values})",
                "Exists": key,
                "DoesNotExist": f"!{key}",
            }.get(operator, key)
        )
    return ",".join(terms)
