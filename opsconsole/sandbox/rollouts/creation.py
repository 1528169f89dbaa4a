"""New ReplicaSets, revisions, and ReplicaSets that are taken over (`rollout/sync.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import affinity, conditions, replicasets
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.kinds import REPLICA_SET, ROLLOUT
from opsconsole.model.objects import (
    controller_of,
    dig,
    labels_of,
    mapping,
    mappings,
    text,
)
from opsconsole.model.selectors import matches_selector
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.rollouts import status
from opsconsole.sandbox.rollouts.passes import Pass
from opsconsole.sandbox.store import Obj, Store


def claim(store: Store, ro: RolloutView) -> list[Obj]:
    """`ClaimReplicaSets`: the Rollout's own, and orphans that its selector matches.

    Orphans are looked for only while there are none of its own: they are left by a Rollout
    of that name that was deleted with `--cascade=orphan`.
    """
    owned = [
        rs for rs in store.owned_by(ro.uid, REPLICA_SET) if text(controller_of(rs), "uid") == ro.uid
    ]
    if owned or not ro.selector:
        return owned
    for rs in store.objects(REPLICA_SET, ro.namespace):
        if controller_of(rs) or not matches_selector(ro.selector, labels_of(rs)):
            continue
        if dig(rs, "metadata", "deletionTimestamp") is None:
            owners = [*mappings(rs, "metadata", "ownerReferences"), replicasets.owner_reference(ro)]
            meta = {**rs["metadata"], "ownerReferences": owners}
            owned.append(store.update(REPLICA_SET, {**rs, "metadata": meta}))
    return owned


def create(p: Pass) -> None:
    """`createDesiredReplicaSet`: at size 0; the next pass scales it."""
    revision = replicasets.max_revision(p.sets.all) + 1
    wanted = replicasets.desired_replica_set(p.ro, revision, has_stable=p.stable is not None)
    name = wanted["metadata"]["name"]
    try:
        p.store.create(REPLICA_SET, wanted)
    except StatusError as error:
        if error.reason == "AlreadyExists":
            _collision(p, name)
        else:
            _failed(p, f'Failed to create new replica set "{name}": {error.message}')
        raise
    live = _set_revision(p, revision)
    p.event(n.NEW_REPLICA_SET, f"Created ReplicaSet {name} (revision {revision})")
    message = f'Created new replica set "{name}"'
    fresh = conditions.condition(n.PROGRESSING, "True", n.NEW_REPLICA_SET, message, p.now)
    new = dict(mapping(live, "status"))
    conditions.put(new, fresh)
    new.setdefault("canary", {})
    new.setdefault("blueGreen", {})
    p.store.update(ROLLOUT, {**p.live(), "status": new}, subresource="status")


def _collision(p: Pass, name: str) -> None:
    """Another ReplicaSet has the name: count it, so that the next hash is another one."""
    there = p.replica_set_named(name)
    if text(controller_of(there), "uid") == p.ro.uid:
        return
    new = {**p.ro.status, "collisionCount": p.ro.collisions + 1}
    p.store.update(ROLLOUT, {**p.live(), "status": new}, subresource="status")


def _failed(p: Pass, message: str) -> None:
    p.event(n.CREATE_ERROR, message, warning=True)
    fresh = conditions.condition(n.PROGRESSING, "False", n.CREATE_ERROR, message, p.now)
    status.patch_conditions(p.store, p.ro, [fresh])


def _set_revision(p: Pass, revision: int) -> Obj:
    """`setRolloutRevision`: the Rollout's annotation, and the event that it moved."""
    live = p.live()
    notes = {**mapping(live, "metadata", "annotations")}
    if notes.get(n.REVISION) == str(revision):
        return live
    notes[n.REVISION] = str(revision)
    generation = text(p.ro.annotations, n.WORKLOAD_GENERATION)
    if p.ro.workload_ref is not None and generation:
        notes[n.WORKLOAD_GENERATION] = generation
    live = p.store.update(ROLLOUT, {**live, "metadata": {**live["metadata"], "annotations": notes}})
    p.event(n.ROLLOUT_UPDATED, f"Rollout updated to revision {revision}")
    return live


def sync_revision(p: Pass) -> bool:
    """`syncReplicaSetRevision`: an old version that is wanted again becomes the newest.

    Whether anything was written, so that the caller looks at the objects anew.
    """
    rs = p.new
    older = [other for other in p.sets.all if other.uid != rs.uid]
    notes = replicasets.synced_annotations(p.ro, rs, replicasets.max_revision(older) + 1)
    own = dig(rs.obj, "spec", "template", "spec", "affinity")
    stale = affinity.is_stale(p.ro, own)
    min_ready = dig(rs.obj, "spec", "minReadySeconds", default=0)
    changed = False
    if notes is not None or stale or min_ready != p.ro.min_ready:
        rs = ReplicaSetView(_rewritten(p, rs, notes, stale=stale))
        changed = True
    if p.ro.revision != rs.revision:
        _set_revision(p, rs.revision)
        changed = True
    if conditions.get(p.ro.status, n.PROGRESSING) is None:
        message = f'Found new replica set "{rs.name}"'
        fresh = conditions.condition(n.PROGRESSING, "True", n.FOUND_NEW_REPLICA_SET, message, p.now)
        new = dict(mapping(p.live(), "status"))
        conditions.put(new, fresh)
        p.store.update(ROLLOUT, {**p.live(), "status": new}, subresource="status")
        changed = True
    return changed


def _rewritten(p: Pass, rs: ReplicaSetView, notes: dict[str, object] | None, *, stale: bool) -> Obj:
    live = p.replica_set(rs)
    spec = {**mapping(live, "spec"), "minReadySeconds": p.ro.min_ready}
    if not p.ro.min_ready:
        spec.pop("minReadySeconds")
    if stale:
        template = mapping(spec, "template")
        pod = {**mapping(template, "spec"), "affinity": affinity.injected(p.ro)}
        spec["template"] = {**template, "spec": pod}
    meta = dict(live["metadata"])
    if notes is not None:
        meta["annotations"] = notes
    return p.store.update(REPLICA_SET, {**live, "metadata": meta, "spec": spec})
