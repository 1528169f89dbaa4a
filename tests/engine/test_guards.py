"""Guards and plans: every refusal says why, every surprise is a warning."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from opsconsole.engine.connectivity import overall
from opsconsole.engine.decode.applications import application
from opsconsole.engine.decode.rollouts import rollout
from opsconsole.engine.follow import JUDGES
from opsconsole.engine.guards import on_application, on_rollout, refusal
from opsconsole.engine.planning import applications, rollouts
from opsconsole.engine.planning.draft import Draft, Facts
from opsconsole.engine.windows import verdict
from opsconsole.errors import GuardError
from opsconsole.model.kinds import APPLICATION, ROLLOUT, ResourceKey
from opsconsole.model.permissions import Permissions, Rule
from opsconsole.model.plans import Intent, OperationRecord, OperationStatus, Plan, Risk
from opsconsole.model.snapshot import Link, LinkState, Snapshot
from tests.engine import objects

NOW = datetime(2026, 1, 5, 9, tzinfo=UTC)
SHOP = ResourceKey(ROLLOUT, "prod", "shop")
APP = ResourceKey(APPLICATION, "argocd", "shop")
OWNER = {"metadata": {"name": "shop", "namespace": "prod", "uid": "u"}}
DONE = {"stableRS": "new1", "pauseConditions": [], "currentStepIndex": 4, "controllerPause": False}
BUSY = {"pauseConditions": [], "controllerPause": False}


def told(action: str, options: tuple[tuple[str, Any], ...] = (), **over: Any) -> str:
    sets = [
        (objects.replica_set(OWNER, "new1", 2), []),
        (objects.replica_set(OWNER, "old1", 1), []),
    ]
    return on_rollout(Intent(action, SHOP, options), rollout(objects.rollout(**over), sets))


@pytest.mark.parametrize(
    ("action", "over", "said"),
    [
        ("promote", {}, ""),
        ("promote", {"status": BUSY}, ""),
        ("promote", {"status": {"abort": True}}, "retry first"),
        ("promote", {"status": DONE}, "nothing to promote"),
        ("promote", {"strategy": {"blueGreen": {}}, "status": BUSY}, "would do nothing"),
        ("promote", {"steps": [{"analysis": {}}, {"analysis": {}}], "status": {**BUSY, "currentStepIndex": 0}}, "two analysis steps"),
        ("promote-full", {}, ""),
        ("promote-full", {"status": DONE}, "fully promoted"),
        ("promote-full", {"status": {"abort": True}}, "retry first"),
        ("promote-full", {"status": {"promoteFull": True}}, "under way"),
        ("abort", {}, ""),
        ("abort", {"status": DONE}, "nothing to abort"),
        ("abort", {"status": {"abort": True}}, "already"),
        ("abort", {"status": {"promoteFull": True}}, "ignores an abort"),
        ("retry", {"status": {"abort": True}}, ""),
        ("retry", {}, "not aborted"),
        ("undo", {}, ""),
        ("pause", {"spec": {"paused": True}}, "already"),
        ("pause", {"status": DONE}, "nothing to pause"),
        ("restart", {}, ""),
        ("set-image", {}, "no image"),
        ("dance", {}, "no action dance"),
    ],
)  # fmt: skip
def test_rollout_rules(action: str, over: dict[str, Any], said: str) -> None:
    found = told(action, **over)
    assert (said in found) if said else found == ""


def test_undo_names_the_revisions_there_are() -> None:
    assert "known: 2, 1" in told("undo", (("toRevision", 9),))


def about(
    action: str, options: tuple[tuple[str, Any], ...] = (), window: str = "", **over: Any
) -> str:
    return on_application(Intent(action, APP, options), application(objects.app(**over)), window)


@pytest.mark.parametrize(
    ("action", "options", "over", "said"),
    [
        ("sync", (), {}, ""),
        ("sync", (), {"operation": {"sync": {}}}, "already in progress"),
        ("sync", (), {"meta": {"deletionTimestamp": "x"}}, "being deleted"),
        ("sync", (("revision", "abc"),), {"policy": {"automated": {}}}, "auto-sync is set to main"),
        ("sync", (("revision", "abc"), ("dryRun", True)), {"policy": {"automated": {}}}, ""),
        ("sync", (("revision", "abc"),), {}, ""),
        ("sync", (("revision", "main"),), {"policy": {"automated": {}}}, ""),
        ("refresh", (), {"operation": {"sync": {}}}, ""),
        ("terminate", (), {}, "no operation"),
        ("terminate", (), {"operation": {}, "status": {"operationState": {"phase": "Running"}}}, ""),
        ("terminate", (), {"operation": {}, "status": {"operationState": {"phase": "Terminating"}}}, "already"),
        ("revert", (), {}, "no commit"),
        ("revert", (("commit", "abc"),), {}, ""),
    ],
)  # fmt: skip
def test_application_rules(action: str, options: Any, over: dict[str, Any], said: str) -> None:
    found = about(action, options, **over)
    assert (said in found) if said else found == ""


def test_a_sync_window_blocks_a_sync_only() -> None:
    assert about("sync", window="closed") == "closed"
    assert about("refresh", window="closed") == ""


def test_windows_of_the_project() -> None:
    def project(**window: Any) -> dict[str, Any]:
        base = {"kind": "deny", "schedule": "* * * * *", "duration": "1h", "applications": ["*"]}
        return {"metadata": {"name": "p"}, "spec": {"syncWindows": [{**base, **window}]}}

    assert "blocked by a sync window of project p" in verdict(project(), objects.app(), NOW)
    assert verdict(project(manualSync=True), objects.app(), NOW) == ""
    assert verdict(project(applications=["other"]), objects.app(), NOW) == ""
    assert "not valid" in verdict(project(schedule="nonsense"), objects.app(), NOW)


def snapshot(link: Link = Link.LIVE) -> Snapshot:
    return Snapshot(
        1, NOW, LinkState(link), applications={APP: application(objects.app())},
        rollouts={SHOP: rollout(objects.rollout())},
    )  # fmt: skip


def test_permissions_say_what_is_missing() -> None:
    read = Permissions(
        (Rule(frozenset({"get"}), frozenset({"*"}), frozenset({"*"})),), complete=True
    )
    found = refusal(Intent("abort", SHOP), snapshot(), {"prod": read})
    assert found == "the cluster does not let you patch rollouts.argoproj.io/status in prod"
    status = Rule(frozenset({"patch"}), frozenset({"argoproj.io"}), frozenset({"*/status"}))
    assert (
        refusal(Intent("abort", SHOP), snapshot(), {"prod": Permissions((status,), complete=True)})
        == ""
    )
    assert refusal(Intent("abort", SHOP), snapshot(), {"prod": Permissions()}) == ""


def test_nothing_is_allowed_blindly() -> None:
    assert "not connected" in refusal(Intent("sync", APP), snapshot(Link.STALE), {})
    gone = ResourceKey(ROLLOUT, "prod", "gone")
    assert "no rollout gone" in refusal(Intent("abort", gone), snapshot(), {})


# plans


def facts(target: dict[str, Any], action: str = "x", *, app: Any = None, **options: Any) -> Facts:
    intent = Intent(action, SHOP, tuple(options.items()))
    return Facts(intent, "tok", NOW, "ann", target, app=app)


def words(draft: Draft) -> str:
    return "\n".join((*draft.effects, *draft.warnings))


def bodies(draft: Draft) -> list[Any]:
    return [step.body for step in draft.steps]  # type: ignore[union-attr]


def test_promote_of_a_hand_paused_canary_resumes_and_skips() -> None:
    found = rollouts.promote(facts(objects.rollout(spec={"paused": True}, status=BUSY)))
    assert bodies(found) == [
        {"status": {"pauseConditions": None, "currentStepIndex": 2}}, {"spec": {"paused": False}}]  # fmt: skip
    assert "resumes it and skips" in words(found)
    assert "two writes" in words(found)


def test_promote_full_lists_what_is_skipped() -> None:
    found = rollouts.promote_full(facts(objects.rollout()))
    assert "skips 3 steps: pause, setWeight 60, pause 10m" in words(found)
    assert "analysis is cancelled" in words(found)


def test_abort_explains_degraded_and_a_halted_rollout() -> None:
    found = rollouts.abort(facts(objects.rollout(spec={"paused": True})))
    assert "Degraded, which is expected" in words(found)
    assert "spec.paused is set" in words(found)


def test_retry_starts_at_the_first_step() -> None:
    assert "first step (setWeight 20)" in words(rollouts.retry(facts(objects.rollout())))


@pytest.mark.parametrize(
    ("policy", "said"),
    [({"automated": {"selfHeal": True}}, "will put this back"), ({}, "will be OutOfSync")],
)
def test_writes_to_the_spec_tell_about_argo_cd(policy: dict[str, Any], said: str) -> None:
    app = application(objects.app(policy=policy))
    for plan, field in ((rollouts.pause, "paused"), (rollouts.restart, "restartAt")):
        unknown = words(plan(facts(objects.rollout(), app=app)))
        assert f"if git sets spec.{field}, " in unknown
        assert said in unknown
        for known in (applied({field: False}), managed(f"f:{field}")):
            told = words(plan(facts(objects.rollout(meta=known), app=app)))
            assert said in told
            assert "if git sets" not in told
        for other in (applied({"replicas": 3}), managed("f:replicas")):
            assert said not in words(plan(facts(objects.rollout(meta=other), app=app)))
    assert said not in words(rollouts.abort(facts(objects.rollout(), app=app)))
    free = objects.rollout(meta=applied({"replicas": 3}))
    assert "git does not set spec.paused: Argo CD leaves it alone" in words(
        rollouts.pause(facts(free, app=app))
    )
    image = facts(free, app=app, images=(("web", "x:1"),))
    assert said in words(rollouts.set_image(image))


def applied(spec: dict[str, Any]) -> dict[str, Any]:
    note = json.dumps({"kind": "Rollout", "spec": spec})
    return {"annotations": {"kubectl.kubernetes.io/last-applied-configuration": note}}


def managed(field: str) -> dict[str, Any]:
    entry = {"manager": "argocd-controller", "operation": "Apply",
             "fieldsV1": {"f:spec": {field: {}}}}  # fmt: skip
    return {"managedFields": [entry]}


def test_setting_the_image_that_it_has_says_that_nothing_happens() -> None:
    raw = objects.rollout()
    image = raw["spec"]["template"]["spec"]["containers"][0]["image"]
    found = rollouts.set_image(facts(raw, images=(("*", image),)))
    assert words(found) == "nothing: this is its image now"


def test_set_image_of_an_unknown_container_is_refused() -> None:
    with pytest.raises(Exception, match="unable to find container"):
        rollouts.set_image(facts(objects.rollout(), images=(("nope", "x:1"),)))
    found = rollouts.set_image(facts(objects.rollout(), images=(("web", "x:1"),)))
    assert bodies(found)[0]["spec"]["template"]["spec"]["containers"][0]["image"] == "x:1"


def test_sync_options() -> None:
    raw = objects.app()
    app = application(raw)
    plan = applications.sync(
        facts(raw, app=app, prune=True, dryRun=True, resources=("apps:Deployment:prod/web",))
    )
    how = bodies(plan)[0]["operation"]["sync"]
    assert (how["prune"], how["dryRun"], how["revision"]) == (True, True, "main")
    assert how["resources"] == [
        {"group": "apps", "kind": "Deployment", "name": "web", "namespace": "prod"}
    ]
    assert "runs no hooks" in words(plan)
    with pytest.raises(GuardError, match="is not GROUP:KIND"):
        applications.sync(facts(raw, app=app, resources=("web",)))


def test_a_refresh_has_a_stamp_that_changes() -> None:
    raw = objects.app()
    notes = bodies(applications.refresh(facts(raw, "hard-refresh")))[0]["metadata"]["annotations"]
    assert notes["argocd.argoproj.io/refresh"] == "hard"
    assert notes["argocd.argoproj.io/refresh-timestamp"] == "2026-01-05T09:00:00.000000000Z"


# followers


def judged(expects: str, now: dict[str, Any], then: dict[str, Any] | None = None) -> Any:
    plan = Plan("tok", Intent("x", SHOP), "", (), (), (), Risk.LOW, NOW, expects=expects)
    return JUDGES[expects](plan, then or objects.rollout(), now)


def test_a_retry_is_not_judged_by_the_old_abort() -> None:
    stale = objects.rollout(status={"abort": False, "phase": "Degraded", "pauseConditions": [],
                                    "controllerPause": False, "message": "RolloutAborted: Rollout aborted update"})  # fmt: skip
    assert not judged("settled", stale).done
    again = objects.rollout(status={"abort": True, "phase": "Degraded", "pauseConditions": [],
                                    "controllerPause": False, "message": "RolloutAborted: Rollout aborted update"})  # fmt: skip
    found = judged("settled", again)
    assert (found.done, found.ok) == (True, False)


def test_promote_waits_until_the_controller_has_seen_it() -> None:
    ours = objects.rollout(status={"pauseConditions": [], "controllerPause": True})
    assert not judged("promoted", ours).done
    on = objects.rollout(status={**BUSY, "currentStepIndex": 2, "phase": "Progressing"})
    assert judged("promoted", on).done


def test_somebody_elses_operation_is_not_ours() -> None:
    other = objects.app()
    found = judged("operation", other)
    assert (found.done, found.ok) == (True, False)


# the line that people trust


@pytest.mark.parametrize(
    ("links", "wanted"),
    [
        ([Link.LIVE, Link.STALE], Link.LIVE),
        ([Link.STALE, Link.DENIED, Link.ABSENT], Link.STALE),
        ([Link.CONNECTING, Link.DENIED], Link.CONNECTING),
        ([Link.DENIED, Link.ABSENT], Link.DENIED),
        ([Link.ABSENT, Link.ABSENT], Link.LIVE),
    ],
)
def test_the_state_of_the_cluster(links: list[Link], wanted: Link) -> None:
    assert overall([LinkState(link) for link in links]).link is wanted


# our own operations


@pytest.mark.parametrize(
    ("sent", "asked", "told"),
    [
        (False, Intent("abort", SHOP), "still being sent"),
        (True, Intent("abort", SHOP), ""),
        (True, Intent("undo", SHOP, (("toRevision", 1),)), "sent already"),
        (True, Intent("undo", SHOP, (("toRevision", 2),)), ""),
    ],
)
def test_what_is_only_watched_does_not_stand_in_the_way(
    *, sent: bool, asked: Intent, told: str
) -> None:
    raw = objects.rollout()
    sets = [(objects.replica_set({**raw, "metadata": {**raw["metadata"], "uid": "u"}}, f"h{n}", n), ())
            for n in (1, 2, 3)]  # fmt: skip
    plan = Plan("tok", Intent("undo", SHOP, (("toRevision", 1),)), "", (), (), (), Risk.LOW, NOW)
    record = OperationRecord("tok", plan, OperationStatus.RUNNING, NOW, sent=sent)
    shot = Snapshot(
        1, NOW, LinkState(Link.LIVE), rollouts={SHOP: rollout(raw, sets)}, operations=(record,)
    )
    found = refusal(asked, shot, {})
    assert (told in found) if told else found == ""
    over = replace(record, finished_at=NOW)
    assert refusal(asked, replace(shot, operations=(over,)), {}) == ""
