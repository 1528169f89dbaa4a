"""Analyses and experiments of a rollout: made once, followed, ended with it."""

from __future__ import annotations

import pytest

from opsconsole.model.kinds import ANALYSIS_RUN, EXPERIMENT
from tests.sandbox.rollouts.support import Stand, rollout, service


def template(name="errors", **metric):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "AnalysisTemplate",
        "metadata": {"name": name},
        "spec": {
            "metrics": [
                {
                    "name": "errors",
                    "interval": "10s",
                    "count": 3,
                    "successCondition": "result[0] < 0.05",
                    "provider": {"prometheus": {"address": "METRICS", "query": "error_rate"}},
                    **metric,
                }
            ]
        },
    }


ANALYSIS = {"templates": [{"templateName": "errors"}]}


def runs(stand):
    return stand.store.objects(ANALYSIS_RUN, "default")


def phases(stand):
    return [run.get("status", {}).get("phase") for run in runs(stand)]


def updated(canary, *templates, rate=0.01):
    stand = Stand(*templates, rollout({"canary": canary}, replicas=2), metrics={"error_rate": rate})
    stand.until("Healthy").go(2).run("set image demo app=shop:2")
    return stand


def test_a_controller_started_anew_finds_its_run():
    stand = updated({"steps": [{"analysis": ANALYSIS}, {"pause": {}}]}, template()).go(12)
    stand.cluster.restart_group("rollouts")
    stand.go(20)
    assert phases(stand) == ["Successful"]
    assert stand.phase == "Paused"


def test_a_background_analysis_ends_with_the_update():
    endless = template()
    del endless["spec"]["metrics"][0]["count"]
    canary = {"analysis": ANALYSIS, "steps": [{"setWeight": 50}, {"pause": {"duration": 25}}]}
    stand = updated(canary, endless).go(10)
    assert phases(stand) == ["Running"]
    stand.go(40)
    assert stand.phase == "Healthy"
    assert phases(stand) == ["Successful"]


def test_a_background_analysis_aborts():
    canary = {"analysis": ANALYSIS, "steps": [{"setWeight": 50}, {"pause": {}}]}
    stand = updated(canary, template(), rate=0.4).go(15)
    assert stand.phase == "Degraded"
    assert "Metric" in stand.message
    assert stand.sizes() == {1: 2, 2: 0}


def test_an_abort_ends_the_running_analysis():
    stand = updated({"steps": [{"analysis": ANALYSIS}]}, template()).go(8)
    stand.run("abort demo")
    stand.go(15)
    assert runs(stand)[0]["spec"]["terminate"] is True
    assert phases(stand) == ["Successful"]


def test_an_inconclusive_analysis_waits_for_a_human():
    open_ended = template(
        successCondition="result[0] < 0.05", failureCondition="result[0] > 0.5", count=1
    )
    stand = updated(
        {"steps": [{"analysis": ANALYSIS}, {"setWeight": 50}]}, open_ended, rate=0.2
    ).go(15)
    assert (stand.phase, stand.message) == ("Paused", "InconclusiveAnalysisRun")
    stand.run("promote demo")
    stand.go(20)
    assert stand.phase == "Healthy"


@pytest.mark.parametrize(("rate", "phase", "active"), [(0.01, "Healthy", 2), (0.4, "Degraded", 1)])
def test_an_analysis_before_the_switch(rate, phase, active):
    strategy = {
        "blueGreen": {
            "activeService": "active",
            "previewService": "preview",
            "prePromotionAnalysis": ANALYSIS,
        }
    }
    stand = Stand(
        template(), service("active"), service("preview"), rollout(strategy),
        metrics={"error_rate": rate},
    )  # fmt: skip
    stand.until("Healthy").go(2).run("set image demo app=shop:2")
    stand.go(45)
    assert stand.phase == phase
    assert stand.selector("active") == stand.hash_of(active)


def test_an_analysis_after_the_switch_takes_it_back():
    strategy = {"blueGreen": {"activeService": "active", "postPromotionAnalysis": ANALYSIS}}
    stand = Stand(template(), service("active"), rollout(strategy), metrics={"error_rate": 0.4})
    stand.until("Healthy").go(2).run("set image demo app=shop:2")
    stand.go(30)
    assert stand.phase == "Degraded"
    assert stand.selector("active") == stand.hash_of(1)


def experiment(**more):
    templates = [
        {"name": "baseline", "specRef": "stable"},
        {"name": "canary", "specRef": "canary"},
    ]
    return {"experiment": {"duration": "20s", "templates": templates, **more}}


def test_an_experiment_runs_its_time():
    stand = updated({"steps": [experiment(), {"pause": {}}]}).go(10)
    found = stand.store.objects(EXPERIMENT, "default")
    assert [entry["status"]["phase"] for entry in found] == ["Running"]
    assert len(stand.pods()) == 4
    stand.go(30)
    assert stand.phase == "Paused"
    assert stand.store.objects(EXPERIMENT, "default")[0]["status"]["phase"] == "Successful"


def test_an_experiment_whose_analysis_fails_aborts():
    failing = experiment(analyses=[{"name": "errors", "templateName": "errors"}])
    stand = updated({"steps": [failing, {"setWeight": 50}]}, template(), rate=0.4).go(60)
    assert stand.phase == "Degraded"
    assert stand.sizes() == {1: 2, 2: 0}


def test_old_runs_are_tidied():
    spec = {"analysis": {"successfulRunHistoryLimit": 1}}
    quick = template(count=1)
    stand = Stand(
        quick, rollout({"canary": {"steps": [{"analysis": ANALYSIS}]}}, **spec),
        metrics={"error_rate": 0},
    )  # fmt: skip
    stand.until("Healthy")
    for image in range(2, 6):
        stand.go(5).run(f"set image demo app=shop:{image}")
        stand.go(30).until("Healthy")
    assert len(runs(stand)) <= 2
