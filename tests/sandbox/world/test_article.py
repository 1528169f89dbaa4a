"""The article's story, end to end on the world: what it promises, the simulated controllers keep."""

from __future__ import annotations

import base64
import os
from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any

import pytest

from opsconsole.argo.commands.requests import promote
from opsconsole.argo.sealed import Sealer
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    APPLICATION,
    CONFIG_MAP,
    HPA,
    ROLLOUT,
    SEALED_SECRET,
    SECRET,
    SERVICE,
    Kind,
)
from opsconsole.model.objects import annotations_of, mapping, mappings, name_of, number, text
from opsconsole.model.times import parse_instant
from opsconsole.model.yamldoc import dump
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.rehearse.client import Client
from opsconsole.sandbox.store import Change
from opsconsole.sandbox.world.assembly import Sandbox
from opsconsole.sandbox.world.repository import ALICE
from tests.peers import peer

pytestmark = pytest.mark.timeout(120)

NOTIFIED = "notified.notifications.argoproj.io"


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    peer("git")
    made = Sandbox(speed=0).start()
    yield made
    assert made.read(lambda c: [repr(fault) for fault in c.manager.faults]) == []
    made.stop()


def find(cluster: Cluster, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
    return cluster.store.find(kind, namespace, name) or {}


def until(sandbox: Sandbox, wanted: Callable[[Cluster], Any], limit: float = 3600.0) -> None:
    assert sandbox.read(lambda c: c.simulation.run_while(lambda: not wanted(c), limit=limit))


def phase(cluster: Cluster, namespace: str, name: str) -> str:
    return text(find(cluster, ROLLOUT, namespace, name), "status", "phase")


def image(cluster: Cluster, namespace: str, name: str) -> str:
    rollout = find(cluster, ROLLOUT, namespace, name)
    return text(rollout, "spec", "template", "spec", "containers", 0, "image")


def app(cluster: Cluster, name: str) -> dict[str, Any]:
    return find(cluster, APPLICATION, "argocd", name)


def health(cluster: Cluster, name: str) -> str:
    return text(app(cluster, name), "status", "health", "status")


# canary


def test_the_canary_goes_by_5_20_50_80_with_an_analysis_after_each_pause(sandbox: Sandbox) -> None:
    """It is in its first pause when the console opens; 30 minutes of pauses, three analyses."""
    steps = [1]

    def watch(change: Change) -> None:
        if change.kind == ROLLOUT and name_of(change.object) == "my-app-canary":
            at = number(change.object, "status", "currentStepIndex")
            if steps[-1] != at:
                steps.append(at)

    sandbox.read(lambda c: c.store.subscribe(watch))
    until(sandbox, lambda c: phase(c, "production", "my-app-canary") == "Healthy")
    assert steps == list(range(1, 12))

    def runs(cluster: Cluster) -> dict[str, str]:
        return {
            text(run, "spec", "metrics", 0, "name") + f"/{len(mappings(run, 'spec', 'metrics'))}": text(run, "status", "phase")
            for run in cluster.store.objects(ANALYSIS_RUN, "production")
            if "my-app-canary" in name_of(run)
        }  # fmt: skip

    assert sandbox.read(runs) == {
        "error-rate/1": "Successful",
        "p99-latency/1": "Successful",
        "error-rate/2": "Successful",
    }
    assert sandbox.read(lambda c: image(c, "production", "my-app-canary")) == "myorg/my-app:v2.1.0"
    assert sandbox.read(lambda c: c.simulation.elapsed) > 2700 + 5 * 60 + 3 * 4 * 60


def test_a_bad_canary_is_rejected_and_stable_serves(sandbox: Sandbox) -> None:
    """The article's error check reads the canary's Service alone, which the controller points at it."""
    until(sandbox, lambda c: phase(c, "production", "my-app-canary") == "Healthy")
    sandbox.push_image("my-app-canary", "v2.2.0-bad")
    until(sandbox, lambda c: phase(c, "production", "my-app-canary") == "Degraded")

    def look(cluster: Cluster) -> tuple[str, str, str]:
        rollout = find(cluster, ROLLOUT, "production", "my-app-canary")
        stable = find(cluster, SERVICE, "production", "my-app-stable")
        selected = text(stable, "spec", "selector", "rollouts-pod-template-hash")
        return text(rollout, "status", "message"), selected, text(rollout, "status", "stableRS")

    message, selected, stable = sandbox.read(look)
    assert "aborted" in message
    assert 'Metric "error-rate" assessed Failed' in message
    assert selected == stable
    until(sandbox, lambda c: health(c, "my-app-canary") == "Degraded", 60.0)


# blue-green


def test_blue_green_waits_for_a_person_then_switches_and_looks_again(sandbox: Sandbox) -> None:
    def active(cluster: Cluster) -> str:
        service = find(cluster, SERVICE, "production", "my-app-active")
        return text(service, "spec", "selector", "rollouts-pod-template-hash")

    def hashes(cluster: Cluster) -> tuple[str, str]:
        status = mapping(find(cluster, ROLLOUT, "production", "my-app"), "status")
        return text(status, "stableRS"), text(status, "currentPodHash")

    stable, preview = sandbox.read(hashes)
    assert sandbox.read(active) == stable != preview
    sandbox.read(lambda c: c.simulation.run_for(3600))
    assert sandbox.read(active) == stable, "nothing switches by itself"

    def accept(cluster: Cluster) -> None:
        rollout = find(cluster, ROLLOUT, "production", "my-app")
        for request in promote(rollout):
            Client(cluster.store).send(request)

    sandbox.read(accept)
    until(sandbox, lambda c: active(c) == preview, 30.0)
    until(sandbox, lambda c: phase(c, "production", "my-app") == "Healthy")

    def runs(cluster: Cluster) -> dict[str, str]:
        found = cluster.store.objects(ANALYSIS_RUN, "production")
        mine = [run for run in found if name_of(run).startswith("my-app-")]
        kinds = {
            text(r, "metadata", "labels", "rollout-type"): text(r, "status", "phase") for r in mine
        }
        return {kind: kinds[kind] for kind in ("PrePromotion", "PostPromotion")}  # fmt: skip

    assert sandbox.read(runs) == {"PrePromotion": "Successful", "PostPromotion": "Successful"}
    until(sandbox, lambda c: health(c, "my-app") == "Healthy", 60.0)


# sync waves


def test_waves_come_in_order_and_wait_for_the_rollout(sandbox: Sandbox) -> None:
    """Settings (-1), the Rollout (0) until it is Healthy, the autoscaler (1)."""

    def look(cluster: Cluster) -> list[Any]:
        home = "production-eu"
        made = [
            parse_instant(text(find(cluster, kind, home, name), "metadata", "creationTimestamp"))
            for kind, name in ((CONFIG_MAP, "my-app-settings"), (ROLLOUT, "my-app"), (HPA, "my-app"))
        ]  # fmt: skip
        conditions = mappings(find(cluster, ROLLOUT, home, "my-app"), "status", "conditions")
        since = {text(c, "type"): parse_instant(text(c, "lastTransitionTime")) for c in conditions}
        return [made[0], made[1], since["Available"], made[2]]

    moments = sandbox.read(look)
    assert all(one is not None and one <= later for one, later in pairwise(moments))
    assert moments[0] < moments[-1]
    assert (moments[3] - moments[1]).total_seconds() >= 10, "the readiness probe alone takes ten"


def test_an_update_waits_in_its_wave(sandbox: Sandbox) -> None:
    sandbox.push_image("my-app-eu-west", "v2.1.0")
    until(
        sandbox, lambda c: text(app(c, "my-app-eu-west"), "status", "sync", "status") == "OutOfSync"
    )
    sandbox.read(lambda _: sandbox.story.sync("my-app-eu-west"))
    until(sandbox, lambda c: image(c, "production-eu", "my-app") == "myorg/my-app:v2.1.0", 60.0)
    sandbox.read(lambda c: c.simulation.run_for(5))
    operation = sandbox.read(
        lambda c: mapping(app(c, "my-app-eu-west"), "status", "operationState")
    )
    assert text(operation, "phase") == "Running"
    assert "healthy state of argoproj.io/Rollout/my-app" in text(operation, "message")
    until(
        sandbox,
        lambda c: (
            text(app(c, "my-app-eu-west"), "status", "operationState", "phase") == "Succeeded"
        ),
    )
    assert sandbox.read(lambda c: phase(c, "production-eu", "my-app")) == "Healthy"  # fmt: skip


# notifications


def test_a_degraded_application_is_told_of_once(sandbox: Sandbox) -> None:
    sandbox.read(lambda c: c.simulation.run_for(3600))
    sent = sandbox.read(lambda c: list(c.services["outbox"].sent))
    (one,) = [s for s in sent if s.application == "payments"]
    assert one.trigger == "on-health-degraded"
    assert (one.delivery.kind, one.delivery.address) == ("slack", "payments-team")
    assert one.delivery.body.startswith(
        "Application payments sync status: Synced\nHealth: Degraded\n"
    )
    assert NOTIFIED in annotations_of(sandbox.read(lambda c: app(c, "payments")))
    assert sandbox.read(lambda c: c.services["outbox"].fault) == ""
    # somebody reverts; the next failure is told again
    repository = sandbox.world.repository
    sandbox.push_image("payments", "v1.8.0")
    until(sandbox, lambda c: health(c, "payments") == "Healthy")
    sandbox.push_image("payments", "v1.9.1-bad")
    until(sandbox, lambda c: health(c, "payments") == "Degraded")
    sandbox.read(lambda c: c.simulation.run_for(60))
    sent = sandbox.read(lambda c: list(c.services["outbox"].sent))
    assert len([s for s in sent if s.application == "payments"]) == 2
    assert repository.head in sent[-1].delivery.body


# secrets


def test_a_sealed_secret_reaches_the_cluster_through_git(sandbox: Sandbox) -> None:
    plain = {
        "apiVersion": "v1", "kind": "Secret",
        "metadata": {"name": "my-app-secrets", "namespace": "production"},
        "stringData": {"DATABASE_URL": "postgres://db.internal/app", "API_KEY": "k-123456"},
    }  # fmt: skip
    folder = "apps/my-app/overlays/production"
    repository = sandbox.world.repository

    def push(cluster: Cluster) -> None:
        controller: Any = cluster.controllers["sealed-secrets-controller"]
        sealer = Sealer.of(controller.certificate(), cluster.simulation.now(), os.urandom)
        sealed = dump(sealer.seal(plain))
        assert "k-123456" not in sealed
        listed = repository.read(f"{folder}/kustomization.yaml")
        files = {
            f"{folder}/sealed-secret.yaml": sealed,
            f"{folder}/kustomization.yaml": listed.replace(
                "- ../../base\n", "- ../../base\n- sealed-secret.yaml\n"
            ),
        }
        repository.commit(files, "my-app: its secrets, sealed", ALICE, cluster.simulation.now())

    sandbox.read(push)
    until(sandbox, lambda c: find(c, SECRET, "production", "my-app-secrets"), 600.0)
    secret = sandbox.read(lambda c: find(c, SECRET, "production", "my-app-secrets"))
    assert base64.b64decode(secret["data"]["API_KEY"]) == b"k-123456"
    assert secret["metadata"]["ownerReferences"][0]["kind"] == "SealedSecret"

    def synced(cluster: Cluster) -> bool:
        resources = mappings(app(cluster, "my-app"), "status", "resources")
        return any(
            text(r, "kind") == SEALED_SECRET.kind and text(r, "status") == "Synced"
            for r in resources
        )

    until(sandbox, synced, 60.0)
    listed = sandbox.read(lambda c: str(c.store.objects(APPLICATION)))
    assert "k-123456" not in listed
