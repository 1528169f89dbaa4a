"""Ephemeral metadata on ReplicaSets and their pods (`rollout/ephemeralmetadata.go`)."""

from __future__ import annotations

from opsconsole.argo.rollouts import metadata
from opsconsole.argo.rollouts.metadata import Metadata
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.model.kinds import POD, REPLICA_SET
from opsconsole.model.objects import mapping
from opsconsole.sandbox.rollouts.passes import Pass


def reconcile(p: Pass) -> None:
    """`reconcileEphemeralMetadata`: canary's or stable's metadata, and none on old versions."""
    promoted = not p.ro.stable or p.ro.stable == p.new.hash
    _sync(p, p.new, metadata.wanted(p.ro, new=not promoted))
    if not promoted and p.stable is not None:
        _sync(p, p.stable, metadata.wanted(p.ro, new=False))
    for rs in p.sets.others:
        _sync(p, rs, None)


def _sync(p: Pass, rs: ReplicaSetView, wanted: Metadata | None) -> None:
    if wanted is None and metadata.injected(rs.obj) is None:
        return
    live = p.replica_set(rs)
    new = metadata.synced(live, wanted)
    if new is None:
        return
    before = metadata.injected(live)
    for pod in p.store.owned_by(rs.uid, POD):
        meta = metadata.merged(mapping(pod, "metadata"), before, wanted)
        if meta is not None:
            p.store.update(POD, {**pod, "metadata": meta})
    p.store.update(REPLICA_SET, new)
