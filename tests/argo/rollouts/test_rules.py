"""Rules of rollouts on plain values: hashes, counts, phases, validation."""

from __future__ import annotations

import copy

import pytest

from opsconsole.argo.rollouts import hashes, phase, replicas, validation
from opsconsole.argo.rollouts.spec import RolloutView, int_or_percent, pause_seconds

BASE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "Rollout",
    "metadata": {"name": "demo", "namespace": "ns", "generation": 1},
    "spec": {
        "replicas": 4,
        "selector": {"matchLabels": {"app": "demo"}},
        "template": {
            "metadata": {"labels": {"app": "demo"}},
            "spec": {"containers": [{"name": "app", "image": "shop:1"}]},
        },
        "strategy": {"canary": {}},
    },
}


def made(canary=None, **spec):
    obj = copy.deepcopy(BASE)
    if canary is not None:
        obj["spec"]["strategy"] = {"canary": canary}
    obj["spec"] |= spec
    return obj


def found(obj):
    return list(validation.problems(RolloutView(obj)))


def routed(*steps, **routing):
    return {
        "stableService": "stable",
        "canaryService": "canary",
        "trafficRouting": {"istio": {"virtualService": {"name": "vs"}}, **routing},
        "steps": list(steps),
    }


# values


@pytest.mark.parametrize(
    ("duration", "seconds"),
    [(10, 10), ("10", 10), ("10s", 10), ("1m30s", 90), ("1h", 3600), ("soon", -1), (None, 0)],
)
def test_pause_durations(duration, seconds):
    assert pause_seconds(duration) == seconds


@pytest.mark.parametrize(
    ("value", "total", "up", "count"),
    [(2, 10, True, 2), ("25%", 10, True, 3), ("25%", 10, False, 2), ("100%", 7, False, 7)],
)
def test_numbers_or_percentages(value, total, up, count):
    assert int_or_percent(value, total, up=up) == count


def test_fnv_has_its_known_values():
    assert hashes.fnv1a(b"") == 0x811C9DC5
    assert hashes.fnv1a(b"a") == 0xE40C292C
    assert hashes.fnv1a(b"foobar") == 0xBF9CF968


def test_a_hash_tells_templates_apart_and_nothing_else():
    template = BASE["spec"]["template"]
    other = copy.deepcopy(template)
    assert hashes.pod_hash(template) == hashes.pod_hash(other)
    assert hashes.pod_hash(template, 1) != hashes.pod_hash(template)
    changed = copy.deepcopy(template)
    changed["spec"]["containers"][0]["image"] = "shop:2"
    assert hashes.pod_hash(template) != hashes.pod_hash(changed)


def test_a_step_hash_does_not_depend_on_the_order_of_fields():
    left = [{"setHeaderRoute": {"name": "a", "match": []}}]
    right = [{"setHeaderRoute": {"match": [], "name": "a"}}]
    assert hashes.step_hash(left) == hashes.step_hash(right)
    assert hashes.step_hash(left) != hashes.step_hash([*left, {"pause": {}}])


# counts


@pytest.mark.parametrize(
    ("size", "weight", "surge", "canary", "stable"),
    [
        (10, 10, 0, 1, 9),
        (10, 10, 1, 1, 9),
        (5, 20, 1, 1, 4),
        (1, 50, 1, 1, 1),
        (1, 5, 0, 0, 1),
        (4, 5, 0, 1, 3),
        (10, 0, 1, 0, 10),
        (10, 100, 1, 10, 0),
        (0, 50, 1, 0, 0),
    ],
)
def test_the_nearest_share(size, weight, surge, canary, stable):
    assert replicas.approximate(size, weight, 100, surge) == (canary, stable)


@pytest.mark.parametrize(
    ("steps", "index", "weight"),
    [
        ([{"setWeight": 20}, {"pause": {}}], 1, 20),
        ([{"pause": {}}], 0, 0),
        ([{"setWeight": 20}, {"setWeight": 40}], 1, 40),
        ([{"setWeight": 20}], 1, 100),
        ([], None, 100),
    ],
)
def test_the_weight_of_a_step(steps, index, weight):
    status = {"stableRS": "a", "currentPodHash": "b"}
    if index is not None:
        status["currentStepIndex"] = index
    ro = RolloutView({**made({"steps": steps}), "status": status})
    assert replicas.current_set_weight(ro) == weight


# phases

DONE = {
    "updatedReplicas": 4, "availableReplicas": 4, "replicas": 4,
    "stableRS": "a", "currentPodHash": "a",
}  # fmt: skip


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ("Healthy", "")),
        ({"updatedReplicas": 3}, ("Progressing", "more replicas need to be updated")),
        (
            {"availableReplicas": 3},
            ("Progressing", "updated replicas are still becoming available"),
        ),
        ({"replicas": 5}, ("Progressing", "old replicas are pending termination")),
        ({"stableRS": "b"}, ("Progressing", "waiting for all steps to complete")),
        (
            {
                "pauseConditions": [
                    {"reason": "CanaryPauseStep", "startTime": "2026-01-01T00:00:00Z"}
                ]
            },
            ("Paused", "CanaryPauseStep"),
        ),
        (
            {"conditions": [{"type": "InvalidSpec", "status": "True", "message": "no"}]},
            ("Degraded", "InvalidSpec: no"),
        ),
        (
            {"conditions": [{"type": "Progressing", "reason": "RolloutAborted", "message": "why"}]},
            ("Degraded", "RolloutAborted: why"),
        ),
        (
            {
                "conditions": [
                    {"type": "Progressing", "reason": "ProgressDeadlineExceeded", "message": "late"}
                ]
            },
            ("Degraded", "ProgressDeadlineExceeded: late"),
        ),
    ],
)
def test_phases(change, expected):
    status = {**DONE, **change}
    assert phase.calculate(RolloutView({**made(), "status": status}), status) == expected


def test_a_manual_pause_comes_before_a_pause_condition():
    obj = {**made(paused=True), "status": DONE}
    assert phase.calculate(RolloutView(obj), DONE) == ("Paused", "manually paused")


def test_an_unobserved_change_is_progressing():
    obj = made()
    obj["metadata"]["generation"] = 3
    obj["status"] = {**DONE, "observedGeneration": "2", "phase": "Healthy"}
    assert phase.observed(obj) == (
        "Progressing",
        "waiting for rollout spec update to be observed",
    )


# validation


def test_a_good_rollout_has_no_problem():
    assert found(made({"steps": [{"setWeight": 20}, {"pause": {"duration": "1h"}}]})) == []
    assert found(made(routed({"setWeight": 20}, {"setCanaryScale": {"weight": 25}}))) == []


INVALID = [
    (made(strategy={}), "spec.strategy.strategy: Required value: Rollout has missing field '.spec.strategy.canary or .spec.strategy.blueGreen'"),
    (made(strategy={"canary": {}, "blueGreen": {"activeService": "a"}}), "Multiple Strategies can not be listed"),
    (made({"steps": [{"setWeight": 101}]}), "spec.strategy.steps[0].setWeight: Invalid value: 101: SetWeight needs to be between 0 and 100"),
    (made({"steps": [{"setWeight": -1}]}), "SetWeight needs to be between 0 and 100"),
    (made({"steps": [{"pause": {"duration": "soon"}}]}), "spec.strategy.steps[0].pause.duration: Invalid value: -1: Duration needs to be greater than 0"),
    (made({"steps": [{}]}), "Step must have one of the following set"),
    (made({"steps": [{"setWeight": 1, "pause": {}}]}), "Step must have one of the following set"),
    (made({"steps": [{"setCanaryScale": {"replicas": 1}}]}), "SetCanaryScale requires TrafficRouting to be set"),
    (made({"steps": [{"setHeaderRoute": {"name": "a"}}]}), "SetHeaderRoute requires TrafficRouting"),
    (made({"maxSurge": 0, "maxUnavailable": 0}), "MaxSurge and MaxUnavailable both can not be zero"),
    (made({"stableService": "a", "canaryService": "a"}), "This rollout uses the same service for the stable and canary services"),
    (made({"scaleDownDelaySeconds": 3}), "Canary scaleDownDelaySeconds can only be used with traffic routing"),
    (made({"dynamicStableScale": True}), "Canary dynamicStableScale can only be used with traffic routing"),
    (made({**routed(), "canaryService": ""}), "Canary service and Stable service must to be set to use Traffic Routing"),
    (made(routed(maxTrafficWeight=1000)), "only supported in Nginx and Plugins"),
    (made(strategy={"blueGreen": {"activeService": "a", "previewService": "a"}}), "same service for the active and preview services"),
    (made(progressDeadlineSeconds=5, minReadySeconds=5), "spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds"),
    (made(replicas=-1), "spec.replicas: Invalid value: -1: must be greater than or equal to 0"),
    (made(selector={"matchLabels": {"app": "other"}}), "`selector` does not match template `labels`"),
    (made(selector={}), "empty selector is invalid for deployment"),
    (made({"antiAffinity": {}}), "AntiAffinity must have exactly one strategy listed"),
]  # fmt: skip


@pytest.mark.parametrize(("obj", "said"), INVALID, ids=[said[-40:] for _, said in INVALID])
def test_problems_are_said_in_the_real_words(obj, said):
    assert any(said in problem for problem in found(obj)), found(obj)


@pytest.mark.parametrize(
    "spec",
    [
        {"replicas": "many"},
        {"strategy": []},
        {"strategy": {"canary": {"steps": {"setWeight": 1}}}},
        {"template": 4},
        {"selector": "app=demo"},
        {"strategy": {"canary": {"steps": [{"pause": 3}, None]}}},
    ],
)
def test_wrong_shapes_are_problems_and_not_crashes(spec):
    assert found(made(**spec))
