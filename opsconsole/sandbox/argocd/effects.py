"""What a sync does to a simulated cluster: `kubectl apply`, replace and delete on a store."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from typing import Any

from opsconsole.argo.cd.diff import is_builtin
from opsconsole.argo.cd.identity import (
    LAST_APPLIED,
    Obj,
    group_of,
    version_of,
    with_annotations,
    with_metadata,
)
from opsconsole.argo.cd.merge import three_way
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.sync.effects import Application
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import Object, annotations_of, name_of, namespace_of, text
from opsconsole.sandbox.api import managed
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.store import Store

MANAGER = "argocd-controller"


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except StatusError as refused:
        raise EffectError(refused.message, missing=refused.code == 404) from refused


class StoreEffects:
    """`Effects` on one cluster. `permitted` is the project's answer for an object."""

    def __init__(self, store: Store, permitted: Callable[[Object], str]) -> None:
        self.store = store
        self._permitted = permitted

    def _kind(self, obj: Object) -> Kind:
        found = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        if found is None:
            raise EffectError("the server could not find the requested resource", missing=True)
        return found

    def serves(self, api_version: str, kind: str) -> bool:
        return self.store.resources.by_kind(api_version, kind) is not None

    def permitted(self, obj: Object) -> str:
        return self._permitted(obj)

    def find(self, obj: Object) -> Obj | None:
        kind = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        return self.store.find(kind, namespace_of(obj), name_of(obj)) if kind else None

    def apply(self, target: Object, how: Application) -> str:
        kind = self._kind(target)
        wanted = self._stored(target, kind)
        trial = self.store.rehearsal() if how.dry_run else nullcontext()
        suffix = " (dry run)" if how.dry_run else ""
        with _translated(), trial:
            return f"{_label(target)} {self._apply(kind, wanted, how)}{suffix}"

    def _stored(self, target: Object, kind: Kind) -> Obj:
        """The target as the store keeps it: stored version, no namespace where there is none."""
        wanted = dict(target)
        if not kind.namespaced:
            wanted = with_metadata(wanted, namespace=None)
        served = self.store.resources.served(group_of(target), version_of(target), kind.plural)
        return served.inward(wanted) if served is not None else wanted

    def _apply(self, kind: Kind, wanted: Obj, how: Application) -> str:
        live = self.store.find(kind, namespace_of(wanted), name_of(wanted))
        if how.dry_run:
            # a trial on the client's side: the server is not asked
            return "configured" if live is not None else "created"
        if how.replace:
            return self._replace(kind, wanted, live, force=how.force)
        if how.server_side:
            return self._server_side(kind, wanted, live)
        marked = with_annotations(wanted, {LAST_APPLIED: last_applied(wanted)})
        if live is None:
            self.store.create(kind, marked)
            return "created"
        try:
            new = self.store.update(kind, _merged(marked, live))
        except StatusError:
            if not how.force:
                raise
            self._recreate(kind, marked)
            return "configured"
        return "unchanged" if new is live else "configured"

    def _replace(self, kind: Kind, wanted: Obj, live: Obj | None, *, force: bool) -> str:
        if live is None:
            self.store.create(kind, wanted)
            return "created"
        if force and kind.kind not in ("Namespace", "CustomResourceDefinition"):
            self._recreate(kind, wanted)
        else:
            self.store.update(kind, wanted)
        return "replaced"

    def _recreate(self, kind: Kind, wanted: Obj) -> None:
        self.store.delete(kind, namespace_of(wanted), name_of(wanted), grace=0)
        self.store.create(kind, wanted)

    def _server_side(self, kind: Kind, wanted: Obj, live: Obj | None) -> str:
        writer = managed.Writer(MANAGER, kind.api_version, apply=True)
        now = self.store.simulation.now()
        new = managed.apply(live, wanted, kind=kind, writer=writer, force=True, now=now)
        if live is None:
            self.store.create(kind, new)
        else:
            self.store.update(kind, new)
        return "serverside-applied"

    def delete(self, live: Object, propagation: str) -> None:
        kind = self._kind(live)
        with _translated():
            self.store.delete(kind, namespace_of(live), name_of(live), propagation=propagation)

    def set_finalizers(self, live: Object, finalizers: list[str]) -> None:
        kind = self._kind(live)
        with _translated():
            now = self.store.get(kind, namespace_of(live), name_of(live))
            self.store.update(kind, with_metadata(now, finalizers=finalizers or None))


def _label(target: Object) -> str:
    """`rollout.argoproj.io/demo`, as kubectl names an object."""
    group = group_of(target)
    kind = text(target, "kind").lower()
    return f"{kind}.{group}/{name_of(target)}" if group else f"{kind}/{name_of(target)}"


def last_applied(target: Object) -> str:
    """What `kubectl apply` notes of an object in its annotation."""
    plain = with_annotations(target, {LAST_APPLIED: None})
    return json.dumps(plain, separators=(",", ":"), sort_keys=True) + "\n"


def last_own(live: Object) -> Mapping[str, Any] | None:
    """What was applied last, from the annotation."""
    raw = annotations_of(live).get(LAST_APPLIED)
    if not isinstance(raw, str):
        return None
    try:
        found = json.loads(raw)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def _merged(wanted: Obj, live: Obj) -> Obj:
    original = last_own(live) or {}
    return three_way(original, wanted, live, builtin=is_builtin(wanted))
