"""From the engine's thread to the screen: many changes, one message.

At most one `EngineUpdated` waits in the queue, whatever the engine does; the picture is taken
when it is handled, so the screen is never behind by more than one frame.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from textual.message import Message

if TYPE_CHECKING:
    from opsconsole.engine.protocols import Console
    from opsconsole.model.snapshot import Snapshot


class EngineUpdated(Message):
    """The engine has a newer picture."""

    def can_replace(self, message: Message) -> bool:
        return isinstance(message, EngineUpdated)


class Bridge:
    def __init__(self, console: Console, post: Callable[[Message], object]) -> None:
        self._console = console
        self._post = post
        self._pending = False
        self._leave: Callable[[], None] | None = None

    def open(self) -> None:
        self._leave = self._console.subscribe(self._notify)

    def close(self) -> None:
        if self._leave is not None:
            self._leave()
            self._leave = None

    def take(self) -> Snapshot:
        """The newest picture; from here on a change is announced again."""
        self._pending = False
        return self._console.snapshot()

    def _notify(self, _generation: int) -> None:
        """On the engine's thread. A second message in a race costs one frame without changes."""
        if self._pending:
            return
        self._pending = True
        try:
            self._post(EngineUpdated())
        except RuntimeError:  # the screen's loop has ended; there is nobody to tell
            self._pending = False
