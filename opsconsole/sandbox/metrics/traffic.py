"""The traffic model: who gets how many requests, and the series that this makes.

Every workload (Rollout, Deployment, Experiment, bare ReplicaSet) gets a steady stream of
requests. It is split over its ready pods; where a Rollout routes traffic, first by the weights
that it has set; in a blue-green one only the active version gets it, the preview some testers'.
Histories are kept, not samples: counters are worked out when somebody asks.

Series (labels: `service namespace pod app version status job instance
rollouts_pod_template_hash`): `http_requests_total`, `http_request_duration_milliseconds_bucket`
`_sum` `_count`, the same in `_seconds`, and `up`. `service` exists once for every Service that
selects the pod while it is ready and once for the app itself (label `app`), as one pod scraped
through several Services has it.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.model.kinds import POD, REPLICA_SET, ROLLOUT, SERVICE
from opsconsole.model.objects import (
    controller_of,
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
from opsconsole.sandbox.metrics.flows import Flow, Served
from opsconsole.sandbox.metrics.versions import version_of
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads.endpoints import HASH, index_key
from opsconsole.sandbox.workloads.pods import is_ready

Obj = dict[str, Any]

PREVIEW_SHARE = 0.05
"""What a preview version gets, of what the active one gets."""

MEMORY = 7200.0
"""Seconds that a pod that has gone is remembered."""


@dataclass(slots=True)
class Member:
    """One pod that serves or has served."""

    namespace: str
    name: str
    uid: str
    labels: Mapping[str, Any]
    served: Served
    set_uid: str
    group: str

    @property
    def app(self) -> str:
        return str(self.labels.get("app") or self.labels.get("app.kubernetes.io/name") or self.name)


@dataclass(slots=True)
class Group:
    """One workload: its flows by ReplicaSet and its ready pods."""

    uid: str
    namespace: str
    owner: tuple[str, str]
    """(kind, name) of the workload."""

    flows: dict[str, Flow] = field(default_factory=dict)
    ready: dict[str, Member] = field(default_factory=dict)
    dirty: bool = False


class TrafficModel:
    """Follows one cluster's store from the moment it is made."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.simulation = store.simulation
        self.members: dict[str, Member] = {}
        self.by_service: dict[str, dict[str, Member]] = {}
        self._groups: dict[str, Group] = {}
        self._services: dict[tuple[str, str, str], dict[str, Obj]] = {}
        self._leave = store.subscribe(self._see)
        for kind in (SERVICE, POD):
            for obj in store.objects(kind):
                self._see(Change("ADDED", kind, obj, None, store.version))

    def close(self) -> None:
        self._leave()

    # following the cluster

    def _see(self, change: Change) -> None:
        if change.kind == POD:
            self._pod(change)
        elif change.kind == SERVICE:
            self._service(change)
        elif change.kind == ROLLOUT:
            self._rollout(change)

    def _pod(self, change: Change) -> None:
        pod, old = change.object, change.old
        serves = (
            change.type != "DELETED"
            and is_ready(pod)
            and "deletionTimestamp" not in pod["metadata"]
        )
        uid = uid_of(pod)
        member = self.members.get(uid)
        if member is None:
            if serves:
                self._join(pod)
            return
        group = self._groups[member.group]
        if serves and uid not in group.ready:
            member.served.open(self.simulation.elapsed)
            group.ready[uid] = member
            self._mark(group)
        elif not serves and uid in group.ready:
            del group.ready[uid]
            member.served.close(self.simulation.elapsed)
            self._mark(group)
            if change.type == "DELETED" and len(self.members) > 64:
                self.simulation.call_later(MEMORY, lambda: self._forget(uid))
        elif serves and old is not None and labels_of(old) != labels_of(pod):
            member.labels = labels_of(pod)
            self._mark(group)

    def _join(self, pod: Obj) -> None:
        set_uid, group = self._home(pod)
        flow = group.flows.get(set_uid)
        if flow is None:
            now = self.simulation.elapsed
            phase = zlib.crc32(set_uid.encode()) % 628 / 100
            flow = group.flows[set_uid] = Flow(version_of(pod), now, phase)
        member = Member(
            namespace_of(pod), name_of(pod), uid_of(pod), labels_of(pod), Served(flow), set_uid,
            group.uid,
        )  # fmt: skip
        self.members[member.uid] = member
        member.served.open(self.simulation.elapsed)
        group.ready[member.uid] = member
        self._mark(group)

    def _home(self, pod: Obj) -> tuple[str, Group]:
        """The pod's ReplicaSet and the workload above it; a bare pod is its own."""
        namespace = namespace_of(pod)
        owner = controller_of(pod)
        kind, name, uid = text(owner, "kind"), text(owner, "name"), text(owner, "uid")
        set_uid = uid or uid_of(pod)
        if kind == "ReplicaSet":
            rs = self.store.find(REPLICA_SET, namespace, name)
            above = controller_of(rs) if rs is not None else {}
            if above:
                kind, name, uid = text(above, "kind"), text(above, "name"), text(above, "uid")
        uid = uid or uid_of(pod)
        group = self._groups.get(uid)
        if group is None:
            group = self._groups[uid] = Group(uid, namespace, (kind or "Pod", name or name_of(pod)))
        return set_uid, group

    def _forget(self, uid: str) -> None:
        member = self.members.pop(uid, None)
        if member is None:
            return
        for service in member.served.behind:
            self.by_service.get(service, {}).pop(uid, None)
        group = self._groups.get(member.group)
        if group is None:
            return
        held = {m.set_uid for m in self.members.values() if m.group == group.uid}
        for set_uid in [s for s in group.flows if s not in held]:
            del group.flows[set_uid]
        if not group.flows:
            del self._groups[group.uid]

    def _service(self, change: Change) -> None:
        service, old = change.object, change.old
        before, now = mapping(old, "spec", "selector"), mapping(service, "spec", "selector")
        if change.type == "MODIFIED" and before == now:
            return
        namespace, name = namespace_of(service), name_of(service)
        if before:
            self._services.get(index_key(namespace, before), {}).pop(name, None)
        if now and change.type != "DELETED":
            self._services.setdefault(index_key(namespace, now), {})[name] = service
        for group in self._groups.values():
            if group.namespace == namespace and any(
                matches_labels(before, m.labels) or matches_labels(now, m.labels)
                for m in group.ready.values()
            ):
                self._mark(group)

    def _rollout(self, change: Change) -> None:
        group = self._groups.get(uid_of(change.object))
        if group is not None and (
            change.old is None or _routing(change.object) != _routing(change.old)
        ):
            self._mark(group)

    def _mark(self, group: Group) -> None:
        """Split anew once all changes of this instant are in."""
        if not group.dirty:
            group.dirty = True
            self.simulation.call_later(0.0, lambda: self._split(group))

    # splitting

    def _split(self, group: Group) -> None:
        group.dirty = False
        now = self.simulation.elapsed
        counts: dict[str, int] = {}
        hashes: dict[str, str] = {}
        for member in group.ready.values():
            counts[member.set_uid] = counts.get(member.set_uid, 0) + 1
            hashes[member.set_uid] = str(member.labels.get(HASH, ""))
        shares = self._shares(group, counts, hashes)
        rate = self._rate(group)
        for set_uid, flow in group.flows.items():
            count = counts.get(set_uid, 0)
            flow.set_rate(now, rate * shares.get(set_uid, 0.0) / count if count else 0.0)
        for member in group.ready.values():
            services = self._behind(member)
            if services != {
                s for s, spans in member.served.behind.items() if math.isinf(spans[-1][1])
            }:
                member.served.stand_behind(services, now)
                for service in services:
                    self.by_service.setdefault(service, {})[member.uid] = member

    def _rate(self, group: Group) -> float:
        """What the workload asks for: the annotation of the newest version that serves."""
        newest = max(group.flows.values(), key=lambda f: f.since)
        return newest.version.rate

    def _shares(
        self, group: Group, counts: Mapping[str, int], hashes: Mapping[str, str]
    ) -> dict[str, float]:
        """The share of each ReplicaSet; they add up to 1 where anybody serves."""
        total = sum(counts.values())
        if not total:
            return {}
        by_pods = {uid: count / total for uid, count in counts.items()}
        kind, name = group.owner
        if kind != "Rollout":
            return by_pods
        rollout = self.store.find(ROLLOUT, group.namespace, name)
        weights, active, preview = _routing(rollout)
        if active:
            return _blue_green(counts, hashes, active, preview) or by_pods
        if weights:
            return _weighted(counts, hashes, weights) or by_pods
        return by_pods

    def _behind(self, member: Member) -> frozenset[str]:
        """The Services that select the pod, and the app itself."""
        found = {member.app}
        for key, value in member.labels.items():
            listed = self._services.get((member.namespace, key, str(value)), {})
            for name, service in listed.items():
                if matches_labels(mapping(service, "spec", "selector"), member.labels):
                    found.add(name)
        return frozenset(found)

    # asking

    def serving(self, service: str) -> Iterable[Member]:
        """Every pod that is or was behind a service (by its name, or the app's)."""
        return self.by_service.get(service, {}).values()

    def behind_now(self, service: str, namespace: str = "") -> Iterator[Member]:
        """The pods that are behind it now."""
        for member in self.serving(service):
            spans = member.served.behind.get(service)
            if spans and math.isinf(spans[-1][1]) and namespace in ("", member.namespace):
                yield member


Routing = tuple[dict[str, int], str, str]


def _routing(rollout: Mapping[str, Any] | None) -> Routing:
    """(weight by pod hash where it routes traffic, active hash, preview hash)."""
    if rollout is None:
        return {}, "", ""
    strategy = mapping(rollout, "spec", "strategy")
    if dig(strategy, "blueGreen") is not None:
        status = mapping(rollout, "status", "blueGreen")
        return {}, text(status, "activeSelector"), text(status, "previewSelector")
    if not dig(strategy, "canary", "trafficRouting"):
        return {}, "", ""
    found: dict[str, int] = {}
    weights = mapping(rollout, "status", "canary", "weights")
    entries = [
        mapping(weights, "canary"),
        mapping(weights, "stable"),
        *mappings(weights, "additional"),
    ]
    for entry in entries:
        digest = text(entry, "podTemplateHash")
        if digest:
            found[digest] = found.get(digest, 0) + number(entry, "weight")
    return found, "", ""


def _weighted(
    counts: Mapping[str, int], hashes: Mapping[str, str], weights: Mapping[str, int]
) -> dict[str, float]:
    given = {uid: weights.get(hashes[uid], 0) for uid in counts}
    total = sum(given.values())
    return {uid: weight / total for uid, weight in given.items()} if total else {}


def _blue_green(
    counts: Mapping[str, int], hashes: Mapping[str, str], active: str, preview: str
) -> dict[str, float]:
    shares: dict[str, float] = {}
    for uid in counts:
        if hashes[uid] == active:
            shares[uid] = 1.0
        elif hashes[uid] == preview:
            shares[uid] = PREVIEW_SHARE
    return shares
