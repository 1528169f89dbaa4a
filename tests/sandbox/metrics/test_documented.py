"""docs/promql.md and docs/machines.md say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

from opsconsole.sandbox.metrics import functions, operators, versions
from opsconsole.sandbox.metrics.evaluator import Evaluator
from opsconsole.sandbox.workloads import behaviour

DOCS = Path(__file__).parents[3] / "docs"


def words(section, name="promql.md"):
    text = (DOCS / name).read_text(encoding="utf-8")
    part = text.split(f"## {section}\n", 1)[1].split("\n## ", 1)[0]
    return {word for quoted in re.findall(r"`([^`]+)`", part) for word in quoted.split()}


def test_functions_are_listed():
    known = {
        *functions.RATES, *functions.OVER_TIME, *functions.INSTANT, *functions.CALENDAR,
        *(name.removeprefix("_do_") for name in vars(Evaluator) if name.startswith("_do_")),
    }  # fmt: skip
    assert words("Functions") == known


def test_aggregations_and_operators_are_listed():
    assert words("Aggregations") - {"by", "without"} == operators.AGGREGATIONS
    listed = {*operators.ARITHMETIC, *operators.COMPARISONS, *operators.SETS}
    assert listed <= words("Operators")


def test_tables_of_behaviour_are_the_modules_own():
    shown = (DOCS / "machines.md").read_text(encoding="utf-8")
    for module in (behaviour, versions):
        for row in re.findall(r"^\| .* \|$", module.__doc__, re.MULTILINE):
            for word in re.findall(r"`([^`]+)`", row):
                assert word in shown, word
