"""One pass of a canary (`rollout/canary.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicas as counts
from opsconsole.argo.rollouts import replicasets, runs
from opsconsole.argo.rollouts.hashes import pod_hash, step_hash
from opsconsole.argo.rollouts.pauses import canary_pause_done, pause_ends
from opsconsole.argo.rollouts.promotion import full_promotion_reason
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView, pause_seconds, step_string
from opsconsole.model.objects import dig, mapping, text
from opsconsole.model.selectors import selector_text
from opsconsole.sandbox.rollouts import (
    analysis,
    ephemeral,
    experiments,
    restarts,
    scaling,
    services,
    status,
    traffic,
)
from opsconsole.sandbox.rollouts.passes import Pass


def reconcile(p: Pass, *, informers_ready: bool) -> None:
    """`rolloutCanary`: services and traffic before pods, pods before the pause."""
    if template_or_steps_changed(p.ro, p.sets.new):
        sync_status(p)
        return
    restarts.reconcile(p)
    ephemeral.reconcile(p)
    scaling.trim_history(p)
    services.reconcile_ping_pong(p)
    services.reconcile_canary(p)
    traffic.reconcile(p, informers_ready=informers_ready)
    experiments.reconcile(p)
    analysis.reconcile(p)
    if not p.pauses.added and not scaling.reconcile_canary(p):
        _pause(p)
    sync_status(p)


def template_or_steps_changed(ro: RolloutView, new: ReplicaSetView | None) -> bool:
    """`PodTemplateOrStepsChanged`: an empty step hash counts as a change."""
    known = text(ro.status, "currentStepHash")
    if not known or known != step_hash(ro.steps):
        return True
    return pod_changed(ro, new)


def pod_changed(ro: RolloutView, new: ReplicaSetView | None) -> bool:
    """`CheckPodSpecChange`: false while no hash was recorded yet."""
    if not ro.current:
        return False
    digest = pod_hash(ro.template, ro.collisions) if new is None else new.hash
    return ro.current != digest


def _pause(p: Pass) -> None:
    """`reconcileCanaryPause`: begin the pause of the current step, or come back at its end."""
    step = p.ro.current_step
    if p.ro.paused or p.ro.promote_full or step is None or step.get("pause") is None:
        return
    if p.ro.pause_condition(n.CANARY_PAUSE_STEP) is None:
        if not p.ro.controller_pause:
            p.pauses.added.append(n.CANARY_PAUSE_STEP)
        return
    duration = dig(step, "pause", "duration")
    if duration is not None:
        end = pause_ends(p.ro, n.CANARY_PAUSE_STEP, pause_seconds(duration))
        if end is not None and end > p.now:
            p.look_again((end - p.now).total_seconds())


def step_done(p: Pass) -> bool:
    """`completedCurrentCanaryStep`."""
    step = p.ro.current_step
    if p.ro.paused or step is None:
        return False
    if step.get("pause") is not None:
        return canary_pause_done(p.ro, step, p.now)
    if step.get("setCanaryScale") is not None or step.get("setWeight") is not None:
        if step.get("setCanaryScale") is None and dig(p.weights, "verified") is False:
            return False
        return counts.at_desired(p.ro, p.sets.new, p.stable, p.sets.others, p.weights)
    if step.get("experiment") is not None:
        return runs.phase_of(p.experiment) == "Successful"
    if step.get("analysis") is not None:
        return runs.phase_of(p.runs.step) == "Successful"
    if step.get("replicaProgressThreshold") is not None:
        return counts.at_desired(p.ro, p.sets.new, p.stable, p.sets.others, p.weights)
    return any(
        step.get(kind) is not None for kind in ("setHeaderRoute", "setMirrorRoute", "plugin")
    )


def sync_status(p: Pass) -> None:
    """`syncRolloutStatusCanary`: steps, promotion and abort, then the status is written."""
    ro = p.ro
    new = _base(p)
    steps = len(ro.steps)
    index = ro.step_index
    if template_or_steps_changed(ro, p.sets.new):
        status.reset(p, new)
        _skip_steps(p, new)
        _finish(p, new)
        return
    if ro.promote_full or p.rollback_within_window:
        p.pauses.cleared = True
        p.pauses.unabort = True
        if steps:
            index = steps
    reason = full_promotion_reason(
        ro, p.sets, new, p.now, aborted=p.pauses.aborted, post_promotion_phase=""
    )
    if reason:
        status.promote_stable(p, new, reason)
    elif p.pauses.aborted:
        if steps:
            new["currentStepIndex"] = steps if new["stableRS"] == new["currentPodHash"] else 0
    else:
        if step_done(p) and index is not None and index < steps:
            done = step_string(ro.steps[index])
            index += 1
            p.canary.pop("currentStepAnalysisRunStatus", None)
            p.event(n.STEP_COMPLETED, f"Rollout step {index}/{steps} completed ({done})")
            p.pauses.removed.append(n.CANARY_PAUSE_STEP)
        new["currentStepIndex"] = index
    _finish(p, new)


def _finish(p: Pass, new: status.Status) -> None:
    status.calculate_conditions(p, new)
    status.persist(p, new)


def _base(p: Pass) -> status.Status:
    new = status.base(p)
    new["availableReplicas"] = replicasets.total(p.sets.all, "available")
    new["HPAReplicas"] = new["replicas"]
    new["selector"] = selector_text(p.ro.selector)
    new["currentStepHash"] = step_hash(p.ro.steps)
    ping_pong = text(p.ro.status, "canary", "stablePingPong")
    if ping_pong:
        p.canary["stablePingPong"] = ping_pong
    plugins = mapping(p.ro.status, "canary").get("stepPluginStatuses")
    if plugins:
        p.canary["stepPluginStatuses"] = plugins
    return new


def _skip_steps(p: Pass, new: status.Status) -> None:
    """Back to the stable version, or to one that still runs within the window: no steps."""
    found = p.sets.new
    if found is None or not p.ro.steps:
        return
    if p.ro.stable == found.hash:
        p.event(n.SKIP_STEPS, "Rollback to stable ReplicaSets")
    elif p.rollback_within_window and found.replicas > 0:
        p.event(n.SKIP_STEPS, "Rollback to active ReplicaSets within RollbackWindow")
    else:
        return
    new["currentStepIndex"] = len(p.ro.steps)
