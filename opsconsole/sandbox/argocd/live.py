"""The live objects of each application, kept by their tracking marks (the cluster cache).

Separate so that a comparison does not look at every object of the cluster. It holds nothing
that the objects do not say: it is built anew from the store at any time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from opsconsole.argo.cd.identity import Obj
from opsconsole.argo.cd.tracking import Tracking
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import mappings, name_of, namespace_of, text
from opsconsole.sandbox.store import Change, Store

Place = tuple[Kind, str, str]

UNWATCHED = frozenset(("Event", "Lease", "EndpointSlice", "Endpoints", "ControllerRevision"))
"""Kinds that Argo CD leaves out of its cache, or that never carry a mark."""


class LiveObjects:
    """One cluster's objects by the application that they are marked with."""

    def __init__(
        self, store: Store, tracking: Tracking, changed: Callable[[str, Change], None]
    ) -> None:
        self.store = store
        self.tracking = tracking
        self._changed = changed
        self._by_instance: dict[str, dict[Place, None]] = {}
        for kind in tuple(store.kinds()):
            for obj in store.objects(kind):
                self._index(kind, obj, gone=False)
        self.leave = store.subscribe(self._see)

    def defaults(self, obj: Obj) -> Obj:
        """The API server's defaulting of a built-in kind."""
        kind = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        return self.store.resources.of(kind).prepare(obj, None) if kind else obj

    def of(self, instance: str) -> list[Obj]:
        """Live objects of an application that nobody else owns."""
        found = []
        for kind, namespace, name in self._by_instance.get(instance, ()):
            obj = self.store.find(kind, namespace, name)
            if obj is not None and not mappings(obj, "metadata", "ownerReferences"):
                found.append(obj)
        return found

    def _see(self, change: Change) -> None:
        if change.kind.kind in UNWATCHED:
            return
        touched = set(self._index(change.kind, change.object, gone=change.type == "DELETED"))
        if change.old is not None:
            before = self.tracking.instance_of(change.old)
            if before and before not in touched:
                self._index(change.kind, change.old, gone=True)
                touched.add(before)
        for instance in sorted(touched):
            self._changed(instance, change)

    def _index(self, kind: Kind, obj: Obj, *, gone: bool) -> Iterable[str]:
        instance = self.tracking.instance_of(obj)
        if not instance:
            return ()
        place = (kind, namespace_of(obj) if kind.namespaced else "", name_of(obj))
        listed = self._by_instance.setdefault(instance, {})
        if gone:
            listed.pop(place, None)
        else:
            listed[place] = None
        return (instance,)
