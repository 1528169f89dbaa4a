"""The whole program on the sandbox, as an operator would live it.

A new version goes through its canary with a promote by hand and ends Healthy; a bad one is
stopped by its analysis, and a git revert from the console brings the application back.
Virtual time moves in small steps that the test makes; nothing waits for real time to pass.
"""

from __future__ import annotations

import asyncio
import random

import pytest

from opsconsole.aio.clock import SystemClock
from opsconsole.cli.sandboxing import SandboxEnvironment
from opsconsole.engine.hub import Hub
from opsconsole.engine.protocols import Connected
from opsconsole.kube.cluster import open_cluster
from opsconsole.model.status import AnalysisPhase, Health, RolloutPhase, Sync
from opsconsole.sandbox.world.assembly import Sandbox
from opsconsole.settings import ClusterSettings, RepoSettings, Settings
from opsconsole.ui.app import OpsApp
from opsconsole.ui.dialogs.plan import PlanDialog
from tests.ui.support import screen_text

APP = "my-app-canary"
STEP = 20.0
"""Virtual seconds between two looks at the screen."""


class Operator:
    """Drives the app by keys, lets virtual time pass, and looks at what the console shows."""

    def __init__(self, app, pilot, sandbox):
        self.app, self.pilot, self.sandbox = app, pilot, sandbox

    async def press(self, *keys):
        for key in keys:
            await self.pilot.press(key)
        await self.pilot.pause(0.02)

    def advance(self, seconds):
        self.sandbox.read(
            lambda cluster: cluster.simulation.run_until(cluster.simulation.elapsed + seconds)
        )

    async def until(self, holds, *, turns=400, step=STEP):
        """Let virtual time pass in steps until the console shows it."""
        for _ in range(turns):
            for _ in range(4):
                if holds():
                    return
                await self.pilot.pause(0.02)
            await asyncio.to_thread(self.advance, step)
        pytest.fail(f"it did not come about:\n{self.text}")

    @property
    def text(self):
        return screen_text(self.app)

    @property
    def application(self):
        return self.app.main.application

    @property
    def rollout(self):
        return self.app.main.rollout

    def step_kind(self):
        rollout = self.rollout
        current = (
            next((s for s in rollout.steps if s.state == "current"), None) if rollout else None
        )
        return current.kind if current else ""

    async def confirm(self, key):
        """Open an action's dialog, wait for its plan, and run it."""
        await self.press(key)
        assert isinstance(self.app.screen, PlanDialog), self.text
        dialog = self.app.screen
        await self.until(lambda: dialog._plan is not None or dialog._error, step=0.0)
        assert not dialog._error, dialog._error
        plan = dialog._plan
        await self.until(lambda: not dialog.deaf, step=0.0)
        await self.press("y")
        return plan

    async def select(self, name):
        await self.press("1", "g")
        while self.app.main.selected.name != name:
            await self.press("j")


def connector(sandbox, environment, settings):
    async def connect():
        environment.attach(sandbox)
        cluster = ClusterSettings(server=sandbox.url)
        repos = RepoSettings(replacements=sandbox.replacements)
        return Connected(
            open_cluster(cluster, SystemClock(), random.Random(1).random), repos, lambda: None
        )

    return connect


@pytest.mark.timeout(300)
def test_a_canary_is_promoted_and_a_bad_one_is_reverted(tmp_path):
    sandbox = Sandbox(speed=0).start()
    try:
        asyncio.run(live(sandbox, tmp_path))
    finally:
        sandbox.stop()


async def live(sandbox, tmp_path):
    environment = SandboxEnvironment(0)
    settings = Settings(state_dir=tmp_path, frame_interval=0)

    class Virtual(SystemClock):
        def now(self):
            return sandbox.now()

    hub = Hub(
        connector(sandbox, environment, settings), settings, Virtual(), random.Random(1).random
    )
    app = OpsApp(hub, environment, settings)
    try:
        async with app.run_test(size=(120, 36)) as pilot:
            operator = Operator(app, pilot, sandbox)
            await operator.until(lambda: app.main.selected is not None, step=0.0)
            await operator.select(APP)
            await operator.until(lambda: operator.rollout is not None, step=0.0)
            await good_version(operator)
            await bad_version(operator)
            await app.action_quit()
    finally:
        hub.stop()
    journal = "".join(p.read_text() for p in tmp_path.rglob("*") if p.is_file())
    assert "promote" in journal
    assert "revert" in journal


async def good_version(operator):
    sha = await asyncio.to_thread(operator.sandbox.push_image, APP, "v2.2.0")
    await operator.until(
        lambda: operator.app.main.commits is not None and operator.app.main.commits.desired == sha
    )
    assert sha[:7] in operator.text
    await operator.until(
        lambda: operator.application.revision == sha and operator.application.sync is Sync.SYNCED
    )
    await operator.until(
        lambda: "v2.2.0" in str(operator.rollout.images) and operator.step_kind() == "pause"
    )
    assert "pause" in operator.rollout.waiting_for or operator.rollout.waiting_until
    before = operator.rollout.step_index
    plan = await operator.confirm("P")
    assert plan.intent.action == "promote"
    await operator.until(lambda: (operator.rollout.step_index or 99) > before, step=1.0)
    await operator.until(
        lambda: any(
            r.phase is AnalysisPhase.RUNNING and r.metrics and r.metrics[0].measurements
            for r in operator.rollout.runs
        )
    )
    assert "error-rate" in operator.text
    assert "< 0.05" in operator.text
    await operator.until(
        lambda: operator.application.health is Health.HEALTHY and operator.rollout.fully_promoted
    )
    assert "v2.2.0" in operator.text


async def bad_version(operator):
    sha = await asyncio.to_thread(operator.sandbox.push_image, APP, "v2.3.0-bad")
    await operator.until(
        lambda: operator.rollout.aborted and operator.rollout.phase is RolloutPhase.DEGRADED
    )
    assert operator.application.revision == sha
    text = operator.text
    assert "aborted" in text
    assert "✖ Failed" in text
    assert "failureLimit" in text
    await operator.press("4", "g")
    await operator.until(
        lambda: operator.app.main.commit is not None and operator.app.main.commit.sha == sha,
        step=0.0,
    )
    plan = await operator.confirm("R")
    assert " push " in str(plan.steps[-1])
    await operator.until(
        lambda: (
            operator.application.health is Health.HEALTHY
            and operator.application.sync is Sync.SYNCED
            and operator.application.revision != sha
            and "v2.2.0" in str(operator.rollout.images)
            and operator.rollout.phase is RolloutPhase.HEALTHY
        )
    )
    await operator.until(lambda: not operator.app.notices.running())
    assert operator.app.main.picture.operations[-1].status.value == "succeeded", operator.text
