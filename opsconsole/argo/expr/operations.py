"""Which operand types an operator takes, and what comes out, before running."""

from __future__ import annotations

from opsconsole.argo.expr.types import (
    ANY_SLICE,
    BOOL,
    BYTES,
    DURATION,
    FLOAT,
    INT,
    NIL,
    STRING,
    TIME,
    UNKNOWN,
    Nature,
)
from opsconsole.errors import RuleError


def _ordered(left: Nature, right: Nature) -> Nature | None:
    same = (
        (left.number and right.number)
        or (left.kind == right.kind == "string")
        or (left.type is right.type and left.type in (TIME, DURATION))
    )
    if same or left.maybe(right, "number", "string", "time", "duration"):
        return Nature(BOOL)
    return None


def _promoted(left: Nature, right: Nature) -> Nature:
    return Nature(FLOAT if FLOAT in (left.type, right.type) else INT)


def _plus(left: Nature, right: Nature) -> Nature | None:
    if left.number and right.number:
        return _promoted(left, right)
    if left.kind == right.kind == "string":
        return Nature(STRING)
    pair = (left.type, right.type)
    if pair in ((TIME, DURATION), (DURATION, TIME)):
        return Nature(TIME)
    if pair == (DURATION, DURATION):
        return Nature(DURATION)
    return UNKNOWN if left.maybe(right, "number", "string", "time", "duration") else None


def _minus(left: Nature, right: Nature) -> Nature | None:
    if left.number and right.number:
        return _promoted(left, right)
    pair = (left.type, right.type)
    if pair in ((TIME, TIME), (DURATION, DURATION)):
        return Nature(DURATION)
    if pair == (TIME, DURATION):
        return Nature(TIME)
    return UNKNOWN if left.maybe(right, "number", "time", "duration") else None


def _times(left: Nature, right: Nature) -> Nature | None:
    if left.number and right.number:
        return _promoted(left, right)
    if DURATION in (left.type, right.type) and (
        left.number or right.number or left.type is right.type
    ):
        return Nature(DURATION)
    return UNKNOWN if left.maybe(right, "number", "duration") else None


def _within(left: Nature, right: Nature) -> Nature | None:
    if (left.kind == "string" or left.unknown) and right.kind == "struct":
        return Nature(BOOL)
    if right.kind == "map":
        key = right.key()
        if not left.unknown and not left.assignable_to(key):
            raise RuleError(f"cannot use {left} as type {key} in map key")
        return Nature(BOOL)
    if right.array:
        if not left.comparable_to(right.elem()):
            raise RuleError(f"cannot use {left} as type {right.elem()} in array")
        return Nature(BOOL)
    if (left.unknown and right.kind == "string") or right.unknown:
        return Nature(BOOL)
    return None


def _coalesced(left: Nature, right: Nature) -> Nature:
    if left.nil or right.nil:
        return NIL if left.nil and right.nil else (right if left.nil else left)
    return left if right.assignable_to(left) else UNKNOWN


def binary_nature(operator: str, left: Nature, right: Nature) -> Nature | None:
    """The nature of `left operator right`, None where it cannot be. RuleError with its own text."""
    if operator in ("==", "!="):
        return Nature(BOOL) if left.comparable_to(right) else None
    if operator in ("or", "||", "and", "&&"):
        both = left.kind == right.kind == "bool"
        return Nature(BOOL) if both or left.maybe(right, "bool") else None
    if operator in ("<", ">", ">=", "<="):
        return _ordered(left, right)
    if operator in ("/", "**", "^"):
        fits = (left.number and right.number) or left.maybe(right, "number")
        return Nature(FLOAT) if fits else None
    if operator in ("%", ".."):
        if not ((left.integer and right.integer) or left.maybe(right, "integer")):
            return None
        return Nature(INT) if operator == "%" else Nature(ANY_SLICE, ref=Nature(INT))
    if operator in ("matches", "contains", "startsWith", "endsWith"):
        texts = left.kind == right.kind == "string"
        raw = operator == "matches" and left.type is BYTES and right.kind == "string"
        return Nature(BOOL) if texts or raw or left.maybe(right, "string") else None
    if operator == "??":
        return _coalesced(left, right)
    return {"+": _plus, "-": _minus, "*": _times, "in": _within}[operator](left, right)
