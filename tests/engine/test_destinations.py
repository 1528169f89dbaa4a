"""Applications of other clusters: never joined with objects of the cluster that the console is on."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest

from opsconsole.engine.attention import attention
from opsconsole.engine.decode.applications import application
from opsconsole.engine.destinations import Destinations, other_cluster
from opsconsole.engine.drift import drift_of
from opsconsole.engine.hub import Hub
from opsconsole.engine.planner import Planner
from opsconsole.engine.protocols import Connected
from opsconsole.errors import GuardError, KubeconfigError, UnreachableError
from opsconsole.model.feed import Alive, Interrupted
from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, ROLLOUT, ResourceKey
from opsconsole.model.plans import Intent
from opsconsole.model.snapshot import Link
from opsconsole.model.status import Health, Sync
from opsconsole.settings import Settings
from tests.aio.loop import pass_time, run_free
from tests.engine import objects
from tests.engine.fakes import StoreCluster

EAST = "https://us-east.example:6443"
LISTED = [{"version": "v1", "kind": "ConfigMap", "namespace": "prod", "name": "m", "status": "OutOfSync"}]  # fmt: skip
WANTED = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "m"}, "data": {"a": "git"}}


def placed(server: str, name: str = "shop", **destination: str) -> dict[str, Any]:
    raw = objects.app(name, status={"resources": LISTED})
    raw["spec"]["destination"] = {"namespace": "prod", "server": server, **destination}
    return raw


@pytest.mark.parametrize(
    ("destination", "own", "elsewhere"),
    [
        ({"server": "https://kubernetes.default.svc"}, "", ""),
        ({"server": "https://kubernetes.default.svc/"}, "", ""),
        ({"name": "in-cluster"}, "", ""),
        ({"server": EAST}, "", EAST),
        ({"server": EAST + "/"}, EAST, ""),
        ({"server": EAST}, EAST + "/", ""),
        ({"name": "us-east"}, EAST, "us-east"),
    ],
)
def test_whether_it_is_another_cluster(
    destination: dict[str, str], own: str, elsewhere: str
) -> None:
    raw = objects.app()
    raw["spec"]["destination"] = {"namespace": "prod", **destination}
    assert other_cluster(application(raw), own) == elsewhere


class Git:
    async def manifests(self, raw: Any, app: Any) -> Any:
        return [WANTED]


def held(value: str) -> StoreCluster:
    cluster = StoreCluster()
    cluster.namespaces("prod")
    meta = {"name": "m", "namespace": "prod"}
    cluster.put(CONFIG_MAP, {"metadata": meta, "data": {"a": value}})
    return cluster


def drift(where: Destinations, server: str = EAST) -> dict[str, str]:
    raw = placed(server)
    app = application(raw)
    app = replace(app, elsewhere=other_cluster(app))
    return dict(asyncio.run(drift_of(app, raw, where, Git())))  # type: ignore[arg-type]


def test_it_is_compared_with_its_own_cluster() -> None:
    there = held("east")
    shown = drift(Destinations(held("here"), {EAST: there}.get))
    assert "-  a: east" in shown["ConfigMap prod/m"]
    assert "here" not in shown["ConfigMap prod/m"]


def test_without_a_connection_nothing_is_compared() -> None:
    shown = drift(Destinations(held("here")))
    assert list(shown) == ["destination"]
    assert f"{EAST} is another cluster, which no context" in shown["destination"]


def test_a_context_that_cannot_be_used_says_so() -> None:
    def refuse(server: str) -> Any:
        raise KubeconfigError(f"context 'east': no user for {server}")

    assert "no user" in drift(Destinations(held("here"), refuse))["destination"]


def test_a_cluster_that_does_not_answer_is_asked_once() -> None:
    class Silent(StoreCluster):
        asked = 0

        async def get(self, *_: Any) -> Any:
            self.asked += 1
            raise UnreachableError("no answer from us-east")

    there = Silent()
    LISTED.append({**LISTED[0], "name": "n"})
    try:
        shown = drift(Destinations(held("here"), {EAST: there}.get))
    finally:
        LISTED.pop()
    assert shown == {"destination": "no answer from us-east"}
    assert there.asked == 1


def test_connections_are_opened_once_and_closed() -> None:
    opened: list[StoreCluster] = []

    def open_one(_: str) -> StoreCluster:
        opened.append(held("east"))
        return opened[-1]

    async def scene() -> None:
        where = Destinations(held("here"), open_one)
        app = replace(application(placed(EAST)), elsewhere=EAST)
        assert where.of(app) is where.of(app)
        await where.close()

    asyncio.run(scene())
    assert [cluster.closed for cluster in opened] == [True]


def test_a_rollout_of_the_same_name_here_is_not_its_own() -> None:
    """The local shop waits for a promote; an application of that name elsewhere does not."""
    cluster = StoreCluster()
    objects.shop(cluster)
    far = objects.app("far")
    far["spec"]["destination"] = {"namespace": "prod", "server": EAST}
    cluster.put(APPLICATION, far)

    async def connect() -> Connected:
        return Connected(cluster, server="https://here.example")

    async def main() -> None:
        hub = Hub(connect, Settings(), cluster.store.simulation, lambda: 0.5)
        async with hub.running():
            await pass_time(1)
            shot = hub.snapshot()
            near, away = (shot.applications[ResourceKey(APPLICATION, "argocd", n)] for n in ("shop", "far"))  # fmt: skip
            assert "paused for a promote" in near.attention
            assert "promote" not in away.attention
            assert away.elsewhere == EAST
            assert near.elsewhere == ""
            assert all(r.health is None for r in away.resources if r.kind == "Rollout")
            hub.select(away.key)
            await pass_time(1)
            selection = hub.snapshot().selection
            assert selection is not None
            assert selection.rollouts == ()
            assert ResourceKey(ROLLOUT, "prod", "shop") in hub.snapshot().rollouts

    run_free(main())


def test_rollouts_of_a_reachable_cluster_are_shown_and_not_touched() -> None:
    """The selected application's, under keys that name the cluster; actions say where to go."""
    here, there = StoreCluster(), StoreCluster()
    objects.shop(here)
    objects.shop(there)
    there.change(ROLLOUT, "prod", "shop", {"spec": {"replicas": 9}})
    far = objects.app("far")
    far["spec"]["destination"] = {"namespace": "prod", "server": EAST}
    here.put(APPLICATION, far)
    key = ResourceKey(ROLLOUT, "prod", "shop", EAST)

    async def connect() -> Connected:
        return Connected(here, elsewhere={EAST: there}.get)

    async def main() -> None:
        hub = Hub(connect, Settings(), here.store.simulation, lambda: 0.5)
        async with hub.running():
            await pass_time(1)
            assert key not in hub.snapshot().rollouts
            hub.select(ResourceKey(APPLICATION, "argocd", "far"))
            await pass_time(5)
            shot = hub.snapshot()
            assert shot.selection is not None
            assert shot.selection.rollouts == (key,)
            assert shot.rollouts[key].desired == 9
            assert shot.rollouts[key._replace(cluster="")].desired != 9
            intent = Intent("promote", key)
            assert "another cluster" in hub.refusal(intent)
            with pytest.raises(GuardError, match="another cluster"):
                await asyncio.wrap_future(hub.plan(intent))
            assert (here.sent, there.sent) == ([], [])
            # what is not true any more is not shown as if it were
            there.say(ROLLOUT, Interrupted(Link.STALE, "no answer"))
            await pass_time(1)
            assert key not in hub.snapshot().rollouts
            there.say(ROLLOUT, Alive())
            await pass_time(1)
            assert key in hub.snapshot().rollouts
            hub.select(ResourceKey(APPLICATION, "argocd", "shop"))
            await pass_time(5)
            shot = hub.snapshot()
            assert key not in shot.rollouts
            assert shot.selection is not None
            assert shot.selection.rollouts == (key._replace(cluster=""),)

    run_free(main())


def test_what_is_suspended_elsewhere_needs_a_look() -> None:
    """Its rollouts cannot be seen from here: whether a person has to promote is not known."""
    app = application(placed(EAST))
    far = replace(app, health=Health.SUSPENDED, sync=Sync.SYNCED, elsewhere=EAST)
    assert attention(far) == "suspended, on another cluster"
    assert attention(replace(far, elsewhere="")) == ""


def test_a_plan_for_another_clusters_rollout_is_refused_before_anything_is_read() -> None:
    nothing: Any = None
    planner = Planner(nothing, nothing, nothing, nothing, "ann", "here")
    planner.clock = StoreCluster().store.simulation
    with pytest.raises(GuardError, match="another cluster"):
        asyncio.run(planner.plan(Intent("promote", ResourceKey(ROLLOUT, "prod", "shop", EAST))))
