"""Deleting an application: deletion hooks, confirmation, what cannot go on."""

from __future__ import annotations

import pytest

from opsconsole.argo.cd import hooks
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP, EVENT, JOB
from opsconsole.sandbox.store import Change
from tests.sandbox.argocd.support import Stand, config, job

RESOURCES = "resources-finalizer.argocd.argoproj.io"
PRE = ["pre-delete-finalizer.argocd.argoproj.io", "pre-delete-finalizer.argocd.argoproj.io/cleanup"]
POST = [f.replace("pre-", "post-") for f in PRE]


def delete(stand: Stand, seconds: float = 10) -> list[str]:
    """Delete the application; what came and went, in order."""
    seen: list[str] = []

    def see(change: Change) -> None:
        if change.kind in (CONFIG_MAP, JOB) and change.type in ("ADDED", "DELETED"):
            seen.append(f"{change.type} {change.object['metadata']['name']}")

    leave = stand.store.subscribe(see)
    stand.store.delete(APPLICATION, "argocd", "app")
    stand.run(seconds)
    leave()
    return seen


def gone(stand: Stand) -> bool:
    return stand.store.find(APPLICATION, "argocd", "app") is None


def conditions(stand: Stand) -> list[str]:
    listed = stand.status.get("conditions", [])
    return [c["message"] for c in listed if c["type"] == "DeletionError"]


def test_finalizers_come_and_go_with_the_hooks_in_git() -> None:
    stand = Stand(config("a"), job("bye", hook="PostDelete"), job("first", hook="PreDelete"))
    assert stand.app["metadata"]["finalizers"] == [*PRE, *POST]
    stand.sync()
    assert stand.find(JOB, "bye") is None
    stand.refresh(config("a"), job("bye", hook="PostDelete"))
    assert stand.app["metadata"]["finalizers"] == POST
    stand.refresh(config("a"))
    assert "finalizers" not in stand.app["metadata"]


def test_pre_delete_hooks_run_before_and_post_delete_hooks_after_the_resources() -> None:
    policy = {"policy": "HookSucceeded"}
    stand = Stand(
        config("a"),
        job("pre", hook="PreDelete", **policy),
        job("post", hook="PostDelete", **policy),
        meta={"finalizers": [RESOURCES]},
    )
    stand.sync()
    seen = delete(stand)
    assert seen[0] == "ADDED pre"
    assert set(seen[1:3]) == {"DELETED a", "DELETED pre"}  # a hook is a resource, too
    assert seen[3:] == ["ADDED post", "DELETED post"]
    assert gone(stand)


def test_a_hook_without_a_policy_stays_behind() -> None:
    stand = Stand(config("a"), job("post", hook="PostDelete"))
    stand.sync()
    assert delete(stand) == ["ADDED post"]
    assert gone(stand)
    assert stand.find(JOB, "post") is not None


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("PreDelete", "error executing pre-delete hooks: PreDelete hook(s) failed: ns/bad"),
        ("PostDelete", "PostDelete hook(s) failed: ns/bad"),
    ],
)
def test_a_failed_hook_is_told_and_tried_again(kind: str, message: str) -> None:
    stand = Stand(config("a"), job("bad", "fail", hook=kind))
    stand.sync()
    seen = delete(stand, 4)
    assert conditions(stand) == [message]
    assert seen[:3] == ["ADDED bad", "DELETED bad", "ADDED bad"]
    assert f"Unable to delete application resources: {message}" in [
        e["message"] for e in stand.store.objects(EVENT, "argocd")
    ]
    stand.refresh(config("a"), job("bad", hook=kind))
    stand.run(20)
    assert gone(stand)


def test_a_hook_that_the_project_does_not_permit_is_refused() -> None:
    stand = Stand(config("a"), job("post", hook="PostDelete"))
    project = stand.store.get(APP_PROJECT, "argocd", "default")
    black = [{"group": "batch", "kind": "Job"}]
    spec = {**project["spec"], "namespaceResourceBlacklist": black}
    stand.store.update(APP_PROJECT, {**project, "spec": spec})
    delete(stand, 3)
    why = "PostDelete hook batch/Job/ns/post is not permitted: "
    assert conditions(stand) == [why + "resource batch:Job is not permitted in project default"]


def test_nothing_is_deleted_before_what_asks_for_it_is_confirmed() -> None:
    asks = config("asks", options="Delete=confirm")
    stand = Stand(config("a", wave="1"), asks, meta={"finalizers": [RESOURCES]})
    stand.sync(10)
    told = {r["name"]: r.get("requiresDeletionConfirmation") for r in stand.status["resources"]}
    assert told == {"a": None, "asks": True}
    assert delete(stand) == []
    app = stand.app
    notes = {"argocd.argoproj.io/deletion-approved": app["metadata"]["deletionTimestamp"]}
    stand.store.update(APPLICATION, {**app, "metadata": {**app["metadata"], "annotations": notes}})
    stand.run(10)
    assert gone(stand)
    assert stand.find(CONFIG_MAP, "asks") is None


def test_options_of_the_application_count_for_resources_without_their_own() -> None:
    own = config("own", options="Delete=true")
    policy = {"syncOptions": ["Delete=false"]}
    stand = Stand(config("a"), own, meta={"finalizers": [RESOURCES]}, syncPolicy=policy)
    stand.sync()
    assert delete(stand) == ["DELETED own"]
    assert gone(stand)


def test_a_project_that_has_gone_holds_the_deletion_up() -> None:
    stand = Stand(config("a"), meta={"finalizers": [RESOURCES]}, project="lost")
    delete(stand, 2)
    assert conditions(stand) == [
        'error getting app project "lost": appproject.argoproj.io "lost" not found'
    ]
    assert not gone(stand)


def test_an_operation_is_finished_before_the_application_goes() -> None:
    stand = Stand(config("a"), job("pre", hook="PreSync"), meta={"finalizers": [RESOURCES]})
    stand.sync(0.3)
    seen = delete(stand, 20)
    assert seen.index("ADDED a") < seen.index("DELETED a")
    assert gone(stand)


def test_wanted_finalizers_keep_the_others() -> None:
    hook = job("h", hook="PreSync,PostDelete")
    assert hooks.wanted_finalizers(["x", PRE[0]], [hook]) == ["x", *POST]
    assert hooks.wanted_finalizers(["x", *POST], []) == ["x"]
