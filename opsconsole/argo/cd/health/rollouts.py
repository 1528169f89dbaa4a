"""Health of Argo Rollouts' kinds (Argo CD `resource_customizations/argoproj.io/*/health.lua`)."""

from __future__ import annotations

from typing import Any

from opsconsole.argo.cd.health.verdict import Verdict
from opsconsole.argo.cd.health.workloads import degraded, healthy, progressing
from opsconsole.model.objects import (
    Object,
    annotations_of,
    dig,
    flag,
    items,
    mapping,
    mappings,
    number,
    text,
)
from opsconsole.model.status import Health

WORKLOAD_GENERATION = "rollout.argoproj.io/workload-generation"


def rollout(obj: Object) -> Verdict:
    """In the order of `Rollout/health.lua`; from Rollouts 1.0 on `status.phase` decides."""
    if not _observed(obj):
        return progressing("Waiting for rollout spec update to be observed")
    phase = text(obj, "status", "phase")
    if phase:
        return _phase(phase, text(obj, "status", "message"))
    for entry in mappings(obj, "status", "conditions"):
        reason = entry.get("reason")
        stopped = entry.get("type") == "Progressing" and reason in (
            "RolloutAborted",
            "ProgressDeadlineExceeded",
        )
        if entry.get("type") == "InvalidSpec" or stopped:
            return degraded(text(entry, "message"))
    if items(obj, "status", "pauseConditions") or flag(obj, "spec", "paused"):
        return Verdict(Health.SUSPENDED, "Rollout is paused")
    return _legacy(obj)


def _phase(phase: str, message: str) -> Verdict:
    if phase == "Paused":
        return Verdict(Health.SUSPENDED, message)
    if phase not in [health.value for health in Health]:
        return Verdict(Health.UNKNOWN, "Lua returned an invalid health status")
    return Verdict(Health.of(phase), message)


def _lua_number(value: Any) -> float | None:
    """`tonumber` of Lua for what a status may hold."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except ValueError:
        return None


def _observed(obj: Object) -> bool:
    if not mapping(obj, "status"):
        return False
    generation = number(obj, "metadata", "generation")
    seen = _lua_number(dig(obj, "status", "observedGeneration"))
    if seen is not None and seen < generation:
        return False
    if not mapping(obj, "spec", "workloadRef") or not annotations_of(obj):
        return True
    wanted = _lua_number(annotations_of(obj).get(WORKLOAD_GENERATION))
    return wanted == _lua_number(dig(obj, "status", "workloadObservedGeneration"))


def _legacy(obj: Object) -> Verdict:
    waiting = "Waiting for rollout to finish"
    current = text(obj, "status", "currentPodHash")
    if not current:
        return progressing(f"{waiting}: status has not been reconciled.")
    updated = number(obj, "status", "updatedReplicas")
    if updated < number(obj, "spec", "replicas", default=1):
        return progressing("Waiting for roll out to finish: More replicas need to be updated")
    if number(obj, "status", "availableReplicas") < updated:
        return progressing(
            "Waiting for roll out to finish: updated replicas are still becoming available"
        )
    stable = text(obj, "status", "stableRS") or text(obj, "status", "canary", "stableRS")
    if mapping(obj, "spec", "strategy", "blueGreen"):
        if text(obj, "status", "blueGreen", "activeSelector") != current:
            return progressing("active service cutover pending")
        if stable and stable != current:
            return progressing("waiting for analysis to complete")
    elif dig(obj, "spec", "strategy", "canary") is not None:
        if number(obj, "status", "replicas") > updated:
            return progressing(
                "Waiting for roll out to finish: old replicas are pending termination"
            )
        if stable != current:
            return progressing(f"{waiting} steps")
    return healthy()


_RUN = {
    "Pending": (Health.PROGRESSING, "Analysis run is running"),
    "Running": (Health.PROGRESSING, "Analysis run is running"),
    "Successful": (Health.HEALTHY, "Analysis run completed successfully"),
    "Failed": (Health.DEGRADED, "Analysis run failed"),
    "Error": (Health.DEGRADED, "Analysis run had an error"),
    "Inconclusive": (Health.UNKNOWN, "Analysis run was inconclusive"),
}

_EXPERIMENT = {
    "Pending": (Health.PROGRESSING, "Experiment is pending"),
    "Running": (Health.PROGRESSING, "Experiment is running"),
    "Successful": (Health.HEALTHY, "Experiment is successful"),
    "Failed": (Health.DEGRADED, "Experiment has failed"),
    "Error": (Health.DEGRADED, "Experiment had an error"),
}


def analysis_run(obj: Object) -> Verdict:
    return _by_phase(
        obj, _RUN, "Waiting for analysis run to finish: status has not been reconciled."
    )


def experiment(obj: Object) -> Verdict:
    return _by_phase(
        obj, _EXPERIMENT, "Waiting for experiment to finish: status has not been reconciled."
    )


def _by_phase(obj: Object, table: dict[str, tuple[Health, str]], fresh: str) -> Verdict:
    if not mapping(obj, "status"):
        return progressing(fresh)
    said = text(obj, "status", "message")
    status, message = table.get(text(obj, "status", "phase"), (Health.UNKNOWN, ""))
    if status == Health.HEALTHY or not message:
        return Verdict(status, said or message)
    return Verdict(status, message)
