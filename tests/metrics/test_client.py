"""The metric client: values, gaps, limits and refusals."""

from __future__ import annotations

import asyncio
import threading
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from aiohttp import web

from opsconsole.errors import MetricsError
from opsconsole.metrics.client import MetricsClient, Sample

START = datetime(2026, 1, 5, 9, tzinfo=UTC)
PROM = "http://prometheus:9090"


class Fake:
    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.asked: list[tuple[Any, ...]] = []

    def custom_query(self, query: str, params: Any = None) -> Any:
        return self._told(query, params)

    def custom_query_range(self, query: str, *more: Any) -> Any:
        return self._told(query, *more)

    def _told(self, *asked: Any) -> Any:
        self.asked.append(asked)
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def ask(fake: Fake, *, ranged: float = 0.0, address: str = PROM) -> Any:
    async def main() -> Any:
        client = MetricsClient(lambda *_: fake, limit=0.5)
        try:
            if ranged:
                end = START + timedelta(seconds=ranged)
                return await client.series(address, "up", START, end, step=1)
            return await client.query(address, "up", START)
        finally:
            client.close()

    return asyncio.run(main())


def test_values_of_a_vector_and_of_a_scalar() -> None:
    vector = [
        {"metric": {"b": "2", "a": "1"}, "value": [1, "0.5"]},
        {"metric": {}, "value": [1, "x"]},
        7,
    ]
    assert ask(Fake(vector)) == [Sample((("a", "1"), ("b", "2")), 0.5)]
    assert ask(Fake([1, "3"])) == [Sample((), 3.0)]
    assert ask(Fake([])) == []


def test_a_series_leaves_gaps_out_and_widens_its_step() -> None:
    fake = Fake([{"metric": {}, "values": [[1, "2"], [2, "NaN"], [3], "x", [4, "5"]]}])
    (series,) = ask(fake, ranged=5000)
    assert [value for _, value in series.points] == [2.0, 5.0]
    assert fake.asked[0][3] == "10"


@pytest.mark.parametrize("address", ["", "prometheus:9090", "file:///etc/passwd"])
def test_an_address_must_be_http(address: str) -> None:
    with pytest.raises(MetricsError, match="not the address"):
        ask(Fake([]), address=address)


def test_a_fault_is_bounded_and_ours() -> None:
    with pytest.raises(MetricsError, match="prometheus:9090: bad") as caught:
        ask(Fake(ValueError("bad " + "x" * 10_000)))
    assert len(caught.value.message) < 400


def test_no_answer_in_time() -> None:
    release = threading.Event()

    class Slow(Fake):
        def custom_query(self, query: str, params: Any = None) -> Any:
            release.wait(5)
            return []

    async def main() -> None:
        client = MetricsClient(lambda *_: Slow([]), limit=-0.9)
        try:
            await client.query(PROM, "up")
        finally:
            release.set()
            client.close()

    with pytest.raises(MetricsError, match="did not answer"):
        asyncio.run(main())


def test_the_real_library_over_http() -> None:
    async def answer(request: web.Request) -> web.Response:
        assert request.query["query"] == "up"
        result = [{"metric": {"job": "x"}, "value": [1, "1"]}]
        return web.json_response({"status": "success", "data": {"result": result}})

    async def main() -> None:
        app = web.Application()
        app.router.add_get("/api/v1/query", answer)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        client = MetricsClient()
        try:
            found = await client.query(f"http://127.0.0.1:{port}", "up")
            assert found == [Sample((("job", "x"),), 1.0)]
            with pytest.raises(MetricsError, match="404"):
                await client.query(f"http://127.0.0.1:{port}/nope", "up")
        finally:
            client.close()
            await runner.cleanup()

    asyncio.run(main())
