"""Which pods a restart evicts now (`rollout/restart.go`)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.rollouts.promotion import Versions
from opsconsole.argo.rollouts.replicasets import ReplicaSetView, by_creation, total
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.objects import condition, controller_of, dig, text
from opsconsole.model.times import EPOCH, parse_instant

CHECK_AGAIN = 30.0
"""Seconds until the next look while pods are left to restart."""

Pod = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Restart:
    """`evict` in order; `allowed` of them may go now, `needed` is how many pods are too old."""

    evict: tuple[Pod, ...]
    allowed: int
    needed: int


def is_due(ro: RolloutView, now: datetime) -> bool:
    """`NeedsRestart`: restartAt has passed and is not the restart that was done last."""
    if ro.restart_at is None or ro.restart_at == parse_instant(ro.status.get("restartedAt")):
        return False
    return now > ro.restart_at


def plan(ro: RolloutView, sets: Versions, pods: Sequence[Pod], now: datetime) -> Restart:
    """Pods made before restartAt, stable version first, as many as availability allows."""
    at = ro.restart_at or EPOCH
    available = sum(1 for pod in pods if _is_available(pod, ro.min_ready, now))
    floor = max(ro.replicas, total(sets.all, "replicas")) - max(ro.max_unavailable, 1)
    order = {rs.uid: rank for rank, rs in enumerate(_by_priority(sets))}
    old = [pod for pod in pods if _created(pod) < at]
    waiting = [pod for pod in old if dig(pod, "metadata", "deletionTimestamp") is None]
    waiting.sort(key=lambda pod: order.get(text(controller_of(pod), "uid"), len(order)))
    return Restart(tuple(waiting), max(0, available - floor), len(old))


def _by_priority(sets: Versions) -> list[ReplicaSetView]:
    first = [rs for rs in (sets.stable, sets.new) if rs is not None]
    return first + by_creation(rs for rs in sets.all if rs not in first)


def _created(pod: Pod) -> datetime:
    return parse_instant(dig(pod, "metadata", "creationTimestamp")) or EPOCH


def _is_available(pod: Pod, min_ready: int, now: datetime) -> bool:
    """`IsPodAvailable`: ready for minReadySeconds, and not on its way out."""
    if dig(pod, "metadata", "deletionTimestamp") is not None:
        return False
    ready = condition(pod, "Ready")
    if ready.get("status") != "True":
        return False
    since = parse_instant(ready.get("lastTransitionTime"))
    return min_ready == 0 or (since is not None and since + timedelta(seconds=min_ready) <= now)
