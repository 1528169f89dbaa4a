"""2,000 automated Applications over one repository of 10,000 files, in the sandbox's Argo CD.

From the poll that finds a commit to the one application that it touches being Synced, and a
resync without a change. The floor beside it is git's own listing of the commit's files.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from bench_render import APPS, repository

from opsconsole.model.kinds import APPLICATION, NAMESPACE
from opsconsole.render.renderer import Renderer
from opsconsole.repos.repository import Repository
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build

WITHOUT = frozenset({"rollouts", "workloads", "sealedsecrets", "metrics"})
PATCH = "apiVersion: argoproj.io/v1alpha1\nkind: Rollout\nmetadata: {{name: web}}\nspec: {{replicas: {}}}\n"


def timed(what: str, work: Callable[[], object]) -> None:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    print(f"{what:58} {wall:8.3f} s wall {cpu:8.3f} s CPU")


def applications(cluster: Cluster, url: str) -> None:
    for i in range(APPS):
        cluster.store.create(NAMESPACE, {"metadata": {"name": f"app-{i}"}})
        spec = {
            "project": "default",
            "source": {"repoURL": url, "path": f"apps/app-{i:04d}/prod", "targetRevision": "main"},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": f"app-{i}"},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        }
        meta = {"name": f"app-{i:04d}", "namespace": "argocd"}
        cluster.store.create(APPLICATION, {"metadata": meta, "spec": spec})


def commit(origin: Repository, app: int) -> str:
    path = f"apps/app-{app:04d}/prod/replicas.yaml"
    before = origin.resolve("main")
    files = {path: PATCH.format(90 + app % 7).encode()}
    sha = origin.write_commit(before, files, "one", author=("a", "a@b"))
    origin.move_branch("main", sha, before)
    return sha


def synced(cluster: Cluster, app: int, sha: str) -> None:
    """Run until it is: most of the virtual time up to the poll costs nothing."""
    while True:
        status = cluster.store.get(APPLICATION, "argocd", f"app-{app:04d}")["status"]["sync"]
        if (status["revision"], status["status"]) == (sha, "Synced"):
            return
        cluster.simulation.run_for(0.2)


def main() -> None:
    with tempfile.TemporaryDirectory() as scratch:
        origin = repository(Path(scratch, "origin.git"))
        listing = ["git", "-C", str(origin.folder), "ls-tree", "-r", "main"]
        timed(
            "floor: git ls-tree", lambda: subprocess.run(listing, check=True, capture_output=True)
        )
        cluster = build(ClusterOptions(profile="recorded", without=WITHOUT))
        cluster.services["renderer"] = Renderer("never")
        cluster.start()
        applications(cluster, str(origin.folder))
        timed("2,000 applications created and synced", lambda: cluster.simulation.run_for(10))
        wait = cluster.options.app_resync + 1
        timed("a resync without a change", lambda: cluster.simulation.run_for(wait))
        for app in (7, 1000, 1999):
            sha = commit(origin, app)
            timed(f"a commit that touches app-{app:04d}", lambda: synced(cluster, app, sha))  # noqa: B023 - called at once
            cluster.simulation.run_for(1)


if __name__ == "__main__":
    main()
