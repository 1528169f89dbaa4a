"""Hashes that name things: the pod template's and the steps' (`utils/hash`, `ComputeStepHash`).

FNV-1a over JSON, made safe for names as Kubernetes does. Both follow Go's field order, so that
they are the real ones (`gojson` for the pod template, the table below for steps).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.rollouts.gojson import pod_template

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_ORDER: dict[str, tuple[str, ...]] = {
    "step": (
        "setWeight", "pause", "experiment", "analysis", "setCanaryScale", "setHeaderRoute",
        "setMirrorRoute", "plugin", "replicaProgressThreshold",
    ),
    "experiment": ("templates", "duration", "analyses", "dryRun", "analysisRunMetadata"),
    "analysis": ("templates", "args", "dryRun", "measurementRetention", "analysisRunMetadata"),
    "setCanaryScale": ("weight", "replicas", "matchTrafficWeight"),
    "setHeaderRoute": ("name", "match"),
    "setMirrorRoute": ("name", "match", "percentage"),
    "templates": ("templateName", "clusterScope", "name", "specRef", "replicas", "metadata",
                  "selector", "weight", "service"),
    "args": ("name", "value", "valueFrom"),
    "plugin": ("name", "config"),
}  # fmt: skip
"""Go's struct order of the fields of a step; what is not listed comes in order of its name."""


def fnv1a(data: bytes) -> int:
    found = 0x811C9DC5
    for byte in data:
        found = (found ^ byte) * 0x01000193 & 0xFFFFFFFF
    return found


def safe_encode(text: str) -> str:
    """`rand.SafeEncodeString`: no vowels, so that no bad words appear in names."""
    return "".join(_ALPHABET[ord(char) % len(_ALPHABET)] for char in text)


_MEMO_SIZE = 4096
_step_memo: dict[tuple[int, ...], tuple[Sequence[Mapping[str, Any]], str]] = {}


def step_hash(steps: Sequence[Mapping[str, Any]] | None) -> str:
    """`ComputeStepHash` of `strategy.canary.steps`; None for absent steps."""
    key = tuple(id(step) for step in steps or ())
    kept = _step_memo.get(key)
    if kept is not None and steps:  # the memo holds the steps, so their identities stand for them
        return kept[1]
    found = _step_hash(steps)
    if steps:
        if len(_step_memo) >= _MEMO_SIZE:
            _step_memo.clear()
        _step_memo[key] = (steps, found)
    return found


def _step_hash(steps: Sequence[Mapping[str, Any]] | None) -> str:
    ordered = None if not steps else [_ordered(step, "step") for step in steps]
    data = json.dumps(ordered, separators=(",", ":"), ensure_ascii=False)
    return safe_encode(str(fnv1a(data.encode())))


def _ordered(value: Any, kind: str) -> Any:
    if isinstance(value, Mapping):
        rank = _ORDER.get(kind, ())
        keys = [k for k in rank if value.get(k) is not None]
        keys += sorted(k for k in value if k not in rank and value[k] is not None)
        found = {key: _ordered(value[key], key) for key in keys}
        if kind in ("analysis", "experiment"):
            # a Go struct without a pointer is never left out
            found.setdefault("analysisRunMetadata", {})
        return found
    if isinstance(value, list | tuple):
        return [_ordered(item, kind) for item in value]
    return value


_memo: dict[int, tuple[Any, dict[int, str]]] = {}


def pod_hash(template: Mapping[str, Any], collisions: int = 0) -> str:
    """The `rollouts-pod-template-hash` of a pod template (`ComputePodTemplateHash`)."""
    kept = _memo.get(id(template))
    if kept is None or kept[0] is not template:
        if len(_memo) >= _MEMO_SIZE:
            _memo.clear()
        kept = _memo[id(template)] = (template, {})
    found = kept[1].get(collisions)
    if found is None:
        data = pod_template(template).encode("utf-8", "surrogatepass")
        if collisions:
            data += collisions.to_bytes(8, "little")
        found = kept[1][collisions] = safe_encode(str(fnv1a(data)))
    return found


def normalised(value: Any) -> Any:
    """Without nulls, creationTimestamp and empty `resources`, as a round through Go drops them."""
    if isinstance(value, Mapping):
        return {
            key: normalised(item)
            for key, item in value.items()
            if item is not None
            and key != "creationTimestamp"
            and not (key == "resources" and item == {})
        }
    if isinstance(value, list | tuple):
        return [normalised(item) for item in value]
    return value
