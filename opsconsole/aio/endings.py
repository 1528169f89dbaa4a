"""SIGTERM, SIGHUP and SIGINT end the program through its own clean-up, not in the middle of it.

Separate because commands without a loop, the console on Textual's loop and `sandbox serve` all
need it: what they wrote (the sandbox's git, mirrors of repositories) has to go with them.
"""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator
from types import FrameType
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    import asyncio

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def exit_status(number: int) -> int:
    """What a shell shows for a program that a signal ended."""
    return 128 + number


def on_loop(loop: asyncio.AbstractEventLoop, leave: Callable[[int], object]) -> None:
    """Call `leave(exit status)` on the loop for each signal; nothing outside the main thread.

    A terminal that closes sends several: those that come after the loop's end are ignored.
    """

    def end(number: int, _frame: FrameType | None) -> None:
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(leave, exit_status(number))

    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            signal.signal(number, end)


@contextlib.contextmanager
def unwinding() -> Iterator[None]:
    """SIGTERM and SIGHUP raise SystemExit, so that every `finally` runs; a second one is ignored.

    SIGINT stays a KeyboardInterrupt. At the end all handlers are as they were, `on_loop`'s too.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    numbers = (signal.SIGTERM, signal.SIGHUP)

    def end(number: int, _frame: FrameType | None) -> NoReturn:
        for other in numbers:
            signal.signal(other, signal.SIG_IGN)
        raise SystemExit(exit_status(number))

    before = {number: signal.getsignal(number) for number in SIGNALS}
    for number in numbers:
        signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler or signal.SIG_DFL)
