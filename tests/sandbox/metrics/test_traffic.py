from __future__ import annotations

import json
import math
import urllib.parse

import pytest

from opsconsole.model.kinds import POD, REPLICA_SET, ROLLOUT, SERVICE
from opsconsole.sandbox.metrics.evaluator import instant
from opsconsole.sandbox.metrics.setup import make
from opsconsole.sandbox.metrics.versions import version_of
from opsconsole.sandbox.workloads.profile import RECORDED
from tests.sandbox.workloads.support import Bench

HASH = "rollouts-pod-template-hash"


class Stand:
    """Two ReplicaSets of one Rollout, services for both, and the metric endpoint."""

    def __init__(self, strategy=None, status=None):
        self.bench = Bench(RECORDED)
        self.services = make(self.bench.store)
        self.rollout = self.bench.create(ROLLOUT, "shop", {"strategy": strategy or {"canary": {}}})
        if status:
            self.set_status(status)
        for name, digest in (("shop", ""), ("shop-canary", "h2"), ("shop-stable", "h1")):
            selector = {"app": "shop", **({HASH: digest} if digest else {})}
            self.bench.create(SERVICE, name, {"selector": selector, "ports": [{"port": 80}]})

    def set_status(self, status):
        old = self.bench.get(ROLLOUT, "shop")
        self.bench.store.update(
            ROLLOUT, {**old, "status": json.loads(json.dumps(status))}, subresource="status"
        )

    def version(self, digest, image, replicas, **notes):
        labels = {"app": "shop", HASH: digest}
        meta = {"labels": labels}
        if notes:
            meta["annotations"] = {
                f"sandbox.opsconsole/{k.replace('_', '-')}": v for k, v in notes.items()
            }
        owner = {
            "apiVersion": "argoproj.io/v1alpha1", "kind": "Rollout", "name": "shop",
            "uid": self.rollout["metadata"]["uid"], "controller": True,
        }  # fmt: skip
        self.bench.create(
            REPLICA_SET, f"shop-{digest}",
            {
                "replicas": replicas, "selector": {"matchLabels": labels},
                "template": {"metadata": meta, "spec": {"containers": [{"name": "a", "image": image}]}},
            },
            ownerReferences=[owner],
        )  # fmt: skip

    def ask(self, query):
        samples = self.services.metrics.samples
        found = instant(query, samples, self.bench.simulation.now().timestamp())
        if isinstance(found, float):
            return found
        return {
            dict(p.labels).get("by", "") or dict(p.labels).get("version", ""): p.value
            for p in found
        }

    def get(self, path, method="GET", body="", **parameters):
        target = f"/api/v1/{path}" + (
            "?" + urllib.parse.urlencode(parameters) if parameters else ""
        )
        status, text = self.services.metrics.call(method, target, body)
        return status, json.loads(text)


RATE = "sum by (version) (rate(http_requests_total{service=%r}[5m]))"


def rates(stand, service="shop"):
    return {k: round(v) for k, v in stand.ask(RATE % service).items()}


def test_a_basic_canary_is_split_over_the_ready_pods():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 9)
    stand.version("h2", "org/shop:v2", 1)
    stand.bench.run(600)
    assert rates(stand) == {"v1": 90, "v2": 10}
    assert rates(stand, "shop-canary") == {"v2": 10}
    assert rates(stand, "shop-stable") == {"v1": 90}


def test_pods_that_are_not_ready_get_nothing():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 2)
    stand.bench.run(600)
    stand.bench.store.delete(POD, "default", stand.bench.pods()[0]["metadata"]["name"])
    stand.bench.patch(REPLICA_SET, "shop-h1", replicas=1)
    stand.bench.run(600)
    pods = stand.ask(
        "count by (version) (rate(http_requests_total{service='shop',status='200'}[5m]))"
    )
    assert pods == {"v1": 1}
    assert rates(stand) == {"v1": 100}


def test_weights_decide_where_the_rollout_routes():
    weights = {
        "canary": {"podTemplateHash": "h2", "weight": 25},
        "stable": {"podTemplateHash": "h1", "weight": 75},
    }
    stand = Stand({"canary": {"trafficRouting": {"istio": {}}}}, {"canary": {"weights": weights}})
    stand.version("h1", "org/shop:v1", 9)
    stand.version("h2", "org/shop:v2", 1)
    stand.bench.run(600)
    assert rates(stand) == {"v1": 75, "v2": 25}
    weights["canary"]["weight"], weights["stable"]["weight"] = 60, 40
    stand.set_status({"canary": {"weights": weights}})
    stand.bench.run(600)
    assert rates(stand) == {"v1": 40, "v2": 60}


def test_blue_green_serves_the_active_version():
    stand = Stand(
        {"blueGreen": {}}, {"blueGreen": {"activeSelector": "h1", "previewSelector": "h2"}}
    )
    stand.version("h1", "org/shop:v1", 3)
    stand.version("h2", "org/shop:v2", 3)
    stand.bench.run(600)
    assert rates(stand) == {"v1": 100, "v2": 5}
    stand.set_status({"blueGreen": {"activeSelector": "h2", "previewSelector": "h2"}})
    stand.bench.run(600)
    assert rates(stand) == {"v1": 0, "v2": 100}


def test_a_service_that_switches_its_selector():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 2)
    stand.version("h2", "org/shop:v2", 2)
    stand.bench.run(600)
    old = stand.bench.get(SERVICE, "shop-canary")
    stand.bench.store.update(
        SERVICE, {**old, "spec": {**old["spec"], "selector": {"app": "shop", HASH: "h1"}}}
    )
    stand.bench.run(600)
    assert rates(stand, "shop-canary") == {"v1": 50}


ERRORS = (
    "sum(rate(http_requests_total{service='shop-canary',status=~'5..'}[5m]))"
    " / sum(rate(http_requests_total{service='shop-canary'}[5m]))"
)
P99 = "histogram_quantile(0.99, sum(rate(http_request_duration_milliseconds_bucket{service='shop-canary'}[5m])) by (le))"


@pytest.mark.parametrize(
    ("image", "notes", "errors", "p99"),
    [
        ("org/shop:v2", {}, (0.005, 0.011), (100, 300)),
        ("org/shop:v2-bad", {}, (0.08, 0.16), (500, 2500)),
        ("org/shop:v2-slow", {}, (0.006, 0.014), (1000, 2500)),
        ("org/shop:v2", {"error_ratio": "0.4"}, (0.29, 0.51), (100, 300)),
        ("org/shop:v2", {"latency_p99_ms": "4000"}, (0.005, 0.011), (2500, 5000)),
        ("org/shop:v2", {"error_ratio": "rubbish", "latency_p99_ms": "-4"}, (0.005, 0.011), (100, 300)),
    ],
)  # fmt: skip
def test_the_articles_queries_follow_the_version(image, notes, errors, p99):
    stand = Stand()
    stand.version("h2", image, 2, **notes)
    stand.bench.run(900)
    (ratio,) = stand.ask(ERRORS).values()
    assert errors[0] < ratio < errors[1]
    (latency,) = stand.ask(P99).values()
    assert p99[0] < latency < p99[1]
    (seconds,) = stand.ask(P99.replace("milliseconds", "seconds")).values()
    assert math.isclose(seconds * 1000, latency)


def test_a_version_that_goes_bad_at_minute_twelve():
    stand = Stand()
    stand.version("h2", "org/shop:v2", 2, error_ratio="0.5", latency_p99_ms="5000", bad_after="12m")
    stand.bench.run(11 * 60)
    assert stand.ask(ERRORS)[""] < 0.02
    assert stand.ask(P99)[""] < 500
    stand.bench.run(12 * 60)
    assert stand.ask(ERRORS)[""] > 0.3
    assert stand.ask(P99)[""] > 2000


def test_counters_are_whole_and_never_go_back():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 3)
    seen = {}
    samples = stand.services.metrics.samples
    for _ in range(60):
        stand.bench.run(13)
        now = stand.bench.simulation.now().timestamp()
        for labels, value in instant("{service='shop'}", samples, now):
            if "up" not in dict(labels)["__name__"]:
                assert value >= seen.get(labels, 0)
            if dict(labels)["__name__"].endswith(("_total", "_bucket", "_count")):
                assert value == int(value)
            seen[labels] = value
    assert len(seen) > 90


def test_nothing_behind_a_service_gives_an_empty_vector():
    stand = Stand()
    assert stand.ask(ERRORS) == {}
    assert stand.ask("up{service='nobody'}") == {}


def test_requests_per_second_are_the_newest_versions():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 2, requests_per_second="10")
    stand.bench.run(600)
    assert rates(stand) == {"v1": 10}


def test_http_api():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 1)
    stand.bench.run(600)
    status, body = stand.get("query", query="sum(up{service='shop'})")
    assert (status, body["status"], body["data"]["resultType"]) == (200, "success", "vector")
    assert body["data"]["result"][0]["value"][1] == "1"
    form = urllib.parse.urlencode({"query": "1 + 1"})
    assert stand.get("query", "POST", form)[1]["data"]["result"][1] == "2"
    assert stand.get("query", query="up{service='shop'}[1m]")[1]["data"]["resultType"] == "matrix"
    assert stand.get("labels")[1]["data"][:2] == ["__name__", "app"]
    assert stand.get("label/version/values")[1]["data"] == ["v1"]
    assert stand.get("label/__name__/values")[1]["data"][-1] == "up"
    assert len(stand.get("series", **{"match[]": "up"})[1]["data"]) == 2
    assert stand.get("metadata")[1]["data"]["up"][0]["type"] == "gauge"
    assert stand.get("status/buildinfo")[1]["data"]["version"] == "3.5.0"
    now = stand.bench.simulation.now().timestamp()
    status, body = stand.get("query_range", query="sum(up)", start=now - 60, end=now, step="30s")
    assert [v for _, v in body["data"]["result"][0]["values"]] == ["2", "2", "2"]


@pytest.mark.parametrize(
    ("path", "parameters", "status", "kind", "words"),
    [
        ("query", {"query": "sum("}, 400, "bad_data", "parse error"),
        ("query", {}, 400, "bad_data", "no expression"),
        ("query", {"query": "1", "time": "soon"}, 400, "bad_data", "valid timestamp"),
        ("query", {"query": "holt_winters(up[1m],1,1)"}, 400, "bad_data", "holt_winters"),
        ("query", {"query": "info(up)"}, 422, "execution", "'info'"),
        ("query", {"query": "limitk(1, up)"}, 422, "execution", "'limitk'"),
        ("query", {"query": "(" * 500 + "1" + ")" * 500}, 400, "bad_data", "nests deeper"),
        ("query", {"query": "1" * 30000}, 400, "bad_data", "longer"),
        ("query_range", {"query": "1", "start": "0", "end": "1", "step": "0"}, 400, "bad_data", "step"),
        ("query_range", {"query": "1", "start": "0", "end": "99999999", "step": "1"}, 400, "bad_data", "11,000"),
        ("query_range", {"query": "1", "start": "5", "end": "1", "step": "1"}, 400, "bad_data", "before start"),
        ("series", {}, 400, "bad_data", "no match[]"),
        ("label/a-b/values", {}, 400, "bad_data", "invalid label name"),
    ],
)  # fmt: skip
def test_errors_have_prometheus_own_shape(path, parameters, status, kind, words):
    code, body = Stand().get(path, **parameters)
    assert (code, body["status"], body["errorType"]) == (status, "error", kind)
    assert words in body["error"]


def test_addresses():
    stand = Stand()
    services = stand.services
    known = [
        "http://prometheus.monitoring:9090/api/v1/query", "http://prometheus-server.obs.svc.cluster.local",
        "http://test-runner.ci/api/v1/smoke-test", "https://kubernetes.default.svc/version",
        "http://shop-canary.default.svc.cluster.local/healthz",
    ]  # fmt: skip
    assert all(services(url) is not None for url in known)
    unknown = [
        "http://example.com/x", "http://127.0.0.1:9090", "http://localhost:9090", "http://gone.default.svc",
        "http://[bad", "", "http://prometheus:9090", "http://a.b.c.d.e",
    ]  # fmt: skip
    assert all(services(url) is None for url in unknown)


def smoke(stand, service, method="POST", path="/api/v1/smoke-test"):
    from opsconsole.sandbox.analysis.transport import Request

    url = f"http://test-runner.ci{path}"
    body = json.dumps({"service": service, "tests": ["health", "auth"]}).encode()
    answer = stand.services(url).respond(Request(method, url, body=body))
    return answer.status, json.loads(answer.body)


def test_the_articles_smoke_test():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 1)
    stand.version("h2", "org/shop:v2-bad", 1)
    assert smoke(stand, "shop-stable")[1]["result"]["status"] == "fail"
    stand.bench.run(10)
    status, body = smoke(stand, "shop-stable")
    assert (status, body["result"]["status"]) == (200, "pass")
    assert [t["name"] for t in body["result"]["tests"]] == ["health", "auth"]
    assert smoke(stand, "shop-canary")[1]["result"]["status"] == "fail"
    assert smoke(stand, "nobody")[1]["result"]["message"] == "no ready pods behind nobody"
    assert smoke(stand, "shop", method="GET")[0] == 405
    assert smoke(stand, "shop", path="/other")[0] == 404


def test_smoke_test_by_annotation():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 1, smoke_test="fail")
    stand.version("h2", "org/shop:bad", 1, smoke_test="pass")
    stand.bench.run(10)
    assert smoke(stand, "shop-stable")[1]["result"]["status"] == "fail"
    assert smoke(stand, "shop-canary")[1]["result"]["status"] == "pass"


def test_a_pod_that_has_gone_is_forgotten_in_the_end():
    stand = Stand()
    stand.version("h1", "org/shop:v1", 70)
    stand.bench.run(60)
    stand.bench.patch(REPLICA_SET, "shop-h1", replicas=1)
    stand.bench.run(60)
    model = stand.services.traffic
    assert len(model.members) == 70
    stand.bench.run(3 * 3600)
    assert len(model.members) < 70


def test_version_table():
    def version(image):
        return version_of({"metadata": {}, "spec": {"containers": [{"image": image}]}})

    assert version("reg:5000/x:v1.2-bad").name == "v1.2-bad"
    assert version("reg:5000/x").name == "latest"
    assert version("x:leaky").turns == 600
    assert version("x:badge").quality == version("x:v1").quality
