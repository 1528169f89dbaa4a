"""Defaults that the API server writes into built-in objects, and what it refuses in them.

`prepare(new, old)` of the table of kinds. Only what clients rely on to be there (kubectl
dereferences `spec.replicas`) is defaulted, at the top level of `spec`: pod templates stay as
they were written, so that a template compares equal to the one that it was made from.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from opsconsole.model import kinds
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import dig, items, mapping, mappings, name_of, text, uid_of
from opsconsole.model.selectors import matches_selector
from opsconsole.sandbox import apierrors

Obj = dict[str, Any]
Prepare = Callable[[Obj, Obj | None], Obj]
Causes = list[tuple[str, str]]

_PENDING: Obj = {"phase": "Pending"}
_ROLLING: Obj = {
    "type": "RollingUpdate",
    "rollingUpdate": {"maxSurge": "25%", "maxUnavailable": "25%"},
}
_NAMESPACE_FINALIZER: Obj = {"finalizers": ["kubernetes"]}


def _with_spec(obj: Obj, defaults: Mapping[str, Any]) -> Obj:
    """The object with what its spec lacks; the very same object when it lacks nothing."""
    spec = mapping(obj, "spec")
    missing = {k: v for k, v in defaults.items() if spec.get(k) is None}
    return {**obj, "spec": {**spec, **missing}} if missing else obj


def _refuse(kind: Kind, obj: Obj, causes: Causes) -> None:
    if causes:
        raise apierrors.invalid(kind, name_of(obj), causes)


def go_map(labels: Mapping[str, Any]) -> str:
    """A map as Go prints it in field errors: `map[string]string{"a":"b"}`."""
    return "map[string]string{" + ", ".join(f'"{k}":"{labels[k]}"' for k in sorted(labels)) + "}"


def go_selector(selector: Any) -> str:
    found = mapping(selector, "matchLabels")
    labels = go_map(found) if found else "map[string]string(nil)"
    return f"v1.LabelSelector{{MatchLabels:{labels}, MatchExpressions:[]v1.LabelSelectorRequirement(nil)}}"


def _pod_spec(spec: Mapping[str, Any], path: str) -> Causes:
    causes: Causes = []
    containers = items(spec, "containers")
    if not containers:
        causes.append((f"{path}.containers", "Required value"))
    seen: set[str] = set()
    for index, container in enumerate(containers):
        name = text(container, "name")
        if not name:
            causes.append((f"{path}.containers[{index}].name", "Required value"))
        elif name in seen:
            causes.append((f"{path}.containers[{index}].name", f'Duplicate value: "{name}"'))
        seen.add(name)
        if not text(container, "image"):
            causes.append((f"{path}.containers[{index}].image", "Required value"))
    return causes


def _workload(kind: Kind, obj: Obj, old: Obj | None) -> None:
    """Selector and template of a ReplicaSet, Deployment, StatefulSet or DaemonSet."""
    spec = mapping(obj, "spec")
    if old is not None and spec is old.get("spec"):
        return
    causes: Causes = []
    selector = spec.get("selector")
    labels = mapping(spec, "template", "metadata", "labels")
    if not selector:
        causes.append(("spec.selector", "Required value"))
    elif not matches_selector(mapping(spec, "selector"), labels):
        causes.append(
            (
                "spec.template.metadata.labels",
                f"Invalid value: {go_map(labels)}: `selector` does not match template `labels`",
            )
        )
    if old is not None and selector and selector != dig(old, "spec", "selector"):
        causes.append(
            ("spec.selector", f"Invalid value: {go_selector(selector)}: field is immutable")
        )
    replicas = spec.get("replicas")
    if isinstance(replicas, int) and replicas < 0:
        causes.append(
            ("spec.replicas", f"Invalid value: {replicas}: must be greater than or equal to 0")
        )
    causes += _pod_spec(mapping(spec, "template", "spec"), "spec.template.spec")
    _refuse(kind, obj, causes)


def _deployment(new: Obj, old: Obj | None) -> Obj:
    defaults = {"replicas": 1, "revisionHistoryLimit": 10, "progressDeadlineSeconds": 600}
    new = _with_spec(new, {**defaults, "strategy": _ROLLING})
    strategy = mapping(new, "spec", "strategy")
    if not strategy.get("type") or (
        strategy["type"] == "RollingUpdate" and not strategy.get("rollingUpdate")
    ):
        whole = {"type": "RollingUpdate", **strategy}
        rolling = {**_ROLLING["rollingUpdate"], **mapping(strategy, "rollingUpdate")}
        new = {**new, "spec": {**new["spec"], "strategy": {**whole, "rollingUpdate": rolling}}}
    _workload(kinds.DEPLOYMENT, new, old)
    return new


def _replica_set(new: Obj, old: Obj | None) -> Obj:
    new = _with_spec(new, {"replicas": 1})
    _workload(kinds.REPLICA_SET, new, old)
    return new


def _stateful_set(new: Obj, old: Obj | None) -> Obj:
    update = {"type": "RollingUpdate", "rollingUpdate": {"partition": 0}}
    defaults = {"replicas": 1, "podManagementPolicy": "OrderedReady", "revisionHistoryLimit": 10}
    new = _with_spec(new, {**defaults, "updateStrategy": update})
    _workload(kinds.STATEFUL_SET, new, old)
    return new


def _daemon_set(new: Obj, old: Obj | None) -> Obj:
    update = {
        "type": "RollingUpdate",
        "rollingUpdate": {"maxSurge": 0, "maxUnavailable": 1},
    }
    new = _with_spec(new, {"revisionHistoryLimit": 10, "updateStrategy": update})
    _workload(kinds.DAEMON_SET, new, old)
    return new


def _job(new: Obj, old: Obj | None) -> Obj:
    defaults: Obj = {
        "parallelism": 1, "backoffLimit": 6, "completionMode": "NonIndexed", "suspend": False,
    }  # fmt: skip
    if dig(new, "spec", "parallelism") is None:
        defaults["completions"] = 1
    new = _with_spec(new, defaults)
    if old is None:
        _refuse(
            kinds.JOB,
            new,
            _pod_spec(mapping(new, "spec", "template", "spec"), "spec.template.spec"),
        )
        new = _job_selector(new)
    elif _pod_part(new) != _pod_part(old):
        _refuse(kinds.JOB, new, [("spec.template", "Invalid value: field is immutable")])
    return new


def _pod_part(job: Obj) -> Any:
    return dig(job, "spec", "template", "spec")


def _job_selector(job: Obj) -> Obj:
    """A Job selects its pods by a label that carries its own uid (registry/batch/job/strategy.go)."""
    if dig(job, "spec", "manualSelector") is True or dig(job, "spec", "selector"):
        return job
    uid = uid_of(job)
    labels = {
        **mapping(job, "spec", "template", "metadata", "labels"),
        "batch.kubernetes.io/controller-uid": uid,
        "batch.kubernetes.io/job-name": name_of(job),
        "controller-uid": uid,
        "job-name": name_of(job),
    }
    template = mapping(job, "spec", "template")
    spec = {
        **mapping(job, "spec"),
        "selector": {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}},
        "template": {
            **template,
            "metadata": {**mapping(template, "metadata"), "labels": labels},
        },
    }
    return {**job, "spec": spec}


def _cron_job(new: Obj, old: Obj | None) -> Obj:  # noqa: ARG001
    return _with_spec(
        new,
        {
            "concurrencyPolicy": "Allow",
            "suspend": False,
            "successfulJobsHistoryLimit": 3,
            "failedJobsHistoryLimit": 1,
        },
    )


def _service(new: Obj, old: Obj | None) -> Obj:
    spec = mapping(new, "spec")
    if old is not None and spec is old.get("spec"):
        return new
    ports = [_port(port) for port in mappings(spec, "ports")]
    external = text(spec, "type") == "ExternalName"
    if not ports and not external and spec.get("clusterIP") != "None":
        _refuse(kinds.SERVICE, new, [("spec.ports", "Required value")])
    _refuse(kinds.SERVICE, new, list(_port_faults(ports)))
    defaults: Obj = {"type": "ClusterIP", "sessionAffinity": "None"}
    if not external:
        address = text(spec, "clusterIP") or text(old, "spec", "clusterIP") or _address(uid_of(new))
        defaults |= {
            "clusterIP": address,
            "clusterIPs": [address],
            "internalTrafficPolicy": "Cluster",
            "ipFamilies": ["IPv4"],
            "ipFamilyPolicy": "SingleStack",
        }
    was = text(old, "spec", "clusterIP")
    asked = text(spec, "clusterIP")
    if was and asked and asked != was and not external:
        _refuse(
            kinds.SERVICE,
            new,
            [("spec.clusterIPs[0]", f'Invalid value: ["{asked}"]: may not change once set')],
        )
    new = _with_spec({**new, "spec": {**spec, "ports": ports} if ports else {**spec}}, defaults)
    return new if "status" in new else {**new, "status": {"loadBalancer": {}}}


def _port_faults(ports: list[Obj]) -> Iterator[tuple[str, str]]:
    """`ValidateService`: several ports need names, a number and a name serve once."""
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name, number = f"spec.ports[{index}]", text(port, "name"), port.get("port")
        if len(ports) > 1 and not name:
            yield f"{path}.name", "Required value"
        elif name and name in names:
            yield f"{path}.name", f'Duplicate value: "{name}"'
        names.add(name)
        if not isinstance(number, int) or not 0 < number < 1 << 16:
            shown = number if isinstance(number, int) else 0
            yield f"{path}.port", f"Invalid value: {shown}: must be between 1 and 65535, inclusive"


def _port(port: Mapping[str, Any]) -> Obj:
    return {
        **port,
        "protocol": port.get("protocol") or "TCP",
        "targetPort": port.get("targetPort", port.get("port")),
    }


def _address(uid: str) -> str:
    """An address of 10.96.0.0/12 that follows from the uid, so that a seed gives the same ones."""
    number = int(uid[:8] or "0", 16) % (1 << 16)
    return f"10.96.{number >> 8}.{number & 255}"


def _secret(new: Obj, old: Obj | None) -> Obj:
    plain = mapping(new, "stringData")
    if plain:
        coded = {k: base64.b64encode(str(v).encode()).decode() for k, v in plain.items()}
        new = {k: v for k, v in new.items() if k != "stringData"}
        new["data"] = {**mapping(new, "data"), **coded}
    if not new.get("type"):
        new = {**new, "type": "Opaque"}
    if old is not None and new["type"] != old.get("type", "Opaque"):
        _refuse(
            kinds.SECRET, new, [("type", f'Invalid value: "{new["type"]}": field is immutable')]
        )
    _immutable(kinds.SECRET, new, old)
    return new


def _config_map(new: Obj, old: Obj | None) -> Obj:
    _immutable(kinds.CONFIG_MAP, new, old)
    return new


def _immutable(kind: Kind, new: Obj, old: Obj | None) -> None:
    if old is None or old.get("immutable") is not True:
        return
    causes = [
        (name, "Forbidden: field is immutable when `immutable` is set")
        for name in ("immutable", "data", "binaryData")
        if new.get(name) != old.get(name)
    ]
    _refuse(kind, new, causes)


def _hpa(new: Obj, old: Obj | None) -> Obj:  # noqa: ARG001
    new = _with_spec(new, {"minReplicas": 1})
    spec = mapping(new, "spec")
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    causes: Causes = []
    if isinstance(least, int) and least < 1:
        causes.append(
            ("spec.minReplicas", f"Invalid value: {least}: must be greater than or equal to 1")
        )
    if isinstance(most, int) and most < 1:
        causes.append(("spec.maxReplicas", f"Invalid value: {most}: must be greater than 0"))
    if isinstance(least, int) and isinstance(most, int) and most < least:
        why = f"Invalid value: {most}: must be greater than or equal to `minReplicas`"
        causes.append(("spec.maxReplicas", why))
    _refuse(kinds.HPA, new, causes)
    return new


def _namespace(new: Obj, old: Obj | None) -> Obj:
    name = name_of(new)
    meta = new["metadata"]
    if mapping(meta, "labels").get("kubernetes.io/metadata.name") != name:
        labels = {**mapping(meta, "labels"), "kubernetes.io/metadata.name": name}
        new = {**new, "metadata": {**meta, "labels": labels}}
    if old is None:
        new = {**new, "spec": _NAMESPACE_FINALIZER, "status": {"phase": "Active"}}
    return new


def _pod(new: Obj, old: Obj | None) -> Obj:
    """A pod starts Pending (registry/core/pod/strategy.go)."""
    if old is not None:
        return new
    if new.get("spec"):
        _refuse(kinds.POD, new, _pod_spec(mapping(new, "spec"), "spec"))
    return {**new, "status": _PENDING}


def _definition(new: Obj, old: Obj | None) -> Obj:
    """A definition has a status before it is served, without conditions: readers index it."""
    if old is not None or "status" in new:
        return new
    stored = [v["name"] for v in mappings(new, "spec", "versions") if v.get("storage")]
    return {
        **new,
        "status": {"acceptedNames": {"kind": "", "plural": ""}, "storedVersions": stored[:1]},
    }


PREPARE: dict[str, Prepare] = {
    "CustomResourceDefinition": _definition,
    "Namespace": _namespace,
    "Pod": _pod,
    "Service": _service,
    "Secret": _secret,
    "ConfigMap": _config_map,
    "Deployment": _deployment,
    "ReplicaSet": _replica_set,
    "StatefulSet": _stateful_set,
    "DaemonSet": _daemon_set,
    "Job": _job,
    "CronJob": _cron_job,
    "HorizontalPodAutoscaler": _hpa,
}
