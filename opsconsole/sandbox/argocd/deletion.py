"""Deletion of an Application: its hooks, its resources wave by wave, its finalizers.

`appcontroller.go`, finalizeApplicationDeletion; `hook.go`; `sort_delete.go`.
"""

from __future__ import annotations

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.conditions import Condition, updated
from opsconsole.argo.cd.health import assess
from opsconsole.argo.cd.identity import Key, Obj, is_definition, key_of, with_metadata
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.syncoptions import SyncOptions, deletion_option, wants_confirmation
from opsconsole.argo.cd.waves import wave_of
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import (
    Object,
    annotations_of,
    items,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.model.status import Health
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.argocd.comparison import Comparer
from opsconsole.sandbox.argocd.effects import StoreEffects
from opsconsole.sandbox.argocd.environment import Destination, Environment
from opsconsole.sandbox.argocd.kubectl import refusals
from opsconsole.sandbox.argocd.operations import APPROVED, no_project
from opsconsole.sandbox.argocd.status import write

RESOURCES = "resources-finalizer.argocd.argoproj.io"
CASCADE = (RESOURCES, f"{RESOURCES}/foreground", f"{RESOURCES}/background")
AGAIN = 0.5
"""Virtual seconds until it is looked whether what was deleted has gone."""

FAILED_AGAIN = 5.0
"""Virtual seconds until a deletion that could not go on is tried again."""

_BY_HEALTH = {Health.DEGRADED: hooks.FAILED, Health.HEALTHY: hooks.SUCCEEDED}
_WORSE = (Health.HEALTHY, Health.SUSPENDED, Health.PROGRESSING, Health.MISSING, Health.DEGRADED)


class DeletionFault(Exception):  # noqa: N818 - becomes a condition
    """Why a deletion cannot go on: the condition's message."""


class Deleter:
    def __init__(self, environment: Environment, comparer: Comparer) -> None:
        self.environment = environment
        self.comparer = comparer

    def process(self, app: Obj) -> float | None:
        """One step of a deletion; seconds until the next one, None when it is over."""
        try:
            return self._step(app)
        except DeletionFault as fault:
            self._report(app, str(fault))
            return FAILED_AGAIN

    def _step(self, app: Obj) -> float | None:
        finalizers = [str(f) for f in items(app, "metadata", "finalizers")]
        if self.environment.project(app) is None:
            raise DeletionFault(no_project(app))
        destination, _ = self.environment.destination(app)
        if destination is None:
            self._let_go(app, [f for f in finalizers if _ours(f)])
            return None
        pre, post = hooks.FINALIZERS.values()
        if pre in finalizers:
            try:
                done = self._run_hooks(app, destination, "PreDelete")
            except DeletionFault as fault:
                raise DeletionFault(f"error executing pre-delete hooks: {fault}") from fault
            if not done:
                return AGAIN
            self._let_go(app, [pre])
        cascade = [f for f in finalizers if f in CASCADE]
        if cascade:
            if not self._cascade(app, destination, background=cascade[0].endswith("/background")):
                return AGAIN
            self._let_go(app, cascade)
            return 0.0
        if post in finalizers:
            if not self._run_hooks(app, destination, "PostDelete"):
                return AGAIN
            self._let_go(app, [post])
            return 0.0
        for kind, name in hooks.FINALIZERS.items():
            if name + hooks.CLEANUP in finalizers:
                if not self._clean_up(app, destination, kind):
                    return AGAIN
                self._let_go(app, [name + hooks.CLEANUP])
                return 0.0
        return None

    def _let_go(self, app: Obj, gone: list[str]) -> None:
        store = self.environment.store
        now = store.find(APPLICATION, namespace_of(app), name_of(app))
        if now is not None:
            kept = [f for f in items(now, "metadata", "finalizers") if f not in gone]
            store.update(APPLICATION, with_metadata(now, finalizers=kept or None))

    def _report(self, app: Obj, why: str) -> None:
        """Say by an event, and in a condition that stays, why the deletion does not go on."""
        store = self.environment.store
        now = store.find(APPLICATION, namespace_of(app), name_of(app))
        if now is None:
            return
        old = mappings(now, "status", "conditions")
        new, stamp = Condition("DeletionError", why), format_instant(store.simulation.now())
        conditions = updated(old, [new], ("DeletionError",), stamp)
        if conditions != old:
            write(store, namespace_of(app), name_of(app), {"conditions": conditions})
        message = f"Unable to delete application resources: {why}"
        self.environment.event(app, "StatusRefreshed", message, warning=True)

    # resources

    def _cascade(self, app: Obj, destination: Destination, *, background: bool) -> bool:
        """Delete the highest wave; whether nothing is left."""
        live = self._live(app, destination)
        if any(text(o, "metadata", "deletionTimestamp") for o in live):
            return False
        left = [o for o in live if _deletable(app, o)]
        options = SyncOptions.of(items(app, "spec", "syncPolicy", "syncOptions"))
        if any(wants_confirmation(o, options) for o in left) and not _approved(app):
            return False
        effects = StoreEffects(destination.store, destination.permits)
        top = max((wave_of(o) for o in left), default=0)
        for obj in left:
            if wave_of(obj) == top:
                self._delete(effects, obj, "Background" if background else "Foreground")
        # that it has gone is seen in the next step: the controller's cache follows the cluster
        return not left

    def _live(self, app: Obj, destination: Destination) -> list[Obj]:
        """What the application manages and its project permits; the rest is left alone."""
        found = destination.live.of(self.environment.instance(app))
        return [obj for obj in found if not destination.permits(obj)]

    def _delete(self, effects: StoreEffects, obj: Object, propagation: str) -> None:
        try:
            effects.delete(obj, propagation)
        except EffectError as refused:
            if not refused.missing:
                raise DeletionFault(str(refused)) from refused

    # hooks

    def _run_hooks(self, app: Obj, destination: Destination, kind: str) -> bool:
        """Create the deletion hooks of a kind and look after them; whether all are done."""
        found = self.comparer.compare(app, destination)
        if found.failed:
            raise DeletionFault(found.conditions[0].message)
        running = self._hooks(app, destination, kind)
        wanted = {key_of(h): dict(h) for h in hooks.deletion_hooks(found.hooks, kind)}
        missing = {key: hook for key, hook in wanted.items() if key not in running}
        for key, hook in missing.items():
            self._create(destination, key, hook, kind)
        if missing:
            return False
        return self._succeeded(destination, list(running.values()), kind)

    def _hooks(self, app: Obj, destination: Destination, kind: str) -> dict[Key, Obj]:
        live = self._live(app, destination)
        return {key_of(obj): obj for obj in live if hooks.is_deletion_hook(obj, kind)}

    def _create(self, destination: Destination, key: Key, hook: Obj, kind: str) -> None:
        refused = destination.permits(hook)
        if refused:
            raise DeletionFault(f"{kind} hook {key} is not permitted: {refused}")
        served = destination.store.resources.by_kind(text(hook, "apiVersion"), text(hook, "kind"))
        if served is None:
            why = StoreEffects(destination.store, destination.permits)
            raise DeletionFault(why.unserved(text(hook, "apiVersion"), text(hook, "kind")))
        try:
            with refusals():
                destination.store.create(served, hook)
        except EffectError as fault:
            if "already exists" not in str(fault):
                raise DeletionFault(str(fault)) from fault

    def _succeeded(self, destination: Destination, running: list[Obj], kind: str) -> bool:
        """Whether no hook is at work; one that failed is deleted, so that it runs again."""
        effects = StoreEffects(destination.store, destination.permits)
        failed = [obj for obj in running if _health(obj) == Health.DEGRADED]
        for obj in failed:
            self._delete(effects, obj, "Background")
        if failed:
            names = ", ".join(f"{namespace_of(o)}/{name_of(o)}" for o in failed)
            raise DeletionFault(f"{kind} hook(s) failed: {names}")
        return not any(_health(obj) == Health.PROGRESSING for obj in running)

    def _clean_up(self, app: Obj, destination: Destination, kind: str) -> bool:
        """Delete the hooks whose policy asks for it; whether none of those is left."""
        found = list(self._hooks(app, destination, kind).values())
        worst = max((_health(o) for o in found), key=_severity, default=Health.HEALTHY)
        policy = _BY_HEALTH.get(worst)
        gone = [obj for obj in found if policy in hooks.delete_policies(obj)]
        effects = StoreEffects(destination.store, destination.permits)
        for obj in gone:
            if not text(obj, "metadata", "deletionTimestamp"):
                self._delete(effects, obj, "Background")
        return not gone


def _health(obj: Obj) -> Health:
    verdict = assess(obj)
    return verdict.status if verdict is not None else Health.HEALTHY


def _severity(health: Health) -> int:
    return _WORSE.index(health) if health in _WORSE else len(_WORSE)


def _deletable(app: Obj, obj: Object) -> bool:
    """Whether an object goes with its application (shouldBeDeleted)."""
    if is_definition(obj) or uid_of(obj) == uid_of(app):
        return False
    options = SyncOptions.of(items(app, "spec", "syncPolicy", "syncOptions"))
    if deletion_option(obj, options) == "false":
        return False
    return "keep" not in hooks.listed(obj, "helm.sh/resource-policy")


def _ours(finalizer: str) -> bool:
    return finalizer in CASCADE or finalizer.startswith(tuple(hooks.FINALIZERS.values()))


def _approved(app: Obj) -> bool:
    at = parse_instant(annotations_of(app).get(APPROVED))
    since = parse_instant(text(app, "metadata", "deletionTimestamp"))
    return at is not None and since is not None and at >= since
