"""Doing the tasks of one wave: prune, delete stale hooks, apply (`sync_context.go`, runTasks)."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.sync import state as s
from opsconsole.argo.cd.sync.effects import Application, EffectError, Effects
from opsconsole.argo.cd.sync.state import Outcome, SyncState
from opsconsole.argo.cd.sync.tasks import Task
from opsconsole.argo.cd.syncoptions import has_option, prune_option
from opsconsole.model.objects import text

if TYPE_CHECKING:
    from opsconsole.argo.cd.sync.context import SyncPlan


def every(done: list[bool]) -> bool:
    """Whether all went well; unlike `all` over a generator nothing is left undone."""
    return all(done)


class Run(Enum):
    SUCCESSFUL = 0
    PENDING = 1
    FAILED = 2


class Runner:
    def __init__(self, plan: SyncPlan, effects: Effects, state: SyncState) -> None:
        self.plan = plan
        self.effects = effects
        self.state = state

    def run(self, tasks: list[Task], *, dry_run: bool) -> Run:
        """All of one wave. A trial (`dry_run` of a real operation) leaves results only on failure."""
        dry = dry_run or self.plan.dry_run
        prunes = [t for t in tasks if t.is_prune]
        creates = [t for t in tasks if not t.is_prune]
        if not dry:
            stale = [t for t in tasks if t.is_hook and t.pending and t.live is not None]
            if not every([self.drop_finalizer(t, word="failed") for t in stale]):
                return Run.FAILED
        if any(self.asks(t) for t in prunes):
            return Run.PENDING
        if not every([self._prune(t, dry=dry) for t in prunes]):
            return Run.FAILED
        if not dry:
            ran = self._delete_before(creates)
            if ran is not Run.SUCCESSFUL:
                return ran
        good = every([self._apply(t, dry=dry) for t in creates if not (dry and t.skip_dry_run)])
        return Run.SUCCESSFUL if good else Run.FAILED

    def asks(self, task: Task) -> bool:
        """Whether pruning waits for somebody's word."""
        if self.plan.prune_confirmed or not task.is_prune:
            return False
        return prune_option(task.live or {}, self.plan.prune_option) == "confirm"

    def _prune(self, task: Task, *, dry: bool) -> bool:
        code, message = s.PRUNED, "pruned (dry run)" if dry else "pruned"
        live = task.live or {}
        if not self.plan.prune:
            code, message = s.PRUNE_SKIPPED, "ignored (requires pruning)"
        elif prune_option(live, self.plan.prune_option) == "false":
            code, message = s.PRUNE_SKIPPED, "ignored (no prune)"
        elif not dry and not text(live, "metadata", "deletionTimestamp"):
            try:
                self.effects.delete(live, self.plan.options.propagation)
            except EffectError as refused:
                code, message = s.SYNC_FAILED, str(refused)
        self._note(task, code, message, dry=dry)
        return code != s.SYNC_FAILED

    def _delete_before(self, creates: list[Task]) -> Run:
        found = Run.SUCCESSFUL
        for task in creates:
            if not task.delete_before_creation or task.live is None:
                continue
            try:
                self.effects.delete(task.live, self.plan.options.propagation)
            except EffectError as refused:
                if refused.missing:
                    task.live = None
                    continue
                self._undeleted(task, refused)
                found = Run.FAILED
                continue
            found = found if found is Run.FAILED else Run.PENDING
        return found

    def _undeleted(self, task: Task, refused: EffectError) -> None:
        why = f"failed to delete resource: failed to delete resource: {refused}"
        self.state.put(task, Outcome(task.status, s.ERROR, why))

    def _apply(self, task: Task, *, dry: bool) -> bool:
        target = task.target or {}
        try:
            code, message = s.SYNCED, self.effects.apply(target, self._how(task, dry=dry))
        except EffectError as refused:
            code, message = s.SYNC_FAILED, str(refused)
        self._note(task, code, message, dry=dry)
        return code != s.SYNC_FAILED

    def _how(self, task: Task, *, dry: bool) -> Application:
        target, live, options = task.target or {}, task.live or {}, self.plan.options

        def either(option: str) -> bool:
            return has_option(target, option) or has_option(live, option)

        server_side = options.has("ServerSideApply=true") or has_option(
            target, "ServerSideApply=true"
        )
        return Application(
            dry_run=dry,
            force=self.plan.force or either("Force=true"),
            validate=not (options.has("Validate=false") or has_option(target, "Validate=false")),
            replace=options.has("Replace=true") or either("Replace=true"),
            server_side=server_side and not dry and not has_option(target, "ServerSideApply=false"),
            there=task.live is not None,
            migrate_from=self.plan.migrate_from,
        )

    def _note(self, task: Task, code: str, message: str, *, dry: bool) -> None:
        if dry and not self.plan.dry_run and code != s.SYNC_FAILED:
            return
        phase = s.PHASE_OF[code]
        if self.plan.dry_run and phase == s.RUNNING:
            phase = s.SUCCEEDED
        self.state.put(task, Outcome(code, phase, message))

    def drop_finalizer(self, task: Task, *, word: str = "Failed") -> bool:
        """Take the hook's finalizer off its live object; False when that was refused."""
        live = task.live
        kept = hooks.without_finalizer(live) if live is not None else None
        if live is None or kept is None:
            return True
        try:
            self.effects.set_finalizers(live, kept)
        except EffectError as refused:
            if not refused.missing:
                wrapped = f"failed to update resource: failed to update resource: {refused}"
                why = f"{word} to remove hook finalizer: {wrapped}"
                self.state.put(task, Outcome(task.status, s.ERROR, why))
                return False
        return True

    def delete_hooks(self, tasks: list[Task]) -> None:
        for task in tasks:
            try:
                self.effects.delete(task.live or {}, self.plan.options.propagation)
            except EffectError as refused:
                if not refused.missing:
                    self._undeleted(task, refused)
