"""Runs a plan: look again, send exactly its steps, follow to the outcome, keep the record.

Separate because this is the one place that changes production. A write is sent once; when
its answer is lost the record says `unknown` and the follower looks at the cluster instead
of sending again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from opsconsole.aio.clock import Clock
from opsconsole.engine.follow import JUDGES, Verdict
from opsconsole.engine.gitwork import GitWork, Revert
from opsconsole.engine.journal import Journal
from opsconsole.engine.planner import Planner
from opsconsole.engine.protocols import Cluster
from opsconsole.engine.signal import Signal
from opsconsole.engine.world import World
from opsconsole.errors import GuardError, OpsError, UnreachableError
from opsconsole.model.kinds import SECRET
from opsconsole.model.objects import text
from opsconsole.model.plans import GitStep, OperationRecord, OperationStatus, Plan
from opsconsole.model.requests import Request
from opsconsole.model.status import Health
from opsconsole.model.times import format_instant

KEPT = 50
LINES = 200


class Operations:
    """Owned by the engine's loop. `changed` is called whenever a record moves, `pushed` after a push."""

    def __init__(
        self,
        *,
        journal: Journal,
        clock: Clock,
        changed: Callable[[], None],
        moved: Signal,
        user: str,
        pushed: Callable[[], None] = lambda: None,
    ) -> None:
        self._journal = journal
        self._clock = clock
        self._changed = changed
        self._moved = moved
        self._user = user
        self._pushed = pushed
        self._records: dict[str, OperationRecord] = {}

    @property
    def records(self) -> tuple[OperationRecord, ...]:
        return tuple(self._records.values())

    async def run(
        self, plan: Plan, planner: Planner, cluster: Cluster, world: World, git: GitWork
    ) -> OperationRecord:
        """From preflight to the outcome; the record tells it, only cancelling raises."""
        self._begin(plan)
        status, error, hint = OperationStatus.FAILED, "", ""
        sent = False
        try:
            fresh = await planner.again(plan)
            self._note(plan, "sent", steps=[_told(step) for step in fresh.steps])
            self._insist_on_record()
            sent = True
            verdict = await self._carry_out(fresh, cluster, world, git)
            status = OperationStatus.SUCCEEDED if verdict.ok else OperationStatus.FAILED
            error = "" if verdict.ok else verdict.line
        except GuardError as fault:
            status, error, hint = OperationStatus.REFUSED, fault.message, fault.hint
        except UnreachableError as fault:
            status = OperationStatus.UNKNOWN if sent else OperationStatus.FAILED
            error, hint = fault.message, fault.hint
        except TimeoutError:
            status, error = OperationStatus.UNKNOWN, f"no outcome after {plan.timeout:.0f} s"
            hint = "it was sent; look at the object"
        except OpsError as fault:
            error, hint = fault.message, fault.hint
        except asyncio.CancelledError:
            self._end(plan, OperationStatus.UNKNOWN, "the console was stopped meanwhile", "")
            raise
        return self._end(plan, status, error, hint)

    def _insist_on_record(self) -> None:
        if self._journal.fault:
            raise GuardError(self._journal.fault, hint="nothing is sent without a record")

    async def _carry_out(self, plan: Plan, cluster: Cluster, world: World, git: GitWork) -> Verdict:
        if isinstance(plan.payload, Revert):
            self._line(plan, "reverting and pushing")
            sha = await git.revert(plan.payload)
            self._line(plan, f"pushed {sha[:12]} to {plan.payload.plan.branch}")
            self._written(plan)
            self._pushed()
            async with asyncio.timeout(plan.timeout):
                return await self._reverted(plan, sha, world, git)
        before = await self._target(plan, cluster)
        written = text(before, "metadata", "resourceVersion")
        unchanged = True
        for step in plan.steps:
            if isinstance(step, Request):
                self._line(plan, f"{step.verb.value} {step.path}")
                answer = await cluster.send(step)
                same = text(answer, "metadata", "resourceVersion") == written
                unchanged = unchanged and same and step.kind == plan.intent.target.kind
        self._written(plan)
        async with asyncio.timeout(plan.timeout):
            return await self._follow(plan, before, world, "" if unchanged else written)

    async def _target(self, plan: Plan, cluster: Cluster) -> dict[str, Any]:
        key = plan.intent.target
        return await cluster.get(key.kind, key.namespace, key.name)

    async def _follow(
        self, plan: Plan, before: Mapping[str, Any], world: World, stale: str
    ) -> Verdict:
        """Judge the target on every change until it is over; not at its version `stale`."""
        judge = JUDGES[plan.expects]
        key = plan.intent.target
        while True:
            waiting = self._moved.wait()
            now = world.store.get(key.kind, key.namespace, key.name)
            if now is None and world.listed:
                return Verdict(f"{key.name} has gone", done=True, ok=False)
            # the store lags behind our own write: what it held before must not be judged
            if now is not None and text(now, "metadata", "resourceVersion") != stale:
                verdict = judge(plan, before, now)
                self._line(plan, verdict.line)
                if verdict.done:
                    return verdict
            await waiting

    async def _reverted(self, plan: Plan, sha: str, world: World, git: GitWork) -> Verdict:
        """Pushed → the application runs the commit (or a later one) → Healthy."""
        key = plan.intent.target
        checked: dict[str, bool] = {}
        while True:
            waiting = self._moved.wait()
            app = world.picture.applications.get(key)
            if app is None:
                return Verdict(f"{key.name} has gone", done=True, ok=False)
            if not app.auto_sync:
                return Verdict("pushed; auto-sync is off, so it is not applied yet", done=True)
            deployed = app.history[-1].revision if app.history else ""
            if deployed not in checked and deployed:
                url = app.source.repo_url
                checked[deployed] = await git.is_ancestor(url, sha, deployed)
            if not checked.get(deployed):
                self._line(plan, "waiting for Argo CD to find and apply it; a refresh asks at once")
            elif app.health is Health.HEALTHY:
                return Verdict("applied and healthy", done=True)
            elif app.health is Health.DEGRADED and not app.operation.requested:
                self._line(plan, f"applied; degraded: {app.health_message or app.attention}")
            else:
                self._line(plan, f"applied; {app.health.value.lower()}")
            await waiting

    # the record

    def _begin(self, plan: Plan) -> None:
        now = self._clock.now()
        self._records[plan.id] = OperationRecord(plan.id, plan, OperationStatus.RUNNING, now)
        running = [r for r in self._records.values() if r.finished_at is None]
        for old in list(self._records):
            if len(self._records) <= KEPT + len(running):
                break
            if self._records[old].finished_at is not None:
                del self._records[old]
        self._note(plan, "asked", options=dict(plan.intent.options))
        self._changed()

    def _written(self, plan: Plan) -> None:
        self._records[plan.id] = replace(self._records[plan.id], sent=True)
        self._changed()

    def _line(self, plan: Plan, line: str) -> None:
        record = self._records[plan.id]
        if record.lines and record.lines[-1][1] == line:
            return
        lines = (*record.lines, (self._clock.now(), line))[-LINES:]
        self._records[plan.id] = replace(record, lines=lines)
        self._note(plan, "saw", line=line)
        self._changed()

    def _end(self, plan: Plan, status: OperationStatus, error: str, hint: str) -> OperationRecord:
        record = replace(
            self._records[plan.id],
            status=status,
            finished_at=self._clock.now(),
            error=error,
            hint=hint,
        )
        self._records[plan.id] = record
        self._note(plan, "ended", status=status.value, error=error)
        self._changed()
        return record

    def _note(self, plan: Plan, event: str, **more: Any) -> None:
        self._journal.write(
            {
                "at": format_instant(self._clock.now()),
                "event": event,
                "operation": plan.id,
                "action": plan.intent.action,
                "target": str(plan.intent.target),
                "user": self._user,
                "context": dict(plan.context).get("cluster", ""),
                **more,
            }
        )


def _told(step: Request | GitStep) -> dict[str, Any]:
    """One step for the journal: a Secret's body and whole objects stay out."""
    if isinstance(step, GitStep):
        return {"git": list(step.argv), "repository": step.repo_url}
    found: dict[str, Any] = {"verb": step.verb.value, "path": step.path}
    whole = step.verb.value in ("PUT", "POST")
    if step.kind != SECRET and not whole:
        found["body"] = step.body
    return found
