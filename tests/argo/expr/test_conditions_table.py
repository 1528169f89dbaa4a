"""Every row that the real evaluator answered (tests/conformance/tables/conditions.json)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsconsole.argo.analysis.conditions import evaluate_result
from opsconsole.argo.golang.values import Floats, decode_json

TABLE = Path(__file__).parents[2] / "conformance" / "tables" / "conditions.json"
ROWS = json.loads(TABLE.read_text())["rows"]


def measured(row):
    if row["kind"] == "vector":
        return Floats(float(number) for number in row["result"])
    if row["kind"] == "scalar":
        return float(row["result"])
    return decode_json(json.dumps(row["result"]))


@pytest.mark.parametrize("number", range(len(ROWS)))
def test_row(number):
    row = ROWS[number]
    verdict = evaluate_result(measured(row), row)
    assert (verdict.phase, verdict.message) == (row["phase"], row.get("error", ""))
