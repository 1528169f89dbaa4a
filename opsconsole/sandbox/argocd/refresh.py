"""Refresh: when an application is compared again, how its status is written, automated sync.

`appcontroller.go`, processAppRefreshQueueItem and autoSync.
"""

from __future__ import annotations

from typing import Any

from opsconsole.argo.cd import windows
from opsconsole.argo.cd.autosync import decide
from opsconsole.argo.cd.conditions import Condition, updated
from opsconsole.argo.cd.health import Verdict
from opsconsole.argo.cd.hooks import wanted_finalizers
from opsconsole.argo.cd.identity import Obj, with_annotations, with_metadata
from opsconsole.errors import RuleError
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import (
    Object,
    annotations_of,
    dig,
    items,
    mapping,
    mappings,
    text,
)
from opsconsole.model.status import Health
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.argocd.comparison import (
    Comparer,
    Comparison,
    RepositoryError,
    namespace_changed,
    sources_of,
    wants_refresh,
)
from opsconsole.sandbox.argocd.environment import HOME, Environment
from opsconsole.sandbox.argocd.orphans import orphaned
from opsconsole.sandbox.argocd.status import write
from opsconsole.sandbox.runtime import Key

TREE, RECENT, LATEST, RESOLVE = 0, 1, 2, 3
"""Depths of a comparison: CompareWithNothing … CompareWithLatestForceResolve."""

GRACE = 180.0
"""Virtual seconds that a repository's faults are passed over, unless asked to look anew."""

SPEC = frozenset(("InvalidSpecError", "UnknownError"))
"""Conditions that are looked at before a comparison."""

EVALUATED = SPEC | frozenset(
    (
        "ComparisonError", "SharedResourceWarning", "RepeatedResourceWarning",
        "ExcludedResourceWarning", "OrphanedResourceWarning",
    )
)  # fmt: skip

REFRESH = "argocd.argoproj.io/refresh"
REFRESH_STAMP = "argocd.argoproj.io/refresh-timestamp"


class Refresher:
    """`request` notes how deep the next look has to be; all else is in the objects."""

    def __init__(self, environment: Environment, resync: float) -> None:
        self.environment = environment
        self.comparer = Comparer(environment)
        self.resync = resync
        self._requested: dict[Key, int] = {}
        self._faulty_since: dict[Key, float] = {}
        self._policies: dict[Key, Any] = {}
        self._looked: dict[Key, tuple[str, float]] = {}

    def request(self, key: Key, level: int) -> None:
        self._requested[key] = max(level, self._requested.get(key, TREE))

    def forget(self, key: Key) -> None:
        self._requested.pop(key, None)
        self._faulty_since.pop(key, None)
        self._looked.pop(key, None)

    def refresh(self, key: Key) -> float | None:
        """Compare if there is a reason to; seconds until the next look."""
        store = self.environment.store
        app = store.find(APPLICATION, key.namespace, key.name)
        if app is None:
            return None
        level = self._needed(app, key)
        if level is not None:
            self._requested.pop(key, None)
            wait = self._compare(app, key, level)
            self._answered(key, annotations_of(app))
            if wait is not None:
                self.request(key, LATEST)
                return wait
        app = store.find(APPLICATION, key.namespace, key.name)
        if app is None:
            return None
        wait = self._waited(app, key)
        return wait if wait > 0 else self._next_poll(app)

    def _waited(self, app: Object, key: Key) -> float:
        """Seconds until an application is looked at again that the last look told nothing of.

        An invalid spec and a repository's passing fault leave `status.reconciledAt` as it was.
        """
        seen, at = self._looked.get(key, ("", 0.0))
        if seen != text(app, "metadata", "resourceVersion"):
            return 0.0
        return at + self.resync - self.environment.store.simulation.elapsed

    def _told_nothing(self, key: Key) -> None:
        app = self.environment.store.find(APPLICATION, key.namespace, key.name) or {}
        version = text(app, "metadata", "resourceVersion")
        self._looked[key] = (version, self.environment.store.simulation.elapsed)

    def _needed(self, app: Object, key: Key) -> int | None:
        """How deep to look, None when there is no reason to (needRefreshAppStatus)."""
        if wants_refresh(app):
            return RESOLVE
        if self._waited(app, key) > 0:
            return self._requested.get(key)
        compared = mapping(app, "status", "sync", "comparedTo")
        if _compared_to(app) != {k: v for k, v in compared.items() if k.startswith("source")}:
            return RESOLVE
        if self._next_poll(app) <= 0:
            return LATEST
        if namespace_changed(app) or mapping(compared, "destination") != mapping(
            app, "spec", "destination"
        ):
            return LATEST
        if items(compared, "ignoreDifferences") != items(app, "spec", "ignoreDifferences"):
            return LATEST
        if self._policy(app) != self._policies.get(key, self._policy(app)):
            self._policies[key] = self._policy(app)
            return LATEST
        self._policies[key] = self._policy(app)
        return self._requested.get(key)

    def _policy(self, app: Object) -> Any:
        return dig(app, "spec", "syncPolicy", "automated")

    def _next_poll(self, app: Object) -> float:
        """Seconds until git is looked at again by itself."""
        last = parse_instant(text(app, "status", "reconciledAt"))
        if last is None:
            return 0.0
        now = self.environment.store.simulation.now()
        return self.resync - (now - last).total_seconds()

    # comparing

    def _compare(self, app: Obj, key: Key, level: int) -> float | None:
        """Write the status that a comparison gives; seconds to wait for a self-heal, or None."""
        destination, faults = self.environment.destination(app)
        if destination is None:
            self._refuse(app, key, faults)
            self._told_nothing(key)
            return None
        revisions: list[str] = []
        if level < LATEST and text(app, "status", "sync", "revision"):
            revisions = [text(app, "status", "sync", "revision")]
            several = items(app, "status", "sync", "revisions")
            revisions = [str(r) for r in several] or revisions
        try:
            found = self.comparer.compare(
                app,
                destination,
                revisions=revisions,
                force=level >= RESOLVE,
                forgiving=level < RESOLVE and self._in_grace(key),
            )
        except RepositoryError:
            self._faulty_since.setdefault(key, self.environment.store.simulation.elapsed)
            self._told_nothing(key)
            return None
        if not found.failed:
            self._faulty_since.pop(key, None)
        found.conditions += orphaned(self.environment, destination, found)
        self._write(app, key, found, level)
        self._finalizers(key, found)
        return self._autosync(key, found)

    def _finalizers(self, key: Key, found: Comparison) -> None:
        """Those of deletion hooks come and go with the hooks in git."""
        store = self.environment.store
        app = store.get(APPLICATION, key.namespace, key.name)
        now = items(app, "metadata", "finalizers")
        wanted = wanted_finalizers(now, found.hooks)
        if wanted != now and not found.failed and not text(app, "metadata", "deletionTimestamp"):
            store.update(APPLICATION, with_metadata(app, finalizers=wanted or None))

    def _in_grace(self, key: Key) -> bool:
        since = self._faulty_since.get(key)
        return since is None or self.environment.store.simulation.elapsed - since <= GRACE

    def _now(self) -> str:
        return format_instant(self.environment.store.simulation.now())

    def _put(self, key: Key, status: dict[str, Any], **more: Any) -> Obj:
        return write(self.environment.store, key.namespace, key.name, status, **more)

    def _refuse(self, app: Obj, key: Key, faults: list[str]) -> None:
        """What an invalid spec leaves: all but these fields and conditions stay as they were."""
        conditions = [Condition("InvalidSpecError", why) for why in faults]
        old = mappings(app, "status", "conditions")
        status = {
            "conditions": updated(old, conditions, SPEC, self._now()) or None,
            "sync": {**mapping(app, "status", "sync"), "status": "Unknown"},
            "health": self._health(app, Verdict(Health.UNKNOWN)),
        }
        self._events(app, "Unknown", Verdict(Health.UNKNOWN))
        self._put(key, status)

    def _conditions(self, app: Obj, found: list[Condition]) -> list[dict[str, Any]] | None:
        old = mappings(app, "status", "conditions")
        return updated(old, found, EVALUATED, self._now()) or None

    def _write(self, app: Obj, key: Key, found: Comparison, level: int) -> None:
        several = bool(mappings(app, "spec", "sources"))
        sync: dict[str, Any] = {"status": found.sync, "comparedTo": _compared(app)}
        sync |= {"revisions": found.revisions} if several else {"revision": found.revision}
        status: dict[str, Any] = {
            "conditions": self._conditions(app, found.conditions),
            "sync": sync,
            "health": self._health(app, found.health),
            "resources": found.resources or None,
            "summary": {"images": found.images} if found.images else {},
            "controllerNamespace": HOME,
            "resourceHealthSource": "appTree",
        }
        status["sourceTypes"] = (found.tools or None) if several else None
        status["sourceType"] = None if several else "".join(found.tools[:1]) or None
        if level >= LATEST or not text(app, "status", "reconciledAt"):
            status["reconciledAt"] = self._now()
        self._events(app, found.sync, found.health)
        self._put(key, status)

    def _health(self, app: Obj, verdict: Verdict) -> dict[str, Any]:
        old = mapping(app, "status", "health")
        new: dict[str, Any] = {"status": verdict.status.value}
        if verdict.message:
            new["message"] = verdict.message
        same = text(old, "status") == new["status"]
        since = text(old, "lastTransitionTime") if same else ""
        return {**new, "lastTransitionTime": since or self._now()}

    def _events(self, app: Obj, sync: str, health: Verdict) -> None:
        before = text(app, "status", "sync", "status")
        if before != sync:
            message = f"Updated sync status: {before} -> {sync}"
            self.environment.event(app, "ResourceUpdated", message)
        before = text(app, "status", "health", "status")
        if before != health.status:
            cause = f" ({health.message})" if health.message else ""
            message = f"Updated health status: {before} -> {health.status.value}{cause}"
            self.environment.event(app, "ResourceUpdated", message)

    def _answered(self, key: Key, before: Object) -> None:
        """Take the refresh annotation off, unless another refresh was asked for meanwhile."""
        store = self.environment.store
        app = store.find(APPLICATION, key.namespace, key.name)
        if app is None or REFRESH not in annotations_of(app):
            return
        if annotations_of(app).get(REFRESH_STAMP) == before.get(REFRESH_STAMP):
            store.update(APPLICATION, with_annotations(app, {REFRESH: None, REFRESH_STAMP: None}))

    # automated sync

    def _autosync(self, key: Key, found: Comparison) -> float | None:
        store = self.environment.store
        app = store.get(APPLICATION, key.namespace, key.name)
        if not self._allowed(app):
            return None
        error, wait = "", None
        if app.get("operation") is None:
            decision = decide(app, found.resources, found.revisions, store.simulation.now())
            error, wait = decision.error, decision.wait or None
            if decision.operation is not None:
                self._put(key, {"operationState": None}, operation=decision.operation)
                message = f"Initiated automated sync to '{', '.join(found.revisions)}'"
                self.environment.event(app, "OperationStarted", message)
        old = mappings(app, "status", "conditions")
        new = [Condition("SyncError", error)] if error else []
        conditions = updated(old, new, ("SyncError",), self._now())
        if conditions != old:
            self._put(key, {"conditions": conditions or None})
        return wait

    def _allowed(self, app: Obj) -> bool:
        """Whether the project's windows let it sync by itself; a bad window does not."""
        project = self.environment.project(app) or {}
        now = self.environment.store.simulation.now()
        try:
            return windows.can_sync(windows.windows_of(project, app), now, manual=False)
        except RuleError:
            return False


def _compared_to(app: Object) -> dict[str, Any]:
    """The sources as `status.sync.comparedTo` keeps them."""
    if mappings(app, "spec", "sources"):
        return {"sources": [dict(s) for s in sources_of(app)]}
    return {"source": dict(mapping(app, "spec", "source"))}


def _compared(app: Object) -> dict[str, Any]:
    found = {**_compared_to(app), "destination": dict(mapping(app, "spec", "destination"))}
    ignored = items(app, "spec", "ignoreDifferences")
    return {**found, "ignoreDifferences": ignored} if ignored else found
