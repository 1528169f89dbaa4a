"""What a program is started in, injected by `cli`: the front end knows no more of the sandbox."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ExtraAction:
    """A key of the environment's own (the sandbox's speed). `run` returns a line to show,
    or, with `page`, a text to read over the console.
    """

    id: str
    label: str
    key: str
    help: str
    run: Callable[[], str]
    page: bool = False


class Environment(Protocol):
    """`banner()` is a line that is always on screen ("SANDBOX 20× Mon 10:32:05"), or empty."""

    @property
    def extra_actions(self) -> tuple[ExtraAction, ...]: ...

    def banner(self) -> str: ...

    def now(self) -> datetime:
        """The time that objects are dated with: virtual in the sandbox."""
        ...


@dataclass(frozen=True, slots=True)
class PlainEnvironment:
    """A real cluster: nothing extra."""

    clock: Callable[[], datetime]
    extra_actions: tuple[ExtraAction, ...] = ()

    def banner(self) -> str:
        return ""

    def now(self) -> datetime:
        return self.clock()
