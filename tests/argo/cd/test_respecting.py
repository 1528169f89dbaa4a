"""RespectIgnoreDifferences: cases of Argo CD's normalizeTargetResources."""

from __future__ import annotations

from typing import Any

from opsconsole.argo.cd.ignores import Ignore
from opsconsole.argo.cd.respecting import respected

Obj = dict[str, Any]


def workload(kind: str, *containers: Obj, **spec: Any) -> Obj:
    pod = {"containers": list(containers)}
    meta = {"name": "w", "namespace": "ns"}
    return {"kind": kind, "metadata": meta, "spec": {"template": {"spec": pod}, **spec}}


def rule(kind: str, *paths: str, pointers: tuple[str, ...] = ()) -> Ignore:
    return Ignore.of(
        {"kind": kind, "jqPathExpressions": list(paths), "jsonPointers": list(pointers)}
    )


IMAGES = ".spec.template.spec.containers[].image"


def test_what_is_ignored_is_taken_from_the_live_object() -> None:
    rules = [rule("Deployment", pointers=("/spec/replicas",))]
    target = workload("Deployment", replicas=1, paused=False)
    live = workload("Deployment", replicas=5, paused=True, added=1)
    found = respected(target, live, rules, builtin=True)
    assert found["spec"]["replicas"] == 5
    assert found["spec"]["paused"] is False
    assert "added" not in found["spec"]


def test_what_is_ignored_and_not_live_is_not_applied() -> None:
    rules = [rule("Deployment", pointers=("/spec/replicas",))]
    found = respected(
        workload("Deployment", replicas=1), workload("Deployment"), rules, builtin=True
    )
    assert "replicas" not in found["spec"]


def test_what_is_ignored_and_only_live_is_kept() -> None:
    rules = [rule("Deployment", pointers=("/spec/replicas",))]
    live = workload("Deployment", replicas=3)
    found = respected(workload("Deployment"), live, rules, builtin=True)
    assert found["spec"]["replicas"] == 3


def test_lists_of_built_in_kinds_are_laid_over_by_their_key() -> None:
    target = workload("Deployment", {"name": "a", "image": "a:1", "env": [{"name": "X"}]})
    live = workload("Deployment", {"name": "side", "image": "s:1"}, {"name": "a", "image": "a:9"})
    found = respected(target, live, [rule("Deployment", IMAGES)], builtin=True)
    mine, other = found["spec"]["template"]["spec"]["containers"]
    assert mine == {"name": "a", "image": "a:9", "env": [{"name": "X"}]}
    assert other == {"name": "side", "image": "s:1"}


def test_lists_of_custom_resources_are_taken_whole() -> None:
    target = workload("Rollout", {"name": "a", "image": "a:1", "env": [{"name": "X"}]})
    live = workload("Rollout", {"name": "a", "image": "a:9"})
    found = respected(target, live, [rule("Rollout", IMAGES)], builtin=False)
    assert found["spec"]["template"]["spec"]["containers"] == [{"name": "a", "image": "a:9"}]


def test_a_status_is_never_taken_over() -> None:
    live = {**workload("Rollout", replicas=2), "status": {"phase": "x"}}
    rules = [rule("Rollout", pointers=("/status", "/spec/replicas"))]
    found = respected(workload("Rollout", replicas=1), live, rules, builtin=False)
    assert found == workload("Rollout", replicas=2)


def test_rules_of_other_kinds_change_nothing() -> None:
    target = workload("Rollout", replicas=1)
    rules = [rule("Deployment", pointers=("/spec/replicas",))]
    assert respected(target, workload("Rollout", replicas=9), rules, builtin=False) is target


def test_what_came_with_a_list_and_was_not_ignored_is_given_back() -> None:
    rules = [rule("Widget", ".spec.items[].v")]
    live = {"kind": "Widget", "spec": {"items": [{"n": 1, "v": 2}, {"n": 9}]}}
    target = {"kind": "Widget", "spec": {"items": [{"n": 1}]}}
    assert respected(target, live, rules, builtin=False) == target
    without_list: Obj = {"kind": "Widget", "spec": {}}
    assert respected(without_list, live, rules, builtin=False) == without_list
