"""`meta.k8s.io/v1 Table`: what `kubectl get` shows, as the server's printers lay it out.

Separate from the cells (`cells`) of single kinds: here are the columns of all kinds, the
columns of custom resources (JSONPaths) and the shape of the answer.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any, NamedTuple

from opsconsole.argo.podstatus import pod_status
from opsconsole.model.objects import name_of, text
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.api import cells
from opsconsole.sandbox.api.target import Target
from opsconsole.sandbox.resources import Column, Obj

Cell = Callable[[Obj, datetime], Any]


class _Shown(NamedTuple):
    name: str
    cell: Cell
    priority: int = 0
    type: str = "string"
    format: str = ""


def _name(obj: Obj, now: datetime) -> str:  # noqa: ARG001
    return name_of(obj)


def _age(obj: Obj, now: datetime) -> str:
    return cells.age(text(obj, "metadata", "creationTimestamp"), now)


def _created(obj: Obj, now: datetime) -> str:  # noqa: ARG001
    return text(obj, "metadata", "creationTimestamp")


NAME = _Shown("Name", _name, format="name")
AGE = _Shown("Age", _age)


def _all(
    *columns: tuple[str, Callable[[Obj], Any]] | tuple[str, Callable[[Obj], Any], int],
) -> list[_Shown]:
    """Columns whose cells do not depend on the time."""
    return [
        _Shown(column[0], _still(column[1]), column[2] if len(column) == 3 else 0)
        for column in columns
    ]


def _still(cell: Callable[[Obj], Any]) -> Cell:
    return lambda obj, now: cell(obj)  # noqa: ARG005


_PODS_OF = _all(
    ("Containers", cells.containers, 1),
    ("Images", cells.images, 1),
    ("Selector", cells.selector, 1),
)

COLUMNS: dict[str, list[_Shown]] = {
    "Pod": [
        NAME, *_all(("Ready", cells.pod_ready), ("Status", pod_status)),
        _Shown("Restarts", cells.pod_restarts), AGE,
        *_all(("IP", cells.at("status", "podIP", blank="<none>"), 1),
              ("Node", cells.at("spec", "nodeName", blank="<none>"), 1),
              ("Nominated Node", cells.at("status", "nominatedNodeName", blank="<none>"), 1),
              ("Readiness Gates", cells.none, 1)),
    ],
    "ReplicaSet": [
        NAME, *_all(("Desired", cells.count("spec", "replicas")),
                    ("Current", cells.count("status", "replicas")),
                    ("Ready", cells.count("status", "readyReplicas"))), AGE, *_PODS_OF,
    ],
    "Deployment": [
        NAME, *_all(("Ready", cells.ready_of), ("Up-to-date", cells.count("status", "updatedReplicas")),
                    ("Available", cells.count("status", "availableReplicas"))), AGE, *_PODS_OF,
    ],
    "StatefulSet": [NAME, *_all(("Ready", cells.ready_of)), AGE, *_PODS_OF[:2]],
    "DaemonSet": [
        NAME, *_all(("Desired", cells.count("status", "desiredNumberScheduled")),
                    ("Current", cells.count("status", "currentNumberScheduled")),
                    ("Ready", cells.count("status", "numberReady")),
                    ("Up-to-date", cells.count("status", "updatedNumberScheduled")),
                    ("Available", cells.count("status", "numberAvailable")),
                    ("Node Selector", cells.node_selector)), AGE, *_PODS_OF,
    ],
    "Job": [
        NAME, *_all(("Status", cells.job_status), ("Completions", cells.job_completions)),
        _Shown("Duration", cells.job_duration), AGE, *_PODS_OF,
    ],
    "CronJob": [
        NAME, *_all(("Schedule", cells.at("spec", "schedule")),
                    ("Timezone", cells.at("spec", "timeZone", blank="<none>")),
                    ("Suspend", cells.suspended), ("Active", cells.size("status", "active"))),
        _Shown("Last Schedule", cells.since("status", "lastScheduleTime", blank="<none>")), AGE,
    ],
    "Service": [
        NAME, *_all(("Type", cells.at("spec", "type")), ("Cluster-IP", cells.cluster_ip),
                    ("External-IP", cells.external_ip), ("Port(s)", cells.service_ports)), AGE,
        *_all(("Selector", cells.service_selector, 1)),
    ],
    "Endpoints": [NAME, *_all(("Endpoints", cells.endpoints)), AGE],
    "EndpointSlice": [
        NAME, *_all(("AddressType", cells.at("addressType")), ("Ports", cells.slice_ports),
                    ("Endpoints", cells.slice_endpoints)), AGE,
    ],
    "Ingress": [
        NAME, *_all(("Class", cells.at("spec", "ingressClassName", blank="<none>")),
                    ("Hosts", cells.ingress_hosts), ("Address", cells.ingress_address),
                    ("Ports", cells.ingress_ports)), AGE,
    ],
    "HorizontalPodAutoscaler": [
        NAME, *_all(("Reference", cells.hpa_reference), ("Targets", cells.hpa_targets),
                    ("MinPods", cells.hpa_min), ("MaxPods", cells.count("spec", "maxReplicas")),
                    ("Replicas", cells.count("status", "currentReplicas"))), AGE,
    ],
    "PodDisruptionBudget": [
        NAME, *_all(("Min Available", cells.at("spec", "minAvailable", blank="N/A")),
                    ("Max Unavailable", cells.at("spec", "maxUnavailable", blank="N/A")),
                    ("Allowed Disruptions", cells.count("status", "disruptionsAllowed"))), AGE,
    ],
    "Namespace": [NAME, *_all(("Status", cells.at("status", "phase"))), AGE],
    "ConfigMap": [NAME, *_all(("Data", cells.data_count)), AGE],
    "Secret": [NAME, *_all(("Type", cells.at("type")), ("Data", cells.data_count)), AGE],
    "ServiceAccount": [NAME, *_all(("Secrets", cells.size("secrets"))), AGE],
    "Node": [
        NAME, *_all(("Status", cells.node_status), ("Roles", cells.node_roles)), AGE,
        *_all(("Version", cells.at("status", "nodeInfo", "kubeletVersion"))),
    ],
    "Event": [
        _Shown("Last Seen", cells.event_last_seen),
        *_all(("Type", cells.at("type")), ("Reason", cells.at("reason")), ("Object", cells.event_object),
              ("Subobject", cells.at("involvedObject", "fieldPath"), 1),
              ("Source", cells.event_source, 1), ("Message", cells.event_message)),
        _Shown("First Seen", cells.since("firstTimestamp"), 1),
        *_all(("Count", cells.event_count, 1)), _Shown("Name", _name, 1, format="name"),
    ],
    "PersistentVolumeClaim": [
        NAME, *_all(("Status", cells.at("status", "phase")), ("Volume", cells.at("spec", "volumeName")),
                    ("Capacity", cells.at("status", "capacity", "storage")),
                    ("Access Modes", cells.access_modes),
                    ("StorageClass", cells.at("spec", "storageClassName"))), AGE,
    ],
    "Lease": [NAME, *_all(("Holder", cells.at("spec", "holderIdentity"))), AGE],
    "RoleBinding": [NAME, *_all(("Role", cells.role)), AGE],
    "ClusterRoleBinding": [NAME, *_all(("Role", cells.role)), AGE],
    "Role": [NAME, _Shown("Created At", _created, type="date")],
    "ClusterRole": [NAME, _Shown("Created At", _created, type="date")],
    "CustomResourceDefinition": [NAME, _Shown("Created At", _created, type="date")],
}  # fmt: skip


def table(
    target: Target,
    objects: Iterable[Obj],
    meta: Mapping[str, Any],
    *,
    now: datetime,
    include: str = "Metadata",
    headers: bool = True,
) -> dict[str, Any]:
    """The Table of stored objects. `include` is Metadata, Object or None (`includeObject`)."""
    resource = target.served.resource
    shown = COLUMNS.get(resource.kind.kind) if resource.builtin else _custom(resource.columns)
    shown = shown or [NAME, AGE]
    found: dict[str, Any] = {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": dict(meta),
        "columnDefinitions": [_definition(column) for column in shown] if headers else None,
        "rows": [_row(target, obj, shown, now, include) for obj in objects],
    }
    return found


def _definition(column: _Shown) -> dict[str, Any]:
    return {
        "name": column.name,
        "type": column.type,
        "format": column.format,
        "description": "",
        "priority": column.priority,
    }


def _row(target: Target, obj: Obj, shown: list[_Shown], now: datetime, include: str) -> Obj:
    row: Obj = {"cells": [column.cell(obj, now) for column in shown]}
    if include == "Object":
        row["object"] = target.out(obj)
    elif include != "None":
        row["object"] = partial(obj)
    return row


def partial(obj: Obj) -> Obj:
    """`PartialObjectMetadata`."""
    return {
        "kind": "PartialObjectMetadata",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": obj["metadata"],
    }


def _custom(columns: tuple[Column, ...]) -> list[_Shown]:
    rows = [_Shown(c.name, _path_cell(c), c.priority, c.type) for c in columns]
    return [NAME, *(rows or [AGE])]


def _path_cell(column: Column) -> Cell:
    steps = _steps(column.path)

    def cell(obj: Obj, now: datetime) -> Any:
        found = _follow(obj, steps)
        if found is None:
            return None
        if column.type == "date":
            return cells.age(str(found), now) if parse_instant(found) else "<invalid>"
        if column.type in ("integer", "number"):
            return found if isinstance(found, int | float) else None
        if isinstance(found, str):
            return found
        return json.dumps(found, separators=(",", ":"))

    return cell


_STEP = re.compile(
    r"\.((?:[^.\[\]\\]|\\.)+)|\[\?\(@\.([\w.-]+)\s*==\s*[\"']([^\"']*)[\"']\)\]|\[(\d+)\]|\['([^']+)'\]"
)


def _steps(path: str) -> list[str | int | tuple[str, str]]:
    """A printer column's JSONPath: fields, indices and `[?(@.key=="value")]` filters."""
    steps: list[str | int | tuple[str, str]] = []
    for found in _STEP.finditer(path):
        if found[1] or found[5]:
            steps.append((found[1] or found[5]).replace("\\", ""))
        elif found[2]:
            steps.append((found[2], found[3]))
        else:
            steps.append(int(found[4]))
    return steps


def _follow(value: Any, steps: list[str | int | tuple[str, str]]) -> Any:
    for step in steps:
        if isinstance(step, str):
            value = value.get(step) if isinstance(value, Mapping) else None
        elif not isinstance(value, list):
            return None
        elif isinstance(step, int):
            value = value[step] if step < len(value) else None
        else:
            key, wanted = step
            value = next(
                (i for i in value if isinstance(i, Mapping) and str(i.get(key)) == wanted), None
            )
        if value is None:
            return None
    return value
