"""Delays between attempts: exponential with full jitter. Pure, so that tests choose the luck.

Separate because reflectors, credentials and the git watcher must all spread their retries
the same way (AWS "full jitter": uniform between nothing and the exponential bound).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

Uniform = Callable[[], float]
"""Returns a number in [0, 1): `random.random` outside tests."""


@dataclass(slots=True)
class Backoff:
    """`base` and `cap` are seconds. `reset()` after a stretch that was long enough to be stable."""

    luck: Uniform
    base: float = 0.5
    cap: float = 30.0
    floor: float = 0.1
    """No delay is shorter: a server that closes at once must not be hammered."""

    failures: int = field(default=0, init=False)

    def next(self) -> float:
        """Seconds to wait before the next attempt; every call counts as one more failure."""
        bound = min(self.cap, self.base * 2.0 ** min(self.failures, 32))
        self.failures += 1
        return max(self.floor, self.luck() * bound)

    def reset(self) -> None:
        self.failures = 0
