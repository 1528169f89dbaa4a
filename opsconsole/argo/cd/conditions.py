"""Conditions of an application (`types.go`, SetConditions)."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any, NamedTuple

from opsconsole.model.objects import Object, text

ERRORS = ("ComparisonError", "InvalidSpecError")


class Condition(NamedTuple):
    type: str
    message: str


def updated(
    old: Sequence[Object], new: Sequence[Condition], evaluated: Collection[str], now: str
) -> list[dict[str, Any]]:
    """The conditions after an evaluation of the types `evaluated`.

    Others stay; one with the same type and message keeps its lastTransitionTime.
    """
    found: list[dict[str, Any]] = [dict(c) for c in old if text(c, "type") not in evaluated]
    for condition in dict.fromkeys(new):
        same = next((c for c in old if (text(c, "type"), text(c, "message")) == condition), None)
        since = text(same, "lastTransitionTime") if same else now
        found.append(
            {"type": condition.type, "message": condition.message, "lastTransitionTime": since}
        )
    return sorted(
        found,
        key=lambda c: f"{c.get('type')}/{c.get('message')}/{c.get('lastTransitionTime')}",
    )


def formatted(conditions: Sequence[Object]) -> str:
    """`Type: message;…`, as an operation's message lists them."""
    return ";".join(f"{text(c, 'type')}: {text(c, 'message')}" for c in conditions)
