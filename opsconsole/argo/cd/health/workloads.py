"""Health of the kinds that Kubernetes itself has (gitops-engine `pkg/health/health_*.go`)."""

from __future__ import annotations

import json
from typing import Any

from opsconsole.argo.cd.health.verdict import Verdict
from opsconsole.argo.cd.hooks import is_hook
from opsconsole.model.objects import (
    Object,
    annotations_of,
    condition,
    dig,
    flag,
    items,
    mapping,
    mappings,
    name_of,
    number,
    text,
)
from opsconsole.model.status import Health

IGNORE_RESTART = "argocd.argoproj.io/ignore-restart-policy"


def healthy(message: str = "") -> Verdict:
    return Verdict(Health.HEALTHY, message)


def progressing(message: str = "") -> Verdict:
    return Verdict(Health.PROGRESSING, message)


def degraded(message: str = "") -> Verdict:
    return Verdict(Health.DEGRADED, message)


def _unobserved(obj: Object) -> bool:
    return number(obj, "metadata", "generation") > number(obj, "status", "observedGeneration")


def deployment(obj: Object) -> Verdict:
    if flag(obj, "spec", "paused"):
        return Verdict(Health.SUSPENDED, "Deployment is paused")
    waiting = "Waiting for rollout to finish: "
    if _unobserved(obj):
        return progressing(waiting + "observed deployment generation less than desired generation")
    if condition(obj, "Progressing").get("reason") == "ProgressDeadlineExceeded":
        return degraded(f'Deployment "{name_of(obj)}" exceeded its progress deadline')
    updated = number(obj, "status", "updatedReplicas")
    total, available = number(obj, "status", "replicas"), number(obj, "status", "availableReplicas")
    wanted = dig(obj, "spec", "replicas")
    if wanted is not None and updated < number(obj, "spec", "replicas"):
        return progressing(f"{waiting}{updated} out of {wanted} new replicas have been updated...")
    if total > updated:
        return progressing(f"{waiting}{total - updated} old replicas are pending termination...")
    if available < updated:
        return progressing(f"{waiting}{available} of {updated} updated replicas are available...")
    return healthy()


def stateful_set(obj: Object) -> Verdict:
    if not number(obj, "status", "observedGeneration") or _unobserved(obj):
        return progressing("Waiting for statefulset spec update to be observed...")
    ready, updated = (
        number(obj, "status", "readyReplicas"),
        number(obj, "status", "updatedReplicas"),
    )
    replicas = dig(obj, "spec", "replicas")
    if replicas is not None and ready < replicas:
        return progressing(f"Waiting for {replicas - ready} pods to be ready...")
    strategy = mapping(obj, "spec", "updateStrategy")
    if strategy.get("type") == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        partition = dig(strategy, "rollingUpdate", "partition")
        if replicas is not None and partition is not None and updated < replicas - partition:
            return progressing(
                "Waiting for partitioned roll out to finish: "
                f"{updated} out of {replicas - partition} new pods have been updated..."
            )
        return healthy(f"partitioned roll out complete: {updated} new pods have been updated...")
    if strategy.get("type") == "OnDelete":
        return healthy(f"statefulset has {ready} ready pods")
    new, current = text(obj, "status", "updateRevision"), text(obj, "status", "currentRevision")
    if new != current:
        return progressing(
            "waiting for statefulset rolling update to complete "
            f"{updated} pods at revision {new}..."
        )
    count = number(obj, "status", "currentReplicas")
    return healthy(f"statefulset rolling update complete {count} pods at revision {current}...")


def daemon_set(obj: Object) -> Verdict:
    if _unobserved(obj):
        return progressing(
            "Waiting for rollout to finish: observed daemon set generation less than desired generation"
        )
    updated = number(obj, "status", "updatedNumberScheduled")
    wanted = number(obj, "status", "desiredNumberScheduled")
    available = number(obj, "status", "numberAvailable")
    if text(obj, "spec", "updateStrategy", "type") == "OnDelete":
        return healthy(f"daemon set {updated} out of {wanted} new pods have been updated")
    waiting = f'Waiting for daemon set "{name_of(obj)}" rollout to finish: '
    if updated < wanted:
        return progressing(f"{waiting}{updated} out of {wanted} new pods have been updated...")
    if available < wanted:
        return progressing(f"{waiting}{available} of {wanted} updated pods are available...")
    return healthy()


def replica_set(obj: Object) -> Verdict:
    if _unobserved(obj):
        return progressing(
            "Waiting for rollout to finish: observed replica set generation less than desired generation"
        )
    failure = condition(obj, "ReplicaFailure")
    if failure.get("status") == "True":
        return degraded(text(failure, "message"))
    wanted, available = dig(obj, "spec", "replicas"), number(obj, "status", "availableReplicas")
    if wanted is not None and available < wanted:
        return progressing(
            "Waiting for rollout to finish: "
            f"{available} out of {wanted} new replicas are available..."
        )
    return healthy()


def pod(obj: Object) -> Verdict:
    policy, message = text(obj, "spec", "restartPolicy"), text(obj, "status", "message")
    if annotations_of(obj).get(IGNORE_RESTART) == "true" and not is_hook(obj):
        policy = "Always"
    containers = mappings(obj, "status", "containerStatuses")
    if policy == "Always":
        stuck = [c for c in containers if _stuck(text(c, "state", "waiting", "reason"))]
        if stuck:
            return degraded(", ".join(text(c, "state", "waiting", "message") for c in stuck))
    phase = text(obj, "status", "phase")
    if phase == "Failed":
        return degraded(message or _failure(obj))
    if phase == "Running" and policy == "Always":
        if condition(obj, "Ready").get("status") == "True":
            return healthy(message)
        if any(dig(c, "lastState", "terminated") is not None for c in containers):
            return degraded(message)
        return progressing(message)
    if phase == "Running" and policy not in ("OnFailure", "Never"):
        phase = ""
    known = {
        "Pending": Health.PROGRESSING,
        "Succeeded": Health.HEALTHY,
        "Running": Health.PROGRESSING,
    }
    return Verdict(known.get(phase, Health.UNKNOWN), message)


def _stuck(reason: str) -> bool:
    return reason.startswith("Err") or reason.endswith(("Error", "BackOff"))


def _failure(obj: Object) -> str:
    both = mappings(obj, "status", "initContainerStatuses") + mappings(
        obj, "status", "containerStatuses"
    )
    for container in both:
        ended = mapping(container, "state", "terminated")
        if text(ended, "message"):
            return text(ended, "message")
        if ended.get("reason") == "OOMKilled":
            return "OOMKilled"
        code = number(ended, "exitCode")
        if code:
            return f'container "{text(container, "name")}" failed with exit code {code}'
    return ""


def job(obj: Object) -> Verdict:
    """Only `Suspended` looks at the condition's status, as the real check does."""
    found: Health | None = None
    message = ""
    for entry in mappings(obj, "status", "conditions"):
        kind = entry.get("type")
        if kind == "Failed":
            return degraded(text(entry, "message"))
        if kind == "Complete":
            found, message = found or Health.HEALTHY, text(entry, "message")
        elif kind == "Suspended":
            message = text(entry, "message")
            found = Health.SUSPENDED if entry.get("status") == "True" else found or Health.HEALTHY
    return progressing(message) if found is None else Verdict(found, message)


_DEGRADED = frozenset(
    (
        ("AbleToScale", "FailedGetScale"),
        ("AbleToScale", "FailedUpdateScale"),
        ("ScalingActive", "FailedGetResourceMetric"),
        ("ScalingActive", "FailedGetObjectMetric"),
        ("ScalingActive", "FailedGetPodsMetric"),
        ("ScalingActive", "FailedGetExternalMetric"),
        ("ScalingActive", "FailedComputeMetricsReplicas"),
        ("ScalingActive", "InvalidSelector"),
    )
)


def autoscaler(obj: Object) -> Verdict:
    """v1 keeps its conditions in an annotation."""
    conditions = mappings(obj, "status", "conditions")
    if text(obj, "apiVersion") == "autoscaling/v1":
        conditions = _annotated(obj)
    for entry in conditions:
        if (text(entry, "type"), text(entry, "reason")) in _DEGRADED:
            return degraded(text(entry, "message"))
    for entry in conditions:
        if entry.get("type") in ("AbleToScale", "ScalingLimited") and entry.get("status") == "True":
            return healthy(text(entry, "message"))
    return progressing("Waiting to Autoscale")


def _annotated(obj: Object) -> list[Any]:
    raw = annotations_of(obj).get("autoscaling.alpha.kubernetes.io/conditions", "")
    try:
        return mappings(json.loads(raw)) if isinstance(raw, str) and raw else []
    except ValueError:
        return []


def service(obj: Object) -> Verdict:
    if text(obj, "spec", "type") == "LoadBalancer" and not _addresses(obj):
        return progressing()
    return healthy()


def ingress(obj: Object) -> Verdict:
    return healthy() if _addresses(obj) else progressing()


def _addresses(obj: Object) -> list[Any]:
    return items(obj, "status", "loadBalancer", "ingress")


def volume_claim(obj: Object) -> Verdict:
    known = {
        "Lost": Health.DEGRADED,
        "Pending": Health.PROGRESSING,
        "Bound": Health.HEALTHY,
    }
    return Verdict(known.get(text(obj, "status", "phase"), Health.UNKNOWN))


def api_service(obj: Object) -> Verdict:
    entry = condition(obj, "Available")
    if not entry:
        return progressing("Waiting to be processed")
    message = f"{text(entry, 'reason')}: {text(entry, 'message')}"
    return healthy(message) if entry.get("status") == "True" else progressing(message)
