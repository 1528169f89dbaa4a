"""Sync, refresh and terminate: writes to an Application, as argocd-server makes them.

A sync is `.operation` with the old `operationState` cleared, guarded by the resourceVersion;
options and retry are copied from the spec because the controller does not fall back to it
(`server/application/application.go:2083-2197`, `util/argo/argo.go:950-974`). A unique `info`
token tells our operation from others'.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsconsole.engine.planning.draft import Draft, Facts
from opsconsole.errors import GuardError
from opsconsole.model.applications import Application
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import dig, items, mapping, mappings, name_of, namespace_of, text
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.status import Sync
from opsconsole.model.times import format_instant

REFRESH = "argocd.argoproj.io/refresh"
REFRESH_STAMP = "argocd.argoproj.io/refresh-timestamp"
TOKEN = "opsconsole"  # noqa: S105
"""Name of the `info` entry that carries our token."""


def sync(facts: Facts) -> Draft:
    """Options: `revision`, `prune`, `dryRun`, `resources` ("GROUP:KIND:NS/NAME" texts)."""
    obj, app = facts.target, _application(facts)
    operation = _operation(facts)
    body: dict[str, Any] = {"operation": operation}
    if dig(obj, "status", "operationState") is not None:
        body["status"] = {"operationState": None}
    revision = text(operation, "sync", "revision")
    pruned = [r for r in app.resources if r.requires_pruning]
    return Draft(
        title=f"Sync {app.name}",
        steps=(_merge(obj, body),),
        effects=_sync_effects(app, operation),
        warnings=_sync_warnings(facts, app, len(pruned)),
        expects="operation",
        timeout=1800.0,
        context=(
            ("application", app.name),
            ("destination", f"{app.destination_server} {app.destination_namespace}".strip()),
            ("from", app.revision[:12] or "nothing"),
            ("to", revision or app.source.target_revision or "HEAD"),
        ),
        resource_version=text(obj, "metadata", "resourceVersion"),
        payload=facts.token,
    )


def refresh(facts: Facts) -> Draft:
    """The `refresh` annotation with a timestamp that differs each time (ARGO:244-280)."""
    obj = facts.target
    hard = facts.intent.action == "hard-refresh" or facts.intent.option("hard") is True
    notes = {REFRESH: "hard" if hard else "normal", REFRESH_STAMP: _nanos(facts.at)}
    renders = "renders the manifests anew and " if hard else ""
    return Draft(
        title=f"{'Hard refresh' if hard else 'Refresh'} {name_of(obj)}",
        steps=(_merge(obj, {"metadata": {"annotations": notes}}, guarded=False),),
        effects=(f"Argo CD {renders}compares with git now; nothing is applied by this",),
        warnings=_auto_note(facts),
        expects="refresh",
        timeout=180.0,
        context=(("application", name_of(obj)),),
        resource_version=text(obj, "metadata", "resourceVersion"),
    )


def terminate(facts: Facts) -> Draft:
    """Phase Terminating on the running operation (SRV:2515-2545)."""
    obj = facts.target
    if dig(obj, "operation") is None or dig(obj, "status", "operationState") is None:
        raise GuardError(f"{name_of(obj)} has no operation to terminate")
    return Draft(
        title=f"Terminate the operation of {name_of(obj)}",
        steps=(_merge(obj, {"status": {"operationState": {"phase": "Terminating"}}}),),
        effects=("running hooks are deleted; what was applied stays applied",),
        warnings=("the application may be left half synced; no retry follows",),
        expects="terminated",
        timeout=300.0,
        context=(("application", name_of(obj)),),
        resource_version=text(obj, "metadata", "resourceVersion"),
    )


def _application(facts: Facts) -> Application:
    if facts.app is None:
        raise GuardError(f"{facts.intent.target.name} is not known yet")
    return facts.app


def _merge(obj: Mapping[str, Any], body: Any, *, guarded: bool = True) -> Request:
    return Request(
        verb=Verb.PATCH,
        kind=APPLICATION,
        namespace=namespace_of(obj),
        name=name_of(obj),
        body=body,
        patch_type=PatchType.MERGE,
        resource_version=text(obj, "metadata", "resourceVersion") if guarded else "",
    )


def _operation(facts: Facts) -> dict[str, Any]:
    spec = mapping(facts.target, "spec")
    intent = facts.intent
    how: dict[str, Any] = {"syncStrategy": {"hook": {}}}
    revision = str(intent.option("revision") or "")
    several = mappings(spec, "sources")
    if several:
        how["sources"] = several
        how["revisions"] = [text(entry, "targetRevision") for entry in several]
    else:
        how["source"] = dict(mapping(spec, "source"))
        wanted = revision or text(spec, "source", "targetRevision")
        how |= {"revision": wanted} if wanted else {}
    prune = intent.option("prune")
    how["prune"] = bool(prune)
    if intent.option("dryRun"):
        how["dryRun"] = True
    resources = [_resource(str(name)) for name in intent.option("resources") or ()]
    how |= {"resources": resources} if resources else {}
    options = items(spec, "syncPolicy", "syncOptions")
    how |= {"syncOptions": options} if options else {}
    operation: dict[str, Any] = {
        "initiatedBy": {"username": facts.user},
        "info": [{"name": TOKEN, "value": facts.token}],
        "sync": how,
    }
    retry = mapping(spec, "syncPolicy", "retry")
    return operation | ({"retry": dict(retry)} if retry else {})


def _resource(selector: str) -> dict[str, str]:
    """`GROUP:KIND:[NAMESPACE/]NAME` (cmd/argocd/commands, resource selectors)."""
    parts = selector.split(":")
    if len(parts) != 3 or not parts[1] or not parts[2]:
        raise GuardError(f"{selector!r} is not GROUP:KIND:NAME or GROUP:KIND:NAMESPACE/NAME")
    namespace, _, name = parts[2].rpartition("/")
    found = {"group": parts[0], "kind": parts[1], "name": name, "namespace": namespace}
    return {key: value for key, value in found.items() if value or key == "group"}


def _sync_effects(app: Application, operation: Mapping[str, Any]) -> tuple[str, ...]:
    differing = [r for r in app.resources if r.sync is Sync.OUT_OF_SYNC and not r.requires_pruning]
    shown = ", ".join(f"{r.kind} {r.name}" for r in differing[:5])
    more = f" and {len(differing) - 5} more" if len(differing) > 5 else ""
    found = [f"applies {shown}{more}" if differing else "applies all resources again; none differs"]
    pruned = [r for r in app.resources if r.requires_pruning]
    if dig(operation, "sync", "prune"):
        found += [f"deletes {r.kind} {r.name}" for r in pruned]
    if dig(operation, "sync", "dryRun"):
        found = ["tries it without changing anything"]
    return tuple(found)


def _sync_warnings(facts: Facts, app: Application, pruned: int) -> tuple[str, ...]:
    found: list[str] = []
    if pruned and not facts.intent.option("prune"):
        found.append(f"{pruned} resources are no longer in git and stay, because prune is off")
    elif pruned:
        found.append(f"{pruned} resources will be deleted from the cluster")
    if facts.intent.option("resources"):
        found.append("a sync of single resources runs no hooks and leaves no history entry")
    if facts.intent.option("revision") and not app.auto_sync:
        found.append("afterwards the application differs from its targetRevision (OutOfSync)")
    return tuple(found)


def _auto_note(facts: Facts) -> tuple[str, ...]:
    app = facts.app
    if app is not None and app.auto_sync:
        return ("auto-sync is on: a new commit is applied as soon as it is found",)
    return ()


def _nanos(at: datetime) -> str:
    """RFC 3339 with nanoseconds, as `time.RFC3339Nano` writes it."""
    return f"{format_instant(at).removesuffix('Z')}.{at.microsecond * 1000:09d}Z"
