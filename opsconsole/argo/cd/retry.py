"""Retry of a failed operation (Argo CD `types.go`, RetryStrategy; `appcontroller.go`)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.errors import RuleError
from opsconsole.model.objects import Object, dig, flag, mapping, number
from opsconsole.model.times import parse_duration

DURATION, FACTOR, MAX_DURATION = 5.0, 2, 180.0

_PLAIN = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)

AUTOMATED_LIMIT = 5
"""Retries of an automated sync whose application says nothing."""


@dataclass(frozen=True, slots=True)
class Retry:
    """`limit` 0 means none, below 0 for ever; seconds; `max_duration` of 0 or less is no cap."""

    limit: int = 0
    duration: float = DURATION
    factor: int = FACTOR
    max_duration: float = MAX_DURATION
    refresh: bool = False
    fault: str = ""
    """Why nothing can be retried: what is no duration."""

    @classmethod
    def of(cls, retry: Object) -> Retry:
        """From the API's form; a duration that is not one is a `fault`."""
        backoff = mapping(retry, "backoff")
        given = [dig(backoff, name) for name in ("duration", "maxDuration")]
        duration, maximum = (_seconds(value) for value in given)
        bad = [v for v, s in zip(given, (duration, maximum), strict=True) if v and s is None]
        return cls(
            number(retry, "limit"),
            DURATION if duration is None else duration,
            number(backoff, "factor", default=FACTOR),
            MAX_DURATION if maximum is None else maximum,
            flag(retry, "refresh"),
            f"unable to parse {bad[0]} as a duration" if bad else "",
        )

    def allows(self, count: int) -> bool:
        """Whether another try follows after `count` of them."""
        return self.limit < 0 or count < self.limit

    def wait(self, count: int) -> float:
        """Seconds until try number `count`."""
        seconds = self.duration * float(self.factor) ** min(count, 64)
        return min(seconds, self.max_duration) if self.max_duration > 0 else seconds


def _seconds(value: Any) -> float | None:
    """Go's durations, and plain numbers, which are seconds; None for what is neither."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    if not isinstance(value, str) or not value:
        return None
    try:
        return float(int(value)) if _PLAIN.fullmatch(value) else parse_duration(value)
    except RuleError:
        return None


def kitchen(moment: datetime) -> str:
    """Go's `time.Kitchen`: 2:00AM."""
    return f"{moment.hour % 12 or 12}:{moment:%M}{'AM' if moment.hour < 12 else 'PM'}"


def retrying(message: str, count: int, at: datetime) -> str:
    return f"{message}. Retrying attempt #{count} at {kitchen(at)}."


def retried(message: str, count: int) -> str:
    return f"{message} (retried {count} times)." if count else message
