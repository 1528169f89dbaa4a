"""What the Prometheus provider asks and what it makes of the answer.

Rules: `metricproviders/prometheus/prometheus.go`, and the texts of Prometheus' Go client.
"""

from __future__ import annotations

import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.argo.analysis.conditions import evaluate_result, evaluate_time
from opsconsole.argo.analysis.phases import ERROR
from opsconsole.argo.analysis.web import Outcome
from opsconsole.argo.golang.strconv import format_float, parse_float
from opsconsole.argo.golang.values import Floats, decode_json
from opsconsole.errors import RuleError
from opsconsole.model.objects import flag, mapping, mappings, text
from opsconsole.model.times import parse_duration

DEFAULT_TIMEOUT = 30.0


@dataclass(frozen=True, slots=True)
class Query:
    """A request to a Prometheus: POST of `form` to `url`. `timeout` in seconds."""

    url: str
    form: tuple[tuple[str, str], ...]
    headers: tuple[tuple[str, str], ...]
    timeout: float
    insecure: bool

    @property
    def body(self) -> bytes:
        return urllib.parse.urlencode(self.form).encode()


def query_of(metric: Mapping[str, Any], now: Callable[[], datetime]) -> Query:
    """The request of a metric's `provider.prometheus`. RuleError for one that cannot be made."""
    spec = mapping(metric, "provider", "prometheus")
    address = text(spec, "address")
    if not address:
        raise RuleError("prometheus address is not configured")
    parts = _split(address)
    if parts is None or not parts.scheme or not parts.netloc:
        raise RuleError("prometheus address is not is url format")
    timeout = spec.get("timeout")
    if isinstance(timeout, int | float) and timeout < 0:
        raise RuleError("prometheus timeout should not be negative")
    headers = [(text(header, "key"), text(header, "value")) for header in mappings(spec, "headers")]
    headers.append(("Content-Type", "application/x-www-form-urlencoded"))
    form, path = _form(spec, now)
    return Query(
        address.rstrip("/") + path,
        form,
        tuple(headers),
        float(timeout) if isinstance(timeout, int | float) and timeout > 0 else DEFAULT_TIMEOUT,
        flag(spec, "insecure"),
    )


def _form(
    spec: Mapping[str, Any], now: Callable[[], datetime]
) -> tuple[tuple[tuple[str, str], ...], str]:
    query = ("query", text(spec, "query"))
    ranged = mapping(spec, "rangeQuery")
    if not ranged:
        return (query, ("time", _stamp(now()))), "/api/v1/query"
    times = []
    for name in ("start", "end"):
        try:
            times.append((name, _stamp(evaluate_time(text(ranged, name), now))))
        except RuleError as wrong:
            raise RuleError(
                f"failed to parse rangeQuery.{name} as time: {wrong.message}"
            ) from wrong
    try:
        step = parse_duration(text(ranged, "step"))
    except RuleError as wrong:
        raise RuleError(f"failed to parse rangeQuery.step as duration: {wrong.message}") from wrong
    return (query, *times, ("step", format_float(step, "f"))), "/api/v1/query_range"


def _split(address: str) -> urllib.parse.SplitResult | None:
    try:
        return urllib.parse.urlsplit(address)
    except ValueError:
        return None


def _stamp(moment: datetime) -> str:
    return format_float(moment.timestamp(), "f")


@dataclass(frozen=True, slots=True)
class Answer:
    """An outcome with the warnings that the server gave."""

    outcome: Outcome
    warnings: tuple[str, ...] = ()


def read_answer(metric: Mapping[str, Any], status: int, body: str) -> Answer:
    """The verdict on a response of `/api/v1/query` or `query_range`."""
    fault = ""
    data: Any = None
    if status // 100 != 2 and status not in (400, 422):
        word = {4: "client_error: client error: ", 5: "server_error: server error: "}
        fault = word.get(status // 100, "bad_response: bad response code ") + str(status)
    else:
        try:
            data = decode_json(body)
        except RuleError as wrong:
            fault = f"bad_response: {wrong.message}"
    if not fault and text(data, "status") == "error":
        fault = f"{text(data, 'errorType')}: {text(data, 'error')}"
    if not fault and (status // 100 != 2) == (text(data, "status") == "success"):
        fault = "bad_response: inconsistent body for response code"
    if fault:
        return Answer(Outcome(ERROR, "", fault))
    warnings = data.get("warnings") if isinstance(data, Mapping) else None
    shown = tuple(str(w) for w in warnings) if isinstance(warnings, list) else ()
    return Answer(_verdict(metric, mapping(data, "data")), shown)


def _verdict(metric: Mapping[str, Any], data: Mapping[str, Any]) -> Outcome:
    kind, result = text(data, "resultType"), data.get("result")
    if kind not in ("scalar", "vector", "matrix"):
        return Outcome(ERROR, "", "Prometheus metric type not supported")
    try:
        if kind == "scalar":
            number = _sample(result)
            return _judged(metric, number, format_float(number, "f"))
        samples = [_samples(series, kind) for series in mappings(data, "result")]
        numbers = Floats(number for series in samples for number in series)
    except RuleError as wrong:
        return Outcome(ERROR, "", wrong.message)
    return _judged(metric, numbers, show_numbers(numbers))


def show_numbers(numbers: Sequence[float]) -> str:
    """A measured list as it is stored: "[1,0.5,NaN]"."""
    return "[" + ",".join(format_float(number, "f") for number in numbers) + "]"


def _samples(series: Mapping[str, Any], kind: str) -> list[float]:
    if kind == "vector":
        return [_sample(series.get("value"))]
    values = series.get("values")
    return [_sample(value) for value in values] if isinstance(values, list) else []


def _sample(pair: Any) -> float:
    """The number of [time, "value"]."""
    if not isinstance(pair, list) or len(pair) != 2 or not isinstance(pair[1], str):
        raise RuleError("bad_response: sample value must be a quoted string")
    return parse_float(pair[1])


def _judged(metric: Mapping[str, Any], result: Any, shown: str) -> Outcome:
    verdict = evaluate_result(result, metric)
    if verdict.phase == ERROR:
        return Outcome(ERROR, "", verdict.message)
    return Outcome(verdict.phase, shown)
