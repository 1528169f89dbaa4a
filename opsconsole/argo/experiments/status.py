"""An Experiment's phase from its templates and analyses.

Rules: `experiments/experiment.go` (`reconcileTemplate`, `calculateStatus`), `utils/experiment`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.analysis.phases import (
    ERROR,
    FAILED,
    INCONCLUSIVE,
    PENDING,
    RUNNING,
    SUCCESSFUL,
    is_completed,
    is_worse,
)
from opsconsole.errors import RuleError
from opsconsole.model.objects import Object, flag, mapping, mappings, number, text
from opsconsole.model.times import format_instant, parse_duration, parse_instant

PROGRESSING = "Progressing"

DEFAULT_DEADLINE = 600
DEFAULT_SCALE_DOWN_DELAY = 30

REQUIRED_DONE = "Required AnalysisRuns completed"

_TEMPLATE_ORDER = (SUCCESSFUL, RUNNING, PROGRESSING, ERROR, FAILED)

_TEMPLATE_DONE = frozenset((SUCCESSFUL, ERROR, FAILED))

_COUNTERS = ("replicas", "updatedReplicas", "readyReplicas", "availableReplicas")


def named(entries: Sequence[Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    return next((entry for entry in entries if text(entry, "name") == name), {})


def replaced(entries: Sequence[Mapping[str, Any]], new: Mapping[str, Any]) -> list[Any]:
    """The list with the entry of the same name replaced, or `new` added."""
    kept = [new if text(entry, "name") == text(new, "name") else entry for entry in entries]
    return kept if new in kept else [*kept, new]


def is_finished(experiment: Object) -> bool:
    return is_completed(text(experiment, "status", "phase"))


def is_terminating(experiment: Object) -> bool:
    """Asked to end, ended, or about to end because something in it failed."""
    if flag(experiment, "spec", "terminate") or is_finished(experiment):
        return True
    templates = mappings(experiment, "status", "templateStatuses")
    if any(text(entry, "status") in (FAILED, ERROR) for entry in templates):
        return True
    runs = mappings(experiment, "status", "analysisRuns")
    return any(text(run, "phase") in (FAILED, ERROR, INCONCLUSIVE) for run in runs)


def remaining(experiment: Object, now: datetime) -> float | None:
    """Seconds until `spec.duration` has passed since it became available; None without an end."""
    written = text(experiment, "spec", "duration")
    available = parse_instant(mapping(experiment, "status").get("availableAt"))
    if not written or available is None:
        return None
    try:
        end = available + timedelta(seconds=parse_duration(written))
    except (RuleError, OverflowError):
        return None
    return (end - now).total_seconds()


def has_passed(experiment: Object, now: datetime) -> bool:
    left = remaining(experiment, now)
    return left is not None and left <= 0


def wanted_replicas(experiment: Object, template: Mapping[str, Any]) -> int:
    if is_terminating(experiment):
        return 0
    return own_replicas(template)


def own_replicas(template: Mapping[str, Any]) -> int:
    return number(template, "replicas", default=1)


def deadline(experiment: Object) -> int:
    return number(experiment, "spec", "progressDeadlineSeconds", default=DEFAULT_DEADLINE)


def scale_down_delay(experiment: Object) -> int:
    return number(experiment, "spec", "scaleDownDelaySeconds", default=DEFAULT_SCALE_DOWN_DELAY)


def counted(status: Mapping[str, Any], replica_set: Object | None, now: datetime) -> dict[str, Any]:
    """A template's status with the numbers of its ReplicaSet."""
    have = mapping(replica_set, "status") if replica_set is not None else {}
    new = {
        **status,
        "replicas": number(have, "replicas"),
        "updatedReplicas": number(have, "replicas"),
        "readyReplicas": number(have, "readyReplicas"),
        "availableReplicas": number(have, "availableReplicas"),
    }
    if any(number(status, name) != new[name] for name in _COUNTERS):
        new["lastTransitionTime"] = format_instant(now)
    return new


def assessed(
    experiment: Object, status: Mapping[str, Any], wanted: int, now: datetime
) -> dict[str, Any]:
    """A template's status with its phase: Progressing, Running, Successful or Failed."""
    new = dict(status)
    if text(status, "status") in _TEMPLATE_DONE:
        return new
    ending = is_terminating(experiment)
    if number(status, "availableReplicas") == wanted:
        done = ending or has_passed(experiment, now)
        new["status"] = SUCCESSFUL if done else RUNNING
        return new
    begun = parse_instant(status.get("lastTransitionTime")) or now
    most = deadline(experiment)
    if now > begun + timedelta(seconds=most):
        new["status"] = FAILED
        name = text(status, "name")
        new["message"] = f"Template '{name}' exceeded its progressDeadlineSeconds ({most})"
    else:
        new["status"] = SUCCESSFUL if ending else PROGRESSING
    return new


def assess_templates(experiment: Object, statuses: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """(phase, message) of the worst template."""
    worst, message = SUCCESSFUL, ""
    for template in mappings(experiment, "spec", "templates"):
        entry = named(statuses, text(template, "name"))
        phase = text(entry, "status") if entry else PROGRESSING
        if _rank(phase) > _rank(worst):
            worst, message = phase, text(entry, "message")
    return (PENDING if worst == PROGRESSING else worst), message


def _rank(phase: str) -> int:
    return _TEMPLATE_ORDER.index(phase) if phase in _TEMPLATE_ORDER else 0


def _required(experiment: Object) -> list[str]:
    return [
        text(analysis, "name")
        for analysis in mappings(experiment, "spec", "analyses")
        if flag(analysis, "requiredForCompletion")
    ]


def required_succeeded(experiment: Object, runs: Sequence[Mapping[str, Any]]) -> bool:
    names = _required(experiment)
    return bool(names) and all(text(named(runs, name), "phase") == SUCCESSFUL for name in names)


def assess_runs(experiment: Object, runs: Sequence[Mapping[str, Any]]) -> tuple[str, str]:
    """(phase, message) of the worst analysis; Successful when there is none."""
    worst, message = SUCCESSFUL, ""
    for analysis in mappings(experiment, "spec", "analyses"):
        run = named(runs, text(analysis, "name"))
        if is_worse(worst, text(run, "phase")):
            worst, message = text(run, "phase"), text(run, "message")
    if required_succeeded(experiment, runs) and is_worse(worst, RUNNING):
        return SUCCESSFUL, REQUIRED_DONE
    if worst == PENDING:
        worst = RUNNING
    return worst, message


def next_status(experiment: Object, status: Mapping[str, Any], now: datetime) -> dict[str, Any]:
    """`calculateStatus`: the status with phase, message, availableAt and conditions."""
    new = dict(status)
    phase = text(status, "phase")
    if not phase:
        new["phase"] = PENDING
    elif phase in (PENDING, RUNNING):
        _advance(experiment, new, now)
    condition = _condition(experiment, new)
    if condition:
        new["conditions"] = _with_condition(mappings(new, "conditions"), condition, now)
    return new


def _advance(experiment: Object, new: dict[str, Any], now: datetime) -> None:
    runs = mappings(new, "analysisRuns")
    templates = assess_templates(experiment, mappings(new, "templateStatuses"))
    analyses = assess_runs(experiment, runs)
    if templates[0] == RUNNING and not text(new, "availableAt"):
        new["availableAt"] = format_instant(now)
    if is_completed(templates[0]):
        settled = is_completed(analyses[0]) or bool(_required(experiment))
        chosen = analyses if templates[0] == SUCCESSFUL and settled else templates
    elif is_completed(analyses[0]) and analyses[0] != SUCCESSFUL:
        chosen = analyses
    else:
        chosen = analyses if required_succeeded(experiment, runs) else templates
    new["phase"] = chosen[0]
    new.pop("message", None)
    if chosen[1]:
        new["message"] = chosen[1]


def _condition(experiment: Object, status: Mapping[str, Any]) -> tuple[str, str, str]:
    name = text(experiment, "metadata", "name")
    phase = text(status, "phase")
    if is_completed(phase):
        message = f'Experiment "{name}" has successfully ran and completed.'
        return "False", "ExperimentCompleted", message
    if phase == RUNNING:
        return "True", "NewReplicaSetAvailable", f'Experiment "{name}" is running.'
    return "True", "ReplicaSetUpdated", f'Experiment "{name}" is progressing.'


def _with_condition(
    conditions: Sequence[Mapping[str, Any]], new: tuple[str, str, str], now: datetime
) -> list[Mapping[str, Any]]:
    status, reason, message = new
    old = next((c for c in conditions if text(c, "type") == PROGRESSING), {})
    others = [c for c in conditions if text(c, "type") != PROGRESSING]
    if (text(old, "status"), text(old, "reason")) == (status, reason):
        return list(conditions)
    moved = text(old, "status") != status
    return [
        *others,
        {
            "type": PROGRESSING,
            "status": status,
            "reason": reason,
            "message": message,
            "lastUpdateTime": format_instant(now),
            "lastTransitionTime": format_instant(now) if moved else text(old, "lastTransitionTime"),
        },
    ]


def requeue(experiment: Object, status: Mapping[str, Any], now: datetime) -> float | None:
    """`calculateEnqueueDuration`: seconds to the end of the duration or of a deadline."""
    current = {**experiment, "status": status}
    if is_terminating(current):
        return None
    candidates: list[float] = []
    left = remaining(current, now)
    if left is not None and left > 0:
        candidates.append(left)
    for template in mappings(experiment, "spec", "templates"):
        entry = named(mappings(status, "templateStatuses"), text(template, "name"))
        begun = parse_instant(entry.get("lastTransitionTime"))
        short = number(entry, "availableReplicas") != wanted_replicas(current, template)
        if text(entry, "status") in (PROGRESSING, RUNNING) and short and begun is not None:
            end = begun + timedelta(seconds=deadline(experiment) + 1)
            candidates.append((end - now).total_seconds())
    return max(min(candidates), 0.0) if candidates else None


def problem(experiment: Object) -> str:
    """Why the spec is refused, "" when it is not (`VerifyExperimentSpec`)."""
    templates = mappings(experiment, "spec", "templates")
    if not templates:
        return "Experiment has missing field '.Spec.Templates'"
    seen: set[str] = set()
    for index, template in enumerate(templates):
        name = text(template, "name")
        if name in seen:
            return f"Experiment {text(experiment, 'metadata', 'name')} has repeated template name '{name}' in templates"
        seen.add(name)
        for field in ("name", "selector"):
            if not template.get(field) and field != "selector":
                return f"Experiment has missing field '.Spec.Templates[{index}].Name'"
        if template.get("selector") is None:
            return f"Experiment has missing field '.Spec.Templates[{index}].Selector'"
        if not template["selector"]:
            return f"This experiment is selecting all pods at index {index}. A non-empty selector is required."
        if number(template, "minReadySeconds") > deadline(experiment):
            return f"ProgressDeadlineSeconds cannot be less than MinReadySeconds at index {index}"
    return ""
