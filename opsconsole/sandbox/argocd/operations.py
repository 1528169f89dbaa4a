"""Operations: what `.operation` asks for is done, pass by pass, with retries and history.

`appcontroller.go`, processRequestedAppOperation and `sync.go`, SyncAppState.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.cd import windows
from opsconsole.argo.cd.conditions import ERRORS, formatted
from opsconsole.argo.cd.diff import is_builtin
from opsconsole.argo.cd.identity import Key as ResourceKey
from opsconsole.argo.cd.identity import Obj
from opsconsole.argo.cd.ignores import Ignore, ignores_of
from opsconsole.argo.cd.respecting import respected
from opsconsole.argo.cd.retry import Retry, retried, retrying
from opsconsole.argo.cd.sync import Pair, SyncContext, SyncPlan, SyncState
from opsconsole.argo.cd.syncoptions import ANNOTATION as OPTIONS
from opsconsole.argo.cd.syncoptions import SyncOptions
from opsconsole.errors import RuleError
from opsconsole.model.kinds import APPLICATION, NAMESPACE
from opsconsole.model.objects import (
    Object,
    annotations_of,
    dig,
    flag,
    items,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.argocd.comparison import Comparison, sources_of
from opsconsole.sandbox.argocd.effects import StoreEffects
from opsconsole.sandbox.argocd.environment import Destination, Environment
from opsconsole.sandbox.argocd.refresh import LATEST, RESOLVE, Refresher
from opsconsole.sandbox.argocd.sources import SourceError
from opsconsole.sandbox.argocd.status import write
from opsconsole.sandbox.runtime import Key

WAVE_DELAY = 2.0
"""Virtual seconds between two waves (ARGOCD_SYNC_WAVE_DELAY)."""

LOOK_AGAIN = 5.0
"""Virtual seconds after which a waiting operation is looked at without a change."""

BLOCKED = 30.0
OUTSIDE = "Sync operation blocked by sync window"

MIGRATION = "argocd.argoproj.io/client-side-apply-migration-manager"
CLIENT_SIDE = "kubectl-client-side-apply"
"""Whose fields a server-side apply takes over, unless the application names another manager."""

HISTORY = 10
"""Entries of `status.history` unless the application says otherwise."""

APPROVED = "argocd.argoproj.io/deletion-approved"

State = dict[str, Any]

COMPLETED = ("Succeeded", "Failed", "Error")


class Operator:
    """Runs operations. Between two passes everything is in `status.operationState`."""

    def __init__(self, environment: Environment, refresher: Refresher) -> None:
        self.environment = environment
        self.refresher = refresher
        self._not_before: dict[Key, float] = {}

    def forget(self, key: Key) -> None:
        self._not_before.pop(key, None)

    def process(self, key: Key) -> float | None:
        """One pass over a requested operation; seconds until the next one."""
        store = self.environment.store
        app = store.find(APPLICATION, key.namespace, key.name)
        if app is None or not isinstance(app.get("operation"), Mapping):
            return None
        wait = self._not_before.get(key, 0.0) - store.simulation.elapsed
        if wait > 0:
            return wait
        state, wait = self._begin(app)
        if wait > 0:
            return wait
        self._put(app, state)
        blocked = self._blocked(app, state)
        if blocked:
            # a termination has to wait, too
            if text(state, "phase") == "Running":
                self._put(app, {**self._headed(app, state), "message": blocked})
            return BLOCKED
        terminating = text(state, "phase") == "Terminating"
        state, delayed = self._sync(app, state)
        state = self._settle(state, terminating=terminating)
        return self._finish(app, key, state, delayed=delayed)

    # beginning

    def _begin(self, app: Obj) -> tuple[State, float]:
        """The state to go on from, and the seconds until a retry is due."""
        old = mapping(app, "status", "operationState")
        now = self.environment.store.simulation.now()
        if not old or text(old, "phase") in COMPLETED:
            operation = dict(mapping(app, "operation"))
            started = format_instant(now)
            return {"operation": operation, "phase": "Running", "startedAt": started}, 0.0
        finished = parse_instant(text(old, "finishedAt"))
        if text(old, "phase") != "Running" or finished is None:
            return dict(old), 0.0
        count = number(old, "retryCount")
        retry = Retry.of(mapping(old, "operation", "retry"))
        wait = (finished + timedelta(seconds=retry.wait(count)) - now).total_seconds()
        if wait > 0:
            return dict(old), wait
        state = {k: v for k, v in old.items() if k not in ("finishedAt", "syncResult")}
        latest = ""
        if retry.refresh:
            latest = " with latest revisions"
            operation = dict(mapping(old, "operation"))
            sync = {
                k: v for k, v in mapping(operation, "sync").items() if not k.startswith("revision")
            }
            state["operation"] = {**operation, "sync": sync}
        state["message"] = f"Retrying operation{latest}. Attempt #{count}"
        return state, 0.0

    def _blocked(self, app: Obj, state: State) -> str:
        """Why the project's windows do not let it go on, or "" (syncWindowPreventsSync)."""
        project = self.environment.project(app) or {}
        manual = not flag(state, "operation", "initiatedBy", "automated")
        now = self.environment.store.simulation.now()
        started = parse_instant(text(state, "startedAt"))
        try:
            found = windows.windows_of(project, app)
            allowed = windows.can_sync(found, now, manual=manual, started=started)
        except RuleError as fault:
            return f"{OUTSIDE}: {fault.message}"
        return "" if allowed else OUTSIDE

    def _headed(self, app: Obj, state: State) -> State:
        """The state with the head of its result: what is to be synced, as it was asked for."""
        operation = mapping(state, "operation", "sync")
        if mapping(state, "syncResult") or not isinstance(dig(state, "operation", "sync"), Mapping):
            return state
        sources = [dict(source) for source in _sources(app, operation)]
        if mappings(operation, "sources") or mappings(app, "spec", "sources"):
            head: State = {"revisions": items(operation, "revisions"), "sources": sources}
        else:
            head = {
                "revision": text(operation, "revision"),
                "source": sources[0] if sources else {},
            }
        return {**state, "syncResult": head}

    # one pass

    def _sync(self, app: Obj, state: State) -> tuple[State, bool]:
        """The state after a pass, and whether a wave has to be waited for."""
        if not isinstance(dig(state, "operation", "sync"), Mapping):
            return _failed(state, "Invalid operation request: no operation specified"), False
        operation = mapping(state, "operation", "sync")
        if self.environment.project(app) is None:
            return _failed(state, f"Failed to load application project: {no_project(app)}"), False
        state = self._headed(app, state)
        destination, faults = self.environment.destination(app)
        if destination is None:
            if unknown := self.environment.unknown_cluster(app):
                return _failed(state, unknown), False
            why = ";".join(f"InvalidSpecError: {fault}" for fault in faults)
            return _failed(self._resolved(state), why), False
        result = mapping(state, "syncResult")
        resources = mappings(result, "resources")
        found, base = self._compared(app, destination, result)
        state = {**state, "syncResult": {**base, "resources": resources} if resources else base}
        options = SyncOptions.of(items(operation, "syncOptions"))
        shared = [c.message for c in found.conditions if c.type == "SharedResourceWarning"]
        if shared and options.has("FailOnSharedResource=true"):
            return _failed(state, f"Shared resource found: {min(shared)}", "Failed"), False
        errors = [c._asdict() for c in sorted(set(found.conditions)) if c.type in ERRORS]
        if errors:
            return _failed(state, formatted(errors)), False
        effects = StoreEffects(destination.store, destination.permits)
        context = SyncContext(
            self._plan(app, state, destination, found, options),
            effects,
            SyncState.of(text(state, "phase"), text(state, "message"), resources),
        )
        done = context.terminate() if text(state, "phase") == "Terminating" else context.sync()
        managed = mapping(app, "spec", "syncPolicy", "managedNamespaceMetadata")
        if managed:
            base["managedNamespaceMetadata"] = dict(managed)
        if done.listed():
            told = [{**r, "message": effects.explained(r)} for r in done.listed()]
            base["resources"] = told
        new = {**state, "phase": done.phase, "message": done.message, "syncResult": base}
        return new, done.wave_delay

    def _resolved(self, state: State) -> State:
        """The commit is in the result of a sync that the spec forbids, too: it is asked for first."""
        result = mapping(state, "syncResult")
        source, revision = mapping(result, "source"), text(result, "revision")
        if not source:
            return state
        try:
            sha = self.environment.sources.resolve(text(source, "repoURL"), revision, force=True)
        except SourceError:
            return state
        return {**state, "syncResult": {**result, "revision": sha}}

    def _compared(
        self, app: Obj, destination: Destination, result: Object
    ) -> tuple[Comparison, dict[str, Any]]:
        """The comparison to what is synced to, and the result's head: revisions and sources.

        Both were fixed when the operation began; a symbolic revision is asked for anew only then.
        """
        several = [dict(source) for source in mappings(result, "sources")]
        one = dict(mapping(result, "source"))
        revisions = [str(r) for r in items(result, "revisions")] or [text(result, "revision")]
        found = self.refresher.comparer.compare(
            app,
            destination,
            revisions=revisions,
            sources=several or [one],
            force="resources" not in result,
        )
        if several:
            return found, {"revisions": found.revisions, "sources": several}
        return found, {"revision": found.revision, "source": one}

    def _plan(
        self,
        app: Obj,
        state: State,
        destination: Destination,
        found: Comparison,
        options: SyncOptions,
    ) -> SyncPlan:
        operation = mapping(state, "operation", "sync")
        strategy = mapping(operation, "syncStrategy")
        selected = mappings(operation, "resources")
        apply_only = "apply" in strategy and strategy.get("apply") is not None
        started = parse_instant(text(state, "startedAt")) or self.environment.store.simulation.now()
        respect = options.has("RespectIgnoreDifferences=true")
        pairs = _respecting(app, self.environment.ignores, found.pairs) if respect else found.pairs
        create = options.has("CreateNamespace=true")
        return SyncPlan(
            pairs=pairs,
            hooks=found.hooks,
            revision=found.revision,
            namespace=destination.namespace,
            started=int(started.timestamp()),
            prune=flag(operation, "prune"),
            prune_option=options.value("Prune"),
            prune_confirmed=_confirmed(app, started),
            dry_run=flag(operation, "dryRun"),
            force=flag(strategy, "hook", "force") or flag(strategy, "apply", "force"),
            skip_hooks=apply_only or bool(selected),
            options=options,
            migrate_from=_migrate_from(app, options),
            wanted=lambda pair: self._wanted(pair, selected),
            modified=_modified(found) if options.has("ApplyOutOfSyncOnly=true") else None,
            new_namespace=(lambda: _namespace(app, destination)) if create else None,
        )

    def _wanted(self, pair: Pair, selected: list[Mapping[str, Any]]) -> bool:
        """Whether an operation is about a resource: asked for, and not a bearer of a copied mark."""
        if selected and not _selected(pair, selected):
            return False
        tracking = self.environment.tracking
        return pair.live is None or tracking.is_self_referenced(pair.live, pair.target)

    # ending

    def _settle(self, state: State, *, terminating: bool) -> State:
        """Try again later, or add to the message how often it was tried."""
        if text(state, "phase") not in ("Failed", "Error") or terminating:
            return state
        count = number(state, "retryCount")
        retry = Retry.of(mapping(state, "operation", "retry"))
        if not retry.allows(count):
            return {**state, "message": retried(text(state, "message"), count)}
        if retry.fault:
            return _failed(state, f"{text(state, 'message')} (failed to retry: {retry.fault})")
        now = self.environment.store.simulation.now()
        at = now + timedelta(seconds=retry.wait(count))
        return {
            **state,
            "phase": "Running",
            "message": retrying(text(state, "message"), count + 1, at),
            "retryCount": count + 1,
            "finishedAt": format_instant(now),
        }

    def _finish(self, app: Obj, key: Key, state: State, *, delayed: bool) -> float | None:
        simulation = self.environment.store.simulation
        operation = mapping(state, "operation", "sync")
        partial = bool(mappings(operation, "resources"))
        dry = flag(operation, "dryRun")
        phase = text(state, "phase")
        if phase == "Succeeded" and not dry and not partial:
            self._remember(key, state)
        if phase not in COMPLETED:
            self._put(app, state)
            if delayed:
                self._not_before[key] = simulation.elapsed + WAVE_DELAY
                return WAVE_DELAY
            return LOOK_AGAIN if not text(state, "finishedAt") else 1.0
        self._not_before.pop(key, None)
        state = {**state, "finishedAt": format_instant(simulation.now())}
        self._put(app, state, operation=None)
        self._announce(app, state, partial=partial)
        if not dry:
            by_itself = flag(state, "operation", "initiatedBy", "automated")
            self.refresher.request(key, LATEST if by_itself else RESOLVE)
        return None

    def _put(self, app: Obj, state: State, **more: Any) -> None:
        store = self.environment.store
        write(store, namespace_of(app), name_of(app), {"operationState": state}, **more)

    def _announce(self, app: Obj, state: State, *, partial: bool) -> None:
        what = "Partial sync operation" if partial else "Sync operation"
        revision = text(state, "syncResult", "revision")
        revision = revision or ",".join(items(state, "syncResult", "revisions"))
        what += f" to {revision}" if revision else ""
        good = text(state, "phase") == "Succeeded"
        message = f"{what} succeeded" if good else f"{what} failed: {text(state, 'message')}"
        self.environment.event(app, "OperationCompleted", message, warning=not good)

    def _remember(self, key: Key, state: State) -> None:
        """Append to `status.history` (persistRevisionHistory)."""
        store = self.environment.store
        app = store.get(APPLICATION, key.namespace, key.name)
        history = [dict(h) for h in mappings(app, "status", "history")]
        result = mapping(state, "syncResult")
        entry: dict[str, Any] = {
            "id": number(history[-1], "id") + 1 if history else 0,
            "deployStartedAt": text(state, "startedAt"),
            "deployedAt": format_instant(store.simulation.now()),
            "initiatedBy": dict(mapping(state, "operation", "initiatedBy")),
        }
        entry |= {
            k: result[k] for k in ("revision", "source", "revisions", "sources") if result.get(k)
        }
        limit = number(app, "spec", "revisionHistoryLimit", default=HISTORY)
        kept = [*history, entry][-limit:] if limit > 0 else []
        write(store, key.namespace, key.name, {"history": kept})


def _failed(state: State, message: str, phase: str = "Error") -> State:
    return {**state, "phase": phase, "message": message}


def no_project(app: Obj) -> str:
    """What Argo CD says of an application's project that is not there (`GetAppProjectByName`)."""
    name = text(app, "spec", "project") or "default"
    return f'error getting app project "{name}": appproject.argoproj.io "{name}" not found'


def _migrate_from(app: Obj, options: SyncOptions) -> str:
    if options.has("ClientSideApplyMigration=false"):
        return ""
    return str(annotations_of(app).get(MIGRATION) or CLIENT_SIDE)


def _sources(app: Obj, operation: Object) -> list[Mapping[str, Any]]:
    several, one = mappings(operation, "sources"), mapping(operation, "source")
    return several or ([one] if one else sources_of(app))


def _respecting(app: Obj, installed: list[Ignore], pairs: list[Pair]) -> list[Pair]:
    """Targets with what is ignored taken from the live objects."""
    rules = [*ignores_of(items(app, "spec", "ignoreDifferences")), *installed]
    return [
        Pair(respected(p.target, p.live, rules, builtin=is_builtin(p.target)), p.live)
        if p.target and p.live
        else p
        for p in pairs
    ]


def _confirmed(app: Obj, started: datetime) -> bool:
    """Whether pruning was approved after the operation began."""
    raw = annotations_of(app).get(APPROVED)
    at = parse_instant(raw)
    return at is not None and at >= started.replace(microsecond=0)


def _selected(pair: Pair, selected: list[Mapping[str, Any]]) -> bool:
    """Whether a selective sync names a resource; an empty namespace matches any."""
    key = pair.key
    return any(
        (text(r, "group"), text(r, "kind"), text(r, "name")) == (key.group, key.kind, key.name)
        and text(r, "namespace") in ("", key.namespace)
        for r in selected
    )


def _modified(found: Comparison) -> Any:
    def modified(key: ResourceKey) -> bool:
        return found.modified.get(key, True)

    return modified


def _namespace(app: Obj, destination: Destination) -> Obj | None:
    """The Namespace to create, or to give its metadata; None when it is there and has none."""
    managed = dig(app, "spec", "syncPolicy", "managedNamespaceMetadata")
    live = destination.store.find(NAMESPACE, "", destination.namespace)
    managed = managed if isinstance(managed, Mapping) else None
    if live is not None and managed is None:
        return None
    meta: dict[str, Any] = {"name": destination.namespace}
    if managed is not None:
        # by server-side apply, so that what others have set there stays
        notes = {**mapping(managed, "annotations"), OPTIONS: "ServerSideApply=true"}
        meta |= {"labels": dict(mapping(managed, "labels")), "annotations": notes}
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}
