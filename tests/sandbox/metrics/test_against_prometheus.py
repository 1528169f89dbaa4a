"""The evaluator against the real Prometheus, on the same samples."""

from __future__ import annotations

import contextlib
import json
import math
import re
import socket
import subprocess
import urllib.error
import urllib.parse
import urllib.request

import pytest

from opsconsole.sandbox.metrics.evaluator import Rules, instant, over_range
from opsconsole.sandbox.metrics.samples import from_openmetrics
from tests.peers import peer

START = 1_767_600_000
"""2026-01-05T08:00:00Z."""

NOW = START + 3600 + 7
STEP = 15


def openmetrics():
    """An hour of two versions of a service, a gauge, a counter that is reset, gaps and NaN."""
    families = {
        "http_requests_total": [],
        "latency_ms_bucket": [],
        "temperature": [],
        "resets_total": [],
        "sparse": [],
    }
    for index in range(241):
        at = START + index * STEP
        for pod, version, rate, bad in (
            ("a-1", "v1", 40, 0.01),
            ("a-2", "v1", 41, 0.01),
            ("b-1", "v2", 9, 0.13),
        ):
            total = rate * index * STEP
            labels = f'service="web",pod="{pod}",version="{version}"'
            families["http_requests_total"] += [
                (f'{labels},status="200"', int(total * (1 - bad)), at), (f'{labels},status="500"', int(total * bad), at),
            ]  # fmt: skip
            for bound, share in (
                ("10", 0.1),
                ("50", 0.5),
                ("100", 0.8),
                ("500", 0.97),
                ("1000", 0.99),
                ("+Inf", 1),
            ):
                slow = share * (0.6 if version == "v2" and bound != "+Inf" else 1)
                families["latency_ms_bucket"].append(
                    (f'{labels},le="{bound}"', int(total * slow), at)
                )
        families["temperature"].append(('room="a"', round(20 + 5 * math.sin(index / 10), 3), at))
        families["temperature"].append(('room="b"', -3.5 + index / 100, at))
        families["resets_total"].append(('job="x"', (index % 50) * 3, at))
        if index % 30 < 5:
            families["sparse"].append(('k="v"', index, at))
    lines = []
    for name, samples in families.items():
        kind = "counter" if name.endswith("_total") else "unknown"
        lines.append(f"# TYPE {name.removesuffix('_total')} {kind}")
        grouped = sorted(samples, key=lambda s: s[0])
        lines += [f"{name}{{{labels}}} {value} {at}" for labels, value, at in grouped]
    return "\n".join([*lines, "# EOF"]) + "\n"


ERRORS = 'sum(rate(http_requests_total{service="web",status=~"5.."}[5m]))'
ALL = 'sum(rate(http_requests_total{service="web"}[5m]))'

QUERIES = [
    f"{ERRORS} / {ALL}",
    'histogram_quantile(0.99, sum(rate(latency_ms_bucket{service="web"}[5m])) by (le))',
    "histogram_quantile(0.5, sum by (le, version) (rate(latency_ms_bucket[2m])))",
    "histogram_quantile(0.95, latency_ms_bucket)",
    "histogram_quantile(1.5, latency_ms_bucket)", "histogram_quantile(-1, latency_ms_bucket)",
    "http_requests_total", 'http_requests_total{status!="200"}', 'http_requests_total{pod=~"a-.*",status="500"}',
    'http_requests_total{pod!~"a-.*"}', '{__name__=~"temp.*"}', 'http_requests_total{nothing=""}',
    "http_requests_total offset 7m", "http_requests_total offset -1m", f"temperature @ {START + 600}",
    "temperature @ end()", f"rate(http_requests_total[5m] @ {START + 900} offset 1m)",
    "rate(http_requests_total[5m])", "rate(http_requests_total[37s])", "rate(http_requests_total[10s])",
    "increase(http_requests_total[10m])", "irate(http_requests_total[5m])", "delta(temperature[10m])",
    "idelta(temperature[5m])", "rate(resets_total[15m])", "increase(resets_total[1h])", "irate(resets_total[2m])",
    "resets(resets_total[1h])", "changes(temperature[10m])", "deriv(temperature[10m])",
    "predict_linear(temperature[10m], 3600)", "rate(sparse[20m])", "increase(sparse[30m])", "delta(sparse[13m])",
    "avg_over_time(temperature[10m])", "min_over_time(temperature[10m])", "max_over_time(temperature[10m])",
    "sum_over_time(temperature[10m])", "count_over_time(sparse[1h])", "stddev_over_time(temperature[10m])",
    "stdvar_over_time(temperature[10m])", "quantile_over_time(0.9, temperature[10m])", "last_over_time(sparse[20m])",
    "present_over_time(sparse[20m])", "absent_over_time(sparse[1m])", 'absent(nothing_here{a="b",c=~"d"})',
    "absent(temperature)", "max_over_time(rate(http_requests_total[2m])[10m:30s])", "avg_over_time(temperature[10m:1m])",
    "sum by (version) (http_requests_total)", "sum without (pod, status) (http_requests_total)",
    "avg by (status) (http_requests_total)", "min(http_requests_total)", "max by (pod) (http_requests_total)",
    "count by (version) (http_requests_total)", "group by (version) (http_requests_total)", "stddev(http_requests_total)",
    "stdvar by (version) (http_requests_total)", "topk(2, http_requests_total)", "bottomk by (version) (1, http_requests_total)",
    "quantile(0.75, http_requests_total)", 'count_values("n", count by (version) (http_requests_total))',
    "sum(http_requests_total) by ()",
    "http_requests_total * 2", "2 - temperature", "temperature % 3", "temperature ^ 2", "temperature / 0", "-temperature",
    "temperature > 0", "temperature > bool 0", "0 < temperature", "1 == bool 1", "1 + 2 * 3 ^ 2", "5 % -3", "0 / 0", "1 / 0",
    'http_requests_total{status="500"} / ignoring(status) http_requests_total{status="200"}',
    'http_requests_total{status="500"} / on(pod) http_requests_total{status="200"}',
    "http_requests_total / on(version) group_left sum by (version) (http_requests_total)",
    "sum by (version) (http_requests_total) * on(version) group_right http_requests_total",
    'http_requests_total * on(pod) group_left(le) latency_ms_bucket{le="10"}',
    'http_requests_total{status="500"} and on(pod) http_requests_total{pod="a-1"}',
    'http_requests_total unless http_requests_total{status="200"}', "temperature or resets_total",
    'http_requests_total{status="500"} > on(pod) http_requests_total{status="200"} / 100',
    'http_requests_total{status="500"} >= bool on(pod) http_requests_total{status="200"}',
    "http_requests_total == http_requests_total", "http_requests_total / http_requests_total",
    'scalar(temperature{room="a"})', "scalar(temperature)", "vector(7)", "time()", "timestamp(sparse)",
    "timestamp(temperature * 2)", "abs(temperature)", "ceil(temperature)", "floor(temperature)", "round(temperature)",
    "round(temperature, 0.5)", "exp(temperature)", "ln(temperature)", "log2(temperature)", "log10(temperature)",
    "sqrt(temperature)", "sgn(temperature)", "clamp(temperature, 0, 18)", "clamp_min(temperature, 0)",
    "clamp_max(temperature, 0)", "clamp(temperature, 2, 1)", "sort(temperature)", "sort_desc(http_requests_total)",
    'label_replace(temperature, "floor", "$1st", "room", "(.*)")', 'label_replace(temperature, "room", "", "room", "a")',
    'label_join(http_requests_total, "both", "-", "pod", "status")', "hour()", "day_of_week(vector(1767600000))", "month()",
    "minute(vector(90))", "pi()", "Inf", "-0", "1e3", "sum(sparse) or vector(0)", f"({ERRORS}) / ({ALL}) < 0.05",
    "sum(nothing)", "atan2(1, 2)" if False else "vector(1) atan2 vector(2)",
]  # fmt: skip

REFUSED_BY_BOTH = [
    "rate(temperature)", "sum(", "http_requests_total{", "foo bar", "1 == 1", "temperature[5m]", '{a=""}', "",
    "http_requests_total / on(version) http_requests_total", 'label_replace(temperature, "room", "x", "room", ".*")',
    "nonsense(temperature)", 'x{a=~"["}',
]  # fmt: skip

RANGES = [
    f"{ERRORS} / {ALL}", "temperature", "sum by (version) (rate(http_requests_total[1m]))", "sparse", "time() - 5",
    "resets(resets_total[5m:1m])", "temperature @ start()", "topk(1, temperature)",
]  # fmt: skip


class Real:
    def __init__(self, url, major):
        self.url, self.major = url, major

    def ask(self, path, **parameters):
        data = urllib.parse.urlencode(parameters).encode()
        try:
            with urllib.request.urlopen(f"{self.url}/api/v1/{path}", data, timeout=20) as answer:
                return json.load(answer)["data"]
        except urllib.error.HTTPError as refused:
            refused.read()
            refused.close()
            return None


@pytest.fixture(scope="module")
def real(tmp_path_factory):
    promtool, prometheus = peer("promtool"), peer("prometheus")
    home = tmp_path_factory.mktemp("prometheus")
    (home / "samples.om").write_text(openmetrics(), encoding="utf-8")
    (home / "prometheus.yml").write_text("{}\n", encoding="utf-8")
    subprocess.run(
        [promtool, "tsdb", "create-blocks-from", "openmetrics", home / "samples.om", home / "data"],
        check=True, capture_output=True,
    )  # fmt: skip
    version = subprocess.run([prometheus, "--version"], capture_output=True, text=True, check=True)
    major = int(re.search(r"version (\d+)\.", version.stdout + version.stderr)[1])
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    process = subprocess.Popen(
        [prometheus, f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
         f"--web.listen-address=127.0.0.1:{port}", "--storage.tsdb.retention.time=100y", "--log.level=error"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        wait_for(f"http://127.0.0.1:{port}/-/ready", process)
        yield Real(f"http://127.0.0.1:{port}", major)
    finally:
        process.terminate()
        process.wait(20)


def wait_for(url, process):
    for _ in range(200):
        assert process.poll() is None, "prometheus ended"
        try:
            with urllib.request.urlopen(url, timeout=2):
                return
        except OSError:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.05)
    pytest.fail("prometheus does not answer")


@pytest.fixture(scope="module")
def samples():
    return from_openmetrics(openmetrics())


def same(ours, theirs):
    if math.isnan(theirs):
        return math.isnan(ours)
    return ours == theirs or math.isclose(ours, theirs, rel_tol=1e-9, abs_tol=1e-12)


@pytest.mark.parametrize("query", QUERIES)
def test_instant(real, samples, query):
    answer = real.ask("query", query=query, time=NOW)
    assert answer is not None
    ours = instant(query, samples, NOW, Rules.of_version(real.major))
    if answer["resultType"] == "scalar":
        assert same(ours, float(answer["result"][1]))
        return
    theirs = {tuple(sorted(r["metric"].items())): float(r["value"][1]) for r in answer["result"]}
    assert {p.labels for p in ours} == set(theirs)
    assert all(same(p.value, theirs[p.labels]) for p in ours)
    if query.startswith(("sort", "topk")):
        assert [p.labels for p in ours] == list(theirs)


@pytest.mark.parametrize("query", REFUSED_BY_BOTH)
def test_refused(real, samples, query):
    from opsconsole.errors import MetricsError

    answer = real.ask("query", query=query, time=NOW)
    if answer is not None and answer["resultType"] == "matrix":
        answer = None  # a range vector is an answer of its own there
    assert answer is None
    with pytest.raises(MetricsError):
        instant(query, samples, NOW, Rules.of_version(real.major))


@pytest.mark.parametrize("query", RANGES)
def test_range(real, samples, query):
    start, end, step = START + 1203, START + 2103, 60
    answer = real.ask("query_range", query=query, start=start, end=end, step=step)
    ours = dict(over_range(query, samples, start, end, step, Rules.of_version(real.major)))
    theirs = {
        tuple(sorted(r["metric"].items())): [(t, float(v)) for t, v in r["values"]]
        for r in answer["result"]
    }
    assert set(ours) == set(theirs)
    for labels, points in theirs.items():
        assert [t for t, _ in ours[labels]] == [t for t, _ in points]
        assert all(same(a, b) for (_, a), (_, b) in zip(ours[labels], points, strict=True))
