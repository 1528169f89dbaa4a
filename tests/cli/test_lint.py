"""`opsconsole lint`: exit codes, outputs, trees, and the article as written."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from opsconsole.cli.dispatch import run
from opsconsole.cli.linting import lint_path
from tests.peers import missing

ARTICLE = Path(__file__).parents[3] / "shared" / "article"
BASE = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: {canary: {steps: [{setWeight: 20}]}}
"""
PATCH = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web}
spec: {strategy: {blueGreen: {activeService: a}}}
"""


def test_two_strategies_after_a_patch(tmp_path: Path) -> None:
    for path, text in {
        "base/kustomization.yaml": "resources: [rollout.yaml]",
        "base/rollout.yaml": BASE,
        "prod/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]",
        "prod/p.yaml": PATCH,
    }.items():
        (tmp_path / path).parent.mkdir(exist_ok=True)
        (tmp_path / path).write_text(text, "utf-8")
    found = lint_path(tmp_path)
    assert {(f.rule, f.file) for f in found} >= {("rollout-invalid", "prod/kustomization.yaml")}
    assert not [f for f in found if f.file.startswith("base")]


def test_exit_codes_and_outputs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bad = tmp_path / "bad.yaml"
    bad.write_text("a: [1", "utf-8")
    good = tmp_path / "good.yaml"
    good.write_text(BASE, "utf-8")
    assert run(["lint", "-f", str(good)]) == 0
    assert run(["lint"]) == 2
    assert run(["lint", str(tmp_path / "none")]) == 2
    capsys.readouterr()
    assert run(["lint", str(tmp_path), "-o", "json"]) == 1
    assert json.loads(capsys.readouterr().out)[0]["rule"] == "unreadable"
    assert run(["lint", str(tmp_path), "-o", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    assert log["runs"][0]["results"][0]["ruleId"] == "unreadable"


def test_the_article_as_written() -> None:
    if not ARTICLE.is_dir():
        missing("the article is not here")
    told = "\n".join(f.message for f in lint_path(ARTICLE))
    for words in (
        "Canary DestinationRule subset 'canary' not found in route",
        "AnalysisTemplate 'success-rate' not found",
        "AnalysisTemplate 'comprehensive-check' not found",
        'service "my-app-stable" not found',
        "args.service-name was not resolved",
        "an empty result is an Error",
        "on-sync-failed does not ask",
    ):
        assert words in told
