"""When a version becomes the stable one, and which rollbacks are fast (`rollout/sync.go`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.replicas import threshold_met
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.objects import dig, text


@dataclass(frozen=True, slots=True)
class Versions:
    """The ReplicaSets of a Rollout: `new` has its template, `stable` is what an abort returns to."""

    new: ReplicaSetView | None
    stable: ReplicaSetView | None
    others: tuple[ReplicaSetView, ...]
    all: tuple[ReplicaSetView, ...]


def rollback_within_window(ro: RolloutView, sets: Versions) -> bool:
    """`isRollbackWithinWindow`: an older version, with few enough versions in between."""
    new, stable = sets.new, sets.stable
    if new is None or stable is None or ro.rollback_window <= 0 or new.created >= stable.created:
        return False
    between = sum(
        1
        for rs in sets.all
        if not text(rs.annotations, n.EXPERIMENT_NAME) and new.created < rs.created < stable.created
    )
    return between < ro.rollback_window


def fast_rollback(ro: RolloutView, sets: Versions, now: datetime) -> bool:
    """`isFastRollback`: within the window, or back to a version that still runs."""
    if sets.new is None or sets.stable is None:
        return False
    if rollback_within_window(ro, sets):
        return True
    if ro.blue_green is not None and _is_rollback(sets.new, sets.stable):
        return sets.new.remaining(now) is not None
    return sets.new.hash == ro.stable


def _is_rollback(new: ReplicaSetView, stable: ReplicaSetView) -> bool:
    """`isRollback`: the new version is older than the stable one.

    Creation is known to the second: of two in one second, the one that served before is older.
    """
    if new.created == stable.created:
        return new.name != stable.name and bool(text(new.annotations, n.REVISION_HISTORY))
    return new.created < stable.created


def full_promotion_reason(
    ro: RolloutView, sets: Versions, status: Mapping[str, Any], now: datetime, *,
    aborted: bool, post_promotion_phase: str,
) -> str:  # fmt: skip
    """`shouldFullPromote`: why the current version becomes stable now, or empty.

    `status` is the new status so far, `post_promotion_phase` that of the current run.
    """
    if sets.stable is None:
        return "Initial deploy"
    if ro.canary is not None:
        return _canary_reason(ro, sets, now, aborted=aborted)
    active = text(status, "blueGreen", "activeSelector")
    if not active:
        return "Initial deploy"
    if active != text(status, "currentPodHash"):
        return ""
    if ro.promote_full:
        return "Full promotion requested"
    rollback = _rollback_reason(ro, sets, now)
    if rollback:
        return rollback
    if aborted:
        return ""
    if dig(ro.blue_green, "postPromotionAnalysis") is not None and (
        post_promotion_phase != "Successful"
    ):
        return ""
    return "Completed blue-green update"


def _canary_reason(ro: RolloutView, sets: Versions, now: datetime, *, aborted: bool) -> str:
    if aborted or sets.new is None:
        return ""
    if sets.new.available < ro.replicas and not threshold_met(ro, sets.new, ro.replicas):
        return ""
    if ro.promote_full:
        return "Full promotion requested"
    rollback = _rollback_reason(ro, sets, now)
    if rollback:
        return rollback
    if not ro.steps or ro.step_index == len(ro.steps):
        return f"Completed all {len(ro.steps)} canary steps"
    return ""


def _rollback_reason(ro: RolloutView, sets: Versions, now: datetime) -> str:
    if rollback_within_window(ro, sets):
        return "Rollback within window"
    return "Fast rollback" if fast_rollback(ro, sets, now) else ""


def referenced_hashes(ro: RolloutView, selectors: Sequence[str]) -> frozenset[str]:
    """`isReplicaSetReferenced`: hashes that status or a Service still names.

    `selectors` are the pod hashes that the Rollout's Services select now.
    """
    found = {ro.stable, ro.current, ro.active_selector, ro.preview_selector, *selectors}
    for side in ("canary", "stable"):
        found.add(text(ro.weights or {}, side, "podTemplateHash"))
    found.discard("")
    return frozenset(found)


def delays_scale_down_on_abort(ro: RolloutView, sets: Versions, *, aborted: bool) -> bool:
    """`shouldDelayScaleDownOnAbort`: canary or preview pods stay for a while after an abort."""
    if not aborted or sets.stable is None or (ro.canary is not None and ro.routing is None):
        return False
    delay, was_set = ro.abort_scale_down_delay
    if delay is None:
        return False
    return not (ro.dynamic_stable_scale and not was_set)


def rolling_back_dynamically(ro: RolloutView, sets: Versions) -> str:
    """`isDynamicallyRollingBackToStable`: the hash that still has traffic, or empty.

    An update with dynamicStableScale was replaced by the stable template: traffic must move
    back as the stable fills, though desired and stable are the same already.
    """
    if not (ro.fully_promoted and ro.routing is not None and ro.dynamic_stable_scale):
        return ""
    if ro.weights is None or sets.new is None:
        return ""
    before = text(ro.weights, "canary", "podTemplateHash")
    if before != sets.new.hash and sets.new.available < ro.replicas:
        return before
    return ""
