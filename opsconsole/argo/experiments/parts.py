"""What an Experiment creates: ReplicaSets, Services, and the arguments of its analyses.

Rules: `experiments/replicaset.go`, `experiments/service.go`, `utils/template/template.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.analysis.arguments import HASH_LABEL, Argument, resolve, value_of
from opsconsole.argo.rollouts.hashes import pod_hash
from opsconsole.model.kinds import EXPERIMENT, REPLICA_SET, SERVICE
from opsconsole.model.objects import (
    Object,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)

NAME_ANNOTATION = "experiment.argoproj.io/name"
TEMPLATE_ANNOTATION = "experiment.argoproj.io/template-name"


def owner_reference(experiment: Object) -> dict[str, Any]:
    return {
        "apiVersion": EXPERIMENT.api_version,
        "kind": EXPERIMENT.kind,
        "name": name_of(experiment),
        "uid": uid_of(experiment),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def _annotations(experiment: Object, template: Mapping[str, Any]) -> dict[str, str]:
    return {
        NAME_ANNOTATION: name_of(experiment),
        TEMPLATE_ANNOTATION: text(template, "name"),
    }


def new_replica_set(
    experiment: Object, template: Mapping[str, Any], collisions: int = 0
) -> dict[str, Any]:
    """The ReplicaSet `<experiment>-<template>`, made with no replicas."""
    pod = dict(mapping(template, "template"))
    meta = dict(mapping(pod, "metadata"))
    labels = {k: v for k, v in mapping(meta, "labels").items() if k != HASH_LABEL}
    pod["metadata"] = {**meta, "labels": labels}
    digest = pod_hash(pod, collisions)
    pod["metadata"] = {**meta, "labels": {**labels, HASH_LABEL: digest}}
    selector = dict(mapping(template, "selector"))
    selector["matchLabels"] = {**mapping(selector, "matchLabels"), HASH_LABEL: digest}
    spec: dict[str, Any] = {"replicas": 0, "selector": selector, "template": pod}
    if number(template, "minReadySeconds"):
        spec["minReadySeconds"] = number(template, "minReadySeconds")
    return {
        "apiVersion": REPLICA_SET.api_version,
        "kind": REPLICA_SET.kind,
        "metadata": {
            "name": f"{name_of(experiment)}-{text(template, 'name')}",
            "namespace": namespace_of(experiment),
            "labels": {HASH_LABEL: digest},
            "annotations": _annotations(experiment, template),
            "ownerReferences": [owner_reference(experiment)],
        },
        "spec": spec,
    }


def service_ports(replica_set: Object) -> list[dict[str, Any]]:
    """A port of the Service for every port of the containers."""
    ports: list[dict[str, Any]] = []
    for container in mappings(replica_set, "spec", "template", "spec", "containers"):
        for port in mappings(container, "ports"):
            found: dict[str, Any] = {
                "protocol": text(port, "protocol") or "TCP",
                "port": number(port, "containerPort"),
                "targetPort": number(port, "containerPort"),
            }
            if text(port, "name"):
                found["name"] = text(port, "name")
            ports.append(found)
    return ports


def new_service(
    experiment: Object, template: Mapping[str, Any], replica_set: Object
) -> dict[str, Any]:
    """The Service of a template with `service`: named as it says, else as the ReplicaSet."""
    return {
        "apiVersion": SERVICE.api_version,
        "kind": SERVICE.kind,
        "metadata": {
            "name": text(template, "service", "name") or name_of(replica_set),
            "namespace": namespace_of(experiment),
            "annotations": _annotations(experiment, template),
            "ownerReferences": [owner_reference(experiment)],
        },
        "spec": {"selector": dict(labels_of(replica_set)), "ports": service_ports(replica_set)},
    }


def resolve_arguments(
    arguments: Sequence[Argument],
    experiment: Object,
    status: Mapping[str, Any],
    replica_sets: Mapping[str, Object],
) -> list[dict[str, Any]]:
    """Arguments with `{{templates.x.podTemplateHash}}` and the like replaced. RuleError if unknown."""
    values: dict[str, str | None] = {
        "experiment.availableAt": text(status, "availableAt"),
        "experiment.finishedAt": "",
        "experiment.name": name_of(experiment),
    }
    for name, replica_set in replica_sets.items():
        values[f"templates.{name}.podTemplateHash"] = text(labels_of(replica_set), HASH_LABEL)
        values[f"templates.{name}.replicaset.name"] = name_of(replica_set)
    resolved: list[dict[str, Any]] = []
    for argument in arguments:
        value = value_of(argument)
        entry: dict[str, Any] = {"name": argument.get("name")}
        if value is not None:
            entry["value"] = resolve(value, values, quoted=False)
        resolved.append(entry)
    return resolved
