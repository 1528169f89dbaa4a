"""Decoding is tolerant: whatever an object holds, it is shown and its problems are listed."""

from __future__ import annotations

import copy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.argo.podstatus import is_bad, pod_status
from opsconsole.engine.decode.analysis import analysis_run, plotted, thresholds
from opsconsole.engine.decode.applications import application
from opsconsole.engine.decode.rollouts import rollout
from opsconsole.engine.decode.steps import summary
from opsconsole.model.analysis import Threshold
from opsconsole.model.status import OperationPhase
from tests.engine import objects

OWNER = {"metadata": {"name": "shop", "namespace": "prod", "uid": "u"}}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)  # fmt: skip


def paths(obj: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    found = [at] if at else []
    entries = (
        obj.items() if isinstance(obj, dict) else enumerate(obj) if isinstance(obj, list) else ()
    )
    for key, value in entries:
        found += paths(value, (*at, key))
    return found


def broken(obj: Any, path: tuple[Any, ...], value: Any) -> Any:
    new = copy.deepcopy(obj)
    inner = new
    for step in path[:-1]:
        inner = inner[step]
    inner[path[-1]] = value
    return new


@pytest.mark.parametrize(
    ("make", "decode"),
    [
        (objects.app, application),
        (objects.rollout, rollout),
        (lambda: objects.run(OWNER), analysis_run),
        (lambda: objects.replica_set(OWNER, "new1", 2),
         lambda rs: rollout(objects.rollout(), [(rs, [])])),
        (lambda: objects.pod(objects.replica_set({"metadata": {**OWNER["metadata"]}}, "x", 1) | {"metadata": {"name": "r", "uid": "v", "labels": {}}}, "p"),
         lambda pod: rollout(objects.rollout(), [(objects.replica_set(OWNER, "new1", 2), [pod])])),
    ],
    ids=["application", "rollout", "run", "replicaset", "pod"],
)  # fmt: skip
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_no_field_can_break_the_decoder(make: Any, decode: Any, data: st.DataObject) -> None:
    obj = make()
    path = data.draw(st.sampled_from(paths(obj)))
    decode(broken(obj, path, data.draw(JSON)))


def test_problems_are_named() -> None:
    found = application(objects.app(spec={"source": 5, "project": ["x"]}))
    assert "spec.project: is a list, not text" in found.problems
    assert "spec.source: is a number, not an object" in found.problems
    assert found.project == "default"
    assert rollout({"metadata": {"name": "x"}}).problems == ("spec: missing",)


@pytest.mark.parametrize(
    ("automated", "on", "heal"),
    [
        (None, False, False),
        ({}, True, False),
        ({"selfHeal": True}, True, True),
        ({"selfHeal": True, "enabled": False}, False, False),
        ({"enabled": None}, True, False),
    ],
)
def test_auto_sync(automated: Any, on: bool, heal: bool) -> None:
    policy = {} if automated is None else {"automated": automated}
    found = application(objects.app(policy=policy))
    assert (found.auto_sync, found.self_heal) == (on, heal)


def test_operation_states_by_table() -> None:
    def operation(phase: str, *, finished: bool, requested: bool) -> Any:
        state = {"phase": phase, **({"finishedAt": "2026-01-05T09:00:00Z"} if finished else {})}
        raw = objects.app(
            status={"operationState": state}, **({"operation": {"sync": {}}} if requested else {})
        )
        return application(raw).operation

    waits = operation("Running", finished=True, requested=True)
    assert waits.waiting_for_retry
    assert not operation("Running", finished=False, requested=True).waiting_for_retry
    done = operation("Failed", finished=True, requested=False)
    assert (done.phase, done.requested) == (OperationPhase.FAILED, False)


@pytest.mark.parametrize(
    ("success", "failure", "wanted"),
    [
        ("result[0] < 0.05", "", [Threshold("<", 0.05)]),
        ("0.95 <= result[0]", "", [Threshold(">=", 0.95)]),
        ("len(result) == 0 || result[0] >= 0.95", "", [Threshold(">=", 0.95)]),
        (
            "asFloat(result) > -1e3",
            "result == 7",
            [Threshold(">", -1000.0), Threshold("==", 7.0, False)],
        ),
        ("result[0] > 1 && result[0] < 9", "", [Threshold(">", 1), Threshold("<", 9)]),
        ("isNaN(result[0]) || default(result, 0) < 5", "", []),
        ("result.status == 'ok'", "", []),
    ],
)
def test_thresholds(success: str, failure: str, wanted: list[Threshold]) -> None:
    assert list(thresholds(success, failure)) == wanted


@pytest.mark.parametrize(
    ("value", "wanted"),
    [("[0.97]", 0.97), ("3", 3.0), ("[[2]]", 2.0), ("[1,2]", None), ("true", None), ("NaN", None),
     ("", None), ("[]", None), ("1e999", None), ("9" * 400, None)],
)  # fmt: skip
def test_plotted(value: str, wanted: float | None) -> None:
    assert plotted(value) == wanted


def metric(**over: Any) -> Any:
    raw = objects.run(OWNER)
    raw["spec"]["metrics"][0].update(over)
    return analysis_run(raw).metrics[0]


def test_a_metric_joins_definition_and_result() -> None:
    found = metric()
    assert (found.provider, found.query, found.wanted) == ("prometheus", "errors", 5)
    assert (found.failures_left, found.consecutive_error_limit) == (1, 4)
    assert found.next_at == datetime(2026, 1, 5, 9, 2, tzinfo=UTC)
    assert [m.number for m in found.measurements] == [0.01, 0.2]
    assert metric(failureLimit=-1).failures_left is None
    assert metric(failureLimit="3").failures_left == 2
    assert metric(count=2).next_at is None
    assert metric(count=None, interval="").wanted == 1


def test_the_next_measurement_after_an_error_is_in_ten_seconds() -> None:
    raw = objects.run(OWNER)
    raw["status"]["metricResults"][0]["measurements"][-1]["phase"] = "Error"
    assert analysis_run(raw).metrics[0].next_at == datetime(2026, 1, 5, 9, 1, 10, tzinfo=UTC)
    raw["status"]["metricResults"] = []
    raw["spec"]["metrics"][0]["initialDelay"] = "30s"
    assert analysis_run(raw).metrics[0].next_at == datetime(2026, 1, 5, 9, 0, 30, tzinfo=UTC)


def waiting(**over: Any) -> tuple[str, Any]:
    found = rollout(objects.rollout(**over))
    return found.waiting_for, found.waiting_until


def test_what_it_waits_for() -> None:
    assert waiting() == ("a promote", None)
    timed = waiting(status={"currentStepIndex": 3})
    assert timed == ("the pause to end", datetime(2026, 1, 5, 9, 10, tzinfo=UTC))
    assert "resume" in waiting(spec={"paused": True})[0]
    assert "retry" in waiting(status={"abort": True})[0]
    assert "full promotion" in waiting(status={"promoteFull": True, "pauseConditions": []})[0]
    assert (
        "inconclusive"
        in waiting(status={"pauseConditions": [{"reason": "InconclusiveAnalysisRun"}]})[0]
    )
    assert (
        waiting(meta={"generation": 9}, status={"observedGeneration": "8"})[0]
        == "the controller to see the change"
    )
    busy = {"pauseConditions": [], "controllerPause": False, "phase": "Progressing", "message": "x"}
    assert (
        waiting(status={**busy, "currentStepIndex": 0, "availableReplicas": 2})[0]
        == "2 of 5 pods available"
    )
    steps = [{"analysis": {"templates": [{"templateName": "smoke"}]}}]
    assert (
        waiting(steps=steps, status={**busy, "currentStepIndex": 0})[0]
        == "the analysis smoke to finish"
    )
    healthy = {**busy, "phase": "Healthy", "message": "", "stableRS": "new1", "currentStepIndex": 4}
    assert waiting(status=healthy) == ("", None)


def test_blue_green_waits_for_a_promote_or_the_clock() -> None:
    condition = [{"reason": "BlueGreenPause", "startTime": "2026-01-05T09:00:00Z"}]
    green: dict[str, Any] = {
        "activeService": "a",
        "previewService": "p",
        "autoPromotionEnabled": False,
    }
    assert waiting(strategy={"blueGreen": green}, status={"pauseConditions": condition}) == (
        "a promote",
        None,
    )
    green |= {"autoPromotionSeconds": 60}
    until = waiting(strategy={"blueGreen": green}, status={"pauseConditions": condition})[1]
    assert until == datetime(2026, 1, 5, 9, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    ("status", "wanted"),
    [
        ({}, ["done", "current", "waiting", "waiting"]),
        ({"promoteFull": True}, ["done", "skipped", "skipped", "skipped"]),
        ({"abort": True, "currentStepIndex": 0}, ["waiting"] * 4),
        ({"currentStepIndex": 4, "stableRS": "new1"}, ["done"] * 4),
    ],
)
def test_states_of_steps(status: dict[str, Any], wanted: list[str]) -> None:
    assert [step.state for step in rollout(objects.rollout(status=status)).steps] == wanted


@pytest.mark.parametrize(
    ("step", "wanted"),
    [
        ({"setWeight": 20}, "setWeight 20"),
        ({"pause": {}}, "pause"),
        ({"pause": {"duration": 30}}, "pause 30s"),
        ({"pause": {"duration": "10m"}}, "pause 10m"),
        ({"setCanaryScale": {"replicas": 3}}, "setCanaryScale 3 pods"),
        ({}, "an empty step"),
    ],
)
def test_summaries(step: dict[str, Any], wanted: str) -> None:
    assert summary(step) == wanted


def test_the_actual_weight() -> None:
    ro = objects.rollout()
    sets = [
        (objects.replica_set(OWNER, "new1", 2), []),
        (objects.replica_set(OWNER, "old1", 1, size=4), []),
    ]
    assert rollout(ro, sets).actual_weight == 20
    assert rollout(objects.rollout(status={"availableReplicas": 0}), sets).actual_weight == 0
    routed = objects.rollout(
        strategy={
            "canary": {"trafficRouting": {"istio": {}}, "steps": [{"setWeight": 5}, {"pause": {}}]}
        },
        status={"canary": {"weights": {"canary": {"weight": 5}}}},
    )
    assert rollout(routed, sets).actual_weight == 5
    assert rollout(objects.rollout(status={"currentStepIndex": 4}), sets).actual_weight == 100


@pytest.mark.parametrize(
    ("status", "wanted", "bad"),
    [
        ({"phase": "Running", "containerStatuses": [{"ready": True, "state": {"running": {}}}]}, "Running", False),
        ({"phase": "Pending", "containerStatuses": [{"state": {"waiting": {"reason": "ContainerCreating"}}}]}, "ContainerCreating", False),
        ({"phase": "Running", "containerStatuses": [{"state": {"waiting": {"reason": "CrashLoopBackOff"}}}]}, "CrashLoopBackOff", True),
        ({"phase": "Running", "containerStatuses": [{"state": {"terminated": {"exitCode": 3}}}]}, "ExitCode:3", True),
        ({"phase": "Pending", "initContainerStatuses": [{"state": {"running": {}}}]}, "Init:0/0", False),
        ({"phase": "Failed", "reason": "Evicted"}, "Evicted", True),
        ({}, "Unknown", True),
    ],
)  # fmt: skip
def test_pod_words(status: dict[str, Any], wanted: str, bad: bool) -> None:
    word = pod_status({"status": status})
    assert (word, is_bad(word)) == (wanted, bad)


def test_a_pod_that_is_going() -> None:
    assert (
        pod_status({"metadata": {"deletionTimestamp": "x"}, "status": {"phase": "Running"}})
        == "Terminating"
    )
