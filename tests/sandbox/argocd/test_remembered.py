"""Comparisons that are not made again, and what makes them be made again."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP
from opsconsole.sandbox.argocd.comparison import Comparer
from tests.sandbox.argocd.support import Stand


def settings(value: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "c"},
        "data": {"a": value},
    }


@pytest.fixture
def stand(monkeypatch: pytest.MonkeyPatch) -> Stand:
    made = Stand(settings("1"), syncPolicy={"automated": {}})
    made.run(60)
    assert made.status["sync"]["status"] == "Synced"
    made.compared = []  # type: ignore[attr-defined]
    real = Comparer._statuses

    def counted(self: Comparer, *arguments: Any) -> None:
        made.compared.append(1)  # type: ignore[attr-defined]
        real(self, *arguments)

    monkeypatch.setattr(Comparer, "_statuses", counted)
    return made


def compared(stand: Stand) -> bool:
    found = bool(stand.compared)  # type: ignore[attr-defined]
    stand.compared.clear()  # type: ignore[attr-defined]
    return found


def same(stand: Stand) -> str:
    """A commit that gives the same objects."""
    newest = list(stand.sources.revisions.values())[-1]
    sha = f"{len(stand.sources.revisions) + 1:040x}"
    stand.sources.revisions[sha] = newest
    return sha


@pytest.fixture
def shared(stand: Stand, monkeypatch: pytest.MonkeyPatch) -> Stand:
    """The renderer gives the very same manifests for the same content."""
    real = stand.sources.generate

    def generate(*arguments: Any, **named: Any) -> Any:
        made = real(*arguments, **named)
        return made._replace(manifests=stand.sources.revisions[made.revision])

    monkeypatch.setattr(stand.sources, "generate", generate)
    stand.run(45)
    compared(stand)
    return stand


def test_a_commit_that_changes_nothing_gives_its_revision_alone(shared: Stand) -> None:
    sha = same(shared)
    before = shared.status
    shared.run(45)
    assert not compared(shared)
    assert shared.status["sync"]["revision"] == sha
    assert shared.status["reconciledAt"] > before["reconciledAt"]
    kept = ("resources", "health", "history", "operationState")
    assert [shared.status.get(k) for k in kept] == [before.get(k) for k in kept]


def test_a_commit_that_changes_something_is_compared_and_synced(shared: Stand) -> None:
    sha = shared.sources.push(settings("2"))
    shared.run(45)
    assert compared(shared)
    assert shared.status["sync"] | {"status": "Synced", "revision": sha} == shared.status["sync"]
    assert shared.store.get(CONFIG_MAP, "ns", "c")["data"] == {"a": "2"}


def test_a_live_change_is_compared(shared: Stand) -> None:
    live = shared.store.get(CONFIG_MAP, "ns", "c")
    shared.store.update(CONFIG_MAP, {**live, "data": {"a": "drift"}})
    shared.run(5)
    assert compared(shared)
    assert shared.status["sync"]["status"] == "OutOfSync"


def test_what_is_gone_is_compared_each_time(shared: Stand) -> None:
    shared.store.delete(CONFIG_MAP, "ns", "c")
    shared.run(5)
    assert shared.status["sync"]["status"] == "OutOfSync"
    compared(shared)
    shared.run(45)
    assert compared(shared)


def test_another_project_is_compared(shared: Stand) -> None:
    project = shared.store.get(APP_PROJECT, "argocd", "default")
    forbidden = {"namespaceResourceBlacklist": [{"group": "", "kind": "ConfigMap"}]}
    shared.store.update(APP_PROJECT, {**project, "spec": {**project["spec"], **forbidden}})
    shared.run(5)
    assert compared(shared)


def test_another_configuration_is_compared(shared: Stand) -> None:
    shared.store.create(
        CONFIG_MAP,
        {"metadata": {"name": "argocd-cm", "namespace": "argocd"}, "data": {"x": "y"}},
    )
    shared.run(5)
    assert compared(shared)


def test_a_refresh_that_is_asked_for_is_a_comparison(shared: Stand) -> None:
    meta = dict(shared.app["metadata"])
    meta["annotations"] = {"argocd.argoproj.io/refresh": "normal"}

    shared.store.update(APPLICATION, {**shared.app, "metadata": meta})
    shared.run(2)
    assert compared(shared)
