"""A hand-over between two threads that keeps only the newest item.

Separate because it is the one place where two threads touch the same data.
"""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """`put` from any thread; `take` returns what came last since the previous `take`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._item: T | None = None
        self._full = False

    def put(self, item: T) -> bool:
        """Leave an item; True when the box was empty, so that one wake-up per filling is enough."""
        with self._lock:
            first = not self._full
            self._item, self._full = item, True
            return first

    def take(self) -> T | None:
        """The newest item, or None when there is nothing new."""
        with self._lock:
            item, self._item, self._full = self._item, None, False
            return item
