"""The arithmetic of Deployments: surges, shares, revisions, and what their conditions say.

Pure functions apart from the controller (pkg/controller/deployment/util/deployment_util.go).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsconsole.model.objects import annotations_of, condition, dig, mapping, mappings, number, text
from opsconsole.model.times import format_instant, parse_instant

Obj = dict[str, Any]

REVISION = "deployment.kubernetes.io/revision"
REVISION_HISTORY = "deployment.kubernetes.io/revision-history"
DESIRED = "deployment.kubernetes.io/desired-replicas"
MAX = "deployment.kubernetes.io/max-replicas"
HASH = "pod-template-hash"

_NOT_COPIED = frozenset(
    (
        "kubectl.kubernetes.io/last-applied-configuration",
        REVISION, REVISION_HISTORY, DESIRED, MAX, "deprecated.deployment.rollback.to",
    )
)  # fmt: skip


def scaled(value: Any, total: int, *, up: bool) -> int:
    """An IntOrString ("25%" or a number) of `total`; 0 for what is neither."""
    if isinstance(value, bool):
        return 0
    if isinstance(value, int):
        return value
    if isinstance(value, str) and value.endswith("%") and value[:-1].isdigit():
        share = int(value[:-1]) * total / 100
        return math.ceil(share) if up else math.floor(share)
    return int(value) if isinstance(value, str) and value.isdigit() else 0


def fenceposts(deployment: Mapping[str, Any]) -> tuple[int, int]:
    """(maxSurge, maxUnavailable) as numbers; never both 0 (ResolveFenceposts)."""
    if text(deployment, "spec", "strategy", "type", default="RollingUpdate") != "RollingUpdate":
        return 0, 0
    replicas = number(deployment, "spec", "replicas", default=1)
    rolling = mapping(deployment, "spec", "strategy", "rollingUpdate")
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas) if replicas else 0


def spec_replicas(sets: Sequence[Mapping[str, Any]]) -> int:
    return sum(number(rs, "spec", "replicas", default=1) for rs in sets)


def status_sum(sets: Sequence[Mapping[str, Any]], field: str) -> int:
    return sum(number(rs, "status", field) for rs in sets)


def new_replicas(deployment: Obj, sets: Sequence[Obj], new: Mapping[str, Any] | None) -> int:
    """How large the new ReplicaSet may be now (NewRSNewReplicas)."""
    replicas = number(deployment, "spec", "replicas", default=1)
    if text(deployment, "spec", "strategy", "type", default="RollingUpdate") == "Recreate":
        return replicas
    surge, _ = fenceposts(deployment)
    size = number(new, "spec", "replicas") if new is not None else 0
    room = replicas + surge - spec_replicas(sets)
    return size if room <= 0 else size + min(room, replicas - size)


def same_template(one: Mapping[str, Any], other: Mapping[str, Any]) -> bool:
    """Equal but for the hash label (EqualIgnoreHash)."""
    return without_hash(one) == without_hash(other)


def without_hash(template: Mapping[str, Any]) -> Mapping[str, Any]:
    labels = mapping(template, "metadata", "labels")
    if HASH not in labels:
        return template
    rest = {key: value for key, value in labels.items() if key != HASH}
    return {**template, "metadata": {**mapping(template, "metadata"), "labels": rest}}


def revision_of(obj: Mapping[str, Any]) -> int:
    value = annotations_of(obj).get(REVISION, "")
    return int(value) if isinstance(value, str) and value.isdigit() and len(value) < 16 else 0


def copied_annotations(deployment: Mapping[str, Any]) -> Obj:
    return {k: v for k, v in annotations_of(deployment).items() if k not in _NOT_COPIED}


def proportion(rs: Obj, deployment: Obj, to_add: int, added: int) -> int:
    """One ReplicaSet's share of a scaling in mid-rollout (GetReplicaSetProportion)."""
    size = number(rs, "spec", "replicas")
    if size == 0 or to_add in (0, added):
        return 0
    replicas = number(deployment, "spec", "replicas", default=1)
    surge, _ = fenceposts(deployment)
    if replicas == 0:
        share = -size
    else:
        noted = text(annotations_of(rs), MAX)
        base = int(noted) if noted.isdigit() else number(deployment, "status", "replicas")
        share = round(size * (replicas + surge) / base) - size if base else 0
    left = to_add - added
    return min(share, left) if to_add > 0 else max(share, left)


# conditions


def make_condition(  # noqa: PLR0917
    old: Mapping[str, Any], type_: str, status: str, reason: str, message: str, now: datetime
) -> Obj:
    """A condition; lastTransitionTime moves only with the status."""
    at = format_instant(now)
    same = old.get("status") == status
    return {
        "type": type_,
        "status": status,
        "lastUpdateTime": at,
        "lastTransitionTime": text(old, "lastTransitionTime", default=at) if same else at,
        "reason": reason,
        "message": message,
    }


def with_condition(conditions: Sequence[Mapping[str, Any]], new: Obj) -> list[Obj]:
    """Put `new` in; one that says the same (status and reason) is left as it was."""
    for entry in conditions:
        if entry.get("type") == new["type"] and (
            entry.get("status"), entry.get("reason"), entry.get("message"),
        ) == (new["status"], new["reason"], new["message"]):  # fmt: skip
            return [dict(c) for c in conditions]
    kept = [dict(c) for c in conditions if c.get("type") != new["type"]]
    return [*kept, new]


def counters(deployment: Obj, sets: Sequence[Obj], new: Obj | None) -> Obj:
    """The numbers of `status` (calculateStatus)."""
    available = status_sum(sets, "availableReplicas")
    found = {
        "observedGeneration": number(deployment, "metadata", "generation", default=1),
        "replicas": status_sum(sets, "replicas"),
        "updatedReplicas": number(new, "status", "replicas"),
        "readyReplicas": status_sum(sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(spec_replicas(sets) - available, 0),
    }
    status: Obj = {key: value for key, value in found.items() if value}
    collisions = dig(deployment, "status", "collisionCount")
    if collisions is not None:
        status["collisionCount"] = collisions
    return status


def availability(deployment: Obj, available: int, now: datetime) -> Obj:
    _, unavailable = fenceposts(deployment)
    enough = available >= number(deployment, "spec", "replicas", default=1) - unavailable
    old = condition(deployment, "Available")
    if enough:
        return make_condition(
            old, "Available", "True", "MinimumReplicasAvailable",
            "Deployment has minimum availability.", now,
        )  # fmt: skip
    return make_condition(
        old, "Available", "False", "MinimumReplicasUnavailable",
        "Deployment does not have minimum availability.", now,
    )  # fmt: skip


def is_complete(deployment: Obj, status: Mapping[str, Any]) -> bool:
    replicas = number(deployment, "spec", "replicas", default=1)
    return (
        number(status, "updatedReplicas") == replicas
        and number(status, "replicas") == replicas
        and number(status, "availableReplicas") == replicas
    )


def is_progressing(old: Mapping[str, Any], new: Mapping[str, Any]) -> bool:
    """Something moved since the last status (DeploymentProgressing)."""

    def outdated(status: Mapping[str, Any]) -> int:
        return number(status, "replicas") - number(status, "updatedReplicas")

    return (
        number(new, "updatedReplicas") > number(old, "updatedReplicas")
        or outdated(new) < outdated(old)
        or number(new, "readyReplicas") > number(old, "readyReplicas")
        or number(new, "availableReplicas") > number(old, "availableReplicas")
    )


def deadline_of(deployment: Mapping[str, Any]) -> int | None:
    """progressDeadlineSeconds, or None for none (also the largest int32)."""
    value = dig(deployment, "spec", "progressDeadlineSeconds", default=600)
    return value if isinstance(value, int) and value < 2**31 - 1 else None


def stuck_in(deployment: Mapping[str, Any], now: datetime) -> float | None:
    """Seconds until the progress deadline strikes (0: it has); None when it does not count."""
    progressing, limit = condition(deployment, "Progressing"), deadline_of(deployment)
    if limit is None or not progressing or progressing.get("reason") == "NewReplicaSetAvailable":
        return None
    since = parse_instant(progressing.get("lastUpdateTime"))
    return None if since is None else max(0.0, limit - (now - since).total_seconds())


def progress(
    deployment: Obj, status: Obj, subject: str, now: datetime, *, conditions: list[Obj]
) -> list[Obj]:
    """The Progressing condition after a look (syncRolloutStatus)."""
    old = condition(deployment, "Progressing")
    settled = (
        number(status, "replicas") == number(status, "updatedReplicas")
        and old.get("reason") == "NewReplicaSetAvailable"
    )
    if deadline_of(deployment) is None:
        return [c for c in conditions if c.get("type") != "Progressing"]
    if settled:
        return conditions

    def said(status_: str, reason: str, message: str) -> list[Obj]:
        entry = make_condition(old, "Progressing", status_, reason, message, now)
        return with_condition(conditions, entry)

    if is_complete(deployment, status):
        return said("True", "NewReplicaSetAvailable", f"{subject} has successfully progressed.")
    if is_progressing(mapping(deployment, "status"), status):
        entry = make_condition(
            old, "Progressing", "True", "ReplicaSetUpdated", f"{subject} is progressing.", now
        )
        return [*(c for c in conditions if c.get("type") != "Progressing"), entry]
    left = stuck_in(deployment, now)
    if old.get("reason") == "ProgressDeadlineExceeded" or left == 0:
        return said("False", "ProgressDeadlineExceeded", f"{subject} has timed out progressing.")
    return conditions


def failures(sets: Sequence[Obj], conditions: list[Obj]) -> list[Obj]:
    """ReplicaFailure is taken over from the ReplicaSets."""
    for rs in sets:
        for entry in mappings(rs, "status", "conditions"):
            if entry.get("type") == "ReplicaFailure" and entry.get("status") == "True":
                return with_condition(
                    conditions,
                    {
                        "type": "ReplicaFailure",
                        "status": "True",
                        "lastUpdateTime": entry.get("lastTransitionTime"),
                        "lastTransitionTime": entry.get("lastTransitionTime"),
                        "reason": entry.get("reason"),
                        "message": entry.get("message"),
                    },
                )
    return [c for c in conditions if c.get("type") != "ReplicaFailure"]
