"""Canaries in a cluster: steps, aborts, scaling, restarts and what is kept."""

from __future__ import annotations

import pytest

from opsconsole.model.kinds import ANALYSIS_RUN, POD, REPLICA_SET, VIRTUAL_SERVICE
from tests.sandbox.rollouts.support import Stand, rollout, service, virtual_service

STEPS = [{"setWeight": 25}, {"pause": {}}, {"setWeight": 50}, {"pause": {}}]


def updated(steps=STEPS, *, replicas=4, **canary):
    spec = canary.pop("spec", {})
    stand = Stand(rollout({"canary": {"steps": steps, **canary}}, replicas=replicas, **spec))
    # creation times are whole seconds: two versions are to differ in theirs
    stand.until("Healthy").go(2).run("set image demo app=shop:2")
    return stand


def routed(steps=STEPS, *, replicas=4, **canary):
    strategy = {
        "canary": {
            "steps": steps,
            "stableService": "stable",
            "canaryService": "canary",
            "trafficRouting": {"istio": {"virtualService": {"name": "vs"}}},
            **canary,
        }
    }
    stand = Stand(
        service("stable"),
        service("canary"),
        virtual_service(),
        rollout(strategy, replicas=replicas),
    )
    stand.until("Healthy").run("set image demo app=shop:2")
    return stand


def weights(stand):
    found = stand.store.get(VIRTUAL_SERVICE, "default", "vs")
    return [route["weight"] for route in found["spec"]["http"][0]["route"]]


def test_weights_become_pods_and_pauses_wait():
    stand = updated().until("Paused")
    assert stand.sizes() == {1: 3, 2: 1}
    stand.go(3600)
    assert stand.status["currentStepIndex"] == 1
    stand.run("promote demo")
    stand.go(5).until("Paused")
    assert stand.sizes() == {1: 2, 2: 2}
    stand.run("promote demo")
    stand.go(5).until("Healthy")
    assert stand.sizes() == {1: 0, 2: 4}


def test_an_abort_returns_and_a_retry_begins_anew():
    stand = updated().until("Paused")
    stand.run("abort demo")
    stand.go(10)
    assert (stand.phase, stand.message) == (
        "Degraded",
        "RolloutAborted: Rollout aborted update to revision 2",
    )
    assert stand.sizes() == {1: 4, 2: 0}
    stand.run("retry rollout demo")
    stand.go(10)
    assert stand.phase == "Paused"
    assert stand.sizes() == {1: 3, 2: 1}


def test_an_undo_gives_the_old_set_a_new_revision():
    stand = updated().until("Paused")
    stand.run("undo demo")
    stand.go(10)
    assert stand.phase == "Healthy"
    assert stand.sizes() == {3: 4, 2: 0}


def test_scaling_midway_keeps_the_share():
    stand = updated().until("Paused")
    stand.edit(lambda ro: ro["spec"].update(replicas=8))
    stand.go(10)
    assert stand.sizes() == {1: 6, 2: 2}
    assert stand.status["currentStepIndex"] == 1


def test_scaling_to_nothing_and_back():
    stand = updated().until("Paused")
    stand.edit(lambda ro: ro["spec"].update(replicas=0))
    stand.go(10)
    assert sum(stand.sizes().values()) == 0
    stand.edit(lambda ro: ro["spec"].update(replicas=4))
    stand.go(10)
    assert stand.sizes() == {1: 3, 2: 1}


def test_a_controller_started_anew_goes_on():
    stand = updated(
        [{"setWeight": 25}, {"pause": {"duration": 60}}, {"setWeight": 75}, {"pause": {}}]
    )
    stand.until("Paused").go(30)
    stand.cluster.restart_group("rollouts")
    stand.go(20)
    assert stand.status["currentStepIndex"] == 1
    stand.go(15)
    assert stand.status["currentStepIndex"] == 3
    assert stand.sizes() == {1: 1, 2: 3}


def test_a_third_version_begins_anew():
    stand = updated().until("Paused")
    stand.run("promote demo")
    stand.go(5).until("Paused").run("set image demo app=shop:3")
    stand.go(10)
    assert stand.status["currentStepIndex"] == 1
    assert stand.sizes() == {1: 3, 2: 0, 3: 1}


def test_changed_steps_begin_anew():
    stand = updated().until("Paused")
    stand.run("promote demo")
    stand.go(5).until("Paused")
    stand.edit(
        lambda ro: ro["spec"]["strategy"]["canary"].update(steps=[{"setWeight": 75}, {"pause": {}}])
    )
    stand.go(10)
    assert stand.sizes() == {1: 1, 2: 3}
    assert stand.status["currentStepIndex"] == 1


def test_old_versions_are_deleted():
    stand = updated([], replicas=1, spec={"revisionHistoryLimit": 1})
    for image in range(3, 6):
        stand.go(15)
        stand.run(f"set image demo app=shop:{image}")
    stand.go(30)
    assert sorted(stand.sizes()) == [4, 5]


def test_a_restart_replaces_every_pod():
    stand = updated([], replicas=3).go(20)
    before = {pod["metadata"]["name"] for pod in stand.pods()}
    stand.run("restart demo")
    stand.go(60).until("Healthy")
    after = {pod["metadata"]["name"] for pod in stand.pods()}
    assert len(after) == 3
    assert not before & after
    assert stand.sizes()[2] == 3


def test_an_evicted_pod_comes_back():
    stand = updated().until("Paused")
    stand.store.delete(POD, "default", stand.pods()[0]["metadata"]["name"], grace=0)
    stand.go(10)
    assert len(stand.pods()) == 4
    assert stand.phase == "Paused"


def test_a_spec_pause_halts():
    stand = updated([{"setWeight": 25}, {"pause": {"duration": 30}}, {"setWeight": 50}]).until(
        "Paused"
    )
    stand.run("pause demo")
    stand.go(120)
    assert stand.message == "manually paused"
    assert stand.status["currentStepIndex"] == 1


def test_progress_deadline_without_abort_keeps_the_pods():
    broken = {"progressDeadlineSeconds": 20}
    stand = updated([{"setWeight": 25}, {"pause": {}}], spec=broken)

    def never(ro):
        ro["spec"]["template"]["metadata"]["annotations"] = {"test/ready": "never"}

    stand.edit(never)
    stand.go(60)
    assert (
        stand.message
        == f'ProgressDeadlineExceeded: ReplicaSet "demo-{stand.hash_of(3)}" has timed out progressing.'
    )
    assert stand.sizes()[3] == 1


def test_progress_deadline_with_abort_returns():
    spec = {"progressDeadlineSeconds": 20, "progressDeadlineAbort": True}
    stand = updated([{"setWeight": 25}, {"pause": {}}], spec=spec)

    def never(ro):
        ro["spec"]["template"]["metadata"]["annotations"] = {"test/ready": "never"}

    stand.edit(never)
    stand.go(80)
    assert stand.phase == "Degraded"
    assert stand.status["abort"] is True
    assert stand.sizes()[3] == 0
    assert stand.sizes()[1] == 4


def test_a_rollback_within_the_window_takes_no_steps():
    stand = updated(
        [{"setWeight": 25}, {"pause": {"duration": 5}}], spec={"rollbackWindow": {"revisions": 2}}
    )
    stand.go(40).until("Healthy").run("undo demo")
    stand.go(3)
    assert stand.status["currentStepIndex"] == 2
    stand.until("Healthy")
    assert stand.sizes()[3] == 4


def test_metadata_goes_with_the_role():
    labels = {
        "canaryMetadata": {"labels": {"role": "canary"}},
        "stableMetadata": {"labels": {"role": "stable"}},
    }
    stand = updated(**labels).until("Paused").go(5)
    roles = sorted(pod["metadata"]["labels"]["role"] for pod in stand.pods())
    assert roles == ["canary", "stable", "stable", "stable"]
    stand.run("promote demo --full")
    stand.go(30).until("Healthy").go(5)
    assert {pod["metadata"]["labels"]["role"] for pod in stand.pods()} == {"stable"}


def test_anti_affinity_keeps_versions_apart():
    rule = {"requiredDuringSchedulingIgnoredDuringExecution": {}}
    stand = updated(antiAffinity=rule).until("Paused")
    sets = stand.store.objects(REPLICA_SET, "default")
    new = next(rs for rs in sets if rs["spec"]["replicas"] == 1)
    found = new["spec"]["template"]["spec"]["affinity"]["podAntiAffinity"]
    assert "requiredDuringSchedulingIgnoredDuringExecution" in found


def test_routed_weights_are_written_and_the_old_set_waits():
    stand = routed().until("Paused")
    assert weights(stand) == [75, 25]
    assert stand.sizes() == {1: 4, 2: 1}
    assert stand.selector("canary") == stand.hash_of(2)
    stand.run("promote demo --full")
    stand.go(10).until("Healthy")
    assert weights(stand) == [100, 0]
    assert stand.sizes() == {1: 4, 2: 4}
    stand.go(40)
    assert stand.sizes() == {1: 0, 2: 4}


def test_a_routed_abort_moves_traffic_first():
    stand = routed().until("Paused")
    stand.run("abort demo")
    stand.go(5)
    assert weights(stand) == [100, 0]
    assert stand.sizes() == {1: 4, 2: 1}
    stand.go(40)
    assert stand.sizes() == {1: 4, 2: 0}


def test_dynamic_stable_scale_shrinks_the_stable():
    stand = routed(dynamicStableScale=True).until("Paused")
    assert stand.sizes() == {1: 3, 2: 1}
    stand.run("abort demo")
    stand.go(10)
    assert stand.sizes() == {1: 4, 2: 0}
    assert weights(stand) == [100, 0]


def test_set_canary_scale_and_header_routes():
    match = [{"headerName": "x-new", "headerValue": {"exact": "yes"}}]
    steps = [
        {"setCanaryScale": {"replicas": 2}},
        {"setHeaderRoute": {"name": "preview", "match": match}},
        {"pause": {}},
        {"setCanaryScale": {"matchTrafficWeight": True}},
        {"setWeight": 50},
        {"pause": {}},
    ]
    managed = {
        "managedRoutes": [{"name": "preview"}],
        "istio": {"virtualService": {"name": "vs"}},
    }
    stand = routed(steps, trafficRouting=managed).until("Paused")
    assert stand.sizes() == {1: 4, 2: 2}
    http = stand.store.get(VIRTUAL_SERVICE, "default", "vs")["spec"]["http"]
    assert [route.get("name") for route in http] == ["preview", "primary"]
    assert http[0]["match"] == [{"headers": {"x-new": {"exact": "yes"}}}]
    stand.run("promote demo")
    stand.go(5).until("Paused")
    stand.run("abort demo")
    stand.go(10)
    http = stand.store.get(VIRTUAL_SERVICE, "default", "vs")["spec"]["http"]
    assert [route.get("name") for route in http] == ["primary"]


def test_ping_pong_swaps_the_services():
    stand = Stand(
        service("ping"), service("pong"), virtual_service(hosts=("ping", "pong")),
        rollout({"canary": {
            "pingPong": {"pingService": "ping", "pongService": "pong"},
            "trafficRouting": {"istio": {"virtualService": {"name": "vs"}}},
            "steps": [{"setWeight": 25}, {"pause": {}}],
        }}, replicas=2),
    )  # fmt: skip
    stand.until("Healthy")
    assert stand.selector("ping") == stand.hash_of(1)
    stand.run("set image demo app=shop:2")
    stand.until("Paused")
    assert stand.selector("pong") == stand.hash_of(2)
    assert weights(stand) == [75, 25]
    stand.run("promote demo")
    stand.go(10).until("Healthy")
    assert weights(stand) == [0, 100]
    assert stand.status["canary"]["stablePingPong"] == "pong"
    assert stand.selector("pong") == stand.hash_of(2)


def test_min_pods_per_replica_set():
    stand = routed([{"setWeight": 10}, {"pause": {}}], minPodsPerReplicaSet=2).until("Paused")
    assert stand.sizes() == {1: 4, 2: 2}


def analysed(**answers):
    template = {
        "apiVersion": "argoproj.io/v1alpha1", "kind": "AnalysisTemplate",
        "metadata": {"name": "errors"},
        "spec": {"metrics": [{
            "name": "errors", "count": 2, "interval": "5s", "successCondition": "result[0] < 0.05",
            "inconclusiveLimit": 0, "failureLimit": 0,
            "provider": {"prometheus": {"address": "METRICS", "query": "error_rate"}},
        }]},
    }  # fmt: skip
    steps = [{"setWeight": 50}, {"analysis": {"templates": [{"templateName": "errors"}]}}]
    stand = Stand(template, rollout({"canary": {"steps": steps}}, replicas=2), metrics=answers)
    return stand.until("Healthy")


@pytest.mark.parametrize(
    ("rate", "phase", "sizes"), [(0.01, "Healthy", {1: 0, 2: 2}), (0.5, "Degraded", {1: 2, 2: 0})]
)
def test_an_analysis_decides(rate, phase, sizes):
    stand = analysed(error_rate=rate)
    stand.run("set image demo app=shop:2")
    stand.go(60)
    assert stand.phase == phase
    assert stand.sizes() == sizes
    assert len(stand.store.objects(ANALYSIS_RUN, "default")) == 1


def test_an_unnamed_template_is_refused_before_anything():
    stand = analysed(error_rate=0)
    steps = [{"analysis": {"templates": [{"templateName": "absent"}]}}]
    stand.edit(lambda ro: ro["spec"]["strategy"]["canary"].update(steps=steps))
    stand.go(5)
    assert stand.phase == "Degraded"
    assert "AnalysisTemplate 'absent' not found" in stand.message


def test_one_broken_rollout_does_not_stop_another():
    stand = Stand(
        rollout({"canary": {"steps": [{"setWeight": 300}]}}, name="broken"), rollout({"canary": {}})
    )
    stand.until("Healthy")
    assert "InvalidSpec" in str(stand.ro("broken")["status"]["conditions"])
