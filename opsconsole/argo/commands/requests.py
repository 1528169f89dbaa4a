"""What every command of `kubectl argo rollouts` writes, as data.

Separate from the commands so that the engine's plans show and send the very same requests.
Source: `pkg/kubectl-argo-rollouts/cmd/*` at the commit named in the reference. A function that
takes a Rollout needs it as read from the API.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from opsconsole.argo.rollouts import names
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.errors import GuardError, RuleError
from opsconsole.model.kinds import ANALYSIS_RUN, DEPLOYMENT, EXPERIMENT, REPLICA_SET, ROLLOUT, Kind
from opsconsole.model.objects import (
    annotations_of,
    controller_of,
    dig,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.times import format_instant

Object = Mapping[str, Any]

POD_TEMPLATE = Kind("", "v1", "PodTemplate", "podtemplates")


def _merge(kind: Kind, namespace: str, name: str, body: Object, *, status: bool = False) -> Request:
    return Request(
        Verb.PATCH,
        kind,
        namespace,
        name,
        body,
        PatchType.MERGE,
        subresource="status" if status else "",
        main_on_404=status,
    )


def pause(namespace: str, name: str) -> Request:
    return _merge(ROLLOUT, namespace, name, {"spec": {"paused": True}})


def resume(namespace: str, name: str) -> Request:
    """The first write of `promote` on a Rollout with `spec.paused`."""
    return _merge(ROLLOUT, namespace, name, {"spec": {"paused": False}})


def abort(namespace: str, name: str) -> Request:
    return _merge(ROLLOUT, namespace, name, {"status": {"abort": True}}, status=True)


def retry_rollout(namespace: str, name: str) -> Request:
    return _merge(ROLLOUT, namespace, name, {"status": {"abort": False}}, status=True)


def retry_experiment(namespace: str, name: str) -> Request:
    return _merge(EXPERIMENT, namespace, name, {"status": None})


def restart(namespace: str, name: str, at: datetime) -> Request:
    return _merge(ROLLOUT, namespace, name, {"spec": {"restartAt": format_instant(at)}})


def terminate_analysis_run(namespace: str, name: str) -> Request:
    return _merge(ANALYSIS_RUN, namespace, name, {"spec": {"terminate": True}})


def terminate_experiment(namespace: str, name: str) -> Request:
    return _merge(EXPERIMENT, namespace, name, {"spec": {"terminate": True}})


def promote(
    rollout: Object, *, full: bool = False, skip_current: bool = False, skip_all: bool = False
) -> list[Request]:
    """The writes of `promote`, in order: status, then spec (promote.go getPatches).

    Empty when there is nothing to write: a blue-green that is not paused. GuardError with the
    plugin's text for flags that contradict each other or the strategy.
    """
    ro = RolloutView(rollout)
    if skip_current and skip_all:
        raise GuardError("Cannot use skip-current-step and skip-all-steps flags at the same time")
    if skip_current or skip_all:
        if ro.blue_green is not None:
            raise GuardError("Cannot skip steps of a bluegreen rollout. Run without a flags")
        if ro.canary is None or not ro.steps:
            raise GuardError("Cannot skip steps of a rollout without steps")
    status = _promotion(ro, full=full, skip_current=skip_current, skip_all=skip_all)
    found: list[Request] = []
    if status is not None:
        found.append(_merge(ROLLOUT, ro.namespace, ro.name, {"status": status}, status=True))
    if ro.paused and not (skip_current or skip_all):
        found.append(resume(ro.namespace, ro.name))
    return found


def _promotion(
    ro: RolloutView, *, full: bool, skip_current: bool, skip_all: bool
) -> dict[str, Any] | None:
    index = ro.step_index or 0
    following = min(index + 1, len(ro.steps))
    if skip_current:
        return {"currentStepIndex": following}
    if skip_all:
        return {"currentStepIndex": len(ro.steps)}
    if full:
        return None if ro.current == ro.stable else {"promoteFull": True}
    step_run = mapping(ro.status, "canary", "currentStepAnalysisRunStatus")
    if (
        ro.canary is not None
        and step_run.get("status") == "Inconclusive"
        and ro.pause_conditions
        and ro.controller_pause
    ):
        return {"pauseConditions": None, "controllerPause": False, "currentStepIndex": following}
    if ro.pause_conditions:
        return {"pauseConditions": None}
    if ro.canary is not None and ro.steps:
        return {"pauseConditions": None, "currentStepIndex": following}
    return None


# undo


def revision_of(rs: Object) -> int:
    value = text(annotations_of(rs), names.REVISION)
    return int(value) if value.isdigit() and len(value) < 16 else 0


def owned_sets(rollout: Object, sets: Sequence[Object]) -> list[Object]:
    return [rs for rs in sets if text(controller_of(rs), "uid") == uid_of(rollout)]


def undo_target(rollout: Object, sets: Sequence[Object], to_revision: int = 0) -> Object:
    """The ReplicaSet that `undo` goes back to: that revision, or with 0 the second highest.

    RuleError with the plugin's text when there is none.
    """
    owned = owned_sets(rollout, sets)
    if to_revision > 0:
        for rs in owned:
            if revision_of(rs) == to_revision:
                return rs
        raise RuleError(f"unable to find specified revision {to_revision} in history")
    ranked = sorted(owned, key=revision_of, reverse=True)
    if len(ranked) < 2:
        raise RuleError(f'no revision found for rollout "{name_of(rollout)}"')
    return ranked[1]


def undo(rollout: Object, target: Object, *, workload: Object | None = None) -> Request | None:
    """Put the template of `target` back; None when the current template matches it already.

    `workload` is the object that `spec.workloadRef` names. The hash label is taken out of the
    template, nothing else, as the plugin does.
    """
    current = mapping(workload or rollout, "spec", "template")
    template = without_hash(mapping(target, "spec", "template"))
    if derives_from(without_hash(current), template):
        return None
    kind, name = ROLLOUT, name_of(rollout)
    if workload is not None:
        kind, name = workload_kind(rollout), text(rollout, "spec", "workloadRef", "name")
    patch = [{"op": "replace", "path": "/spec/template", "value": template}]
    return Request(Verb.PATCH, kind, namespace_of(rollout), name, patch, PatchType.JSON)


def workload_kind(rollout: Object) -> Kind:
    """The kind that `spec.workloadRef` names; RuleError for one that cannot be referred to."""
    name = text(rollout, "spec", "workloadRef", "kind")
    for kind in (DEPLOYMENT, REPLICA_SET, POD_TEMPLATE):
        if kind.kind == name:
            return kind
    raise RuleError(f"unsupported workload ref kind {name!r}")


def without_hash(template: Object) -> dict[str, Any]:
    """A copy of a pod template without the label that the controller adds."""
    meta = mapping(template, "metadata")
    labels = mapping(meta, "labels")
    rest = {key: value for key, value in labels.items() if key != names.POD_HASH_LABEL}
    if len(rest) == len(labels):
        return dict(template)
    return {**template, "metadata": {**meta, "labels": rest}}


def derives_from(part: Any, whole: Any) -> bool:
    """`DeepDerivative`: everything that `part` sets is the same in `whole`; zero values are unset."""
    if part is None or part in ("", 0, False) or part in ([], {}):
        return True
    if isinstance(part, Mapping):
        return isinstance(whole, Mapping) and all(
            derives_from(value, whole.get(key)) for key, value in part.items()
        )
    if isinstance(part, Sequence) and not isinstance(part, str):
        return (
            isinstance(whole, Sequence)
            and not isinstance(whole, str)
            and len(part) == len(whole)
            and all(derives_from(a, b) for a, b in zip(part, whole, strict=True))
        )
    return bool(part == whole)


# set image


def set_image(target: Object, kind: Kind, container: str, image: str) -> Request:
    """PUT of the whole object (Rollout, or the Deployment of its workloadRef).

    `*` sets every container. RuleError with the plugin's text when no container has that name.
    """
    pod = mapping(target, "spec", "template", "spec")
    found, changed = False, dict(pod)
    for listed in ("initContainers", "containers", "ephemeralContainers"):
        renewed = []
        for entry in mappings(pod, listed):
            hit = container in (entry.get("name"), "*")
            found = found or hit
            renewed.append({**entry, "image": image} if hit else entry)
        if renewed:
            changed[listed] = renewed
    if not found:
        raise RuleError(f'unable to find container named "{container}"')
    template = {**mapping(target, "spec", "template"), "spec": changed}
    body = {**target, "spec": {**mapping(target, "spec"), "template": template}}
    return Request(
        Verb.PUT,
        kind,
        namespace_of(target),
        name_of(target),
        body,
        resource_version=text(target, "metadata", "resourceVersion"),
    )


# create


def create(kind: Kind, namespace: str, obj: Object) -> Request:
    meta = {**mapping(obj, "metadata")}
    if kind.namespaced:
        meta["namespace"] = namespace
    return Request(
        Verb.POST,
        kind,
        namespace if kind.namespaced else "",
        name_of(obj),
        {**obj, "metadata": meta},
    )


def analysis_run(
    template: Object,
    namespace: str,
    arguments: Sequence[tuple[str, str]],
    *,
    name: str = "",
    generate_name: str = "",
    instance_id: str = "",
) -> Request:
    """`create analysisrun --from`: the template's spec with these values for its arguments.

    Arguments that the template does not name are dropped; RuleError for one without a value
    (`NewAnalysisRunFromUnstructured`).
    """
    given = dict(arguments)
    args = []
    for arg in mappings(template, "spec", "args"):
        own = text(arg, "name")
        if own in given:
            args.append({"name": own, "value": given[own]})
        elif arg.get("value") is None and arg.get("valueFrom") is None:
            raise RuleError(f"args.{own} was not resolved")
        else:
            args.append(dict(arg))
    spec = {key: value for key, value in mapping(template, "spec").items() if key != "args"}
    if args:
        spec["args"] = args
    meta: dict[str, Any] = {"namespace": namespace}
    if name:
        meta["name"] = name
    else:
        meta["generateName"] = generate_name or f"{name_of(template)}-"
    if instance_id:
        meta["labels"] = {names.INSTANCE_ID: instance_id}
    body = {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": meta,
        "spec": spec,
    }
    return Request(Verb.POST, ANALYSIS_RUN, namespace, name, body)


def has_workload_ref(rollout: Object) -> bool:
    return bool(dig(rollout, "spec", "workloadRef"))
