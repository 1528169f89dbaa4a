from __future__ import annotations

import pytest

from opsconsole.model.kinds import DEPLOYMENT, EVENT, POD, REPLICA_SET
from opsconsole.sandbox.workloads.profile import REALISTIC, RECORDED
from tests.sandbox.workloads.support import Bench, template, workload


def deploy(bench, replicas=3, **spec):
    return bench.create(DEPLOYMENT, "web", {**workload(replicas), **spec})


def conditions(bench):
    return {
        c["type"]: (c["status"], c["reason"])
        for c in bench.get(DEPLOYMENT, "web")["status"]["conditions"]
    }


def sizes(bench):
    return sorted(
        (
            int(rs["metadata"]["annotations"]["deployment.kubernetes.io/revision"]),
            rs["spec"]["replicas"],
        )
        for rs in bench.store.objects(REPLICA_SET, "default")
    )


def set_image(bench, image, **more):
    bench.patch(DEPLOYMENT, "web", template=template(image=image, **more))


@pytest.mark.parametrize("profile", [RECORDED, REALISTIC], ids=lambda p: p.name)
def test_first_rollout(profile):
    bench = Bench(profile)
    deploy(bench)
    bench.run(20)
    status = bench.get(DEPLOYMENT, "web")["status"]
    assert {k: v for k, v in status.items() if k != "conditions"} == {
        "observedGeneration": 1, "replicas": 3, "updatedReplicas": 3, "readyReplicas": 3,
        "availableReplicas": 3,
    }  # fmt: skip
    assert conditions(bench) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }
    (rs,) = bench.store.objects(REPLICA_SET, "default")
    hashed = rs["metadata"]["labels"]["pod-template-hash"]
    assert rs["metadata"]["name"] == f"web-{hashed}"
    assert rs["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": hashed}
    assert all(p["metadata"]["labels"]["pod-template-hash"] == hashed for p in bench.pods())


def test_rolling_update_keeps_its_bounds():
    bench = Bench(REALISTIC)
    deploy(
        bench,
        8,
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 2, "maxUnavailable": 1}},
    )
    bench.run(20)
    set_image(bench, "org/app:v2")
    seen = set()
    for _ in range(400):
        bench.run(0.1)
        sets = bench.store.objects(REPLICA_SET, "default")
        total = sum(rs["spec"]["replicas"] for rs in sets)
        available = sum(rs.get("status", {}).get("availableReplicas", 0) for rs in sets)
        assert total <= 10
        assert available >= 7
        seen.add(tuple(sizes(bench)))
    assert sizes(bench) == [(1, 0), (2, 8)]
    assert len(seen) > 3


def test_a_broken_update_stops_and_times_out():
    bench = Bench(REALISTIC)
    deploy(bench, 4, progressDeadlineSeconds=30)
    bench.run(20)
    set_image(bench, "org/app:broken")
    bench.run(60)
    assert conditions(bench)["Progressing"] == ("False", "ProgressDeadlineExceeded")
    assert conditions(bench)["Available"][0] == "True"
    assert sizes(bench) == [(1, 3), (2, 2)]


def test_going_back_takes_the_old_replica_set_with_a_new_revision():
    bench = Bench(RECORDED)
    deploy(bench)
    bench.run(5)
    set_image(bench, "org/app:v2")
    bench.run(10)
    set_image(bench, "org/app:v1")
    bench.run(10)
    assert sizes(bench) == [(2, 0), (3, 3)]
    assert (
        bench.get(DEPLOYMENT, "web")["metadata"]["annotations"]["deployment.kubernetes.io/revision"]
        == "3"
    )
    back = next(rs for rs in bench.store.objects(REPLICA_SET, "default") if rs["spec"]["replicas"])
    assert back["metadata"]["annotations"]["deployment.kubernetes.io/revision-history"] == "1"


def test_recreate_waits_for_the_last_old_pod():
    bench = Bench(REALISTIC)
    deploy(bench, 3, strategy={"type": "Recreate"})
    bench.run(20)
    set_image(bench, "org/app:v2")
    for _ in range(100):
        bench.run(0.1)
        images = {p["spec"]["containers"][0]["image"] for p in bench.pods()}
        assert len(images) <= 1
    assert sizes(bench) == [(1, 0), (2, 3)]


def test_paused_changes_nothing_but_the_scale():
    bench = Bench(RECORDED)
    deploy(bench)
    bench.run(5)
    bench.patch(DEPLOYMENT, "web", paused=True, template=template(image="org/app:v2"))
    bench.run(5)
    assert conditions(bench)["Progressing"] == ("Unknown", "DeploymentPaused")
    assert sizes(bench) == [(1, 3)]
    bench.patch(DEPLOYMENT, "web", replicas=5)
    bench.run(5)
    assert sizes(bench) == [(1, 5)]
    bench.patch(DEPLOYMENT, "web", paused=False)
    bench.run(20)
    assert sizes(bench) == [(1, 0), (2, 5)]
    assert conditions(bench)["Progressing"] == ("True", "NewReplicaSetAvailable")


def test_scaling_in_mid_rollout_is_proportional():
    bench = Bench(REALISTIC)
    deploy(
        bench,
        10,
        strategy={"type": "RollingUpdate", "rollingUpdate": {"maxSurge": 3, "maxUnavailable": 2}},
    )
    bench.run(20)
    set_image(bench, "org/app:broken")
    bench.run(30)
    assert sizes(bench) == [(1, 8), (2, 5)]
    bench.patch(DEPLOYMENT, "web", replicas=15)
    bench.run(5)
    assert sizes(bench) == [(1, 11), (2, 7)]


def test_hash_collision_counts_up():
    bench = Bench(RECORDED)
    deploy(bench)
    bench.run(5)
    (rs,) = bench.store.objects(REPLICA_SET, "default")
    bench.store.delete(DEPLOYMENT, "default", "web", propagation="Orphan")
    bench.run(1)
    other = bench.get(REPLICA_SET, rs["metadata"]["name"])
    taken = template(image="org/other:v1")
    taken["metadata"]["labels"] = rs["spec"]["template"]["metadata"]["labels"]
    meta = {**other["metadata"], "labels": {"app": "else"}}
    bench.store.update(
        REPLICA_SET, {**other, "metadata": meta, "spec": {**other["spec"], "template": taken}}
    )
    deploy(bench)
    bench.run(5)
    assert bench.get(DEPLOYMENT, "web")["status"]["collisionCount"] == 1
    assert len(bench.store.objects(REPLICA_SET, "default")) == 2


def test_history_limit():
    bench = Bench(RECORDED)
    deploy(bench, 1, revisionHistoryLimit=1)
    for version in range(2, 6):
        bench.run(5)
        set_image(bench, f"org/app:v{version}")
    bench.run(10)
    assert sizes(bench) == [(4, 0), (5, 1)]


def test_events_and_cascade():
    bench = Bench(REALISTIC)
    deploy(bench, 2)
    bench.run(10)
    said = [e["message"] for e in bench.store.objects(EVENT) if e["reason"] == "ScalingReplicaSet"]
    assert len(said) == 1
    assert said[0].endswith("from 0 to 2")
    bench.store.delete(DEPLOYMENT, "default", "web")
    bench.run(60)
    assert bench.store.objects(REPLICA_SET) == bench.store.objects(POD) == []
