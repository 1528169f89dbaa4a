"""How a command of the plugin talks to the world without touching it.

A command is a generator: it yields what it needs (an object, a list, a write, a file, some
time) and is sent the answer. The command line answers over HTTP, the engine and the player of
recorded scenarios in-process, tests from dictionaries. An answer that fails is thrown into it:
`ApiError` with the server's own message, `OSError` for a file.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import ApiError, InputError
from opsconsole.model.kinds import Kind
from opsconsole.model.requests import Request


@dataclass(frozen=True, slots=True)
class Get:
    """Answered with the object."""

    kind: Kind
    namespace: str
    name: str


@dataclass(frozen=True, slots=True)
class ListAll:
    """Answered with a list of objects; an empty namespace lists all namespaces."""

    kind: Kind
    namespace: str
    selector: str = ""
    field_selector: str = ""


@dataclass(frozen=True, slots=True)
class Send:
    """A write, answered with the object that the server returned."""

    request: Request


@dataclass(frozen=True, slots=True)
class ReadFile:
    """Answered with the text of a local file; "-" is standard input."""

    path: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Go on after that many seconds, or earlier when something changed; False: interrupted."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Say:
    """Print. `clear` first empties the screen (the plugin's own watch does)."""

    text: str
    error: bool = False
    clear: bool = False


Ask = Get | ListAll | Send | ReadFile | Wait | Say
Conversation = Generator[Ask, Any, int]
"""Returns the exit status."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """`out` and `err` as printed; `text` both in the order of printing."""

    code: int
    out: str
    err: str
    text: str


def drive(conversation: Conversation, answer: Callable[[Ask], Any]) -> Outcome:
    """Play a command with `answer` for everything but `Say`."""
    printed: list[Say] = []
    reply: Any = None
    fault: Exception | None = None
    while True:
        try:
            ask = conversation.send(reply) if fault is None else conversation.throw(fault)
        except StopIteration as end:
            return _outcome(int(end.value or 0), printed)
        reply, fault = None, None
        if isinstance(ask, Say):
            printed.append(ask)
            continue
        try:
            reply = answer(ask)
        except (ApiError, InputError, OSError) as failed:
            fault = failed


async def drive_async(
    conversation: Conversation,
    answer: Callable[[Ask], Awaitable[Any]],
    say: Callable[[Say], None],
) -> int:
    """The same for answers that take time; `say` prints as it goes. Returns the exit status."""
    reply: Any = None
    fault: Exception | None = None
    while True:
        try:
            ask = conversation.send(reply) if fault is None else conversation.throw(fault)
        except StopIteration as end:
            return int(end.value or 0)
        reply, fault = None, None
        if isinstance(ask, Say):
            say(ask)
            continue
        try:
            reply = await answer(ask)
        except (ApiError, InputError, OSError) as failed:
            fault = failed


def _outcome(code: int, printed: list[Say]) -> Outcome:
    return Outcome(
        code,
        "".join(said.text for said in printed if not said.error),
        "".join(said.text for said in printed if said.error),
        "".join(said.text for said in printed),
    )
