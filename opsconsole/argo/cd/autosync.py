"""When Argo CD syncs by itself, and what (`appcontroller.go`, autoSync).

Pure: the application as it is → a decision. The console tells with it what automated sync
will do to a rollback; the sandbox's controller does it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

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


def decide(
    app: Object, resources: Sequence[Object], revisions: Sequence[str], now: datetime
) -> Decision:
    """What automated sync does about an application that was compared to `revisions`.

    `resources` are `status.resources` of that comparison, `revisions` one for each source. The
    caller has checked the sync window and that no operation is running.
    """
    policy = automated(app)
    deleting = bool(text(app, "metadata", "deletionTimestamp"))
    if policy is None or deleting or text(app, "status", "sync", "status") != "OutOfSync":
        return Decision()
    prune = flag(policy, "prune")
    drifted = [r for r in resources if text(r, "status") != "Synced"]
    if not prune and all(flag(r, "requiresPruning") for r in drifted):
        return Decision()
    operation = _operation(app, revisions, prune=prune)
    attempt = attempted_sync(app, revisions)
    if attempt.same:
        if attempt.phase != "Succeeded":
            message = text(app, "status", "operationState", "message")
            why = f"Failed last sync attempt to {_listed(attempt.revisions)}: {message}"
            return Decision(error=why)
        if not flag(policy, "selfHeal"):
            return Decision()
        wait = heal_wait(app, now)
        if wait > 0:
            return Decision(wait=wait)
        operation["sync"] |= {
            "autoHealAttemptsCount": _attempts(app) + 1,
            "resources": [_selected(r) for r in drifted],
        }
    wipes = prune and all(flag(r, "requiresPruning") for r in resources)
    if wipes and not flag(policy, "allowEmpty"):
        why = f"Skipping sync attempt to {_listed(revisions)}"
        return Decision(error=f"{why}: auto-sync will wipe out all resources")
    return Decision(operation)


def _listed(revisions: Sequence[str]) -> str:
    """As Go prints a list of strings."""
    return f"[{' '.join(revisions)}]"


def _operation(app: Object, revisions: Sequence[str], *, prune: bool) -> dict[str, Any]:
    policy = mapping(app, "spec", "syncPolicy")
    several = mappings(app, "spec", "sources")
    sync: dict[str, Any] = {}
    if several:
        sync |= {"revisions": list(revisions), "sources": [dict(source) for source in several]}
    else:
        sync["revision"] = revisions[0] if revisions else ""
        sync["source"] = dict(mapping(app, "spec", "source"))
    if prune:
        sync["prune"] = True
    if items(policy, "syncOptions"):
        sync["syncOptions"] = items(policy, "syncOptions")
    retry = mapping(policy, "retry")
    return {
        "initiatedBy": {"automated": True},
        "retry": dict(retry) if retry else {"limit": AUTOMATED_LIMIT},
        "sync": sync,
    }


def _selected(resource: Object) -> dict[str, Any]:
    names = ("group", "kind", "name")
    return {n: text(resource, n) for n in names if text(resource, n)}


class Attempt(NamedTuple):
    """`same`: what is wanted now was tried; in which phase that ended, and to what it synced."""

    same: bool
    phase: str = ""
    revisions: tuple[str, ...] = ()


def attempted_sync(app: Object, revisions: Sequence[str]) -> Attempt:
    """Whether these revisions and the sources of now were tried already (alreadyAttemptedSync)."""
    state = mapping(app, "status", "operationState")
    phase = text(state, "phase")
    if not state:
        return Attempt(same=False)
    result = mapping(state, "syncResult")
    if not result:
        return Attempt(phase in ("Succeeded", "Failed", "Error"), phase)
    several = mappings(app, "spec", "sources")
    tried = tuple(map(str, items(result, "revisions"))) if several else (text(result, "revision"),)
    if tried != tuple(revisions):
        return Attempt(same=False, phase=phase, revisions=tried)
    if several:
        return Attempt(mappings(result, "sources") == several, phase, tried)
    return Attempt(mapping(result, "source") == mapping(app, "spec", "source"), phase, tried)


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
