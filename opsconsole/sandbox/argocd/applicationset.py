"""The ApplicationSet controller: makes, changes and removes Applications.

Argo CD `applicationset/controllers/applicationset_controller.go`; what is wanted comes from
`argo.cd.appset`, what is written about it from `appsetstatus`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo.cd.appset import FINALIZER, applications, duplicates, normal, progressive
from opsconsole.argo.cd.appset.errors import (
    CREATION,
    ROLLOUT,
    UPDATE,
    VALIDATION,
    AppSetError,
    GenerateError,
    ProjectError,
)
from opsconsole.argo.cd.appset.generators import POLL, requeue_after
from opsconsole.argo.cd.appset.gitfiles import GitTree
from opsconsole.argo.cd.identity import Obj, with_annotations, with_metadata
from opsconsole.argo.cd.ignores import ignores_of, restored
from opsconsole.argo.cd.projects import IN_CLUSTER, IN_CLUSTER_NAME
from opsconsole.errors import OpsError, RuleError
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, APPLICATION_SET, CONFIG_MAP, SECRET
from opsconsole.model.objects import (
    Object,
    annotations_of,
    controller_of,
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
from opsconsole.sandbox.argocd import appsetstatus
from opsconsole.sandbox.argocd.environment import HOME, Environment
from opsconsole.sandbox.argocd.setup import sources_of
from opsconsole.sandbox.argocd.sources import SourceError, Sources
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.events import EventRecorder
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

KEPT_FINALIZERS = (
    "pre-delete-finalizer.argocd.argoproj.io",
    "post-delete-finalizer.argocd.argoproj.io",
)
"""Finalizers (by their beginning) that an update leaves on an Application."""

POLICIES = {
    "sync": (True, True),
    "create-only": (False, False),
    "create-update": (True, False),
    "create-delete": (False, True),
}
"""applicationsSync → whether it updates and deletes."""

PARAMETERS = "argocd-cmd-params-cm"
PROGRESSIVE = "applicationsetcontroller.enable.progressive.syncs"
"""The ConfigMap and key that switch progressive syncs on; off where it is not set."""

REVERSED = 10.0
"""Seconds between the steps of a deletion in reverse order."""


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
    project: str
    """The template's own, as it is written."""

    def clusters(self) -> Sequence[Mapping[str, Any]]:
        return self.environment.secrets()

    def git(self, url: str, revision: str) -> GitTree:
        if "{{" not in self.project:
            known = self.environment.store.find(APP_PROJECT, HOME, self.project)
            if known is None:
                raise ProjectError(
                    f"error getting project {self.project}: "
                    f'AppProject.argoproj.io "{self.project}" not found'
                )
        try:
            return _Tree(self.sources.tree(url, revision, force=self.force)[1])
        except SourceError as fault:
            raise GenerateError(
                "rpc error: code = Internal desc = unable to resolve git revision "
                f"{revision}: {fault}"
            ) from fault


class ApplicationSetController:
    name = "argocd-applicationset-controller"

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self.store = environment.store
        self.recorder = EventRecorder(self.store, "applicationset-controller")

    def watches(self) -> Iterable[Watch]:
        return (
            Watch(APPLICATION_SET, self._set),
            Watch(APPLICATION, self._owner),
            Watch(SECRET, self._all),
            Watch(APP_PROJECT, self._all),
        )

    def _set(self, change: Change) -> Iterable[Key]:
        """A set, but for what this controller writes: its status and the refresh taken off."""
        new, old = change.object, change.old
        key = Key(namespace_of(new), name_of(new))
        if change.type != "MODIFIED" or old is None:
            yield key
            return
        if REFRESH in annotations_of(old) and REFRESH not in annotations_of(new):
            return
        steps = ("status", "applicationStatus")
        if _said(new) != _said(old) or items(new, *steps) != items(old, *steps):
            yield key

    def _owner(self, change: Change) -> Iterable[Key]:
        """Its own Applications, when what it writes or shows of them changes."""
        new, old = change.object, change.old
        owners = [o for o in mappings(new, "metadata", "ownerReferences") if _is_set(o)]
        if owners and change.type == "MODIFIED" and old is not None:
            shown = appsetstatus.shown
            if (_said(new), shown(new)) == (_said(old), shown(old)):
                return
        for owner in owners:
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
            return self._delete(appset)
        asked = REFRESH in annotations_of(appset)
        project = text(appset, "spec", "template", "spec", "project")
        inputs = _Inputs(self.environment, self.environment.sources, asked, project)
        try:
            wanted = applications(appset, inputs)
        except AppSetError as fault:
            self._failed(appset, fault.reason, str(fault), generated=False)
            return POLL
        faults = self._validate(appset, wanted)
        self._resources(appset)
        valid = [app for app in wanted if name_of(app) not in faults]
        try:
            valid = self._rolled(appset, wanted, valid)
        except AppSetError as fault:
            self._failed(appset, fault.reason, str(fault), generated=True)
            return POLL
        if faults:
            self._failed(appset, VALIDATION, _summary(faults), generated=True)
        problem = self._write(appset, valid, {name_of(app) for app in wanted})
        if problem:
            updates = _policy(appset)[0]
            self._failed(appset, UPDATE if updates else CREATION, problem, generated=True)
            return POLL
        self._answered(key, asked=asked)
        self._resources(appset)
        if not faults:
            self._conditions(appset, appsetstatus.up_to_date())
        return requeue_after(appset) or (POLL if faults else None)

    def _answered(self, key: Key, *, asked: bool) -> None:
        now = self.store.find(APPLICATION_SET, key.namespace, key.name)
        if asked and now is not None:
            self.store.update(APPLICATION_SET, with_annotations(now, {REFRESH: None}))

    # validating

    def _validate(self, appset: Object, wanted: list[Obj]) -> dict[str, str]:
        """Applications that are not made, by name, and why."""
        faults = duplicates(wanted, appset)
        for app in wanted:
            if name_of(app) in faults:
                continue
            project = text(app, "spec", "project")
            if self.store.find(APP_PROJECT, HOME, project) is None:
                faults[name_of(app)] = (
                    f"application references project {project} which does not exist"
                )
                continue
            why = self._place_fault(app)
            if why:
                faults[name_of(app)] = f"application destination spec is invalid: {why}"
        return faults

    def _place_fault(self, app: Object) -> str:
        """Why a destination is no cluster that is known (`GetDestinationCluster`), or ""."""
        wanted = mapping(app, "spec", "destination")
        server, name = text(wanted, "server"), text(wanted, "name")
        known = {s["server"]: s["name"] for s in self.environment.secrets()}
        known.setdefault(IN_CLUSTER, IN_CLUSTER_NAME)
        if server and name:
            return (
                f"application destination can't have both name and server defined: {name} {server}"
            )
        if server:
            if server.rstrip("/") in known:
                return ""
            return (
                f'error getting cluster by server "{server}": rpc error: code = NotFound desc = '
                f'cluster "{server}" not found'
            )
        if not name:
            return "Destination server missing from app spec"
        hits = [url for url, title in known.items() if title == name]
        if not hits:
            return f"there are no clusters with this name: {name}"
        if len(hits) > 1:
            return f"there are {len(hits)} clusters with the same name: [{' '.join(hits)}]"
        return ""

    # progressive syncs

    def _rolled(self, appset: Object, wanted: list[Obj], valid: list[Obj]) -> list[Obj]:
        """The Applications as rolling sync lets them be; its statuses are written."""
        data = mapping(self.store.find(CONFIG_MAP, HOME, PARAMETERS), "data")
        if text(data, PROGRESSIVE) != "true":
            return valid
        if not progressive.rolling(appset):
            self._status(appset, {"applicationStatus": None})
            return valid
        if not progressive.steps_of(appset):
            raise AppSetError(ROLLOUT, progressive.NO_STEPS)
        current = self._owned(appset)
        now = format_instant(self.store.simulation.now())
        steps = progressive.plan(appset, wanted)
        old = mappings(appset, "status", "applicationStatus")
        statuses = progressive.advanced(old, current, wanted, steps, now)
        self._status(appset, {"applicationStatus": statuses or None})
        allowed = progressive.open_steps(statuses, steps, current)
        statuses = progressive.promoted(appset, statuses, steps, allowed, now)
        self._status(appset, {"applicationStatus": statuses or None})
        self._conditions(appset, appsetstatus.rollout(statuses, steps))
        return [progressive.synced(app, statuses, allowed) for app in valid]

    # writing

    def _write(self, appset: Object, valid: list[Obj], named: set[str]) -> str:
        """Create, change and remove; the fault of the first Application by name, or ""."""
        updates, deletes = _policy(appset)
        problems: dict[str, str] = {}
        mine = {name_of(app) for app in self._owned(appset)}
        for app in valid:
            if not updates and name_of(app) in mine:
                continue
            try:
                self._put(appset, app)
            except StatusError as refused:
                problems[name_of(app)] = refused.message
        for old in self._owned(appset):
            if deletes and name_of(old) not in named and not problems:
                self._remove(appset, old)
        return problems[min(problems)] if problems else ""

    def _owned(self, appset: Object) -> list[Obj]:
        return [o for o in self.store.owned_by(uid_of(appset), APPLICATION) if name_of(o)]

    def _remove(self, appset: Object, app: Obj) -> None:
        """Delete; without the resources finalizer where its cluster is not known any more."""
        finalizers = items(app, "metadata", "finalizers")
        if finalizers and self._place_fault(app):
            rest = [f for f in finalizers if f != FINALIZER]
            if rest != finalizers:
                self.store.update(APPLICATION, with_metadata(app, finalizers=rest or None))
        gone = text(app, "metadata", "deletionTimestamp")
        self.store.delete(APPLICATION, namespace_of(app), name_of(app))
        if not gone:
            self._event(appset, "Deleted", f'Deleted Application "{name_of(app)}"')

    def _event(self, appset: Object, reason: str, message: str) -> None:
        self.recorder.event(appset, "Normal", reason, message)

    def _put(self, appset: Object, app: Obj) -> None:
        owner = {
            "apiVersion": "argoproj.io/v1alpha1",
            "kind": "ApplicationSet",
            "name": name_of(appset),
            "uid": uid_of(appset),
            "controller": True,
            "blockOwnerDeletion": True,
        }
        app = {**with_metadata(app, ownerReferences=[owner]), "spec": normal(app["spec"])}
        old = self.store.find(APPLICATION, namespace_of(app), name_of(app))
        if old is None:
            self.store.create(APPLICATION, app)
            self._event(appset, "created", f'created Application "{name_of(app)}"')
            return
        other = controller_of(old)
        if other and text(other, "uid") != uid_of(appset):
            raise StatusError(
                500,
                "InternalError",
                f"Object {namespace_of(app)}/{name_of(app)} is already owned by another "
                f"{text(other, 'kind')} controller {text(other, 'name')}",
            )
        new = self.store.update(APPLICATION, self._updated(appset, app, old))
        if new is not old:
            self._event(appset, "updated", f'updated Application "{name_of(app)}"')

    def _updated(self, appset: Object, app: Obj, old: Obj) -> Obj:
        """The stored Application with what the set decides."""
        preserved = mapping(appset, "spec", "preservedFields")
        notes = dict(annotations_of(app))
        kept = (*PRESERVED, *(str(a) for a in items(preserved, "annotations")))
        notes |= {k: v for k, v in annotations_of(old).items() if k in kept}
        labels = dict(labels_of(app))
        mine = [str(label) for label in items(preserved, "labels")]
        labels |= {k: v for k, v in labels_of(old).items() if k in mine}
        app = restored(app, old, self._ignored(appset, app))
        finalizers = items(app, "metadata", "finalizers")
        for held in items(old, "metadata", "finalizers"):
            if str(held).startswith(KEPT_FINALIZERS) and held not in finalizers:
                finalizers = [*finalizers, held]
        changed = {
            "labels": labels or None,
            "annotations": notes or None,
            "finalizers": finalizers or None,
            "ownerReferences": items(app, "metadata", "ownerReferences"),
        }
        found = {**with_metadata(old, **changed), "spec": app["spec"]}
        return {**found, "operation": app["operation"]} if "operation" in app else found

    def _ignored(self, appset: Object, app: Object) -> list[Any]:
        rules = []
        for entry in mappings(appset, "spec", "ignoreApplicationDifferences"):
            if text(entry, "name") in ("", name_of(app)):
                rule = {**entry, "group": "argoproj.io", "kind": "Application"}
                try:
                    rules += ignores_of([{k: v for k, v in rule.items() if k != "name"}])
                except RuleError:
                    continue
        return rules

    # deleting

    def _delete(self, appset: Obj) -> float | None:
        """A set that is going: its finalizer is taken off once its Applications are settled."""
        if not _policy(appset)[1]:
            for app in self._owned(appset):
                self.store.update(APPLICATION, with_metadata(app, ownerReferences=None))
        elif progressive.reversed_deletion(appset):
            current = self._owned(appset)
            steps = progressive.plan(appset, current)
            left = [app for app in current if name_of(app) in steps.step]
            if left:
                last = max(left, key=lambda app: steps.step[name_of(app)])
                self.store.delete(APPLICATION, namespace_of(last), name_of(last))
                return REVERSED
        finalizers = items(appset, "metadata", "finalizers")
        rest = [held for held in finalizers if held != FINALIZER]
        if rest != finalizers:
            self.store.update(APPLICATION_SET, with_metadata(appset, finalizers=rest or None))
        return None

    # status

    def _failed(self, appset: Object, reason: str, message: str, *, generated: bool) -> None:
        self._conditions(appset, appsetstatus.failed(reason, message, generated=generated))

    def _conditions(self, appset: Object, found: Sequence[appsetstatus.Row]) -> None:
        current = self.store.find(APPLICATION_SET, namespace_of(appset), name_of(appset))
        if current is None:
            return
        now = format_instant(self.store.simulation.now())
        steps = bool(progressive.rolling(appset))
        conditions = appsetstatus.conditions(current, found, now, rolling=steps)
        self._status(appset, {"conditions": conditions, "health": appsetstatus.health(conditions)})

    def _resources(self, appset: Object) -> None:
        found = appsetstatus.resources(self._owned(appset))
        self._status(appset, {"resources": found or None, "resourcesCount": len(found) or None})

    def _status(self, appset: Object, fields: Mapping[str, Any]) -> None:
        current = self.store.find(APPLICATION_SET, namespace_of(appset), name_of(appset))
        if current is None:
            return
        new = {k: v for k, v in {**mapping(current, "status"), **fields}.items() if v is not None}
        if new != mapping(current, "status"):
            self.store.update(APPLICATION_SET, {**current, "status": new}, subresource="status")


def _policy(appset: Object) -> tuple[bool, bool]:
    """Whether the set's policy lets it update and delete."""
    policy = text(appset, "spec", "syncPolicy", "applicationsSync") or "sync"
    return POLICIES.get(policy, (True, True))


def _is_set(owner: Object) -> bool:
    return text(owner, "kind") == "ApplicationSet"


def _said(obj: Object) -> tuple[Any, ...]:
    meta = ("labels", "annotations", "finalizers", "deletionTimestamp")
    return (obj.get("spec"), *(mapping(obj, "metadata").get(key) for key in meta))


def _summary(faults: Mapping[str, str]) -> str:
    """The last by name, and how many more there are."""
    last = faults[max(faults)]
    return f"{last} (and {len(faults) - 1} more)" if len(faults) > 1 else last
