"""Every rule finds what it is for, and leaves the corrected text alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.argo.lint import RULES, UNREADABLE, check
from opsconsole.argo.lint.findings import Placed
from opsconsole.argo.lint.secrets import plaintext
from opsconsole.model import yamldoc

ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: web, annotations: {argocd.argoproj.io/sync-wave: "0"}}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "web:1"}]}
  strategy: STRATEGY
"""
CANARY = "{canary: {steps: [{setWeight: 20}, STEP]}}"
METRICS = """
apiVersion: argoproj.io/v1alpha1
kind: AnalysisTemplate
metadata: {name: rate}
spec:
  args: [{name: service}]
  metrics:
  - name: rate
    successCondition: CONDITION
    provider: {prometheus: {address: "http://p", query: "{{args.service}}"}}
"""
NOTES = """
apiVersion: v1
kind: ConfigMap
metadata: {name: argocd-notifications-cm}
data:
  template.told: "message: hello"
  NAME: |
    - when: WHEN
      send: [SEND]
"""
SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {key: VALUE}\n"


def rules(*texts: str) -> set[str]:
    placed = [Placed(m, "f.yaml") for text in texts for m in yamldoc.load_all(text)]
    return {found.rule for found in check(placed)}


def canary(step: str) -> str:
    return ROLLOUT.replace("STRATEGY", CANARY.replace("STEP", step))


def metric(condition: str) -> str:
    return METRICS.replace("CONDITION", f"'{condition}'")


def notes(when: str, send: str = "told", name: str = "trigger.one") -> str:
    return NOTES.replace("NAME", name).replace("WHEN", f'"{when}"').replace("SEND", send)


ANALYSIS = "{analysis: {templates: [{templateName: rate}]}}"
LATER = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {argocd.argoproj.io/sync-wave: '1'}}\n"
STAR = "apiVersion: argoproj.io/v1alpha1\nkind: AnalysisRun\nmetadata: {name: r}\nspec: {dryRun: [{metricName: '*'}]}\n"

FOUND = {
    "rollout-invalid": (
        ROLLOUT.replace("STRATEGY", "{canary: {}, blueGreen: {activeService: a}}"),
    ),
    "missing-reference": (canary(ANALYSIS),),
    "analysis-refused": (canary(ANALYSIS), metric("len(result) > 0 && result[0] < 1")),
    "blocked-wave": (canary("{pause: {}}"), LATER),
    "condition-invalid": (metric("result[0] <"),),
    "condition-empty-result": (metric("result[0] < 1"),),
    "condition-default": (metric("default(result.x, 0) < 1"),),
    "dry-run-star": (STAR,),
    "notifications-silenced": (notes("a =="),),
    "trigger-template": (notes("app.a == 1", "other"),),
    "trigger-never": (notes("app.a == 1 and app.a == 2"),),
    "trigger-sync-failed": (notes("app.a == 1", name="trigger.on-sync-failed"),),
    "plaintext-secret": (SECRET.replace("VALUE", "aGk="),),
}


def test_every_rule_has_a_case() -> None:
    assert set(FOUND) == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", FOUND)
def test_a_rule_finds_its_fault_and_nothing_else(rule: str) -> None:
    assert rules(*FOUND[rule]) == {rule}


def test_corrected_text_has_no_findings() -> None:
    assert rules(canary("{pause: {duration: 1m}}"), LATER) == set()
    assert rules(metric("len(result) > 0 && result[0] < 1")) == set()
    assert rules(notes("app.a == 1 or app.a == 2")) == set()


def test_encrypted_secrets_are_not_plaintext() -> None:
    sealed = yamldoc.load(SECRET.replace("VALUE", "'ENC[AES256_GCM,data:x]'") + "sops: {mac: x}\n")
    assert not plaintext(sealed)
    assert not plaintext({"kind": "SealedSecret", "spec": {"encryptedData": {"a": "x"}}})
    assert not plaintext({"kind": "ExternalSecret", "spec": {"data": [{"secretKey": "a"}]}})


def test_the_documentation_lists_the_rules() -> None:
    text = (Path(__file__).parents[3] / "docs" / "lint.md").read_text("utf-8")
    listed = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert listed == [UNREADABLE, *(rule.id for rule in RULES)]
