"""The sandbox inside the console: a thread of its own, reached over loopback HTTP.

Separate from `connect`, because nothing here may be imported before the first frame. The
front end sees it as an `Environment`: a banner, a clock and the keys for the speed.
"""

from __future__ import annotations

import importlib.util
import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from opsconsole.errors import MissingExtraError, OpsError
from opsconsole.model.environment import ExtraAction

if TYPE_CHECKING:
    from opsconsole.sandbox.world.assembly import Sandbox

NEEDED = ("promql_parser", "cryptography")

SPEEDS = (0.0, 1.0, 5.0, 20.0, 60.0, 300.0)


def check_extra(find: Callable[[str], object] = importlib.util.find_spec) -> None:
    """MissingExtraError when the sandbox extra is not installed."""
    missing = [name for name in NEEDED if find(name) is None]
    if missing:
        raise MissingExtraError(
            f"the sandbox needs {', '.join(missing)}, which is not installed",
            hint="install it with: pip install 'opsconsole[sandbox]'",
        )


class SandboxEnvironment:
    """Implements `model.environment.Environment`; before `attach` the sandbox is starting."""

    def __init__(self, speed: float, *, ascii_only: bool = False) -> None:
        self._speed = speed
        self._times = "x" if ascii_only else "×"
        self._sandbox: Sandbox | None = None
        self._lock = threading.Lock()

    def attach(self, sandbox: Sandbox | None) -> None:
        with self._lock:
            self._sandbox = sandbox

    @property
    def extra_actions(self) -> tuple[ExtraAction, ...]:
        return (
            ExtraAction("slower", "Slower", "minus", "Let the sandbox run slower", self._slower),
            ExtraAction("faster", "Faster", "plus", "Let the sandbox run faster", self._faster),
            ExtraAction(
                "outbox",
                "Outbox",
                "O",
                "What the notifications controller sent",
                self._outbox,
                page=True,
            ),
        )

    def banner(self) -> str:
        if self._sandbox is None:
            return "SANDBOX starting"
        speed = "paused" if self._speed == 0 else f"{self._speed:g}{self._times}"
        return f"SANDBOX {speed} {self.now():%a %H:%M:%S}"

    def now(self) -> datetime:
        sandbox = self._sandbox
        return sandbox.now() if sandbox is not None else datetime.now(UTC)

    def monotonic(self) -> float:
        sandbox = self._sandbox
        return sandbox.monotonic() if sandbox is not None else 0.0

    def _faster(self) -> str:
        return self._set(next((s for s in SPEEDS if s > self._speed), SPEEDS[-1]))

    def _slower(self) -> str:
        return self._set(next((s for s in reversed(SPEEDS) if s < self._speed), SPEEDS[0]))

    def _outbox(self) -> str:
        return self._sandbox.outbox() if self._sandbox is not None else "the sandbox is starting"

    def _set(self, speed: float) -> str:
        sandbox = self._sandbox
        if sandbox is None:
            return "the sandbox is starting"
        try:
            sandbox.speed = speed
        except OpsError as fault:
            return fault.message
        self._speed = speed
        return (
            "the sandbox is paused" if speed == 0 else f"the sandbox runs at {speed:g}{self._times}"
        )
