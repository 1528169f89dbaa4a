"""A raw Experiment → `model.experiments.Experiment`: templates joined with their status.

Source: argo-rollouts `pkg/apis/rollouts/v1alpha1/experiment_types.go`; the duration counts from
`status.availableAt` (`experiments/experiment.go`, passedDurations).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opsconsole.engine.decode.reader import Reader
from opsconsole.errors import RuleError
from opsconsole.model.experiments import Experiment, ExperimentTemplate
from opsconsole.model.kinds import EXPERIMENT, ResourceKey
from opsconsole.model.objects import name_of, namespace_of, number, text
from opsconsole.model.status import AnalysisPhase
from opsconsole.model.times import parse_duration, parse_instant


def experiment(obj: Mapping[str, Any]) -> Experiment:
    read = Reader(obj)
    statuses = {text(s, "name"): s for s in read.mappings("status", "templateStatuses")}
    available = read.instant("status", "availableAt")
    phase = AnalysisPhase.of(read.text("status", "phase"))
    return Experiment(
        key=ResourceKey(EXPERIMENT, namespace_of(obj), name_of(obj)),
        phase=phase,
        message=read.text("status", "message"),
        templates=tuple(
            _template(spec, statuses.get(text(spec, "name"), {}))
            for spec in read.mappings("spec", "templates")
        ),
        runs=tuple(
            (text(r, "name"), text(r, "analysisRun"), AnalysisPhase.of(text(r, "phase")),
             text(r, "message"))
            for r in read.mappings("status", "analysisRuns")
        ),
        created_at=parse_instant(read.text("metadata", "creationTimestamp")),
        available_at=available,
        until=None if phase.completed else _until(read, available),
        problems=read.problems,
    )  # fmt: skip


def _template(spec: Mapping[str, Any], status: Mapping[str, Any]) -> ExperimentTemplate:
    return ExperimentTemplate(
        name=text(spec, "name"),
        status=text(status, "status") or "Pending",
        message=text(status, "message"),
        desired=number(spec, "replicas", default=1),
        available=number(status, "availableReplicas"),
    )


def _until(read: Reader, available: datetime | None) -> datetime | None:
    duration = read.text("spec", "duration")
    if available is None or not duration:
        return None
    try:
        return available + timedelta(seconds=parse_duration(duration))
    except (RuleError, OverflowError):
        read.note("spec.duration: not a duration")
        return None
