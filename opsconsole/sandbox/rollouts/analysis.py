"""AnalysisRuns of a Rollout: created, reacted to, cancelled and tidied (`rollout/analysis.go`).

What a run measures is its own controller's business (`sandbox.analysis`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.argo.analysis.arguments import build_arguments
from opsconsole.argo.analysis.templates import create_with_collision_counter, new_analysis_run
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import replicasets, runs
from opsconsole.errors import RuleError
from opsconsole.model.kinds import ANALYSIS_RUN
from opsconsole.model.objects import (
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    text,
)
from opsconsole.sandbox.apierrors import bad_request
from opsconsole.sandbox.rollouts import templates
from opsconsole.sandbox.rollouts.passes import Obj, Pass

_STATUS_FIELDS = (
    ("step", "canary", "currentStepAnalysisRunStatus", n.STEP),
    ("background", "canary", "currentBackgroundAnalysisRunStatus", n.BACKGROUND),
    ("pre", "blue_green", "prePromotionAnalysisRunStatus", n.PRE_PROMOTION),
    ("post", "blue_green", "postPromotionAnalysisRunStatus", n.POST_PROMOTION),
)
_ABORT_TEXT = {
    n.STEP: "Step-based analysis phase error/failed",
    n.BACKGROUND: "Background analysis phase error/failed",
    n.PRE_PROMOTION: "Blue/green pre-promotion analysis phase error/failed",
    n.POST_PROMOTION: "Blue/green post-promotion analysis phase error/failed",
}


def reconcile(p: Pass) -> None:
    """`reconcileAnalysisRuns`: bring the runs to what this pass needs."""
    ro = p.ro
    if p.pauses.aborted or ro.promote_full or not ro.stable or p.fast_rollback or ro.fully_promoted:
        cancel(p, [*p.runs.current(), *p.runs.others])
        if ro.blue_green is not None:
            # a canary's status forgets its runs here, a blue-green's keeps them
            _remember(p)
        return
    # the real controller keeps the names of its current runs apart from the rest by status
    before = p.runs.current()
    if ro.canary is not None:
        p.runs.step = _step(p)
        p.runs.background = _background(p)
    else:
        p.runs.pre = _promotion(p, "prePromotionAnalysis", n.PRE_PROMOTION, p.runs.pre)
        p.runs.post = _promotion(p, "postPromotionAnalysis", n.POST_PROMOTION, p.runs.post)
    _remember(p)
    held = {name_of(run) for run in p.runs.current()}
    former = [run for run in before if name_of(run) not in held]
    others = [run for run in [*p.runs.others, *former] if name_of(run) not in held]
    cancel(p, others)
    for run in runs.to_delete(
        p.runs.others,
        p.sets.all,
        successful=ro.run_history_limit("successfulRunHistoryLimit"),
        unsuccessful=ro.run_history_limit("unsuccessfulRunHistoryLimit"),
    ):
        _delete(p, run)
    _announce(p)


def _remember(p: Pass) -> None:
    """`SetCurrentAnalysisRuns`: name the current runs in the new status."""
    for attribute, part, field, _ in _STATUS_FIELDS:
        run = getattr(p.runs, attribute)
        if run is not None:
            getattr(p, part)[field] = runs.status_entry(run)


def _announce(p: Pass) -> None:
    """`reconcileAnalysisRunStatusChanges`: an event for each run whose phase moved."""
    for attribute, part, field, kind in reversed(_STATUS_FIELDS):
        run = getattr(p.runs, attribute)
        phase = runs.phase_of(run)
        if run is None or not phase:
            continue
        holder = "blueGreen" if part == "blue_green" else part
        before = dig(p.ro.status, holder, field)
        if before is not None and not (
            text(before, "name") == name_of(run) and text(before, "status") != phase
        ):
            continue
        was = "NoPreviousStatus" if before is None else text(before, "status")
        p.event(
            f"AnalysisRun{phase}",
            f"{kind} Analysis Run '{name_of(run)}' Status New: '{phase}' Previous: '{was}'",
            warning=phase in ("Failed", "Error"),
        )


def _react(p: Pass, run: Obj, kind: str) -> None:
    """An inconclusive run pauses, a failed one aborts."""
    phase = runs.phase_of(run)
    if phase == "Inconclusive":
        p.pauses.added.append(n.INCONCLUSIVE_ANALYSIS)
    elif phase in ("Error", "Failed"):
        message = text(run, "status", "message")
        p.pauses.add_abort(_ABORT_TEXT[kind] + (f": {message}" if message else ""))


# canary


def _step(p: Pass) -> Obj | None:
    """`reconcileStepBasedAnalysisRun`."""
    ro, current = p.ro, p.runs.step
    if ro.pause_conditions or ro.aborted:
        return current
    step, index = ro.current_step, ro.step_index
    wanted = None if step is None else step.get("analysis")
    stale = (
        current is not None
        and wanted is not None
        and text(labels_of(current), n.STEP_INDEX) != str(index)
    )
    if not isinstance(wanted, Mapping) or index is None or stale:
        cancel(p, [current])
        return None
    if current is None or runs.needs_new_run(ro, current):
        return _create(p, wanted, n.STEP, str(index), index)
    _react(p, current, n.STEP)
    return current


def _background(p: Pass) -> Obj | None:
    """`reconcileBackgroundAnalysisRun`."""
    ro, current = p.ro, p.runs.background
    wanted = dig(ro.canary, "analysis")
    if not isinstance(wanted, Mapping) or not mappings(wanted, "templates"):
        cancel(p, [current])
        return None
    if ro.fully_promoted or not ro.stable or not ro.current or runs.before_starting_step(ro):
        return None
    if ro.pause_condition(n.INCONCLUSIVE_ANALYSIS) is not None:
        return current
    if current is None or runs.needs_new_run(ro, current):
        return _create(p, wanted, n.BACKGROUND, "")
    _react(p, current, n.BACKGROUND)
    return current


# blue-green


def _promotion(p: Pass, field: str, kind: str, current: Obj | None) -> Obj | None:
    """`reconcilePrePromotionAnalysisRun` and its sister."""
    wanted = dig(p.ro.blue_green, field)
    if not isinstance(wanted, Mapping):
        cancel(p, [current])
        return None
    pre = kind == n.PRE_PROMOTION
    if skips_pre_promotion(p) if pre else skips_post_promotion(p):
        cancel(p, [current])
    elif p.ro.pause_condition(n.INCONCLUSIVE_ANALYSIS) is None and (
        current is None or runs.needs_new_run(p.ro, current)
    ):
        current = _create(p, wanted, kind, "pre" if pre else "post")
    if current is not None:
        _react(p, current, kind)
    return current


def skips_pre_promotion(p: Pass) -> bool:
    """`skipPrePromotionAnalysisRun`: promoted, brand-new, or the preview is not complete.

    A run that has begun goes on when pods of the preview come and go.
    """
    ro, new = p.ro, p.new
    active = ro.active_selector
    if ro.stable == new.hash or not active or active == new.hash:
        return True
    if p.runs.pre is not None and not runs.is_completed(p.runs.pre):
        return False
    wanted = ro.preview_replica_count
    if wanted is not None and not ro.scale_up_checkpoint:
        return not wanted == new.replicas == new.available
    return not replicasets.is_saturated(ro, new)


def skips_post_promotion(p: Pass) -> bool:
    """`skipPostPromotionAnalysisRun`: before the switch, or the new version is not complete."""
    ro, new = p.ro, p.new
    if ro.stable == new.hash or ro.active_selector != new.hash:
        return True
    if p.runs.post is not None and not runs.is_completed(p.runs.post):
        return False
    return not replicasets.is_saturated(ro, new)


def pre_promotion_passed(p: Pass) -> bool:
    """`completedPrePromotionAnalysis`: there is none, or it was successful."""
    if dig(p.ro.blue_green, "prePromotionAnalysis") is None:
        return True
    return runs.phase_of(p.runs.pre) == "Successful"


# writing


def _create(
    p: Pass, analysis: Mapping[str, Any], kind: str, infix: str, index: int | None = None
) -> Obj:
    """`createAnalysisRun`; a name that is taken gets `.1`, `.2`…"""
    digest = p.new.hash
    namespace = p.ro.namespace
    try:
        plain, cluster = templates.collect(p.store, namespace, analysis)
        arguments = build_arguments(
            mappings(analysis, "args"),
            p.ro.obj,
            stable_hash="" if p.stable is None else p.stable.hash,
            latest_hash=digest,
        )
        run = new_analysis_run(
            plain,
            cluster,
            arguments,
            name=runs.run_name(p.ro, digest, infix),
            namespace=namespace,
            dry_run=mappings(analysis, "dryRun"),
            measurement_retention=mappings(analysis, "measurementRetention"),
            labels=runs.run_labels(p.ro, kind, digest, analysis, index),
            annotations=runs.run_annotations(p.ro, analysis),
            owner=replicasets.owner_reference(p.ro),
        )
        made = create_with_collision_counter(
            run,
            lambda wanted: p.store.create(ANALYSIS_RUN, wanted),
            lambda name: p.store.find(ANALYSIS_RUN, namespace, name),
        )
    except RuleError as error:
        raise bad_request(error.message) from error
    return dict(made)


def cancel(p: Pass, some: Iterable[Obj | None]) -> None:
    """`cancelAnalysisRuns`: set spec.terminate on those that still run."""
    for run in some:
        if run is None or runs.is_completed(run) or mapping(run, "spec").get("terminate") is True:
            continue
        live = p.store.find(ANALYSIS_RUN, p.ro.namespace, name_of(run))
        if live is not None:
            spec = {**mapping(live, "spec"), "terminate": True}
            p.store.update(ANALYSIS_RUN, {**live, "spec": spec})


def _delete(p: Pass, run: Mapping[str, Any]) -> None:
    if p.store.find(ANALYSIS_RUN, p.ro.namespace, name_of(run)) is not None:
        p.store.delete(ANALYSIS_RUN, p.ro.namespace, name_of(run))


def delete_of_version(p: Pass, digest: str) -> None:
    for run in p.runs.others:
        if text(labels_of(run), n.POD_HASH_LABEL) == digest:
            _delete(p, run)
