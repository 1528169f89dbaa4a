"""Phase and message of a Rollout (`CalculateRolloutPhase`, `GetRolloutPhase` of rolloututil.go).

`calculate` is what the controller writes; `observed` is what a client must show instead of the
raw status, which is stale right after a write.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.conditions import count
from opsconsole.argo.rollouts.spec import Object, RolloutView
from opsconsole.model.objects import annotations_of, dig, mapping, mappings, text
from opsconsole.model.status import AnalysisPhase, RolloutPhase
from opsconsole.model.times import parse_instant

Phase = tuple[RolloutPhase, str]


def observed(ro: Object) -> Phase:
    """`GetRolloutPhase`: what to show for a Rollout as read from the API."""
    status = mapping(ro, "status")
    generation = dig(ro, "metadata", "generation", default=0)
    seen = text(status, "observedGeneration")
    if seen.isdigit() and int(seen) < generation:
        return RolloutPhase.PROGRESSING, "waiting for rollout spec update to be observed"
    if status.get("controllerPause") is True and not mappings(status, "pauseConditions"):
        return RolloutPhase.PROGRESSING, "waiting for rollout to unpause"
    wanted = text(annotations_of(ro), n.WORKLOAD_GENERATION)
    had = text(status, "workloadObservedGeneration")
    if dig(ro, "spec", "workloadRef") and wanted.isdigit() and had.isdigit() and wanted != had:
        return (
            RolloutPhase.PROGRESSING,
            "waiting for rollout spec update to be observed for the reference workload",
        )
    if text(status, "phase"):
        return RolloutPhase.of(text(status, "phase")), text(status, "message")
    return calculate(RolloutView(ro), status)


def calculate(ro: RolloutView, status: Mapping[str, Any]) -> Phase:
    """`CalculateRolloutPhase`: the first rule that matches wins."""
    for cond in mappings(status, "conditions"):
        if cond.get("type") == n.INVALID_SPEC:
            return RolloutPhase.DEGRADED, f"{n.INVALID_SPEC}: {text(cond, 'message')}"
        if cond.get("reason") in (n.ROLLOUT_ABORTED, n.TIMED_OUT):
            return RolloutPhase.DEGRADED, f"{cond['reason']}: {text(cond, 'message')}"
    if ro.paused:
        return RolloutPhase.PAUSED, "manually paused"
    pauses = mappings(status, "pauseConditions")
    if pauses:
        return RolloutPhase.PAUSED, text(pauses[0], "reason")
    waiting = _waiting(ro, status)
    return (RolloutPhase.PROGRESSING, waiting) if waiting else (RolloutPhase.HEALTHY, "")


def _waiting(ro: RolloutView, status: Mapping[str, Any]) -> str:
    if ro.restart_at is not None and ro.restart_at != parse_instant(status.get("restartedAt")):
        return "rollout is restarting"
    updated = count(status, "updatedReplicas")
    if updated < ro.replicas:
        return "more replicas need to be updated"
    if count(status, "availableReplicas") < updated:
        return "updated replicas are still becoming available"
    promoted = bool(text(status, "stableRS")) and text(status, "stableRS") == text(
        status, "currentPodHash"
    )
    if ro.blue_green is not None:
        active = text(status, "blueGreen", "activeSelector")
        if not active or active != text(status, "currentPodHash"):
            return "active service cutover pending"
        if not promoted:
            if _waits_for_post_promotion(ro, status):
                return "waiting for analysis to complete"
            return "waiting for post-promotion verification to complete"
    elif ro.canary is not None:
        if ro.routing is None and count(status, "replicas") > updated:
            return "old replicas are pending termination"
        if not promoted:
            return "waiting for all steps to complete"
    return ""


def _waits_for_post_promotion(ro: RolloutView, status: Mapping[str, Any]) -> bool:
    if dig(ro.blue_green, "postPromotionAnalysis") is None:
        return False
    phase = text(status, "blueGreen", "postPromotionAnalysisRunStatus", "status")
    return not phase or not AnalysisPhase.of(phase).completed
