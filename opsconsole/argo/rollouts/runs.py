"""AnalysisRuns from the Rollout's side: names, labels, which are needed, which may go.

Follows `rollout/analysis.go` and `FilterAnalysisRunsToDelete` (utils/analysis/filter.go). What
a run is made of and what happens inside it is `argo.analysis`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.replicasets import ReplicaSetView
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.model.objects import dig, labels_of, mapping, text
from opsconsole.model.status import AnalysisPhase

Run = Mapping[str, Any]


def phase_of(run: Run | None) -> str:
    """`status.phase` as it stands: "" before the run's controller has seen it."""
    return text(run, "status", "phase")


def is_completed(run: Run | None) -> bool:
    phase = phase_of(run)
    return bool(phase) and AnalysisPhase.of(phase).completed


def run_name(ro: RolloutView, digest: str, infix: str) -> str:
    parts = [ro.name, digest, text(ro.annotations, n.REVISION), infix]
    return "-".join(part for part in parts if part)


def run_labels(
    ro: RolloutView, kind: str, digest: str, analysis: Mapping[str, Any], index: int | None = None
) -> dict[str, str]:
    """Labels of a run: its type, version and step, the analysis' own, and the selector's."""
    labels: dict[str, Any] = {n.POD_HASH_LABEL: digest, n.ROLLOUT_TYPE: kind}
    if index is not None:
        labels[n.STEP_INDEX] = str(index)
    instance = text(ro.labels, n.INSTANCE_ID)
    if instance:
        labels[n.INSTANCE_ID] = instance
    labels |= mapping(analysis, "analysisRunMetadata", "labels")
    return {**labels, **mapping(ro.selector, "matchLabels")}


def run_annotations(ro: RolloutView, analysis: Mapping[str, Any]) -> dict[str, str]:
    revision = {n.REVISION: text(ro.annotations, n.REVISION)}
    return {**revision, **mapping(analysis, "analysisRunMetadata", "annotations")}


def needs_new_run(ro: RolloutView, current: Run | None) -> bool:
    """`needsNewAnalysisRun`: none yet, a retry after an abort, or an inconclusive one resumed."""
    if current is None:
        return True
    paused_by_strategy = (
        ro.pause_condition(n.CANARY_PAUSE_STEP) is not None
        or ro.pause_condition(n.BLUE_GREEN_PAUSE) is not None
    )
    if ro.controller_pause and not paused_by_strategy:
        return phase_of(current) == AnalysisPhase.INCONCLUSIVE
    return bool(ro.status.get("abortedAt"))


def before_starting_step(ro: RolloutView) -> bool:
    """`BeforeStartingStep`: the background analysis has not begun yet."""
    start = whole(dig(ro.canary, "analysis", "startingStep"))
    return start is not None and ro.step_index is not None and ro.step_index < start


def status_entry(run: Run) -> dict[str, Any]:
    """The value of `current…AnalysisRunStatus` for a run."""
    found = {"name": text(run, "metadata", "name"), "status": phase_of(run)}
    message = text(run, "status", "message")
    return {**found, "message": message} if message else found


def to_delete(
    runs: Sequence[Run], sets: Iterable[ReplicaSetView], *, successful: int, unsuccessful: int
) -> list[Run]:
    """Runs (or experiments) beyond the history limits, or of versions that are gone."""
    versions = {rs.hash: rs.deleting for rs in sets}
    room = {True: successful, False: unsuccessful}
    found: list[Run] = []
    newest_first = sorted(
        runs, key=lambda r: text(r, "metadata", "creationTimestamp"), reverse=True
    )
    for run in newest_first:
        if versions.get(text(labels_of(run), n.POD_HASH_LABEL), True):
            found.append(run)
        elif is_completed(run):
            good = phase_of(run) == AnalysisPhase.SUCCESSFUL
            if room[good] <= 0:
                found.append(run)
            room[good] -= 1
    return found
