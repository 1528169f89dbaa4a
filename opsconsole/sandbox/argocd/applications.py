"""The Application controller: refresh, operations and deletion of one application at a time."""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP, SECRET
from opsconsole.model.objects import Object, annotations_of, name_of, namespace_of, text
from opsconsole.sandbox.argocd.deletion import Deleter
from opsconsole.sandbox.argocd.environment import HOME, Environment
from opsconsole.sandbox.argocd.operations import Operator
from opsconsole.sandbox.argocd.refresh import LATEST, RECENT, Refresher
from opsconsole.sandbox.runtime import LATENCY, Key, Manager, Watch
from opsconsole.sandbox.store import Change

SKIP = "argocd.argoproj.io/skip-reconcile"
TRUE = ("1", "t", "T", "true", "TRUE", "True")
"""What Go's strconv.ParseBool takes for true."""


class ApplicationController:
    """Argo CD's application controller on a store. `resync` are seconds between polls of git."""

    name = "argocd-application-controller"

    def __init__(self, environment: Environment, manager: Manager, resync: float) -> None:
        self.environment = environment
        self.manager = manager
        self.refresher = Refresher(environment, resync)
        self.operator = Operator(environment, self.refresher)
        self.deleter = Deleter(environment, self.refresher.comparer)
        environment.changed = self._live_changed

    def watches(self) -> Iterable[Watch]:
        return (
            Watch(APPLICATION, self._application),
            Watch(APP_PROJECT, self._project),
            Watch(CONFIG_MAP, self._configuration),
            Watch(SECRET, self._cluster_secret),
        )

    def _application(self, change: Change) -> Iterable[Key]:
        if namespace_of(change.object) == HOME:
            yield Key(HOME, name_of(change.object))

    def _project(self, change: Change) -> Iterable[Key]:
        for app in self.environment.store.objects(APPLICATION, HOME):
            if (text(app, "spec", "project") or "default") == name_of(change.object):
                yield from self._requested(app)

    def _configuration(self, change: Change) -> Iterable[Key]:
        if (namespace_of(change.object), name_of(change.object)) == (HOME, "argocd-cm"):
            self.environment.configure()
            for app in self.environment.store.objects(APPLICATION, HOME):
                yield from self._requested(app)

    def _cluster_secret(self, change: Change) -> Iterable[Key]:
        """A cluster was made known: what could not be placed is looked at again."""
        if namespace_of(change.object) == HOME:
            for app in self.environment.store.objects(APPLICATION, HOME):
                if text(app, "status", "sync", "status") == "Unknown":
                    yield from self._requested(app)

    def _requested(self, app: Object) -> Iterable[Key]:
        key = Key(HOME, name_of(app))
        self.refresher.request(key, LATEST)
        yield key

    def _live_changed(self, instance: str, change: Change) -> None:  # noqa: ARG002
        """Something that an application manages has changed."""
        key = Key(HOME, instance)
        if self.environment.store.find(APPLICATION, *key) is not None:
            self.refresher.request(key, RECENT)
            self.manager.enqueue(self.name, key, LATENCY)

    def reconcile(self, key: Key) -> float | None:
        app = self.environment.store.find(APPLICATION, key.namespace, key.name)
        if app is None:
            self.refresher.forget(key)
            self.operator.forget(key)
            return None
        if annotations_of(app).get(SKIP) in TRUE:
            return None
        if text(app, "metadata", "deletionTimestamp") and app.get("operation") is None:
            self.refresher.refresh(key)
            app = self.environment.store.get(APPLICATION, key.namespace, key.name)
            return self.deleter.process(app)
        waits = [self.operator.process(key), self.refresher.refresh(key)]
        due = [wait for wait in waits if wait is not None]
        return max(0.0, min(due)) if due else None

    def webhook(self, url: str) -> int:
        """A push to a repository: look at every application of it now; how many there are."""
        count = 0
        for app in self.environment.store.objects(APPLICATION, HOME):
            if self.environment.uses(app, url):
                self.refresher.request(Key(HOME, name_of(app)), LATEST)
                self.manager.enqueue(self.name, Key(HOME, name_of(app)))
                count += 1
        return count
