from __future__ import annotations

import pytest

from opsconsole.model.kinds import POD, REPLICA_SET
from opsconsole.sandbox.workloads.profile import REALISTIC, RECORDED
from tests.sandbox.workloads.support import Bench


def test_recorded_pods_are_ready_after_six_tenths():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=5)
    bench.run(0.5)
    assert bench.get(REPLICA_SET, "web")["status"] == {
        "replicas": 5, "fullyLabeledReplicas": 5, "observedGeneration": 1,
    }  # fmt: skip
    bench.run(0.2)
    assert bench.get(REPLICA_SET, "web")["status"]["availableReplicas"] == 5


def test_recorded_pods_annotated_never_are_never_ready():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=2, annotations={"test/ready": "never"})
    bench.run(100)
    assert "readyReplicas" not in bench.get(REPLICA_SET, "web")["status"]


def test_recorded_pods_vanish_at_once():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=5)
    bench.run(2)
    bench.patch(REPLICA_SET, "web", replicas=1)
    bench.run(0.05)
    assert len(bench.pods()) == 1


def test_pods_share_the_template_and_are_owned():
    bench = Bench(RECORDED)
    rs = bench.replica_set(replicas=2)
    bench.run(1)
    one, two = bench.pods()
    assert one["spec"] is two["spec"] is rs["spec"]["template"]["spec"]
    assert one["metadata"]["ownerReferences"][0]["uid"] == rs["metadata"]["uid"]
    assert one["metadata"]["name"].startswith("web-")
    assert one["metadata"]["name"] != two["metadata"]["name"]


def test_a_deleted_pod_is_replaced():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=2)
    bench.run(1)
    gone = bench.pods()[0]["metadata"]["name"]
    bench.store.delete(POD, "default", gone)
    bench.run(1)
    names = [p["metadata"]["name"] for p in bench.pods()]
    assert len(names) == 2
    assert gone not in names


def test_min_ready_seconds_delays_availability():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=2)
    bench.patch(REPLICA_SET, "web", minReadySeconds=10)
    bench.run(5)
    status = bench.get(REPLICA_SET, "web")["status"]
    assert status["readyReplicas"] == 2
    assert "availableReplicas" not in status
    bench.run(7)
    assert bench.get(REPLICA_SET, "web")["status"]["availableReplicas"] == 2


def test_pending_and_cheap_pods_go_first():
    bench = Bench(RECORDED)
    bench.replica_set(replicas=3)
    bench.run(2)
    cheap = bench.pods()[1]
    meta = {
        **cheap["metadata"],
        "annotations": {"controller.kubernetes.io/pod-deletion-cost": "-5"},
    }
    bench.store.update(POD, {**cheap, "metadata": meta})
    bench.patch(REPLICA_SET, "web", replicas=4)
    bench.run(0.1)
    pending = next(p for p in bench.pods() if p["status"].get("phase") != "Running")
    bench.patch(REPLICA_SET, "web", replicas=3)
    bench.run(0.1)
    assert bench.store.find(POD, "default", pending["metadata"]["name"]) is None
    bench.patch(REPLICA_SET, "web", replicas=2)
    bench.run(0.1)
    assert bench.store.find(POD, "default", cheap["metadata"]["name"]) is None


def test_matching_orphans_are_adopted():
    bench = Bench(RECORDED)
    bench.create(POD, "loose", {"containers": [{"name": "c", "image": "i"}]}, labels={"app": "web"})
    rs = bench.replica_set(replicas=2)
    bench.run(2)
    assert len(bench.pods()) == 2
    assert bench.get(POD, "loose")["metadata"]["ownerReferences"][0]["uid"] == rs["metadata"]["uid"]


@pytest.mark.parametrize("profile", [RECORDED, REALISTIC], ids=lambda p: p.name)
def test_deleting_the_owner_removes_the_pods(profile):
    bench = Bench(profile)
    bench.replica_set(replicas=3)
    bench.run(10)
    bench.store.delete(REPLICA_SET, "default", "web")
    bench.run(60)
    assert bench.pods() == []
