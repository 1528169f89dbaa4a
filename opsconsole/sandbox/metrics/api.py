"""Prometheus' HTTP API over `Samples`: the answers' shapes and errors, without a server.

`Api.call(method, target, body)` is used in-process by analyses and by `application` over real
HTTP. Source: web/api/v1/api.go. Separate from the evaluator, which knows no JSON.
"""

from __future__ import annotations

import json
import re
import urllib.parse
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from opsconsole.errors import MetricsError
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.metrics.numbers import printed
from opsconsole.sandbox.metrics.samples import Labels, Samples

if TYPE_CHECKING:
    from aiohttp import web

VERSION = "3.5.0"
"""The release whose rules are followed."""

Parameters = Mapping[str, Sequence[str]]
Answer = tuple[int, str]

_BUILD = {
    "version": VERSION, "revision": "sandbox", "branch": "sandbox", "buildUser": "", "buildDate": "",
    "goVersion": "",
}  # fmt: skip


class Api:
    """`now()` is the Unix second of the virtual clock; `metadata` name → (type, help)."""

    def __init__(
        self,
        samples: Samples,
        now: Callable[[], float],
        metadata: Mapping[str, tuple[str, str]] | None = None,
    ) -> None:
        self.samples = samples
        self.now = now
        self.metadata = metadata or {}

    def call(self, method: str, target: str, body: str = "") -> Answer:
        """(status, JSON text). Parameters come from the query and, for POST, from a form body."""
        parts = urllib.parse.urlsplit(target)
        parameters = urllib.parse.parse_qs(parts.query, keep_blank_values=True)
        if method == "POST":
            for name, values in urllib.parse.parse_qs(body, keep_blank_values=True).items():
                parameters.setdefault(name, []).extend(values)
        try:
            return self._route(parts.path.rstrip("/"), parameters)
        except MetricsError as refused:
            kind = getattr(refused, "kind", "bad_data")
            return _error(422 if kind == "execution" else 400, kind, refused.message)

    def _route(self, path: str, parameters: Parameters) -> Answer:
        if path in ("/-/ready", "/-/healthy"):
            return 200, "Prometheus Server is Ready.\n"
        known: dict[str, Callable[[Parameters], Any]] = {
            "query": self._query,
            "query_range": self._query_range,
            "labels": self._labels,
            "series": self._series,
            "metadata": self._metadata,
            "status/buildinfo": lambda _: _BUILD,
            "rules": lambda _: {"groups": []},
            "alerts": lambda _: {"alerts": []},
            "targets": lambda _: {"activeTargets": [], "droppedTargets": []},
        }
        name = path.removeprefix("/api/v1/")
        values = re.fullmatch(r"label/([^/]+)/values", name)
        if path.startswith("/api/v1/") and values:
            return _success(self._label_values(urllib.parse.unquote(values[1]), parameters))
        if not path.startswith("/api/v1/") or name not in known:
            return 404, "404 page not found\n"
        return _success(known[name](parameters))

    def _query(self, parameters: Parameters) -> Any:
        from opsconsole.sandbox.metrics import evaluator

        at = self._time(parameters, "time", self.now())
        expression = evaluator.parse(_one(parameters, "query"))
        if type(expression).__name__ in ("MatrixSelector", "SubqueryExpr"):
            found = evaluator.Evaluator(self.samples).matrix(expression, at)
            return _matrix(sorted(found))
        value = evaluator.instant(_one(parameters, "query"), self.samples, at)
        if isinstance(value, float):
            return {"resultType": "scalar", "result": [_stamp(at), printed(value)]}
        if isinstance(value, str):
            return {"resultType": "string", "result": [_stamp(at), value]}
        return {
            "resultType": "vector",
            "result": [
                {"metric": dict(labels), "value": [_stamp(at), printed(number)]}
                for labels, number in value
            ],
        }

    def _query_range(self, parameters: Parameters) -> Any:
        from opsconsole.sandbox.metrics import evaluator

        start, end = self._time(parameters, "start", None), self._time(parameters, "end", None)
        step = _seconds(_one(parameters, "step"), "step")
        found = evaluator.over_range(_one(parameters, "query"), self.samples, start, end, step)
        return _matrix(found)

    def _selected(self, parameters: Parameters) -> list[Labels]:
        from opsconsole.sandbox.metrics import evaluator

        end = self._time(parameters, "end", self.now())
        start = self._time(parameters, "start", end - 7200.0)
        asked = parameters.get("match[]") or ['{__name__!=""}']
        found: dict[Labels, None] = {}
        for selector in asked:
            for matchers in evaluator.selectors(evaluator.parse(selector)):
                found.update(dict.fromkeys(self.samples.series(matchers, start, end)))
        return sorted(found)

    def _series(self, parameters: Parameters) -> Any:
        if not parameters.get("match[]"):
            raise MetricsError("no match[] parameter provided")
        return [dict(labels) for labels in self._selected(parameters)]

    def _labels(self, parameters: Parameters) -> Any:
        return sorted({name for labels in self._selected(parameters) for name, _ in labels})

    def _label_values(self, name: str, parameters: Parameters) -> Any:
        if not re.fullmatch(r"[a-zA-Z_]\w*", name):
            raise MetricsError(f'invalid label name: "{name[:60]}"')
        found = {dict(labels).get(name, "") for labels in self._selected(parameters)}
        return sorted(value for value in found if value)

    def _metadata(self, parameters: Parameters) -> Any:
        only = parameters.get("metric", [""])[0]
        return {
            name: [{"type": kind, "help": words, "unit": ""}]
            for name, (kind, words) in self.metadata.items()
            if only in ("", name)
        }

    def _time(self, parameters: Parameters, name: str, default: float | None) -> float:
        text = parameters.get(name, [""])[0]
        if not text:
            if default is None:
                raise MetricsError(
                    f'invalid parameter "{name}": cannot parse "" to a valid timestamp'
                )
            return default
        moment = parse_instant(text)
        if moment is not None:
            return moment.timestamp()
        try:
            found = float(text)
        except ValueError:
            found = float("nan")
        if not abs(found) < 1e14:
            raise MetricsError(
                f'invalid parameter "{name}": cannot parse "{text[:60]}" to a valid timestamp'
            )
        return found


def _one(parameters: Parameters, name: str) -> str:
    found = parameters.get(name, [""])
    return found[0]


def _seconds(text: str, name: str) -> float:
    try:
        found = float(text)
    except ValueError:
        import promql_parser as grammar

        try:
            found = grammar.parse_duration(text).total_seconds()
        except ValueError:
            raise MetricsError(
                f'invalid parameter "{name}": cannot parse "{text[:60]}" to a valid duration'
            ) from None
    if not 0 <= found < 1e12:
        raise MetricsError(
            f'invalid parameter "{name}": cannot parse "{text[:60]}" to a valid duration'
        )
    return found


def _stamp(at: float) -> float:
    return int(at) if at == int(at) else round(at, 3)


def _matrix(found: Sequence[tuple[Labels, Sequence[tuple[float, float]]]]) -> Any:
    return {
        "resultType": "matrix",
        "result": [
            {"metric": dict(labels), "values": [[_stamp(at), printed(v)] for at, v in points]}
            for labels, points in found
        ],
    }


def _success(data: Any) -> Answer:
    return 200, json.dumps({"status": "success", "data": data}, separators=(",", ":"))


def _error(status: int, kind: str, message: str) -> Answer:
    return status, json.dumps({"status": "error", "errorType": kind, "error": message})


Call = Callable[[str, str, str], Answer]


def application(call: Call) -> web.Application:
    """An aiohttp application that answers with `call`, run on the loop that owns the simulation."""
    from aiohttp import web

    async def answer(request: web.Request) -> web.Response:
        body = (await request.text()) if request.method == "POST" else ""
        status, text = call(request.method, request.raw_path, body)
        kind = "application/json" if text.startswith(("{", "[")) else "text/plain"
        return web.Response(status=status, text=text, content_type=kind)

    app = web.Application(client_max_size=1 << 20)
    app.router.add_route("*", "/{path:.*}", answer)
    return app
