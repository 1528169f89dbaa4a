"""Plans for a Rollout: the plugin's requests, with what they really do in this very state.

Separate from the requests (`argo.commands`): here is only the explanation, following the
list of sharp edges (argo-rollouts notes §6; numbers in the comments are theirs).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opsconsole.argo.commands import requests
from opsconsole.argo.rollouts import metadata
from opsconsole.argo.rollouts.affinity import without_injected
from opsconsole.argo.rollouts.names import LAST_APPLIED, POD_HASH_LABEL
from opsconsole.argo.rollouts.replicas import current_set_weight
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.engine.decode.rollouts import images_of
from opsconsole.engine.decode.steps import kind_of, summary
from opsconsole.engine.planning.draft import Draft, Facts
from opsconsole.errors import GuardError
from opsconsole.model.kinds import ROLLOUT
from opsconsole.model.objects import dig, mapping, mappings, name_of, namespace_of, text
from opsconsole.model.requests import Request

Raw = Mapping[str, Any]


def promote(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = tuple(requests.promote(facts.target))
    if not sent:
        raise GuardError(f"{view.name} is not paused: a promote would do nothing")
    effects, warnings = _promotion(view)
    if len(sent) > 1:
        warnings.append("two writes, one after the other; if the second fails the first stays")
    warnings += _self_heal(facts, "paused") if view.paused else []
    return _draft(facts, f"Promote {view.name}", sent, effects, warnings, "promoted")


def promote_full(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = tuple(requests.promote(facts.target, full=True))
    if not sent:
        raise GuardError(f"{view.name} is fully promoted")
    left = view.steps[view.step_index or 0 :] if view.canary is not None else ()
    skipped = [summary(step) for step in left]
    effects = [f"skips {len(skipped)} steps: {', '.join(skipped)}"] if skipped else []
    effects.append("sends all traffic to the new version when all its pods are available")
    # 3: the controller cancels analysis runs on a full promotion
    warnings = ["running analysis is cancelled; no metric is looked at any more"]
    available = int(view.status.get("availableReplicas") or 0)
    if available < view.replicas:
        warnings.append(f"it takes a while: {available} of {view.replicas} pods are available")
    warnings.append("it cannot be aborted until it is done")
    return _draft(
        facts, f"Promote {view.name} fully", sent, effects, warnings, "fully-promoted", 1800.0
    )


def abort(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = (requests.abort(view.namespace, view.name),)
    effects = [f"all traffic goes back to the stable version ({_image_of(facts, view.stable)})"]
    # 2: the template stays on the new version
    warnings = [
        (
            "the template stays on the new version: it shows Degraded, which is expected; "
            "to stay back, revert the commit in git"
        )
    ]
    if view.paused:
        # 10: spec.paused halts scaling and the switch of the active service
        warnings.append("spec.paused is set: pods are not scaled until someone resumes it")
    if view.dynamic_stable_scale:
        warnings.append("dynamicStableScale: weights step down as stable pods come up; it is slow")
    delay, given = view.abort_scale_down_delay
    if given and delay is None:
        warnings.append("abortScaleDownDelaySeconds is 0: the new pods are kept")
    return _draft(facts, f"Abort {view.name}", sent, effects, warnings, "aborted")


def retry(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = (requests.retry_rollout(view.namespace, view.name),)
    first = f" ({summary(view.steps[0])})" if view.steps else ""
    # 9
    effects = [f"starts again at the first step{first} with the same version"]
    warnings = ["the same analysis runs again: if nothing changed it fails again"]
    return _draft(facts, f"Retry {view.name}", sent, effects, warnings, "settled", 3600.0)


def undo(facts: Facts) -> Draft:
    """Option `toRevision`; 0 or absent for the revision before the newest."""
    view = RolloutView(facts.target)
    wanted = int(facts.intent.option("toRevision") or 0)
    chosen = requests.undo_target(facts.target, facts.replica_sets, wanted)
    number = requests.revision_of(chosen)
    request = requests.undo(facts.target, cleaned(view, chosen), workload=facts.workload)
    if request is None:
        raise GuardError(f"the current template already matches revision {number}")
    images = ", ".join(images_of(mapping(chosen, "spec", "template"))) or "no image"
    effects = [f"puts the template of revision {number} back ({images})"]
    warnings = _self_heal(facts)
    if text(chosen, "metadata", "labels", POD_HASH_LABEL) == view.stable:
        effects.append(
            "that is the stable version: the controller goes back at once, without steps"
        )
    else:
        # 14, 15
        warnings.append("that is not the stable version: it runs through all steps as an update")
    if view.pause_conditions or view.aborted:
        # 12
        warnings.append("a new template ends the present pause or abort and starts at step 1")
    if facts.workload is not None:
        # 17
        effects.append(f"writes to {request.kind.kind} {request.name}, which workloadRef names")
    return _draft(
        facts, f"Undo {view.name} to revision {number}", (request,), effects, warnings, "settled",
        3600.0,
    )  # fmt: skip


def pause(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = (requests.pause(view.namespace, view.name),)
    effects = ["holds the rollout where it is, until a promote"]
    warnings = ["traffic weights and analysis go on; scaling and switching stop"]
    step = view.current_step
    if step is not None and kind_of(step) == "pause":
        # 38
        warnings.append("the timer of the present pause goes on: resuming may advance at once")
    return _draft(
        facts, f"Pause {view.name}", sent, effects, warnings + _self_heal(facts, "paused"), "paused"
    )


def restart(facts: Facts) -> Draft:
    view = RolloutView(facts.target)
    sent = (requests.restart(view.namespace, view.name, facts.at),)
    effects = [f"evicts its {view.replicas} pods a few at a time, oldest first"]
    warnings = ["a PodDisruptionBudget can hold it back for ever (tried every 30 s)"]
    return _draft(
        facts, f"Restart {view.name}", sent, effects, warnings + _self_heal(facts, "restartAt"),
        "restarted",
        1800.0,
    )  # fmt: skip


def set_image(facts: Facts) -> Draft:
    """Option `images`: pairs of container and image; a container `*` means all."""
    images = facts.intent.option("images") or ()
    pairs = list(images.items()) if isinstance(images, Mapping) else list(images)
    if not pairs:
        raise GuardError("no image is given")
    kind, holder = (ROLLOUT, facts.target)
    if requests.has_workload_ref(facts.target):
        kind = requests.workload_kind(facts.target)
        if facts.workload is None:
            raise GuardError("the workload that workloadRef names cannot be read")
        holder = facts.workload
    request: Request | None = None
    holder_before = holder
    for container, image in pairs:
        request = requests.set_image(holder, kind, str(container), str(image))
        holder = request.body
    assert request is not None
    effects = [f"container {c}: {i}" for c, i in pairs]
    view = RolloutView(facts.target)
    if request.body == holder_before:
        return _draft(
            facts, f"Set image of {view.name}", (request,),
            ["nothing: this is its image now"], [], "settled", 3600.0,
        )  # fmt: skip
    if view.steps:
        effects.append(f"starts an update at step 1 ({summary(view.steps[0])})")
    warnings = _self_heal(facts)
    if not view.fully_promoted:
        warnings.append("an update is under way: it is superseded, its pods are scaled down")
    return _draft(
        facts, f"Set image of {view.name}", (request,), effects, warnings, "settled", 3600.0
    )


def cleaned(view: RolloutView, rs: Raw) -> Raw:
    """A ReplicaSet without what the controller injected into its template (edge 16)."""
    template = dict(mapping(rs, "spec", "template"))
    pod = dict(mapping(template, "spec"))
    if "affinity" in pod:
        kept = without_injected(view, pod["affinity"])
        pod.pop("affinity")
        if kept:
            pod["affinity"] = kept
        template["spec"] = pod
    template["metadata"] = dict(metadata.without_injected(rs, mapping(template, "metadata")))
    return {**rs, "spec": {**mapping(rs, "spec"), "template": template}}


def _promotion(view: RolloutView) -> tuple[list[str], list[str]]:
    effects: list[str] = []
    warnings: list[str] = []
    inconclusive = text(view.pause_conditions, 0, "reason").startswith("Inconclusive")
    if view.blue_green is not None:
        return ["the active Service switches to the new version"], warnings
    index = view.step_index or 0
    step = view.current_step
    following = view.steps[index + 1] if index + 1 < len(view.steps) else None
    at = f"ends step {index + 1} ({summary(step)})" if step is not None else "goes on"
    effects.append(at)
    if following is None:
        effects.append("that was the last step: the new version becomes stable, 100% of traffic")
    else:
        effects.append(f"goes on with step {index + 2}: {summary(following)}")
        weight = _next_weight(view, index)
        now = current_set_weight(view)
        if weight is not None and weight != now:
            effects.append(f"traffic to the new version: {now}% → {weight}%")
    kind = kind_of(step) if step is not None else ""
    if view.paused and not view.pause_conditions:
        # 5: resumes and skips at once
        warnings.append("it was paused by hand: this resumes it and skips the present step")
    elif not view.pause_conditions and kind not in ("", "pause"):
        warnings.append(f"it is not paused: this skips the rest of {summary(step or {})}")
    if kind == "analysis" and not inconclusive:
        warnings.append("the analysis of this step is not waited for")
    if inconclusive:
        # 8
        warnings.append("the analysis was inconclusive: a background analysis starts anew")
    return effects, warnings


def _next_weight(view: RolloutView, index: int) -> int | None:
    """The weight that the steps after `index` ask for next, before the next thing to wait for."""
    for step in view.steps[index + 1 :]:
        value = step.get("setWeight")
        if isinstance(value, int) and not isinstance(value, bool):
            return value
        if kind_of(step) in ("pause", "analysis", "experiment"):
            return None
    return view.max_weight


def _self_heal(facts: Facts, *path: str) -> list[str]:
    """What Argo CD makes of a change of `path` in the spec; without a path, of what git does set.

    Its three-way comparison leaves alone what neither git nor the last apply has
    (gitops-engine `pkg/diff`, threeWayMergePatch), selfHeal or not.
    """
    app = facts.app
    if app is None:
        return []
    known = _git_sets(facts.target, path) if path else True
    field = ".".join(("spec", *path))
    if known is False:
        told = f"git does not set {field}: Argo CD leaves it alone, and somebody must undo it here"
        return [told] if path == ("paused",) else []
    condition = "" if known else f"if git sets {field}, "
    if app.self_heal:
        # 1
        told = f"Argo CD will put this back: selfHeal of {app.name} is on; change git instead"
    else:
        told = f"{app.name} will be OutOfSync: this differs from git"
    return [condition + told]


def _git_sets(obj: Raw, path: tuple[str, ...]) -> bool | None:
    """Whether the manifest that was applied last has the field; None when that is not recorded."""
    raw = text(obj, "metadata", "annotations", LAST_APPLIED)
    if raw:
        try:
            return dig(json.loads(raw), "spec", *path) is not None
        except (ValueError, RecursionError):
            return None
    fields = tuple(f"f:{name}" for name in ("spec", *path))
    owners = [
        entry for entry in mappings(obj, "metadata", "managedFields")
        if text(entry, "operation") == "Apply"
    ]  # fmt: skip
    if not owners:
        return None
    return any(dig(entry, "fieldsV1", *fields) is not None for entry in owners)


def _image_of(facts: Facts, digest: str) -> str:
    for rs in facts.replica_sets:
        if digest and text(rs, "metadata", "labels", POD_HASH_LABEL) == digest:
            return ", ".join(images_of(mapping(rs, "spec", "template")))
    return digest or "none yet"


def _draft(  # noqa: PLR0917 - one short line at each caller
    facts: Facts,
    title: str,
    steps: tuple[Request, ...],
    effects: list[str],
    warnings: list[str],
    expects: str,
    timeout: float = 600.0,
) -> Draft:
    view = RolloutView(facts.target)
    rows = [("namespace", namespace_of(facts.target)), ("rollout", name_of(facts.target))]
    if facts.app is not None:
        rows.append(("application", facts.app.name))
    if view.canary is not None and view.steps and view.step_index is not None:
        rows.append(("step", f"{min(view.step_index, len(view.steps))} of {len(view.steps)} done"))
    rows.append(("image", ", ".join(images_of(view.template)) or "unknown"))
    return Draft(
        title=title,
        steps=steps,
        effects=tuple(effects),
        warnings=tuple(warnings),
        expects=expects,
        timeout=timeout,
        context=tuple(rows),
        resource_version=text(facts.target, "metadata", "resourceVersion"),
    )
