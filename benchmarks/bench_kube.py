"""List and watch of 2,000 Applications beside `kubectl get` on the same server.

Run: python benchmarks/bench_kube.py. The floor is json.loads of the same bytes.
"""

from __future__ import annotations

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from opsconsole.kube.cluster import KubeCluster
from opsconsole.kube.contexts import Target
from opsconsole.kube.credentials import Fixed, Proof
from opsconsole.model.feed import Changed, Listed
from opsconsole.model.kinds import APPLICATION, NAMESPACE
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.serve import kubeconfig
from opsconsole.sandbox.store import Store

COUNT = 2000
FIELDS = [{"f:metadata": {f"f:label-{i}": {} for i in range(30)}}]


def application(i: int) -> dict:
    """About 6 KB, as a real one."""
    return {
        "metadata": {"name": f"app-{i:04d}", "namespace": "argocd",
                     "managedFields": [{"manager": "argocd", "fieldsV1": FIELDS[0]}]},
        "spec": {"project": "default", "source": {"repoURL": "https://git.example/x", "path": f"apps/{i}"},
                 "destination": {"server": "https://kubernetes.default.svc", "namespace": f"ns-{i}"}},
        "status": {
            "sync": {"status": "Synced", "revision": "a" * 40}, "health": {"status": "Healthy"},
            "resources": [{"kind": "ConfigMap", "version": "v1", "namespace": f"ns-{i}", "name": f"c{n}",
                           "status": "Synced"} for n in range(30)],
            "history": [{"id": n, "revision": "b" * 40, "deployedAt": "2026-01-05T09:00:00Z"} for n in range(10)],
        },
    }  # fmt: skip


class Server:
    """On a thread of its own, so that the client is measured alone."""

    def __init__(self) -> None:
        self.store = Store(Simulation())
        self.store.create(NAMESPACE, {"metadata": {"name": "argocd"}})
        for i in range(COUNT):
            self.store.create(APPLICATION, application(i))
        ready = threading.Event()

        async def main() -> None:
            self.loop, self.stop = asyncio.get_running_loop(), asyncio.Event()
            server = ApiServer(self.store)
            self.url = await server.start()
            ready.set()
            await self.stop.wait()
            await server.stop()

        self.thread = threading.Thread(target=lambda: asyncio.run(main()))
        self.thread.start()
        ready.wait()

    def touch(self) -> None:
        for obj in self.store.objects(APPLICATION):
            new = {**obj["status"], "reconciledAt": "2026-01-05T10:00:00Z"}
            self.store.update(APPLICATION, {**obj, "status": new})

    def close(self) -> None:
        self.loop.call_soon_threadsafe(self.stop.set)
        self.thread.join()


async def client(server: Server) -> None:
    cluster = KubeCluster(Target(server.url, Fixed(Proof()), direct=True), luck=lambda: 0.5)
    feed = cluster.follow(APPLICATION)
    wall, cpu = time.perf_counter(), time.thread_time()
    first = await anext(feed)
    assert isinstance(first, Listed)
    assert len(first.objects) == COUNT
    show("list, paged, decoded and trimmed", wall, cpu)
    floor = [json.dumps(obj) for obj in first.objects]
    size = sum(map(len, floor))
    wall, cpu = time.perf_counter(), time.thread_time()
    for text in floor:
        json.loads(text)
    show(f"floor: json.loads of the same {size / 1e6:.1f} MB", wall, cpu)
    await anext(feed)
    server.loop.call_soon_threadsafe(server.touch)
    seen = 0
    wall, cpu = time.perf_counter(), time.thread_time()
    async for item in feed:
        seen += isinstance(item, Changed)
        if seen == COUNT:
            break
    show(f"watch, {COUNT} events", wall, cpu)
    await cluster.close()


def show(name: str, wall: float, cpu: float) -> None:
    print(
        f"{name:<44} {time.perf_counter() - wall:7.3f} s  (this thread {time.thread_time() - cpu:.3f} s)"
    )


def kubectl(server: Server) -> None:
    found = shutil.which("kubectl")
    if found is None:
        print("kubectl is not installed")
        return
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "config")
        path.write_text(kubeconfig(server.url))
        argv = [found, "--kubeconfig", str(path), "get", "applications", "-A", "-o", "json"]
        wall, cpu = time.perf_counter(), time.thread_time()
        done = subprocess.run(argv, capture_output=True, check=False, env={"HOME": folder})
        assert done.returncode == 0, done.stderr[-300:]
        show("kubectl get applications -A -o json", wall, cpu)


if __name__ == "__main__":
    stand = Server()
    try:
        asyncio.run(client(stand))
        kubectl(stand)
    finally:
        stand.close()
