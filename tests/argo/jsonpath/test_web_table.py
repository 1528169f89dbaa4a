"""Every row of the web provider's table (tests/conformance/tables/webmetric.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsconsole.argo.analysis.web import read_response, web_request
from opsconsole.errors import RuleError

TABLE = Path(__file__).parents[2] / "conformance" / "tables" / "webmetric.json"
ROWS = json.loads(TABLE.read_text())["rows"]


def metric(row):
    return {
        "name": "m",
        "successCondition": row.get("successCondition", ""),
        "failureCondition": row.get("failureCondition", ""),
        "provider": {"web": {"url": "http://metrics.test", "jsonPath": row["jsonPath"]}},
    }


def orders(body):
    """The body with its objects' keys rotated: Go visits maps in any order."""
    try:
        data = json.loads(body)
        members = list(data["result"].items())
    except (ValueError, KeyError, TypeError, AttributeError):
        return [body]
    return [
        json.dumps({**data, "result": dict(members[at:] + members[:at])})
        for at in range(len(members))
    ]


def outcome(row, body):
    spec = metric(row)
    found = read_response(spec, web_request(spec).path, row.get("code", 200), body)
    return found.phase, found.value, found.message


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_row(number):
    row = ROWS[number]
    if "error" in row:
        with pytest.raises(RuleError) as caught:
            web_request(metric(row))
        assert caught.value.message == row["error"]
        return
    wanted = (row["phase"], row.get("value", ""), row.get("message", ""))
    if "*}" in row["jsonPath"] and "[*" not in row["jsonPath"]:
        assert wanted in [outcome(row, body) for body in orders(row["body"])]
    else:
        assert outcome(row, row["body"]) == wanted
