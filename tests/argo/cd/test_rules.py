from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from opsconsole.argo.cd import hooks, projects, windows
from opsconsole.argo.cd.autosync import decide, heal_wait
from opsconsole.argo.cd.diff import Differ, align_tracking, masked
from opsconsole.argo.cd.ignores import Ignore, parse_path
from opsconsole.argo.cd.merge import three_way
from opsconsole.argo.cd.retry import Retry, kitchen
from opsconsole.argo.cd.sync.tasks import Task, ordered, reverse_prunes
from opsconsole.argo.cd.tracking import Tracking
from opsconsole.argo.cd.waves import wave_of
from opsconsole.errors import RuleError

MONDAY = datetime(2026, 1, 5, 9, 30, tzinfo=UTC)


def obj(kind: str, name: str, group: str = "", **more: Any) -> dict[str, Any]:
    notes = more.pop("notes", {})
    meta = {"name": name, "namespace": more.pop("namespace", "ns"), "annotations": notes}
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": meta, **more}


WAVE, HOOK = "argocd.argoproj.io/sync-wave", "argocd.argoproj.io/hook"


def test_tasks_are_ordered_by_phase_wave_kind_and_name() -> None:
    tasks = [
        Task("PostSync", obj("Job", "post", "batch"), None),
        Task("Sync", obj("Rollout", "r", "argoproj.io"), None),
        Task("Sync", obj("Service", "s"), None),
        Task("Sync", obj("ConfigMap", "b"), None),
        Task("Sync", obj("ConfigMap", "a"), None),
        Task("Sync", obj("Secret", "late", notes={WAVE: "1"}), None),
        Task("Sync", obj("Secret", "early", notes={WAVE: "-1"}), None),
        Task("PreSync", obj("Job", "pre", "batch"), None),
    ]
    names = [t.obj["metadata"]["name"] for t in ordered(tasks)]
    assert names == ["pre", "early", "a", "b", "s", "r", "late", "post"]


def test_a_namespace_moves_before_what_is_in_it() -> None:
    home = obj("Namespace", "ns", namespace="", notes={WAVE: "5"})
    tasks = ordered([Task("Sync", obj("ConfigMap", "a"), None), Task("Sync", home, None)])
    assert [t.kind for t in tasks] == ["Namespace", "ConfigMap"]
    assert tasks[0].wave == 0


def test_prune_waves_are_mirrored_or_last() -> None:
    def prunes() -> list[Task]:
        return [
            Task("Sync", None, obj("ConfigMap", str(w), notes={WAVE: str(w)})) for w in (1, 2, 7)
        ]

    tasks = prunes()
    reverse_prunes(tasks, prune_last=False)
    assert [t.wave for t in tasks] == [7, 2, 1]
    tasks = prunes()
    reverse_prunes(tasks, prune_last=True)
    assert [t.wave for t in tasks] == [8, 8, 8]


@pytest.mark.parametrize(
    ("notes", "wave"),
    [
        ({WAVE: "3"}, 3),
        ({WAVE: "-2"}, -2),
        ({WAVE: "x"}, 0),
        ({"helm.sh/hook-weight": "4"}, 4),
        ({WAVE: "9" * 40}, 0),
    ],
)
def test_waves(notes: dict[str, str], wave: int) -> None:
    assert wave_of(obj("ConfigMap", "a", notes=notes)) == wave


@pytest.mark.parametrize(
    ("notes", "phases", "hook"),
    [
        ({HOOK: "PreSync,PostSync"}, ["PreSync", "PostSync"], True),
        ({HOOK: "Skip"}, [], False),
        ({HOOK: "Skip,PreSync"}, ["PreSync"], True),
        ({HOOK: ""}, [], True),
        ({HOOK: "PostDelete"}, [], True),
        ({HOOK: "Nonsense"}, [], True),
        ({"helm.sh/hook": "pre-upgrade,post-install"}, ["PreSync", "PostSync"], True),
        ({"helm.sh/hook": "crd-install"}, ["Sync"], False),
        ({"helm.sh/hook": "test"}, [], True),
        ({HOOK: "Nonsense", "helm.sh/hook": "pre-install"}, ["PreSync"], True),
        ({HOOK: "Sync", "helm.sh/hook": "pre-install"}, ["Sync"], True),
        ({}, ["Sync"], False),
    ],
)
def test_hook_types(notes: dict[str, str], phases: list[str], hook: bool) -> None:
    found = obj("Job", "a", "batch", notes=notes)
    assert hooks.sync_phases(found) == phases
    assert hooks.is_hook(found) is hook


def test_delete_policies() -> None:
    assert hooks.delete_policies(obj("Job", "a")) == ["BeforeHookCreation"]
    notes = {"argocd.argoproj.io/hook-delete-policy": "HookSucceeded, HookFailed"}
    assert hooks.delete_policies(obj("Job", "a", notes=notes)) == ["HookSucceeded", "HookFailed"]


# diff


def deployment(image: str = "a:1", **container: Any) -> dict[str, Any]:
    pod = {"containers": [{"name": "c", "image": image, **container}]}
    spec = {"template": {"metadata": {"labels": {"a": "b"}}, "spec": pod}}
    return obj("Deployment", "d", "apps", spec=spec)


def test_quantities_in_another_spelling_are_equal() -> None:
    one = deployment(resources={"limits": {"cpu": "1000m", "memory": "1Gi"}})
    other = deployment(resources={"limits": {"cpu": "1", "memory": "1024Mi"}})
    assert not Differ().compare(one, other).modified
    assert Differ().compare(one, deployment(resources={"limits": {"cpu": "2"}})).modified


def test_what_others_added_is_no_difference_and_what_was_dropped_is() -> None:
    import json

    target = deployment()
    live = deployment(terminationMessagePath="/dev/log")
    live["metadata"] |= {"uid": "1", "resourceVersion": "5", "generation": 2}
    live["status"] = {"replicas": 3}
    assert not Differ().compare(target, live).modified
    before = deployment(imagePullPolicy="Always")
    note = {"kubectl.kubernetes.io/last-applied-configuration": json.dumps(before)}
    live = deployment(imagePullPolicy="Always")
    live["metadata"]["annotations"] = note
    found = Differ().compare(target, live)
    assert found.modified
    assert found.predicted is not None
    assert "imagePullPolicy" not in found.predicted["spec"]["template"]["spec"]["containers"][0]


def test_lists_of_builtin_kinds_merge_by_key() -> None:
    live = {
        "spec": {"containers": [{"name": "a", "image": "1"}, {"name": "sidecar", "image": "s"}]}
    }
    wanted = {"spec": {"containers": [{"name": "a", "image": "2"}]}}
    found = three_way({}, wanted, live, builtin=True)
    assert [c["name"] for c in found["spec"]["containers"]] == ["a", "sidecar"]
    assert len(three_way({}, wanted, live, builtin=False)["spec"]["containers"]) == 1
    gone = three_way(live, wanted, live, builtin=True)
    assert [c["name"] for c in gone["spec"]["containers"]] == ["a"]


def test_secrets_compare_by_value_and_are_masked() -> None:
    target = obj("Secret", "s", stringData={"k": "v"})
    live = obj("Secret", "s", data={"k": "dg=="})
    assert not Differ().compare(target, live).modified
    left, right = masked(
        obj("Secret", "s", data={"k": "dg==", "x": "MQ=="}),
        obj("Secret", "s", data={"k": "dg==", "x": "Mg=="}),
    )
    assert left is not None
    assert right is not None
    assert left["data"]["k"] == right["data"]["k"]
    assert left["data"]["x"] != right["data"]["x"]
    assert "dg==" not in str(left)


@pytest.mark.parametrize(
    "rule",
    [
        {"jsonPointers": ["/spec/template/spec/containers/0/image"]},
        {"jqPathExpressions": [".spec.template.spec.containers[].image"]},
        {"jqPathExpressions": ['.spec.template.spec.containers[] | select(.name == "c") | .image']},
        {"jqPathExpressions": ['.spec.template.spec.containers[] | select(.name == "c")']},
    ],
)
def test_ignored_differences(rule: dict[str, Any]) -> None:
    ignore = Ignore.of({"group": "apps", "kind": "*", **rule})
    one, other = deployment("a:1"), deployment("a:2")
    assert Differ().compare(one, other).modified
    assert not Differ((ignore,)).compare(one, other).modified
    elsewhere = Ignore.of({"group": "apps", "kind": "*", "name": "x", **rule})
    assert Differ((elsewhere,)).compare(one, other).modified


def test_managed_fields_can_be_ignored() -> None:
    live = deployment("a:2")
    fields: dict[str, Any] = {
        "f:spec": {
            "f:template": {"f:spec": {"f:containers": {'k:{"name":"c"}': {".": {}, "f:image": {}}}}}
        }
    }
    live["metadata"]["managedFields"] = [{"manager": "bot", "fieldsV1": fields}]
    ignore = Ignore.of({"group": "apps", "kind": "Deployment", "managedFieldsManagers": ["bot"]})
    assert not Differ((ignore,)).compare(deployment("a:1"), live).modified


def test_other_jq_is_refused() -> None:
    with pytest.raises(RuleError, match="is not understood"):
        parse_path(".a | map(.b)")


# tracking


def test_a_copied_mark_is_not_a_self_reference() -> None:
    tracking = Tracking()
    marked = tracking.mark(obj("ConfigMap", "a"), "app", "ns")
    assert tracking.instance_of(marked) == "app"
    assert tracking.is_self_referenced(marked, None)
    copied = {**marked, "kind": "Pod"}
    assert not tracking.is_self_referenced(copied, None)
    assert tracking.is_self_referenced(copied, obj("Pod", "a"))
    assert not tracking.is_self_referenced(marked, obj("ConfigMap", "b"))
    assert Tracking("label").is_self_referenced(copied, None)
    unreadable = obj("ConfigMap", "a", notes={"argocd.argoproj.io/tracking-id": "app:x"})
    assert tracking.is_self_referenced(unreadable, None)
    assert tracking.instance_of(unreadable) == ""
    colons = tracking.mark(obj("ClusterRole", "system:team:a"), "app", "ns")
    assert tracking.instance_of(colons) == "app"
    assert tracking.is_self_referenced(colons, None)
    assert not tracking.is_self_referenced({**colons, "kind": "Role"}, None)


def test_a_label_is_cut_to_what_a_label_may_be() -> None:
    both = Tracking("annotation+label", "team")
    marked = both.mark(obj("ConfigMap", "a"), "a" * 61 + "--b", "ns")
    assert marked["metadata"]["labels"]["team"] == "a" * 61
    long = "a" * 70
    assert Tracking("label", "team").mark(obj("ConfigMap", "a"), long, "ns")["metadata"][
        "labels"
    ] == {"team": long}


def test_a_label_left_over_from_tracking_is_no_difference() -> None:
    wanted = Tracking().mark(obj("ConfigMap", "a"), "app", "ns")
    live = {**wanted, "metadata": {"name": "a", "namespace": "ns", "labels": {"team": "app"}}}
    aligned = align_tracking(wanted, live, "team")
    assert not Differ().compare(wanted, aligned).modified
    kept = {**wanted, "metadata": {**wanted["metadata"], "labels": {"team": "x"}}}
    assert Differ().compare(kept, align_tracking(kept, live, "team")).modified


def test_aggregated_roles() -> None:
    role = {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "a"},
        "aggregationRule": {"clusterRoleSelectors": []},
        "rules": [],
    }
    live = {**role, "rules": [{"verbs": ["get"]}]}
    assert Differ().compare(role, live).modified
    assert not Differ(ignore_aggregated_roles=True).compare(role, live).modified


# automated sync


def application(**status: Any) -> dict[str, Any]:
    policy = {"automated": {"prune": True, "selfHeal": True}, "syncOptions": ["X=true"]}
    source = {"repoURL": "r", "path": "p"}
    return {
        "spec": {"source": source, "syncPolicy": policy},
        "status": {"sync": {"status": "OutOfSync"}, **status},
    }


DRIFT = [{"kind": "ConfigMap", "name": "a", "namespace": "ns", "status": "OutOfSync"}]


def attempt(phase: str, heals: int = 0, revision: str = "abc") -> dict[str, Any]:
    result = {"revision": revision, "source": {"repoURL": "r", "path": "p"}}
    operation = {"sync": {"autoHealAttemptsCount": heals}}
    return {
        "phase": phase,
        "message": "why",
        "syncResult": result,
        "operation": operation,
        "finishedAt": "2026-01-05T09:30:00Z",
    }


def test_automated_sync_decides() -> None:
    found = decide(application(), DRIFT, ["abc"], MONDAY)
    assert found.operation is not None
    assert found.operation["sync"]["syncOptions"] == ["X=true"]
    assert found.operation["retry"] == {"limit": 5}
    assert decide(application(sync={"status": "Unknown"}), DRIFT, ["abc"], MONDAY).operation is None
    failed = decide(application(operationState=attempt("Failed")), DRIFT, ["abc"], MONDAY)
    assert failed.error == "Failed last sync attempt to [abc]: why"
    healed = decide(application(operationState=attempt("Succeeded")), DRIFT, ["abc"], MONDAY)
    assert healed.operation is not None
    assert healed.operation["sync"]["resources"] == [{"kind": "ConfigMap", "name": "a"}]
    assert healed.operation["sync"]["autoHealAttemptsCount"] == 1
    waiting = decide(application(operationState=attempt("Succeeded", 2)), DRIFT, ["abc"], MONDAY)
    assert (waiting.operation, waiting.wait) == (None, 6.0)
    newer = decide(application(operationState=attempt("Failed", 0, "old")), DRIFT, ["abc"], MONDAY)
    assert newer.operation is not None


def test_an_attempt_without_a_result_names_no_revision() -> None:
    state = {"phase": "Error", "message": "why"}
    found = decide(application(operationState=state), DRIFT, ["abc"], MONDAY)
    assert found.error == "Failed last sync attempt to []: why"


def test_automated_sync_of_several_sources() -> None:
    app = application()
    sources = [{"repoURL": "r", "path": "p"}, {"repoURL": "s", "path": "q"}]
    app["spec"]["sources"] = sources
    found = decide(app, DRIFT, ["abc", "def"], MONDAY)
    assert found.operation is not None
    sync = found.operation["sync"]
    assert (sync["revisions"], sync["sources"]) == (["abc", "def"], sources)
    assert "source" not in sync
    assert "revision" not in sync
    result = {"revisions": ["abc", "def"], "sources": sources}
    app["status"]["operationState"] = {"phase": "Failed", "message": "w", "syncResult": result}
    assert decide(app, DRIFT, ["abc", "def"], MONDAY).error == (
        "Failed last sync attempt to [abc def]: w"
    )
    assert decide(app, DRIFT, ["abc", "new"], MONDAY).operation is not None


def test_what_only_needs_pruning_waits_unless_a_hook_is_there() -> None:
    app = application()
    app["spec"]["syncPolicy"]["automated"] = {}
    extra = {**DRIFT[0], "requiresPruning": True}
    assert decide(app, [extra], ["abc"], MONDAY).operation is None
    hook = {"kind": "Job", "name": "h", "hook": True}
    assert decide(app, [extra, hook], ["abc"], MONDAY).operation is not None


@pytest.mark.parametrize("resources", [[], [{**DRIFT[0], "requiresPruning": True}]])
def test_automated_sync_wipes_nothing_out(resources: list[dict[str, Any]]) -> None:
    found = decide(application(), resources, ["abc"], MONDAY)
    assert found.error == "Skipping sync attempt to [abc]: auto-sync will wipe out all resources"


@pytest.mark.parametrize(
    ("heals", "wait"), [(0, 0), (1, 2), (2, 6), (3, 18), (4, 54), (5, 162), (6, 300), (9, 300)]
)
def test_self_heal_back_off(heals: int, wait: float) -> None:
    assert heal_wait(application(operationState=attempt("Succeeded", heals)), MONDAY) == wait


def test_enabled_false_turns_it_off() -> None:
    app = application()
    app["spec"]["syncPolicy"]["automated"]["enabled"] = False
    assert decide(app, DRIFT, ["abc"], MONDAY).operation is None


def test_retry_waits() -> None:
    retry = Retry.of({"limit": 2, "backoff": {"duration": "2s", "factor": 3, "maxDuration": "10s"}})
    assert [retry.wait(n) for n in range(4)] == [2, 6, 10, 10]
    assert (retry.allows(1), retry.allows(2)) == (True, False)
    assert Retry.of({"limit": -1}).allows(1000)
    assert Retry.of({"backoff": {"duration": 7}}).duration == 7
    assert Retry.of({"backoff": {"duration": "7", "maxDuration": "-1"}}).wait(0) == 7
    assert Retry.of({"backoff": {"duration": "x"}}).fault == "unable to parse x as a duration"
    assert kitchen(datetime(2026, 1, 1, 0, 5, tzinfo=UTC)) == "12:05AM"


# windows and projects


def window(kind: str, schedule: str, duration: str = "1h", **more: Any) -> windows.Window:
    return windows.Window(
        {"kind": kind, "schedule": schedule, "duration": duration, "applications": ["*"], **more}
    )


@pytest.mark.parametrize(
    ("found", "manual", "automated"),
    [
        ([], True, True),
        ([window("deny", "0 9 * * *")], False, False),
        ([window("deny", "0 9 * * *", manualSync=True)], True, False),
        ([window("deny", "0 7 * * *")], True, True),
        ([window("allow", "0 9 * * 1")], True, True),
        ([window("allow", "0 9 * * 2")], False, False),
        ([window("allow", "0 9 * * tue", manualSync=True)], True, False),
        ([window("allow", "0 9 * * *"), window("deny", "*/5 * * * *", "6m")], False, False),
        ([window("allow", "0 10 * * *", timeZone="Europe/Berlin")], True, True),
    ],
)
def test_sync_windows(found: list[windows.Window], manual: bool, automated: bool) -> None:
    assert windows.can_sync(found, MONDAY, manual=True) is manual
    assert windows.can_sync(found, MONDAY, manual=False) is automated


def test_a_running_sync_may_overrun() -> None:
    deny = [window("deny", "0 9 * * *", syncOverrun=True)]
    early = datetime(2026, 1, 5, 8, 59, tzinfo=UTC)
    assert windows.can_sync(deny, MONDAY, manual=False, started=early)
    assert not windows.can_sync(deny, MONDAY, manual=False, started=MONDAY)


@pytest.mark.parametrize(
    "schedule", ["* * * *", "61 * * * *", "a * * * *", "*/0 * * * *", "5-1 * * * *"]
)
def test_bad_schedules_are_refused(schedule: str) -> None:
    with pytest.raises(RuleError):
        windows.Cron.parse(schedule)


def test_a_schedule_that_never_fires_ends() -> None:
    assert windows.Cron.parse("0 0 31 2 *").next(MONDAY) is None


def test_projects() -> None:
    spec = {
        "sourceRepos": ["https://git/org/*", "!https://git/org/secret"],
        "destinations": [
            {"server": "*", "namespace": "team-*"},
            {"server": "*", "namespace": "!team-x"},
        ],
        "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
        "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
    }
    project = {"metadata": {"name": "p"}, "spec": spec}
    assert projects.permits_source(project, "https://git/org/app.git")
    # a pattern that denies something matches all the rest, so that it permits it
    assert projects.permits_source(project, "https://git/org/deep/app")
    without = {"spec": {"sourceRepos": ["https://git/org/*", "git@host:team/*"]}}
    assert not projects.permits_source(without, "https://git/org/deep/app")
    assert projects.permits_source(without, "ssh://git@host/team/App.git")
    assert not projects.permits_source({"spec": {}}, "https://git/org/app")
    assert not projects.permits_source(project, "https://git/org/secret.git")
    assert projects.permits_destination(project, "https://c", "", "team-a")
    assert not projects.permits_destination(project, "https://c", "", "team-x")
    assert projects.permits_destination(project, "https://c", "", "other")
    plain = {"spec": {"destinations": [{"name": "east", "namespace": "team-*"}]}}
    assert projects.permits_destination(plain, "https://c", "east", "team-a")
    assert not projects.permits_destination(plain, "https://c", "west", "team-a")
    assert not projects.permits_destination(plain, "https://c", "east", "other")


def test_what_is_wrong_with_a_spec() -> None:
    project = {
        "spec": {"sourceRepos": ["https://git/*"], "destinations": [{"server": "https://c"}]}
    }
    source = {"repoURL": "https://git/a", "path": "p"}

    def faults(destination: dict[str, str], **spec: object) -> list[str]:
        whole = {"project": "p", "source": source, "destination": destination, **spec}
        return projects.spec_faults({"spec": whole}, project, ("https://c", "east"))

    assert faults({"name": "east"}) == []
    assert faults({"name": "east", "namespace": "n"}, source={**source, "repoURL": "x"}) == [
        "application repo x is not permitted in project 'p'",
        (
            "application destination server 'east' and namespace 'n' do not match any of the allowed "
            "destinations in project 'p'"
        ),
    ]
    assert faults({"server": "https://c", "name": "east"}) == [
        "application destination can't have both name and server defined: east https://c"
    ]
    assert faults({}) == ["Destination server missing from app spec"]
    assert faults({}, source={"repoURL": "x"}) == [
        "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    ]
    assert faults({}, source={"repoURL": "x", "chart": "c"}) == [
        "spec.source.targetRevision is required if the manifest source is a helm chart"
    ]
    assert faults({}, sources=[source, {"repoURL": "https://git/b", "targetRevision": "v1"}]) == [
        (
            "spec.source.repoURL and either source.path, source.chart, or source.ref are required for "
            "source {https://git/b  v1 nil nil nil nil    }"
        )
    ]


def test_kinds_of_a_project() -> None:
    project = {
        "spec": {
            "clusterResourceWhitelist": [{"group": "", "kind": "Namespace"}],
            "namespaceResourceBlacklist": [{"group": "", "kind": "Secret"}],
        }
    }
    assert projects.permits_kind(project, "", "Namespace", "n", namespaced=False)
    assert not projects.permits_kind(project, "x", "Other", "n", namespaced=False)
    assert projects.permits_kind(project, "apps", "Deployment", "n", namespaced=True)
    assert not projects.permits_kind(project, "", "Secret", "n", namespaced=True)
