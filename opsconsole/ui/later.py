"""A console that is made when it is started, so that its imports do not delay the first frame.

The application starts it after the first frame is drawn, on its own thread; nothing else but
`subscribe` and `stop` is called before.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from opsconsole.errors import OpsError

if TYPE_CHECKING:
    from concurrent.futures import Future

    from opsconsole.engine.protocols import Console
    from opsconsole.model.kinds import ResourceKey
    from opsconsole.model.plans import Intent, OperationRecord, Plan
    from opsconsole.model.snapshot import Snapshot


class Later:
    """`Console` that delegates to what `make` returns, from `start()` on."""

    def __init__(self, make: Callable[[], Console]) -> None:
        self._make = make
        self._made: Console | None = None
        self._waiting: list[Callable[[int], None]] = []

    @property
    def _console(self) -> Console:
        if self._made is None:
            raise OpsError("the engine has not been started")
        return self._made

    def start(self) -> None:
        self._made = self._make()
        for notify in self._waiting:
            self._made.subscribe(notify)
        self._made.start()

    def stop(self) -> None:
        if self._made is not None:
            self._made.stop()

    def snapshot(self) -> Snapshot:
        return self._console.snapshot()

    def subscribe(self, notify: Callable[[int], None]) -> Callable[[], None]:
        if self._made is not None:
            return self._made.subscribe(notify)
        self._waiting.append(notify)
        return lambda: None

    def select(self, application: ResourceKey | None) -> None:
        self._console.select(application)

    def refusal(self, intent: Intent) -> str:
        return self._console.refusal(intent)

    def plan(self, intent: Intent) -> Future[Plan]:
        return self._console.plan(intent)

    def execute(self, plan: Plan) -> Future[OperationRecord]:
        return self._console.execute(plan)
