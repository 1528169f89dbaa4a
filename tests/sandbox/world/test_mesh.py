"""The article's Istio canary in the sandbox: weights are requests, and selfHeal leaves them alone."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from opsconsole.model.kinds import APPLICATION, ROLLOUT, VIRTUAL_SERVICE
from opsconsole.model.objects import number, text
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.metrics.evaluator import instant
from opsconsole.sandbox.world.assembly import Sandbox
from tests.peers import peer

REQUESTS = 'sum(rate(http_requests_total{namespace="mesh",service="my-app-istio"%s}[2m]))'


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    peer("git")
    made = Sandbox(speed=0).start()
    yield made
    made.stop()


def weights(cluster: Cluster) -> list[int]:
    service = cluster.store.get(VIRTUAL_SERVICE, "mesh", "my-app-vsvc")
    return [number(service, "spec", "http", 0, "route", at, "weight") for at in (0, 1)]


def rate(cluster: Cluster, labels: str) -> float:
    now = cluster.simulation.now().timestamp()
    found: Any = instant(REQUESTS % labels, cluster.services["prometheus"].samples, now)
    return float(found[0][1])


def test_a_tenth_of_the_weight_is_a_tenth_of_the_requests(sandbox: Sandbox) -> None:
    sandbox.push_image("my-app-istio", "v2.1.0")

    def look(cluster: Cluster) -> tuple[list[int], float, str]:
        run = cluster.simulation.run_while
        assert run(lambda: weights(cluster) != [90, 10], limit=600.0)
        cluster.simulation.run_until(cluster.simulation.elapsed + 200)
        share = rate(cluster, ',version="v2.1.0"') / rate(cluster, "")
        app = cluster.store.get(APPLICATION, "argocd", "my-app-istio")
        return weights(cluster), share, text(app, "status", "sync", "status")

    held, share, sync = sandbox.read(look)
    assert held == [90, 10]
    assert 0.07 < share < 0.13
    assert sync == "Synced"


def test_the_canary_ends_healthy_with_all_weight_on_stable(sandbox: Sandbox) -> None:
    sandbox.push_image("my-app-istio", "v2.1.0")

    def look(cluster: Cluster) -> tuple[list[int], str, str]:
        cluster.simulation.run_until(cluster.simulation.elapsed + 1500)
        rollout = cluster.store.get(ROLLOUT, "mesh", "my-app-istio")
        image = text(rollout, "spec", "template", "spec", "containers", 0, "image")
        return weights(cluster), text(rollout, "status", "phase"), image

    assert sandbox.read(look) == ([100, 0], "Healthy", "myorg/my-app:v2.1.0")
