"""How much traffic the canary gets, and how that is recorded (`rollout/trafficrouting.go`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.rollouts import replicas as counts
from opsconsole.argo.rollouts.promotion import Versions, rolling_back_dynamically
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.model.objects import dig, mappings, text

Destination = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Routing:
    """What the routers should do in this pass.

    `canary_hash` and `stable_hash` are where the two sides point; `experiments` are extra
    destinations `{serviceName, podTemplateHash, weight}`. `remove_managed` takes header and
    mirror routes away; `reset_canary_service` points the canary Service at the stable version.
    """

    weight: int
    canary_hash: str
    stable_hash: str
    experiments: tuple[Destination, ...] = ()
    remove_managed: bool = False
    reset_canary_service: bool = False


def routing(
    ro: RolloutView, sets: Versions, experiments: Sequence[Destination], *, aborted: bool
) -> Routing:
    """The branches of `reconcileTrafficRouting`; `experiments` are those that run now."""
    new, stable = sets.new, sets.stable
    canary_hash = "" if new is None else new.hash
    stable_hash = "" if stable is None else stable.hash
    extra = tuple(experiments)
    before = rolling_back_dynamically(ro, sets)
    if before:
        return Routing(_stepping_down(ro, sets), before, stable_hash)
    if ro.fully_promoted:
        return Routing(0, canary_hash, stable_hash, remove_managed=True)
    if aborted:
        weight = _stepping_down(ro, sets)
        reset = weight == 0 or not ro.dynamic_stable_scale
        return Routing(weight, canary_hash, stable_hash, (), remove_managed=True,
                       reset_canary_service=reset)  # fmt: skip
    if new is None or new.available == 0:
        return Routing(0, canary_hash, stable_hash, extra, remove_managed=True)
    if ro.promote_full:
        return Routing(_full_promotion_weight(ro, sets), canary_hash, stable_hash,
                       remove_managed=True)  # fmt: skip
    index = ro.step_index
    if index is None:
        return Routing(0, canary_hash, stable_hash)
    if not counts.at_desired(ro, new, stable, sets.others, None):
        return Routing(counts.previous_set_weight(ro), canary_hash, stable_hash, extra)
    if index != len(ro.steps):
        return Routing(counts.current_set_weight(ro), canary_hash, stable_hash, extra)
    return Routing(ro.max_weight, canary_hash, stable_hash)


def _weight_now(ro: RolloutView) -> int:
    return whole(dig(ro.weights, "canary", "weight"), 0) or 0


def _full_promotion_weight(ro: RolloutView, sets: Versions) -> int:
    if ro.dynamic_stable_scale and sets.new is not None and ro.replicas:
        return min(ro.max_weight, ro.max_weight * sets.new.available // ro.replicas)
    return _weight_now(ro)


def _stepping_down(ro: RolloutView, sets: Versions) -> int:
    """`calculateDesiredWeightOnAbortOrStableRollback`: 0 at once, or as the stable fills.

    With dynamicStableScale the weight goes down the setWeight steps in reverse, and stays
    where it is while the stable cannot take more; it never goes up again.
    """
    if not ro.dynamic_stable_scale or not ro.replicas:
        return 0
    available = 0 if sets.stable is None else sets.stable.available
    if ro.aborted:
        weight = counts.desired_canary_weight(ro, sets.new, sets.stable)
        needed = (ro.max_weight - weight) * ro.replicas // ro.max_weight
        if available < needed:
            weight = _weight_now(ro)
    else:
        weight = max(0, ro.max_weight - ro.max_weight * available // ro.replicas)
    return min(weight, _weight_now(ro)) if ro.weights is not None else weight


def stable_can_take(ro: RolloutView, sets: Versions, weight: int) -> bool:
    """`checkReplicasAvailable`: enough stable pods for the rest of the traffic.

    While it does not hold nothing is changed at the routers; before there is a stable version
    nothing is either.
    """
    if sets.stable is None:
        return False
    needed = (ro.max_weight - weight) * ro.replicas // ro.max_weight
    return sets.stable.available >= needed or (
        bool(_threshold(ro)) and counts.threshold_met(ro, sets.stable, needed)
    )


def _threshold(ro: RolloutView) -> Any:
    return dig(ro.current_step, "replicaProgressThreshold") or dig(
        ro.canary, "replicaProgressThreshold"
    )


def recorded(ro: RolloutView, plan: Routing) -> dict[str, Any]:
    """`calculateWeightStatus`: the value for `status.canary.weights`."""
    stable_service, canary_service = ro.stable_and_canary_services(prefer_ping_pong=False)
    extra = sum(whole(d.get("weight"), 0) or 0 for d in plan.experiments)
    found: dict[str, Any] = {
        "canary": _destination(plan.weight, canary_service, plan.canary_hash),
        "stable": _destination(
            ro.max_weight - plan.weight - extra, stable_service, plan.stable_hash
        ),
    }
    if plan.experiments:
        found["additional"] = [dict(d) for d in plan.experiments]
    return found


def _destination(weight: int, service: str, digest: str) -> Destination:
    found: Destination = {"weight": weight}
    if service:
        found["serviceName"] = service
    if digest:
        found["podTemplateHash"] = digest
    return found


def same(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> bool:
    """Whether weights are the same but for `verified`."""
    if before is None:
        return False
    return {k: v for k, v in before.items() if k != "verified"} == dict(after)


def updated_message(before: Mapping[str, Any] | None, after: Mapping[str, Any]) -> str:
    """`trafficWeightUpdatedMessage`: the text of the TrafficWeightUpdated event."""
    new = dig(after, "canary", "weight", default=0)
    details: list[str] = []
    if before is None:
        details.append(f"to {new}")
    elif dig(before, "canary", "weight", default=0) != new:
        details.append(f"from {dig(before, 'canary', 'weight', default=0)} to {new}")
    if before is not None and mappings(before, "additional") != mappings(after, "additional"):
        listed = " ".join(
            f"{{{d.get('weight', 0)} {text(d, 'serviceName')} {text(d, 'podTemplateHash')}}}"
            for d in mappings(after, "additional")
        )
        details.append(f"additional: [{listed}]")
    return "Traffic weight updated " + ", ".join(details)
