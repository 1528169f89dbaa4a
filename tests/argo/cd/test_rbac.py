"""`kubectl auth reconcile`: cases and words as gitops-engine's kubectl (v0.36) gives them."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.argo.cd import rbac

Obj = dict[str, Any]
GROUP = "rbac.authorization.k8s.io"
GET_PODS: Obj = {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}


def role(*rules: Obj, kind: str = "Role", **meta: Any) -> Obj:
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": kind,
        "metadata": {"name": "r", **meta},
        "rules": list(rules),
    }


def binding(*subjects: str, to: str = "r") -> Obj:
    named = [{"kind": "User", "apiGroup": GROUP, "name": name} for name in subjects]
    ref = {"apiGroup": GROUP, "kind": "Role", "name": to}
    return {
        "apiVersion": f"{GROUP}/v1",
        "kind": "RoleBinding",
        "metadata": {"name": "b"},
        "roleRef": ref,
        "subjects": named,
    }


def reconciled(live: Obj | None, wanted: Obj) -> rbac.Reconciled:
    found = rbac.reconcile(live, wanted)
    assert found is not None
    return found


def test_a_new_role_names_its_rules() -> None:
    two = {"apiGroups": ["apps", ""], "resources": ["a", "b"], "verbs": ["get", "list"]}
    urls = {"nonResourceURLs": ["/healthz"], "verbs": ["get"]}
    found = reconciled(None, role(two, urls))
    assert found.operation == "create"
    assert found.told == (
        "reconciliation required create\n\tmissing rules added:"
        "\n\t\t{Verbs:[get list] APIGroups:[apps ] Resources:[a b] ResourceNames:[] NonResourceURLs:[]}"
        "\n\t\t{Verbs:[get] APIGroups:[] Resources:[] ResourceNames:[] NonResourceURLs:[/healthz]}"
    )


def test_missing_rules_are_added_one_by_one_and_none_is_taken_away() -> None:
    live = role({"apiGroups": ["apps"], "resources": ["a", "b"], "verbs": ["get", "list"]})
    asked = {"apiGroups": ["apps"], "resources": ["a", "b"], "verbs": ["get", "watch"]}
    found = reconciled(live, role(asked))
    assert found.operation == "update"
    assert found.wanted["rules"] == [
        *live["rules"],
        {"apiGroups": ["apps"], "resources": ["a"], "verbs": ["watch"]},
        {"apiGroups": ["apps"], "resources": ["b"], "verbs": ["watch"]},
    ]
    assert found.told.count("\n\t\t{Verbs:[watch] APIGroups:[apps]") == 2


def test_what_is_there_already_needs_nothing() -> None:
    found = reconciled(role(GET_PODS), role(GET_PODS))
    assert (found.operation, found.told) == ("", "")


@pytest.mark.parametrize(
    ("there", "asked", "covered"),
    [
        ({**GET_PODS, "verbs": ["*"]}, GET_PODS, True),
        ({**GET_PODS, "apiGroups": ["*"]}, GET_PODS, True),
        ({**GET_PODS, "resources": ["*"]}, GET_PODS, True),
        ({**GET_PODS, "resources": ["*/log"]}, {**GET_PODS, "resources": ["pods/log"]}, True),
        ({**GET_PODS, "resources": ["*/log"]}, GET_PODS, False),
        ({**GET_PODS, "resourceNames": ["x"]}, GET_PODS, False),
        (GET_PODS, {**GET_PODS, "resourceNames": ["x"]}, True),
        ({**GET_PODS, "resourceNames": ["y"]}, {**GET_PODS, "resourceNames": ["x"]}, False),
        (
            {"nonResourceURLs": ["/a/*"], "verbs": ["get"]},
            {"nonResourceURLs": ["/a/b"], "verbs": ["get"]},
            True,
        ),
        (
            {"nonResourceURLs": ["/a"], "verbs": ["get"]},
            {"nonResourceURLs": ["/a/b"], "verbs": ["get"]},
            False,
        ),
    ],
)
def test_rules_cover_others(there: Obj, asked: Obj, covered: bool) -> None:
    assert (reconciled(role(there), role(asked)).operation == "") is covered


def test_marks_are_added_and_those_of_others_win() -> None:
    live = role(GET_PODS, labels={"a": "live"})
    found = reconciled(live, role(GET_PODS, labels={"a": "wanted", "b": "1"}))
    assert found.operation == "update"
    assert found.wanted["metadata"]["labels"] == {"a": "live", "b": "1"}


def test_who_opted_out_is_told_and_left_alone() -> None:
    live = role(annotations={"rbac.authorization.kubernetes.io/autoupdate": "false"})
    found = reconciled(live, role(GET_PODS))
    assert found.protected
    assert found.told.startswith(
        "reconciliation required update, but object opted out"
        " (rbac.authorization.kubernetes.io/autoupdate: false)\n"
    )


def test_aggregation_is_added_to_and_taken_away() -> None:
    def selecting(*names: str) -> Obj:
        return {"clusterRoleSelectors": [{"matchLabels": {"n": name}} for name in names]}

    live = {**role(kind="ClusterRole"), "aggregationRule": selecting("a")}
    more = {**role(kind="ClusterRole"), "aggregationRule": selecting("b")}
    assert reconciled(live, more).wanted["aggregationRule"] == selecting("a", "b")
    assert "aggregationRule" not in reconciled(live, role(kind="ClusterRole")).wanted


def test_subjects_are_added() -> None:
    found = reconciled(binding("u"), binding("v", "v"))
    assert [s["name"] for s in found.wanted["subjects"]] == ["u", "v"]
    assert found.told == (
        "reconciliation required update\n\tmissing subjects added:"
        "\n\t\t{Kind:User APIGroup:rbac.authorization.k8s.io Name:v Namespace:}"
    )
    assert reconciled(binding("u"), binding("u")).operation == ""


def test_a_binding_to_another_role_is_made_anew() -> None:
    found = reconciled(binding("u"), binding("u", to="other"))
    assert (found.operation, found.told) == ("recreate", "reconciliation required recreate")


def test_other_kinds_of_the_group_are_not_reconciled() -> None:
    assert rbac.reconcile(None, {"apiVersion": f"{GROUP}/v1", "kind": "RoleList"}) is None
    assert rbac.is_reconciled(role())
    assert not rbac.is_reconciled({**role(), "apiVersion": f"{GROUP}/v1beta1"})
