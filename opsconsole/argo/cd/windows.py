"""Sync windows of a project: may an application be synced now? (`types.go`, SyncWindows).

A window is active at t when its schedule fired within its duration before t. Schedules are
five-field cron expressions, evaluated here: fields, lists, ranges, steps and names.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from opsconsole.errors import RuleError, bounded
from opsconsole.model import globs
from opsconsole.model.objects import Object, flag, items, mappings, text
from opsconsole.model.times import parse_duration

_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAYS = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_RANGES = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_FIELDS = 5
_SUNDAY = 7
_HORIZON = 5 * 366
"""Days that a schedule is searched for before it counts as one that never fires."""


@dataclass(frozen=True, slots=True)
class Cron:
    """A schedule; `any_day` and `any_weekday` tell whether those fields were `*`."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    @classmethod
    def parse(cls, expression: str) -> Cron:
        """Raises RuleError for what is not a five-field expression."""
        fields = expression.split()
        if len(fields) != _FIELDS:
            raise RuleError(
                f"expected exactly 5 fields, found {len(fields)}: [{bounded(expression, 80)}]"
            )
        sets = []
        for index, (raw, (low, high)) in enumerate(zip(fields, _RANGES, strict=True)):
            names = {3: _MONTHS, 4: _DAYS}.get(index, ())
            sets.append(_field(raw, low, high, names))
        weekdays = frozenset(d % _SUNDAY for d in sets[4])
        return cls(
            sets[0], sets[1], sets[2], sets[3], weekdays,
            fields[2][0] in "*?", fields[4][0] in "*?",
        )  # fmt: skip

    def _on(self, day: datetime) -> bool:
        if day.month not in self.months:
            return False
        in_month, in_week = day.day in self.days, day.isoweekday() % _SUNDAY in self.weekdays
        # as in cron: two restricted fields are alternatives
        if self.any_day or self.any_weekday:
            return in_month and in_week
        return in_month or in_week

    def next(self, after: datetime) -> datetime | None:
        """The first time after `after`, or None when there is none within five years."""
        start = after.replace(second=0, microsecond=0) + timedelta(minutes=1)
        for offset in range(_HORIZON):
            day = (start + timedelta(days=offset)).replace(hour=0, minute=0) if offset else start
            if not self._on(day):
                continue
            for hour in sorted(h for h in self.hours if h >= day.hour):
                first = day.minute if hour == day.hour else 0
                minutes = [m for m in self.minutes if m >= first]
                if minutes:
                    return day.replace(hour=hour, minute=min(minutes))
        return None


def _field(raw: str, low: int, high: int, names: Sequence[str]) -> frozenset[int]:
    found: set[int] = set()
    for part in raw.split(","):
        span, slash, step = part.partition("/")
        if span in ("*", "?"):
            first, last = low, high
        else:
            left, dash, right = span.partition("-")
            first = _value(left, names)
            last = _value(right, names) if dash else high if slash else first
        width = int(step) if step.isdigit() else 0 if slash else 1
        if width < 1 or not low <= first <= last <= high:
            raise RuleError(f"bad cron field {bounded(raw, 40)}")
        found.update(range(first, last + 1, width))
    return frozenset(found)


def _value(raw: str, names: Sequence[str]) -> int:
    if raw.isdigit():
        return int(raw)
    if raw.lower() in names:
        return names.index(raw.lower()) + (1 if names is _MONTHS else 0)
    raise RuleError(f"failed to parse int from {bounded(raw, 40)}")


@dataclass(frozen=True, slots=True)
class Window:
    """One window as it bears on the question; `window` is the API's entry."""

    window: Object

    @property
    def allows(self) -> bool:
        return text(self.window, "kind") == "allow"

    @property
    def manual(self) -> bool:
        return flag(self.window, "manualSync")

    @property
    def overrun(self) -> bool:
        return flag(self.window, "syncOverrun")

    def matches(self, application: Object) -> bool:
        """Any of the three lists, or with andOperator all that are given."""
        destination = ("server", "name")
        clusters = [text(application, "spec", "destination", n) for n in destination]
        tests = (
            ("applications", [text(application, "metadata", "name")]),
            ("namespaces", [text(application, "spec", "destination", "namespace")]),
            ("clusters", [c for c in clusters if c]),
        )
        answers = [
            any(
                globs.matches(str(glob), value)
                for glob in items(self.window, name)
                for value in values
            )
            for name, values in tests
            if items(self.window, name)
        ]
        if flag(self.window, "andOperator"):
            return bool(answers) and all(answers)
        return any(answers)

    def active(self, now: datetime) -> bool:
        """Raises RuleError for a schedule, duration or time zone that is none."""
        return self.next_start(now - timedelta(seconds=self._duration())) < self._local(now)

    def next_start(self, after: datetime) -> datetime:
        found = Cron.parse(text(self.window, "schedule")).next(self._local(after))
        return found if found is not None else self._local(after) + timedelta(days=_HORIZON)

    def _duration(self) -> float:
        return parse_duration(text(self.window, "duration"))

    def _local(self, moment: datetime) -> datetime:
        zone = text(self.window, "timeZone") or "UTC"
        try:
            return moment.astimezone(ZoneInfo(zone))
        except (ZoneInfoNotFoundError, ValueError, OSError) as fault:
            raise RuleError(f"unknown time zone {bounded(zone, 60)}") from fault


def windows_of(project: Object, application: Object) -> list[Window]:
    """The project's windows that concern an application."""
    found = [Window(w) for w in mappings(project, "spec", "syncWindows")]
    return [w for w in found if w.matches(application)]


def can_sync(
    windows: Sequence[Window], now: datetime, *, manual: bool, started: datetime | None = None
) -> bool:
    """Whether a sync may run now; `started` is when a running one began (for syncOverrun).

    Raises RuleError when a window is not valid, which blocks the sync as it does for real.
    """
    if not windows:
        return True
    active = [w for w in windows if w.active(now)]
    denies = [w for w in active if not w.allows]
    if denies:
        if manual and all(w.manual for w in denies):
            return True
        return _overrun(denies, windows, started, manual=manual)
    if any(w.allows for w in active):
        return True
    closed = [w for w in windows if w.allows]
    if not closed or (manual and all(w.manual for w in closed)):
        return True
    return _overrun(closed, windows, started, manual=manual)


def _overrun(
    blocking: Sequence[Window], windows: Sequence[Window], started: datetime | None, *, manual: bool
) -> bool:
    if started is None or not all(w.overrun for w in blocking):
        return False
    return can_sync(windows, started, manual=manual)
