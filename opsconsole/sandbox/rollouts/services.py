"""Which version a Service points at (`rollout/service.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicasets
from opsconsole.argo.rollouts.pauses import (
    blue_green_pause_done,
    halt_reason,
)
from opsconsole.argo.rollouts.promotion import rolling_back_dynamically
from opsconsole.argo.rollouts.replicas import blue_green_new
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.model.kinds import SERVICE
from opsconsole.model.objects import mapping, text
from opsconsole.sandbox.apierrors import not_found
from opsconsole.sandbox.rollouts.analysis import pre_promotion_passed
from opsconsole.sandbox.rollouts.passes import Obj, Pass


def selected_hash(service: Obj | None) -> str:
    return text(service, "spec", "selector", n.POD_HASH_LABEL)


def ensure_target(p: Pass, name: str, rs: ReplicaSetView | None, *, check: bool = True) -> None:
    """`ensureSVCTargets`: adopt a Service only for a fully available version, else ≥ 1 pod."""
    if rs is None or not name:
        return
    service = p.service(name)
    if service is None:
        raise not_found(SERVICE, name)
    if selected_hash(service) == rs.hash:
        return
    adopted = n.MANAGED_BY in mapping(service, "metadata", "annotations")
    if check and (rs.available == 0 if adopted else not rs.fully_available):
        return
    p.switch_service(service, rs.hash)


def reconcile_ping_pong(p: Pass) -> None:
    if p.ro.ping_pong and not p.ro.fully_promoted:
        _, canary = p.ro.stable_and_canary_services(prefer_ping_pong=True)
        ensure_target(p, canary, p.sets.new, check=False)


def reconcile_canary(p: Pass) -> None:
    """`reconcileStableAndCanaryService`."""
    stable, canary = p.ro.service("stableService"), p.ro.service("canaryService")
    ensure_target(p, stable, p.stable)
    if p.pauses.aborted and p.ro.routing is None:
        ensure_target(p, canary, p.stable)
        return
    if rolling_back_dynamically(p.ro, p.sets):
        return
    ensure_target(p, canary, p.sets.new)


def preview_and_active(p: Pass) -> tuple[Obj | None, Obj]:
    active_name, preview_name = p.ro.service("activeService"), p.ro.service("previewService")
    active = p.service(active_name)
    if active is None:
        raise not_found(SERVICE, active_name)
    preview = p.service(preview_name)
    if preview is None and preview_name:
        raise not_found(SERVICE, preview_name)
    return preview, active


def reconcile_preview(p: Pass, preview: Obj | None) -> None:
    if preview is not None and not halt_reason(p.ro):
        p.switch_service(preview, p.new.hash)


def is_fast_tracked(p: Pass, active: Obj) -> bool:
    """`isBlueGreenFastTracked`: no pause before the switch."""
    return (
        p.fast_rollback
        or p.ro.promote_full
        or not selected_hash(active)
        or selected_hash(active) == p.new.hash
    )


def ready_for_pause(p: Pass) -> bool:
    """`ReadyForPause`: the new version is at the size that the strategy wants now."""
    want = blue_green_new(p.ro, p.sets.all, p.new)
    return p.new.replicas == p.new.available == want


def reconcile_active(p: Pass, active: Obj) -> None:
    """`reconcileActiveService`: the switch to the new version, or back after an abort."""
    if halt_reason(p.ro):
        return
    if not ready_for_pause(p) or not replicasets.is_saturated(p.ro, p.new):
        return
    target = selected_hash(active)
    passed = blue_green_pause_done(p.ro, p.pauses, p.now) and pre_promotion_passed(p)
    if is_fast_tracked(p, active) or passed:
        target = p.new.hash
    if p.ro.aborted:
        target = p.ro.stable
    p.switch_service(active, target)
