"""Instants and durations as the Kubernetes API and Go write them.

Separate because the engine, the rules and the sandbox must read them the same way.
Instants are aware UTC `datetime`s; durations are seconds as `float`.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from opsconsole.errors import RuleError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

_UNITS = {
    "ns": 1e-9,
    "us": 1e-6,
    "µs": 1e-6,
    "μs": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "m": 60.0,
    "h": 3600.0,
}
_TERM = re.compile(r"(\d+\.?\d*|\.\d+)(ns|us|µs|μs|ms|s|m|h)")
_RFC3339 = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)


def parse_duration(text: str) -> float:
    """Go's `time.ParseDuration`: "1h30m", "300ms", "-1.5s", "0". Seconds.

    Raises RuleError with Go's own text (`time: invalid duration "x"`).
    """
    body, sign = text, 1.0
    if body[:1] in ("+", "-"):
        sign = -1.0 if body[0] == "-" else 1.0
        body = body[1:]
    if body == "0":
        return 0.0
    if not body:
        raise RuleError(f'time: invalid duration "{text}"')
    total, at = 0.0, 0
    while at < len(body):
        found = _TERM.match(body, at)
        if found is None:
            raise RuleError(_duration_fault(text, body, at))
        total += float(found[1]) * _UNITS[found[2]]
        at = found.end()
    return sign * total


def _duration_fault(text: str, body: str, at: int) -> str:
    number = re.compile(r"\d+\.?\d*|\.\d+").match(body, at)
    if number is None:
        return f'time: invalid duration "{text}"'
    unit = re.compile(r"[^\d.]*").match(body, number.end())
    if unit is None or not unit[0]:
        return f'time: missing unit in duration "{text}"'
    return f'time: unknown unit "{unit[0]}" in duration "{text}"'


def format_duration(seconds: float) -> str:
    """Go's `Duration.String()`: 90 → "1m30s", 0.5 → "500ms", 0 → "0s"."""
    nanos = round(seconds * 1e9)
    if nanos == 0:
        return "0s"
    sign, nanos = ("-", -nanos) if nanos < 0 else ("", nanos)
    if nanos < 1_000_000_000:
        for unit, size in (("ms", 1_000_000), ("µs", 1_000), ("ns", 1)):
            if nanos >= size:
                return f"{sign}{nanos / size:.9g}{unit}"
    whole, fraction = divmod(nanos, 1_000_000_000)
    hours, rest = divmod(whole, 3600)
    minutes, secs = divmod(rest, 60)
    tail = f"{secs}" + (f".{fraction:09d}".rstrip("0") if fraction else "") + "s"
    if hours:
        return f"{sign}{hours}h{minutes}m{tail}"
    return f"{sign}{minutes}m{tail}" if minutes else f"{sign}{tail}"


def parse_instant(text: object) -> datetime | None:
    """An RFC 3339 instant, or None for anything else (absent, mistyped, out of range)."""
    found = _RFC3339.fullmatch(text) if isinstance(text, str) else None
    if found is None:
        return None
    year, month, day, hour, minute, second = (int(found[i]) for i in range(1, 7))
    micros = int(float(found[7] or 0) * 1e6)
    try:
        moment = datetime(year, month, day, hour, minute, min(second, 59), micros, tzinfo=UTC)
    except ValueError:
        return None
    if found[8] in "Zz":
        return moment
    offset = timedelta(hours=int(found[8][1:3]), minutes=int(found[8][4:6]))
    try:
        return moment - offset if found[8][0] == "+" else moment + offset
    except OverflowError:
        return None


def format_instant(moment: datetime) -> str:
    """`metav1.Time`: whole seconds, "2026-11-23T03:06:57Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def format_micro(moment: datetime) -> str:
    """`metav1.MicroTime`: "2026-11-23T03:06:57.000000Z"."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def human_duration(seconds: float) -> str:
    """k8s.io/apimachinery/pkg/util/duration.HumanDuration: 119 → "119s", 601 → "10m"."""
    whole = int(seconds)
    if whole < 0:
        return "<invalid>" if whole < -1 else "0s"
    if whole < 120:
        return f"{whole}s"
    minutes, hours = whole // 60, whole // 3600
    if minutes < 10:
        return f"{minutes}m{whole % 60}s" if whole % 60 else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    days = hours // 24
    if hours < 192:
        return f"{days}d{hours % 24}h" if hours % 24 else f"{days}d"
    if hours < 24 * 365 * 2:
        return f"{days}d"
    years = days // 365
    if hours < 24 * 365 * 8 and days % 365:
        return f"{years}y{days % 365}d"
    return f"{years}y"
