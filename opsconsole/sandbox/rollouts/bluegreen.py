"""One pass of a blue-green update (`rollout/bluegreen.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicasets, runs
from opsconsole.argo.rollouts.pauses import (
    blue_green_pause_done,
    halt_reason,
    needs_blue_green_pause,
    pause_ends,
)
from opsconsole.argo.rollouts.promotion import full_promotion_reason
from opsconsole.model.kinds import SERVICE
from opsconsole.model.objects import mapping
from opsconsole.model.selectors import selector_text
from opsconsole.sandbox.rollouts import analysis, ephemeral, restarts, scaling, services, status
from opsconsole.sandbox.rollouts.canary import pod_changed
from opsconsole.sandbox.rollouts.passes import Obj, Pass


def reconcile(p: Pass) -> None:
    """`rolloutBlueGreen`: preview at once, pods, pause, the switch, analysis."""
    preview, active = services.preview_and_active(p)
    services.reconcile_preview(p, preview)
    if pod_changed(p.ro, p.sets.new):
        sync_status(p)
        return
    restarts.reconcile(p)
    scaling.reconcile_blue_green(p)
    _pause(p, active)
    services.reconcile_active(p, active)
    analysis.reconcile(p)
    ephemeral.reconcile(p)
    sync_status(p)


def _pause(p: Pass, active: Obj) -> None:
    """`reconcileBlueGreenPause`: pause before the switch, and go on when it is over."""
    if p.ro.aborted or not services.ready_for_pause(p) or halt_reason(p.ro):
        return
    if (
        services.is_fast_tracked(p, active)
        or p.ro.scale_up_checkpoint
        or not needs_blue_green_pause(p.ro)
    ):
        p.pauses.removed.append(n.BLUE_GREEN_PAUSE)
        return
    if not analysis.pre_promotion_passed(p):
        return
    if p.ro.pause_condition(n.BLUE_GREEN_PAUSE) is None:
        if not p.ro.controller_pause:
            p.pauses.added.append(n.BLUE_GREEN_PAUSE)
    elif blue_green_pause_done(p.ro, p.pauses, p.now):
        p.pauses.removed.append(n.BLUE_GREEN_PAUSE)
    elif p.ro.auto_promotion_seconds > 0:
        end = pause_ends(p.ro, n.BLUE_GREEN_PAUSE, p.ro.auto_promotion_seconds)
        if end is not None:
            p.look_again((end - p.now).total_seconds())


def sync_status(p: Pass) -> None:
    """`syncRolloutStatusBlueGreen`: what the Services select decides what is active."""
    ro = p.ro
    new = status.base(p)
    if pod_changed(ro, p.sets.new):
        status.reset(p, new)
    if ro.promote_full or p.rollback_within_window:
        p.pauses.cleared = True
        p.pauses.unabort = True
    for field, service in (
        ("previewSelector", "previewService"),
        ("activeSelector", "activeService"),
    ):
        name = ro.service(service)
        live = p.store.find(SERVICE, ro.namespace, name) if name else None
        digest = services.selected_hash(live)
        if digest:
            p.blue_green[field] = digest
    reason = full_promotion_reason(
        ro, p.sets, new, p.now,
        aborted=p.pauses.aborted, post_promotion_phase=runs.phase_of(p.runs.post),
    )  # fmt: skip
    if reason:
        status.promote_stable(p, new, reason)
    elif _checkpoint(p):
        p.blue_green["scaleUpPreviewCheckPoint"] = True
    _count_active(p, new)
    status.calculate_conditions(p, new)
    status.persist(p, new)


def _checkpoint(p: Pass) -> bool:
    """`calculateScaleUpPreviewCheckPoint`: from now on the preview has its full size."""
    wanted = p.ro.preview_replica_count
    if wanted is None or p.sets.new is None:
        return False
    if p.ro.scale_up_checkpoint and not p.pauses.cleared:
        return True
    if not analysis.pre_promotion_passed(p) or not blue_green_pause_done(p.ro, p.pauses, p.now):
        return False
    return p.sets.new.available == wanted


def _count_active(p: Pass, new: status.Status) -> None:
    """Counters and selector of the version that serves; of all while none does."""
    digest = p.blue_green.get("activeSelector", "")
    active = next((rs for rs in p.sets.all if digest and rs.hash == digest), None)
    if active is None:
        new["HPAReplicas"] = new["replicas"]
        new["availableReplicas"] = replicasets.total(p.sets.all, "available")
        new["selector"] = selector_text(p.ro.selector)
        return
    new["HPAReplicas"] = active.actual
    new["availableReplicas"] = active.available
    new["readyReplicas"] = active.ready
    new["selector"] = selector_text(mapping(active.obj, "spec", "selector"))
