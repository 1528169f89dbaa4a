"""AnalysisRuns on the simulation: providers in-process, jobs, secrets, time to live, restarts."""

from __future__ import annotations

import base64
import json

import pytest

from opsconsole.model.kinds import ANALYSIS_RUN, EVENT, JOB, SECRET
from opsconsole.sandbox.analysis.setup import make
from opsconsole.sandbox.analysis.transport import MAX_BODY, Response, serving
from opsconsole.sandbox.cluster import ClusterOptions, build

PROMETHEUS = "http://prometheus.test:9090"
WEB = "http://web.test"


class Endpoint:
    """Answers one after the other, the last again and again; keeps what was asked."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    def respond(self, request):
        self.asked.append(request)
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(found, Response):
            return found
        values = found if isinstance(found, list) else [found]
        result = [{"metric": {}, "value": [0, str(value)]} for value in values]
        data = {"status": "success", "data": {"resultType": "vector", "result": result}}
        return Response(200, json.dumps(data).encode())


def cluster_with(*endpoints, profile="recorded"):
    prefixes = (PROMETHEUS, WEB)
    resolvers = [serving(prefix, one) for prefix, one in zip(prefixes, endpoints, strict=False)]
    made = build(ClusterOptions(profile=profile), services={"resolvers": resolvers})
    made.start()
    return made


def prometheus(**more):
    return {
        "name": "m",
        "successCondition": "result[0] < 5",
        "provider": {"prometheus": {"address": PROMETHEUS, "query": "x"}},
        **more,
    }


def create(cluster, *metrics, name="run", **spec):
    cluster.store.create(
        ANALYSIS_RUN,
        {
            "metadata": {"name": name, "namespace": "default"},
            "spec": {"metrics": list(metrics), **spec},
        },
    )


def status(cluster, name="run"):
    return cluster.store.get(ANALYSIS_RUN, "default", name).get("status", {})


def result(cluster, index=0):
    return status(cluster)["metricResults"][index]


def events(cluster):
    return {e["reason"]: (e["type"], e["message"]) for e in cluster.store.objects(EVENT, "default")}


def test_measures_at_its_interval_until_its_count():
    endpoint = Endpoint(1, 1, 1)
    cluster = cluster_with(endpoint)
    create(cluster, prometheus(interval="60s", count=3))
    cluster.simulation.run_for(100)
    assert len(endpoint.asked) == 2
    assert status(cluster)["phase"] == "Running"
    cluster.simulation.run_for(30)
    assert status(cluster)["phase"] == "Successful"
    assert result(cluster)["count"] == 3
    assert result(cluster)["metadata"] == {"ResolvedPrometheusQuery": "x"}
    assert status(cluster)["completedAt"]
    assert events(cluster)["AnalysisRunSuccessful"] == (
        "Normal",
        "Analysis Completed. Result: Successful",
    )
    assert events(cluster)["MetricSuccessful"] == (
        "Normal",
        "Metric 'm' Completed. Result: Successful",
    )


def test_only_the_last_measurements_are_kept():
    cluster = cluster_with(Endpoint(1))
    create(
        cluster,
        prometheus(interval="1s", count=20),
        prometheus(name="n", interval="1s", count=20),
        measurementRetention=[{"metricName": "n", "limit": 3}],
    )
    cluster.simulation.run_for(40)
    assert status(cluster)["phase"] == "Successful"
    assert [len(r["measurements"]) for r in status(cluster)["metricResults"]] == [10, 3]
    assert [r["count"] for r in status(cluster)["metricResults"]] == [20, 20]


def test_one_bad_metric_ends_the_others():
    cluster = cluster_with(Endpoint(1, 9))
    create(cluster, prometheus(interval="1s"), prometheus(name="n", interval="1s"))
    cluster.simulation.run_for(10)
    assert status(cluster)["phase"] == "Failed"
    assert [r["phase"] for r in status(cluster)["metricResults"]] == ["Successful", "Failed"]
    assert events(cluster)["AnalysisRunFailed"][0] == "Warning"


def test_a_dry_run_ends_nothing():
    cluster = cluster_with(Endpoint(9))
    create(cluster, prometheus(count=1), dryRun=[{"metricName": ".*"}])
    cluster.simulation.run_for(5)
    assert status(cluster)["phase"] == "Successful"
    assert result(cluster)["dryRun"] is True
    assert status(cluster)["dryRunSummary"] == {"count": 1, "failed": 1}


def test_termination():
    cluster = cluster_with(Endpoint(1))
    create(cluster, prometheus(interval="1s"))
    cluster.simulation.run_for(5)
    live = cluster.store.get(ANALYSIS_RUN, "default", "run")
    cluster.store.update(ANALYSIS_RUN, {**live, "spec": {**live["spec"], "terminate": True}})
    cluster.simulation.run_for(5)
    assert (status(cluster)["phase"], status(cluster)["message"]) == (
        "Successful",
        "Run Terminated",
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({"metrics": []}, "Analysis spec invalid: no metrics specified"),
        (
            {"metrics": [prometheus(count=2)]},
            "Analysis spec invalid: metrics[0]: interval must be specified when count > 1",
        ),
        (
            {"metrics": [prometheus()], "dryRun": [{"metricName": "*"}]},
            "Analysis spec invalid: dryRun[0]: Rule didn't match any metric name(s)",
        ),
        (
            {"metrics": [prometheus(successCondition="{{args.x}}")]},
            "Unable to resolve metric arguments: failed to resolve {{args.x}}",
        ),
        (
            {
                "metrics": [prometheus()],
                "args": [{"name": "t", "valueFrom": {"secretKeyRef": {"name": "no", "key": "k"}}}],
            },
            'Unable to resolve metric arguments: secrets "no" not found',
        ),
        ({"metrics": "oops"}, "Analysis spec invalid: no metrics specified"),
        ({"metrics": [prometheus(interval=7, count=10**30)]}, None),
    ],
)
def test_bad_specs_end_in_an_error_and_the_controller_goes_on(spec, message):
    cluster = cluster_with(Endpoint(1))
    cluster.store.create(
        ANALYSIS_RUN, {"metadata": {"name": "bad", "namespace": "default"}, "spec": spec}
    )
    create(cluster, prometheus())
    cluster.simulation.run_for(5)
    assert status(cluster, "bad")["phase"] == "Error"
    assert message is None or status(cluster, "bad")["message"] == message
    assert events(cluster)["AnalysisRunError"]
    assert status(cluster)["phase"] == "Successful"
    assert not cluster.manager.faults


def test_secrets_are_used_and_never_shown():
    endpoint, web = Endpoint(1), Endpoint(Response(200, b'"hunter2"'))
    cluster = cluster_with(endpoint, web)
    cluster.store.create(
        SECRET,
        {
            "metadata": {"name": "s", "namespace": "default"},
            "data": {"token": base64.b64encode(b"hunter2").decode()},
        },
    )
    create(
        cluster,
        {
            "name": "w",
            "successCondition": "asInt('{{args.token}}') == 1",
            "provider": {
                "web": {
                    "url": WEB,
                    "headers": [{"key": "Authorization", "value": "{{args.token}}"}],
                }
            },
        },
        args=[{"name": "token", "valueFrom": {"secretKeyRef": {"name": "s", "key": "token"}}}],
    )
    cluster.simulation.run_for(2)
    assert web.asked[0].headers == (("Authorization", "hunter2"),)
    assert "*****" in result(cluster)["measurements"][0]["message"]
    live = json.dumps(cluster.store.get(ANALYSIS_RUN, "default", "run"))
    assert "hunter2" not in live


def test_a_key_that_a_secret_lacks():
    cluster = cluster_with(Endpoint(1))
    cluster.store.create(SECRET, {"metadata": {"name": "s", "namespace": "default"}, "data": {}})
    reference = {"secretKeyRef": {"name": "s", "key": "k"}}
    create(cluster, prometheus(), args=[{"name": "t", "valueFrom": reference}])
    cluster.simulation.run_for(2)
    assert status(cluster)["message"] == (
        "Unable to resolve metric arguments: key 'k' does not exist in secret 's'"
    )


def test_an_endpoint_that_answers_too_much():
    cluster = cluster_with(Endpoint(Response(200, b"x" * (MAX_BODY + 1))))
    create(cluster, prometheus(consecutiveErrorLimit=0))
    cluster.simulation.run_for(2)
    assert "larger than" in result(cluster)["message"]
    assert status(cluster)["phase"] == "Error"


def test_addresses_that_are_nobodys():
    cluster = cluster_with(Endpoint(1))
    web = {
        "name": "w",
        "consecutiveErrorLimit": 0,
        "provider": {"web": {"url": "http://example.com/x"}},
    }
    create(cluster, web)
    cluster.simulation.run_for(2)
    assert result(cluster)["message"].startswith(
        'Get "http://example.com/x": dial tcp: lookup example.com: no such host'
    )


@pytest.mark.parametrize("provider", [{"datadog": {"query": "x"}}, {"plugin": {"own/plugin": {}}}])
def test_unspoken_providers_say_so(provider):
    cluster = cluster_with(Endpoint(1))
    create(cluster, {"name": "m", "consecutiveErrorLimit": 0, "provider": provider})
    cluster.simulation.run_for(2)
    assert "the sandbox does not speak the metric provider" in result(cluster)["message"]
    assert next(iter(provider)) in result(cluster)["message"]


def job(**annotations):
    pod = {
        "metadata": {"annotations": annotations},
        "spec": {"containers": [{"name": "a", "image": "b"}]},
    }
    return {
        "name": "j",
        "provider": {"job": {"metadata": {"labels": {"l": "v"}}, "spec": {"template": pod}}},
    }


@pytest.mark.parametrize(
    ("annotations", "phase"), [({}, "Successful"), ({"test/job": "fail"}, "Failed")]
)
def test_jobs(annotations, phase):
    cluster = cluster_with(Endpoint(1))
    create(cluster, job(**annotations))
    cluster.simulation.run_for(0.5)
    assert status(cluster)["phase"] == "Running"
    made = cluster.store.objects(JOB, "default")[0]
    run = cluster.store.get(ANALYSIS_RUN, "default", "run")
    assert made["metadata"]["name"] == f"{run['metadata']['uid']}.j.1"
    assert made["metadata"]["labels"] == {
        "l": "v",
        "analysisrun.argoproj.io/uid": run["metadata"]["uid"],
    }
    assert made["metadata"]["annotations"] == {
        "analysisrun.argoproj.io/name": "run",
        "analysisrun.argoproj.io/metric-name": "j",
    }
    cluster.simulation.run_for(5)
    assert status(cluster)["phase"] == phase


def test_a_job_whose_image_does_not_come_is_inconclusive():
    cluster = cluster_with(Endpoint(1), profile="realistic")
    metric = job()
    pod = metric["provider"]["job"]["spec"]["template"]["spec"]
    pod["containers"][0]["image"] = "does-not-exist:v1"
    create(cluster, metric)
    cluster.simulation.run_for(30)
    assert status(cluster)["phase"] == "Inconclusive"


def test_a_job_is_deleted_when_the_run_is_terminated():
    cluster = cluster_with(Endpoint(1))
    create(cluster, job())
    cluster.simulation.run_for(0.5)
    live = cluster.store.get(ANALYSIS_RUN, "default", "run")
    cluster.store.update(ANALYSIS_RUN, {**live, "spec": {**live["spec"], "terminate": True}})
    cluster.simulation.run_for(0.3)
    assert status(cluster)["phase"] == "Inconclusive"
    assert result(cluster)["measurements"][0]["phase"] == "Inconclusive"
    assert cluster.store.objects(JOB, "default") == []


def test_finished_runs_are_deleted_after_their_time():
    cluster = cluster_with(Endpoint(1))
    create(cluster, prometheus(), ttlStrategy={"secondsAfterSuccess": 30})
    cluster.simulation.run_for(20)
    assert status(cluster)["phase"] == "Successful"
    cluster.simulation.run_for(20)
    assert cluster.store.find(ANALYSIS_RUN, "default", "run") is None


def test_a_controller_that_is_started_anew_goes_on():
    endpoint = Endpoint(1)
    cluster = cluster_with(endpoint)
    create(cluster, prometheus(interval="10s", count=6))
    for _ in range(10):
        cluster.simulation.run_for(7)
        cluster.restart("analysisruns", make(cluster))
    assert status(cluster)["phase"] == "Successful"
    assert len(endpoint.asked) == 6


def test_a_run_is_the_same_run_for_the_same_seed():
    def play():
        cluster = cluster_with(Endpoint(1, 9, 1))
        create(cluster, prometheus(interval="3s", count=5, failureLimit=2), job())
        cluster.simulation.run_for(60)
        return json.dumps(cluster.store.get(ANALYSIS_RUN, "default", "run"))

    assert play() == play()


def test_conditions_that_never_end_are_errors():
    cluster = cluster_with(Endpoint([1] * 3000))
    slow = prometheus(successCondition="all(result, all(result, # > 0))", consecutiveErrorLimit=0)
    create(cluster, slow)
    cluster.simulation.run_for(2)
    assert "steps" in result(cluster)["message"]
