"""The ApplicationSet controller: makes, changes and removes Applications.

Argo CD `applicationset/controllers/applicationset_controller.go`; what is wanted comes from
`argo.cd.appset`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.cd.appset import applications, duplicates
from opsconsole.argo.cd.appset.errors import VALIDATION, AppSetError, GenerateError
from opsconsole.argo.cd.appset.generators import POLL, polls
from opsconsole.argo.cd.appset.gitfiles import GitTree
from opsconsole.argo.cd.identity import Obj, with_annotations, with_metadata
from opsconsole.argo.cd.ignores import ignores_of, restored
from opsconsole.errors import OpsError, RuleError
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, SECRET
from opsconsole.model.objects import (
    Object,
    annotations_of,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant
from opsconsole.repos.objects import CommitTree
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.argocd.environment import HOME, Environment
from opsconsole.sandbox.argocd.setup import sources_of
from opsconsole.sandbox.argocd.sources import SourceError, Sources
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.runtime import Controller, Key, Watch
from opsconsole.sandbox.store import Change

REFRESH = "argocd.argoproj.io/application-set-refresh"

PRESERVED = (
    "notified.notifications.argoproj.io",
    "argocd.argoproj.io/refresh",
    "argocd.argoproj.io/refresh-timestamp",
    "argocd.argoproj.io/hydrate",
    "argocd.argoproj.io/hydrate-timestamp",
)
"""Annotations that an update leaves on an Application."""

POLICIES = {
    "sync": (True, True),
    "create-only": (False, False),
    "create-update": (True, False),
    "create-delete": (False, True),
}
"""applicationsSync → whether it updates and deletes."""

UP_TO_DATE = ("ApplicationSetUpToDate", "All applications have been generated successfully")
GENERATED = ("ParametersGenerated", "Successfully generated parameters for all Applications")


def controllers(cluster: Cluster) -> Iterable[Controller]:
    environment = Environment(
        cluster.store, sources_of(cluster), cluster.services.setdefault("clusters", {})
    )
    return (ApplicationSetController(environment),)


@dataclass(frozen=True)
class _Tree:
    """A commit's files as the git generator lists them."""

    tree: CommitTree
    limit: int = 100_000
    found: list[str] = field(default_factory=list)

    def paths(self) -> Sequence[str]:
        if not self.found:
            pending = [""]
            while pending and len(self.found) < self.limit:
                place = pending.pop()
                for name in self.tree.names(place):
                    path = f"{place}/{name}" if place else name
                    kind = self.tree.lookup(path)
                    if kind is not None and kind[0] == "dir":
                        pending.append(path)
                    elif kind is not None and kind[0] == "file":
                        self.found.append(path)
            self.found.sort()
        return self.found

    def read(self, path: str) -> bytes:
        try:
            return self.tree.read(path)
        except OpsError as fault:
            raise GenerateError(f"unable to read file '{path}': {fault.message}") from fault


@dataclass(frozen=True)
class _Inputs:
    environment: Environment
    sources: Sources
    force: bool

    def clusters(self) -> Sequence[Mapping[str, Any]]:
        return self.environment.secrets()

    def git(self, url: str, revision: str) -> GitTree:
        try:
            return _Tree(self.sources.tree(url, revision, force=self.force)[1])
        except SourceError as fault:
            raise GenerateError(f"error generating params from git: {fault}") from fault


class ApplicationSetController:
    name = "argocd-applicationset-controller"

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.store = environment.store

    def watches(self) -> Iterable[Watch]:
        return (
            Watch(APPLICATION_SET),
            Watch(APPLICATION, self._owner),
            Watch(SECRET, self._all),
            Watch(APP_PROJECT, self._all),
        )

    def _owner(self, change: Change) -> Iterable[Key]:
        """Its own Applications, when something other than their status changes."""
        new, old = change.object, change.old
        if change.type == "MODIFIED" and old is not None and new.get("spec") == old.get("spec"):
            meta, before = new["metadata"], old["metadata"]
            watched = ("labels", "annotations", "finalizers", "deletionTimestamp")
            if all(meta.get(k) == before.get(k) for k in watched):
                return
        for owner in mappings(new, "metadata", "ownerReferences"):
            if text(owner, "kind") == "ApplicationSet":
                yield Key(namespace_of(new), text(owner, "name"))

    def _all(self, change: Change) -> Iterable[Key]:
        if namespace_of(change.object) == HOME:
            for appset in self.store.objects(APPLICATION_SET, HOME):
                yield Key(HOME, name_of(appset))

    def reconcile(self, key: Key) -> float | None:
        appset = self.store.find(APPLICATION_SET, key.namespace, key.name)
        if appset is None:
            return None
        if text(appset, "metadata", "deletionTimestamp"):
            return None
        asked = REFRESH in annotations_of(appset)
        inputs = _Inputs(self.environment, self.environment.sources, force=asked)
        try:
            wanted = applications(appset, inputs)
        except AppSetError as fault:
            self._conditions(appset, fault.reason, str(fault), generated=False)
            return POLL
        faults = self._validate(appset, wanted)
        valid = [app for app in wanted if name_of(app) not in faults]
        problem = self._write(appset, valid, {name_of(app) for app in wanted})
        if faults or problem:
            reason = VALIDATION if faults else "UpdateApplicationError"
            listed = [faults[name] for name in sorted(faults)] or [problem]
            more = f"one of {len(listed)} errors: " if len(listed) > 1 else ""
            self._conditions(appset, reason, more + listed[0], generated=True)
        else:
            self._conditions(appset, "", "", generated=True)
        self._answered(key, asked=asked)
        return POLL if faults or problem or polls(appset) else None

    def _answered(self, key: Key, *, asked: bool) -> None:
        now = self.store.find(APPLICATION_SET, key.namespace, key.name)
        if asked and now is not None:
            self.store.update(APPLICATION_SET, with_annotations(now, {REFRESH: None}))

    def _validate(self, appset: Object, wanted: list[Obj]) -> dict[str, str]:
        """Applications that are not made, by name, and why."""
        faults = duplicates(wanted, appset)
        for app in wanted:
            project = text(app, "spec", "project") or "default"
            if self.store.find(APP_PROJECT, HOME, project) is None:
                faults[name_of(app)] = (
                    f"application references project {project} which does not exist"
                )
            elif name_of(app) not in faults:
                why = self._place_fault(app)
                if why:
                    faults[name_of(app)] = why
        return faults

    def _place_fault(self, app: Object) -> str:
        """A destination by name has to be known; one by server is taken as it is."""
        wanted = mapping(app, "spec", "destination")
        if text(wanted, "server"):
            return ""
        return self.environment.cluster("", text(wanted, "name"))[2]

    # writing

    def _write(self, appset: Object, valid: list[Obj], named: set[str]) -> str:
        """Create, change and remove; the first fault of the API server, or ""."""
        policy = text(appset, "spec", "syncPolicy", "applicationsSync") or "sync"
        updates, deletes = POLICIES.get(policy, (True, True))
        problem = ""
        for app in valid:
            try:
                self._put(appset, app, updates=updates)
            except StatusError as refused:
                problem = problem or refused.message
        for old in self._owned(appset):
            if deletes and name_of(old) not in named:
                self.store.delete(APPLICATION, namespace_of(old), name_of(old))
        return problem

    def _owned(self, appset: Object) -> list[Obj]:
        return [o for o in self.store.owned_by(uid_of(appset), APPLICATION) if name_of(o)]

    def _put(self, appset: Object, app: Obj, *, updates: bool) -> None:
        owner = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "name": name_of(appset),
            "uid": uid_of(appset),
            "controller": True,
            "blockOwnerDeletion": True,
        }
        app = with_metadata(app, ownerReferences=[owner])
        old = self.store.find(APPLICATION, namespace_of(app), name_of(app))
        if old is None:
            self.store.create(APPLICATION, app)
        elif updates:
            self.store.update(APPLICATION, self._updated(appset, app, old))

    def _updated(self, appset: Object, app: Obj, old: Obj) -> Obj:
        """The stored Application with what the set decides."""
        preserved = mapping(appset, "spec", "preservedFields")
        notes = dict(annotations_of(app))
        kept = (*PRESERVED, *(str(a) for a in items(preserved, "annotations")))
        notes |= {k: v for k, v in annotations_of(old).items() if k in kept}
        labels = dict(labels_of(app))
        mine = [str(label) for label in items(preserved, "labels")]
        labels |= {k: v for k, v in labels_of(old).items() if k in mine}
        rules = []
        for entry in mappings(appset, "spec", "ignoreApplicationDifferences"):
            if text(entry, "name") in ("", name_of(app)):
                rule = {**entry, "group": "argoproj.io", "kind": "Application"}
                try:
                    rules += ignores_of([rule])
                except RuleError:
                    continue
        app = restored(app, old, rules)
        changed = {
            "labels": labels or None,
            "annotations": notes or None,
            "finalizers": items(app, "metadata", "finalizers") or None,
            "ownerReferences": items(app, "metadata", "ownerReferences"),
        }
        return {**with_metadata(old, **changed), "spec": app["spec"]}

    # status

    def _conditions(self, appset: Object, reason: str, message: str, *, generated: bool) -> None:
        bad = bool(reason)
        fault = ("ErrorOccurred" if not generated else reason, message)
        wanted = {
            "ErrorOccurred": ("True", reason, message) if bad else ("False", *UP_TO_DATE),
            "ParametersGenerated": ("True", *GENERATED) if generated else ("False", *fault),
            "ResourcesUpToDate": ("False", *fault) if bad else ("True", *UP_TO_DATE),
        }
        now = format_instant(self.store.simulation.now())
        old = {text(c, "type"): c for c in mappings(appset, "status", "conditions")}
        conditions = []
        for kind, (status, why, said) in wanted.items():
            before = old.get(kind, {})
            same = text(before, "status") == status
            since = text(before, "lastTransitionTime") if same else now
            conditions.append(
                {
                    "type": kind,
                    "status": status,
                    "reason": why,
                    "message": said,
                    "lastTransitionTime": since,
                }
            )
        current = self.store.find(APPLICATION_SET, namespace_of(appset), name_of(appset))
        if current is not None:
            new = {**mapping(current, "status"), "conditions": conditions}
            new |= self._resources(current)
            self.store.update(APPLICATION_SET, {**current, "status": new}, subresource="status")

    def _resources(self, appset: Object) -> dict[str, Any]:
        found = [
            {
                "group": "argoproj.io",
                "version": "v1alpha1",
                "kind": "Application",
                "namespace": namespace_of(app),
                "name": name_of(app),
            }
            for app in self._owned(appset)
        ]
        found.sort(key=lambda entry: entry["name"])
        return {"resources": found, "resourcesCount": len(found)}
