"""The hub on the caller's loop with free time, over a cluster in-process."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from opsconsole.engine.hub import Hub
from opsconsole.errors import GuardError, UnreachableError
from opsconsole.model.feed import Alive, Interrupted, Listed
from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, POD, ROLLOUT, ResourceKey
from opsconsole.model.permissions import Permissions
from opsconsole.model.plans import Intent, OperationStatus
from opsconsole.model.snapshot import Link
from opsconsole.model.status import Health, RolloutPhase
from opsconsole.settings import Settings
from tests.aio.loop import pass_time, run_free
from tests.engine import objects
from tests.engine.fakes import StoreCluster

SHOP = ResourceKey(ROLLOUT, "prod", "shop")
APP = ResourceKey(APPLICATION, "argocd", "shop")


def play(cluster: StoreCluster, scene: Callable[[Hub], Any], state_dir: Path | None = None) -> Any:
    async def main() -> Any:
        hub = Hub(
            cluster.connect, Settings(state_dir=state_dir), cluster.store.simulation, lambda: 0.5
        )
        async with hub.running():
            await pass_time(1)
            async with asyncio.timeout(1000):
                return await scene(hub)

    return run_free(main())


async def asked(hub: Hub, intent: Intent) -> Any:
    return await asyncio.wrap_future(hub.plan(intent))


async def done(hub: Hub, intent: Intent) -> Any:
    plan = await asked(hub, intent)
    return await asyncio.wrap_future(hub.execute(plan))


def test_the_snapshot_joins_everything() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        shot = hub.snapshot()
        assert shot.cluster.link is Link.LIVE
        assert shot.context == "test"
        ro = shot.rollouts[SHOP]
        assert (ro.phase, ro.waiting_for) == (RolloutPhase.PAUSED, "a promote")
        assert (ro.set_weight, ro.actual_weight) == (20, 20)
        assert [(r.number, r.roles) for r in ro.revisions] == [(2, ("canary",)), (1, ("stable",))]
        assert [p.name for r in ro.revisions for p in r.pods] == ["shop-new1-a", "shop-old1-a"]
        assert ro.runs[0].metrics[0].failures_left == 1
        app = shot.applications[APP]
        assert app.attention == "shop: paused for a promote"
        assert app.resources[0].health is Health.SUSPENDED

    play(cluster, scene)


def test_changes_are_coalesced_and_share_what_did_not_move() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        told: list[int] = []
        leave = hub.subscribe(told.append)
        before = hub.snapshot()
        for i in range(100):
            cluster.change(POD, "prod", "shop-new1-a", {"metadata": {"labels": {"n": str(i)}}})
        cluster.change(POD, "prod", "shop-new1-a", {"status": {"phase": "Failed"}})
        await pass_time(1)
        after = hub.snapshot()
        assert len(told) <= 2
        assert after.applications is before.applications
        assert after.rollouts[SHOP] is not before.rollouts[SHOP]
        leave()
        cluster.change(ROLLOUT, "prod", "shop", {"status": {"message": "x"}})
        await pass_time(1)
        assert hub.snapshot().generation > after.generation
        assert len(told) <= 2

    play(cluster, scene)


def test_what_is_deleted_goes() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        cluster.store.delete(POD, "prod", "shop-new1-a", grace=0)
        cluster.store.delete(ANALYSIS_RUN, "prod", "shop-new1-2")
        await pass_time(1)
        ro = hub.snapshot().rollouts[SHOP]
        assert not ro.runs
        assert not ro.revisions[0].pods
        cluster.store.delete(ROLLOUT, "prod", "shop", propagation="Orphan")
        cluster.store.delete(APPLICATION, "argocd", "shop")
        await pass_time(1)
        assert SHOP not in hub.snapshot().rollouts
        assert not hub.snapshot().applications

    play(cluster, scene)


def test_a_new_list_removes_what_went_in_the_gap() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        (old, new) = cluster.store.objects(POD)
        cluster.say(POD, Listed((new,)))
        await pass_time(1)
        left = [p.name for r in hub.snapshot().rollouts[SHOP].revisions for p in r.pods]
        assert left == [new["metadata"]["name"]]
        assert old["metadata"]["name"] not in left

    play(cluster, scene)


def test_an_application_follows_its_rollout() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        cluster.change(ROLLOUT, "prod", "shop", {"status": {"abort": True}})
        await pass_time(1)
        app = hub.snapshot().applications[APP]
        assert app.attention == "shop: new version rejected, stable serves"

    play(cluster, scene)


def test_a_denied_kind_degrades_alone() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.trouble[ANALYSIS_RUN] = Interrupted(Link.DENIED, "no", "ask", 30.0)
    cluster.namespace = "default"

    async def scene(hub: Hub) -> None:
        shot = hub.snapshot()
        assert shot.cluster.link is Link.LIVE
        assert shot.rollouts[SHOP].runs == ()

    play(cluster, scene)


def test_an_interruption_dates_what_is_shown() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        from opsconsole.engine.world import KINDS

        cluster.store.simulation.run_for(30)
        was = cluster.store.simulation.now()
        for kind, _ in KINDS:
            cluster.say(kind, Alive())
        await pass_time(1)
        cluster.store.simulation.run_for(60)
        for kind, _ in KINDS:
            cluster.say(kind, Interrupted(Link.STALE, "gone", retry_in=5))
        await pass_time(1)
        shot = hub.snapshot()
        assert shot.cluster.link is Link.STALE
        assert shot.cluster.since == was
        assert shot.rollouts[SHOP]
        assert "not connected" in hub.refusal(Intent("promote", SHOP))

    play(cluster, scene)


def test_promote_is_planned_sent_and_followed(tmp_path: Path) -> None:
    cluster = StoreCluster()
    objects.shop(cluster, meta={"uid": ""})

    async def scene(hub: Hub) -> None:
        plan = await asked(hub, Intent("promote", SHOP))
        assert "traffic to the new version: 20% → 60%" in plan.effects
        running = hub.execute(plan)
        await pass_time(1)
        assert hub.snapshot().operations[-1].status is OperationStatus.RUNNING
        assert hub.snapshot().operations[-1].sent
        assert "sent already" in hub.refusal(Intent("promote", SHOP))
        assert hub.refusal(Intent("abort", SHOP)) == ""
        cluster.change(ROLLOUT, "prod", "shop", {
            "status": {"currentStepIndex": 2, "controllerPause": None, "phase": "Progressing",
                       "message": "more replicas need to be updated"},
        })  # fmt: skip
        record = await asyncio.wrap_future(running)
        assert record.status is OperationStatus.SUCCEEDED, record
        assert [r.body for r in cluster.sent] == [{"status": {"pauseConditions": None}}]
        assert cluster.sent[0].subresource == "status"
        assert "step 3: setWeight 60" in record.lines[-1][1]

    play(cluster, scene, tmp_path / "state")
    lines = (tmp_path / "state" / "journal.jsonl").read_text().splitlines()
    assert '"event": "asked"' in lines[0]
    assert '"event": "sent"' in lines[1]
    assert '"event": "ended"' in lines[-1]


def test_a_plan_that_would_be_another_one_now_is_refused() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        plan = await asked(hub, Intent("promote", SHOP))
        cluster.change(ROLLOUT, "prod", "shop", {"status": {
            "pauseConditions": None, "controllerPause": None, "currentStepIndex": 2}})  # fmt: skip
        record = await asyncio.wrap_future(hub.execute(plan))
        assert record.status is OperationStatus.REFUSED
        assert "has changed" in record.error
        assert not cluster.sent

    play(cluster, scene)


def test_a_lost_answer_is_never_sent_again() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.refuse = UnreachableError("no answer")

    async def scene(hub: Hub) -> None:
        record = await done(hub, Intent("abort", SHOP))
        assert record.status is OperationStatus.UNKNOWN

    play(cluster, scene)


def test_sync_copies_what_the_controller_does_not_fall_back_to() -> None:
    cluster = StoreCluster()
    policy = {"syncOptions": ["CreateNamespace=true"], "retry": {"limit": 3}}
    objects.shop(cluster, policy=policy)

    async def scene(hub: Hub) -> None:
        plan = await asked(hub, Intent("sync", APP))
        assert "resources are no longer in git and stay" in plan.warnings[0]
        running = hub.execute(plan)
        await pass_time(1)
        (sent,) = cluster.sent
        operation = sent.body["operation"]
        assert operation["sync"]["syncOptions"] == ["CreateNamespace=true"]
        assert operation["sync"]["source"]["path"] == "apps/shop"
        assert operation["retry"] == {"limit": 3}
        assert sent.body["status"] == {"operationState": None}
        assert sent.resource_version
        assert hub.snapshot().applications[APP].operation.requested
        state = {"phase": "Running", "finishedAt": "2026-01-05T09:00:00Z", "message": "Retrying",
                 "operation": operation}  # fmt: skip
        cluster.change(APPLICATION, "argocd", "shop", {"status": {"operationState": state}})
        await pass_time(1)
        assert not running.done()
        ended = {**state, "phase": "Succeeded", "message": "ok"}
        cluster.change(
            APPLICATION, "argocd", "shop", {"operation": None, "status": {"operationState": ended}}
        )
        record = await asyncio.wrap_future(running)
        assert record.status is OperationStatus.SUCCEEDED
        assert record.lines[-1][1] == "Succeeded: ok"

    play(cluster, scene)


def test_no_sync_while_another_runs() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.change(APPLICATION, "argocd", "shop", {"operation": {"sync": {}}})

    async def scene(hub: Hub) -> None:
        assert hub.refusal(Intent("sync", APP)) == "another operation is already in progress"
        with pytest.raises(GuardError, match="already in progress"):
            await asked(hub, Intent("sync", APP))

    play(cluster, scene)


def test_what_the_cluster_forbids_is_refused_with_the_reason() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)
    cluster.rights = Permissions((), complete=True)

    async def scene(hub: Hub) -> None:
        await pass_time(5)
        assert "does not let you patch" in hub.refusal(Intent("abort", SHOP))

    play(cluster, scene)


def test_undo_goes_to_the_second_highest_revision() -> None:
    cluster = StoreCluster()
    objects.shop(cluster)

    async def scene(hub: Hub) -> None:
        plan = await asked(hub, Intent("undo", SHOP))
        assert plan.title == "Undo shop to revision 1"
        assert "shop:1" in plan.effects[0]
        template = plan.steps[0].body[0]["value"]  # type: ignore[union-attr]
        assert template["metadata"]["labels"] == {"app": "shop"}
        assert any("OutOfSync" in w for w in plan.warnings)

    play(cluster, scene)


def test_an_unwritable_state_directory_is_a_clear_error(tmp_path: Path) -> None:
    from opsconsole.errors import SettingsError

    blocked = tmp_path / "file"
    blocked.write_text("")
    with pytest.raises(SettingsError, match="cannot write the journal"):
        play(StoreCluster(), lambda _: None, blocked / "state")


def test_threads_start_and_stop() -> None:
    cluster = StoreCluster()
    hub = Hub(cluster.connect, Settings(), cluster.store.simulation, lambda: 0.5)
    hub.start()
    with pytest.raises(Exception, match=r"no application|not connected"):
        hub.plan(Intent("sync", APP)).result(5)
    hub.stop()
    assert cluster.closed
    with pytest.raises(Exception, match="not running"):
        hub.plan(Intent("sync", APP)).result(5)
