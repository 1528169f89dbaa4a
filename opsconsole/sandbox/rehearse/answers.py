"""Answers of metric endpoints in a scenario: Prometheus queries and web calls.

    {part of a query or path: answer}

An answer is a number or a list (vector samples), `fail` (HTTP 500), `{code, body}` (that
response), `{seq: [...]}` (one answer a request, the last repeats), or any other value, which
is the JSON body of a web call. What no part matches is an empty vector.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qs, unquote

from opsconsole.sandbox.analysis.transport import TextEndpoint, serving

ADDRESS = "http://metrics.rehearsal.local"
"""What the symbolic address `METRICS` of a scenario stands for."""

_SYMBOL = "METRICS"


class Answers:
    """The endpoint of one scenario. `requests` are (path, method, body or query), in order."""

    def __init__(self, answers: Mapping[str, Any]) -> None:
        self._answers: dict[str, Any] = dict(answers)
        self._asked: dict[str, int] = {}
        self.requests: list[tuple[str, str, str]] = []

    def services(self) -> dict[str, Any]:
        """What the cluster is given so that its providers ask here."""
        return {"resolvers": [serving(ADDRESS, TextEndpoint(self.respond))]}

    def update(self, answers: Mapping[str, Any]) -> None:
        """Change some answers; sequences begin anew."""
        for part, answer in answers.items():
            self._answers[part] = answer
            self._asked.pop(part, None)

    def placed(self, value: Any) -> Any:
        """Manifests with the symbolic address written out."""
        if isinstance(value, str):
            return value.replace(_SYMBOL, ADDRESS)
        if isinstance(value, Mapping):
            return {key: self.placed(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self.placed(item) for item in value]
        return value

    def respond(self, method: str, target: str, body: str) -> tuple[int, str]:
        """(HTTP status, body) for one request; `target` is the path with its query string."""
        path, _, query = target.partition("?")
        self.requests.append((path, method, body or query))
        if path.endswith(("/api/v1/query", "/api/v1/query_range")):
            fields = parse_qs(body or query)
            asked = unquote(fields.get("query", [""])[0])
            status, answer = self._answer(asked, ranged=path.endswith("_range"))
            return status, answer
        return self._web(path)

    def _find(self, asked: str) -> Any:
        for part, answer in self._answers.items():
            if part in asked:
                if isinstance(answer, Mapping) and isinstance(answer.get("seq"), list):
                    index = self._asked.get(part, 0)
                    self._asked[part] = index + 1
                    sequence = answer["seq"]
                    return sequence[min(index, len(sequence) - 1)] if sequence else None
                return answer
        return None

    def _answer(self, asked: str, *, ranged: bool) -> tuple[int, str]:
        answer = self._find(asked)
        if answer == "fail":
            return 500, "internal server error"
        if isinstance(answer, Mapping) and "code" in answer:
            return _literal(answer)
        values = answer if isinstance(answer, list) else [] if answer is None else [answer]
        field, kind = ("values", "matrix") if ranged else ("value", "vector")
        samples = []
        for index, value in enumerate(values):
            sample: list[Any] = [0, str(value)]
            samples.append({"metric": {"n": str(index)}, field: [sample] if ranged else sample})
        data = {"resultType": kind, "result": samples}
        return 200, json.dumps({"status": "success", "data": data})

    def _web(self, path: str) -> tuple[int, str]:
        answer = self._find(path)
        if answer == "fail":
            return 500, "internal server error"
        if answer is None:
            return 404, "not found"
        if isinstance(answer, Mapping) and "code" in answer:
            return _literal(answer)
        return 200, json.dumps(answer)


def _literal(answer: Mapping[str, Any]) -> tuple[int, str]:
    body = answer.get("body", "")
    return int(answer["code"]), body if isinstance(body, str) else json.dumps(body)
