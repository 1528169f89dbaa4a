"""The article's three emergency rollbacks on the sandbox, and what the console says beforehand."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from opsconsole.cli.connect import choose
from opsconsole.cli.headless import application, first, wait_for
from opsconsole.cli.options import Options
from opsconsole.engine.hub import Hub
from opsconsole.errors import GuardError
from opsconsole.model.kinds import APPLICATION, ROLLOUT, ResourceKey
from opsconsole.model.objects import mappings, text
from opsconsole.model.plans import Intent, OperationStatus
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.world.assembly import Sandbox
from tests.peers import peer

pytestmark = pytest.mark.timeout(180)

APP = "checkout"
GOOD, BAD = "myorg/checkout:v3.4.0", "myorg/checkout:v3.5.0"
MINUTES = 1200.0
"""Virtual seconds that a whole canary of `checkout` may take."""


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    peer("git")
    made = Sandbox(speed=0).start()
    yield made
    made.stop()


@pytest.fixture
def hub(sandbox: Sandbox, tmp_path: Any) -> Iterator[Hub]:
    chosen = choose(Options(server=sandbox.url))
    settings = replace(chosen.settings, state_dir=tmp_path)

    async def connect() -> Any:
        repos = replace(settings.repos, replacements=sandbox.replacements)
        return replace(await chosen.connector(), repos=repos)

    made = Hub(connect, settings, chosen.clock, lambda: 0.5)
    made.start()
    first(made, 60.0)
    yield made
    made.stop()


def image(cluster: Cluster) -> str:
    rollout = cluster.store.get(ROLLOUT, APP, APP)
    return text(rollout, "spec", "template", "spec", "containers", 0, "image")


def history(cluster: Cluster) -> list[str]:
    app = cluster.store.get(APPLICATION, "argocd", APP)
    return [text(entry, "revision") for entry in mappings(app, "status", "history")]


def let_run(sandbox: Sandbox, wanted: Callable[[Cluster], bool]) -> bool:
    """Let virtual time run until `wanted`; whether it came."""
    return bool(
        sandbox.read(lambda c: c.simulation.run_while(lambda: not wanted(c), limit=MINUTES))
    )


def calm(sandbox: Sandbox) -> tuple[str, str, str]:
    """(image, sync, phase) after another twenty minutes: what stays."""

    def look(cluster: Cluster) -> tuple[str, str, str]:
        cluster.simulation.run_until(cluster.simulation.elapsed + MINUTES)
        app = cluster.store.get(APPLICATION, "argocd", APP)
        rollout = cluster.store.get(ROLLOUT, APP, APP)
        return (
            image(cluster),
            text(app, "status", "sync", "status"),
            text(rollout, "status", "phase"),
        )

    found: tuple[str, str, str] = sandbox.read(look)
    return found


def rollout_key(hub: Hub) -> ResourceKey:
    app = application(hub.snapshot(), APP)
    hub.select(app.key)
    assert wait_for(hub, lambda s: s.selection is not None and s.selection.application == app.key
                    and bool(s.selection.rollouts) and bool(s.selection.history.commits), 60.0)  # fmt: skip
    selection = hub.snapshot().selection
    assert selection is not None
    return selection.rollouts[0]


def test_an_undo_is_put_back_by_self_heal(hub: Hub, sandbox: Sandbox) -> None:
    plan = hub.plan(Intent("undo", rollout_key(hub))).result(30)
    assert any("Argo CD will put this back: selfHeal of checkout is on" in w for w in plan.warnings)
    assert any(GOOD in effect for effect in plan.effects)
    running = hub.execute(plan)
    sandbox.speed = 60.0
    assert wait_for(hub, lambda _: sandbox.read(image) == BAD and _undone(sandbox), 60.0)
    running.cancel()
    sandbox.speed = 0
    assert calm(sandbox) == (BAD, "Synced", "Healthy")


def _undone(sandbox: Sandbox) -> bool:
    """Whether the undo was written: it made revisions past those of the story."""
    return int(sandbox.read(_revision)) > 2


def _revision(cluster: Cluster) -> str:
    rollout = cluster.store.get(ROLLOUT, APP, APP)
    return text(rollout, "metadata", "annotations", "rollout.argoproj.io/revision")


def test_a_git_revert_stays(hub: Hub, sandbox: Sandbox) -> None:
    rollout_key(hub)
    selection = hub.snapshot().selection
    assert selection is not None
    commit = next(c for c in selection.history.commits if c.subject == "checkout: v3.5.0")
    intent = Intent("revert", selection.application, (("commit", commit.sha),))
    plan = hub.plan(intent).result(30)
    assert any("it stays" in effect for effect in plan.effects)
    assert not any("put this back" in warning for warning in plan.warnings)
    sandbox.speed = 120.0
    record = hub.execute(plan).result(90)
    assert record.status is OperationStatus.SUCCEEDED, record
    sandbox.speed = 0
    assert calm(sandbox) == (GOOD, "Synced", "Healthy")


def test_a_sync_to_an_earlier_revision_is_rolled_forward(hub: Hub, sandbox: Sandbox) -> None:
    before = sandbox.read(history)
    assert len(before) >= 2
    key = application(hub.snapshot(), APP).key
    with pytest.raises(
        GuardError, match="auto-sync is set to main and would roll it forward again; revert in git"
    ):
        hub.plan(Intent("sync", key, (("revision", before[0]),))).result(30)

    def force(cluster: Cluster) -> None:
        """What the API itself does not refuse: only argocd-server and the console do."""
        app = cluster.store.get(APPLICATION, "argocd", APP)
        operation = {"initiatedBy": {"username": "bob"}, "sync": {"revision": before[0]}}
        cluster.store.update(APPLICATION, {**app, "operation": operation})

    sandbox.read(force)
    assert let_run(sandbox, lambda c: image(c) == GOOD)
    assert let_run(sandbox, lambda c: image(c) == BAD)
    assert calm(sandbox) == (BAD, "Synced", "Healthy")
    after = sandbox.read(history)[len(before) :]
    assert after[0] == before[0]
    assert after[-1] == sandbox.world.repository.head
