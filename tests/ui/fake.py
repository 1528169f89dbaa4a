"""A console without an engine: shows what it is given, records what it is asked.

Everything happens on the caller's thread, so that a Pilot test is deterministic.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import replace
from datetime import UTC, datetime

from opsconsole.errors import GuardError, OpsError
from opsconsole.model.actions import BY_ID
from opsconsole.model.kinds import ROLLOUT, ResourceKey
from opsconsole.model.plans import GitStep, Intent, OperationRecord, OperationStatus, Plan
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.snapshot import Snapshot
from opsconsole.model.status import RolloutPhase
from tests.ui import world


class FakeConsole:
    """`Console` in memory. `show()` replaces the picture; `asked` and `ran` are what came in."""

    def __init__(self, picture: Snapshot | None = None) -> None:
        self.picture = picture or world.snapshot()
        self.listeners: list[Callable[[int], None]] = []
        self.started = self.stopped = False
        self.selected: list[ResourceKey | None] = []
        self.asked: list[Intent] = []
        self.ran: list[Plan] = []
        self.fail_plan: OpsError | None = None
        self.waiting: list[tuple[OperationRecord, Future[OperationRecord]]] = []

    def start(self) -> None:
        self.started = True
        self.announce()

    def stop(self) -> None:
        self.stopped = True

    def snapshot(self) -> Snapshot:
        return self.picture

    def subscribe(self, notify: Callable[[int], None]) -> Callable[[], None]:
        self.listeners.append(notify)
        return lambda: self.listeners.remove(notify)

    def announce(self) -> None:
        for notify in tuple(self.listeners):
            notify(self.picture.generation)

    def show(self, picture: Snapshot) -> None:
        self.picture = replace(picture, generation=self.picture.generation + 1)
        self.announce()

    def change(self, **parts: object) -> None:
        self.show(replace(self.picture, **parts))  # type: ignore[arg-type]

    def select(self, application: ResourceKey | None) -> None:
        self.selected.append(application)
        if application in self.picture.applications:
            assert application is not None
            self.change(selection=world.selection(application.name))

    def refusal(self, intent: Intent) -> str:
        if intent.target.kind == ROLLOUT and intent.action == "abort":
            rollout = self.picture.rollouts[intent.target]
            if rollout.aborted:
                return "it is aborted already"
            if rollout.phase is RolloutPhase.HEALTHY:
                return "it is fully promoted: there is nothing to abort"
        return ""

    def plan(self, intent: Intent) -> Future[Plan]:
        self.asked.append(intent)
        future: Future[Plan] = Future()
        refused = self.refusal(intent)
        if refused or self.fail_plan is not None:
            future.set_exception(self.fail_plan or GuardError(refused))
        else:
            future.set_result(make_plan(intent))
        return future

    def execute(self, plan: Plan) -> Future[OperationRecord]:
        self.ran.append(plan)
        record = OperationRecord(
            f"op-{len(self.ran)}", plan, OperationStatus.RUNNING, world.NOW,
            lines=((world.NOW, "sent"),),
        )  # fmt: skip
        future: Future[OperationRecord] = Future()
        self.waiting.append((record, future))
        self.change(operations=(*self.picture.operations, record))
        return future

    def finish(self, status: OperationStatus = OperationStatus.SUCCEEDED, error: str = "") -> None:
        """End the oldest running operation."""
        record, future = self.waiting.pop(0)
        done = replace(
            record, status=status, finished_at=world.NOW, error=error,
            lines=(*record.lines, (world.NOW, error or "Healthy")),
        )  # fmt: skip
        self.change(
            operations=tuple(done if r.id == done.id else r for r in self.picture.operations)
        )
        future.set_result(done)


def make_plan(intent: Intent) -> Plan:
    spec = BY_ID[intent.action]
    target = intent.target
    if intent.action == "revert":
        commit = str(intent.option("commit", ""))
        steps: tuple[Request | GitStep, ...] = (
            GitStep(world.REPO, ("revert", "--no-edit", commit)),
            GitStep(world.REPO, ("push", "origin", "HEAD:main")),
        )
    else:
        steps = (
            Request(Verb.PATCH, target.kind, target.namespace, target.name,
                    {"status": {"pauseConditions": None}} if target.kind == ROLLOUT
                    else {"operation": {"sync": dict(intent.options)}},
                    PatchType.MERGE, "status" if target.kind == ROLLOUT else ""),
        )  # fmt: skip
    return Plan(
        id=f"plan-{intent.action}", intent=intent, title=f"{spec.label} {target.name}", steps=steps,
        effects=("traffic to the canary: 20% → 50%",) if target.kind == ROLLOUT else ("git main is applied",),
        warnings=("Argo CD will put this back: selfHeal is on",) if intent.action == "undo" else (),
        risk=spec.risk, made_at=world.NOW, resource_version="9001",
        context=(("cluster", "prod-eu-1"), (target.kind.kind.lower(), f"{target.namespace}/{target.name}"),
                 *((name, str(value)) for name, value in intent.options)),
    )  # fmt: skip


class FakeEnvironment:
    """A clock that stands, and a banner when told."""

    def __init__(self, banner: str = "", extra_actions: tuple[object, ...] = ()) -> None:
        self.text = banner
        self.extra_actions = extra_actions
        self.moment = world.NOW

    def banner(self) -> str:
        return self.text

    def now(self) -> datetime:
        return self.moment.astimezone(UTC)


class Hand:
    """A monotonic clock moved by hand, in seconds."""

    def __init__(self) -> None:
        self.value = 100.0

    def __call__(self) -> float:
        return self.value

    def advance(self, seconds: float) -> None:
        self.value += seconds
