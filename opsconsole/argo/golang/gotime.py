"""Go's `time`: instants with nanoseconds and a zone, durations, layouts.

Separate from `model.times`, which reads what the API writes; here users' conditions and
templates call Go's methods and pass Go's layouts ("2006-01-02").
"""

from __future__ import annotations

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import ClassVar

from opsconsole.argo.golang.strconv import quote
from opsconsole.errors import RuleError
from opsconsole.model.times import format_duration, parse_duration

MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
DAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")

LAYOUTS = (
    "2006-01-02",
    "15:04:05",
    "2006-01-02 15:04:05",
    "2006-01-02T15:04:05Z07:00",
    "02 Jan 06 15:04 MST",
    "Monday, 02-Jan-06 15:04:05 MST",
    "Mon, 02 Jan 2006 15:04:05 MST",
)
"""What `date(text)` tries, in order: DateOnly, TimeOnly, DateTime, RFC 3339, 822, 850, 1123."""


class Duration(int):
    """Nanoseconds."""

    go_type: ClassVar[str] = "time.Duration"

    def __str__(self) -> str:
        return format_duration(int(self) / 1e9) if abs(self) < 10**15 else _long(int(self))

    json_text = None


def _long(nanos: int) -> str:
    whole, rest = divmod(abs(nanos), 1_000_000_000)
    text = format_duration(float(whole))
    if rest:
        text = text[:-1] + f".{rest:09d}".rstrip("0") + "s"
    return ("-" if nanos < 0 else "") + text


class Month(int):
    go_type: ClassVar[str] = "time.Month"

    def __str__(self) -> str:
        return MONTHS[int(self) - 1] if 1 <= self <= 12 else f"%!Month({int(self)})"


class Weekday(int):
    go_type: ClassVar[str] = "time.Weekday"

    def __str__(self) -> str:
        return DAYS[int(self)]


@dataclass(frozen=True)
class Location:
    name: str
    zone: timezone | zoneinfo.ZoneInfo
    go_type: ClassVar[str] = "*time.Location"

    def __str__(self) -> str:
        return self.name


UTC_LOCATION = Location("UTC", UTC)


def load_location(name: str) -> Location:
    """`time.LoadLocation`: "" and "UTC" are UTC. RuleError for an unknown zone."""
    if name in ("", "UTC"):
        return UTC_LOCATION
    try:
        return Location(name, zoneinfo.ZoneInfo(name))
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        raise RuleError(f"unknown time zone {name}") from None


@dataclass(frozen=True, order=False)
class Time:
    """`at` is aware, in whole seconds; `nanos` the rest; `zone` the name to print, if known."""

    at: datetime
    nanos: int = 0
    zone: str = "UTC"
    go_type: ClassVar[str] = "time.Time"

    @classmethod
    def of(cls, moment: datetime) -> Time:
        return cls(moment.replace(microsecond=0), moment.microsecond * 1000, moment.tzname() or "")

    @property
    def unix_nanos(self) -> int:
        delta = self.at - datetime(1970, 1, 1, tzinfo=UTC)
        return (delta.days * 86400 + delta.seconds) * 1_000_000_000 + self.nanos

    def add(self, nanos: int) -> Time:
        seconds, rest = divmod(self.nanos + nanos, 1_000_000_000)
        try:
            moved = (self.at.astimezone(UTC) + timedelta(seconds=seconds)).astimezone(
                self.at.tzinfo
            )
        except OverflowError:
            raise RuleError("time: year is outside of what a date can hold") from None
        return Time(moved, rest, self._name(moved))

    def inside(self, location: Location) -> Time:
        moved = self.at.astimezone(location.zone)
        return Time(moved, self.nanos, moved.tzname() or location.name)

    def _name(self, moved: datetime) -> str:
        if isinstance(moved.tzinfo, zoneinfo.ZoneInfo):
            return moved.tzname() or self.zone
        return self.zone

    def __str__(self) -> str:
        return self.format("2006-01-02 15:04:05.999999999 -0700 MST")

    def json_text(self) -> str:
        return self.format("2006-01-02T15:04:05.999999999Z07:00")

    def format(self, layout: str) -> str:
        return "".join(self._piece(part) if is_unit else part for is_unit, part in _split(layout))

    def _piece(self, unit: str) -> str:
        at = self.at
        if unit[0] in ".,":
            digits = f"{self.nanos:09d}"[: len(unit) - 1]
            if unit[1] == "9":
                digits = digits.rstrip("0")
                return unit[0] + digits if digits else ""
            return unit[0] + digits
        if unit[0] in "Z-":
            return self._offset(unit)
        if unit == "MST":
            return self.zone or self._offset("-0700")
        hour12 = at.hour % 12 or 12
        day_of_year = at.timetuple().tm_yday
        weekday = DAYS[at.isoweekday() % 7]
        return {
            "2006": f"{at.year:04d}", "06": f"{at.year % 100:02d}",
            "January": MONTHS[at.month - 1], "Jan": MONTHS[at.month - 1][:3],
            "01": f"{at.month:02d}", "1": str(at.month),
            "Monday": weekday, "Mon": weekday[:3],
            "02": f"{at.day:02d}", "_2": f"{at.day:2d}", "2": str(at.day),
            "002": f"{day_of_year:03d}", "__2": f"{day_of_year:3d}",
            "15": f"{at.hour:02d}", "03": f"{hour12:02d}", "3": str(hour12),
            "04": f"{at.minute:02d}", "4": str(at.minute),
            "05": f"{at.second:02d}", "5": str(at.second),
            "PM": "PM" if at.hour >= 12 else "AM", "pm": "pm" if at.hour >= 12 else "am",
        }[unit]  # fmt: skip

    def _offset(self, unit: str) -> str:
        delta = self.at.utcoffset() or timedelta()
        total = int(delta.total_seconds())
        if unit[0] == "Z" and total == 0:
            return "Z"
        sign, total = ("-", -total) if total < 0 else ("+", total)
        hours, minutes = divmod(total // 60, 60)
        if unit in ("Z07", "-07"):
            return f"{sign}{hours:02d}"
        colon = ":" if ":" in unit else ""
        text = f"{sign}{hours:02d}{colon}{minutes:02d}"
        return text + (f"{colon}{total % 60:02d}" if len(unit) > 6 or unit == "-070000" else "")


_TOKEN = re.compile(
    r"January|Jan|Monday|Mon(?![a-z])|MST|2006|002|__2|_2(?!006)|01|02|03|04|05|06|15|PM|pm"
    r"|Z07:00:00|Z07:00|Z070000|Z0700|Z07|-07:00:00|-07:00|-070000|-0700|-07"
    r"|[.,]0+(?!\d)|[.,]9+(?!\d)|[1-5]"
)


def _split(layout: str) -> list[tuple[bool, str]]:
    parts: list[tuple[bool, str]] = []
    at = 0
    for found in _TOKEN.finditer(layout):
        if found.start() > at:
            parts.append((False, layout[at : found.start()]))
        parts.append((True, found[0]))
        at = found.end()
    if at < len(layout):
        parts.append((False, layout[at:]))
    return parts


_NUMBERS = {
    "2006": (r"\d{4}", "year"), "06": (r"\d\d", "year2"), "01": (r"\d\d", "month"),
    "1": (r"\d\d?", "month"), "02": (r"\d\d", "day"), "_2": (r" ?\d\d?", "day"),
    "2": (r"\d\d?", "day"), "15": (r"\d\d", "hour"), "03": (r"\d\d", "hour12"),
    "3": (r"\d\d?", "hour12"), "04": (r"\d\d", "minute"), "4": (r"\d\d?", "minute"),
    "05": (r"\d\d", "second"), "5": (r"\d\d?", "second"), "002": (r"\d{3}", "yday"),
    "__2": (r"[ \d]{3}", "yday"),
}  # fmt: skip


def parse_time(layout: str, source: str, location: Location = UTC_LOCATION) -> Time:
    """`time.ParseInLocation`. RuleError with Go's text."""
    found: dict[str, int] = {}
    names: dict[str, str] = {}
    rest = source

    def wrong(unit: str) -> RuleError:
        return RuleError(
            f"parsing time {quote(source)} as {quote(layout)}: cannot parse {quote(rest)} as {quote(unit)}"
        )

    for is_unit, part in _split(layout):
        if not is_unit:
            if not rest.startswith(part):
                raise wrong(part)
            rest = rest[len(part) :]
            continue
        taken = _take(part, rest, found, names)
        if taken < 0:
            raise wrong(part)
        rest = rest[taken:]
        if part in ("05", "5") and re.match(r"[.,]\d", rest):
            fraction = re.match(r"[.,]\d+", rest)
            assert fraction is not None
            found["nanos"] = int((fraction[0][1:] + "0" * 9)[:9])
            rest = rest[fraction.end() :]
    if rest:
        raise RuleError(f"parsing time {quote(source)}: extra text: {quote(rest)}")
    return _assemble(source, found, names, location)


def _take(unit: str, rest: str, found: dict[str, int], names: dict[str, str]) -> int:
    """Characters that `unit` takes of `rest`, or -1."""
    if unit in _NUMBERS:
        pattern, name = _NUMBERS[unit]
        match = re.match(pattern, rest, re.ASCII)
        if match is None:
            return -1
        found[name] = int(match[0])
        return match.end()
    if unit in ("January", "Jan", "Monday", "Mon"):
        words = MONTHS if unit.startswith("Jan") else DAYS
        for number, word in enumerate(words):
            short = word if len(unit) > 3 else word[:3]
            if rest[: len(short)].lower() == short.lower():
                if words is MONTHS:
                    found["month"] = number + 1
                return len(short)
        return -1
    if unit in ("PM", "pm"):
        if rest[:2] not in (("AM", "PM") if unit == "PM" else ("am", "pm")):
            return -1
        found["afternoon"] = int(rest[:2].lower() == "pm")
        return 2
    if unit == "MST":
        match = re.match(r"[A-Z]{3,5}|[+-]\d\d", rest)
        if match is None:
            return -1
        names["zone"] = match[0]
        return match.end()
    return _take_rest(unit, rest, found)


def _take_rest(unit: str, rest: str, found: dict[str, int]) -> int:
    if unit[0] in ".,":
        match = re.match(r"[.,]\d+", rest)
        if match is None:
            return 0 if unit[1] == "9" else -1
        found["nanos"] = int((match[0][1:] + "0" * 9)[:9])
        return match.end()
    if unit[0] == "Z" and rest.startswith("Z"):
        found["offset"] = 0
        return 1
    colon = ":" if ":" in unit else ""
    pattern = rf"([+-])(\d\d){colon}(\d\d)" if len(unit) > 3 else r"([+-])(\d\d)()"
    match = re.match(pattern, rest, re.ASCII)
    if match is None:
        return -1
    seconds = int(match[2]) * 3600 + int(match[3] or 0) * 60
    found["offset"] = -seconds if match[1] == "-" else seconds
    return match.end()


def _assemble(
    source: str, found: dict[str, int], names: dict[str, str], location: Location
) -> Time:
    year = found.get("year", 1)
    if "year2" in found:
        year = found["year2"] + (1900 if found["year2"] >= 69 else 2000)
    if "year" not in found and "year2" not in found:
        year = 1  # Go's year 0 is outside what a Python date holds
    hour = found.get("hour", 0)
    if "hour12" in found:
        hour = found["hour12"] % 12 + (12 if found.get("afternoon") else 0)
    ranges = {"month": 12, "hour": 23, "minute": 59, "second": 59}
    for name, most in ranges.items():
        if found.get(name, 0) > most or (name == "month" and found.get(name, 1) < 1):
            raise RuleError(f"parsing time {quote(source)}: {name} out of range")
    zone = location.zone
    label = ""
    if "offset" in found:
        zone = timezone(timedelta(seconds=found["offset"]))
        label = "UTC" if found["offset"] == 0 else ""
    elif names.get("zone"):
        zone, label = UTC, names["zone"]
    try:
        at = datetime(
            year,
            found.get("month", 1),
            found.get("day", 1),
            hour,
            found.get("minute", 0),
            found.get("second", 0),
            tzinfo=zone,
        )
    except ValueError:
        raise RuleError(f"parsing time {quote(source)}: day out of range") from None
    if "offset" not in found and not label:
        label = at.tzname() or ""
    return Time(at, found.get("nanos", 0), label)


def parse_go_duration(text: str) -> Duration:
    """`time.ParseDuration`. RuleError with Go's text."""
    return Duration(round(parse_duration(text) * 1e9))
