"""When is an action allowed? Argo CD's own Lua rules, plus what a console must not let through.

Separate and pure: asked on every key press and again on fresh data just before writing. A
refusal is the reason, in words; the key that is off can show it.
Sources: argo-cd `resource_customizations/argoproj.io/Rollout/actions/discovery.lua`,
`server/application/application.go:2083-2332`, argo-rollouts `controller.go:596`,
`canary.go:377`, `promote.go:166`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from opsconsole.model.applications import Application
from opsconsole.model.kinds import APPLICATION, ROLLOUT, Kind
from opsconsole.model.permissions import Permissions
from opsconsole.model.plans import Intent
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link, Snapshot
from opsconsole.model.status import OperationPhase

NEEDED: Mapping[str, tuple[tuple[str, Kind, str], ...]] = {
    **dict.fromkeys(
        ("sync", "refresh", "hard-refresh", "terminate"), (("patch", APPLICATION, ""),)
    ),
    **dict.fromkeys(("abort", "retry"), (("patch", ROLLOUT, "status"),)),
    **dict.fromkeys(("promote", "promote-full"), (("patch", ROLLOUT, "status"),)),
    **dict.fromkeys(("undo", "pause", "restart"), (("patch", ROLLOUT, ""),)),
    "set-image": (("update", ROLLOUT, ""),),
}
"""(verb, kind, subresource) that an action needs."""

FAR = "it runs on another cluster: start opsconsole with that cluster's --context to act on it"


def refusal(
    intent: Intent,
    snapshot: Snapshot,
    permissions: Mapping[str, Permissions],
    blocked: Mapping[str, str] | None = None,
) -> str:
    """Why not; empty when it is allowed. `blocked`: sync-window verdict by application name."""
    if snapshot.cluster.link is not Link.LIVE:
        return f"not connected ({snapshot.cluster.link.value})"
    if intent.target.cluster:
        return FAR
    denied = _denied(intent, permissions)
    if denied:
        return denied
    busy = _busy(intent, snapshot)
    if busy:
        return busy
    if intent.target.kind == APPLICATION:
        app = snapshot.applications.get(intent.target)
        if app is None:
            return f"there is no application {intent.target.name}"
        return on_application(intent, app, (blocked or {}).get(str(intent.target), ""))
    rollout = snapshot.rollouts.get(intent.target)
    if rollout is None:
        return f"there is no rollout {intent.target.name}"
    return on_rollout(intent, rollout)


def _busy(intent: Intent, snapshot: Snapshot) -> str:
    """Our own operations on the same object: one writes at a time, and none is sent twice.

    What is only watched any more must not stand in the way of an abort.
    """
    for record in snapshot.operations:
        if record.finished_at is not None or record.plan.intent.target != intent.target:
            continue
        if not record.sent:
            return "an operation of this console on it is still being sent"
        if record.plan.intent == intent:
            return "this was sent already, and is followed (o shows it)"
    return ""


def _denied(intent: Intent, permissions: Mapping[str, Permissions]) -> str:
    known = permissions.get(intent.target.namespace)
    for verb, kind, subresource in NEEDED.get(intent.action, ()):
        if (
            known is not None
            and known.may(verb, kind, name=intent.target.name, subresource=subresource) is False
        ):
            what = f"{kind.resource}/{subresource}" if subresource else kind.resource
            return f"the cluster does not let you {verb} {what} in {intent.target.namespace}"
    return ""


def on_rollout(intent: Intent, rollout: Rollout) -> str:
    """The rules for one Rollout; empty when the action is allowed."""
    rule = _ROLLOUT.get(intent.action)
    return rule(intent, rollout) if rule is not None else f"no action {intent.action} on a rollout"


def on_application(intent: Intent, app: Application, window: str = "") -> str:
    """The rules for one Application; `window` is why a sync window blocks it."""
    action = intent.action
    if app.deleting and action != "revert":
        return f"{app.name} is being deleted"
    if action in ("refresh", "hard-refresh"):
        return ""
    busy = app.operation.requested or (
        not app.operation.phase.completed and app.operation.phase is not OperationPhase.NONE
    )
    if action == "terminate":
        if not app.operation.requested:
            return "no operation is running"
        return (
            "it is being terminated already"
            if app.operation.phase is OperationPhase.TERMINATING
            else ""
        )
    if action == "sync":
        if busy:
            return "another operation is already in progress"
        return window or _override(intent, app)
    if action == "revert":
        return _revert(intent, app)
    return f"no action {action} on an application"


def _override(intent: Intent, app: Application) -> str:
    """A revision other than the target's is refused while auto-sync is on (SRV:2242-2256)."""
    wanted = str(intent.option("revision") or "")
    target = app.source.target_revision or "HEAD"
    if wanted and wanted != target and app.auto_sync and not intent.option("dryRun"):
        return (
            f"cannot sync to {wanted[:12]}: auto-sync is set to {target} and would roll it forward "
            "again; revert in git, or turn auto-sync off first"
        )
    return ""


def _revert(intent: Intent, app: Application) -> str:
    if not intent.option("commit"):
        return "no commit is chosen"
    if not app.source.repo_url or app.source.chart:
        return f"{app.name} does not come from a git repository"
    return ""


def _promote(_: Intent, ro: Rollout) -> str:
    if ro.aborted and not ro.fully_promoted:
        return "it was aborted: retry first"
    if ro.fully_promoted and not ro.paused_reason:
        return "it is fully promoted: there is nothing to promote"
    if ro.message.startswith("InvalidSpec"):
        return "its spec is invalid: the controller does nothing with it"
    if ro.strategy == "BlueGreen" and not ro.paused_reason:
        return "it is not paused: a promote would do nothing"
    if ro.message.startswith("waiting for rollout to unpause"):
        return "it is going on already"
    run = next((s for s in ro.steps if s.state == "current" and s.kind == "analysis"), None)
    after = ro.steps[run.index + 1] if run is not None and run.index + 1 < len(ro.steps) else None
    if run is not None and after is not None and after.kind == "analysis":
        return "two analysis steps in a row cannot be promoted one by one: promote fully or wait"
    return ""


def _promote_full(_: Intent, ro: Rollout) -> str:
    if ro.fully_promoted:
        return "it is fully promoted"
    if ro.aborted:
        return "it was aborted: retry first"
    if ro.promote_full:
        return "a full promotion is under way"
    return ""


def _abort(_: Intent, ro: Rollout) -> str:
    if ro.fully_promoted:
        return "no update is under way: there is nothing to abort"
    if ro.aborted:
        return "it is aborted already"
    if ro.promote_full:
        return "a full promotion was requested; the controller ignores an abort until it is done"
    return ""


def _retry(_: Intent, ro: Rollout) -> str:
    if not ro.aborted:
        return "it is not aborted"
    return "it is fully promoted" if ro.fully_promoted else ""


def _undo(intent: Intent, ro: Rollout) -> str:
    revisions = sorted({r.number for r in ro.revisions}, reverse=True)
    wanted = intent.option("toRevision") or 0
    if wanted and wanted not in revisions:
        return f"there is no revision {wanted}; known: {', '.join(map(str, revisions)) or 'none'}"
    if not wanted and len(revisions) < 2:
        return "there is no earlier revision"
    return ""


def _pause(_: Intent, ro: Rollout) -> str:
    if ro.paused_reason == "manually paused":
        return "it is paused already"
    return "it is fully promoted: there is nothing to pause" if ro.fully_promoted else ""


def _restart(_: Intent, ro: Rollout) -> str:
    if ro.message == "rollout is restarting":
        return "it is restarting already"
    return ""


def _set_image(intent: Intent, ro: Rollout) -> str:
    del ro
    return "" if intent.option("images") else "no image is given"


_ROLLOUT: Mapping[str, Callable[[Intent, Rollout], str]] = {
    "promote": _promote,
    "promote-full": _promote_full,
    "abort": _abort,
    "retry": _retry,
    "undo": _undo,
    "pause": _pause,
    "restart": _restart,
    "set-image": _set_image,
}
