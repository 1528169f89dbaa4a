"""Which addresses in manifests are the sandbox's own, and who answers them.

| address | answered by |
|---|---|
| `prometheus.<ns>`, `prometheus-<any>.<ns>`, also with `.svc[.cluster.local]` and any port | the metric endpoint |
| `test-runner.<ns>` `POST /api/v1/smoke-test` | the smoke tests of the article |
| `kubernetes.default[.svc…]` `/version`, `/healthz`, `/readyz`, `/livez` | the API server's |
| `<service>.<namespace>[.svc…]` of a Service that exists | a version behind it: 200, or 503 when it is unwell |

Everything else is not the sandbox's: loopback addresses are really called, other names do not
exist here. Separate because manifests name services that nobody runs.
"""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Callable
from typing import Any

from opsconsole.model.kinds import SERVICE
from opsconsole.sandbox.analysis.transport import Endpoint, TextEndpoint
from opsconsole.sandbox.metrics.api import Api
from opsconsole.sandbox.metrics.traffic import TrafficModel
from opsconsole.sandbox.metrics.versions import Quality, Version

Answer = tuple[int, str]

KUBERNETES = {"major": "1", "minor": "35", "gitVersion": "v1.35.0", "platform": "linux/amd64"}

UNWELL_ERRORS, UNWELL_P99 = 0.10, 1000.0
"""From which error ratio and p99 (ms) on a version fails its smoke tests."""


class Services:
    """A `transport.Resolver`: URL → who answers it in-process, or None."""

    def __init__(self, traffic: TrafficModel, metrics: Api) -> None:
        self.traffic = traffic
        self.metrics = metrics
        self.extra: dict[str, Callable[[str, str, str], Answer]] = {}
        """Further hosts (`name.namespace`) that a world or a scenario adds."""

    def __call__(self, url: str) -> Endpoint | None:
        try:
            host = urllib.parse.urlsplit(url).hostname or ""
        except ValueError:
            return None
        name, namespace = _parts(host)
        if not namespace:
            return None
        own = self.extra.get(f"{name}.{namespace}")
        if own is not None:
            return TextEndpoint(own)
        if name == "prometheus" or name.startswith("prometheus-"):
            return TextEndpoint(self.metrics.call)
        if name == "test-runner":
            return TextEndpoint(self._test_runner)
        if (name, namespace) == ("kubernetes", "default"):
            return TextEndpoint(_kubernetes)
        if self.traffic.store.find(SERVICE, namespace, name) is not None:
            return TextEndpoint(lambda *_: self._service(name, namespace))
        return None

    def _verdict(self, service: str, namespace: str = "") -> tuple[str, list[Version]]:
        """`pass` or `fail` of what is behind a service now; `none` when nothing is."""
        now = self.traffic.simulation.elapsed
        found = list(self.traffic.behind_now(service, namespace))
        if not found:
            return "none", []
        versions = []
        for member in found:
            flow = member.served.flow
            versions.append(flow.version)
            if flow.version.smoke == "fail" or (
                flow.version.smoke != "pass" and unwell(flow.version.at(now - flow.since))
            ):
                return "fail", [flow.version]
        return "pass", versions

    def _service(self, name: str, namespace: str) -> Answer:
        verdict, versions = self._verdict(name, namespace)
        if verdict == "none":
            return 503, json.dumps({"status": "fail", "message": "no endpoints available"})
        body = {"status": verdict, "service": name, "version": versions[0].name}
        return (200 if verdict == "pass" else 503), json.dumps(body)

    def _test_runner(self, method: str, target: str, body: str) -> Answer:
        if urllib.parse.urlsplit(target).path != "/api/v1/smoke-test":
            return 404, json.dumps({"error": "not found"})
        if method != "POST":
            return 405, json.dumps({"error": "method not allowed"})
        try:
            asked: Any = json.loads(body)
        except ValueError:
            return 400, json.dumps({"error": "the body is not JSON"})
        if not isinstance(asked, dict) or not isinstance(asked.get("service"), str):
            return 400, json.dumps({"error": 'the body has no "service"'})
        service = asked["service"].partition(".")[0]
        verdict, _ = self._verdict(service)
        status = "pass" if verdict == "pass" else "fail"
        tests = asked.get("tests")
        result: dict[str, Any] = {
            "status": status,
            "service": asked["service"],
            "tests": [
                {"name": str(test)[:100], "status": status}
                for test in (tests if isinstance(tests, list) else [])[:100]
            ],
        }
        if verdict == "none":
            result["message"] = f"no ready pods behind {service[:100]}"
        return 200, json.dumps({"result": result})


def unwell(quality: Quality) -> bool:
    return quality.errors > UNWELL_ERRORS or quality.p99 > UNWELL_P99


def _kubernetes(method: str, target: str, body: str) -> Answer:  # noqa: ARG001
    path = urllib.parse.urlsplit(target).path
    if path == "/version":
        return 200, json.dumps(KUBERNETES)
    return (200, "ok") if path in ("/healthz", "/readyz", "/livez") else (404, "not found")


def _parts(host: str) -> tuple[str, str]:
    """(service, namespace) of an in-cluster name, or ("", "")."""
    labels = host.lower().rstrip(".").split(".")
    for tail in (["svc", "cluster", "local"], ["svc"]):
        if labels[-len(tail) :] == tail:
            labels = labels[: -len(tail)]
            break
    if len(labels) != 2 or not all(labels) or labels[-1].isdigit():
        return "", ""
    return labels[0], labels[1]
