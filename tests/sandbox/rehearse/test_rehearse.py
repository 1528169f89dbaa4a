"""Rehearsals as users write them: faults, sources, timelines."""

from __future__ import annotations

import json

import pytest

from opsconsole.errors import InputError
from opsconsole.sandbox.rehearse import scenario as scenarios
from opsconsole.sandbox.rehearse.player import play
from opsconsole.sandbox.rehearse.sources import load, scenario_of
from opsconsole.sandbox.rehearse.timeline import as_json, as_text, rows

TEMPLATE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "errors"},
    "spec": {
        "metrics": [
            {
                "name": "errors",
                "interval": "1m",
                "successCondition": "result[0] < 0.05",
                "failureLimit": 1,
                "provider": {"prometheus": {"address": "METRICS", "query": "error_rate"}},
            }
        ]
    },
}


def rollout(steps, **canary):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": "shop"},
        "spec": {
            "replicas": 4,
            "selector": {"matchLabels": {"app": "shop"}},
            "template": {
                "metadata": {"labels": {"app": "shop"}},
                "spec": {"containers": [{"name": "app", "image": "shop:1"}]},
            },
            "progressDeadlineSeconds": 120,
            "strategy": {"canary": {"steps": steps, **canary}},
        },
    }


PAUSES = [{"setWeight": 25}, {"pause": {"duration": "10m"}}, {"setWeight": 50}, {"pause": {}}]


def test_an_image_change_is_promoted_to_its_end():
    result = play(scenario_of([rollout(PAUSES)], images=["shop:2"]))
    assert result.healthy
    assert 600 < result.seconds < 700
    assert [entry.argument for entry in result.log if entry.step == "run"] == [
        "set image shop app=shop:2",
        "promote shop",
    ]


def test_pods_that_never_get_ready_end_degraded():
    faults = [{"never-ready": {"image": "shop:2"}}]
    result = play(scenario_of([rollout(PAUSES)], images=["shop:2"], faults=faults))
    assert result.phase == "Degraded"
    assert not result.healthy
    assert "has timed out progressing" in result.message


def test_a_metric_that_goes_bad_aborts():
    analysed = rollout(PAUSES, analysis={"templates": [{"templateName": "errors"}]})
    faults = [{"metric": {"at": 240, "answers": {"error_rate": 0.4}}}]
    change = {"images": ["shop:2"], "metrics": {"error_rate": 0.01}}
    good = play(scenario_of([TEMPLATE, analysed], **change))
    bad = play(scenario_of([TEMPLATE, analysed], faults=faults, **change))
    assert good.healthy
    assert bad.phase == "Degraded"
    assert "failed (2) > failureLimit (1)" in bad.message
    assert 240 < bad.seconds < 420


def test_a_pod_that_crashes_is_replaced():
    faults = [{"crash": {"at": 60, "image": "shop:2"}}]
    result = play(scenario_of([rollout(PAUSES)], images=["shop:2"], faults=faults))
    gone = [c for _, c in result.changes if c.kind.kind == "Pod" and c.type == "DELETED"]
    assert gone
    assert result.healthy


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ({"meteor": {}}, "there is no fault"),
        ({"never-ready": {}}, "a fault needs `image`"),
        ({"crash": {"image": "a", "at": "soon"}}, "a fault needs `at`"),
        ({"metric": {"at": 1}}, "needs `answers`"),
    ],
)
def test_a_wrong_fault_is_said(fault, said):
    with pytest.raises(InputError, match=said):
        play(scenario_of([rollout(PAUSES)], images=["shop:2"], faults=[fault]))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        ([], "a scenario is a mapping"),
        ({"steps": []}, "needs a list of `steps`"),
        ({"steps": [{"dance": 1}]}, "step 1: there is no step"),
        ({"steps": [{"sleep": "long"}]}, "step 1: a number of seconds"),
        ({"steps": [{"sleep": -1}]}, "step 1: a number of seconds"),
        ({"steps": [{"apply": ["x"]}]}, "manifests with a `kind`"),
        ({"steps": [{"wait": {}}]}, "`wait` needs `for`"),
        ({"steps": [{"run": 3}]}, "`run` is a command line"),
        ({"steps": [{"kubectl": "get"}]}, "`kubectl` is a list"),
        ({"steps": [{"sleep": 1}], "metrics": 4}, "`metrics` is a mapping"),
    ],
)
def test_a_wrong_scenario_is_said(data, said):
    with pytest.raises(InputError, match=said):
        scenarios.parse(data)


def test_manifests_need_one_rollout_and_an_image():
    with pytest.raises(InputError, match="one Rollout, not 0"):
        load("kind: Service\n", images=["a:1"])
    with pytest.raises(InputError, match="rehearse anything"):
        scenario_of([rollout(PAUSES)], images=[])


def test_what_cannot_be_done_ends_the_scenario():
    result = play(scenarios.parse({"steps": [{"kubectl": ["exec", "x", "y"]}, {"sleep": 1}]}))
    assert not result.completed
    assert len(result.log) == 1
    assert "is not played" in result.log[0].out


def test_a_wait_in_vain_ends_the_scenario():
    steps = [
        {"apply": [rollout(PAUSES)]},
        {"wait": {"for": {"status.phase": "Degraded"}, "timeout": 5}},
    ]
    result = play(scenarios.parse({"rollout": "shop", "steps": steps}))
    assert not result.completed
    assert not result.healthy
    assert "waited 5 s in vain for status.phase = Degraded" in result.log[-1].out


def test_the_timeline_tells_the_turns():
    result = play(scenario_of([rollout(PAUSES)], images=["shop:2"]))
    told = [row.words for row in rows(result) if row.what == "rollout"]
    assert "Paused - CanaryPauseStep, step 1/4" in told
    assert told[-1] == "Healthy, step 4/4"
    assert as_text(result).splitlines()[-1].endswith("ended   Healthy")
    shown = json.loads(as_json(result))
    assert shown["healthy"] is True
    assert [row["at"] for row in shown["timeline"]] == sorted(
        row["at"] for row in shown["timeline"]
    )


def test_a_scenario_file_is_read():
    scenario = load("rollout: shop\nsteps:\n- sleep: 3\n")
    assert scenario.steps == (("sleep", 3.0),)
    assert scenario.rollout == "shop"
