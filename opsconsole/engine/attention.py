"""Why a human should look at an application; empty when nobody need to.

Separate because it joins what Argo CD says with what its rollouts wait for, in order of
urgency: this is the column that people sort by.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsconsole.model.applications import Application
from opsconsole.model.rollouts import Rollout
from opsconsole.model.status import Health, OperationPhase, Sync

_BAD_CONDITIONS = ("InvalidSpecError", "ComparisonError", "SyncError", "DeletionError")


def attention(app: Application, rollouts: Sequence[Rollout] = ()) -> str:
    for condition in app.conditions:
        if condition.type in _BAD_CONDITIONS:
            return f"{condition.type}: {condition.message}"
    for rollout in rollouts:
        told = _rollout(rollout)
        if told:
            return told
    if app.operation.phase in (OperationPhase.FAILED, OperationPhase.ERROR):
        return f"sync {app.operation.phase.value.lower()}: {app.operation.message}"
    if app.operation.waiting_for_retry:
        return "sync failed, waiting for its retry"
    if app.health is Health.DEGRADED:
        return app.health_message or "degraded"
    if app.health is Health.MISSING:
        return "resources are missing"
    if app.health is Health.SUSPENDED and app.elsewhere and not rollouts:
        return "suspended, on another cluster"
    if app.sync is Sync.OUT_OF_SYNC and not app.auto_sync:
        return "out of sync, and auto-sync is off"
    if app.sync is Sync.OUT_OF_SYNC and _stays_different(app):
        return "differs from git, and selfHeal is off"
    if app.problems:
        return f"cannot be read in full: {app.problems[0]}"
    return ""


def _stays_different(app: Application) -> bool:
    """Auto-sync tries a revision once: what was changed afterwards in the cluster stays so."""
    done = app.operation
    return (
        app.auto_sync
        and not app.self_heal
        and done.phase is OperationPhase.SUCCEEDED
        and bool(done.revision)
        and done.revision == app.revision
    )


def _rollout(rollout: Rollout) -> str:
    if rollout.message.startswith("InvalidSpec"):
        return rollout.message
    if rollout.aborted and not rollout.fully_promoted:
        return f"{rollout.name}: new version rejected, stable serves"
    if rollout.waiting_for == "a promote":
        return f"{rollout.name}: paused for a promote"
    if rollout.waiting_for.startswith("someone to"):
        return f"{rollout.name}: waits for {rollout.waiting_for}"
    if "ProgressDeadlineExceeded" in rollout.message:
        return f"{rollout.name}: no progress in time"
    return ""
