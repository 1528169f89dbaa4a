"""EndpointSlices and Endpoints: which pods are behind a Service.

Follows pkg/controller/endpointslice: one slice a Service here (real ones hold 100 addresses).
"""

from __future__ import annotations

import zlib
from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.model.kinds import ENDPOINT_SLICE, POD, SERVICE, Kind
from opsconsole.model.objects import (
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.selectors import matches_labels
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.pods import is_ready, owned, safe_encode

Obj = dict[str, Any]

ENDPOINTS = Kind("", "v1", "Endpoints", "endpoints")

HASH = "rollouts-pod-template-hash"

SETTLE = 0.5
"""Seconds that changes of pods are gathered before the slice is written."""


class EndpointsController:
    """Remembers which Services look at which label, and which pods each has: a cache only."""

    name = "endpoints"

    def __init__(self, store: Store) -> None:
        self.store = store
        self._due: dict[Key, float] = {}
        self._index: dict[tuple[str, str, str], dict[str, Mapping[str, Any]]] = {}
        self._pods: dict[Key, dict[str, None]] = {}

    def watches(self) -> Iterable[Watch]:
        return (Watch(SERVICE, self._of_service), Watch(POD, self._of_pod))

    def _of_service(self, change: Change) -> Iterable[Key]:
        service, old = change.object, change.old
        before, now = mapping(old, "spec", "selector"), mapping(service, "spec", "selector")
        key = Key(namespace_of(service), name_of(service))
        if change.type == "MODIFIED" and before == now and old is not None:
            return () if mapping(service, "spec") == mapping(old, "spec") else (key,)
        if before:
            self._index.get(index_key(key.namespace, before), {}).pop(key.name, None)
        self._pods.pop(key, None)
        if not now or change.type == "DELETED":
            return ()
        self._index.setdefault(index_key(key.namespace, now), {})[key.name] = now
        found = self.store.objects(
            POD, key.namespace, labels=lambda labels: matches_labels(now, labels)
        )
        self._pods[key] = dict.fromkeys(name_of(pod) for pod in found)
        return (key,)

    def _of_pod(self, change: Change) -> Iterable[Key]:
        pod, old = change.object, change.old
        if change.type == "MODIFIED" and old is not None and _seen(pod) == _seen(old):
            return ()
        namespace, name, labels = namespace_of(pod), name_of(pod), labels_of(pod)
        due = []
        for label, value in labels.items():
            listed = self._index.get((namespace, label, str(value)), {})
            for service, selector in listed.items():
                if matches_labels(selector, labels):
                    key = Key(namespace, service)
                    held = self._pods.setdefault(key, {})
                    if change.type == "DELETED":
                        held.pop(name, None)
                    else:
                        held[name] = None
                    due.append(key)
        if change.type == "ADDED" and not dig(pod, "status", "podIP"):
            return ()
        return due

    def reconcile(self, key: Key) -> float | None:
        service = self.store.find(SERVICE, key.namespace, key.name)
        if service is None or "deletionTimestamp" in service["metadata"]:
            return None
        selector = mapping(service, "spec", "selector")
        if not selector:
            return None
        elapsed = self.store.simulation.elapsed
        due = self._due.setdefault(key, elapsed + SETTLE)
        if due > elapsed + 1e-6:
            return due - elapsed
        self._due.pop(key, None)
        found = (self.store.find(POD, key.namespace, name) for name in self._pods.get(key, ()))
        pods = [
            p
            for p in found
            if p is not None
            and dig(p, "status", "podIP")
            and not _over(p)
            and matches_labels(selector, labels_of(p))
        ]
        pods.sort(key=name_of)
        self._write_slice(service, pods)
        self._write_endpoints(service, pods)
        return None

    def _write_slice(self, service: Obj, pods: list[Obj]) -> None:
        name = f"{name_of(service)}-{safe_encode(str(zlib.crc32(uid_of(service).encode())))[:5]}"
        new: Obj = {
            "metadata": {
                "name": name,
                "namespace": namespace_of(service),
                "labels": {
                    **labels_of(service),
                    "kubernetes.io/service-name": name_of(service),
                    "endpointslice.kubernetes.io/managed-by": "endpointslice-controller.k8s.io",
                },
                "ownerReferences": owned(SERVICE, service),
            },
            "addressType": "IPv4",
            "ports": _ports(service, pods),
            "endpoints": [_endpoint(pod) for pod in pods],
        }
        self._put(ENDPOINT_SLICE, new)

    def _write_endpoints(self, service: Obj, pods: list[Obj]) -> None:
        ports = _ports(service, pods)
        ready = [
            _target(p) for p in pods if is_ready(p) and "deletionTimestamp" not in p["metadata"]
        ]
        waiting = [_target(p) for p in pods if not is_ready(p)]
        subset: Obj = {}
        if ready:
            subset["addresses"] = ready
        if waiting:
            subset["notReadyAddresses"] = waiting
        new: Obj = {
            "metadata": {
                "name": name_of(service),
                "namespace": namespace_of(service),
                "labels": {
                    **labels_of(service),
                    "endpoints.kubernetes.io/managed-by": "endpoint-controller",
                },
            },
        }
        if subset:
            new["subsets"] = [{**subset, "ports": ports} if ports else subset]
        self._put(ENDPOINTS, new)

    def _put(self, kind: Kind, new: Obj) -> None:
        old = self.store.find(kind, new["metadata"]["namespace"], new["metadata"]["name"])
        if old is None:
            self.store.create(kind, new)
            return
        body = {k: v for k, v in new.items() if k != "metadata"}
        kept = {k: v for k, v in old.items() if k in ("apiVersion", "kind", "metadata")}
        self.store.update(kind, {**kept, **body})


def index_key(namespace: str, selector: Mapping[str, Any]) -> tuple[str, str, str]:
    """One pair of a selector, by which a pod's labels lead to the Service: the hash if it has one."""
    key = HASH if HASH in selector else min(selector)
    return namespace, key, str(selector[key])


def _seen(pod: Mapping[str, Any]) -> tuple[Any, ...]:
    """What of a pod an endpoint shows."""
    return (
        is_ready(pod),
        dig(pod, "status", "podIP"),
        "deletionTimestamp" in pod["metadata"],
        _over(pod),
        labels_of(pod),
    )


def _over(pod: Mapping[str, Any]) -> bool:
    return text(pod, "status", "phase") in ("Succeeded", "Failed")


def _target(pod: Obj) -> Obj:
    found: Obj = {
        "ip": text(pod, "status", "podIP"),
        "targetRef": {
            "kind": "Pod",
            "namespace": namespace_of(pod),
            "name": name_of(pod),
            "uid": uid_of(pod),
        },
    }
    node = text(pod, "spec", "nodeName")
    return {**found, "nodeName": node} if node else found


def _endpoint(pod: Obj) -> Obj:
    target = _target(pod)
    going = "deletionTimestamp" in pod["metadata"]
    ready = is_ready(pod)
    found: Obj = {
        "addresses": [target["ip"]],
        "conditions": {"ready": ready and not going, "serving": ready, "terminating": going},
        "targetRef": target["targetRef"],
    }
    if "nodeName" in target:
        found["nodeName"] = target["nodeName"]
    return found


def _ports(service: Obj, pods: list[Obj]) -> list[Obj]:
    found = []
    for port in mappings(service, "spec", "ports"):
        wanted = port.get("targetPort", port.get("port"))
        entry: Obj = {"name": text(port, "name"), "protocol": text(port, "protocol", default="TCP")}
        entry["port"] = wanted if isinstance(wanted, int) else _named(pods, str(wanted))
        if entry["port"]:
            found.append(entry)
    return found


def _named(pods: list[Obj], name: str) -> int:
    for pod in pods:
        for container in mappings(pod, "spec", "containers"):
            for port in mappings(container, "ports"):
                if port.get("name") == name:
                    return number(port, "containerPort")
    return 0
