"""The commands of `kubectl argo rollouts`, answered over HTTP.

Separate from `argo.commands`, where they are conversations that touch nothing: here they are
given a cluster, files, time and a terminal.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from opsconsole import __version__
from opsconsole.aio.clock import Clock
from opsconsole.argo.commands import programs
from opsconsole.argo.commands.asks import Ask, Get, ListAll, ReadFile, Say, Send, Wait, drive_async
from opsconsole.argo.commands.parsing import parse
from opsconsole.argo.rollouts.lint import lint
from opsconsole.cli.connect import Chosen, choose
from opsconsole.cli.options import Options
from opsconsole.cli.wide import run_wide, wanted
from opsconsole.errors import ApiError, ConnectError, OpsError


def run_plugin(options: Options, words: list[str]) -> int:
    """Run it; wrong use is a UsageError, other statuses are the plugin's own."""
    command = parse(words)
    if wanted(command):
        return run_wide(options, command)
    chosen = choose(options)
    return asyncio.run(_converse(chosen, command, options))


async def _converse(chosen: Chosen, command: Any, options: Options) -> int:
    async with connected(chosen) as cluster:
        namespace = options.namespace or cluster.namespace or "default"
        conversation = programs.run(
            command,
            namespace=namespace,
            now=chosen.clock.now,
            lint=lint,
            color=sys.stdout.isatty(),
            version=__version__,
        )
        answers = Answers(cluster, chosen.clock)
        return await drive_async(conversation, answers.answer, say)


@asynccontextmanager
async def connected(chosen: Chosen) -> AsyncIterator[Any]:
    """The cluster, closed at the end together with a sandbox that was started for it."""
    connection = await chosen.connector()
    try:
        yield connection.cluster
    finally:
        await connection.cluster.close()
        if connection.close is not None:
            await asyncio.to_thread(connection.close)


def say(said: Say) -> None:
    stream = sys.stderr if said.error else sys.stdout
    if said.clear and stream.isatty():
        stream.write("\x1b[H\x1b[2J")
    stream.write(said.text)
    stream.flush()


class Answers:
    """Answers what a conversation asks for. A lost connection is told as the server's failure."""

    def __init__(self, cluster: Any, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._stopped: asyncio.Event | None = None

    async def answer(self, ask: Ask) -> Any:
        try:
            return await self._answer(ask)
        except ConnectError as fault:
            raise ApiError(fault.message, hint=fault.hint) from fault

    async def _answer(self, ask: Ask) -> Any:
        if isinstance(ask, Get):
            return await self._cluster.get(ask.kind, ask.namespace, ask.name)
        if isinstance(ask, ListAll):
            return await self._cluster.list(
                ask.kind, ask.namespace, labels=ask.selector, fields=ask.field_selector
            )
        if isinstance(ask, Send):
            return await self._cluster.send(ask.request)
        if isinstance(ask, ReadFile):
            return await asyncio.to_thread(_read, ask.path)
        if isinstance(ask, Wait):
            return await self._wait(ask.seconds)
        raise OpsError(f"a command asked for {type(ask).__name__}")

    async def _wait(self, seconds: float) -> bool:
        """Real seconds; False when the user interrupted."""
        if self._stopped is None:
            self._stopped = asyncio.Event()
            loop = asyncio.get_running_loop()
            loop.add_signal_handler(signal.SIGINT, self._stopped.set)
        try:
            async with asyncio.timeout(seconds):
                await self._stopped.wait()
        except TimeoutError:
            return True
        return False


def _read(path: str) -> str:
    return sys.stdin.read() if path == "-" else Path(path).read_text(encoding="utf-8")
