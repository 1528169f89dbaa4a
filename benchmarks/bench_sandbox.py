"""The sandbox's speed: the article's canary, a hundred canaries side by side, a thousand at rest.

And the start of the whole world, which is what a user waits for: git, two clusters, the story.

Beside each stands its floor, measured in the same run: what the bare store and the bare event
queue need for as many writes and timers, with no controller deciding anything.
"""

from __future__ import annotations

import dataclasses
import gc
import resource
import sys
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from opsconsole.model.kinds import POD, ROLLOUT
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import ClusterOptions
from opsconsole.sandbox.rehearse.answers import Answers
from opsconsole.sandbox.rehearse.client import Client
from opsconsole.sandbox.rehearse.player import play
from opsconsole.sandbox.rehearse.sources import scenario_of

ROLLOUTS = 100
AT_REST = 1_000


def metric(name: str, condition: str) -> dict[str, Any]:
    provider = {"prometheus": {"address": "METRICS", "query": name}}
    return {
        "name": name, "interval": "60s", "count": 5, "successCondition": condition,
        "failureLimit": 3, "provider": provider,
    }  # fmt: skip


def template(name: str, *metrics: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate",
        "metadata": {"name": name}, "spec": {"metrics": list(metrics)},
    }  # fmt: skip


ERRORS = metric("error_rate", "result[0] < 0.05")
LATENCY = metric("latency", "result[0] < 500")
TEMPLATES = [
    template("error-rate-check", ERRORS),
    template("latency-check", LATENCY),
    template("comprehensive-check", ERRORS, LATENCY),
]
GOOD = {"error_rate": 0.01, "latency": 120}


def analysis(name: str) -> dict[str, Any]:
    return {"analysis": {"templates": [{"templateName": name}]}}


STEPS = [
    {"setWeight": 5}, {"pause": {"duration": "5m"}}, analysis("error-rate-check"),
    {"setWeight": 20}, {"pause": {"duration": "10m"}}, analysis("latency-check"),
    {"setWeight": 50}, {"pause": {"duration": "10m"}}, analysis("comprehensive-check"),
    {"setWeight": 80}, {"pause": {"duration": "5m"}},
]  # fmt: skip


def rollout(name: str, *, image: str = "myorg/my-app:v1") -> dict[str, Any]:
    canary = {"steps": STEPS, "maxSurge": "25%", "maxUnavailable": 0}
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "metadata": {"name": name},
        "spec": {
            "replicas": 10, "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "my-app", "image": image}]},
            },
            "strategy": {"canary": canary},
        },
    }  # fmt: skip


def cluster() -> tuple[Any, Client]:
    answers = Answers(GOOD)
    without = frozenset({"argocd", "applicationset", "notifications"})
    made = clusters.build(
        ClusterOptions(profile="recorded", without=without), services=answers.services()
    )
    client = Client(made.store)
    client.ensure_namespace("default")
    for manifest in TEMPLATES:
        client.apply(answers.placed(manifest), "default")
    made.start()
    return made, client


def floor(writes: int, timers: int) -> float:
    """Seconds for as many writes to a store nobody watches, and as many timers."""
    made = clusters.build(ClusterOptions(), services={})
    client = Client(made.store)
    client.ensure_namespace("default")
    live = client.apply(rollout("floor"), "default")
    began = time.perf_counter()
    for count in range(writes):
        live = made.store.update(ROLLOUT, {**live, "status": {"n": count}}, subresource="status")
    for count in range(timers):
        made.simulation.call_at(count * 0.01, lambda: None)
    made.simulation.run_for(timers * 0.01)
    return time.perf_counter() - began


def article() -> None:
    scenario = scenario_of(
        [*TEMPLATES, rollout("my-app")], images=["my-app=myorg/my-app:v2"], metrics=GOOD
    )
    best, result = 1e9, None
    for seed in range(3):
        began = time.perf_counter()
        result = play(dataclasses.replace(scenario, seed=seed))
        best = min(best, time.perf_counter() - began)
    assert result is not None
    assert result.healthy, result.message
    print(
        f"article's canary: {result.seconds / 60:.0f} virtual minutes in {best:.3f} s"
        f" (floor {floor(len(result.changes), 2 * len(result.changes)):.3f} s for"
        f" {len(result.changes)} changes)"
    )


def side_by_side() -> None:
    made, client = cluster()
    for count in range(ROLLOUTS):
        client.apply(rollout(f"app-{count:03d}"), "default")
    made.simulation.run_for(30)
    seen = [0]
    made.store.subscribe(lambda _: seen.__setitem__(0, seen[0] + 1))
    for count in range(ROLLOUTS):
        client.apply(rollout(f"app-{count:03d}", image="myorg/my-app:v2"), "default")
    began, at = time.perf_counter(), made.simulation.elapsed
    made.simulation.run_for(46 * 60)
    took = time.perf_counter() - began
    virtual = made.simulation.elapsed - at
    healthy = sum(ro["status"].get("phase") == "Healthy" for ro in made.store.objects(ROLLOUT))
    assert healthy == ROLLOUTS, f"{healthy} of {ROLLOUTS} Healthy"
    print(
        f"{ROLLOUTS} canaries with analyses: {virtual / 60:.0f} virtual minutes in {took:.1f} s,"
        f" {virtual / took:.0f} times real time (floor {floor(seen[0], 2 * seen[0]):.1f} s for"
        f" {seen[0]} changes)"
    )


def memory() -> None:
    gc.collect()
    made, client = cluster()
    for count in range(AT_REST):
        client.apply(rollout(f"app-{count:04d}"), "default")
    made.simulation.run_for(60)
    pods = len(made.store.objects(POD))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"{AT_REST} rollouts with {pods} pods: {peak:.0f} MB at the peak of this process")


def world() -> None:
    from opsconsole.sandbox.world.assembly import Sandbox

    best = alone = 1e9
    for _ in range(3):
        began = time.perf_counter()
        sandbox = Sandbox(speed=0).start()
        best = min(best, time.perf_counter() - began)
        sandbox.stop()
        began = time.perf_counter()
        sandbox = Sandbox(speed=0, tell=False).start()
        alone = min(alone, time.perf_counter() - began)
        sandbox.stop()
    print(f"the world: {best:.2f} s to the first answer (floor {alone:.2f} s without its story)")


PARTS = {"world": world, "article": article, "side": side_by_side, "memory": memory}

if __name__ == "__main__":
    for part in sys.argv[1:] or ("memory", "world", "article", "side"):
        PARTS[part]()
