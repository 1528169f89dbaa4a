"""The discrete-event simulation: a virtual clock, a heap of things to do, seeded randomness.

Separate from the API server so that a whole canary can be played in-process as fast as
possible, and from threads and asyncio so that a run is the same run for the same seed. The
simulation is driven from outside: `run_until` and `run_for` in tests, `Pacer` (see
`sandbox.pacing`) in slices of a few milliseconds when people watch.

Time stands still while something real is in flight (an HTTP call to a loopback address):
such callers `hold()` the clock and `release()` it.
"""

from __future__ import annotations

import heapq
import itertools
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC)
"""A Monday morning; virtual time starts here unless told otherwise."""

Action = Callable[[], None]


class Timer:
    """One scheduled action; `cancel()` makes it a no-op."""

    __slots__ = ("action", "at")

    def __init__(self, at: float, action: Action) -> None:
        self.at = at
        self.action: Action | None = action

    def cancel(self) -> None:
        self.action = None


class Simulation:
    """Virtual time in seconds since `start`. Not thread-safe: one thread owns it."""

    def __init__(self, *, seed: int = 1, start: datetime = START) -> None:
        self.random = random.Random(seed)
        self.start = start
        self.elapsed = 0.0
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = itertools.count()
        self._holds = 0

    def now(self) -> datetime:
        return self.start + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        """Virtual seconds; with `now()` this makes the simulation a `Clock`."""
        return self.elapsed

    def call_at(self, at: float, action: Action) -> Timer:
        """Run `action` at virtual second `at` (not before now); ties run in order of the calls."""
        timer = Timer(max(at, self.elapsed), action)
        heapq.heappush(self._heap, (timer.at, next(self._order), timer))
        return timer

    def call_later(self, delay: float, action: Action) -> Timer:
        return self.call_at(self.elapsed + delay, action)

    def hold(self) -> None:
        """Stop time until `release()`: something real is in flight."""
        self._holds += 1

    def release(self) -> None:
        self._holds -= 1

    @property
    def held(self) -> bool:
        return self._holds > 0

    def next_at(self) -> float | None:
        """Virtual second of the next action, or None when nothing is left to do."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        return self._heap[0][0] if self._heap else None

    def step(self, limit: float) -> bool:
        """Run the next action if it is due by `limit`; False when there is none, or time is held."""
        if self._holds:
            return False
        at = self.next_at()
        if at is None or at > limit:
            return False
        timer = heapq.heappop(self._heap)[2]
        self.elapsed = max(self.elapsed, at)
        action, timer.action = timer.action, None
        assert action is not None
        action()
        return True

    def run_until(self, until: float) -> None:
        """Run everything due by virtual second `until`, and arrive there (unless time is held)."""
        while self.step(until):
            pass
        if not self._holds:
            self.elapsed = max(self.elapsed, until)

    def run_for(self, seconds: float) -> None:
        self.run_until(self.elapsed + seconds)

    def run_while(self, waiting: Callable[[], bool], *, limit: float) -> bool:
        """Run while `waiting()` holds, for at most `limit` virtual seconds; whether it ended."""
        end = self.elapsed + limit
        while waiting():
            if not self.step(end):
                if not self._holds:
                    self.elapsed = end
                return not waiting()
        return True
