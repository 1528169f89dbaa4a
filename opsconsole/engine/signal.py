"""A wake-up for coroutines that look again whenever anything changed.

Separate because every follower must take its ticket before it looks, or it sleeps through
the change that came in between.
"""

from __future__ import annotations

import asyncio


class Signal:
    """Owned by one loop."""

    def __init__(self) -> None:
        self._waiting: asyncio.Future[None] | None = None

    def wait(self) -> asyncio.Future[None]:
        """A ticket that is done at the next `fire()`. Take it before looking."""
        if self._waiting is None or self._waiting.done():
            self._waiting = asyncio.get_running_loop().create_future()
        return asyncio.shield(self._waiting)

    def fire(self) -> None:
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_result(None)
