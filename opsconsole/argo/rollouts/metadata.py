"""Ephemeral metadata: labels and annotations that pods carry only while canary or stable.

Follows `SyncReplicaSetEphemeralPodMetadata` (utils/replicaset/canary.go) and
`reconcileEphemeralMetadata`; what was injected is remembered in an annotation, so that only
our own additions are ever taken away.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts.names import EPHEMERAL_METADATA
from opsconsole.argo.rollouts.spec import Object, RolloutView
from opsconsole.model.objects import annotations_of, dig, mapping, text

Metadata = Mapping[str, Any]


def wanted(ro: RolloutView, *, new: bool) -> Metadata | None:
    """The canaryMetadata or previewMetadata for a new version, else stableMetadata or activeMetadata."""
    if ro.canary is not None:
        found = ro.canary.get("canaryMetadata" if new else "stableMetadata")
    else:
        found = dig(ro.blue_green, "previewMetadata" if new else "activeMetadata")
    return found if isinstance(found, Mapping) else None


def injected(rs: Object) -> Metadata | None:
    """What an earlier pass put into this ReplicaSet's pods."""
    try:
        found = json.loads(text(annotations_of(rs), EPHEMERAL_METADATA) or "null")
    except ValueError:
        return None
    return found if isinstance(found, Mapping) else None


def merged(
    meta: Metadata, before: Metadata | None, desired: Metadata | None
) -> dict[str, Any] | None:
    """Metadata with `desired` put in and what was `before` taken out; None when nothing changes."""
    found = dict(meta)
    changed = False
    for field in ("annotations", "labels"):
        old = mapping(meta, field)
        new = {**old, **mapping(desired, field)}
        for key in mapping(before, field):
            if key not in mapping(desired, field):
                new.pop(key, None)
        if new != old:
            found[field] = new
            changed = True
    return found if changed else None


def without_injected(rs: Object, meta: Metadata) -> Metadata:
    return merged(meta, injected(rs), None) or meta


def synced(rs: Object, desired: Metadata | None) -> dict[str, Any] | None:
    """The ReplicaSet with its template's metadata in step; None when it is already."""
    template = mapping(rs, "spec", "template")
    meta = merged(mapping(template, "metadata"), injected(rs), desired)
    if meta is None:
        return None
    notes = dict(annotations_of(rs))
    notes.pop(EPHEMERAL_METADATA, None)
    if desired is not None:
        kept = {k: desired[k] for k in ("labels", "annotations") if desired.get(k)}
        notes[EPHEMERAL_METADATA] = json.dumps(kept, separators=(",", ":"))
    return {
        **rs,
        "metadata": {**rs["metadata"], "annotations": notes},
        "spec": {**mapping(rs, "spec"), "template": {**template, "metadata": meta}},
    }
