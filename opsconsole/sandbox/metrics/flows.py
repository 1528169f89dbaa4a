"""Counters without samples: what a version's pods have served up to any instant.

A `Flow` is the history of one ReplicaSet's requests per pod, as pieces of constant rate;
totals at an instant are sums and one interpolation. Separate from following the cluster
(`traffic`) because it is only arithmetic. Times are virtual seconds.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass, field

from opsconsole.sandbox.metrics.versions import Version

SWING, PERIOD = 0.25, 1020.0
"""Errors swing by that share of their ratio over that many seconds, so that plots live."""

KEPT = 600
"""Pieces of a flow that are kept; older ones are merged into one."""


@dataclass(slots=True)
class Flow:
    """Requests per pod of one ReplicaSet. `since` is when its first pod was ready."""

    version: Version
    since: float
    phase: float = 0.0
    times: list[float] = field(default_factory=list)
    rates: list[float] = field(default_factory=list)
    served: list[float] = field(default_factory=list)
    failed: list[float] = field(default_factory=list)

    def set_rate(self, at: float, rate: float) -> None:
        """Requests a second per pod from `at` on (not before the last change)."""
        if self.times and self.rates[-1] == rate:
            return
        total, errors = self.total(at), self.errors(at)
        if self.times and self.times[-1] == at:
            self.rates[-1] = rate
            return
        self.times.append(at)
        self.rates.append(rate)
        self.served.append(total)
        self.failed.append(errors)
        if len(self.times) > KEPT:
            for pieces in (self.times, self.rates, self.served, self.failed):
                del pieces[: KEPT // 2]

    def total(self, at: float) -> float:
        """Requests per pod up to `at`."""
        index = bisect_right(self.times, at) - 1
        if index < 0:
            return 0.0
        return self.served[index] + self.rates[index] * (at - self.times[index])

    def errors(self, at: float) -> float:
        """Those answered with an error."""
        index = bisect_right(self.times, at) - 1
        if index < 0:
            return 0.0
        share = self._integral(at) - self._integral(self.times[index])
        return self.failed[index] + self.rates[index] * share

    @property
    def turns_at(self) -> float:
        return self.since + self.version.turns

    def _integral(self, at: float) -> float:
        """∫ error ratio: `before` until it turns, then `quality`, each with its swing."""
        turn = self.turns_at
        early = self.version.before.errors if self.version.turns > 0 else 0.0
        if at <= turn:
            return early * self._swung(at)
        late = self._swung(at) - self._swung(turn)
        return early * self._swung(turn) + self.version.quality.errors * late

    def _swung(self, at: float) -> float:
        omega = 2 * math.pi / PERIOD
        return at - SWING / omega * math.cos(omega * at + self.phase)


@dataclass(slots=True)
class Served:
    """When one pod served: the intervals in which it was ready, and per service when it was behind it."""

    flow: Flow
    ready: list[list[float]] = field(default_factory=list)
    behind: dict[str, list[list[float]]] = field(default_factory=dict)

    def open(self, at: float) -> None:
        if not self.ready or not math.isinf(self.ready[-1][1]):
            self.ready.append([at, math.inf])

    def close(self, at: float) -> None:
        for spans in (self.ready, *self.behind.values()):
            if spans and math.isinf(spans[-1][1]):
                spans[-1][1] = at

    def stand_behind(self, services: frozenset[str], at: float) -> None:
        """The services that the pod is behind from `at` on."""
        for name, spans in self.behind.items():
            if name not in services and spans and math.isinf(spans[-1][1]):
                spans[-1][1] = at
        for name in services:
            spans = self.behind.setdefault(name, [])
            if not spans or not math.isinf(spans[-1][1]):
                spans.append([at, math.inf])

    def total(self, at: float) -> float:
        return sum(
            self.flow.total(min(at, end)) - self.flow.total(start)
            for start, end in self.ready
            if start < at
        )

    def errors(self, at: float) -> float:
        return sum(
            self.flow.errors(min(at, end)) - self.flow.errors(start)
            for start, end in self.ready
            if start < at
        )

    def before_turn(self, at: float) -> float:
        """Requests served while the version was still as it was before it turned."""
        return self.total(min(at, self.flow.turns_at)) if self.flow.version.turns > 0 else 0.0

    @property
    def ended(self) -> float:
        return self.ready[-1][1] if self.ready else -math.inf
