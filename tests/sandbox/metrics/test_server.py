"""The metric endpoint over real HTTP, as a client outside the sandbox meets it."""

from __future__ import annotations

import asyncio
import json
import urllib.parse
import urllib.request

from opsconsole.sandbox.cluster import build
from opsconsole.sandbox.metrics.server import MetricServer
from opsconsole.sandbox.serve import ServeOptions, Server


def get(url: str) -> dict:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return dict(json.load(answer))


def test_serve_tells_where_prometheus_is() -> None:
    told: list[str] = []

    async def story() -> tuple[dict, dict]:
        server = Server(ServeOptions(metrics=told.append))
        await server.start()
        try:
            query = urllib.parse.urlencode({"query": "vector(1) + 1"})
            return (
                await asyncio.to_thread(get, f"{told[0]}/api/v1/query?{query}"),
                await asyncio.to_thread(get, f"{told[0]}/api/v1/status/buildinfo"),
            )
        finally:
            await server.stop()

    answer, build_info = asyncio.run(story())
    assert answer["status"] == "success"
    assert answer["data"]["result"][0]["value"][1] == "2"
    assert build_info["data"]["version"]


def test_a_cluster_without_metrics_serves_none() -> None:
    async def story() -> str:
        server = MetricServer(build())
        address = await server.start()
        await server.stop()
        return address

    assert asyncio.run(story()) == ""
