"""One pass over a sync operation: which tasks wait, which run now, how it ends.

gitops-engine `pkg/sync/sync_context.go`, in its order; messages are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.health import Verdict, assess
from opsconsole.argo.cd.identity import Key, Obj, defines, group_of, with_metadata
from opsconsole.argo.cd.sync import state as s
from opsconsole.argo.cd.sync.effects import EffectError, Effects
from opsconsole.argo.cd.sync.runner import Run, Runner, every
from opsconsole.argo.cd.sync.state import Outcome, SyncState
from opsconsole.argo.cd.sync.tasks import Pair, Task, named_hook, ordered, reverse_prunes
from opsconsole.argo.cd.syncoptions import SyncOptions, has_option
from opsconsole.model.objects import Object, name_of, namespace_of, text
from opsconsole.model.status import Health

COMPLETED_BADLY = "one or more synchronization tasks completed unsuccessfully"
NOT_VALID = "one or more synchronization tasks are not valid"
NOT_APPLIED = "one or more objects failed to apply"


@dataclass(frozen=True)
class SyncPlan:
    """What an operation asks for and what there is.

    `pairs` are the resources (live hooks among them, as pairs without target), `hooks` the
    wanted hooks. `wanted` limits a selective sync. `namespace` is the destination's,
    `new_namespace` makes the Namespace to create or change, or None when there is nothing to do.
    `started` are seconds since the epoch. `prune_option` is the application's option `Prune`,
    `migrate_from` the manager whose fields a server-side apply takes over.
    """

    pairs: Sequence[Pair]
    hooks: Sequence[Obj] = ()
    revision: str = ""
    namespace: str = ""
    started: int = 0
    prune: bool = False
    prune_option: str | None = None
    prune_confirmed: bool = False
    dry_run: bool = False
    force: bool = False
    skip_hooks: bool = False
    options: SyncOptions = field(default_factory=SyncOptions)
    migrate_from: str = ""
    wanted: Callable[[Pair], bool] | None = None
    modified: Callable[[Key], bool] | None = None
    new_namespace: Callable[[], Obj | None] | None = None
    health: Callable[[Object], Verdict | None] = assess


class SyncContext:
    """`sync()` or `terminate()` is called once; the result is in `state`."""

    def __init__(self, plan: SyncPlan, effects: Effects, state: SyncState) -> None:
        self.plan = plan
        self.effects = effects
        self.state = state
        self.runner = Runner(plan, effects, state)
        self._live = {pair.key: pair.live for pair in plan.pairs}

    def sync(self) -> SyncState:
        self.state.wave_delay = False
        tasks, valid = self._tasks()
        if not valid:
            return self._end(s.FAILED, self._invalid())
        if not self.state.started and not self._dry_run(tasks):
            return self.state
        self._look(tasks)
        if self._waits(tasks):
            return self.state
        for task in tasks:
            if task.is_hook and task.completed:
                self.runner.drop_finalizer(task)
        return self._advance(tasks)

    def _invalid(self) -> str:
        results = self.state.listed()
        why = {text(r, "message") for r in results if text(r, "status") == s.SYNC_FAILED}
        found = "; ".join(sorted(why - {""}))
        return f"{NOT_VALID}: {found}" if found else NOT_VALID

    def _end(self, phase: str, message: str) -> SyncState:
        self.state.phase, self.state.message = phase, message
        return self.state

    def _running(self, tasks: Sequence[Task], *, deletion: bool = False) -> SyncState:
        asking = [t for t in tasks if self.runner.asks(t)]
        return self._end(s.RUNNING, _waiting(tasks, asking, deletion=deletion))

    # before anything is done

    def _dry_run(self, tasks: list[Task]) -> bool:
        """The namespace first, then everything is tried; False when the operation has ended."""
        trial = tasks
        home = next((t for t in tasks if t.live is None and self._is_home(t.target)), None)
        if home is not None:
            if self.runner.run([home], dry_run=False) is Run.FAILED:
                self._fail([], [home], "the namespace failed to apply")
                return False
            trial = [task for task in tasks if task is not home]
        if self.runner.run(self._out_of_sync(trial), dry_run=True) is Run.FAILED:
            self._end(s.FAILED, f"{NOT_APPLIED} (dry run)")
            return False
        return True

    def _is_home(self, obj: Object | None) -> bool:
        return (
            obj is not None
            and text(obj, "kind") == "Namespace"
            and not group_of(obj)
            and name_of(obj) == self.plan.namespace
        )

    # what is going on

    def _look(self, tasks: list[Task]) -> None:
        """Bring the results of running tasks up to date with the health of what is live."""
        for task in tasks:
            if not task.running or task.live is None:
                continue
            health = self.plan.health(task.live)
            if task.is_hook:
                phase, message = hook_phase(task.live, health)
                self.state.put(task, Outcome(task.status, phase, message))
            elif health is None:
                self.state.put(task, Outcome(task.status, s.SUCCEEDED, task.message))
            elif health.status == Health.HEALTHY:
                self.state.put(task, Outcome(task.status, s.SUCCEEDED, health.message))
            elif health.status == Health.DEGRADED:
                self.state.put(task, Outcome(task.status, s.FAILED, health.message))

    def _waits(self, tasks: list[Task]) -> bool:
        """Whether this pass has to wait for what earlier ones started."""
        several = bool(tasks) and tasks[0].place != tasks[-1].place
        running = [t for t in tasks if t.running and (several or t.is_hook)]
        if running:
            for task in running:
                self._check_missing(task)
            self._running(running)
            return True
        going = [
            t
            for t in tasks
            if t.status == s.PRUNED and text(t.live or {}, "metadata", "deletionTimestamp")
        ]
        if going and not self.plan.dry_run:
            self._running(going, deletion=True)
            return True
        return False

    def _check_missing(self, task: Task) -> None:
        if task.live is None and self.effects.find(task.obj) is None:
            why = f"Resource {task.label} is missing, it might have been deleted"
            self.state.put(task, Outcome(s.SYNC_FAILED, s.ERROR, why))

    # the next step

    def _advance(self, tasks: list[Task]) -> SyncState:
        done = [t for t in tasks if not t.running]
        after_success = [t for t in done if t.has_policy(hooks.SUCCEEDED)]
        after_failure = [t for t in done if t.has_policy(hooks.FAILED)]
        rescue = [t for t in tasks if t.phase == "SyncFail"]
        tasks = [t for t in tasks if t.phase != "SyncFail"]
        if any(t.completed and not t.successful for t in tasks):
            failed = [t for t in tasks if t.status == s.SYNC_FAILED]
            self.runner.delete_hooks(after_failure)
            self._fail(rescue, failed, COMPLETED_BADLY)
            return self.state
        pending = self._out_of_sync([t for t in tasks if t.pending])
        if not pending:
            self.runner.delete_hooks(after_success)
            return self._end(s.SUCCEEDED, "successfully synced (no more tasks)")
        place = pending[0].place
        now = [t for t in pending if t.place == place]
        self._end(s.RUNNING, "one or more tasks are running")
        ran = self.runner.run(now, dry_run=False)
        self.state.wave_delay = ran is not Run.FAILED and place != pending[-1].place
        if ran is Run.FAILED:
            return self._failed(now, rescue, after_failure)
        if ran is Run.PENDING:
            waiting = [t for t in now if t.delete_before_creation or (t.is_prune and t.pending)]
            return self._running(waiting, deletion=True)
        if len(now) == len(pending) and not any(t.is_hook for t in now):
            self.runner.delete_hooks(after_success)
            return self._end(s.SUCCEEDED, "successfully synced (all tasks run)")
        return self._running(now)

    def _failed(self, now: list[Task], rescue: list[Task], after_failure: list[Task]) -> SyncState:
        failed = [t for t in now if t.status == s.SYNC_FAILED]
        running = [t for t in now if t.running]
        if not running:
            if self._fail(rescue, failed, NOT_APPLIED):
                self.runner.delete_hooks(after_failure)
            return self.state
        if rescue and not self._fail(rescue, failed, NOT_APPLIED):
            running += rescue
        return self._running(running)

    def _fail(self, rescue: list[Task], failed: list[Task], why: str) -> bool:
        """End as failed, once the SyncFail hooks have run; whether it has ended."""
        message = _reasons(why, failed)
        if all(t.completed for t in rescue):
            bad = [t for t in rescue if t.status == s.SYNC_FAILED]
            if bad:
                message += "\n" + _reasons("one or more SyncFail hooks failed", bad)
            self._end(s.FAILED, message)
            return True
        start = [t for t in rescue if t.pending]
        self.runner.run(start, dry_run=False)
        self._running(start or [t for t in rescue if t.running])
        return False

    def _out_of_sync(self, tasks: list[Task]) -> list[Task]:
        modified = self.plan.modified
        if modified is None:
            return tasks
        return [
            t
            for t in tasks
            if t.is_hook
            or t.target is None
            or t.live is None
            or modified(Pair(t.target, t.live).key)
        ]

    # ending early

    def terminate(self) -> SyncState:
        """Stop: completed hooks are let go, running ones deleted."""
        tasks, _ = self._tasks()
        good = True
        for task in tasks:
            if task.is_hook and task.completed:
                good &= self.runner.drop_finalizer(task)
            elif task.is_hook and task.running:
                good &= self._stop(task)
        if good:
            return self._end(s.FAILED, "Operation terminated")
        return self._end(s.ERROR, "Operation termination had errors")

    def _stop(self, task: Task) -> bool:
        task.live = task.live or self.effects.find(task.obj)
        if task.live is None:
            self.state.put(task, Outcome(task.status, s.SUCCEEDED, "Terminated"))
            return True
        phase, message = hook_phase(task.live, self.plan.health(task.live))
        if not self.runner.drop_finalizer(task):
            return False
        if phase == s.RUNNING or task.has_policy(hooks.FAILED):
            try:
                self.effects.delete(task.live, self.plan.options.propagation)
            except EffectError as refused:
                if not refused.missing:
                    why = f"Failed to delete: failed to delete resource: {refused}"
                    self.state.put(task, Outcome(task.status, s.FAILED, why))
                    return False
        if phase == s.RUNNING:
            phase, message = s.FAILED, "Terminated"
        self.state.put(task, Outcome(task.status, phase, message))
        return True

    # the tasks

    def _tasks(self) -> tuple[list[Task], bool]:
        """All tasks in order, with their results so far; False when some cannot be done."""
        plan = self.plan
        tasks = self._resource_tasks() + ([] if plan.skip_hooks else self._hook_tasks())
        for task in tasks:
            if task.target is not None and not namespace_of(task.target):
                task.target = with_metadata(task.target, namespace=plan.namespace or None)
        home = self._namespace_task()
        if home is not None:
            tasks.append(home)
        for task in tasks:
            if task.target is not None and task.live is None:
                task.live = self._live_of(task.target)
        valid = every([self._check(task) for task in tasks])
        reverse_prunes(tasks, prune_last=plan.options.has("PruneLast=true"))
        tasks = ordered(tasks)
        for task in tasks:
            self.state.enrich(task)
        return tasks, valid

    def _resource_tasks(self) -> list[Task]:
        found = []
        for pair in self.plan.pairs:
            obj = pair.target if pair.target is not None else pair.live or {}
            if hooks.is_hook(obj) or (self.plan.wanted and not self.plan.wanted(pair)):
                continue
            found += [Task(phase, pair.target, pair.live) for phase in hooks.sync_phases(obj)]
        return found

    def _hook_tasks(self) -> list[Task]:
        plan = self.plan
        return [
            Task(phase, named_hook(obj, phase, plan.revision, plan.started), None)
            for obj in plan.hooks
            for phase in hooks.sync_phases(obj)
        ]

    def _namespace_task(self) -> Task | None:
        if self.plan.new_namespace is None or not self.plan.namespace:
            return None
        if any(self._is_home(pair.target) for pair in self.plan.pairs):
            return None
        wanted = self.plan.new_namespace()
        return Task("PreSync", wanted, self.effects.find(wanted)) if wanted is not None else None

    def _live_of(self, target: Object) -> Obj | None:
        group, kind = group_of(target), text(target, "kind")
        for home in (namespace_of(target), ""):
            found = self._live.get(Key(group, kind, home, name_of(target)))
            if found is not None:
                return found
        return None

    def _check(self, task: Task) -> bool:
        obj = task.obj
        why = self.effects.unserved(text(obj, "apiVersion"), task.kind)
        if why and self._may_come_later(task):
            task.skip_dry_run = True
            return True
        why = why or self.effects.permitted(obj)
        if why:
            self.state.put(task, Outcome(s.SYNC_FAILED, "", why))
        return not why

    def _may_come_later(self, task: Task) -> bool:
        option = "SkipDryRunOnMissingResource=true"
        if self.plan.options.has(option) or has_option(task.target or {}, option):
            return True
        targets = [*self.plan.hooks, *(p.target for p in self.plan.pairs if p.target is not None)]
        return any(defines(t, group_of(task.obj), task.kind) for t in targets)


def hook_phase(live: Object, health: Verdict | None) -> tuple[str, str]:
    """Phase and message of a hook from its health (`getOperationPhase`)."""
    if health is None:
        return s.SUCCEEDED, f"{name_of(live)} created"
    if health.status in (Health.UNKNOWN, Health.DEGRADED):
        return s.FAILED, health.message
    if health.status in (Health.PROGRESSING, Health.SUSPENDED):
        return s.RUNNING, health.message
    return s.SUCCEEDED, health.message


def _waiting(tasks: Sequence[Task], asking: Sequence[Task], *, deletion: bool) -> str:
    """What is waited for (setRunningPhase); `asking` are prunes that want somebody's word."""
    if not tasks:
        return ""
    held = [t for t in tasks if t.is_hook]
    reason = "completion of hook" if held else "healthy state of"
    if deletion:
        reason = "deletion of hook" if held else "deletion of"
    first, more = (held or tasks)[0], len(tasks) - 1
    if asking:
        reason, first, more = "pruning confirmation of", asking[0], len(asking) - 1
    message = f"waiting for {reason} {first.label}"
    sort = "resources" if len(held) < len(tasks) else "hooks"
    return f"{message} and {more} more {sort}" if more else message


def _reasons(why: str, tasks: Sequence[Task]) -> str:
    messages = list(dict.fromkeys(task.message for task in tasks))
    return f"{why}, reason: {','.join(messages)}" if messages else why
