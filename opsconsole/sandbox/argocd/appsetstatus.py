"""The status of an ApplicationSet: conditions, health, resources.

Separate from the controller because it says, and does nothing. Source: Argo CD
`setApplicationSetStatusCondition`, `SetConditions` and `BuildResourceStatus`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from opsconsole.argo.cd.appset.progressive import Plan, progress
from opsconsole.model.objects import Object, mapping, mappings, name_of, namespace_of, text

Row = tuple[str, bool, str, str]
"""(type, status, reason, message)."""

ERROR, PARAMETERS, RESOURCES = "ErrorOccurred", "ParametersGenerated", "ResourcesUpToDate"
ROLLOUT, CONFIG = "RolloutProgressing", "InvalidRolloutConfig"

UP_TO_DATE = ("ApplicationSetUpToDate", "All applications have been generated successfully")
GENERATED = ("ParametersGenerated", "Successfully generated parameters for all Applications")

LISTED = 5000
"""`--max-resources-status-count`."""


def up_to_date() -> list[Row]:
    return [
        (ERROR, False, *UP_TO_DATE),
        (PARAMETERS, True, *GENERATED),
        (RESOURCES, True, *UP_TO_DATE),
    ]


def failed(reason: str, message: str, *, generated: bool) -> list[Row]:
    made: Row = (PARAMETERS, True, *GENERATED) if generated else (PARAMETERS, False, ERROR, message)
    return [(ERROR, True, reason, message), made, (RESOURCES, False, ERROR, message)]


def rollout(statuses: Sequence[Object], steps: Plan) -> list[Row]:
    return [
        (PARAMETERS, True, *GENERATED),
        (CONFIG, bool(steps.problems), f"ApplicationSet{CONFIG}", "; ".join(steps.problems)),
        (ROLLOUT, *progress(statuses, steps)),
    ]


def conditions(
    appset: Object, found: Sequence[Row], now: str, *, rolling: bool
) -> list[dict[str, Any]]:
    """By type. What nothing new is said of stays; a rollout's go with the strategy."""
    old = {text(c, "type"): dict(c) for c in mappings(appset, "status", "conditions")}
    if not rolling:
        old = {kind: one for kind, one in old.items() if kind not in (ROLLOUT, CONFIG)}
    for kind, status, reason, message in found:
        one = {"type": kind, "status": str(status), "reason": reason, "message": message}
        before = old.get(kind, {})
        same = all(before.get(key) == value for key, value in one.items())
        old[kind] = before if same else {**one, "lastTransitionTime": now}
    return [old[kind] for kind in sorted(old)]


def health(found: Sequence[Object]) -> dict[str, Any]:
    """Degraded by an error, Progressing by a rollout, Healthy when up to date."""
    true = {text(c, "type"): text(c, "message") for c in found if text(c, "status") == "True"}
    for kind, verdict in ((ERROR, "Degraded"), (ROLLOUT, "Progressing"), (RESOURCES, "Healthy")):
        if kind in true:
            return {"status": verdict, "message": true[kind]}
    return {"status": "Unknown"}


def shown(app: Object) -> tuple[Any, ...]:
    """What the status tells of an Application, or a rollout decides by."""
    status = mapping(app, "status")
    return (
        text(status, "sync", "status"),
        text(status, "sync", "revision"),
        text(status, "health", "status"),
        text(status, "health", "message"),
        text(status, "operationState", "phase"),
        text(status, "operationState", "startedAt"),
    )


def resources(apps: Sequence[Object]) -> list[dict[str, Any]]:
    """The Applications by name, with their sync status and health."""
    found = []
    for app in sorted(apps, key=name_of)[:LISTED]:
        sync, verdict = text(app, "status", "sync", "status"), mapping(app, "status", "health")
        entry: dict[str, Any] = {
            "group": "argoproj.io",
            "version": "v1alpha1",
            "kind": "Application",
            "namespace": namespace_of(app),
            "name": name_of(app),
        }
        if sync:
            entry["status"] = sync
        entry["health"] = {k: verdict[k] for k in ("status", "message") if verdict.get(k)}
        found.append(entry)
    return found
