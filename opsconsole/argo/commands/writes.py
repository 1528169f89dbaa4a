"""The requests that each command of `kubectl argo rollouts` sends.

Separate so that the engine's plans, our command line and whatever plays recorded scenarios
send exactly the same. Source: argo-rollouts `pkg/kubectl-argo-rollouts/cmd/*` (files named
at each function). Nothing here reads the cluster: callers hand in what they have read.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.argo.rollouts.names import POD_HASH_LABEL, REVISION
from opsconsole.argo.rollouts.replicasets import template_equal
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.errors import GuardError, UsageError
from opsconsole.model.kinds import DEPLOYMENT, REPLICA_SET, ROLLOUT, Kind
from opsconsole.model.objects import (
    annotations_of,
    controller_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.times import format_instant

Raw = Mapping[str, Any]


def _merge(namespace: str, name: str, body: Any, *, status: bool = False) -> Request:
    return Request(
        verb=Verb.PATCH,
        kind=ROLLOUT,
        namespace=namespace,
        name=name,
        body=body,
        patch_type=PatchType.MERGE,
        subresource="status" if status else "",
        main_on_404=status,
    )


def pause(namespace: str, name: str) -> Request:
    """`cmd/pause/pause.go:36`."""
    return _merge(namespace, name, {"spec": {"paused": True}})


def abort(namespace: str, name: str) -> Request:
    """`cmd/abort/abort.go:29`."""
    return _merge(namespace, name, {"status": {"abort": True}}, status=True)


def retry(namespace: str, name: str) -> Request:
    """`cmd/retry/retry.go:19`."""
    return _merge(namespace, name, {"status": {"abort": False}}, status=True)


def restart(namespace: str, name: str, at: datetime) -> Request:
    """`cmd/restart/restart.go:27`."""
    return _merge(namespace, name, {"spec": {"restartAt": format_instant(at)}})


def promote(
    rollout: Raw, *, full: bool = False, skip_current: bool = False, skip_all: bool = False
) -> tuple[Request, ...]:
    """`getPatches` (`cmd/promote/promote.go:142-204`): the status patch first, then the spec's.

    Empty for a blue-green rollout that is not paused: the real command sends nothing either.
    """
    view = RolloutView(rollout)
    if skip_current and skip_all:
        raise UsageError("Cannot use skip-current-step and skip-all-steps flags at the same time")
    if skip_current or skip_all:
        if view.blue_green is not None:
            raise UsageError("Cannot skip steps of a bluegreen rollout. Run without a flags")
        if not view.steps:
            raise UsageError("Cannot skip steps of a rollout without steps")
    status, spec = _promotion(view, full=full, skip_current=skip_current, skip_all=skip_all)
    found: list[Request] = []
    if status is not None:
        found.append(_merge(view.namespace, view.name, {"status": status}, status=True))
    if spec is not None:
        found.append(_merge(view.namespace, view.name, {"spec": spec}))
    return tuple(found)


def _promotion(
    view: RolloutView, *, full: bool, skip_current: bool, skip_all: bool
) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    count = len(view.steps)
    after = min((view.step_index or 0) + 1, count)
    if skip_current:
        return {"currentStepIndex": after}, None
    if skip_all:
        return {"currentStepIndex": count}, None
    unpause = {"paused": False} if view.paused else None
    if full:
        behind = view.current != view.stable
        return ({"promoteFull": True} if behind else None), unpause
    canary = view.canary is not None
    inconclusive = (
        text(view.status, "canary", "currentStepAnalysisRunStatus", "status") == "Inconclusive"
    )
    if canary and inconclusive and view.pause_conditions and view.controller_pause:
        return {
            "pauseConditions": None,
            "controllerPause": False,
            "currentStepIndex": after,
        }, unpause
    if view.pause_conditions:
        return {"pauseConditions": None}, unpause
    if canary and count:
        return {"pauseConditions": None, "currentStepIndex": after}, unpause
    return None, unpause


@dataclass(frozen=True, slots=True)
class Undo:
    """`request` is None when the template is there already; `message` is what is printed then."""

    revision: int
    request: Request | None
    message: str = ""


def undo(rollout: Raw, replica_sets: Sequence[Raw], to_revision: int = 0) -> Undo:
    """`cmd/undo/undo.go:80-160`. With 0, the second highest revision by number.

    GuardError with the real texts when there is no such revision. A `workloadRef` sends the
    patch to the workload.
    """
    chosen = revision_of(rollout, replica_sets, to_revision)
    number = _revision(chosen)
    if template_equal(RolloutView(rollout), chosen):
        told = f"skipped rollback (current template already matches revision {number})"
        return Undo(number, None, told)
    template = dict(mapping(chosen, "spec", "template"))
    meta = dict(mapping(template, "metadata"))
    labels = {k: v for k, v in mapping(meta, "labels").items() if k != POD_HASH_LABEL}
    template["metadata"] = {**meta, "labels": labels}
    kind, name = workload(rollout)
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    request = Request(
        verb=Verb.PATCH,
        kind=kind,
        namespace=namespace_of(rollout),
        name=name,
        body=patch,
        patch_type=PatchType.JSON,
    )
    return Undo(number, request)


def revision_of(rollout: Raw, replica_sets: Sequence[Raw], to_revision: int = 0) -> Raw:
    """The ReplicaSet of a revision; 0 for the one before the newest."""
    uid = uid_of(rollout)
    owned = [rs for rs in replica_sets if text(controller_of(rs), "uid") == uid]
    if to_revision:
        found = next((rs for rs in owned if _revision(rs) == to_revision), None)
        if found is None:
            raise GuardError(f"unable to find specified revision {to_revision} in history")
        return found
    ordered = sorted(owned, key=_revision, reverse=True)
    if len(ordered) < 2:
        raise GuardError(f'no revision found for rollout "{name_of(rollout)}"')
    return ordered[1]


def workload(rollout: Raw) -> tuple[Kind, str]:
    """Where the template stands: the Rollout itself, or what its `workloadRef` names."""
    reference = mapping(rollout, "spec", "workloadRef")
    kinds = {"Deployment": DEPLOYMENT, "ReplicaSet": REPLICA_SET}
    kind = kinds.get(text(reference, "kind"))
    return (kind, text(reference, "name")) if kind is not None else (ROLLOUT, name_of(rollout))


def _revision(rs: Raw) -> int:
    value = text(annotations_of(rs), REVISION)
    return int(value) if value.isdecimal() and len(value) < 10 else 0


def set_image(kind: Kind, holder: Raw, container: str, image: str) -> Request:
    """`cmd/set/set_image.go:97-140`: the whole object with one image changed; `*` means all.

    `holder` is the Rollout, or the Deployment of its workloadRef. GuardError when no
    container has that name.
    """
    template = mapping(holder, "spec", "template")
    pod = dict(mapping(template, "spec"))
    found = False
    for field in ("initContainers", "containers", "ephemeralContainers"):
        listed = mappings(pod, field)
        hits = [container in ("*", text(entry, "name")) for entry in listed]
        found = found or any(hits)
        if any(hits):
            pod[field] = [
                {**entry, "image": image} if hit else entry
                for entry, hit in zip(listed, hits, strict=True)
            ]
    if not found:
        raise GuardError(f'unable to find container named "{container}"')
    spec = {**mapping(holder, "spec"), "template": {**template, "spec": pod}}
    return Request(
        verb=Verb.PUT,
        kind=kind,
        namespace=namespace_of(holder),
        name=name_of(holder),
        body={**holder, "spec": spec},
    )
