"""What differs from git: diffs that a reader can trust, and no Secret in them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from opsconsole.argo.cd.diff import Differ
from opsconsole.engine.decode.applications import application
from opsconsole.engine.destinations import Destinations
from opsconsole.engine.drift import LINES, compared, drift_of
from opsconsole.errors import RepoError
from opsconsole.model.kinds import CONFIG_MAP, SERVICE
from tests.engine import objects
from tests.engine.fakes import StoreCluster

MAP: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "m", "namespace": "prod"},
}
TRACK = "argocd.argoproj.io/tracking-id"


def live(**over: Any) -> dict[str, Any]:
    meta = {
        "name": "m",
        "namespace": "prod",
        "uid": "u",
        "annotations": {TRACK: "shop:/ConfigMap:prod/m"},
    }
    return {**MAP, "metadata": meta, **over}


class Git:
    def __init__(self, manifests: Any) -> None:
        self.answer = manifests

    async def manifests(self, raw: Any, app: Any) -> Any:
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


def drift(cluster: StoreCluster, git: Any, **status: Any) -> dict[str, str]:
    raw = objects.app(status=status)
    found = drift_of(application(raw), raw, Destinations(cluster), Git(git))  # type: ignore[arg-type]
    return dict(asyncio.run(found))


def resource(kind: str, name: str = "m", **over: Any) -> dict[str, Any]:
    return {
        "version": "v1",
        "kind": kind,
        "namespace": "prod",
        "name": name,
        "status": "OutOfSync",
        **over,
    }


def test_the_difference_is_shown_and_the_tracking_mark_is_none() -> None:
    shown = compared({**MAP, "data": {"a": "2"}}, live(data={"a": "1"}), Differ())
    assert '-  a: "1"' in shown
    assert '+  a: "2"' in shown
    assert TRACK not in shown
    assert compared({**MAP, "data": {"a": "1"}}, live(data={"a": "1"}), Differ()) == ""


def test_a_secret_is_masked() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s", "namespace": "prod"}}
    shown = compared({**secret, "data": {"p": "bmV3"}}, {**secret, "data": {"p": "b2xk"}}, Differ())
    assert "bmV3" not in shown
    assert "b2xk" not in shown
    assert "+++" in shown


def test_a_long_diff_is_bounded() -> None:
    many = {f"k{i}": str(i) for i in range(1000)}
    shown = compared({**MAP, "data": many}, live(data={}), Differ())
    assert len(shown.splitlines()) == LINES + 1


def test_missing_pruned_unknown_and_changed() -> None:
    cluster = StoreCluster()
    cluster.namespaces("prod")
    cluster.put(CONFIG_MAP, {"metadata": {"name": "m", "namespace": "prod"}, "data": {"a": "1"}})
    cluster.put(
        SERVICE,
        {"metadata": {"name": "old", "namespace": "prod"}, "spec": {"ports": [{"port": 80}]}},
    )
    listed = [resource("ConfigMap"), resource("ConfigMap", "new"), resource("Service", "old", requiresPruning=True),
              resource("Widget", group="x.io"), resource("ConfigMap", "same", status="Synced")]  # fmt: skip
    new = {**MAP, "metadata": {"name": "new"}, "data": {"b": "2"}}
    found = drift(cluster, [{**MAP, "data": {"a": "2"}}, new], resources=listed)
    assert '+  a: "2"' in found["ConfigMap prod/m"]
    assert all(line[:1] in "+-@" for line in found["ConfigMap prod/new"].splitlines())
    assert "-kind: Service" in found["Service prod/old"]
    assert "cannot be read" in found["Widget prod/m"]
    assert len(found) == 4


@pytest.mark.parametrize("fault", [RepoError("the branch is gone")])
def test_a_tree_that_does_not_render_says_why(fault: Exception) -> None:
    assert drift(StoreCluster(), fault, resources=[resource("ConfigMap")]) == {
        "git": "the branch is gone"
    }
    assert drift(StoreCluster(), fault, resources=[]) == {}
