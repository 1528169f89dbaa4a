"""Deletion of an Application: its hooks, its resources wave by wave, its finalizers.

`appcontroller.go`, finalizeApplicationDeletion; `sort_delete.go`.
"""

from __future__ import annotations

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.health import assess
from opsconsole.argo.cd.identity import Obj, is_definition, with_metadata
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.sync.context import hook_phase
from opsconsole.argo.cd.sync.effects import Application
from opsconsole.argo.cd.syncoptions import SyncOptions, has_option
from opsconsole.argo.cd.waves import wave_of
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import (
    Object,
    annotations_of,
    items,
    name_of,
    namespace_of,
    text,
)
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.argocd.comparison import Comparer
from opsconsole.sandbox.argocd.effects import StoreEffects
from opsconsole.sandbox.argocd.environment import Destination, Environment
from opsconsole.sandbox.argocd.operations import APPROVED

CASCADE = "resources-finalizer.argocd.argoproj.io"
HOOK_FINALIZERS = {
    "PreDelete": "pre-delete-finalizer.argocd.argoproj.io",
    "PostDelete": "post-delete-finalizer.argocd.argoproj.io",
}
AGAIN = 0.5
"""Virtual seconds until it is looked whether what was deleted has gone."""


class Deleter:
    def __init__(self, environment: Environment, comparer: Comparer) -> None:
        self.environment = environment
        self.comparer = comparer

    def process(self, app: Obj) -> float | None:
        """One step of a deletion; seconds until the next one, None when it is over."""
        finalizers = [str(f) for f in items(app, "metadata", "finalizers")]
        cascade = next((f for f in finalizers if f.split("/")[0] == CASCADE), "")
        destination, _ = self.environment.destination(app)
        if destination is None:
            self._let_go(app, [f for f in finalizers if not _ours(f)])
            return None
        if self._hooks_pending(app, destination, finalizers, "PreDelete"):
            return AGAIN
        if cascade:
            if self._cascade(app, destination, background=cascade.endswith("/background")):
                return AGAIN
            self._let_go(app, [f for f in finalizers if f != cascade])
            return 0.0
        if self._hooks_pending(app, destination, finalizers, "PostDelete"):
            return AGAIN
        return None

    def _let_go(self, app: Obj, kept: list[str]) -> None:
        store = self.environment.store
        now = store.find(APPLICATION, namespace_of(app), name_of(app))
        if now is not None:
            store.update(APPLICATION, with_metadata(now, finalizers=kept or None))

    # resources

    def _cascade(self, app: Obj, destination: Destination, *, background: bool) -> bool:
        """Delete the highest wave; whether anything is left."""
        left = [o for o in self._live(app, destination) if self._deletable(app, destination, o)]
        if not left:
            return False
        if any(text(o, "metadata", "deletionTimestamp") for o in left):
            return True
        top = max(wave_of(o) for o in left)
        effects = StoreEffects(destination.store, destination.permits)
        for obj in left:
            if wave_of(obj) == top:
                self._delete(effects, obj, "Background" if background else "Foreground")
        return True

    def _live(self, app: Obj, destination: Destination) -> list[Obj]:
        return destination.live.of(self.environment.instance(app))

    def _deletable(self, app: Obj, destination: Destination, obj: Object) -> bool:
        own = (text(obj, "kind"), namespace_of(obj), name_of(obj))
        if is_definition(obj) or own == ("Application", namespace_of(app), name_of(app)):
            return False
        options = SyncOptions.of(items(app, "spec", "syncPolicy", "syncOptions"))
        if has_option(obj, "Delete=false") or options.has("Delete=false"):
            return False
        if annotations_of(obj).get("helm.sh/resource-policy") == "keep":
            return False
        asks = has_option(obj, "Delete=confirm") or options.has("Delete=confirm")
        return not destination.permits(obj) and (not asks or _approved(app))

    def _delete(self, effects: StoreEffects, obj: Object, propagation: str) -> None:
        try:
            effects.delete(obj, propagation)
        except EffectError as refused:
            if not refused.missing:
                self.environment.event(obj, "DeletionError", str(refused), warning=True)

    # hooks

    def _hooks_pending(
        self, app: Obj, destination: Destination, finalizers: list[str], kind: str
    ) -> bool:
        """Run the deletion hooks of a kind; whether they are still at work."""
        mine = [f for f in finalizers if f.split("/")[0] == HOOK_FINALIZERS[kind]]
        if not mine:
            return False
        found = self.comparer.compare(app, destination)
        effects = StoreEffects(destination.store, destination.permits)
        waiting = False
        for hook in hooks.deletion_hooks(found.hooks, kind):
            live = effects.find(hook)
            if live is None:
                if kind in hooks.hook_types(hook):
                    effects.apply(hook, Application())
                waiting = True
                continue
            waiting |= hook_phase(live, assess(live))[0] == "Running"
        if not waiting:
            for hook in hooks.deletion_hooks(found.hooks, kind):
                live = effects.find(hook)
                if live is not None and hooks.SUCCEEDED in hooks.delete_policies(hook):
                    self._delete(effects, live, "Background")
            self._let_go(app, [f for f in finalizers if f not in mine])
        return True


def _ours(finalizer: str) -> bool:
    return finalizer.split("/", maxsplit=1)[0] in (CASCADE, *HOOK_FINALIZERS.values())


def _approved(app: Obj) -> bool:
    at = parse_instant(annotations_of(app).get(APPROVED))
    since = parse_instant(text(app, "metadata", "deletionTimestamp"))
    return at is not None and since is not None and at >= since
