"""A served store for tests: in-process over HTTP, and on a thread for real programs."""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
JSON_PATCH = "application/json-patch+json"
APPLY = "application/apply-patch+yaml"

PODS = "/api/v1/namespaces/default/pods"
MAPS = "/api/v1/namespaces/default/configmaps"
DEPLOYMENTS = "/apis/apps/v1/namespaces/default/deployments"
ROLLOUTS = "/apis/argoproj.io/v1alpha1/namespaces/default/rollouts"


class Client:
    """`await client("GET", path)` → (status, decoded body)."""

    def __init__(self, api: ApiServer, cluster: Cluster, session: aiohttp.ClientSession) -> None:
        self.api = api
        self.cluster = cluster
        self.session = session

    async def __call__(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        media: str = "application/json",
        **headers: str,
    ) -> tuple[int, Any]:
        data = (
            body
            if isinstance(body, bytes | io.BytesIO)
            else None
            if body is None
            else json.dumps(body).encode()
        )
        sent = {"Content-Type": media, **{k.replace("_", "-"): v for k, v in headers.items()}}
        async with self.session.request(
            method, self.api.url + path, data=data, headers=sent
        ) as reply:
            text = await reply.text()
            self.headers = reply.headers
            kind = reply.headers.get("Content-Type", "")
            return reply.status, json.loads(text) if "json" in kind else text

    async def ok(self, method: str, path: str, body: Any = None, **more: Any) -> Any:
        status, answer = await self(method, path, body, **more)
        assert status in (200, 201), answer
        return answer

    async def watch(self, path: str, count: int) -> list[Any]:
        """The first `count` events of a watch."""
        found: list[Any] = []
        async with self.session.get(self.api.url + path) as reply:
            assert reply.status == 200, await reply.text()
            async for line in reply.content:
                found.append(json.loads(line))
                if len(found) == count:
                    break
        return found

    def run(self, seconds: float = 5.0) -> None:
        self.cluster.simulation.run_for(seconds)


def served(test: Callable[[Client], Awaitable[None]], *, workloads: bool = False) -> None:
    """Run an async test against a fresh cluster; only the workload controllers, if asked for."""

    async def main() -> None:
        cluster = build(ClusterOptions())
        if workloads:
            cluster.start_group("workloads")
        api = ApiServer(cluster.store)
        await api.start()
        try:
            async with aiohttp.ClientSession() as session:
                await test(Client(api, cluster, session))
        finally:
            await api.stop()

    asyncio.run(main())


def config_map(name: str, **data: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}, "data": data}


def deployment(name: str, **spec: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "c", "image": "nginx:1"}]},
            },
            **spec,
        },
    }


def rollout(name: str, **spec: Any) -> dict[str, Any]:
    return {**deployment(name, **spec), "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout"}
