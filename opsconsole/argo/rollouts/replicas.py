"""How many pods the new and the stable ReplicaSet should have (`utils/replicaset/canary.go`).

Two ways: a basic canary approximates a weight by pods within surge and unavailability; a
traffic-routed one gives the canary its share and leaves the stable full, unless it scales
with the traffic too. Blue-green is `NewRSNewReplicas`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.rollouts.replicasets import ReplicaSetView, total
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.model.objects import dig, mapping, text

RS = ReplicaSetView
Weights = Mapping[str, Any]


def current_set_weight(ro: RolloutView) -> int:
    """`GetCurrentSetWeight`: the last setWeight at or before the current step."""
    if ro.aborted:
        return 0
    if ro.current_step is None:
        return ro.max_weight
    index = ro.step_index or 0
    for step in reversed(ro.steps[: index + 1]):
        found = whole(step.get("setWeight"))
        if found is not None:
            return found
    return 0


def previous_set_weight(ro: RolloutView) -> int:
    """The last setWeight before the current step; 0 when there is none."""
    for step in reversed(ro.steps[: ro.step_index or 0]):
        found = whole(step.get("setWeight"))
        if found is not None:
            return found
    return 0


def canary_scale(ro: RolloutView) -> Mapping[str, Any] | None:
    """`UseSetCanaryScale`: the setCanaryScale in force, None when the weight decides."""
    if ro.routing is None or (ro.aborted and ro.abort_scale_down_delay[0] is not None):
        return None
    if ro.current_step is None:
        return None
    for step in reversed(ro.steps[: (ro.step_index or 0) + 1]):
        scale = step.get("setCanaryScale")
        if isinstance(scale, Mapping):
            return None if scale.get("matchTrafficWeight") is True else scale
    return None


def replicas_or_weight(
    ro: RolloutView, new: RS | None = None, stable: RS | None = None
) -> tuple[int | None, int]:
    """`GetCanaryReplicasOrWeight`: a fixed number of canary pods, or a weight."""
    if ro.promote_full or not ro.stable or ro.fully_promoted:
        return None, ro.max_weight
    scale = canary_scale(ro)
    if scale is not None:
        pods = whole(scale.get("replicas"))
        if pods is not None:
            return pods, 0
        weight = whole(scale.get("weight"))
        if weight is not None:
            return None, weight
    return None, desired_canary_weight(ro, new, stable)


def desired_canary_weight(ro: RolloutView, new: RS | None, stable: RS | None) -> int:
    """`GetDesiredCanaryWeight`: on abort with dynamicStableScale the weight steps down.

    The last setWeight whose share of pods is smaller than what the stable cannot take yet.
    """
    if not (ro.aborted and ro.dynamic_stable_scale and ro.routing is not None):
        return current_set_weight(ro)
    needed = ro.replicas - (0 if stable is None else stable.available)
    if new is not None and not ro.abort_scale_down_delay[1]:
        needed = max(needed, new.available)
    for step in reversed(ro.steps):
        weight = whole(step.get("setWeight"))
        if weight is not None and weight_to_replicas(ro.replicas, weight, ro.max_weight) < needed:
            return weight
    return 0


def weight_to_replicas(replicas: int, weight: int, max_weight: int) -> int:
    return math.ceil(weight * replicas / max_weight)


def stable_differs(new: RS | None, stable: RS | None) -> bool:
    """`CheckStableRSExists`: there is a stable ReplicaSet, and it is not the new one."""
    return stable is not None and (new is None or new.name != stable.name)


def approximate(replicas: int, weight: int, max_weight: int, surge: int) -> tuple[int, int]:
    """`approximateWeightedCanaryStableReplicaCounts`: (canary, stable) nearest to a weight.

    Totals `replicas`, or one more when a surge is allowed and comes nearer.
    """
    if replicas == 0:
        return 0, 0
    high, low = math.ceil(replicas * weight / max_weight), replicas * weight // max_weight
    zero_ok = weight in (0, max_weight) or (replicas == 1 and surge == 0)
    options: list[tuple[int, int]] = []
    if high < replicas or zero_ok:
        options.append((high, replicas))
    if not _tied(weight, max_weight, replicas) and (low or zero_ok):
        options.append((low, replicas))
    if surge > 0:
        options.append((high, replicas + 1))
        if not _tied(weight, max_weight, replicas + 1) and (low or zero_ok):
            options.append((low, replicas + 1))
    if not options:
        return 0, replicas
    canary, size = min(options, key=lambda o: abs(o[0] * max_weight / o[1] - weight))
    return canary, size - canary


def _tied(weight: int, max_weight: int, size: int) -> bool:
    return math.modf(size * (weight / max_weight))[0] == 0.5


def basic_canary(
    ro: RolloutView, new: RS | None, stable: RS | None, old: Sequence[RS]
) -> tuple[int, int]:
    """`CalculateReplicaCountsForBasicCanary`: (new, stable) sizes to go to now."""
    _, weight = replicas_or_weight(ro, new, stable)
    surge = ro.max_surge
    want_new, want_stable = approximate(ro.replicas, weight, ro.max_weight, surge)
    scale_stable = stable_differs(new, stable)
    if not scale_stable:
        want_new, want_stable = ro.replicas, 0
    new_size = 0 if new is None else new.replicas
    stable_size = stable.replicas if scale_stable and stable is not None else 0
    allowed = ro.replicas + surge
    up = allowed - total(old, "replicas") - new_size - stable_size
    new_count, stable_count = new_size, stable_size
    if stable_size < want_stable and up > 0:
        stable_count = min(stable_size + up, want_stable)
        up -= stable_count - stable_size
    if new is not None and new_size < want_new and up > 0:
        new_count = min(new_size + up, want_new)
    if total(old, "replicas") > 0:
        return new_count, stable_count
    floor = ro.replicas - ro.max_unavailable
    increasing = new is None or want_new >= new_size
    free = _for_scale_down(new, ignore=not increasing) + _for_scale_down(stable, ignore=increasing)
    if free <= floor:
        return new_count, stable_count
    down = free - floor
    if not increasing:
        if new_size > want_new:
            new_count = max(want_new, new_size - down)
        return _within_limits(new, stable, (new_count, stable_count), (allowed, floor))
    if scale_stable:
        if stable_size > want_stable:
            stable_count = max(want_stable, stable_size - down)
        stable_count, new_count = _within_limits(
            stable, new, (stable_count, new_count), (allowed, floor)
        )
    return new_count, stable_count


def _for_scale_down(rs: RS | None, *, ignore: bool) -> int:
    """`GetReplicasForScaleDown`: `ignore` counts pods that are wanted, available or not."""
    if rs is None:
        return 0
    return rs.replicas if ignore or rs.replicas < rs.available else rs.available


def _within_limits(
    drain: RS | None, adjust: RS | None, counts: tuple[int, int], limits: tuple[int, int]
) -> tuple[int, int]:
    """`adjustReplicaWithinLimits`: never over the surge, never below the available minimum.

    `counts` are (drained, adjusted), `limits` (most pods, fewest available).
    """
    (drained, adjusted), (allowed, floor) = counts, limits
    over = max(0, adjusted + drained - allowed)
    available = 0 if drain is None else min(drain.available, drained)
    if adjust is None:
        return drained, adjusted
    adjusted -= over
    available += min(adjust.available, adjusted)
    extra = max(0, adjust.available - adjusted)
    adjusted += min(extra, max(0, floor - available))
    return drained - max(0, adjusted + drained - allowed), adjusted


def _at_least(ro: RolloutView, count: int) -> int:
    """`CheckMinPodsPerReplicaSet`: a ReplicaSet with traffic has minPodsPerReplicaSet pods."""
    floor = whole(dig(ro.canary, "minPodsPerReplicaSet"))
    if count == 0 or floor is None or ro.routing is None:
        return count
    return max(count, min(floor, ro.replicas))


def routed_canary(
    ro: RolloutView, weights: Weights | None, new: RS | None = None, stable: RS | None = None
) -> tuple[int, int]:
    """`CalculateReplicaCountsForTrafficRoutedCanary`: (canary, stable).

    `weights` are those the traffic has now; None leaves them out.
    """
    size, top = ro.replicas, ro.max_weight
    pods, weight = replicas_or_weight(ro, new, stable)
    canary = _at_least(ro, weight_to_replicas(size, weight, top)) if pods is None else pods
    if not ro.dynamic_stable_scale:
        return canary, size
    keep = weight_to_replicas(size, top - weight, top)
    if weights is not None:
        actual = whole(dig(weights, "stable", "weight"), 0) or 0
        keep = max(keep, weight_to_replicas(size, actual, top))
        if ro.aborted:
            carried = whole(dig(weights, "canary", "weight"), 0) or 0
            canary = max(canary, weight_to_replicas(size, carried, top))
    return _at_least(ro, canary), _at_least(ro, keep)


def threshold_met(ro: RolloutView, rs: RS | None, desired: int) -> bool:
    """`ReplicaProgressThresholdMet` of the new ReplicaSet; by default all must be available."""
    if rs is None:
        return False
    rule = mapping(ro.current_step, "replicaProgressThreshold") or mapping(
        ro.canary, "replicaProgressThreshold"
    )
    value = whole(rule.get("value"))
    kind = text(rule, "type")
    if value is None or value < 0 or kind not in ("Percentage", "Pod"):
        return desired == rs.replicas == rs.available
    if kind == "Pod":
        return rs.available >= value
    return desired == 0 or rs.available / desired * 100 >= value - 1e-10


def at_desired(
    ro: RolloutView, new: RS | None, stable: RS | None, old: Sequence[RS], weights: Weights | None
) -> bool:
    """`AtDesiredReplicaCountsForCanary`: whether a setWeight or setCanaryScale has its pods."""
    if ro.routing is None:
        want_new, want_stable = basic_canary(ro, new, stable, old)
    else:
        want_new, want_stable = routed_canary(ro, weights, new, stable)
    if not threshold_met(ro, new, want_new):
        return False
    if (ro.routing is None or not ro.dynamic_stable_scale) and (
        stable is None or not want_stable == stable.replicas == stable.actual
    ):
        return False
    return ro.routing is not None or total(old, "available") == 0


def blue_green_new(ro: RolloutView, sets: Sequence[RS], new: RS) -> int:
    """`NewRSNewReplicas` of blue-green: full size, or previewReplicaCount until it is resumed."""
    preview = ro.preview_replica_count
    if preview is None or ro.promote_full:
        return ro.replicas
    active = by_hash(sets, ro.active_selector)
    if active is None or active.name == new.name:
        return ro.replicas
    if new.hash != ro.current:
        return preview
    resumed = not ro.paused and not ro.pause_conditions
    return ro.replicas if resumed and ro.scale_up_checkpoint else preview


def by_hash(sets: Sequence[RS], digest: str) -> RS | None:
    return next((rs for rs in sets if digest and rs.hash == digest), None)


def new_size(
    ro: RolloutView,
    new: RS,
    stable: RS | None,
    others: Sequence[RS],
    weights: Weights | None,
) -> int:
    """The size of the new ReplicaSet under the Rollout's strategy (`NewRSNewReplicas`)."""
    if ro.blue_green is not None:
        sets = [rs for rs in (new, stable, *others) if rs is not None]
        return blue_green_new(ro, sets, new)
    if ro.routing is None:
        return basic_canary(ro, new, stable, others)[0]
    return routed_canary(ro, weights, new, stable)[0]
