"""Every rule finds what it is for, and leaves the corrected text alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.argo.lint import ALL_RULES, RULES, Index, Placed, Rule, Scope, check
from opsconsole.argo.lint.findings import Document
from opsconsole.argo.lint.secrets import plaintext
from opsconsole.model import yamldoc
from tests.argo.lint import cases

SECRET = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\ndata: {key: VALUE}\n"


def placed(*texts: str) -> list[Placed]:
    return [
        Placed(manifest, "f.yaml", 1, "", (Document("f.yaml", 1, document),))
        for text in texts
        for document in yamldoc.split_documents(text)
        for manifest in yamldoc.load_all(document)
    ]


def rules(*texts: str) -> set[str]:
    own = placed(*texts)
    apps = [one for one in own if one.kind == "Application"]
    scope = Scope(
        own, Index(own), application=apps[0] if apps else None, files=("apps/web/a.yaml",)
    )
    return {found.rule for found in check(scope)}


def test_every_rule_has_a_case() -> None:
    assert set(cases.FOUND) == {rule.id for rule in RULES}


@pytest.mark.parametrize("rule", cases.FOUND)
def test_a_rule_finds_its_fault(rule: str) -> None:
    assert rule in rules(*cases.FOUND[rule])


@pytest.mark.parametrize("rule", cases.FOUND)
def test_a_rule_finds_nothing_else(rule: str) -> None:
    assert rules(*cases.FOUND[rule]) - {rule} <= cases.BESIDE.get(rule, set())


@pytest.mark.parametrize("name", cases.GOOD)
def test_good_text_has_no_findings(name: str) -> None:
    assert rules(*cases.GOOD[name]) == set()


@pytest.mark.parametrize(("words", "texts"), cases.SAID)
def test_the_words_and_the_line(words: str, texts: tuple[str, ...]) -> None:
    line, _, message = words.partition(" ")
    found = [(f.line, f.message) for f in check(Scope(placed(*texts)))]
    assert any(at == int(line) and message in said for at, said in found), found


def test_encrypted_secrets_are_not_plaintext() -> None:
    sealed = yamldoc.load(SECRET.replace("VALUE", "'ENC[AES256_GCM,data:x]'") + "sops: {mac: x}\n")
    assert not plaintext(sealed)
    assert not plaintext({"kind": "SealedSecret", "spec": {"encryptedData": {"a": "x"}}})
    assert not plaintext({"kind": "ExternalSecret", "spec": {"data": [{"secretKey": "a"}]}})


def test_no_message_holds_a_value() -> None:
    texts = [SECRET.replace("VALUE", "aHVudGVyMg=="), cases.SEALED.replace("VALUE", "hunter2.")]
    for found in check(Scope(placed(*texts))):
        assert "hunter2" not in found.message
        assert "aHVudGVyMg" not in found.message


def test_a_fault_of_one_rule_does_not_hide_the_others() -> None:
    def broken(_one: object, _scope: object) -> object:
        raise RecursionError

    faulty = Rule("broken", "error", "", "", broken)  # type: ignore[arg-type]
    own = placed(SECRET.replace("VALUE", "aGk="))
    found = check(Scope(own), (faulty, *RULES))
    assert [f.rule for f in found] == ["unreadable", "plaintext-secret"]
    assert "rule broken cannot read this object" in found[0].message


@pytest.mark.parametrize("kind", sorted({kind for rule in RULES for kind in rule.kinds}))
@pytest.mark.parametrize("spec", ["null", "[]", "7", "{metrics: 3, template: [], strategy: x}"])
def test_no_shape_of_a_spec_is_a_crash(kind: str, spec: str) -> None:
    text = f"apiVersion: v1\nkind: {kind}\nmetadata: {{name: a}}\nspec: {spec}\n"
    for found in check(Scope(placed(text))):
        assert "(" not in found.message or "fields of the wrong type" not in found.message, found


def test_a_lone_file_only_notes_what_other_files_may_hold() -> None:
    rollout = cases.canary(cases.ANALYSIS)
    told = {f.severity for f in check(Scope(placed(rollout), complete=False))}
    assert told == {"note"}
    beside = cases.metric("len(result) > 0 && result[0] < 1").replace("name: rate", "name: other")
    sure = check(Scope(placed(rollout, beside), complete=False))
    assert {f.severity for f in sure} == {"error"}


def test_two_strategies_point_at_both() -> None:
    text = cases.FOUND["rollout-invalid"][0]
    found = next(f for f in check(Scope(placed(text))) if "Multiple" in f.message)
    assert found.related


def test_the_documentation_lists_the_rules() -> None:
    text = (Path(__file__).parents[3] / "docs" / "lint.md").read_text("utf-8")
    listed = [line for line in text.splitlines() if line.startswith("| `")]
    assert listed == [f"| `{r.id}` | {r.severity} | {r.told} | {r.hint} |" for r in ALL_RULES]
