"""When Argo CD syncs by itself, and what (`appcontroller.go`, autoSync).

Pure: the application as it is → a decision. The console tells with it what automated sync
will do to a rollback; the sandbox's controller does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from opsconsole.argo.cd.retry import AUTOMATED_LIMIT
from opsconsole.model.objects import Object, dig, flag, items, mapping, mappings, number, text
from opsconsole.model.times import parse_instant

HEAL_BASE, HEAL_FACTOR, HEAL_CAP = 2.0, 3, 300.0
"""Seconds of the back-off between self-heals."""


@dataclass(frozen=True, slots=True)
class Decision:
    """`operation` to start, or None with `error` (a SyncError condition's message) or a wait.

    `wait` are the seconds until self-heal may try again, 0 when there is nothing to wait for.
    """

    operation: dict[str, Any] | None = None
    error: str = ""
    wait: float = 0.0


def automated(app: Object) -> Mapping[str, Any] | None:
    """`spec.syncPolicy.automated` where it is on."""
    found = dig(app, "spec", "syncPolicy", "automated")
    if not isinstance(found, Mapping) or found.get("enabled") is False:
        return None
    return found


def decide(app: Object, resources: Sequence[Object], revision: str, now: datetime) -> Decision:
    """What automated sync does about an application that was compared to `revision`.

    `resources` are `status.resources` of that comparison. The caller has checked the sync
    window and that no operation is running.
    """
    policy = automated(app)
    deleting = bool(text(app, "metadata", "deletionTimestamp"))
    if policy is None or deleting or text(app, "status", "sync", "status") != "OutOfSync":
        return Decision()
    prune = flag(policy, "prune")
    drifted = [r for r in resources if text(r, "status") != "Synced" and not flag(r, "hook")]
    if not prune and drifted and all(flag(r, "requiresPruning") for r in drifted):
        return Decision()
    operation = _operation(app, revision, prune=prune)
    attempted, phase = attempted_sync(app, revision)
    if attempted:
        if phase != "Succeeded":
            message = text(app, "status", "operationState", "message")
            return Decision(error=f"Failed last sync attempt to [{revision}]: {message}")
        if not flag(policy, "selfHeal"):
            return Decision()
        wait = heal_wait(app, now)
        if wait > 0:
            return Decision(wait=wait)
        operation["sync"] |= {
            "autoHealAttemptsCount": _attempts(app) + 1,
            "resources": [_selected(r) for r in drifted],
        }
    if prune and not flag(policy, "allowEmpty"):
        managed = [r for r in resources if not flag(r, "hook")]
        if managed and all(flag(r, "requiresPruning") for r in managed):
            return Decision(
                error=f"Skipping sync attempt to [{revision}]: auto-sync will wipe out all resources"
            )
    return Decision(operation)


def _operation(app: Object, revision: str, *, prune: bool) -> dict[str, Any]:
    policy = mapping(app, "spec", "syncPolicy")
    sync: dict[str, Any] = {"revision": revision}
    if prune:
        sync["prune"] = True
    if items(policy, "syncOptions"):
        sync["syncOptions"] = items(policy, "syncOptions")
    if mapping(app, "spec", "source"):
        sync["source"] = dict(mapping(app, "spec", "source"))
    if mappings(app, "spec", "sources"):
        sync["sources"] = [dict(s) for s in mappings(app, "spec", "sources")]
    retry = mapping(policy, "retry")
    return {
        "initiatedBy": {"automated": True},
        "retry": dict(retry) if retry else {"limit": AUTOMATED_LIMIT},
        "sync": sync,
    }


def _selected(resource: Object) -> dict[str, Any]:
    names = ("group", "kind", "name", "namespace")
    return {n: text(resource, n) for n in names if text(resource, n)}


def attempted_sync(app: Object, revision: str) -> tuple[bool, str]:
    """Whether that revision and source were tried already, and the phase that it ended in."""
    state = mapping(app, "status", "operationState")
    phase = text(state, "phase")
    if not state:
        return False, ""
    result = mapping(state, "syncResult")
    if not result:
        return phase in ("Succeeded", "Failed", "Error"), phase
    if text(result, "revision") != revision:
        return False, ""
    if mappings(app, "spec", "sources"):
        return mappings(result, "sources") == mappings(app, "spec", "sources"), phase
    return mapping(result, "source") == mapping(app, "spec", "source"), phase


def _attempts(app: Object) -> int:
    return number(app, "status", "operationState", "operation", "sync", "autoHealAttemptsCount")


def heal_wait(app: Object, now: datetime) -> float:
    """Seconds until the next self-heal: 0, 2, 6, 18, … at most 300 after the last operation."""
    attempts = _attempts(app)
    if attempts == 0:
        return 0.0
    backoff = min(HEAL_CAP, HEAL_BASE * float(HEAL_FACTOR) ** min(attempts - 1, 32))
    finished = parse_instant(text(app, "status", "operationState", "finishedAt"))
    if finished is None:
        return 0.0
    return max(0.0, backoff - (now - finished).total_seconds())
