"""A loop whose time is free: sleeping takes no real time and can be asserted exactly."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Coroutine
from typing import Any, TypeVar

T = TypeVar("T")


class FreeSelector(selectors.SelectSelector):
    """Instead of blocking until a timer is due, moves the loop's time there."""

    def __init__(self) -> None:
        super().__init__()
        self.time = 0.0

    def select(self, timeout: float | None = None) -> Any:
        found = super().select(0)
        if found or timeout is None or timeout <= 0:
            return found if found or timeout is not None else super().select(0.01)
        self.time += timeout
        return found


class FreeLoop(asyncio.SelectorEventLoop):
    def __init__(self) -> None:
        self.free = FreeSelector()
        super().__init__(self.free)

    def time(self) -> float:
        return self.free.time


def run_free(work: Coroutine[Any, Any, T]) -> T:
    """`asyncio.run` with free time."""
    with asyncio.Runner(loop_factory=FreeLoop) as runner:
        return runner.run(work)


async def pass_time(seconds: float) -> None:
    """Let the (free) time of the loop pass."""
    await asyncio.sleep(seconds)
