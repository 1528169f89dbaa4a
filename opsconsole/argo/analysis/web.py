"""What the web provider asks and what it makes of the answer.

Rules: `metricproviders/webmetric/webmetric.go`. Separate from the sandbox's transport, so that
a recorded answer and a real one are read the same way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo import jsonpath
from opsconsole.argo.analysis.conditions import evaluate_result
from opsconsole.argo.analysis.phases import ERROR
from opsconsole.argo.golang.encjson import encode
from opsconsole.argo.golang.values import decode_json
from opsconsole.errors import RuleError
from opsconsole.model.objects import flag, mapping, mappings, number, text

DEFAULT_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True)
class Outcome:
    """A measurement's verdict: `value` as it is shown, `message` where there is an error."""

    phase: str
    value: str = ""
    message: str = ""


@dataclass(frozen=True, slots=True)
class WebRequest:
    """`timeout` in seconds; `insecure` skips the check of the server's certificate."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = DEFAULT_TIMEOUT
    insecure: bool = False
    path: str = field(default="{$}")
    """JSONPath of the value in the answer."""


def web_request(metric: Mapping[str, Any]) -> WebRequest:
    """The request of a metric's `provider.web`. RuleError for one that cannot be made."""
    web = mapping(metric, "provider", "web")
    path = text(web, "jsonPath") or "{$}"
    jsonpath.parse(path)
    method = text(web, "method") or "GET"
    plain, structured = text(web, "body"), web.get("jsonBody")
    if plain and structured is not None:
        raise RuleError("use either Body or JSONBody; both cannot exists for WebMetric payload")
    if (plain or structured is not None) and method == "GET":
        raise RuleError("Body/JSONBody can only be used with POST or PUT WebMetric Method types")
    headers = [(text(header, "key"), text(header, "value")) for header in mappings(web, "headers")]
    body = plain.encode() if plain else None
    if structured is not None:
        body = encode(structured, html=False).encode()
        headers = [pair for pair in headers if pair[0].lower() != "content-type"]
        headers.append(("Content-Type", "application/json"))
    seconds = number(web, "timeoutSeconds")
    return WebRequest(
        method,
        text(web, "url"),
        tuple(headers),
        body,
        float(seconds) if seconds > 0 else DEFAULT_TIMEOUT,
        flag(web, "insecure"),
        path,
    )


def read_response(metric: Mapping[str, Any], path: str, status: int, body: str) -> Outcome:
    """The verdict on an answer. A body that is no JSON is measured as a string."""
    if not 200 <= status < 300:
        return Outcome(ERROR, "", f"received non 2xx response code: {status}")
    try:
        data = decode_json(body)
    except RuleError:
        return _judged(metric, body, body)
    try:
        found = jsonpath.find(path, data)
    except RuleError as wrong:
        return Outcome(ERROR, "", f"Could not find JSONPath in body: {wrong.message}")
    for part in found:
        for value in part:
            return _judged(metric, value, encode(value))
    return Outcome(ERROR, "", "result of web metric produced no value")


def _judged(metric: Mapping[str, Any], result: Any, shown: str) -> Outcome:
    verdict = evaluate_result(result, metric)
    if verdict.phase == ERROR:
        return Outcome(ERROR, "", verdict.message)
    return Outcome(verdict.phase, shown)
