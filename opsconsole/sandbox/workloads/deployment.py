"""The Deployment controller: new templates become ReplicaSets, exchanged gradually.

Follows k8s.io/kubernetes/pkg/controller/deployment (sync.go, rolling.go, recreate.go); the
arithmetic is in `deployment_rules`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from opsconsole.model.kinds import DEPLOYMENT, POD, REPLICA_SET
from opsconsole.model.objects import (
    annotations_of,
    condition,
    controller_of,
    dig,
    flag,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.selectors import matches_selector
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store
from opsconsole.sandbox.workloads import deployment_rules as rules
from opsconsole.sandbox.workloads.events import Recorder
from opsconsole.sandbox.workloads.pods import owned, template_hash

Obj = dict[str, Any]


class DeploymentController:
    name = "deployment"

    def __init__(self, store: Store, recorder: Recorder) -> None:
        self.store = store
        self.recorder = recorder

    def watches(self) -> Iterable[Watch]:
        return (Watch(DEPLOYMENT), Watch(REPLICA_SET, self._of_set), Watch(POD, self._of_pod))

    def _of_set(self, change: Change) -> Iterable[Key]:
        rs = change.object
        owner = controller_of(rs)
        if owner:
            if owner.get("kind") == "Deployment":
                return (Key(namespace_of(rs), str(owner.get("name"))),)
            return ()
        return [
            Key(namespace_of(d), name_of(d))
            for d in self.store.objects(DEPLOYMENT, namespace_of(rs))
            if matches_selector(mapping(d, "spec", "selector"), labels_of(rs))
        ]

    def _of_pod(self, change: Change) -> Iterable[Key]:
        """Recreate waits for the last old pod to go."""
        owner = controller_of(change.object)
        if change.type != "DELETED" or owner.get("kind") != "ReplicaSet":
            return ()
        rs = self.store.find(REPLICA_SET, namespace_of(change.object), str(owner.get("name")))
        return self._of_set(Change("MODIFIED", REPLICA_SET, rs, rs, 0)) if rs else ()

    def reconcile(self, key: Key) -> float | None:
        deployment = self.store.find(DEPLOYMENT, key.namespace, key.name)
        if deployment is None:
            return None
        sets = self._sets(deployment)
        if "deletionTimestamp" in deployment["metadata"]:
            return self._sync_status(deployment, sets, self._find_new(deployment, sets))
        if self._paused_conditions(deployment):
            deployment = self.store.get(DEPLOYMENT, key.namespace, key.name)
        if flag(deployment, "spec", "paused"):
            new = self._revise(deployment, sets, create=False)
            self._scale_all(deployment, self._sets(deployment), new)
            return self._status_now(key)
        if self._is_scaling(deployment, sets):
            new = self._revise(deployment, sets, create=False)
            self._scale_all(deployment, self._sets(deployment), new)
            return self._status_now(key)
        if text(deployment, "spec", "strategy", "type") == "Recreate":
            self._recreate(deployment, sets)
        else:
            self._roll(deployment, sets)
        return self._status_now(key)

    # reading

    def _sets(self, deployment: Obj) -> list[Obj]:
        """Its ReplicaSets, oldest first; matching ones that nobody controls are taken over."""
        selector = mapping(deployment, "spec", "selector")
        for rs in self.store.objects(REPLICA_SET, namespace_of(deployment)):
            if (
                not controller_of(rs)
                and "deletionTimestamp" not in rs["metadata"]
                and matches_selector(selector, labels_of(rs))
            ):
                refs = [
                    *mappings(rs, "metadata", "ownerReferences"),
                    *owned(DEPLOYMENT, deployment),
                ]
                self.store.update(
                    REPLICA_SET, {**rs, "metadata": {**rs["metadata"], "ownerReferences": refs}}
                )
        found = self.store.owned_by(uid_of(deployment), REPLICA_SET)
        return sorted(
            found, key=lambda rs: (text(rs, "metadata", "creationTimestamp"), name_of(rs))
        )

    def _find_new(self, deployment: Obj, sets: Sequence[Obj]) -> Obj | None:
        template = mapping(deployment, "spec", "template")
        for rs in sets:
            if rules.same_template(mapping(rs, "spec", "template"), template):
                return rs
        return None

    def _is_scaling(self, deployment: Obj, sets: Sequence[Obj]) -> bool:
        wanted = str(number(deployment, "spec", "replicas", default=1))
        return any(
            annotations_of(rs).get(rules.DESIRED, wanted) != wanted
            for rs in sets
            if number(rs, "spec", "replicas") > 0
        )

    # the new ReplicaSet and revisions

    def _revise(self, deployment: Obj, sets: Sequence[Obj], *, create: bool) -> Obj | None:
        """The ReplicaSet of the current template, with its revision; made when it is not there."""
        new = self._find_new(deployment, sets)
        others = [rs for rs in sets if new is None or name_of(rs) != name_of(new)]
        revision = max((rules.revision_of(rs) for rs in others), default=0) + 1
        if new is not None:
            new = self._renew(deployment, new, revision)
        elif create:
            new = self._create(deployment, sets, revision)
        if new is not None:
            self._note_revision(deployment, rules.revision_of(new))
        return new

    def _renew(self, deployment: Obj, rs: Obj, revision: int) -> Obj:
        notes = {**annotations_of(rs), **rules.copied_annotations(deployment)}
        own = rules.revision_of(rs)
        if own < revision:
            if own:
                history = [
                    part for part in str(notes.get(rules.REVISION_HISTORY, "")).split(",") if part
                ]
                notes[rules.REVISION_HISTORY] = ",".join([*history, str(own)])
            notes[rules.REVISION] = str(revision)
        spec = rs["spec"]
        minimum = dig(deployment, "spec", "minReadySeconds", default=0)
        if dig(spec, "minReadySeconds", default=0) != minimum:
            spec = {**spec, "minReadySeconds": minimum}
        renewed = {**rs, "spec": spec, "metadata": {**rs["metadata"], "annotations": notes}}
        if not condition(deployment, "Progressing"):
            self._progress(
                deployment, "FoundNewReplicaSet", f'Found new replica set "{name_of(rs)}"'
            )
        return self.store.update(REPLICA_SET, renewed)

    def _create(self, deployment: Obj, sets: Sequence[Obj], revision: int) -> Obj:
        collisions = number(deployment, "status", "collisionCount")
        replicas = rules.new_replicas(deployment, sets, None)
        new = _new_set(deployment, replicas, revision, collisions)
        try:
            made = self.store.create(REPLICA_SET, new)
        except StatusError as refused:
            self._creation_refused(deployment, refused, collisions)
            raise
        if replicas:
            self.recorder.event(
                deployment,
                "Normal",
                "ScalingReplicaSet",
                f"Scaled up replica set {name_of(made)} from 0 to {replicas}",
            )
        self._progress(
            deployment, "NewReplicaSetCreated", f'Created new replica set "{name_of(made)}"'
        )
        return made

    def _creation_refused(self, deployment: Obj, refused: StatusError, collisions: int) -> None:
        """A hash collision counts up and is tried again; anything else is a failure to progress."""
        current = self.store.get(DEPLOYMENT, namespace_of(deployment), name_of(deployment))
        status = {**mapping(current, "status")}
        if refused.reason == "AlreadyExists":
            status["collisionCount"] = collisions + 1
        else:
            entry = rules.make_condition(
                condition(current, "Progressing"), "Progressing", "False",
                "ReplicaSetCreateError", f"Failed to create new replica set: {refused.message}",
                self.store.simulation.now(),
            )  # fmt: skip
            status["conditions"] = rules.with_condition(
                mappings(current, "status", "conditions"), entry
            )
        self.store.update(DEPLOYMENT, {**current, "status": status}, subresource="status")

    def _note_revision(self, deployment: Obj, revision: int) -> None:
        current = self.store.get(DEPLOYMENT, namespace_of(deployment), name_of(deployment))
        if revision and annotations_of(current).get(rules.REVISION) != str(revision):
            notes = {**annotations_of(current), rules.REVISION: str(revision)}
            self.store.update(
                DEPLOYMENT, {**current, "metadata": {**current["metadata"], "annotations": notes}}
            )

    def _progress(self, deployment: Obj, reason: str, message: str, status: str = "True") -> None:
        if rules.deadline_of(deployment) is None:
            return
        current = self.store.get(DEPLOYMENT, namespace_of(deployment), name_of(deployment))
        entry = rules.make_condition(
            condition(current, "Progressing"), "Progressing", status, reason, message,
            self.store.simulation.now(),
        )  # fmt: skip
        conditions = rules.with_condition(mappings(current, "status", "conditions"), entry)
        new = {**mapping(current, "status"), "conditions": conditions}
        self.store.update(DEPLOYMENT, {**current, "status": new}, subresource="status")

    def _paused_conditions(self, deployment: Obj) -> bool:
        reason = text(condition(deployment, "Progressing"), "reason")
        if rules.deadline_of(deployment) is None or reason == "ProgressDeadlineExceeded":
            return False
        paused = flag(deployment, "spec", "paused")
        if paused and reason != "DeploymentPaused":
            self._progress(deployment, "DeploymentPaused", "Deployment is paused", "Unknown")
            return True
        if not paused and reason == "DeploymentPaused":
            self._progress(deployment, "DeploymentResumed", "Deployment is resumed", "Unknown")
            return True
        return False

    # scaling

    def _resize(self, deployment: Obj, rs: Obj, size: int) -> bool:
        """Set a ReplicaSet's size and note the Deployment's; whether the size changed."""
        rs = self.store.get(REPLICA_SET, namespace_of(rs), name_of(rs))
        before = number(rs, "spec", "replicas")
        wanted = number(deployment, "spec", "replicas", default=1)
        surge, _ = rules.fenceposts(deployment)
        noted = {rules.DESIRED: str(wanted), rules.MAX: str(wanted + surge)}
        notes = {**annotations_of(rs), **noted}
        if before == size and notes == annotations_of(rs):
            return False
        self.store.update(
            REPLICA_SET,
            {
                **rs,
                "spec": {**rs["spec"], "replicas": size},
                "metadata": {**rs["metadata"], "annotations": notes},
            },
        )
        if before != size:
            way = "up" if size > before else "down"
            self.recorder.event(
                deployment,
                "Normal",
                "ScalingReplicaSet",
                f"Scaled {way} replica set {name_of(rs)} from {before} to {size}",
            )
        return before != size

    def _scale_all(self, deployment: Obj, sets: Sequence[Obj], new: Obj | None) -> None:
        """Scaling by the user, in mid-rollout in proportion (sync.go scale)."""
        wanted = number(deployment, "spec", "replicas", default=1)
        active = [rs for rs in sets if number(rs, "spec", "replicas") > 0]
        if len(active) <= 1:
            only = active[0] if active else new or (sets[-1] if sets else None)
            if only is not None:
                self._resize(deployment, only, wanted)
            return
        if (
            new is not None
            and number(new, "status", "availableReplicas")
            == number(new, "spec", "replicas")
            == wanted
        ):
            for rs in active:
                if name_of(rs) != name_of(new):
                    self._resize(deployment, rs, 0)
            return
        if text(deployment, "spec", "strategy", "type") == "Recreate":
            return
        surge, _ = rules.fenceposts(deployment)
        to_add = (wanted + surge if wanted > 0 else 0) - rules.spec_replicas(active)
        newest = list(reversed(active)) if to_add >= 0 else active
        order = sorted(newest, key=lambda rs: -number(rs, "spec", "replicas"))
        added, sizes = 0, {}
        for rs in order:
            share = rules.proportion(rs, deployment, to_add, added)
            sizes[name_of(rs)] = number(rs, "spec", "replicas") + share
            added += share
        sizes[name_of(order[0])] = max(sizes[name_of(order[0])] + to_add - added, 0)
        for rs in order:
            self._resize(deployment, rs, sizes[name_of(rs)])

    def _roll(self, deployment: Obj, sets: Sequence[Obj]) -> None:
        new = self._revise(deployment, sets, create=True)
        assert new is not None
        sets = self._sets(deployment)
        old = [rs for rs in sets if name_of(rs) != name_of(new)]
        wanted = number(deployment, "spec", "replicas", default=1)
        size = number(new, "spec", "replicas")
        if size != wanted:
            goal = wanted if size > wanted else rules.new_replicas(deployment, sets, new)
            if self._resize(deployment, new, goal):
                return
        if self._shrink_old(deployment, sets, old, new):
            return
        if not rules.spec_replicas(old):
            self._clean_up(deployment, old)

    def _shrink_old(
        self, deployment: Obj, sets: Sequence[Obj], old: Sequence[Obj], new: Obj
    ) -> bool:
        """Unhealthy old pods first, then as many as availability allows (reconcileOldReplicaSets)."""
        if not rules.spec_replicas(old):
            return False
        _, unavailable = rules.fenceposts(deployment)
        minimum = number(deployment, "spec", "replicas", default=1) - unavailable
        missing = number(new, "spec", "replicas") - number(new, "status", "availableReplicas")
        room = rules.spec_replicas(sets) - minimum - missing
        changed = False
        for rs in old if room > 0 else ():
            size = number(rs, "spec", "replicas")
            broken = size - number(rs, "status", "availableReplicas")
            cut = min(room, broken)
            if size and cut > 0:
                changed = self._resize(deployment, rs, size - cut) or changed
                room -= cut
        sets = self._sets(deployment)
        spare = rules.status_sum(sets, "availableReplicas") - minimum
        for rs in [r for r in sets if name_of(r) != name_of(new)] if spare > 0 else ():
            size = number(rs, "spec", "replicas")
            cut = min(size, spare)
            if cut > 0:
                changed = self._resize(deployment, rs, size - cut) or changed
                spare -= cut
        return changed

    def _recreate(self, deployment: Obj, sets: Sequence[Obj]) -> None:
        new = self._find_new(deployment, sets)
        old = [rs for rs in sets if new is None or name_of(rs) != name_of(new)]
        sizable = [rs for rs in old if number(rs, "spec", "replicas")]
        if sum(self._resize(deployment, rs, 0) for rs in sizable):
            return
        for rs in old:
            if any(
                text(pod, "status", "phase") not in ("Succeeded", "Failed")
                for pod in self.store.owned_by(uid_of(rs), POD)
            ):
                return
        new = self._revise(deployment, sets, create=True)
        assert new is not None
        self._resize(deployment, new, number(deployment, "spec", "replicas", default=1))
        self._clean_up(deployment, old)

    def _clean_up(self, deployment: Obj, old: Sequence[Obj]) -> None:
        """Old ReplicaSets beyond revisionHistoryLimit go, lowest revision first."""
        status = mapping(deployment, "status")
        if not rules.is_complete(deployment, status):
            return
        limit = number(deployment, "spec", "revisionHistoryLimit", default=10)
        idle = [
            rs
            for rs in sorted(old, key=rules.revision_of)
            if not number(rs, "status", "replicas")
            and not number(rs, "spec", "replicas")
            and "deletionTimestamp" not in rs["metadata"]
        ]
        for rs in idle[: max(len(old) - limit, 0)]:
            self.store.delete(REPLICA_SET, namespace_of(rs), name_of(rs))

    # status

    def _status_now(self, key: Key) -> float | None:
        deployment = self.store.find(DEPLOYMENT, key.namespace, key.name)
        if deployment is None:
            return None
        sets = self._sets(deployment)
        return self._sync_status(deployment, sets, self._find_new(deployment, sets))

    def _sync_status(self, deployment: Obj, sets: list[Obj], new: Obj | None) -> float | None:
        now = self.store.simulation.now()
        status = rules.counters(deployment, sets, new)
        conditions: list[Obj] = [dict(c) for c in mappings(deployment, "status", "conditions")]
        conditions = rules.with_condition(
            conditions, rules.availability(deployment, number(status, "availableReplicas"), now)
        )
        if not flag(deployment, "spec", "paused"):
            subject = (
                f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'
            )
            conditions = rules.progress(deployment, status, subject, now, conditions=conditions)
        status["conditions"] = rules.failures(sets, conditions)
        updated = {**deployment, "status": status}
        if status != deployment.get("status"):
            self.store.update(DEPLOYMENT, updated, subresource="status")
        left = rules.stuck_in(updated, now)
        return None if not left or flag(deployment, "spec", "paused") else left + 1.0


def _new_set(deployment: Obj, replicas: int, revision: int, collisions: int) -> Obj:
    """The ReplicaSet of a Deployment's current template, to be created."""
    template = mapping(deployment, "spec", "template")
    hashed = template_hash(template, collisions)
    labels = {**mapping(template, "metadata", "labels"), rules.HASH: hashed}
    selector = mapping(deployment, "spec", "selector")
    surge, _ = rules.fenceposts(deployment)
    wanted = number(deployment, "spec", "replicas", default=1)
    spec: Obj = {
        "replicas": replicas,
        "selector": {
            **selector,
            "matchLabels": {**mapping(selector, "matchLabels"), rules.HASH: hashed},
        },
        "template": {**template, "metadata": {**mapping(template, "metadata"), "labels": labels}},
    }
    if number(deployment, "spec", "minReadySeconds"):
        spec["minReadySeconds"] = number(deployment, "spec", "minReadySeconds")
    notes = {
        **rules.copied_annotations(deployment),
        rules.REVISION: str(revision),
        rules.DESIRED: str(wanted),
        rules.MAX: str(wanted + surge),
    }
    meta = {
        "name": f"{name_of(deployment)}-{hashed}",
        "namespace": namespace_of(deployment),
        "labels": labels,
        "annotations": notes,
        "ownerReferences": owned(DEPLOYMENT, deployment),
    }
    return {"metadata": meta, "spec": spec}
