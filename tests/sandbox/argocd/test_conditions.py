"""Conditions of an application in the controllers' words, and that other applications go on."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.argo.cd.filters import ResourceFilter
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP, NAMESPACE
from tests.sandbox.argocd.support import AUTOMATED, Obj, Stand, config

SERVER = "https://kubernetes.default.svc"
FAR = "https://far"
ABSENT = f'rpc error: code = NotFound desc = cluster "{FAR}" not found'


def said(stand: Stand, kind: str = "") -> list[str]:
    listed = stand.status.get("conditions", [])
    return [c["message"] for c in listed if kind in ("", c["type"])]


def project(stand: Stand, name: str = "default", **spec: Any) -> None:
    found = stand.store.find(APP_PROJECT, "argocd", name)
    if found is None:
        stand.store.create(
            APP_PROJECT, {"metadata": {"name": name, "namespace": "argocd"}, "spec": spec}
        )
        return
    stand.store.update(APP_PROJECT, {**found, "spec": {**found["spec"], **spec}})


def configure(stand: Stand, **data: str) -> None:
    plain = {k.replace("__", "."): v for k, v in data.items()}
    meta = {"name": "argocd-cm", "namespace": "argocd"}
    old = stand.store.find(CONFIG_MAP, "argocd", "argocd-cm")
    if old is None:
        stand.store.create(CONFIG_MAP, {"metadata": meta, "data": plain})
    else:
        stand.store.update(CONFIG_MAP, {**old, "data": {**old.get("data", {}), **plain}})
    stand.run(2)


def second(stand: Stand, name: str = "other", **spec: Any) -> Obj:
    """Another application of the same installation."""
    whole = {**stand.app["spec"], **spec}
    return stand.store.create(
        APPLICATION, {"metadata": {"name": name, "namespace": "argocd"}, "spec": whole}
    )


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"project": "none"}, "Application referencing project none which does not exist"),
        (
            {"destination": {"name": "east"}},
            "there are no clusters with this name: east",
        ),
        (
            {"destination": {"server": FAR}},
            f'error getting cluster by server "{FAR}": {ABSENT}',
        ),
        (
            {"destination": {"server": SERVER, "name": "in-cluster"}},
            f"application destination can't have both name and server defined: in-cluster {SERVER}",
        ),
        ({"destination": {"namespace": "ns"}}, "Destination server missing from app spec"),
    ],
)
def test_an_invalid_spec(spec: dict[str, Any], words: str) -> None:
    stand = Stand(config("a"), **spec)
    assert said(stand) == [words]
    assert stand.status["conditions"][0]["type"] == "InvalidSpecError"
    assert stand.status["sync"]["status"] == "Unknown"
    assert stand.status["health"]["status"] == "Unknown"
    version = stand.app["metadata"]["resourceVersion"]
    stand.run(100)
    assert stand.app["metadata"]["resourceVersion"] == version, "said once"
    # others go on, and it does when it is corrected
    good = {"destination": {"server": SERVER, "namespace": "ns"}, "project": "default"}
    second(stand, **good)
    stand.store.update(APPLICATION, {**stand.app, "spec": {**stand.app["spec"], **good}})
    stand.run(2)
    assert said(stand) == []
    assert stand.status["sync"]["status"] == "OutOfSync"
    other = stand.store.get(APPLICATION, "argocd", "other")
    assert other["status"]["sync"]["status"] == "OutOfSync"


def test_what_the_project_does_not_permit_is_said_for_sources_and_destination() -> None:
    stand = Stand(config("a"))
    destinations = [{"name": "in-cluster", "namespace": "team-*"}]
    project(stand, sourceRepos=["https://git.local/other"], destinations=destinations)
    stand.run(2)
    assert said(stand, "InvalidSpecError") == [
        (
            f"application destination server '{SERVER}' and namespace 'ns' do not match any of the "
            "allowed destinations in project 'default'"
        ),
        "application repo https://git.local/r.git is not permitted in project 'default'",
    ]


def test_a_fault_of_the_spec_leaves_what_a_comparison_said() -> None:
    stand = Stand(config("a"), config("a"))
    assert [c["type"] for c in stand.status["conditions"]] == ["RepeatedResourceWarning"]
    compared = stand.status["sync"]["comparedTo"]
    stand.store.update(APPLICATION, {**stand.app, "spec": {**stand.app["spec"], "project": "none"}})
    stand.run(30)
    assert [c["type"] for c in stand.status["conditions"]] == [
        "InvalidSpecError",
        "RepeatedResourceWarning",
    ]
    assert stand.status["sync"]["comparedTo"] == compared


def test_kinds_that_the_project_does_not_permit_are_unknown_and_out_of_sync() -> None:
    stand = Stand(config("a"), config("b"))
    stand.sync()
    assert stand.status["sync"]["status"] == "Synced"
    project(stand, namespaceResourceBlacklist=[{"group": "", "kind": "ConfigMap"}])
    stand.run(30)
    assert [r["status"] for r in stand.status["resources"]] == ["Unknown", "Unknown"]
    assert stand.status["sync"]["status"] == "OutOfSync"
    assert stand.status["health"]["status"] == "Missing"


def test_a_namespace_that_the_project_does_not_permit_is_not_looked_into() -> None:
    there = config("b")
    there["metadata"]["namespace"] = "elsewhere"
    stand = Stand(config("a"), there)
    stand.store.create(NAMESPACE, {"metadata": {"name": "elsewhere"}})
    stand.sync()
    assert stand.status["sync"]["status"] == "Synced"
    project(stand, destinations=[{"server": "*", "namespace": "ns"}])
    stand.run(30)
    found = {r["name"]: r["status"] for r in stand.status["resources"]}
    assert found == {"a": "Synced", "b": "OutOfSync"}


def test_a_resource_of_two_applications() -> None:
    stand = Stand(config("a"), syncPolicy=AUTOMATED)
    stand.run(5)
    second(stand, syncPolicy={})
    stand.run(2)
    other = stand.store.get(APPLICATION, "argocd", "other")["status"]
    assert [(c["type"], c["message"]) for c in other["conditions"]] == [
        (
            "SharedResourceWarning",
            "ConfigMap/a is part of applications argocd/other and app",
        )
    ]
    assert other["sync"]["status"] == "OutOfSync"
    assert stand.status["sync"]["status"] == "Synced"
    assert said(stand) == []


def test_excluded_kinds_are_left_out_of_everything() -> None:
    stand = Stand(config("a"), {**config("w"), "kind": "Secret"})
    stand.sync()
    assert len(stand.status["resources"]) == 2
    configure(stand, resource__exclusions="- {apiGroups: [''], kinds: [Secret]}\n")
    assert [r["kind"] for r in stand.status["resources"]] == ["ConfigMap"]
    assert said(stand, "ExcludedResourceWarning") == [
        "Resource /Secret w is excluded in the settings"
    ]
    configure(stand, resource__exclusions="[", resource__inclusions="- {kinds: [Secret]}\n")
    assert [r["kind"] for r in stand.status["resources"]] == ["Secret"]


def test_the_filter_knows_what_is_never_looked_at_and_clusters() -> None:
    plain = ResourceFilter()
    assert plain.excludes("", "Event", SERVER)
    assert plain.excludes("events.k8s.io", "Anything", SERVER)
    assert not plain.excludes("apps", "Deployment", SERVER)
    some = ResourceFilter(inclusions=({"kinds": ["Pod"], "clusters": ["https://east*"]},))
    assert some.excludes("", "ConfigMap", "https://east.local")
    assert not some.excludes("", "Pod", "https://east.local")
    assert not some.excludes("", "ConfigMap", SERVER)


def test_a_namespaced_kind_without_a_namespace() -> None:
    stand = Stand(config("a"), destination={"server": SERVER})
    assert said(stand, "InvalidSpecError") == ["Namespace for a /v1, Kind=ConfigMap is missing."]
    assert stand.status["sync"]["status"] == "OutOfSync"


def test_orphans_are_counted_with_what_they_own() -> None:
    stand = Stand(config("a"))
    stand.sync()
    lost = stand.store.create(CONFIG_MAP, {"metadata": {"name": "lost", "namespace": "ns"}})
    owner = {"apiVersion": "v1", "kind": "ConfigMap", "name": "lost"}
    meta = {"name": "child", "namespace": "ns"}
    meta |= {"ownerReferences": [{**owner, "uid": lost["metadata"]["uid"]}]}  # type: ignore[dict-item]
    stand.store.create(CONFIG_MAP, {"metadata": meta})
    stand.refresh()
    assert said(stand) == []
    project(stand, orphanedResources={})
    stand.refresh()
    assert said(stand, "OrphanedResourceWarning") == ["Application has 2 orphaned resources"]
    project(stand, orphanedResources={"warn": False})
    stand.refresh()
    assert said(stand) == []
    project(stand, orphanedResources={"ignore": [{"kind": "ConfigMap", "name": "l*"}]})
    stand.refresh()
    assert said(stand) == []


def test_a_repository_out_of_reach_changes_nothing_for_a_while() -> None:
    stand = Stand(config("a"))
    stand.sync()
    before = stand.app
    stand.sources.fault = "failed to list refs: repository not found"
    stand.run(170)
    assert stand.app == before
    stand.run(60)
    assert said(stand, "ComparisonError") == [
        (
            "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: "
            "code = Unknown desc = failed to list refs: repository not found"
        )
    ]
    assert stand.status["sync"]["status"] == "Unknown"
    assert stand.status["sync"]["revision"] == "main"
    assert [r["status"] for r in stand.status["resources"]] == ["Unknown"]
    assert "sourceType" not in stand.status
    stand.sources.fault = ""
    stand.run(40)
    assert stand.status["sync"]["status"] == "Synced"
    assert said(stand) == []


def test_an_expression_that_cannot_be_read() -> None:
    rules = [{"kind": "ConfigMap", "jqPathExpressions": [".data | keys"]}]
    stand = Stand(config("a"), ignoreDifferences=rules)
    (words,) = said(stand, "ComparisonError")
    assert words.startswith(
        "Failed to compare desired state to live state: failed to create diff normalizer: "
    )
    assert stand.status["sync"]["status"] == "Unknown"


def test_the_managed_namespace() -> None:
    managed = {"managedNamespaceMetadata": {"labels": {"team": "a"}}}
    options = {"syncOptions": ["CreateNamespace=true"]}
    stand = Stand(config("a"), syncPolicy={**options, **managed})
    stand.sync(syncOptions=["CreateNamespace=true"])
    assert stand.status["sync"]["status"] == "Synced"
    changed = {"managedNamespaceMetadata": {"labels": {"team": "b"}}}
    spec = {**stand.app["spec"], "syncPolicy": {**options, **changed}}
    stand.store.update(APPLICATION, {**stand.app, "spec": spec})
    stand.run(2)
    assert stand.status["sync"]["status"] == "OutOfSync"
    assert [r["status"] for r in stand.status["resources"]] == ["Synced"]


def test_a_wave_is_that_of_git() -> None:
    stand = Stand(config("a", wave="3"), config("b"))
    stand.sync()
    assert [r.get("syncWave") for r in stand.status["resources"]] == [3, None]
    stand.refresh(config("b", wave="1"))
    found = {r["name"]: r for r in stand.status["resources"]}
    assert found["a"]["requiresPruning"] is True
    assert "syncWave" not in found["a"]
    assert found["b"]["syncWave"] == 1


@pytest.mark.parametrize(
    ("refs", "words"),
    [
        (["a b"], "sources.ref a b cannot contain any special characters except '_' and '-'"),
        (["v", "v"], "invalid sources: multiple sources had the same `ref` key"),
    ],
)
def test_names_of_sources_are_looked_at(refs: list[str], words: str) -> None:
    sources = [{"repoURL": "https://git.local/r.git", "ref": ref} for ref in refs]
    stand = Stand(config("a"), sources=sources)
    assert said(stand, "ComparisonError") == [
        f"Failed to load target state: failed to get ref sources: {words}"
    ]
    assert stand.status["sync"]["status"] == "Unknown"


def test_whose_status_counts() -> None:
    service = {**config("a"), "apiVersion": "v1", "kind": "Service"}
    service["spec"] = {"ports": [{"port": 80}], "selector": {"app": "a"}}
    service["status"] = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    del service["data"]
    stand = Stand(service)
    stand.sync()
    assert stand.status["sync"]["status"] == "Synced"
    configure(stand, resource__compareoptions="ignoreResourceStatusField: none")
    assert stand.status["sync"]["status"] == "OutOfSync"
    configure(stand, resource__compareoptions="ignoreAggregatedRoles: true")
    assert stand.status["sync"]["status"] == "Synced"
    configure(stand, resource__compareoptions="ignoreResourceStatusField: off")
    assert stand.status["sync"]["status"] == "OutOfSync"
    configure(stand, resource__compareoptions="ignoreResourceStatusField: crd")
    assert stand.status["sync"]["status"] == "OutOfSync"
    configure(stand, resource__compareoptions="[")
    assert stand.status["sync"]["status"] == "Synced"
