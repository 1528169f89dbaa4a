"""From a change in the store to the next snapshot, with 2,000 Applications and 500 Rollouts.

Run: python benchmarks/bench_engine.py. The floor is copying the two tables of the snapshot.
"""

from __future__ import annotations

import sys
import time
import tracemalloc
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from opsconsole.engine.picture import Picture
from opsconsole.engine.store import ObjectStore
from opsconsole.model.kinds import APPLICATION, POD, REPLICA_SET, ROLLOUT

APPS, ROLLOUTS, PODS = 2000, 500, 10


def reference(name: str, uid: str) -> list[dict]:
    return [{"kind": "Rollout", "name": name, "uid": uid, "controller": True}]


def fill(store: ObjectStore) -> None:
    for i in range(APPS):
        store.put(APPLICATION, {
            "metadata": {"name": f"app-{i}", "namespace": "argocd", "resourceVersion": "1"},
            "spec": {"project": "default", "source": {"repoURL": "x"}, "destination": {"namespace": "prod"}},
            "status": {"sync": {"status": "Synced"}, "health": {"status": "Healthy"}, "resources": [
                {"group": "argoproj.io", "kind": "Rollout", "namespace": "prod", "name": f"ro-{i}", "status": "Synced"}]},
        })  # fmt: skip
    for i in range(ROLLOUTS):
        name = f"ro-{i}"
        store.put(ROLLOUT, {
            "metadata": {"name": name, "namespace": "prod", "uid": name, "resourceVersion": "1"},
            "spec": {"replicas": PODS, "strategy": {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}}},
            "status": {"stableRS": "a", "currentPodHash": "b", "currentStepIndex": 1, "phase": "Paused",
                       "availableReplicas": PODS, "pauseConditions": [{"reason": "CanaryPauseStep"}]},
        })  # fmt: skip
        store.put(REPLICA_SET, {
            "metadata": {"name": f"{name}-a", "namespace": "prod", "uid": f"{name}-a", "resourceVersion": "1",
                         "labels": {"rollouts-pod-template-hash": "a"}, "ownerReferences": reference(name, name)},
            "spec": {"replicas": PODS}, "status": {"availableReplicas": PODS},
        })  # fmt: skip
        for n in range(PODS):
            store.put(POD, pod(i, n, "1"))


def pod(i: int, n: int, version: str) -> dict:
    owner = f"ro-{i}-a"
    return {
        "metadata": {"name": f"{owner}-{n}", "namespace": "prod", "uid": f"{owner}-{n}", "resourceVersion": version,
                     "ownerReferences": reference(owner, owner)},
        "status": {"phase": "Running", "containerStatuses": [
            {"ready": True, "restartCount": int(version), "state": {"running": {}}}]},
    }  # fmt: skip


def timed(name: str, work) -> None:
    start = time.perf_counter()
    work()
    print(f"{name:<52} {(time.perf_counter() - start) * 1000:9.2f} ms")


def main() -> None:
    tracemalloc.start()
    store = ObjectStore()
    fill(store)
    held = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    picture = Picture(store)
    timed(f"first picture: {APPS} applications, {ROLLOUTS} rollouts", picture.update)
    assert len(picture.applications) == APPS
    store.put(POD, pod(0, 0, "2"))
    timed("one pod changed", picture.update)
    for i in range(200):
        store.put(POD, pod(i, 1, "3"))
    timed("200 pods of 200 rollouts changed", picture.update)
    timed(
        "floor: copy of both tables", lambda: (dict(picture.applications), dict(picture.rollouts))
    )
    print(f"raw objects held: {held / 1e6:.1f} MB")


if __name__ == "__main__":
    main()
