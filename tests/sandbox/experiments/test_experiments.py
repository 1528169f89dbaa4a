"""Experiments from creation to scale-down, on the simulation."""

from __future__ import annotations

import json

import pytest

from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    EVENT,
    EXPERIMENT,
    REPLICA_SET,
    SERVICE,
)
from opsconsole.sandbox.analysis.transport import Response, serving
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build

PROMETHEUS = "http://prometheus.test:9090"


class Vector:
    """Answers every query with one sample."""

    def __init__(self, value: str = "1") -> None:
        self.value = value

    def respond(self, request):
        data = {"resultType": "vector", "result": [{"metric": {}, "value": [0, self.value]}]}
        return Response(200, json.dumps({"status": "success", "data": data}).encode())


@pytest.fixture
def vector():
    return Vector()


@pytest.fixture
def cluster(vector):
    made = build(
        ClusterOptions(profile="recorded"),
        services={"resolvers": [serving(PROMETHEUS, vector)]},
    )
    made.start()
    return made


def template(name="canary", **more):
    return {
        "name": name,
        "replicas": 1,
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}, "annotations": more.pop("annotations", {})},
            "spec": {
                "containers": [{"name": "app", "image": "a:1", "ports": [{"containerPort": 80}]}]
            },
        },
        **more,
    }


def analysis_template(cluster, condition="result[0] < 5", **metric):
    cluster.store.create(
        ANALYSIS_TEMPLATE,
        {
            "metadata": {"name": "check", "namespace": "default"},
            "spec": {
                "args": [{"name": "hash"}],
                "metrics": [
                    {
                        "name": "m",
                        "successCondition": condition,
                        "provider": {
                            "prometheus": {
                                "address": PROMETHEUS,
                                "query": 'x{hash="{{args.hash}}"}',
                            }
                        },
                        **metric,
                    }
                ],
            },
        },
    )


ANALYSIS = {
    "name": "a",
    "templateName": "check",
    "args": [{"name": "hash", "value": "{{templates.canary.podTemplateHash}}"}],
}


def start(cluster: Cluster, **spec):
    cluster.store.create(
        EXPERIMENT,
        {
            "metadata": {"name": "exp", "namespace": "default"},
            "spec": {"templates": [template()], **spec},
        },
    )


def status(cluster):
    return cluster.store.get(EXPERIMENT, "default", "exp").get("status", {})


def events(cluster):
    found = cluster.store.objects(EVENT, "default")
    return [
        (e["reason"], e["message"]) for e in found if e["involvedObject"]["kind"] == "Experiment"
    ]


def test_runs_for_its_duration_then_scales_down_after_the_delay(cluster):
    start(cluster, duration="10s", scaleDownDelaySeconds=5)
    cluster.simulation.run_for(5)
    assert status(cluster)["phase"] == "Running"
    assert status(cluster)["templateStatuses"][0]["status"] == "Running"
    cluster.simulation.run_for(8)
    assert status(cluster)["phase"] == "Successful"
    replica_set = cluster.store.get(REPLICA_SET, "default", "exp-canary")
    assert replica_set["spec"]["replicas"] == 1
    assert replica_set["metadata"]["annotations"]["scale-down-deadline"]
    cluster.simulation.run_for(10)
    assert cluster.store.get(REPLICA_SET, "default", "exp-canary")["spec"]["replicas"] == 0
    assert ("ExperimentSuccessful", "Experiment transitioned from Running -> Successful") in events(
        cluster
    )
    assert ("ScalingReplicaSet", "Scaled up ReplicaSet exp-canary from 0 to 1") in events(cluster)
    assert not cluster.manager.faults


def test_without_a_duration_it_runs_until_it_is_terminated(cluster):
    start(cluster, scaleDownDelaySeconds=0)
    cluster.simulation.run_for(600)
    assert status(cluster)["phase"] == "Running"
    live = cluster.store.get(EXPERIMENT, "default", "exp")
    cluster.store.update(EXPERIMENT, {**live, "spec": {**live["spec"], "terminate": True}})
    cluster.simulation.run_for(5)
    assert status(cluster)["phase"] == "Successful"
    assert cluster.store.get(REPLICA_SET, "default", "exp-canary")["spec"]["replicas"] == 0


def test_pods_that_never_get_ready_fail_it_at_the_deadline(cluster):
    bad = template(annotations={"test/ready": "never"})
    start(cluster, templates=[bad], progressDeadlineSeconds=20)
    cluster.simulation.run_for(15)
    assert status(cluster)["phase"] == "Pending"
    cluster.simulation.run_for(15)
    assert status(cluster)["phase"] == "Failed"
    assert (
        status(cluster)["message"] == "Template 'canary' exceeded its progressDeadlineSeconds (20)"
    )


def test_a_required_analysis_ends_it(cluster, vector):
    analysis_template(cluster)
    start(cluster, analyses=[{**ANALYSIS, "requiredForCompletion": True}])
    cluster.simulation.run_for(10)
    assert status(cluster)["phase"] == "Successful"
    run = cluster.store.get(ANALYSIS_RUN, "default", "exp-a")
    replica_set = cluster.store.get(REPLICA_SET, "default", "exp-canary")
    expected = replica_set["metadata"]["labels"]["rollouts-pod-template-hash"]
    assert run["spec"]["args"] == [{"name": "hash", "value": expected}]
    assert status(cluster)["analysisRuns"][0]["phase"] == "Successful"


def test_a_failed_analysis_fails_it_early(cluster, vector):
    vector.value = "9"
    analysis_template(cluster)
    start(cluster, analyses=[ANALYSIS], duration="1h")
    cluster.simulation.run_for(10)
    assert status(cluster)["phase"] == "Failed"
    assert status(cluster)["message"].startswith('Metric "m" assessed Failed due to failed (1)')


def test_an_analysis_that_runs_on_is_terminated_with_it(cluster):
    analysis_template(cluster, interval="1s")
    start(cluster, analyses=[ANALYSIS], duration="5s")
    cluster.simulation.run_for(30)
    run = cluster.store.get(ANALYSIS_RUN, "default", "exp-a")
    assert run["spec"]["terminate"] is True
    assert run["status"]["phase"] == "Successful"


def test_a_missing_template_is_an_error_of_the_analysis(cluster):
    start(cluster, analyses=[ANALYSIS])
    cluster.simulation.run_for(10)
    assert status(cluster)["phase"] == "Error"
    assert status(cluster)["message"] == (
        "AnalysisTemplate verification failed for analysis 'a':"
        ' analysistemplates.argoproj.io "check" not found'
    )


def test_service_of_a_template_comes_and_goes(cluster):
    start(cluster, templates=[template(service={})], duration="5s", scaleDownDelaySeconds=0)
    cluster.simulation.run_for(4)
    service = cluster.store.get(SERVICE, "default", "exp-canary")
    assert service["spec"]["ports"] == [{"protocol": "TCP", "port": 80, "targetPort": 80}]
    assert status(cluster)["templateStatuses"][0]["serviceName"] == "exp-canary"
    cluster.simulation.run_for(10)
    assert cluster.store.find(SERVICE, "default", "exp-canary") is None


@pytest.mark.parametrize(
    ("templates", "message"),
    [
        ([], "Experiment has missing field '.Spec.Templates'"),
        (
            [template(), template()],
            "Experiment exp has repeated template name 'canary' in templates",
        ),
        (
            [{**template(), "selector": {}}],
            "This experiment is selecting all pods at index 0. A non-empty selector is required.",
        ),
    ],
)
def test_bad_specs_are_refused_and_nothing_is_created(cluster, templates, message):
    start(cluster, templates=templates)
    cluster.simulation.run_for(5)
    assert status(cluster)["conditions"][0]["message"] == message
    assert not cluster.store.objects(REPLICA_SET, "default")
    assert not cluster.manager.faults


def test_a_controller_that_is_started_anew_goes_on(cluster):
    from opsconsole.sandbox.experiments.setup import controllers

    analysis_template(cluster, interval="1s", count=5)
    start(cluster, analyses=[ANALYSIS], duration="20s")
    for _ in range(15):
        cluster.simulation.run_for(2)
        cluster.restart("experiments", next(iter(controllers(cluster))))
    cluster.simulation.run_for(5)
    assert status(cluster)["phase"] == "Successful"
    runs = cluster.store.objects(ANALYSIS_RUN, "default")
    assert [run["metadata"]["name"] for run in runs] == ["exp-a"]
