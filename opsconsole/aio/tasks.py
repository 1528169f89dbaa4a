"""Background tasks that cannot die in silence.

Separate because an asyncio task that nobody awaits swallows its exception: every task of the
program is made here, has a name, and its failure or unexpected end is reported.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from typing import Any

log = logging.getLogger(__name__)

Report = Callable[[str, BaseException | None], None]
"""Called with the task's name and its exception, None when it ended although it should not."""

_alive: set[asyncio.Task[Any]] = set()


def supervise(
    work: Coroutine[Any, Any, Any],
    *,
    name: str,
    endless: bool = False,
    report: Report | None = None,
) -> asyncio.Task[None]:
    """Run `work` on the current loop. It never raises into whoever awaits the task.

    With `endless`, a normal return is reported like a failure. Cancelling is always quiet.
    """

    async def guarded() -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except Exception as fault:
            log.exception("task %s failed", name)
            if report is not None:
                report(name, fault)
        else:
            if endless:
                log.error("task %s ended, which it should not", name)
                if report is not None:
                    report(name, None)

    task = asyncio.get_running_loop().create_task(guarded(), name=name)
    _alive.add(task)
    task.add_done_callback(_alive.discard)
    task.add_done_callback(lambda _: work.close())
    return task


async def cancel(*tasks: asyncio.Task[Any] | None) -> None:
    """Cancel the tasks and wait until they are gone."""
    running = [task for task in tasks if task is not None and not task.done()]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
