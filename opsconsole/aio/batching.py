"""Many wishes for the same thing become one call, a little later.

Separate because both notifications and rebuilding the snapshot are coalesced: a burst of a
thousand watch events must cost one rebuild.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable


class Coalescer:
    """Calls `action` at most once per `interval` seconds, first after `lead` seconds.

    Owned by one loop; `poke()` only there.
    """

    def __init__(self, action: Callable[[], None], *, interval: float, lead: float = 0.0) -> None:
        self._action = action
        self._interval = interval
        self._lead = lead
        self._last = float("-inf")
        self._handle: asyncio.TimerHandle | None = None

    @property
    def pending(self) -> bool:
        return self._handle is not None

    def poke(self) -> None:
        """Ask for a call; further asking before it happens changes nothing."""
        if self._handle is not None:
            return
        loop = asyncio.get_running_loop()
        at = max(loop.time() + self._lead, self._last + self._interval)
        self._handle = loop.call_at(at, self._run)

    def flush(self) -> None:
        """Make the pending call now, if there is one."""
        if self._handle is not None:
            self._handle.cancel()
            self._run()

    def close(self) -> None:
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _run(self) -> None:
        self._handle = None
        self._last = asyncio.get_running_loop().time()
        self._action()
