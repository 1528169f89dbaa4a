"""Drives a simulation at a multiple of real time, in slices of a few milliseconds.

Separate from the simulation, which knows no real time, and from the API server, which lives
on the same loop: so the store has one owner thread, and a screen in the same process stays
fluent. `Pacer.run` is a coroutine for a loop of one's own (`sandbox serve`); `Pacer.start`
makes a thread with a loop for a program that has another main thread (the console).
"""

from __future__ import annotations

import asyncio
import logging
import math
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from opsconsole.errors import SandboxError
from opsconsole.sandbox.kernel import Simulation

log = logging.getLogger(__name__)

T = TypeVar("T")

SLICE = 0.005
"""Real seconds that the simulation may hold the loop."""

REST = 0.001
"""Real seconds that other threads get between two slices when there is much to do."""

IDLE = 0.05
"""Real seconds between two looks at the clock when nothing is due."""

DEBT = 2.0
"""Real seconds that virtual time may fall behind; a slower machine gives slower virtual time."""

REAL = 1.0
"""At this speed and below all debt is made good: clients write times of their own clocks."""

FASTEST = math.inf
"""The speed that runs as fast as it can."""


class Pacer:
    """Runs `simulation` at `speed` × real time; 0 is paused, FASTEST as fast as possible."""

    def __init__(self, simulation: Simulation, *, speed: float = 1.0) -> None:
        self.simulation = simulation
        self._speed = speed
        self._target = simulation.elapsed
        self._wake: asyncio.Event | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._stopping = False
        self.faults: list[Exception] = []
        """What actions raised unexpectedly, newest last."""

        self.longest = 0.0
        """The longest slice so far, in real seconds."""

    # from any thread

    @property
    def speed(self) -> float:
        return self._speed

    @speed.setter
    def speed(self, value: float) -> None:
        """Change the speed from now on; ValueError below 0."""
        if not value >= 0:
            raise ValueError(f"a speed of {value} is not possible")
        self._speed = value
        self._poke()

    def call(self, work: Callable[[], T]) -> Future[T]:
        """Run `work` on the loop that owns the simulation. SandboxError when it does not run."""
        loop = self._running_loop()
        future: Future[T] = Future()

        def run() -> None:
            if not future.set_running_or_notify_cancel():
                return
            try:
                result = work()
            except BaseException as error:  # noqa: BLE001 - handed to the caller
                future.set_exception(error)
            else:
                future.set_result(result)
            self._poke_here()

        loop.call_soon_threadsafe(run)
        return future

    def submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        """Run a coroutine on that loop."""
        try:
            return asyncio.run_coroutine_threadsafe(work, self._running_loop())
        except SandboxError:
            work.close()
            raise

    def start(self) -> None:
        """Make the thread and its loop, and run there until `stop`."""
        ready = threading.Event()

        def main() -> None:
            asyncio.run(self._main(ready))

        self._thread = threading.Thread(target=main, name="sandbox", daemon=True)
        self._thread.start()
        ready.wait()

    def stop(self, timeout: float = 5.0) -> None:
        """End the run; waits for the thread."""
        self._stopping = True
        self._poke()
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(timeout)
            self._thread = None

    def _running_loop(self) -> asyncio.AbstractEventLoop:
        loop = self._loop
        if loop is None or loop.is_closed():
            raise SandboxError("the sandbox does not run")
        return loop

    def _poke(self) -> None:
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._poke_here)

    def _poke_here(self) -> None:
        if self._wake is not None:
            self._wake.set()

    # on the loop

    async def _main(self, ready: threading.Event) -> None:
        self._loop = asyncio.get_running_loop()
        self._loop.call_soon(ready.set)
        await self.run()

    async def run(self) -> None:
        """Drive the simulation until `stop()`."""
        loop = self._loop = asyncio.get_running_loop()
        self._wake = asyncio.Event()
        last = loop.time()
        self._target = self.simulation.elapsed
        try:
            while not self._stopping:
                self._wake.clear()
                now = loop.time()
                pause = self._slice(now, now - last)
                last = now
                if pause > REST:
                    await _until(self._wake, pause)
                else:
                    await asyncio.sleep(pause)
        finally:
            self._stopping = False
            self._wake = None
            self._loop = None

    def _slice(self, now: float, passed: float) -> float:
        """Do what is due, for at most SLICE; returns the real seconds until the next look."""
        simulation, speed = self.simulation, self._speed
        if simulation.held or speed == 0:
            # time that stands still leaves no debt behind, unless clients compare it with their own
            owed = self._target + passed * speed if 0 < speed <= REAL else simulation.elapsed
            self._target = owed
            return IDLE if speed == 0 else REST
        if speed == FASTEST:
            return self._race(now)
        debt = math.inf if speed <= REAL else DEBT * speed
        self._target = min(self._target + passed * speed, simulation.elapsed + debt)
        if self._step_until(now + SLICE, self._target):
            return REST
        if not simulation.held:
            simulation.elapsed = max(simulation.elapsed, self._target)
        due = simulation.next_at()
        wait = IDLE if due is None else (due - self._target) / speed
        return min(max(wait, REST), IDLE)

    def _race(self, now: float) -> float:
        more = self._step_until(now + SLICE, math.inf)
        self._target = self.simulation.elapsed
        return REST if more else IDLE

    def _step_until(self, end: float, limit: float) -> bool:
        """Run due actions until the real time `end`; whether more are due."""
        assert self._loop is not None
        clock, start = self._loop.time, self._loop.time()
        while self._step(limit):
            at = clock()
            if at >= end:
                self.longest = max(self.longest, at - start)
                due = self.simulation.next_at()
                return due is not None and due <= limit
        return False

    def _step(self, limit: float) -> bool:
        try:
            return self.simulation.step(limit)
        except Exception as fault:
            # one action that fails must not stop the time for all others
            log.exception("an action of the simulation failed")
            self.faults = [*self.faults[-99:], fault]
            return True


async def _until(event: asyncio.Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(event.wait(), seconds)
    except TimeoutError:
        return
