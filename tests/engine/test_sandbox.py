"""The engine on the real sandbox over HTTP: promote, and a git revert followed to Healthy."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.cli.connect import choose
from opsconsole.cli.headless import application, first, wait_for
from opsconsole.cli.options import Options
from opsconsole.engine.hub import Hub
from opsconsole.errors import GuardError
from opsconsole.model.plans import Intent, OperationRecord, OperationStatus
from opsconsole.model.snapshot import Snapshot
from opsconsole.model.status import Health, RolloutPhase

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(scope="module")
def hub(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hub]:
    chosen = choose(Options(sandbox=True, speed=120.0))
    settings = replace(chosen.settings, state_dir=tmp_path_factory.mktemp("state"))
    made = Hub(chosen.connector, settings, chosen.clock, lambda: 0.5)
    made.start()
    first(made, 90.0)
    yield made
    made.stop()


def until(hub: Hub, wanted: Callable[[Snapshot], bool]) -> Snapshot:
    assert wait_for(hub, wanted, 60.0)
    return hub.snapshot()


def done(hub: Hub, intent: Intent) -> OperationRecord:
    return hub.execute(hub.plan(intent).result(30)).result(90)


def rollout_of(hub: Hub, name: str) -> Any:
    key = application(hub.snapshot(), name).key
    hub.select(key)
    shot = until(hub, lambda s: s.selection is not None and s.selection.application == key
                 and bool(s.selection.rollouts) and bool(s.selection.history.commits))  # fmt: skip
    assert shot.selection is not None
    return shot.selection


def test_the_applications_are_in_their_states(hub: Hub) -> None:
    apps = {app.name: app for app in hub.snapshot().applications.values()}
    assert len(apps) == 9
    assert apps["payments"].health is Health.DEGRADED
    assert "new version rejected" in apps["payments"].attention
    assert "paused for a promote" in apps["my-app"].attention


def test_a_blue_green_that_waits_is_promoted(hub: Hub) -> None:
    (key,) = rollout_of(hub, "my-app").rollouts
    assert hub.snapshot().rollouts[key].waiting_for == "a promote"
    record = done(hub, Intent("promote", key))
    assert record.status is OperationStatus.SUCCEEDED, record
    until(hub, lambda s: s.rollouts[key].phase is RolloutPhase.HEALTHY)
    assert hub.snapshot().rollouts[key].fully_promoted
    with pytest.raises(GuardError, match="fully promoted"):
        hub.plan(Intent("promote", key)).result(10)


def test_a_revert_is_pushed_synced_and_healthy(hub: Hub, tmp_path: Path) -> None:
    selection = rollout_of(hub, "payments")
    bad = selection.history.commits[0]
    assert bad.subject == "payments: v1.9.0-bad"
    assert selection.history.desired == selection.history.live
    record = done(hub, Intent("revert", selection.application, (("commit", bad.sha),)))
    assert record.status is OperationStatus.SUCCEEDED, record
    assert record.lines[1][1].startswith("pushed ")
    app = application(hub.snapshot(), "payments")
    assert app.health is Health.HEALTHY
    shot = until(hub, lambda s: s.selection is not None
                 and s.selection.history.commits[0].subject.startswith('Revert "payments'))  # fmt: skip
    assert shot.operations[-1].id == record.id


def test_stopping_is_quick() -> None:
    chosen = choose(Options(server="http://127.0.0.1:1"))
    hub = Hub(chosen.connector, replace(chosen.settings, state_dir=None), chosen.clock, lambda: 0.5)
    start = time.monotonic()
    hub.start()
    hub.stop()
    assert time.monotonic() - start < 4
