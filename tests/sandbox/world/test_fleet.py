"""Clusters beside the first one: made known by Secrets, served, kept and restored."""

from __future__ import annotations

import asyncio
import base64
from datetime import timedelta
from pathlib import Path

import pytest

from opsconsole.errors import SandboxError
from opsconsole.model import yamldoc
from opsconsole.model.kinds import APP_PROJECT, CONFIG_MAP, NAMESPACE, SECRET
from opsconsole.model.objects import labels_of, name_of
from opsconsole.sandbox.cluster import Cluster, ClusterOptions, build
from opsconsole.sandbox.fleet import Fleet, Place
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.serve import ServeOptions, Server, kubeconfig

EAST = Place("east", "https://east.example", {"env": "production"})
WEST = Place("west", "https://west.example")
HOME = Place("home", "https://kubernetes.default.svc", {"env": "production"})


def fleet_of(cluster: Cluster) -> Fleet:
    return Fleet(cluster, (EAST, WEST), home=HOME)


def server_of(cluster: Cluster, name: str) -> str:
    data = cluster.store.get(SECRET, "argocd", f"cluster-{name}")["data"]
    return base64.b64decode(data["server"]).decode()


def test_members_share_the_time_and_nothing_else() -> None:
    first = build()
    fleet = fleet_of(first)
    fleet.declare()
    east = fleet.clusters["east"]
    assert east.simulation is first.simulation
    assert {name_of(n) for n in east.store.objects(NAMESPACE)} == {
        "default", "kube-system", "argo-rollouts"}  # fmt: skip
    assert east.store.objects(APP_PROJECT) == east.store.objects(SECRET) == []
    fleet.start()
    assert not {"argocd", "applicationset", "notifications"} & set(east.groups)
    assert {"workloads", "rollouts", "metrics"} <= set(east.groups)
    assert east.services.get("prometheus") is not first.services.get("prometheus")


def test_what_is_left_to_somebody_else_is_left_in_every_cluster() -> None:
    first = build(ClusterOptions(without=frozenset(("rollouts",))))
    fleet = fleet_of(first)
    fleet.start()
    assert "rollouts" not in fleet.clusters["east"].groups


def test_a_secret_is_written_once_and_kept_up_to_date() -> None:
    first = build()
    fleet = fleet_of(first)
    fleet.declare()
    secret = first.store.get(SECRET, "argocd", "cluster-east")
    assert labels_of(secret) == {
        "argocd.argoproj.io/secret-type": "cluster", "env": "production"}  # fmt: skip
    fleet.declare()
    assert first.store.get(SECRET, "argocd", "cluster-east") is secret
    fleet.declare({"east": "http://127.0.0.1:1234"})
    assert server_of(first, "east") == "http://127.0.0.1:1234"
    assert server_of(first, "home") == HOME.server
    assert first.services["clusters"]["http://127.0.0.1:1234"] is fleet.clusters["east"].store


def test_a_kubeconfig_has_a_context_for_each() -> None:
    config = yamldoc.load(kubeconfig("http://a", {"east": "http://b"}))
    names = [c["name"] for c in config["contexts"]]
    assert names == ["opsconsole-sandbox", "opsconsole-sandbox-east"]
    assert config["current-context"] == names[0]
    assert [c["cluster"]["server"] for c in config["clusters"]] == ["http://a", "http://b"]
    assert {c["context"]["user"] for c in config["contexts"]} == {config["users"][0]["name"]}


def test_the_addresses_of_the_others_are_told() -> None:
    told: list[tuple[str, str]] = []

    async def play() -> dict[str, str]:
        server = Server(ServeOptions(fleet=fleet_of, others=lambda *words: told.append(words)))
        await server.start()
        await server.stop()
        return dict(server.fleet.urls)

    urls = asyncio.run(play())
    assert told == [(f"opsconsole-sandbox-{name}", url) for name, url in urls.items()]


def put(cluster: Cluster) -> None:
    meta = {"name": "x", "namespace": "default"}
    cluster.store.create(CONFIG_MAP, {"metadata": meta, "data": {"a": "b"}})


def test_states_are_kept_and_go_on_together(tmp_path: Path) -> None:
    async def once(later: float, *, write: bool) -> tuple[bool, list[float]]:
        options = ServeOptions(
            keep=tmp_path, fleet=fleet_of, start=START + timedelta(seconds=later)
        )
        server = Server(options)
        await server.start()
        east = server.fleet.clusters["east"]
        if write:
            put(east)
        found = east.store.find(CONFIG_MAP, "default", "x") is not None
        known = server.cluster.services["clusters"]
        assert known[server.fleet.urls["east"]] is east.store
        elapsed = [c.simulation.elapsed for c in (server.cluster, east)]
        await server.stop()
        return found, elapsed

    assert asyncio.run(once(0, write=True))[0]
    assert (tmp_path / "east" / "state.json").is_file()
    found, elapsed = asyncio.run(once(500, write=False))
    assert found
    assert elapsed[0] == elapsed[1] >= 500


def test_a_members_state_that_cannot_be_read_is_said_and_left(tmp_path: Path) -> None:
    broken = tmp_path / "west" / "state.json"
    broken.parent.mkdir()
    broken.write_text("{")
    with pytest.raises(SandboxError, match=r"west/state\.json cannot be read"):
        Server(ServeOptions(keep=tmp_path, fleet=fleet_of))
    assert broken.read_text() == "{"


def test_a_port_that_is_taken_leaves_nothing_running() -> None:
    async def play() -> None:
        first = Server(ServeOptions(fleet=fleet_of))
        url = await first.start()
        second = Server(ServeOptions(fleet=fleet_of, port=int(url.rpartition(":")[2])))
        with pytest.raises(SandboxError, match="cannot listen"):
            await second.start()
        assert second.fleet.urls == {}
        await first.stop()

    asyncio.run(play())
