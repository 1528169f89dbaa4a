"""What the Prometheus and web providers ask, and what they make of the answers."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from opsconsole.argo.analysis import conditions, prometheus, web
from opsconsole.argo.analysis.phases import ERROR, SUCCESSFUL
from opsconsole.errors import RuleError

NOW = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
PROVIDER = {"prometheus": {"address": "http://p", "query": "x"}}


def metric(name="m", **more):
    return {"name": name, "provider": PROVIDER, **more}


def refusal(call, *args, **kwargs):
    with pytest.raises(RuleError) as caught:
        call(*args, **kwargs)
    return caught.value.message


def test_web_requests():
    spec = {
        "provider": {"web": {"url": "http://x", "method": "POST", "jsonBody": {"b": 1, "a": "<"}}}
    }
    asked = web.web_request(spec)
    assert asked.body == b'{"a":"<","b":1}'
    assert asked.headers == (("Content-Type", "application/json"),)
    assert asked.timeout == 10
    both = {"provider": {"web": {"url": "x", "method": "PUT", "body": "a", "jsonBody": {}}}}
    assert refusal(web.web_request, both) == (
        "use either Body or JSONBody; both cannot exists for WebMetric payload"
    )
    get = {"provider": {"web": {"url": "x", "body": "a"}}}
    assert refusal(web.web_request, get) == (
        "Body/JSONBody can only be used with POST or PUT WebMetric Method types"
    )


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        ({}, "prometheus address is not configured"),
        ({"address": "prometheus:9090"}, "prometheus address is not is url format"),
        ({"address": "http://p", "timeout": -1}, "prometheus timeout should not be negative"),
    ],
)
def test_prometheus_addresses(spec, message):
    wrong = refusal(prometheus.query_of, {"provider": {"prometheus": spec}}, lambda: NOW)
    assert wrong == message


def test_prometheus_requests():
    spec = {"provider": {"prometheus": {"address": "http://p/", "query": "up"}}}
    query = prometheus.query_of(spec, lambda: NOW)
    assert (query.url, query.form) == (
        "http://p/api/v1/query",
        (("query", "up"), ("time", str(int(NOW.timestamp())))),
    )
    ranged = {"start": 'now() - duration("1h")', "end": "now()", "step": "1m"}
    spec = {
        "provider": {"prometheus": {"address": "http://p", "query": "up", "rangeQuery": ranged}}
    }
    query = prometheus.query_of(spec, lambda: NOW)
    assert query.url == "http://p/api/v1/query_range"
    assert dict(query.form) == {
        "query": "up",
        "start": str(int(NOW.timestamp()) - 3600),
        "end": str(int(NOW.timestamp())),
        "step": "60",
    }


def answer(body, status=200, **spec):
    found = prometheus.read_answer(metric(**spec), status, body).outcome
    return found.phase, found.value, found.message


def vector(*values, kind="vector"):
    field = "value" if kind == "vector" else "values"
    samples = ",".join(
        f'{{"metric":{{}},"{field}":{f"[1,{v!r}]" if kind == "vector" else f"[[1,{v!r}]]"}}}'
        for v in values
    ).replace("'", '"')
    return f'{{"status":"success","data":{{"resultType":"{kind}","result":[{samples}]}}}}'


def test_prometheus_answers():
    assert answer(vector("1", "NaN", "+Inf")) == (SUCCESSFUL, "[1,NaN,+Inf]", "")
    assert answer(vector("0.5", "2", kind="matrix")) == (SUCCESSFUL, "[0.5,2]", "")
    scalar = '{"status":"success","data":{"resultType":"scalar","result":[1,"4"]}}'
    assert answer(scalar, successCondition="result == 4") == (SUCCESSFUL, "4", "")
    text = '{"status":"success","data":{"resultType":"string","result":[1,"x"]}}'
    assert answer(text) == (ERROR, "", "Prometheus metric type not supported")
    assert answer("oops", 500) == (ERROR, "", "server_error: server error: 500")
    bad = '{"status":"error","errorType":"bad_data","error":"parse error"}'
    assert answer(bad, 400) == (ERROR, "", "bad_data: parse error")
    assert answer("<html>")[2].startswith("bad_response: ")
    warned = vector("1")[:-1] + ',"warnings":["slow"]}'
    assert prometheus.read_answer(metric(), 200, warned).warnings == ("slow",)


def test_times_of_range_queries():
    assert conditions.evaluate_time("now()", lambda: NOW) == NOW
    wrong = refusal(conditions.evaluate_time, "1", lambda: NOW)
    assert wrong == "expected time.Time, but got int"
