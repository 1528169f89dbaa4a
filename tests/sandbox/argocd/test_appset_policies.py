"""What the running ApplicationSet controller makes, leaves alone, refuses and removes."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.model.kinds import APPLICATION, APPLICATION_SET, CONFIG_MAP
from opsconsole.model.objects import items, text
from tests.sandbox.argocd.appsetstand import SetStand, listed, rolling, template

TWO = {"a": "dev", "b": "prod"}
AUTOMATED = template(syncPolicy={"automated": {}})
FINALIZER = "resources-finalizer.argocd.argoproj.io"


def test_applications_are_owned_and_carry_the_finalizer() -> None:
    made = SetStand(TWO)
    for name in TWO:
        meta = made.app(name)["metadata"]
        assert meta["finalizers"] == [FINALIZER]
        assert meta["ownerReferences"] == [
            {
                "apiVersion": "argoproj.io/v1alpha1",
                "kind": "ApplicationSet",
                "name": "set",
                "uid": made.set()["metadata"]["uid"],
                "controller": True,
                "blockOwnerDeletion": True,
            }
        ]
    assert made.events("created") == ['created Application "a"', 'created Application "b"']


@pytest.mark.parametrize(
    ("policy", "updates", "deletes"),
    [
        (None, True, True),
        ("sync", True, True),
        ("create-only", False, False),
        ("create-update", True, False),
        ("create-delete", False, True),
    ],
)
def test_policies(policy: str | None, *, updates: bool, deletes: bool) -> None:
    made = SetStand(TWO, syncPolicy={"applicationsSync": policy} if policy else {})
    info = [{"name": "n", "value": "v"}]
    made.change(generators=[listed({"a": "dev", "c": "dev"})], template=template(info=info))
    assert made.names() == (["a", "c"] if deletes else ["a", "b", "c"])
    assert ("info" in made.app("a")["spec"]) == updates
    assert made.app("c")["spec"]["info"] == info
    assert made.events("updated") == (['updated Application "a"'] if updates else [])
    assert made.events("Deleted") == (['Deleted Application "b"'] if deletes else [])
    made.hold()
    made.store.delete(APPLICATION_SET, "argocd", "set")
    made.run(30)
    assert made.store.find(APPLICATION_SET, "argocd", "set") is None
    assert made.names() == ([] if deletes else ["a", "b", "c"])
    if not deletes:
        assert items(made.app("a"), "metadata", "ownerReferences") == []


def test_a_set_without_the_finalizer_takes_its_applications_with_it() -> None:
    """The garbage collector does it: the policy binds the ApplicationSet controller alone."""
    made = SetStand(TWO, syncPolicy={"applicationsSync": "create-only"})
    made.store.delete(APPLICATION_SET, "argocd", "set")
    made.run(30)
    assert made.names() == []


def test_what_was_deployed_goes_with_the_application() -> None:
    made = SetStand(TWO, template=AUTOMATED)
    made.run(30)
    assert made.deployed("a") == made.deployed("b") == "1"
    made.change(generators=[listed({"b": "prod"})])
    made.run(30)
    assert (made.names(), made.deployed("a"), made.deployed("b")) == (["b"], "", "1")


def test_preserved_resources_stay() -> None:
    policy = {"preserveResourcesOnDeletion": True}
    made = SetStand(TWO, template=AUTOMATED, syncPolicy=policy)
    made.run(30)
    assert items(made.app("a"), "metadata", "finalizers") == []
    made.store.delete(APPLICATION_SET, "argocd", "set")
    made.run(30)
    assert (made.names(), made.deployed("a"), made.deployed("b")) == ([], "1", "1")


def test_what_people_write_on_an_application_is_taken_back_but_for_preserved_fields() -> None:
    fields = {"annotations": ["mine"], "labels": ["team"]}
    made = SetStand(TWO, preservedFields=fields)
    notes = {"mine": "1", "other": "1", "notified.notifications.argoproj.io": "{}"}
    made.patch("a", annotations=notes, labels={"team": "x", "tier": "y", "env": "wrong"})
    made.run(5)
    meta = made.app("a")["metadata"]
    assert meta["annotations"] == {"mine": "1", "notified.notifications.argoproj.io": "{}"}
    assert meta["labels"] == {"env": "dev", "team": "x"}


@pytest.mark.parametrize(
    ("rule", "kept"),
    [
        ({"jsonPointers": ["/spec/source/targetRevision"]}, ["a", "b"]),
        ({"jqPathExpressions": [".spec.source.targetRevision"]}, ["a", "b"]),
        ({"name": "b", "jsonPointers": ["/spec/source/targetRevision"]}, ["b"]),
    ],
)
def test_ignored_differences_stay(rule: dict[str, Any], kept: list[str]) -> None:
    made = SetStand(TWO, ignoreApplicationDifferences=[rule])
    for name in TWO:
        old = made.app(name)
        source = {**old["spec"]["source"], "targetRevision": "try"}
        made.store.update(APPLICATION, {**old, "spec": {**old["spec"], "source": source}})
    made.run(5)
    revisions = {name: text(made.app(name), "spec", "source", "targetRevision") for name in TWO}
    assert [name for name, revision in revisions.items() if revision == "try"] == kept


def test_an_application_of_another_set_is_left_alone() -> None:
    made = SetStand(TWO)
    made.make("other", {"b": "dev", "d": "dev"})
    assert text(made.app("b"), "metadata", "labels", "env") == "prod"
    assert text(made.app("b"), "metadata", "ownerReferences", 0, "name") == "set"
    assert made.names() == ["a", "b", "d"], "the other Applications go on"
    assert made.condition("ErrorOccurred", "other") == (
        "True",
        "UpdateApplicationError",
        "Object argocd/b is already owned by another ApplicationSet controller set",
    )
    assert made.condition("ErrorOccurred")[0] == "False"
    assert made.set("other")["status"]["health"]["status"] == "Degraded"


def test_an_application_that_nobody_owns_is_taken_over() -> None:
    made = SetStand({"a": "dev"})
    alone = {"metadata": {"name": "b", "namespace": "argocd"}, "spec": template()["spec"]}
    made.store.create(APPLICATION, alone)
    made.change(generators=[listed(TWO)])
    assert text(made.app("b"), "metadata", "ownerReferences", 0, "name") == "set"
    assert text(made.app("b"), "spec", "source", "path") == "b"


def test_faults_of_several_applications_leave_the_others() -> None:
    broken = listed({"x": "dev", "y": "dev"})
    broken["list"]["template"] = template(project="nowhere")
    made = SetStand({}, generators=[listed(TWO), broken])
    assert made.names() == ["a", "b"]
    message = "application references project nowhere which does not exist (and 1 more)"
    assert made.condition("ErrorOccurred") == ("True", "ApplicationValidationError", message)
    assert made.condition("ParametersGenerated")[0] == "True"
    assert made.condition("ResourcesUpToDate") == ("False", "ErrorOccurred", message)
    made.project("nowhere")
    made.run(2)
    assert made.names() == ["a", "b", "x", "y"]
    assert made.condition("ErrorOccurred")[0] == "False"


def test_a_name_that_is_given_twice_is_made_by_nobody() -> None:
    made = SetStand({}, generators=[listed(TWO), listed({"b": "dev"})])
    assert made.names() == ["a"]
    message = "ApplicationSet set contains applications with duplicate name: b"
    assert made.condition("ErrorOccurred") == ("True", "ApplicationValidationError", message)


def test_an_invalid_application_that_exists_is_not_removed() -> None:
    made = SetStand(TWO)
    made.change(template=template(project="nowhere"))
    assert made.names() == ["a", "b"]
    assert text(made.app("a"), "spec", "project") == "default"


def test_resources_and_health_follow_the_applications() -> None:
    made = SetStand(TWO, template=AUTOMATED)
    made.run(30)
    status = made.set()["status"]
    assert [(r["name"], r["status"], r["health"]) for r in status["resources"]] == [
        ("a", "Synced", {"status": "Healthy"}),
        ("b", "Synced", {"status": "Healthy"}),
    ]
    assert status["resourcesCount"] == 2
    assert status["health"]["status"] == "Healthy"
    old = made.store.get(CONFIG_MAP, "default", "a")
    made.change(template=template())
    made.store.update(CONFIG_MAP, {**old, "data": {"k": "changed"}})
    made.run(30)
    assert made.set()["status"]["resources"][0]["status"] == "OutOfSync"


def _reverse() -> SetStand:
    apps = {"0-else": "other", "a-dev": "dev", "b-prod": "prod", "c-last": "last"}
    strategy = rolling(["dev"], ["prod"], ["last"], deletionOrder="Reverse")
    made = SetStand(apps, progressive=True, strategy=strategy)
    made.hold()
    made.run(60)
    return made


def test_reverse_deletion_goes_from_the_last_step_to_the_first() -> None:
    made = _reverse()
    made.store.delete(APPLICATION_SET, "argocd", "set")
    made.run(60)
    assert made.gone == ["c-last", "b-prod", "a-dev", "0-else"], "what is in no step goes last"
    assert made.deployed("a-dev") == ""
    assert made.store.find(APPLICATION_SET, "argocd", "set") is None


def test_reverse_deletion_waits_for_an_application_that_does_not_go() -> None:
    made = _reverse()
    old = made.app("b-prod")
    meta = {**old["metadata"], "finalizers": [*old["metadata"]["finalizers"], "example.com/hold"]}
    made.store.update(APPLICATION, {**old, "metadata": meta})
    made.store.delete(APPLICATION, "argocd", "b-prod")
    made.store.delete(APPLICATION_SET, "argocd", "set")
    made.run(60)
    assert made.names() == ["0-else", "a-dev", "b-prod"]
