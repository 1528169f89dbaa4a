from __future__ import annotations

from typing import Any

import pytest

from opsconsole.model.kinds import (
    APP_PROJECT,
    APPLICATION,
    CONFIG_MAP,
    EVENT,
    JOB,
    NAMESPACE,
    POD,
    SECRET,
)
from opsconsole.sandbox.argocd.sources import Generated
from tests.sandbox.argocd.support import AUTOMATED, Stand, config, job


def messages(stand: Stand) -> list[str]:
    return [e["message"] for e in stand.store.objects(EVENT, "argocd")]


def test_a_failed_hook_runs_the_sync_fail_hooks_and_fails() -> None:
    stand = Stand(config("a"), job("pre", "fail", hook="PreSync"), job("rescue", hook="SyncFail"))
    state = stand.sync(20)
    assert state["phase"] == "Failed"
    assert state["message"].startswith("one or more synchronization tasks completed unsuccessfully")
    assert stand.find(CONFIG_MAP, "a") is None
    assert stand.results()["rescue"][1] == "Succeeded"


def test_selective_and_apply_syncs_run_no_hooks() -> None:
    stand = Stand(config("a"), config("b"), job("pre", hook="PreSync"))
    state = stand.sync(5, resources=[{"kind": "ConfigMap", "name": "a"}])
    assert state["phase"] == "Succeeded"
    assert set(stand.results()) == {"a"}
    assert "history" not in stand.status
    stand.sync(5, syncStrategy={"apply": {}})
    assert set(stand.results()) == {"a", "b"}
    assert stand.find(JOB, "pre") is None
    assert [h["id"] for h in stand.status["history"]] == [0]


def test_terminating_deletes_the_running_hook() -> None:
    meta = config("pre", hook="PreSync")["metadata"]
    spec = {"restartPolicy": "Never", "containers": [{"name": "c", "image": "busybox"}]}
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}
    stand = Stand(config("a"), pod)
    stand.sync(0.3)
    app = stand.app
    state = {**app["status"]["operationState"], "phase": "Terminating"}
    stand.store.update(APPLICATION, {**app, "status": {**app["status"], "operationState": state}})
    stand.run(5)
    assert (stand.operation["phase"], stand.operation["message"]) == (
        "Failed",
        "Operation terminated",
    )
    stand.run(40)  # its pod ends gracefully first
    assert stand.find(POD, "pre") is None
    assert stand.find(CONFIG_MAP, "a") is None
    assert "operation" not in stand.app


def test_prune_is_skipped_unless_asked_for() -> None:
    stand = Stand(config("a"), config("keep", options="Prune=false"), config("b"))
    stand.sync()
    stand.refresh(config("a"))
    assert [r["name"] for r in stand.status["resources"] if r.get("requiresPruning")] == [
        "b",
        "keep",
    ]
    stand.sync()
    assert stand.results()["b"] == ("PruneSkipped", "Succeeded", "ignored (requires pruning)")
    stand.sync(prune=True)
    assert stand.results()["keep"] == ("PruneSkipped", "Succeeded", "ignored (no prune)")
    assert stand.find(CONFIG_MAP, "b") is None
    assert stand.find(CONFIG_MAP, "keep") is not None


def test_pruning_goes_in_the_opposite_order_of_waves() -> None:
    stand = Stand(config("x"), config("a", wave="1"), config("b", wave="2"))
    stand.sync(10)
    stand.refresh(config("x"))
    stand.sync(20, prune=True)
    assert [n for n in stand.results() if n != "x"] == ["b", "a"]


def test_prune_confirmation_waits_for_the_annotation() -> None:
    stand = Stand(config("x"), config("a", options="Prune=confirm"))
    stand.sync()
    stand.refresh(config("x"))
    state = stand.sync(prune=True)
    assert state["phase"] == "Running"
    assert stand.find(CONFIG_MAP, "a") is not None
    meta = {**stand.app["metadata"]}
    now = "2026-01-05T10:00:00Z"
    meta["annotations"] = {
        **meta.get("annotations", {}),
        "argocd.argoproj.io/deletion-approved": now,
    }
    stand.store.update(APPLICATION, {**stand.app, "metadata": meta})
    stand.run(8)
    assert stand.operation["phase"] == "Succeeded"
    assert stand.find(CONFIG_MAP, "a") is None


def test_an_unknown_kind_is_named() -> None:
    odd = {"apiVersion": "x.io/v1", "kind": "Odd", "metadata": {"name": "o"}}
    stand = Stand(config("a"), odd)
    state = stand.sync()
    assert state["message"] == (
        "one or more synchronization tasks are not valid: failed to discover server resources for"
        " group version x.io/v1: the server could not find the requested resource"
    )
    assert stand.results()["o"][2].startswith("The Kubernetes API could not find x.io/Odd")
    assert stand.find(CONFIG_MAP, "a") is None


def test_what_the_server_refuses_fails_the_sync_with_its_words() -> None:
    bad = config("a")
    bad["metadata"]["labels"] = {"k": "not valid!"}
    stand = Stand(bad)
    state = stand.sync()
    assert state["phase"] == "Failed"
    assert state["message"].startswith("one or more objects failed to apply, reason: ")
    assert stand.results()["a"][0] == "SyncFailed"


def test_create_namespace_with_its_metadata() -> None:
    managed = {"managedNamespaceMetadata": {"labels": {"team": "a"}}}
    destination = {"server": "https://kubernetes.default.svc", "namespace": "fresh"}
    stand = Stand(config("a"), destination=destination, syncPolicy=managed)
    stand.sync(syncOptions=["CreateNamespace=true"])
    assert stand.operation["phase"] == "Succeeded"
    assert stand.store.get(NAMESPACE, "", "fresh")["metadata"]["labels"]["team"] == "a"


def test_replace_and_server_side_apply_say_so() -> None:
    stand = Stand(config("a"))
    stand.sync()
    stand.refresh(config("a", "2"))
    stand.sync(syncOptions=["Replace=true"])
    assert stand.results()["a"][2] == "configmap/a replaced"
    stand.refresh(config("a", "3"))
    stand.sync(syncOptions=["ServerSideApply=true"])
    assert stand.results()["a"][2] == "configmap/a serverside-applied"
    found = stand.find(CONFIG_MAP, "a")
    assert found is not None
    assert found["data"] == {"k": "3"}


def test_only_what_is_out_of_sync_is_applied_when_asked() -> None:
    stand = Stand(config("a"), config("b"))
    stand.sync()
    stand.refresh(config("a", "2"), config("b"))
    stand.sync(syncOptions=["ApplyOutOfSyncOnly=true"])
    assert set(stand.results()) == {"a"}


def test_ignored_differences_stay_when_respected() -> None:
    rule = [{"group": "", "kind": "ConfigMap", "jsonPointers": ["/data/k"]}]
    stand = Stand(config("a"), ignoreDifferences=rule)
    stand.sync()
    live = stand.find(CONFIG_MAP, "a")
    assert live is not None
    stand.store.update(CONFIG_MAP, {**live, "data": {"k": "mine"}})
    stand.run(1)
    assert stand.status["sync"]["status"] == "Synced"
    stand.sync(syncOptions=["RespectIgnoreDifferences=true"])
    kept = stand.find(CONFIG_MAP, "a")
    assert kept is not None
    assert kept["data"] == {"k": "mine"}
    stand.sync()
    undone = stand.find(CONFIG_MAP, "a")
    assert undone is not None
    assert undone["data"] == {"k": "1"}


def test_a_sync_window_blocks_and_says_so() -> None:
    stand = Stand(config("a"))
    project = stand.store.get(APP_PROJECT, "argocd", "default")
    window = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
    spec = {**project["spec"], "syncWindows": [window]}
    stand.store.update(APP_PROJECT, {**project, "spec": spec})
    state = stand.sync()
    assert (state["phase"], state["message"]) == (
        "Running",
        "Sync operation blocked by sync window",
    )
    assert state["syncResult"]["revision"] == "main"
    app = stand.app
    stopping = {**app["status"]["operationState"], "phase": "Terminating", "message": "stop"}
    status = {**app["status"], "operationState": stopping}
    stand.store.update(APPLICATION, {**app, "status": status})
    stand.run(40)
    # even that waits
    assert (stand.operation["phase"], stand.operation["message"]) == ("Terminating", "stop")
    project = stand.store.get(APP_PROJECT, "argocd", "default")
    stand.store.update(APP_PROJECT, {**project, "spec": {**spec, "syncWindows": []}})
    stand.run(35)
    assert stand.operation["message"] == "Operation terminated"
    assert stand.sync()["phase"] == "Succeeded"


def test_a_shared_resource_warns_and_may_fail() -> None:
    stand = Stand(config("a"))
    note = {"argocd.argoproj.io/tracking-id": "other:/ConfigMap:ns/a"}
    stand.store.create(
        CONFIG_MAP, {"metadata": {"name": "a", "namespace": "ns", "annotations": note}}
    )
    stand.refresh()
    (condition,) = stand.status["conditions"]
    assert condition["type"] == "SharedResourceWarning"
    assert condition["message"] == "ConfigMap/a is part of applications argocd/app and other"
    state = stand.sync(syncOptions=["FailOnSharedResource=true"])
    assert state["phase"] == "Failed"
    assert state["message"].startswith("Shared resource found: ")


def test_a_repeated_resource_warns_and_the_last_wins() -> None:
    stand = Stand(config("a", "1"), config("a", "2"))
    (condition,) = stand.status["conditions"]
    assert (
        condition["message"]
        == "Resource /ConfigMap/ns/a appeared 2 times among application resources."
    )
    stand.sync()
    found = stand.find(CONFIG_MAP, "a")
    assert found is not None
    assert found["data"] == {"k": "2"}


def test_a_project_refuses_a_repository() -> None:
    stand = Stand(config("a"))
    project = stand.store.get(APP_PROJECT, "argocd", "default")
    spec = {**project["spec"], "sourceRepos": ["https://git.local/other*"]}
    stand.store.update(APP_PROJECT, {**project, "spec": spec})
    stand.run(1)
    assert stand.status["conditions"][0]["type"] == "InvalidSpecError"
    assert "is not permitted in project 'default'" in stand.status["conditions"][0]["message"]
    assert stand.status["sync"]["status"] == "Unknown"
    assert stand.status["health"]["status"] == "Unknown"
    state = stand.sync()
    assert (state["phase"], state["message"][:17]) == ("Error", "InvalidSpecError:")
    assert len(state["syncResult"]["revision"]) == 40


def test_a_repository_may_be_away_for_a_while() -> None:
    stand = Stand(config("a"))
    stand.sync()
    stand.sources.fault = "repository is gone"
    stand.run(100)
    assert stand.status["sync"]["status"] == "Synced"
    stand.run(150)
    assert stand.status["sync"]["status"] == "Unknown"
    assert "repository is gone" in stand.status["conditions"][0]["message"]
    stand.sources.fault = ""
    stand.run(25)
    assert stand.status["sync"]["status"] == "Synced"
    assert "conditions" not in stand.status


def test_history_is_bounded() -> None:
    stand = Stand(config("a"), revisionHistoryLimit=2)
    for value in "1234":
        stand.refresh(config("a", value))
        stand.sync()
    assert [h["id"] for h in stand.status["history"]] == [2, 3]


def test_a_controller_that_is_replaced_goes_on() -> None:
    stand = Stand(config("a", wave="1"), config("b", wave="2"), config("c", wave="3"))
    stand.sync(1)
    assert stand.operation["phase"] == "Running"
    from opsconsole.sandbox.argocd.applications import ApplicationController

    again = ApplicationController(stand.environment, stand.cluster.manager, 20.0)
    stand.cluster.restart(again.name, again)
    stand.run(20)
    assert stand.operation["phase"] == "Succeeded"
    assert set(stand.results()) == {"a", "b", "c"}


def test_automated_sync_does_not_wipe_out_everything() -> None:
    stand = Stand(config("a"), syncPolicy=AUTOMATED)
    stand.run(5)
    stand.refresh(seconds=0)
    stand.sources.push()
    stand.refresh(seconds=2)
    assert stand.find(CONFIG_MAP, "a") is not None
    assert "auto-sync will wipe out all resources" in stand.status["conditions"][0]["message"]


def test_self_heal_backs_off() -> None:
    stand = Stand(config("a"), syncPolicy=AUTOMATED)
    stand.run(3)
    healed = []
    for _ in range(3):
        live = stand.find(CONFIG_MAP, "a")
        assert live is not None
        stand.store.update(CONFIG_MAP, {**live, "data": {"k": "hacked"}})
        start = stand.cluster.simulation.elapsed

        def hacked() -> bool:
            now = stand.find(CONFIG_MAP, "a")
            return now is not None and now["data"] != {"k": "1"}

        assert stand.cluster.simulation.run_while(hacked, limit=60)
        healed.append(stand.cluster.simulation.elapsed - start)
        stand.run(0.5)
    assert healed[0] < 1 < healed[1] < healed[2]
    assert healed[2] == pytest.approx(6, abs=1.5)


def test_a_failed_revision_is_not_tried_again_by_itself() -> None:
    bad = config("a")
    bad["metadata"]["labels"] = {"k": "not valid!"}
    stand = Stand(bad, syncPolicy={**AUTOMATED, "retry": {"limit": 0}})
    stand.run(60)
    assert sum(m.startswith("Initiated automated sync") for m in messages(stand)) == 1
    assert stand.status["conditions"][0]["type"] == "SyncError"


@pytest.mark.parametrize("finalizer", ["", "/background", "/foreground"])
def test_cascading_deletion_goes_wave_by_wave(finalizer: str) -> None:
    name = f"resources-finalizer.argocd.argoproj.io{finalizer}"
    kept = config("kept", options="Delete=false")
    stand = Stand(config("a", wave="1"), config("b"), kept, meta={"finalizers": [name]})
    stand.sync(10)
    gone: list[str] = []
    stand.store.subscribe(
        lambda c: (
            gone.append(c.object["metadata"]["name"])
            if c.type == "DELETED" and c.kind == CONFIG_MAP
            else None
        )
    )
    stand.store.delete(APPLICATION, "argocd", "app")
    stand.run(10)
    assert gone == ["a", "b"]
    assert stand.find(CONFIG_MAP, "kept") is not None
    assert stand.store.find(APPLICATION, "argocd", "app") is None


def test_extra_objects_may_be_ignored() -> None:
    stand = Stand(config("a"), config("b", compare="IgnoreExtraneous"))
    stand.sync()
    stand.refresh(config("a"))
    assert stand.status["sync"]["status"] == "Synced"
    assert [r["status"] for r in stand.status["resources"]] == ["Synced", "OutOfSync"]


def test_a_wave_waits_until_the_one_before_is_healthy() -> None:
    pod = {"restartPolicy": "Always", "containers": [{"name": "c", "image": "busybox"}]}
    notes = {"argocd.argoproj.io/sync-wave": "-1"}
    slow = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "slow", "annotations": notes},
    }
    template = {
        "metadata": {"labels": {"a": "b"}, "annotations": {"test/ready": "never"}},
        "spec": pod,
    }
    slow["spec"] = {"replicas": 1, "selector": {"matchLabels": {"a": "b"}}, "template": template}
    stand = Stand(config("late"), slow)
    state = stand.sync(30)
    assert state["message"] == "waiting for healthy state of apps/Deployment/slow"
    assert stand.find(CONFIG_MAP, "late") is None


def test_what_carries_a_copied_mark_is_not_pruned() -> None:
    stand = Stand(config("a"))
    stand.sync()
    marked = stand.find(CONFIG_MAP, "a")
    assert marked is not None
    notes = marked["metadata"]["annotations"]
    copy = {**config("copy"), "metadata": {"name": "copy", "namespace": "ns", "annotations": notes}}
    stand.store.create(CONFIG_MAP, copy)
    stand.run(1)
    assert [r for r in stand.status["resources"] if r.get("requiresPruning")] == []
    stand.sync(prune=True)
    assert set(stand.results()) == {"a"}
    assert stand.find(CONFIG_MAP, "copy") is not None


def test_the_whole_of_an_empty_request() -> None:
    stand = Stand(config("a"))
    stand.store.update(APPLICATION, {**stand.app, "operation": {"sync": {}}})
    stand.run(3)
    assert stand.operation["phase"] == "Succeeded"
    stand.store.update(APPLICATION, {**stand.app, "operation": {"info": []}})
    stand.run(3)
    assert (stand.operation["phase"], stand.operation["message"]) == (
        "Error",
        "Invalid operation request: no operation specified",
    )


def test_a_project_that_is_not_there_is_named() -> None:
    stand = Stand(config("a"), project="lost")
    state = stand.sync()
    assert (state["phase"], state["message"]) == (
        "Error",
        'Failed to load application project: error getting app project "lost": appproject.argoproj.io "lost" not found',
    )
    assert "syncResult" not in state


def test_a_cluster_that_is_not_known_ends_a_sync_before_its_revision_is_looked_up() -> None:
    stand = Stand(config("a"), destination={"server": "https://nowhere.example", "namespace": "ns"})
    state = stand.sync()
    assert (state["phase"], state["message"]) == (
        "Error",
        'error getting cluster by server "https://nowhere.example": rpc error: code = NotFound desc = cluster "https://nowhere.example" not found',
    )
    assert state["syncResult"]["revision"] == "main"


def test_the_back_off_of_a_retry() -> None:
    stand = Stand(job("pre", "fail", hook="PreSync"))
    retry = {"limit": 2, "backoff": {"duration": "30s", "factor": 2}}
    state = stand.sync(4, retry=retry)
    assert (state["phase"], state["retryCount"]) == ("Running", 1)
    # said: after one time 30 s; done: after 60 s
    assert state["message"].endswith(". Retrying attempt #1 at 9:00AM.")
    stand.run(55)
    assert stand.operation["retryCount"] == 1
    stand.run(10)
    assert stand.operation["retryCount"] == 2
    assert "syncResult" in stand.operation
    stand.run(125)
    assert stand.operation["message"].endswith("unsuccessfully (retried 2 times).")
    assert stand.operation["phase"] == "Failed"


def test_a_retry_that_says_no_duration_ends_with_that() -> None:
    stand = Stand(job("pre", "fail", hook="PreSync"))
    state = stand.sync(10, retry={"limit": 2, "backoff": {"duration": "soon"}})
    assert state["phase"] == "Error"
    assert state["message"].endswith(" (failed to retry: unable to parse soon as a duration)")


def test_a_retry_may_take_the_newest_revision() -> None:
    stand = Stand(job("pre", "fail", hook="PreSync"), config("a"))
    retry = {"limit": 3, "refresh": True, "backoff": {"duration": "2s"}}
    first = stand.sync(2, retry=retry, revision=f"{1:040x}")["syncResult"]["revision"]
    stand.sources.push(job("pre", hook="PreSync"), config("a"))
    stand.run(20)
    assert stand.operation["phase"] == "Succeeded"
    assert stand.operation["syncResult"]["revision"] != first


def test_a_kind_by_its_definition_of_the_same_sync_and_one_that_may_come_later() -> None:
    odd = {"apiVersion": "x.io/v1", "kind": "Odd", "metadata": {"name": "o"}}
    stand = Stand(config("a"), odd)
    state = stand.sync(10, syncOptions=["SkipDryRunOnMissingResource=true"])
    assert stand.results()["a"][0] == "Synced"
    assert 'no matches for kind "Odd" in version "x.io/v1"' in state["message"]


def test_prune_options_of_the_application() -> None:
    stand = Stand(config("a"), config("b"), config("own", options="Prune=true"))
    stand.sync()
    stand.refresh(config("a"))
    stand.sync(prune=True, syncOptions=["Prune=false"])
    assert stand.results()["b"] == ("PruneSkipped", "Succeeded", "ignored (no prune)")
    assert stand.results()["own"] == ("Pruned", "Succeeded", "pruned")
    state = stand.sync(prune=True, syncOptions=["Prune=confirm"])
    assert (state["phase"], state["message"]) == (
        "Running",
        "waiting for pruning confirmation of /ConfigMap/b",
    )


def test_the_namespace_keeps_what_others_have_set_there() -> None:
    policy = {"managedNamespaceMetadata": {"labels": {"team": "x"}}}
    stand = Stand(config("a"), syncPolicy=policy)
    home = stand.store.get(NAMESPACE, "", "ns")
    meta = {**home["metadata"], "labels": {**home["metadata"].get("labels", {}), "mine": "1"}}
    stand.store.update(NAMESPACE, {**home, "metadata": meta})
    state = stand.sync(syncOptions=["CreateNamespace=true"])
    assert stand.results()["ns"][2] == "namespace/ns serverside-applied"
    now = stand.store.get(NAMESPACE, "", "ns")["metadata"]
    assert (now["labels"]["team"], now["labels"]["mine"]) == ("x", "1")
    assert now["annotations"] == {"argocd.argoproj.io/sync-options": "ServerSideApply=true"}
    assert state["syncResult"]["managedNamespaceMetadata"] == {"labels": {"team": "x"}}


def test_a_hook_with_a_generated_name_is_looked_after() -> None:
    named = job("x", hook="PreSync")
    meta = {"generateName": "gen-", "annotations": named["metadata"]["annotations"]}
    stand = Stand(config("a"), {**named, "metadata": meta})
    state = stand.sync(10)
    assert state["phase"] == "Succeeded"
    [name] = [n for n in stand.results() if n != "a"]
    assert name.startswith("gen-0000000-presync-17")
    assert stand.results()[name][:2] == ("Synced", "Succeeded")


def test_a_skipped_object_is_left_alone_and_counts_for_nothing() -> None:
    stand = Stand(config("a"), config("skip", hook="Skip"), config("odd", hook=""))
    state = stand.sync()
    assert state["message"] == "successfully synced (all tasks run)"
    assert set(stand.results()) == {"a"}
    assert stand.status["sync"]["status"] == "Synced"
    assert stand.find(CONFIG_MAP, "skip") is None
    assert stand.find(CONFIG_MAP, "odd") is None


@pytest.mark.parametrize(("value", "skipped"), [("true", True), ("1", True), ("yes", False)])
def test_an_application_may_be_left_alone(value: str, skipped: bool) -> None:
    notes = {"argocd.argoproj.io/skip-reconcile": value}
    stand = Stand(config("a"), meta={"annotations": notes})
    assert ("status" not in stand.app) is skipped


def test_string_data_is_configured_each_time() -> None:
    secret = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": "s"},
        "stringData": {"k": "v"},
    }
    stand = Stand(secret)
    stand.sync()
    assert stand.results()["s"][2] == "secret/s created"
    stand.sync()
    assert stand.results()["s"][2] == "secret/s configured"
    live = stand.find(SECRET, "s")
    assert live is not None
    assert live["data"] == {"k": "dg=="}
    assert "stringData" not in live
    assert stand.status["sync"]["status"] == "Synced"


def test_an_operation_goes_on_with_what_it_began_with() -> None:
    stand = Stand(config("a"), job("pre", hook="PreSync"))
    state = stand.sync(0.5)
    began = state["syncResult"]
    assert began["revision"] == f"{1:040x}"
    stand.sources.push(config("b"))
    app = stand.app
    source = {**app["spec"]["source"], "path": "elsewhere"}
    asked: list[tuple[str, str]] = []
    generate = stand.sources.generate

    def noting(source: Any, revision: str, *args: Any, **more: Any) -> Generated:
        asked.append((source["path"], revision))
        return generate(source, revision, *args, **more)

    stand.sources.generate = noting  # type: ignore[method-assign]
    stand.store.update(APPLICATION, {**app, "spec": {**app["spec"], "source": source}})
    stand.run(10)
    assert ("p", began["revision"]) in asked
    done = stand.operation
    assert done["phase"] == "Succeeded"
    assert (done["syncResult"]["revision"], done["syncResult"]["source"]) == (
        began["revision"],
        began["source"],
    )
    assert stand.find(CONFIG_MAP, "b") is None
    assert stand.status["history"][-1]["source"]["path"] == "p"
