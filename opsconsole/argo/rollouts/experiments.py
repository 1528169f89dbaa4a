"""The Experiment of a canary step (`GetExperimentFromTemplate`, rollout/experiment.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.analysis.arguments import build_arguments
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.hashes import pod_hash
from opsconsole.argo.rollouts.replicasets import ReplicaSetView, owner_reference
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.errors import RuleError
from opsconsole.model.objects import mapping, mappings, text


def current_experiment_step(ro: RolloutView) -> Mapping[str, Any] | None:
    """`GetCurrentExperimentStep`: the last experiment at or before the current step."""
    if ro.current_step is None:
        return None
    for step in reversed(ro.steps[: (ro.step_index or 0) + 1]):
        found = step.get("experiment")
        if isinstance(found, Mapping):
            return found
    return None


def experiment(
    ro: RolloutView, step: Mapping[str, Any], new: ReplicaSetView, stable: ReplicaSetView
) -> dict[str, Any]:
    """The Experiment object of a step. RuleError for a specRef that is neither canary nor stable."""
    digest = pod_hash(ro.template, ro.collisions)
    revision = text(ro.annotations, n.REVISION)
    spec: dict[str, Any] = {
        "templates": [_template(t, new, stable) for t in mappings(step, "templates")]
    }
    analyses = [_analysis(ro, a, new, stable) for a in mappings(step, "analyses")]
    if analyses:
        spec["analyses"] = analyses
    for field in ("duration", "dryRun", "analysisRunMetadata"):
        if step.get(field) is not None:
            spec[field] = step[field]
    if ro.spec.get("progressDeadlineSeconds") is not None:
        spec["progressDeadlineSeconds"] = ro.deadline
    return {
        "metadata": {
            "name": f"{ro.name}-{digest}-{revision}-{ro.step_index or 0}",
            "namespace": ro.namespace,
            "labels": {**ro.labels, n.POD_HASH_LABEL: digest},
            "annotations": {n.REVISION: revision},
            "ownerReferences": [owner_reference(ro)],
        },
        "spec": spec,
    }


def _template(
    step: Mapping[str, Any], new: ReplicaSetView, stable: ReplicaSetView
) -> dict[str, Any]:
    source = {"canary": new, "stable": stable}.get(text(step, "specRef"))
    if source is None:
        raise RuleError("Invalid template step SpecRef: must be canary or stable")
    rs = mapping(source.obj, "spec")
    selector = dict(mapping(step, "selector") or mapping(rs, "selector"))
    template = dict(mapping(rs, "template"))
    meta = dict(mapping(template, "metadata"))
    for field in ("labels", "annotations"):
        extra = mapping(step, "metadata", field)
        if extra:
            meta[field] = {**mapping(meta, field), **extra}
    labels = mapping(step, "metadata", "labels")
    if labels:
        selector["matchLabels"] = {**mapping(selector, "matchLabels"), **labels}
    found: dict[str, Any] = {
        "name": text(step, "name"),
        "selector": selector,
        "template": {**template, "metadata": meta},
    }
    counts = {
        "replicas": whole(step.get("replicas")),
        "minReadySeconds": whole(rs.get("minReadySeconds")) or None,
    }
    found |= {field: value for field, value in counts.items() if value is not None}
    if step.get("weight") is not None or step.get("service") is not None:
        name = text(step, "service", "name")
        found["service"] = {"name": name} if name else {}
    return found


def _analysis(
    ro: RolloutView, step: Mapping[str, Any], new: ReplicaSetView, stable: ReplicaSetView
) -> dict[str, Any]:
    kept = ("name", "templateName", "clusterScope", "requiredForCompletion")
    found = {key: step[key] for key in kept if step.get(key) is not None}
    args = build_arguments(
        mappings(step, "args"), ro.obj, stable_hash=stable.hash, latest_hash=new.hash
    )
    return {**found, "args": args} if args else found
