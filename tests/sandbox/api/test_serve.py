"""Serving: kubeconfig, kept state, pacing, and the store's own collector."""

from __future__ import annotations

import asyncio
import threading
import time
from datetime import timedelta
from pathlib import Path

import aiohttp
import pytest

from opsconsole.aio.tasks import supervise
from opsconsole.errors import SandboxError, UsageError
from opsconsole.model import yamldoc
from opsconsole.model.kinds import CONFIG_MAP, EVENT, NAMESPACE
from opsconsole.sandbox import state
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.cluster import ClusterOptions, build
from opsconsole.sandbox.kernel import START, Simulation
from opsconsole.sandbox.pacing import FASTEST, Pacer
from opsconsole.sandbox.serve import ServeOptions, Server
from opsconsole.sandbox.world.assembly import serve_world

NOBODY = frozenset(
    ("workloads", "rollouts", "argocd", "applicationset", "notifications", "sealedsecrets")
)


def options(**more) -> ServeOptions:
    return ServeOptions(without=NOBODY, **more)


def put(store, name="x", **meta):
    return store.create(CONFIG_MAP, {"metadata": {"name": name, "namespace": "default", **meta}})


# serving


def test_a_kubeconfig_leads_to_the_server(tmp_path: Path):
    async def play() -> None:
        server = Server(options(kubeconfig_out=tmp_path / "config"))
        url = await server.start()
        config = yamldoc.load((tmp_path / "config").read_text())
        assert config["clusters"][0]["cluster"]["server"] == url
        async with aiohttp.ClientSession() as session, session.get(f"{url}/version") as reply:
            assert reply.status == 200
        await server.stop()

    asyncio.run(play())


def test_a_port_that_is_taken_is_said():
    async def play() -> None:
        first = ApiServer(build().store)
        url = await first.start()
        port = int(url.rpartition(":")[2])
        with pytest.raises(SandboxError, match=f"cannot listen on 127.0.0.1:{port}"):
            await Server(options(port=port)).start()
        await first.stop()

    asyncio.run(play())


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"speed": 2.0, "without": frozenset(("rollouts",))}, "wall-clock speed"),
        ({"speed": -1.0}, "not possible"),
        ({"port": 70000}, "not a port"),
        ({"without": frozenset(("everything",))}, "no controllers are called everything"),
        ({"profile": "other"}, "no profile is called other"),
    ],
)
def test_options_that_make_no_sense(given, said):
    with pytest.raises(UsageError, match=said):
        Server(ServeOptions(**given))


def test_state_is_kept_and_goes_on(tmp_path: Path):
    async def play() -> None:
        server = Server(options(keep=tmp_path))
        await server.start()
        made = put(server.cluster.store, "kept")
        server.cluster.simulation.run_for(60)
        await server.stop()
        again = Server(options(keep=tmp_path))
        store = again.cluster.store
        assert store.get(CONFIG_MAP, "default", "kept") == made
        assert store.version >= int(made["metadata"]["resourceVersion"])
        assert again.cluster.simulation.elapsed >= 60
        assert put(store, "new")["metadata"]["uid"] != made["metadata"]["uid"]
        later = START + timedelta(days=1)
        assert Server(options(keep=tmp_path, start=later)).cluster.simulation.now() == later

    asyncio.run(play())


@pytest.mark.parametrize(
    "content",
    [
        "",
        "{",
        "[]",
        '{"format": 9}',
        '{"format": 1, "start": "2026-01-01T00:00:00Z", "objects": [{}], "version": 1, "elapsed": 1}',
    ],
)
def test_an_unreadable_state_is_an_error_and_stays(tmp_path: Path, content):
    path = tmp_path / state.FILE
    path.write_text(content)
    with pytest.raises(SandboxError, match="cannot be read"):
        Server(options(keep=tmp_path))
    assert path.read_text() == content


def test_kinds_of_definitions_come_back(tmp_path: Path):
    async def play() -> None:
        server = Server(options(keep=tmp_path))
        url = await server.start()
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "toys.e.com"},
            "spec": {"group": "e.com", "scope": "Namespaced", "names": {"kind": "Toy", "plural": "toys"},
                     "versions": [{"name": "v1", "served": True, "storage": True}]},
        }  # fmt: skip
        toy = {"apiVersion": "e.com/v1", "kind": "Toy", "metadata": {"name": "t"}}
        async with aiohttp.ClientSession() as session:
            await session.post(
                f"{url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=crd
            )
            reply = await session.post(f"{url}/apis/e.com/v1/namespaces/default/toys", json=toy)
            assert reply.status == 201
        await server.stop()
        again = Server(options(keep=tmp_path))
        url = await again.start()
        async with aiohttp.ClientSession() as session:
            reply = await session.get(f"{url}/apis/e.com/v1/namespaces/default/toys/t")
            assert (await reply.json())["metadata"]["name"] == "t"
            await session.delete(
                f"{url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions/toys.e.com"
            )
            assert (await session.get(f"{url}/apis/e.com/v1/namespaces/default/toys")).status == 404
        await again.stop()

    asyncio.run(play())


# pacing


def test_virtual_time_follows_the_speed():
    simulation = Simulation()
    pacer = Pacer(simulation, speed=0)
    pacer.start()
    try:
        ran = threading.Event()
        pacer.call(lambda: simulation.call_later(1000, ran.set)).result(5)
        assert simulation.elapsed == 0
        pacer.speed = FASTEST
        assert ran.wait(5)
        assert simulation.elapsed == 1000
        pacer.speed = 0
        stood = pacer.call(lambda: simulation.elapsed).result(5)
        done = threading.Event()
        pacer.call(lambda: simulation.call_later(50, done.set)).result(5)
        pacer.speed = 1000
        assert done.wait(5)
        assert simulation.elapsed >= stood + 50
    finally:
        pacer.stop()
    with pytest.raises(SandboxError):
        pacer.call(lambda: None)


def test_time_stands_still_while_held():
    simulation = Simulation()
    pacer = Pacer(simulation, speed=1000)
    pacer.start()
    try:
        ran = threading.Event()
        before = pacer.call(
            lambda: (simulation.hold(), simulation.call_later(0.001, ran.set), simulation.elapsed)[
                2
            ]
        ).result(5)
        for _ in range(20):
            assert pacer.call(lambda: simulation.elapsed).result(5) == before
        assert not ran.is_set()
        pacer.call(simulation.release).result(5)
        assert ran.wait(5)
    finally:
        pacer.stop()


def test_much_work_is_done_in_slices():
    """Whoever uses up a slice ends it: what else is on the loop has its turn in between."""
    simulation = Simulation()
    pacer = Pacer(simulation, speed=0)
    done = threading.Event()
    turns, seen = [0], []

    async def others() -> None:
        while not done.is_set():
            turns[0] += 1
            await asyncio.sleep(0)

    def busy() -> None:
        end = time.monotonic() + 0.02
        while time.monotonic() < end:
            pass
        seen.append(turns[0])

    for _ in range(10):
        simulation.call_later(1, busy)
    simulation.call_later(2, done.set)
    pacer.start()
    try:
        waiting = pacer.submit(others())
        pacer.speed = FASTEST
        assert done.wait(30)
        waiting.result(30)
        assert len(set(seen)) == len(seen) == 10
        assert pacer.longest >= 0.02
    finally:
        pacer.stop()


def test_an_action_that_fails_does_not_stop_the_time():
    simulation = Simulation()
    pacer = Pacer(simulation, speed=FASTEST)
    done = threading.Event()
    simulation.call_later(1, lambda: {}["x"])
    simulation.call_later(2, done.set)
    pacer.start()
    try:
        assert done.wait(5)
        assert [type(f) for f in pacer.faults] == [KeyError]
    finally:
        pacer.stop()


def test_faults_of_called_work_reach_the_caller():
    pacer = Pacer(Simulation())
    pacer.start()
    try:
        with pytest.raises(ZeroDivisionError):
            pacer.call(lambda: 1 / 0).result(5)
        with pytest.raises(ValueError, match="not possible"):
            pacer.speed = -1
    finally:
        pacer.stop()


# the store's own work


def owned(store, name, owner, **reference):
    ref = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"],
        **reference,
    }
    return put(store, name, ownerReferences=[ref])


def test_a_namespace_empties_itself_and_refuses_new_objects():
    cluster = build()
    store = cluster.store
    store.create(NAMESPACE, {"metadata": {"name": "team"}})
    store.create(
        CONFIG_MAP, {"metadata": {"name": "a", "namespace": "team", "finalizers": ["x/y"]}}
    )
    store.create(CONFIG_MAP, {"metadata": {"name": "b", "namespace": "team"}})
    gone = store.delete(NAMESPACE, "", "team")
    assert gone["status"]["phase"] == "Terminating"
    with pytest.raises(StatusError, match="because it is being terminated"):
        store.create(CONFIG_MAP, {"metadata": {"name": "c", "namespace": "team"}})
    cluster.simulation.run_for(5)
    assert [o["metadata"]["name"] for o in store.objects(CONFIG_MAP, "team")] == ["a"]
    held = store.get(CONFIG_MAP, "team", "a")
    store.update(CONFIG_MAP, {**held, "metadata": {**held["metadata"], "finalizers": []}})
    cluster.simulation.run_for(5)
    assert store.find(NAMESPACE, "", "team") is None


def test_dependents_go_with_their_last_owner():
    cluster = build()
    store = cluster.store
    owner = put(store, "owner")
    owned(store, "child", owner)
    store.delete(CONFIG_MAP, "default", "owner")
    cluster.simulation.run_for(5)
    assert store.find(CONFIG_MAP, "default", "child") is None


def test_foreground_waits_for_those_that_block():
    cluster = build()
    store = cluster.store
    owner = put(store, "owner")
    blocking = owned(store, "child", owner, blockOwnerDeletion=True)
    store.update(
        CONFIG_MAP, {**blocking, "metadata": {**blocking["metadata"], "finalizers": ["x/y"]}}
    )
    store.delete(CONFIG_MAP, "default", "owner", propagation="Foreground")
    cluster.simulation.run_for(5)
    assert store.get(CONFIG_MAP, "default", "owner")["metadata"]["finalizers"] == [
        "foregroundDeletion"
    ]
    child = store.get(CONFIG_MAP, "default", "child")
    store.update(CONFIG_MAP, {**child, "metadata": {**child["metadata"], "finalizers": []}})
    cluster.simulation.run_for(5)
    assert store.objects(CONFIG_MAP, "default") == []


def test_an_object_whose_owner_never_was_is_collected():
    cluster = build()
    store = cluster.store
    owned(store, "lost", {"metadata": {"name": "nobody", "uid": "none"}})
    cluster.simulation.run_for(5)
    assert store.find(CONFIG_MAP, "default", "lost") is None


def test_orphaned_dependents_stay():
    cluster = build()
    store = cluster.store
    owned(store, "child", put(store, "owner"))
    store.delete(CONFIG_MAP, "default", "owner", propagation="Orphan")
    cluster.simulation.run_for(5)
    assert "ownerReferences" not in store.get(CONFIG_MAP, "default", "child")["metadata"]
    assert store.find(CONFIG_MAP, "default", "owner") is None


def test_no_new_finalizers_while_going():
    store = build().store
    held = put(store, "x", finalizers=["a/b"])
    going = store.delete(CONFIG_MAP, "default", "x")
    assert going["metadata"]["deletionTimestamp"]
    with pytest.raises(StatusError, match="no new finalizers can be added"):
        store.update(
            CONFIG_MAP, {**going, "metadata": {**going["metadata"], "finalizers": ["a/b", "c/d"]}}
        )
    assert held["metadata"]["uid"] == going["metadata"]["uid"]


def test_old_states_are_rebuilt():
    store = build().store
    put(store, "a")
    before = store.version
    put(store, "b")
    store.delete(CONFIG_MAP, "default", "a")
    assert [o["metadata"]["name"] for o in store.objects_at(CONFIG_MAP, "default", before)] == ["a"]
    assert [o["metadata"]["name"] for o in store.objects(CONFIG_MAP, "default")] == ["b"]


def test_events_do_not_pile_up():
    cluster = build(ClusterOptions(without=NOBODY))
    cluster.start()
    cluster.store.create(EVENT, {"metadata": {"name": "e", "namespace": "default"}, "reason": "x"})
    cluster.simulation.run_for(3000)
    assert len(cluster.store.objects(EVENT)) == 1
    cluster.simulation.run_for(3000)
    assert cluster.store.objects(EVENT) == []
    cluster.simulation.run_for(3000)
    assert cluster.simulation.next_at() is None


@pytest.mark.parametrize(("profile", "size"), [("realistic", 3), ("recorded", None)])
def test_definitions_fill_nothing_in_on_the_recorded_stand(profile, size):
    async def play() -> None:
        server = Server(options(profile=profile))
        url = await server.start()
        spec = {"properties": {"size": {"default": 3}}}
        version = {
            "name": "v1",
            "served": True,
            "storage": True,
            "schema": {"openAPIV3Schema": {"properties": {"spec": spec}}},
        }
        names = {"kind": "Toy", "plural": "toys"}
        crd = {
            "apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "metadata": {"name": "toys.e.com"},
            "spec": {"group": "e.com", "scope": "Namespaced", "names": names, "versions": [version]},
        }  # fmt: skip
        toy = {"apiVersion": "e.com/v1", "kind": "Toy", "metadata": {"name": "t"}, "spec": {}}
        async with aiohttp.ClientSession() as session:
            await session.post(
                f"{url}/apis/apiextensions.k8s.io/v1/customresourcedefinitions", json=crd
            )
            reply = await session.post(f"{url}/apis/e.com/v1/namespaces/default/toys", json=toy)
            assert (await reply.json())["spec"].get("size") == size
        await server.stop()

    asyncio.run(play())


def test_the_world_is_kept_with_its_repository(tmp_path: Path):
    async def once() -> tuple[str, dict[str, str]]:
        stop = asyncio.Event()
        found: dict[str, dict[str, str]] = {}

        def ready(url: str) -> None:
            async def look() -> None:
                async with aiohttp.ClientSession() as session:
                    reply = await session.get(f"{url}/apis/argoproj.io/v1alpha1/applications")
                    for app in (await reply.json())["items"]:
                        found[app["metadata"]["name"]] = app["metadata"]["uid"]
                stop.set()

            supervise(look(), name="look")

        await serve_world(ServeOptions(keep=tmp_path), ready=ready, stop=stop)
        heads = (tmp_path / "git" / "served").rglob("refs/heads/*")
        return "".join(sorted(h.read_text() for h in heads)), found

    first = asyncio.run(once())
    assert all(first)
    assert asyncio.run(once()) == first


def test_a_place_that_cannot_hold_the_world_is_said(tmp_path: Path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SandboxError, match="cannot be written"):
        asyncio.run(
            serve_world(ServeOptions(keep=tmp_path / "file"), ready=print, stop=asyncio.Event())
        )


def test_every_group_of_controllers_starts_and_comes_to_rest():
    cluster = build()
    cluster.start()
    assert len(cluster.controllers) >= 10
    cluster.simulation.run_for(60)
    assert cluster.manager.faults == []
