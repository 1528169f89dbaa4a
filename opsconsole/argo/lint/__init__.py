"""Lint: what the real controllers would refuse in a set of manifests, before it is pushed.

Pure: `check(Scope(placed))` → findings; `RULES` feeds SARIF and docs/lint.md.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache

from opsconsole.argo.lint.findings import Finding, Hit, Place, Placed, Rule, as_hit
from opsconsole.argo.lint.rules import DUPLICATE_KEY, NOT_LOOKED_AT, RULES, UNREADABLE
from opsconsole.argo.lint.scope import Index, Scope
from opsconsole.errors import OpsError, bounded

__all__ = [
    "ALL_RULES",
    "RULES",
    "Finding",
    "Index",
    "Placed",
    "Rule",
    "Scope",
    "check",
    "check_one",
]

ALL_RULES = (UNREADABLE, DUPLICATE_KEY, NOT_LOOKED_AT, *RULES)
"""Also those that are about files instead of objects."""

MESSAGE = 1000
"""Characters of a message."""


def check(scope: Scope, rules: Sequence[Rule] = RULES) -> list[Finding]:
    """All findings of a set, by object. A manifest that a rule cannot read is a finding itself."""
    found = [finding for one in scope.own.placed for finding in check_one(one, scope, rules)]
    return list(dict.fromkeys(found))


def check_one(one: Placed, scope: Scope, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """The findings of one object."""
    found: list[Finding] = []
    for rule in _of_kind(one.kind) if rules is RULES else rules:
        if rule.kinds and one.kind not in rule.kinds:
            continue
        try:
            found += [_finding(rule, one, as_hit(said)) for said in rule.check(one, scope)]
        except OpsError as fault:
            found.append(_failed(rule, one, fault.message))
        except Exception as fault:  # noqa: BLE001 - a fault of one rule must not hide the others
            found.append(_failed(rule, one, f"fields of the wrong type ({type(fault).__name__})"))
    return found


@lru_cache(maxsize=1024)
def _of_kind(kind: str) -> tuple[Rule, ...]:
    return tuple(rule for rule in RULES if not rule.kinds or kind in rule.kinds)


def _finding(rule: Rule, one: Placed, hit: Hit) -> Finding:
    message, path, severity, related = hit
    file, line = one.at(path)
    return Finding(
        rule.id,
        severity or rule.severity,
        bounded(message, MESSAGE),
        one.label,
        file,
        line,
        rule.hint,
        tuple(Place(*one.at(other)) for other in related),
    )


def _failed(rule: Rule, one: Placed, why: str) -> Finding:
    message = f"rule {rule.id} cannot read this object: {bounded(why)}"
    file, line = one.at(())
    return Finding(
        UNREADABLE.id, UNREADABLE.severity, message, one.label, file, line, UNREADABLE.hint
    )
