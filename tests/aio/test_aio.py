"""Back-off, supervised tasks, coalescing, the mailbox."""

from __future__ import annotations

import asyncio
import itertools
import logging
import threading

import pytest

from opsconsole.aio.backoff import Backoff
from opsconsole.aio.batching import Coalescer
from opsconsole.aio.mailbox import Mailbox
from opsconsole.aio.tasks import cancel, supervise
from tests.aio.loop import pass_time, run_free


def test_backoff_grows_to_its_cap_and_resets() -> None:
    delays = Backoff(lambda: 0.999999, base=1, cap=8)
    assert [round(delays.next()) for _ in range(6)] == [1, 2, 4, 8, 8, 8]
    delays.reset()
    assert round(delays.next()) == 1


def test_backoff_never_hammers_even_with_bad_luck() -> None:
    delays = Backoff(lambda: 0.0)
    assert all(delays.next() >= 0.1 for _ in range(3))


def test_backoff_survives_thousands_of_failures() -> None:
    delays = Backoff(lambda: 0.5, cap=30)
    assert [delays.next() for _ in range(5000)][-1] == 15


def test_a_failing_task_is_reported_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    async def bad() -> None:
        raise ValueError("broken")

    async def main() -> None:
        await supervise(
            bad(), name="bad", report=lambda name, fault: seen.append((name, str(fault)))
        )

    with caplog.at_level(logging.ERROR):
        asyncio.run(main())
    assert seen == [("bad", "broken")]
    assert "task bad failed" in caplog.text


def test_an_endless_task_that_ends_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    seen = []

    async def short() -> None:
        pass

    async def main() -> None:
        await supervise(short(), name="w", endless=True, report=lambda n, f: seen.append((n, f)))
        await supervise(short(), name="x", report=lambda n, f: seen.append((n, f)))

    asyncio.run(main())
    assert seen == [("w", None)]


def test_cancelling_is_quiet(caplog: pytest.LogCaptureFixture) -> None:
    async def main() -> None:
        task = supervise(asyncio.Event().wait(), name="waits", endless=True)
        await asyncio.sleep(0)
        await cancel(task, None)
        assert task.cancelled()

    asyncio.run(main())
    assert not caplog.records


def test_a_burst_becomes_one_call_per_interval() -> None:
    at: list[float] = []

    async def main() -> None:
        loop = asyncio.get_running_loop()
        calls = Coalescer(lambda: at.append(round(loop.time(), 3)), interval=0.1)
        for _ in range(50):
            calls.poke()
            calls.poke()
            await pass_time(0.01)
        await pass_time(1)

    run_free(main())
    assert at[0] == 0
    assert len(at) == 6
    assert all(b - a >= 0.0999 for a, b in itertools.pairwise(at))


def test_flush_calls_once() -> None:
    calls: list[int] = []

    async def main() -> None:
        box = Coalescer(lambda: calls.append(1), interval=5, lead=3)
        box.flush()
        box.poke()
        assert box.pending
        box.flush()
        await pass_time(20)

    run_free(main())
    assert calls == [1]


def test_the_mailbox_keeps_the_newest_across_threads() -> None:
    box: Mailbox[int] = Mailbox()
    firsts = []
    thread = threading.Thread(target=lambda: firsts.extend(box.put(i) for i in range(1000)))
    thread.start()
    thread.join()
    assert firsts == [True] + [False] * 999
    assert box.take() == 999
    assert box.take() is None
    assert box.put(1)
