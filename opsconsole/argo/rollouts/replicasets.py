"""ReplicaSets of a Rollout: finding the new, stable and other ones, and what a new one is.

Follows `utils/replicaset/replicaset.go`, `utils/annotations/annotations.go` and
`createDesiredReplicaSet` (rollout/sync.go).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from opsconsole.argo.rollouts import affinity, metadata
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.hashes import normalised, pod_hash
from opsconsole.argo.rollouts.spec import Object, RolloutView, whole
from opsconsole.model.notified import NOTIFIED
from opsconsole.model.objects import annotations_of, labels_of, mapping, text
from opsconsole.model.times import EPOCH, format_instant, parse_instant


class ReplicaSetView:
    """The counts and marks of one ReplicaSet, read once."""

    __slots__ = (
        "actual", "annotations", "available", "created", "deleting", "generation", "hash",
        "name", "obj", "observed", "ready", "replicas", "revision", "uid",
    )  # fmt: skip

    def __init__(self, obj: Object) -> None:
        meta, status = mapping(obj, "metadata"), mapping(obj, "status")
        self.obj = obj
        self.name = text(meta, "name")
        self.uid = text(meta, "uid")
        self.annotations = annotations_of(obj)
        self.hash = text(labels_of(obj), n.POD_HASH_LABEL)
        self.created = parse_instant(meta.get("creationTimestamp")) or EPOCH
        self.deleting = meta.get("deletionTimestamp") is not None
        self.generation = whole(meta.get("generation"), 0) or 0
        replicas = whole(mapping(obj, "spec").get("replicas"), 1)
        self.replicas: int = 1 if replicas is None else replicas
        self.actual: int = whole(status.get("replicas"), 0) or 0
        self.ready: int = whole(status.get("readyReplicas"), 0) or 0
        self.available: int = whole(status.get("availableReplicas"), 0) or 0
        self.observed: int = whole(status.get("observedGeneration"), 0) or 0
        revision = text(self.annotations, n.REVISION)
        self.revision = int(revision) if revision.isdigit() else 0

    @property
    def deadline(self) -> str:
        """The scale-down deadline as it stands in the annotation, or empty."""
        return text(self.annotations, n.SCALE_DOWN_DEADLINE)

    def remaining(self, now: datetime) -> float | None:
        """Seconds until the scale-down deadline; None when there is none or it has passed."""
        at = parse_instant(self.deadline)
        return (at - now).total_seconds() if at is not None and at > now else None

    @property
    def desired(self) -> int | None:
        value = text(self.annotations, n.DESIRED_REPLICAS)
        return int(value) if value.lstrip("-").isdigit() else None

    @property
    def fully_available(self) -> bool:
        """`IsReplicaSetAvailable`: scaled up, and at least as many available as wanted."""
        return self.replicas != 0 and self.available != 0 and self.replicas <= self.available


def total(sets: Iterable[ReplicaSetView | None], field: str) -> int:
    """The sum of one count ("replicas", "actual", "ready", "available") over ReplicaSets."""
    return sum(getattr(rs, field) for rs in sets if rs is not None)


def by_creation(sets: Iterable[ReplicaSetView]) -> list[ReplicaSetView]:
    return sorted(sets, key=lambda rs: (rs.created, rs.name))


def by_revision_descending(sets: Iterable[ReplicaSetView]) -> list[ReplicaSetView]:
    return sorted(sets, key=lambda rs: (rs.revision, rs.created), reverse=True)


def max_revision(sets: Iterable[ReplicaSetView]) -> int:
    return max((rs.revision for rs in sets), default=0)


def find_new(ro: RolloutView, sets: Sequence[ReplicaSetView]) -> ReplicaSetView | None:
    """`FindNewReplicaSet`: by our hash, else the oldest whose template equals the Rollout's."""
    wanted = pod_hash(ro.template, ro.collisions)
    for rs in sets:
        if rs.hash == wanted:
            return rs
    for rs in by_creation(sets):
        if template_equal(ro, rs.obj):
            return rs
    return None


def template_equal(ro: RolloutView, rs: Object) -> bool:
    """`PodTemplateEqualIgnoreHash` after taking out what the controller injected itself."""
    live = dict(mapping(rs, "spec", "template"))
    live["metadata"] = metadata.without_injected(rs, mapping(live, "metadata"))
    pod = dict(mapping(live, "spec"))
    kept = affinity.without_injected(ro, pod.get("affinity"))
    pod.pop("affinity", None)
    if kept is not None:
        pod["affinity"] = kept
    live["spec"] = pod
    return bool(_comparable(live) == _comparable(ro.template))


def _comparable(template: Mapping[str, Any]) -> Any:
    found = normalised(template)
    meta = dict(mapping(found, "metadata"))
    labels = {k: v for k, v in mapping(meta, "labels").items() if k != n.POD_HASH_LABEL}
    meta = {k: v for k, v in {**meta, "labels": labels}.items() if v}
    pod = {k: v for k, v in mapping(found, "spec").items() if k not in _POD_DEFAULTS}
    pod.pop("serviceAccount", None)
    return {"metadata": meta, "spec": pod}


_POD_DEFAULTS = ("dnsPolicy", "restartPolicy", "schedulerName", "securityContext",
                 "terminationGracePeriodSeconds")  # fmt: skip
"""Fields of a pod spec that a server fills in; they do not make a template another one."""


def find_stable(
    ro: RolloutView, new: ReplicaSetView | None, sets: Iterable[ReplicaSetView]
) -> ReplicaSetView | None:
    """`GetStableRS`: the ReplicaSet with the hash of `status.stableRS`."""
    if not ro.stable:
        return None
    if new is not None and new.hash == ro.stable:
        return new
    return next((rs for rs in sets if rs.hash == ro.stable), None)


def scaled(rs: Object, replicas: int, desired: int, *, keep_deadline: bool) -> dict[str, Any]:
    """A ReplicaSet at another size, as `scaleReplicaSet` (rollout/sync.go) writes it.

    `desired` is the Rollout's size for the annotation; a full scale-down drops the deadline
    unless `keep_deadline`.
    """
    notes = {**annotations_of(rs), n.DESIRED_REPLICAS: str(desired)}
    if replicas == 0 and not keep_deadline:
        notes.pop(n.SCALE_DOWN_DEADLINE, None)
    return {
        **rs,
        "metadata": {**rs["metadata"], "annotations": notes},
        "spec": {**mapping(rs, "spec"), "replicas": replicas},
    }


def needs_scaling(rs: ReplicaSetView, replicas: int, desired: int) -> bool:
    """Whether size or annotations differ (`ReplicasAnnotationsNeedUpdate`)."""
    if rs.replicas != replicas or text(rs.annotations, n.DESIRED_REPLICAS) != str(desired):
        return True
    return desired == 0 and bool(rs.deadline)


def with_deadline(rs: Object, at: datetime | None) -> dict[str, Any]:
    """With a scale-down deadline, or without when `at` is None."""
    notes = dict(annotations_of(rs))
    notes.pop(n.SCALE_DOWN_DEADLINE, None)
    if at is not None:
        notes[n.SCALE_DOWN_DEADLINE] = format_instant(at)
    return {**rs, "metadata": {**rs["metadata"], "annotations": notes}}


_NOT_COPIED = frozenset(
    {n.LAST_APPLIED, n.REVISION, n.REVISION_HISTORY, n.DESIRED_REPLICAS, NOTIFIED}
)


def synced_annotations(ro: RolloutView, rs: ReplicaSetView, revision: int) -> dict[str, Any] | None:
    """`SetNewReplicaSetAnnotations` of a ReplicaSet that exists; None when nothing changes.

    Copies the Rollout's annotations, raises the revision, and remembers the former one.
    """
    notes = dict(rs.annotations)
    changed = False
    for key, value in ro.annotations.items():
        if key not in _NOT_COPIED and notes.get(key) != value:
            notes[key] = value
            changed = True
    before = text(rs.annotations, n.REVISION)
    if rs.revision < revision:
        notes[n.REVISION] = str(revision)
        changed = True
    if changed and before:
        past = text(notes, n.REVISION_HISTORY)
        notes[n.REVISION_HISTORY] = f"{past},{before}" if past else before
    return notes if changed else None


def desired_replica_set(ro: RolloutView, revision: int, *, has_stable: bool) -> dict[str, Any]:
    """The ReplicaSet for a template that has none yet, at size 0 (`createDesiredReplicaSet`)."""
    digest = pod_hash(ro.template, ro.collisions)
    labels = {**mapping(ro.template, "metadata", "labels"), n.POD_HASH_LABEL: digest}
    selector = mapping(ro.obj, "spec", "selector")
    template_meta = {**mapping(ro.template, "metadata"), "labels": labels}
    pod = dict(mapping(ro.template, "spec"))
    wanted = affinity.injected(ro)
    if wanted is not None:
        pod["affinity"] = wanted
    notes = {k: v for k, v in ro.annotations.items() if k not in _NOT_COPIED}
    notes |= {n.REVISION: str(revision), n.DESIRED_REPLICAS: str(ro.replicas)}
    spec: dict[str, Any] = {
        "replicas": 0,
        "selector": {
            **selector,
            "matchLabels": {**mapping(selector, "matchLabels"), n.POD_HASH_LABEL: digest},
        },
        "template": {"metadata": template_meta, "spec": pod},
    }
    if ro.min_ready:
        spec["minReadySeconds"] = ro.min_ready
    rs: dict[str, Any] = {
        "metadata": {
            "name": f"{ro.name}-{digest}",
            "namespace": ro.namespace,
            "labels": labels,
            "annotations": notes,
            "ownerReferences": [owner_reference(ro)],
        },
        "spec": spec,
    }
    updated = metadata.synced(rs, metadata.wanted(ro, new=has_stable))
    return rs if updated is None else updated


def owner_reference(ro: RolloutView) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "name": ro.name,
        "uid": ro.uid,
        "controller": True,
        "blockOwnerDeletion": True,
    }


def is_saturated(ro: RolloutView, rs: ReplicaSetView | None) -> bool:
    """`IsSaturated`: size, annotation and availability all at the Rollout's size."""
    return (
        rs is not None and rs.replicas == ro.replicas == rs.available and rs.desired == ro.replicas
    )


def surplus(ro: RolloutView, others: Iterable[ReplicaSetView]) -> list[ReplicaSetView]:
    """What `reconcileRevisionHistoryLimit` deletes: the oldest idle ones beyond the limit."""
    alive = by_creation(rs for rs in others if not rs.deleting)
    excess = len(alive) - ro.history_limit
    return [
        rs
        for rs in alive[: max(0, excess)]
        if rs.actual == 0 and rs.replicas == 0 and rs.generation <= rs.observed
    ]
