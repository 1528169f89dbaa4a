"""Whether a condition can be true for any application at all.

The expression is turned into alternatives of parts that must hold together; an alternative is
impossible when a field would need two values, or one that Argo CD never writes.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from opsconsole.argo.expr import nodes as n

MOST = 256
"""Alternatives that are looked at; beyond it the condition counts as possible."""

HEALTH = ("Healthy", "Progressing", "Degraded", "Suspended", "Missing", "Unknown")
VALUES: dict[str, tuple[str, ...]] = {
    "app.status.health.status": HEALTH,
    "app.status.sync.status": ("Synced", "OutOfSync", "Unknown"),
    "app.status.operationState.phase": (
        "Running", "Terminating", "Failed", "Error", "Succeeded",
    ),
}  # fmt: skip
"""All values that a field of an Application can have."""

Part = tuple[n.Node, bool]
"""A condition, and whether it must hold or must not."""


def dotted(node: n.Node) -> str:
    """`app.status?.sync.status` → "app.status.sync.status"; empty for anything else."""
    if isinstance(node, n.Chain):
        return dotted(node.node)
    if isinstance(node, n.Identifier):
        return node.name
    if isinstance(node, n.Member) and isinstance(node.property, n.Literal):
        head = dotted(node.node)
        return f"{head}.{node.property.value}" if head else ""
    return ""


def impossible(tree: n.Node) -> str:
    """Why it is never true, or empty."""
    reasons: list[str] = []
    for count, alternative in enumerate(_alternatives(tree, holds=True)):
        reason = _contradiction(alternative)
        if not reason or count >= MOST:
            return ""
        reasons.append(reason)
    return reasons[0] if reasons else "it is never true"


def _alternatives(node: n.Node, *, holds: bool) -> Iterator[list[Part]]:
    if isinstance(node, n.Unary) and node.operator in ("not", "!"):
        yield from _alternatives(node.node, holds=not holds)
        return
    if isinstance(node, n.Binary) and node.operator in ("and", "&&", "or", "||"):
        together = (node.operator in ("and", "&&")) is holds
        if not together:
            yield from _alternatives(node.left, holds=holds)
            yield from _alternatives(node.right, holds=holds)
            return
        rights = list(_alternatives(node.right, holds=holds))
        for left in _alternatives(node.left, holds=holds):
            for right in rights:
                yield left + right
        return
    yield [(node, holds)]


@dataclass(slots=True)
class _Field:
    name: str
    allowed: set[object] | None = None
    excluded: set[object] = field(default_factory=set)
    first: str = ""

    def allow(self, values: set[object]) -> None:
        self.allowed = values if self.allowed is None else self.allowed & values


def _contradiction(parts: list[Part]) -> str:
    fields: dict[tuple[object, ...], _Field] = {}
    for node, holds in parts:
        constant = _constant(node)
        if constant is not None and constant is not holds:
            return "a part of it is always false"
        compared = _compared(node)
        if compared is None:
            continue
        subject, values, equal = compared
        name = dotted(subject)
        known = fields.setdefault(n.shape(subject), _Field(name))
        if equal is holds:
            known.allow(set(values))
        else:
            known.excluded |= set(values)
    for one in fields.values():
        reason = _empty(one)
        if reason:
            return reason
    return ""


def _constant(node: n.Node) -> bool | None:
    if isinstance(node, n.Literal):
        return node.value is True
    if not isinstance(node, n.Binary) or node.operator not in ("==", "!="):
        return None
    if isinstance(node.left, n.Literal) and isinstance(node.right, n.Literal):
        return (node.left.value == node.right.value) is (node.operator == "==")
    return None


def _compared(node: n.Node) -> tuple[n.Node, list[object], bool] | None:
    """(what is compared, with which values, equal or different)."""
    if not isinstance(node, n.Binary):
        return None
    left, right = node.left, node.right
    if node.operator in ("==", "!="):
        if isinstance(left, n.Literal):
            left, right = right, left
        if isinstance(right, n.Literal):
            return left, [right.value], node.operator == "=="
    if node.operator in ("in", "not in") and isinstance(right, n.Array):
        values = [x.value for x in right.nodes if isinstance(x, n.Literal)]
        if len(values) == len(right.nodes):
            return left, list(values), node.operator == "in"
    return None


def _empty(one: _Field) -> str:
    if one.allowed is None:
        known = VALUES.get(one.name)
        if known and set(known) | {None, ""} <= one.excluded:
            return f"{one.name} has no other value"
        return ""
    left = one.allowed - one.excluded
    shown = one.name or "one field"
    if not left:
        return f"{shown} would need two values at once"
    known = VALUES.get(one.name)
    if known and not left & {*known, None, ""}:
        listed = ", ".join(known)
        return f"{one.name} is never {' or '.join(sorted(map(repr, left)))} (it is one of {listed})"
    return ""
