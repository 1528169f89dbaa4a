"""Types of a Rollout's fields: what the CustomResourceDefinition's schema would refuse.

A table, because the sandbox (like the recorded stand) may hold objects that no server has
checked; the rules below may then rely on the types.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.rollouts.fielderrors import invalid

RESOLVED = "rollout.argoproj.io/workload-generation"
"""Marks a template that was resolved from a workload (see `sandbox.rollouts.workloads`)."""

INT, STR, BOOL, INT_OR_STR = "an integer", "a string", "a boolean", "an integer or a string"
MAP = "an object"
_MAX = 2**31

Shape = Any
"""A type above, a table of fields, or [shape] for a list of it."""

_ARGS = [{"name": STR, "valueFrom": MAP}]
_ANALYSIS: Shape = {
    "templates": [{"templateName": STR, "clusterScope": BOOL}],
    "args": _ARGS,
    "dryRun": [{"metricName": STR}],
    "measurementRetention": [{"metricName": STR, "limit": INT}],
    "analysisRunMetadata": {"labels": MAP, "annotations": MAP},
}
_METADATA: Shape = {"labels": MAP, "annotations": MAP}
_STEP: Shape = {
    "setWeight": INT,
    "pause": {"duration": INT_OR_STR},
    "setCanaryScale": {"weight": INT, "replicas": INT, "matchTrafficWeight": BOOL},
    "analysis": _ANALYSIS,
    "experiment": {
        "templates": [{"name": STR, "specRef": STR, "replicas": INT, "weight": INT}],
        "analyses": [{"name": STR, "templateName": STR, "args": _ARGS}],
        "duration": STR,
    },
    "setHeaderRoute": {"name": STR, "match": [{"headerName": STR, "headerValue": MAP}]},
    "setMirrorRoute": {"name": STR, "match": [MAP], "percentage": INT},
    "replicaProgressThreshold": {"type": STR, "value": INT},
    "plugin": {"name": STR},
}
_VIRTUAL_SERVICE: Shape = {"name": STR, "routes": [STR], "tlsRoutes": [MAP], "tcpRoutes": [MAP]}
_CANARY: Shape = {
    "canaryService": STR,
    "stableService": STR,
    "steps": [_STEP],
    "maxSurge": INT_OR_STR,
    "maxUnavailable": INT_OR_STR,
    "analysis": {**_ANALYSIS, "startingStep": INT},
    "antiAffinity": MAP,
    "canaryMetadata": _METADATA,
    "stableMetadata": _METADATA,
    "scaleDownDelaySeconds": INT,
    "scaleDownDelayRevisionLimit": INT,
    "abortScaleDownDelaySeconds": INT,
    "minPodsPerReplicaSet": INT,
    "dynamicStableScale": BOOL,
    "pingPong": {"pingService": STR, "pongService": STR},
    "replicaProgressThreshold": {"type": STR, "value": INT},
    "trafficRouting": {
        "managedRoutes": [{"name": STR}],
        "maxTrafficWeight": INT,
        "istio": {
            "virtualService": _VIRTUAL_SERVICE,
            "virtualServices": [_VIRTUAL_SERVICE],
            "destinationRule": {"name": STR, "canarySubsetName": STR, "stableSubsetName": STR},
        },
    },
}
_BLUE_GREEN: Shape = {
    "activeService": STR,
    "previewService": STR,
    "previewReplicaCount": INT,
    "autoPromotionEnabled": BOOL,
    "autoPromotionSeconds": INT,
    "maxUnavailable": INT_OR_STR,
    "scaleDownDelaySeconds": INT,
    "scaleDownDelayRevisionLimit": INT,
    "abortScaleDownDelaySeconds": INT,
    "prePromotionAnalysis": _ANALYSIS,
    "postPromotionAnalysis": _ANALYSIS,
    "antiAffinity": MAP,
    "previewMetadata": _METADATA,
    "activeMetadata": _METADATA,
}
SPEC: Shape = {
    "replicas": INT,
    "selector": {"matchLabels": MAP, "matchExpressions": [MAP]},
    "template": {"metadata": MAP, "spec": {"containers": [MAP], "initContainers": [MAP]}},
    "workloadRef": {"apiVersion": STR, "kind": STR, "name": STR, "scaleDown": STR},
    "minReadySeconds": INT,
    "revisionHistoryLimit": INT,
    "paused": BOOL,
    "progressDeadlineSeconds": INT,
    "progressDeadlineAbort": BOOL,
    "restartAt": STR,
    "rollbackWindow": {"revisions": INT},
    "analysis": {"successfulRunHistoryLimit": INT, "unsuccessfulRunHistoryLimit": INT},
    "strategy": {"canary": _CANARY, "blueGreen": _BLUE_GREEN},
}


def problems(ro: Mapping[str, Any]) -> Iterator[str]:
    """Mistyped fields of `spec`, with their paths."""
    yield from _check(ro.get("spec"), SPEC, "spec")


def _check(value: Any, shape: Shape, where: str) -> Iterator[str]:
    if value is None:
        return
    if isinstance(shape, list):
        if not isinstance(value, list | tuple):
            yield invalid(where, value, "must be a list")
            return
        for index, item in enumerate(value):
            if item is None:
                yield invalid(f"{where}[{index}]", item, f"must be {_word(shape[0])}")
            yield from _check(item, shape[0], f"{where}[{index}]")
    elif isinstance(shape, Mapping):
        if not isinstance(value, Mapping):
            yield invalid(where, value, f"must be {MAP}")
            return
        for field, inner in shape.items():
            if value.get(field) is not None:
                yield from _check(value[field], inner, f"{where}.{field}")
    elif not _is(value, shape):
        yield invalid(where, value, f"must be {shape}")


def _word(shape: Shape) -> str:
    return shape if isinstance(shape, str) else MAP


def _is(value: Any, kind: str) -> bool:
    if kind == MAP:
        return isinstance(value, Mapping)
    if kind == BOOL:
        return isinstance(value, bool)
    whole = isinstance(value, int | float) and not isinstance(value, bool)
    whole = whole and abs(value) < _MAX and value == int(value)
    if kind == INT:
        return bool(whole)
    return isinstance(value, str) or (kind == INT_OR_STR and bool(whole))


_OPEN = ("antiAffinity", "match", "tlsRoutes", "tcpRoutes", "plugin", "template", "selector")
"""Parts whose fields are not all in the tables."""

_ROUTERS = ("alb", "nginx", "smi", "ambassador", "appMesh", "traefik", "apisix", "plugins")
_REST = {
    "spec.strategy.canary.trafficRouting": _ROUTERS,
    "spec.strategy.canary.analysis.args": ("value",),
}


def unknown(ro: Mapping[str, Any]) -> Iterator[str]:
    """Paths of fields of `spec` that a Rollout does not have."""
    yield from _unknown(ro.get("spec"), SPEC, "spec")


def _unknown(value: Any, shape: Shape, where: str) -> Iterator[str]:
    if isinstance(shape, list) and isinstance(value, list):
        for index, item in enumerate(value):
            yield from _unknown(item, shape[0], f"{where}[{index}]")
    elif isinstance(shape, Mapping) and isinstance(value, Mapping):
        for field, inner in value.items():
            at = f"{where}.{field}"
            if field in shape:
                if field not in _OPEN:
                    yield from _unknown(inner, shape[field], at)
            elif not _elsewhere(where, field):
                yield at


def _elsewhere(where: str, field: str) -> bool:
    if field in _REST.get(where, ()):
        return True
    tail = where.rpartition(".")[2].partition("[")[0]
    return field in _MORE.get(tail, ())


_MORE = {
    "args": ("value",),
    "spec": ("replicas",),
    "templates": ("metadata", "selector", "service"),
    "analyses": ("clusterScope", "requiredForCompletion"),
    "experiment": (
        "dryRun", "analysisRunMetadata", "experimentMetadata", "scaleDownDelaySeconds",
    ),
}  # fmt: skip
