"""The sandbox as the console gets it: nine applications in six states, quickly, and the same each time."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, ROLLOUT
from opsconsole.model.objects import mappings, text
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.world.assembly import Sandbox
from tests.peers import peer


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    peer("git")
    made = Sandbox(speed=0).start()
    yield made
    made.stop()


def status(cluster: Cluster, name: str) -> tuple[str, str]:
    app = cluster.store.get(APPLICATION, "argocd", name)
    return text(app, "status", "sync", "status"), text(app, "status", "health", "status")


@pytest.mark.parametrize(
    ("name", "sync", "health"),
    [
        ("my-app", "Synced", "Suspended"),
        ("my-app-canary", "Synced", "Suspended"),  # so Argo CD calls a timed pause, too
        ("checkout", "Synced", "Healthy"),
        ("my-app-istio", "Synced", "Healthy"),
        ("payments", "Synced", "Degraded"),
        ("inventory", "OutOfSync", "Healthy"),
        ("search", "OutOfSync", "Healthy"),
        ("my-app-eu-west", "Synced", "Healthy"),
        ("my-app-us-east", "Synced", "Healthy"),
    ],
)
def test_six_states(sandbox: Sandbox, name: str, sync: str, health: str) -> None:
    assert sandbox.read(lambda cluster: status(cluster, name)) == (sync, health)


def test_no_controller_met_the_unexpected(sandbox: Sandbox) -> None:
    assert sandbox.read(lambda cluster: [repr(f) for f in cluster.manager.faults]) == []


def test_the_time_shown_begins_on_a_monday_morning(sandbox: Sandbox) -> None:
    assert abs((sandbox.now() - START).total_seconds()) < 1


def test_payments_was_aborted_by_its_analysis(sandbox: Sandbox) -> None:
    def look(cluster: Cluster) -> tuple[str, list[str]]:
        rollout = cluster.store.get(ROLLOUT, "payments", "payments")
        runs = cluster.store.objects(ANALYSIS_RUN, "payments")
        return text(rollout, "status", "message"), [text(r, "status", "phase") for r in runs]

    message, phases = sandbox.read(look)
    assert "aborted" in message
    assert "Failed" in phases


def test_the_api_answers(sandbox: Sandbox) -> None:
    def get(path: str) -> dict[str, Any]:
        with urllib.request.urlopen(sandbox.url + path, timeout=20) as answer:
            return dict(json.load(answer))

    listed = get("/apis/argoproj.io/v1alpha1/namespaces/argocd/applications")
    assert len(mappings(listed, "items")) == 9


def test_the_same_seed_gives_the_same_cluster(sandbox: Sandbox) -> None:
    def picture(cluster: Cluster) -> list[str]:
        return [
            json.dumps(obj, sort_keys=True)
            for kind in (ROLLOUT, ANALYSIS_RUN)
            for obj in cluster.store.objects(kind)
        ]

    again = Sandbox(speed=0).start()
    try:
        assert again.read(picture) == sandbox.read(picture)
    finally:
        again.stop()
