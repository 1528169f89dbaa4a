"""StatefulSets, DaemonSets, endpoints, budgets and autoscalers."""

from __future__ import annotations

from opsconsole.model.kinds import (
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    HPA,
    PDB,
    POD,
    SERVICE,
    STATEFUL_SET,
)  # fmt: skip
from opsconsole.sandbox.workloads.profile import RECORDED
from tests.sandbox.workloads.support import Bench, template, workload


def images(bench):
    return {p["metadata"]["name"]: p["spec"]["containers"][0]["image"] for p in bench.pods()}


def stateful(bench, replicas=3, **spec):
    bench.create(STATEFUL_SET, "db", {**workload(replicas), "serviceName": "db", **spec})


def test_stateful_pods_come_one_after_the_other():
    bench = Bench()
    stateful(bench)
    seen = []
    for _ in range(300):
        bench.run(0.1)
        names = list(images(bench))
        if names not in seen:
            seen.append(names)
        ready = [p["metadata"]["name"] for p in bench.pods() if len(bench.pods()) > 1]
        assert ready == sorted(ready)
    assert seen == [["db-0"], ["db-0", "db-1"], ["db-0", "db-1", "db-2"]]
    status = bench.get(STATEFUL_SET, "db")["status"]
    assert (status["readyReplicas"], status["currentReplicas"], status["availableReplicas"]) == (
        3,
        3,
        3,
    )
    assert status["currentRevision"] == status["updateRevision"]


def test_stateful_parallel_and_scale_down_from_the_top():
    bench = Bench()
    stateful(bench, 4, podManagementPolicy="Parallel")
    bench.run(1)
    assert len(bench.pods()) == 4
    bench.run(10)
    bench.patch(STATEFUL_SET, "db", replicas=2)
    bench.run(40)
    assert list(images(bench)) == ["db-0", "db-1"]


def test_stateful_update_goes_down_to_the_partition():
    bench = Bench()
    strategy = {"type": "RollingUpdate", "rollingUpdate": {"partition": 1}}
    stateful(bench, updateStrategy=strategy)
    bench.run(40)
    bench.patch(STATEFUL_SET, "db", template=template(image="org/app:v2"))
    bench.run(60)
    assert images(bench) == {"db-0": "org/app:v1", "db-1": "org/app:v2", "db-2": "org/app:v2"}
    status = bench.get(STATEFUL_SET, "db")["status"]
    assert status["updatedReplicas"] == 2
    assert status["currentRevision"] != status["updateRevision"]
    bench.store.delete(POD, "default", "db-0")
    bench.run(40)
    assert images(bench)["db-0"] == "org/app:v1"


def test_stateful_claims():
    from opsconsole.sandbox.workloads.statefulset import PVC

    bench = Bench()
    claim = {"metadata": {"name": "data"}, "spec": {"resources": {"requests": {"storage": "1Gi"}}}}
    stateful(bench, 2, volumeClaimTemplates=[claim])
    bench.run(30)
    assert [c["metadata"]["name"] for c in bench.store.objects(PVC)] == ["data-db-0", "data-db-1"]
    assert bench.store.objects(PVC)[0]["status"]["phase"] == "Bound"


def test_daemon_set_runs_one_pod_a_node_and_updates_one_by_one():
    bench = Bench()
    bench.create(DAEMON_SET, "agent", {k: v for k, v in workload(1).items() if k != "replicas"})
    bench.run(20)
    status = bench.get(DAEMON_SET, "agent")["status"]
    assert (status["desiredNumberScheduled"], status["numberReady"]) == (3, 3)
    assert len({p["spec"]["nodeName"] for p in bench.pods()}) == 3
    bench.patch(DAEMON_SET, "agent", template=template(image="org/app:v2"))
    for _ in range(300):
        bench.run(0.1)
        running = [p for p in bench.pods() if p["status"].get("phase") == "Running"]
        assert len(running) >= 2
    assert set(images(bench).values()) == {"org/app:v2"}
    assert bench.get(DAEMON_SET, "agent")["status"]["updatedNumberScheduled"] == 3


def test_daemon_set_without_nodes():
    bench = Bench(RECORDED)
    bench.create(DAEMON_SET, "agent", {k: v for k, v in workload(1).items() if k != "replicas"})
    bench.run(2)
    assert bench.get(DAEMON_SET, "agent")["status"]["numberAvailable"] == 1


def ready_addresses(bench):
    (found,) = bench.store.objects(ENDPOINT_SLICE, "default")
    return sorted(e["addresses"][0] for e in found["endpoints"] if e["conditions"]["ready"])


def test_endpoints_follow_readiness_and_the_selector():
    bench = Bench()
    bench.create(
        SERVICE,
        "web",
        {"selector": {"app": "web"}, "ports": [{"name": "http", "port": 80, "targetPort": "http"}]},
    )
    bench.replica_set(replicas=3, ports=[{"name": "http", "containerPort": 8080}])
    bench.run(20)
    assert ready_addresses(bench) == sorted(p["status"]["podIP"] for p in bench.pods())
    (found,) = bench.store.objects(ENDPOINT_SLICE, "default")
    assert found["ports"] == [{"name": "http", "protocol": "TCP", "port": 8080}]
    gone = bench.pods()[0]
    bench.store.delete(POD, "default", gone["metadata"]["name"])
    bench.run(1)
    assert gone["status"]["podIP"] not in ready_addresses(bench)
    old = bench.get(SERVICE, "web")
    bench.store.update(SERVICE, {**old, "spec": {**old["spec"], "selector": {"app": "other"}}})
    bench.run(1)
    assert ready_addresses(bench) == []


def budget(bench, **spec):
    bench.create(PDB, "pdb", {"selector": {"matchLabels": {"app": "web"}}, **spec})
    bench.run(1)
    status = bench.get(PDB, "pdb")["status"]
    return (
        status["disruptionsAllowed"],
        status["desiredHealthy"],
        status["expectedPods"],
        status["currentHealthy"],
    )


def test_budgets():
    for spec, expected in (
        ({"minAvailable": 4}, (0, 4, 4, 4)),
        ({"minAvailable": 3}, (1, 3, 4, 4)),
        ({"minAvailable": "50%"}, (2, 2, 4, 4)),
        ({"maxUnavailable": 1}, (1, 3, 4, 4)),
        ({"maxUnavailable": "30%"}, (2, 2, 4, 4)),
    ):
        bench = Bench()
        bench.replica_set(replicas=4)
        bench.run(20)
        assert budget(bench, **spec) == expected


def test_autoscaler_reports_and_keeps_its_bounds():
    bench = Bench()
    bench.create(DEPLOYMENT, "web", workload(2))
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    metric = {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 80}},
    }
    bench.create(
        HPA,
        "web",
        {"scaleTargetRef": target, "minReplicas": 3, "maxReplicas": 5, "metrics": [metric]},
    )
    bench.run(60)
    status = bench.get(HPA, "web")["status"]
    assert (status["currentReplicas"], status["desiredReplicas"]) == (3, 3)
    assert status["currentMetrics"][0]["resource"]["current"]["averageUtilization"] == 60
    assert {c["type"]: c["status"] for c in status["conditions"]}["ScalingActive"] == "True"
    old = bench.get(HPA, "web")
    notes = {"sandbox.opsconsole/utilization": "300"}
    bench.store.update(HPA, {**old, "metadata": {**old["metadata"], "annotations": notes}})
    bench.run(60)
    status = bench.get(HPA, "web")["status"]
    assert bench.get(DEPLOYMENT, "web")["spec"]["replicas"] == 5
    assert {c["type"]: c["reason"] for c in status["conditions"]}[
        "ScalingLimited"
    ] == "TooManyReplicas"


def test_autoscaler_without_a_target():
    bench = Bench()
    bench.create(
        HPA,
        "web",
        {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": "gone"},
            "maxReplicas": 5,
        },
    )
    bench.run(20)
    (condition,) = bench.get(HPA, "web")["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "FailedGetScale")


def test_recorded_stand_gives_autoscalers_no_status():
    bench = Bench(RECORDED)
    bench.create(
        HPA, "web", {"scaleTargetRef": {"kind": "Deployment", "name": "web"}, "maxReplicas": 5}
    )
    bench.run(60)
    assert "status" not in bench.get(HPA, "web")


def test_mistyped_specs_stop_nothing_else():
    bench = Bench()
    bench.create(
        POD,
        "odd",
        {
            "containers": [
                {
                    "name": "a",
                    "image": "x:v1",
                    "command": 7,
                    "readinessProbe": {"periodSeconds": "x"},
                    "lifecycle": [],
                }
            ],
            "activeDeadlineSeconds": "soon",
            "terminationGracePeriodSeconds": None,
        },
    )
    bench.replica_set(replicas=1)
    bench.run(20)
    assert len(ready := [p for p in bench.pods() if p["status"].get("phase") == "Running"]) == 2, (
        ready
    )
