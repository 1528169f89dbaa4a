"""The engine's façade: one thread, one loop, all state.

Separate from the front end's thread because a terminal that stops reading freezes Textual's
loop; watches, credentials and running operations must survive that. Tests run the same hub
on their own loop with `async with hub.running()`.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import Future
from typing import Any, TypeVar

from opsconsole.aio.backoff import Uniform
from opsconsole.aio.batching import Coalescer
from opsconsole.aio.clock import Clock
from opsconsole.engine.guards import refusal
from opsconsole.engine.journal import Journal
from opsconsole.engine.protocols import Connector
from opsconsole.engine.session import Session
from opsconsole.errors import GuardError, OpsError
from opsconsole.model.kinds import ResourceKey
from opsconsole.model.plans import Intent, OperationRecord, Plan
from opsconsole.model.snapshot import Link, LinkState, Snapshot
from opsconsole.settings import Settings

log = logging.getLogger(__name__)

T = TypeVar("T")

INTERVAL = 0.1
"""Seconds between two snapshots at least (gitops-engine batches events alike)."""

STOP = 5.0
"""Seconds that `stop()` waits for the thread."""


class Hub:
    """Implements `engine.protocols.Console`."""

    def __init__(
        self, connector: Connector, settings: Settings, clock: Clock, luck: Uniform
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._journal = Journal(settings.state_dir)
        self._session = Session(
            connector, settings, clock, luck, journal=self._journal, changed=self._changed
        )
        self._snapshot = Snapshot(0, clock.now(), LinkState(Link.CONNECTING, clock.now()))
        self._listeners: list[Callable[[int], None]] = []
        self._listening = threading.Lock()
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._ready = threading.Event()
        self._publisher: Coalescer | None = None

    # the console's face: any thread

    def start(self) -> None:
        """SettingsError when the journal cannot be written."""
        self._journal.check()
        self._thread = threading.Thread(target=self._main, name="engine", daemon=True)
        self._thread.start()
        self._ready.wait(STOP)

    def stop(self) -> None:
        loop, thread = self._loop, self._thread
        if thread is None or loop is None:
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(self._request_stop)
        thread.join(STOP)
        if thread.is_alive():
            log.error("the engine's thread does not end")
        self._thread = None

    def snapshot(self) -> Snapshot:
        return self._snapshot

    def subscribe(self, notify: Callable[[int], None]) -> Callable[[], None]:
        with self._listening:
            self._listeners.append(notify)

        def leave() -> None:
            with self._listening, contextlib.suppress(ValueError):
                self._listeners.remove(notify)

        return leave

    def select(self, application: ResourceKey | None) -> None:
        self._call(lambda: self._session.select(application))

    def refusal(self, intent: Intent) -> str:
        return refusal(intent, self._snapshot, self._session.permissions, self._session.blocked)

    def plan(self, intent: Intent) -> Future[Plan]:
        return self._submit(self._plan(intent))

    def execute(self, plan: Plan) -> Future[OperationRecord]:
        return self._submit(self._session.execute(plan))

    # the loop

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[Hub]:
        """Run on the caller's loop."""
        self._journal.check()
        self._loop = asyncio.get_running_loop()
        self._publisher = Coalescer(
            self._publish, interval=max(INTERVAL, self._settings.frame_interval)
        )
        self._session.start()
        try:
            yield self
        finally:
            await self._session.stop()
            self._publish()
            self._publisher.close()
            self._loop = None

    def _main(self) -> None:
        with asyncio.Runner() as runner:
            try:
                runner.run(self._live())
            except Exception:
                log.exception("the engine stopped")
                self._ready.set()

    async def _live(self) -> None:
        self._stopping = asyncio.Event()
        async with self.running():
            self._ready.set()
            await self._stopping.wait()

    def _request_stop(self) -> None:
        if self._stopping is not None:
            self._stopping.set()

    async def _plan(self, intent: Intent) -> Plan:
        self._publish()
        told = self.refusal(intent)
        if told:
            raise GuardError(f"{intent.target.name}: {told}")
        return await self._session.plan(intent)

    def _changed(self) -> None:
        if self._publisher is not None:
            self._publisher.poke()

    def _publish(self) -> None:
        new = self._session.snapshot(self._snapshot)
        if new is self._snapshot:
            return
        self._snapshot = new
        with self._listening:
            listeners = tuple(self._listeners)
        for notify in listeners:
            try:
                notify(new.generation)
            except Exception:
                log.exception("a listener failed")

    def _call(self, action: Callable[[], None]) -> None:
        loop = self._loop
        if loop is None:
            return
        with contextlib.suppress(RuntimeError):
            loop.call_soon_threadsafe(action)

    def _submit(self, work: Coroutine[Any, Any, T]) -> Future[T]:
        loop = self._loop
        if loop is None or loop.is_closed():
            work.close()
            failed: Future[T] = Future()
            failed.set_exception(OpsError("the console is not running"))
            return failed
        return asyncio.run_coroutine_threadsafe(work, loop)
