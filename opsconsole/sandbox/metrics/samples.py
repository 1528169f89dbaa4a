"""What the evaluator asks for, and the simplest thing that answers: series held in memory.

Separate so that one evaluator runs over the analytic traffic model and over given samples,
which is how it is compared with a real Prometheus. Times are Unix seconds.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from opsconsole.model import regex

Labels = tuple[tuple[str, str], ...]
"""(name, value) pairs in order of the name; `__name__` among them."""

Sample = tuple[float, float]
"""(Unix second, value)."""

NAME = "__name__"


def labels_from(pairs: Mapping[str, str]) -> Labels:
    """Empty values are the same as absent ones."""
    return tuple(sorted((k, v) for k, v in pairs.items() if v))


@dataclass(frozen=True, slots=True)
class Matcher:
    """One of a selector's matchers; `op` is `=`, `!=`, `=~` or `!~` (anchored, RE2)."""

    name: str
    op: str
    value: str

    def compiled(self) -> Callable[[str], bool]:
        value = self.value
        if self.op == "=":
            return lambda found: found == value
        if self.op == "!=":
            return lambda found: found != value
        pattern = regex.compile(f"^(?:{value})$")
        if self.op == "=~":
            return pattern.search
        return lambda found: not pattern.search(found)


class Window(Protocol):
    """The samples of one series in a range, oldest first, at least one."""

    @property
    def count(self) -> int: ...

    @property
    def first(self) -> Sample: ...

    @property
    def last(self) -> Sample: ...

    def drops(self) -> float:
        """What a counter lost by being set back: the sum of the values before each reset."""
        ...

    def points(self) -> Sequence[Sample]: ...


class Samples(Protocol):
    """Where series come from."""

    def latest(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterable[tuple[Labels, Sample]]:
        """Per series the last sample in [start, end], or ]start, end] with `open_start`."""
        ...

    def windows(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterable[tuple[Labels, Window]]:
        """Per series its samples in that range; series without any are left out."""
        ...

    def series(self, matchers: Sequence[Matcher], start: float, end: float) -> Iterable[Labels]: ...


class PointWindow:
    """A window of samples that are there."""

    __slots__ = ("_points",)

    def __init__(self, points: Sequence[Sample]) -> None:
        self._points = points

    @property
    def count(self) -> int:
        return len(self._points)

    @property
    def first(self) -> Sample:
        return self._points[0]

    @property
    def last(self) -> Sample:
        return self._points[-1]

    def drops(self) -> float:
        total, before = 0.0, self._points[0][1]
        for _, value in self._points:
            if value < before:
                total += before
            before = value
        return total

    def points(self) -> Sequence[Sample]:
        return self._points


class SampleStore:
    """Series in memory. `add` appends; samples of a series come in order of time."""

    def __init__(self) -> None:
        self._series: dict[Labels, tuple[list[float], list[float]]] = {}

    def add(self, labels: Mapping[str, str], at: float, value: float) -> None:
        times, values = self._series.setdefault(labels_from(labels), ([], []))
        times.append(at)
        values.append(value)

    def _matching(
        self, matchers: Sequence[Matcher]
    ) -> Iterator[tuple[Labels, list[float], list[float]]]:
        tests = [(m.name, m.compiled()) for m in matchers]
        for labels, (times, values) in self._series.items():
            held = dict(labels)
            if all(test(held.get(name, "")) for name, test in tests):
                yield labels, times, values

    def latest(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterator[tuple[Labels, Sample]]:
        for labels, times, values in self._matching(matchers):
            at = bisect_right(times, end) - 1
            if at >= 0 and (times[at] > start if open_start else times[at] >= start):
                yield labels, (times[at], values[at])

    def windows(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterator[tuple[Labels, Window]]:
        for labels, times, values in self._matching(matchers):
            low = bisect_right(times, start) if open_start else bisect_left(times, start)
            high = bisect_right(times, end)
            if high > low:
                pairs = zip(times[low:high], values[low:high], strict=True)
                yield labels, PointWindow(tuple(pairs))

    def series(self, matchers: Sequence[Matcher], start: float, end: float) -> Iterator[Labels]:
        for labels, times, _ in self._matching(matchers):
            if times and times[-1] >= start and times[0] <= end:
                yield labels


_LINE = re.compile(
    r"(?P<name>[a-zA-Z_:][\w:]*)(?:\{(?P<labels>.*)\})?\s+(?P<value>\S+)\s+(?P<at>\S+)$"
)
_PAIR = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def from_openmetrics(text: str) -> SampleStore:
    """Series of OpenMetrics text with timestamps (comments, `# EOF` and exemplars are left out)."""
    store = SampleStore()
    for line in text.splitlines():
        found = _LINE.match(line.strip())
        if found is None or line.startswith("#"):
            continue
        labels = {NAME: found["name"]}
        for name, value in _PAIR.findall(found["labels"] or ""):
            labels[name] = value.replace('\\"', '"').replace("\\n", "\n").replace("\\\\", "\\")
        store.add(labels, float(found["at"]), float(found["value"]))
    return store
