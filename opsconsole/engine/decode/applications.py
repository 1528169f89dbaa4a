"""A raw Argo CD Application → `model.applications.Application`, before anything is joined to it.

Source: argo-cd `pkg/apis/application/v1alpha1/types.go`; how operations are read is table
1.7 of the Argo CD notes (Running with a finishedAt waits for a retry).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsconsole.engine.decode.reader import Reader
from opsconsole.model.applications import (
    Application,
    Condition,
    Deployed,
    ManagedResource,
    Operation,
    ResourceResult,
    Source,
)
from opsconsole.model.kinds import APPLICATION, ResourceKey
from opsconsole.model.objects import (
    annotations_of,
    dig,
    flag,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)
from opsconsole.model.status import Health, OperationPhase, Sync
from opsconsole.model.times import parse_instant

REFRESH = "argocd.argoproj.io/refresh"


def application(obj: Mapping[str, Any]) -> Application:
    read = Reader(obj)
    read.mapping("spec", needed=True)
    read.mapping("status")
    sources = _sources(read)
    automated = dig(obj, "spec", "syncPolicy", "automated")
    on = isinstance(automated, Mapping) and automated.get("enabled") is not False
    operation = _operation(read)
    history = tuple(_deployed(entry) for entry in read.mappings("status", "history"))
    return Application(
        key=ResourceKey(APPLICATION, namespace_of(obj), name_of(obj)),
        resource_version=text(obj, "metadata", "resourceVersion"),
        project=read.text("spec", "project") or "default",
        source=sources[0] if sources else Source(),
        sources=sources,
        destination_server=read.text("spec", "destination", "server")
        or read.text("spec", "destination", "name"),
        destination_namespace=read.text("spec", "destination", "namespace"),
        sync=Sync.of(read.text("status", "sync", "status") or "Unknown"),
        revision=read.text("status", "sync", "revision")
        or text(obj, "status", "sync", "revisions", 0),
        health=Health.of(read.text("status", "health", "status") or "Unknown"),
        health_message=read.text("status", "health", "message"),
        auto_sync=on,
        self_heal=on and flag(automated, "selfHeal"),
        prune=on and flag(automated, "prune"),
        refreshing=REFRESH in annotations_of(obj),
        deleting=dig(obj, "metadata", "deletionTimestamp") is not None,
        operation=operation,
        history=history,
        conditions=_conditions(read),
        resources=tuple(_resource(entry) for entry in read.mappings("status", "resources")),
        reconciled_at=read.instant("status", "reconciledAt"),
        last_activity=_activity(read, operation, history),
        problems=read.problems,
    )


def _conditions(read: Reader) -> tuple[Condition, ...]:
    return tuple(
        Condition(text(c, "type"), text(c, "message"), parse_instant(c.get("lastTransitionTime")))
        for c in read.mappings("status", "conditions")
    )


def _activity(read: Reader, operation: Operation, history: tuple[Deployed, ...]) -> datetime | None:
    return _newest(
        operation.started_at,
        operation.finished_at,
        *(entry.deployed_at for entry in history[-1:]),
        read.instant("status", "health", "lastTransitionTime"),
    )


def source(spec: Mapping[str, Any]) -> Source:
    return Source(
        repo_url=text(spec, "repoURL"),
        path=text(spec, "path"),
        target_revision=text(spec, "targetRevision"),
        chart=text(spec, "chart"),
    )


def _sources(read: Reader) -> tuple[Source, ...]:
    several = read.mappings("spec", "sources")
    if several:
        return tuple(source(entry) for entry in several)
    single = read.mapping("spec", "source")
    if not single:
        read.note("spec.source: missing")
        return ()
    return (source(single),)


def _operation(read: Reader) -> Operation:
    requested = isinstance(dig(read.obj, "operation"), Mapping)
    state = read.mapping("status", "operationState")
    phase = OperationPhase.of(text(state, "phase"))
    finished = parse_instant(state.get("finishedAt"))
    asked = mapping(state, "operation") or mapping(read.obj, "operation")
    result = mapping(state, "syncResult")
    return Operation(
        phase=phase,
        message=text(state, "message"),
        requested=requested,
        waiting_for_retry=phase is OperationPhase.RUNNING and finished is not None,
        revision=text(result, "revision") or text(asked, "sync", "revision"),
        retry_count=number(state, "retryCount"),
        initiated_by=text(asked, "initiatedBy", "username"),
        automated=flag(asked, "initiatedBy", "automated"),
        started_at=parse_instant(state.get("startedAt")),
        finished_at=finished,
        results=tuple(_result(entry) for entry in mappings(result, "resources")),
        info=tuple((text(i, "name"), text(i, "value")) for i in mappings(asked, "info")),
    )


def _result(entry: Mapping[str, Any]) -> ResourceResult:
    return ResourceResult(
        kind=text(entry, "kind"),
        namespace=text(entry, "namespace"),
        name=text(entry, "name"),
        status=text(entry, "status"),
        message=text(entry, "message"),
        sync_phase=text(entry, "syncPhase"),
        hook_phase=text(entry, "hookPhase"),
    )


def _deployed(entry: Mapping[str, Any]) -> Deployed:
    return Deployed(
        id=number(entry, "id"),
        revision=text(entry, "revision") or text(entry, "revisions", 0),
        deployed_at=parse_instant(entry.get("deployedAt")),
        initiated_by=text(entry, "initiatedBy", "username"),
        automated=flag(entry, "initiatedBy", "automated"),
        source=source(mapping(entry, "source") or mapping(entry, "sources", 0)),
    )


def _resource(entry: Mapping[str, Any]) -> ManagedResource:
    health = text(entry, "health", "status")
    return ManagedResource(
        group=text(entry, "group"),
        version=text(entry, "version"),
        kind=text(entry, "kind"),
        namespace=text(entry, "namespace"),
        name=text(entry, "name"),
        sync=Sync.of(text(entry, "status") or "Unknown"),
        health=Health.of(health) if health else None,
        requires_pruning=flag(entry, "requiresPruning"),
        sync_wave=number(entry, "syncWave"),
        hook=flag(entry, "hook"),
    )


def _newest(*moments: datetime | None) -> datetime | None:
    return max((moment for moment in moments if moment is not None), default=None)
