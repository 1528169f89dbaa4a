"""Status of PodDisruptionBudgets and HorizontalPodAutoscalers.

Both only look here: a budget says how many pods may be evicted now (pkg/controller/disruption),
an autoscaler reports a steady load and keeps its target within minReplicas and maxReplicas
(pkg/controller/podautoscaler). Separate because both follow whatever has a `scale` subresource.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from opsconsole.model.kinds import HPA, PDB, POD
from opsconsole.model.objects import (
    condition,
    controller_of,
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)
from opsconsole.model.selectors import matches_selector
from opsconsole.model.times import format_instant
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.deployment_rules import scaled
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import is_ready

Obj = dict[str, Any]

HPA_SYNC = 15.0
"""Seconds between two looks of the autoscaler."""

LOAD = "sandbox.opsconsole/utilization"
"""Annotation of an HPA: the utilization in percent that it measures; default below its target."""


class DisruptionController:
    name = "disruption"

    def __init__(self, store: Store) -> None:
        self.store = store

    def watches(self) -> Iterable[Watch]:
        return (Watch(PDB), Watch(POD, self._of_pod))

    def _of_pod(self, change: Change) -> Iterable[Key]:
        pod, old = change.object, change.old
        if change.type == "MODIFIED" and old is not None and _health(pod) == _health(old):
            return ()
        return [
            Key(namespace_of(pdb), name_of(pdb))
            for pdb in self.store.objects(PDB, namespace_of(pod))
            if matches_selector(mapping(pdb, "spec", "selector"), labels_of(pod))
        ]

    def reconcile(self, key: Key) -> float | None:
        pdb = self.store.find(PDB, key.namespace, key.name)
        if pdb is None:
            return None
        selector = mapping(pdb, "spec", "selector")
        pods = self.store.objects(
            POD, key.namespace, labels=lambda labels: matches_selector(selector, labels)
        )
        pods = [p for p in pods if text(p, "status", "phase") not in ("Succeeded", "Failed")]
        healthy = sum(is_ready(p) and "deletionTimestamp" not in p["metadata"] for p in pods)
        status = budget(pdb, self._expected(pods), healthy, self.store.simulation.now())
        if status != mapping(pdb, "status"):
            self.store.update(PDB, {**pdb, "status": status}, subresource="status")
        return None

    def _expected(self, pods: list[Obj]) -> int:
        """How many pods the controllers of these pods want; a bare pod counts itself."""
        total, seen = 0, set()
        for pod in pods:
            owner = controller_of(pod)
            uid = str(owner.get("uid", name_of(pod)))
            if uid in seen:
                continue
            seen.add(uid)
            kind = self.store.resources.by_kind(text(owner, "apiVersion"), text(owner, "kind"))
            scale = self.store.find(kind, namespace_of(pod), text(owner, "name")) if kind else None
            total += number(scale, "spec", "replicas", default=1) if scale else 1
        return total


def _health(pod: Mapping[str, Any]) -> tuple[bool, bool]:
    return is_ready(pod), "deletionTimestamp" in pod["metadata"]


def budget(pdb: Mapping[str, Any], expected: int, healthy: int, now: datetime) -> Obj:
    """A budget's status: minAvailable, or maxUnavailable of what the controllers want."""
    spec = mapping(pdb, "spec")
    if spec.get("maxUnavailable") is not None:
        desired = max(expected - scaled(spec["maxUnavailable"], expected, up=True), 0)
    else:
        desired = scaled(spec.get("minAvailable", 1), expected, up=True)
        if isinstance(spec.get("minAvailable", 1), int):
            expected = max(expected, 0)
    allowed = max(healthy - desired, 0) if expected > 0 else 0
    enough = allowed > 0
    old = condition(pdb, "DisruptionAllowed")
    status = "True" if enough else "False"
    since = format_instant(now)
    if old.get("status") == status:
        since = text(old, "lastTransitionTime", default=since)
    return {
        "conditions": [
            {
                "type": "DisruptionAllowed",
                "status": status,
                "observedGeneration": number(pdb, "metadata", "generation", default=1),
                "lastTransitionTime": since,
                "reason": "SufficientPods" if enough else "InsufficientPods",
                "message": "",
            }
        ],
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": number(pdb, "metadata", "generation", default=1),
    }


class HorizontalController:
    name = "horizontalpodautoscaler"

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self.store = store
        self.recorder = recorder

    def watches(self) -> Iterable[Watch]:
        return (Watch(HPA),)

    def reconcile(self, key: Key) -> float | None:
        hpa = self.store.find(HPA, key.namespace, key.name)
        if hpa is None or "deletionTimestamp" in hpa["metadata"]:
            return None
        now = self.store.simulation.now()
        target = self._target(hpa)
        if target is None:
            reference = mapping(hpa, "spec", "scaleTargetRef")
            why = f'{reference.get("kind", "")} "{reference.get("name", "")}" not found'
            status = {
                **mapping(hpa, "status"),
                "desiredReplicas": 0,
                "conditions": [
                    _able(hpa, now, "False", "FailedGetScale", f"the HPA controller was unable to get the target's current scale: {why}")
                ],
            }  # fmt: skip
            self.recorder.event(hpa, "Warning", "FailedGetScale", why)
        else:
            status = self._follow(hpa, target, now)
        if status != mapping(hpa, "status"):
            self.store.update(HPA, {**hpa, "status": status}, subresource="status")
        return HPA_SYNC

    def _target(self, hpa: Obj) -> Obj | None:
        reference = mapping(hpa, "spec", "scaleTargetRef")
        kind = self.store.resources.by_kind(text(reference, "apiVersion"), text(reference, "kind"))
        if kind is None or not self.store.resources.of(kind).scale:
            return None
        return self.store.find(kind, namespace_of(hpa), text(reference, "name"))

    def _follow(self, hpa: Obj, target: Obj, now: datetime) -> Obj:
        current = number(target, "spec", "replicas", default=1)
        low = number(hpa, "spec", "minReplicas", default=1)
        high = max(number(hpa, "spec", "maxReplicas", default=1), low)
        wanted, shown = current, []
        for metric in mappings(hpa, "spec", "metrics"):
            goal = number(metric, "resource", "target", "averageUtilization", default=80)
            load = text(hpa, "metadata", "annotations", LOAD)
            used = int(load) if load.isdigit() else max(goal * 3 // 4, 1)
            ratio = used / goal if goal else 1.0
            if abs(ratio - 1) > 0.1 and load:
                wanted = max(math.ceil(current * ratio), 1)
            shown.append(_current(metric, used))
        bounded = min(max(wanted, low), high)
        if current == 0:
            bounded = 0
        if bounded != current:
            self._rescale(hpa, target, bounded, current)
        limited = "TooFewReplicas" if wanted < low else "TooManyReplicas" if wanted > high else ""
        status: Obj = {
            **{k: v for k, v in mapping(hpa, "status").items() if k == "lastScaleTime"},
            "observedGeneration": number(hpa, "metadata", "generation", default=1),
            "currentReplicas": number(target, "status", "replicas"),
            "desiredReplicas": bounded,
            "conditions": _conditions(hpa, now, current, bounded, limited),
        }
        if shown:
            status["currentMetrics"] = shown
        if bounded != current:
            status["lastScaleTime"] = format_instant(now)
        return status

    def _rescale(self, hpa: Obj, target: Obj, size: int, before: int) -> None:
        reference = mapping(hpa, "spec", "scaleTargetRef")
        kind = self.store.resources.by_kind(text(reference, "apiVersion"), text(reference, "kind"))
        assert kind is not None
        self.store.update(kind, {**target, "spec": {**target["spec"], "replicas": size}})
        why = "cpu resource utilization (percentage of request) above target"
        if size < before:
            why = "All metrics below target"
        self.recorder.event(hpa, "Normal", "SuccessfulRescale", f"New size: {size}; reason: {why}")


def _current(metric: Mapping[str, Any], used: int) -> Obj:
    name = text(metric, "resource", "name", default="cpu")
    return {
        "type": "Resource",
        "resource": {
            "name": name,
            "current": {"averageUtilization": used, "averageValue": f"{used}m"},
        },
    }


def _able(hpa: Mapping[str, Any], now: datetime, status: str, reason: str, message: str) -> Obj:
    return _hpa_condition(hpa, now, "AbleToScale", (status, reason, message))


def _hpa_condition(
    hpa: Mapping[str, Any], now: datetime, type_: str, said: tuple[str, str, str]
) -> Obj:
    old = condition(hpa, type_)
    since = format_instant(now)
    if old.get("status") == said[0]:
        since = text(old, "lastTransitionTime", default=since)
    return {
        "type": type_,
        "status": said[0],
        "lastTransitionTime": since,
        "reason": said[1],
        "message": said[2],
    }


def _conditions(
    hpa: Mapping[str, Any], now: datetime, current: int, wanted: int, limited: str
) -> list[Obj]:
    if current == 0:
        return [
            _able(hpa, now, "True", "SucceededGetScale", "the HPA controller was able to get the target's current scale"),
            _hpa_condition(hpa, now, "ScalingActive", ("False", "ScalingDisabled", "scaling is disabled since the replica count of the target is zero")),
        ]  # fmt: skip
    able = ("ReadyForNewScale", "recommended size matches current size")
    if wanted != current:
        able = (
            "SucceededRescale",
            f"the HPA controller was able to update the target scale to {wanted}",
        )
    bound = ("False", "DesiredWithinRange", "the desired count is within the acceptable range")
    if limited == "TooFewReplicas":
        bound = (
            "True",
            limited,
            "the desired replica count is less than the minimum replica count",
        )
    elif limited:
        bound = (
            "True",
            limited,
            "the desired replica count is more than the maximum replica count",
        )
    active = (
        "True",
        "ValidMetricFound",
        "the HPA was able to successfully calculate a replica count from cpu resource utilization (percentage of request)",
    )
    if not dig(hpa, "spec", "metrics"):
        active = (
            "True",
            "ValidMetricFound",
            "the HPA was able to successfully calculate a replica count",
        )
    return [
        _able(hpa, now, "True", *able),
        _hpa_condition(hpa, now, "ScalingActive", active),
        _hpa_condition(hpa, now, "ScalingLimited", bound),
    ]
