"""What every workload controller must know of pods: making them, reading them, which go first.

Separate from the controllers because ReplicaSets, Jobs, StatefulSets and DaemonSets share
these rules (k8s.io/kubernetes/pkg/controller/controller_utils.go, pkg/api/v1/pod/util.go).
"""

from __future__ import annotations

import json
import math
import re
import zlib
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import (
    annotations_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import EPOCH, parse_instant

Obj = dict[str, Any]

SAFE = "bcdfghjklmnpqrstvwxz2456789"
"""Alphabet of k8s.io/apimachinery/pkg/util/rand.SafeEncodeString."""

DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"


def is_active(pod: Mapping[str, Any]) -> bool:
    """Not finished and not being deleted (controller.IsPodActive)."""
    if "deletionTimestamp" in pod["metadata"]:
        return False
    status = pod.get("status")
    phase = status.get("phase") if isinstance(status, dict) else None
    return phase not in ("Succeeded", "Failed")


_NONE: Mapping[str, Any] = {}


def ready_condition(pod: Mapping[str, Any]) -> Mapping[str, Any]:
    """Written out, because every change of every pod asks several times."""
    status = pod.get("status")
    listed = status.get("conditions") if isinstance(status, dict) else None
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("type") == "Ready":
            return entry
    return _NONE


def is_ready(pod: Mapping[str, Any]) -> bool:
    return ready_condition(pod).get("status") == "True"


def ready_since(pod: Mapping[str, Any]) -> datetime | None:
    """When the pod became Ready, or None while it is not."""
    entry = ready_condition(pod)
    return parse_instant(entry.get("lastTransitionTime")) if entry.get("status") == "True" else None


def available_in(pod: Mapping[str, Any], min_ready: float, now: datetime) -> float | None:
    """Seconds until a ready pod counts as available: 0 when it does, None while it is not ready."""
    entry = ready_condition(pod)
    if entry.get("status") != "True":
        return None
    if min_ready <= 0:
        return 0.0
    since = parse_instant(entry.get("lastTransitionTime"))
    if since is None:
        return min_ready
    return max(0.0, min_ready - (now - since).total_seconds())


def restarts(pod: Mapping[str, Any]) -> int:
    return sum(
        number(status, "restartCount") for status in mappings(pod, "status", "containerStatuses")
    )


@lru_cache(maxsize=4096)
def owner_reference(api_version: str, kind: str, name: str, uid: str) -> tuple[Obj, ...]:
    """The shared controller reference of one owner; callers make a list of it."""
    return (
        {
            "apiVersion": api_version,
            "kind": kind,
            "name": name,
            "uid": uid,
            "controller": True,
            "blockOwnerDeletion": True,
        },
    )


def owned(kind: Kind, owner: Mapping[str, Any]) -> list[Obj]:
    return list(owner_reference(kind.api_version, kind.kind, name_of(owner), uid_of(owner)))


def pod_from(
    template: Mapping[str, Any],
    kind: Kind,
    owner: Mapping[str, Any],
    *,
    name: str = "",
    labels: Mapping[str, Any] | None = None,
    annotations: Mapping[str, Any] | None = None,
    spec: Mapping[str, Any] | None = None,
) -> Obj:
    """A pod of `template` for `owner`, to be created. It shares the template's parts by reference.

    Without `name` the server generates one from the owner's. `labels` and `annotations` are
    added to the template's; `spec` replaces its spec.
    """
    meta: Obj = {"namespace": namespace_of(owner), "ownerReferences": owned(kind, owner)}
    if name:
        meta["name"] = name
    else:
        meta["generateName"] = f"{name_of(owner)}-"
    base = mapping(template, "metadata")
    for field, more in (("labels", labels), ("annotations", annotations)):
        shared = base.get(field)
        if more:
            meta[field] = {**(shared or {}), **more}
        elif shared:
            meta[field] = shared
    if base.get("finalizers"):
        meta["finalizers"] = base["finalizers"]
    return {"metadata": meta, "spec": spec if spec is not None else mapping(template, "spec")}


def template_hash(template: Mapping[str, Any], collisions: int = 0) -> str:
    """A stable pod-template hash in Kubernetes' alphabet.

    The real one is FNV over Go's printed structs, which no two releases agree on; nothing
    compares hashes across implementations.
    """
    body = json.dumps(template, sort_keys=True, separators=(",", ":"), default=str)
    value = zlib.crc32(f"{body}#{collisions}".encode() if collisions else body.encode())
    return safe_encode(str(value))


def safe_encode(digits: str) -> str:
    return "".join(SAFE[ord(char) % len(SAFE)] for char in digits)


def counts_the_same(pod: Mapping[str, Any], old: Mapping[str, Any]) -> bool:
    """Whether a pod's change moves none of its controller's counters."""
    meta, before = pod["metadata"], old["metadata"]
    return (
        ready_condition(pod) == ready_condition(old)
        and is_active(pod) == is_active(old)
        and meta.get("labels") == before.get("labels")
        and meta.get("ownerReferences") == before.get("ownerReferences")
    )


def deletion_order(pods: Sequence[Obj], now: datetime) -> list[Obj]:
    """Which pods a ReplicaSet removes first (controller.ActivePodsWithRanks).

    Unassigned, pending, not ready, cheaper by `pod-deletion-cost`, doubled up on a node,
    ready for a shorter time and younger (both on a logarithmic scale, then by uid), more restarts.
    """
    crowd: dict[str, int] = {}
    for pod in pods:
        node = text(pod, "spec", "nodeName")
        crowd[node] = crowd.get(node, 0) + 1
    phases = {"Pending": 0, "": 0, "Unknown": 1, "Running": 2}

    def rank(pod: Obj) -> tuple[Any, ...]:
        node = text(pod, "spec", "nodeName")
        ready = is_ready(pod)
        return (
            bool(node),
            phases.get(text(pod, "status", "phase"), 2),
            ready,
            _cost(pod),
            -crowd[node],
            _age(ready_since(pod), now) if ready else 0,
            -restarts(pod),
            _age(parse_instant(pod["metadata"].get("creationTimestamp")), now),
            uid_of(pod),
        )

    return sorted(pods, key=rank)


def _cost(pod: Obj) -> int:
    value = annotations_of(pod).get(DELETION_COST, "0")
    try:
        return int(value)
    except (TypeError, ValueError):
        return 0


def _age(since: datetime | None, now: datetime) -> int:
    seconds = (now - (since or EPOCH)).total_seconds()
    return int(math.log2(seconds)) if seconds >= 1 else -1


@lru_cache(maxsize=8192)
def shared_condition(
    type_: str, status: str, since: str, reason: str = "", message: str = ""
) -> Obj:
    """A pod condition; pods that change in the same second share one."""
    entry: Obj = {"type": type_, "status": status, "lastProbeTime": None}
    if since:
        entry["lastTransitionTime"] = since
    if reason:
        entry["reason"] = reason
    if message:
        entry["message"] = message
    return entry


_SUFFIXES = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15, "E": 1e18,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50, "Ei": 2.0**60,
}  # fmt: skip
_QUANTITY = re.compile(r"([+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?)([a-zA-Z]{0,2})")


def quantity(value: object) -> float:
    """A `resource.Quantity` ("500m", "1Gi", 2) as a number; 0 for what is none."""
    if isinstance(value, int | float) and not isinstance(value, bool):
        return float(value)
    found = _QUANTITY.fullmatch(value) if isinstance(value, str) else None
    if found is None or found[2] not in _SUFFIXES:
        return 0.0
    return float(found[1]) * _SUFFIXES[found[2]]
