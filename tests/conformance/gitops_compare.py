"""Digest and comparison of GitOps runs, as the recordings' README describes them.

Separate from `recorded`, which loads the shared folder's own tools where they are: this one
works on a fresh clone.
"""

from __future__ import annotations

import json
from typing import Any

from opsconsole.model.objects import dig, flag, items, mapping, mappings, text

LAST_APPLIED = "last-applied"
FINISHED = ("Succeeded", "Failed", "Error")


class Digest:
    """Same face as the shared `GitopsDigest`: `see` every watch event, then `trace()`."""

    def __init__(self, tag: str) -> None:
        self.tag = tag
        self.commits: dict[str, str] = {}
        self.lines: list[list[Any]] = []
        self._state: dict[tuple[str, str], Any] = {}

    def see(self, seconds: float, kind: str, event: str, obj: dict[str, Any]) -> None:
        name = obj["metadata"]["name"]
        if kind == "Event" or (kind == "Application" and name != self.tag):
            return
        state = (
            None
            if event == "DELETED"
            else _application(obj)
            if kind == "Application"
            else _other(obj)
        )
        if state is None or self._state.get((kind, name)) != state:
            self._state[kind, name] = state
            self.lines.append([seconds, kind, name, state])

    def trace(self) -> list[list[Any]]:
        raw = json.dumps(self.lines)
        for sha, symbol in self.commits.items():
            raw = raw.replace(sha, symbol).replace(sha[:7], symbol)
        found: list[list[Any]] = json.loads(raw)
        return found


def _application(obj: dict[str, Any]) -> dict[str, Any]:
    status, meta = mapping(obj, "status"), obj["metadata"]
    found: dict[str, Any] = {
        "sync": dig(status, "sync", "status"),
        "revision": dig(status, "sync", "revision"),
        "health": dig(status, "health", "status"),
        "conditions": [[c["type"], c["message"]] for c in mappings(status, "conditions")],
        "history": [
            [h["id"], h["revision"], flag(h, "initiatedBy", "automated")]
            for h in mappings(status, "history")
        ],
        "resources": [
            [r["kind"], r["name"], r.get("status"), dig(r, "health", "status"), r.get("syncWave"), r.get("hook"), r.get("requiresPruning")]
            for r in mappings(status, "resources")
        ],
        "deleting": bool(meta.get("deletionTimestamp")),
        "finalizers": meta.get("finalizers"),
    }  # fmt: skip
    state = mapping(status, "operationState")
    if state:
        found["operation"] = {
            "phase": state.get("phase"),
            "message": state.get("message"),
            "retryCount": state.get("retryCount"),
            "revision": dig(state, "syncResult", "revision"),
            "resources": [
                [r.get("syncPhase"), r.get("hookType"), r["kind"], r["name"], r.get("status"), r.get("hookPhase"), r.get("message")]
                for r in mappings(state, "syncResult", "resources")
            ],
        }  # fmt: skip
    return found


def _other(obj: dict[str, Any]) -> dict[str, Any]:
    meta = obj["metadata"]
    notes = {k: v for k, v in (meta.get("annotations") or {}).items() if LAST_APPLIED not in k}
    spec = mapping(obj, "spec")
    found = {
        "annotations": notes,
        "labels": meta.get("labels"),
        "data": obj.get("data"),
        "spec": {k: spec[k] for k in ("replicas", "paused") if k in spec},
        "phase": dig(obj, "status", "phase"),
        "deleting": bool(meta.get("deletionTimestamp")),
        "finalizers": meta.get("finalizers"),
    }
    return {k: v for k, v in found.items() if v not in (None, {}, [], False)}


def milestones(trace: list[list[Any]]) -> dict[str, Any]:
    """What is stable from one real run to the next."""
    found: dict[str, Any] = {"sync": [], "operations": [], "applied": {}}
    for _, kind, name, state in trace:
        if kind == "Event":
            continue
        found[f"final {kind} {name}"] = "deleted" if state is None else _final(kind, state)
        if kind != "Application" or state is None:
            continue
        _append(found["sync"], state.get("sync"))
        operation = mapping(state, "operation")
        if operation.get("phase") in FINISHED:
            revision = text(operation, "revision")
            _append(found["operations"], [operation["phase"], revision])
            applied = found["applied"].setdefault(revision, [])
            for phase, hook, what, of, status, *_ in items(operation, "resources"):
                one = f"{phase} {hook or 'apply'} {what}/{of} {status}"
                if one not in applied:
                    applied.append(one)
            applied.sort()
    return found


def _append(values: list[Any], value: Any) -> None:
    if value and (not values or values[-1] != value):
        values.append(value)


def _final(kind: str, state: dict[str, Any]) -> dict[str, Any]:
    if kind != "Application":
        return {k: v for k, v in state.items() if k != "generation"}
    names = (
        "sync",
        "revision",
        "health",
        "conditions",
        "history",
        "resources",
        "deleting",
        "finalizers",
    )
    kept = {name: state.get(name) for name in names}
    operation = mapping(state, "operation")
    if operation.get("phase") in ("Failed", "Error"):
        kept["operation"] = {k: operation.get(k) for k in ("phase", "message", "retryCount")}
    return kept


def differences(expected: dict[str, Any], actual: dict[str, Any]) -> list[str]:
    want, got = milestones(expected["trace"]), milestones(actual["trace"])
    return [
        f"{key}: expected {want.get(key)}, actual {got.get(key)}"
        for key in sorted({*want, *got})
        if want.get(key) != got.get(key)
    ]
