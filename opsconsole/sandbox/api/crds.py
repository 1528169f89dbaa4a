"""CustomResourceDefinitions: creating one serves its kind, deleting one takes it away.

Separate because it is the one place where objects change the table of kinds. A kind that the
catalogue has already keeps its row: the definition only becomes Established.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import (
    dig,
    flag,
    items,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
)
from opsconsole.model.times import format_instant
from opsconsole.sandbox.api import crdschema
from opsconsole.sandbox.catalogue import CRD, ROWS
from opsconsole.sandbox.resources import Column, Obj, Resource, as_is
from opsconsole.sandbox.store import Change, Store

_OURS = {(row.kind.group, row.kind.kind): row for row in ROWS}
"""Rows of the catalogue, whatever version a definition stores."""


class CrdWatcher:
    """Keeps `store.resources` in step with the definitions.

    Without `schemas`, what a definition's schema asks is not looked at (profile `recorded`).
    """

    def __init__(self, store: Store, *, schemas: bool = True) -> None:
        self.store = store
        self.schemas = schemas
        self._mine: dict[str, Kind] = {}
        self._dirty: list[str] = []
        self._leave: Callable[[], None] | None = None

    def start(self) -> None:
        if self._leave is not None:
            return
        self._leave = self.store.subscribe(self._see)
        for crd in self.store.objects(CRD):
            self._dirty.append(name_of(crd))
        self.settle()

    def stop(self) -> None:
        if self._leave is not None:
            self._leave()
            self._leave = None

    def _see(self, change: Change) -> None:
        if change.kind != CRD:
            return
        name = name_of(change.object)
        if change.type == "DELETED":
            self._remove(name)
            return
        # served at once: who waits for a definition does not wait for its status
        self._serve(change.object)
        if not self._dirty:
            self._dirty.append(name)
            self.store.simulation.call_later(0, self.settle)
        else:
            self._dirty.append(name)

    def settle(self) -> None:
        """Serve what new definitions ask for, and say in their status that it is served."""
        while self._dirty:
            crd = self.store.find(CRD, "", self._dirty.pop())
            if crd is not None and self._serve(crd):
                self._establish(crd)

    def _serve(self, crd: Obj) -> bool:
        """Whether the definition's kind is served now."""
        if "deletionTimestamp" in crd["metadata"]:
            return False
        row = row_of(crd, schemas=self.schemas)
        if row is None:
            return False
        row = _OURS.get((row.kind.group, row.kind.kind), row)
        known = self.store.resources.by_kind(row.kind.api_version, row.kind.kind)
        if row not in _OURS.values() or known is None:
            self.store.resources.add(row)
        self._mine[name_of(crd)] = row.kind
        return True

    def _establish(self, crd: Obj) -> None:
        if any(c.get("type") == "Established" for c in mappings(crd, "status", "conditions")):
            return
        now = format_instant(self.store.simulation.now())
        conditions = [
            {
                "type": type_,
                "status": "True",
                "reason": reason,
                "message": message,
                "lastTransitionTime": now,
            }
            for type_, reason, message in (
                ("NamesAccepted", "NoConflicts", "no conflicts found"),
                ("Established", "InitialNamesAccepted", "the initial names have been accepted"),
            )
        ]
        stored = [text(v, "name") for v in mappings(crd, "spec", "versions") if flag(v, "storage")]
        status = {
            "conditions": conditions,
            "acceptedNames": dig(crd, "spec", "names"),
            "storedVersions": stored,
        }
        self.store.update(CRD, {**crd, "status": status}, subresource="status")

    def _remove(self, name: str) -> None:
        kind = self._mine.pop(name, None)
        if kind is None:
            return
        for obj in self.store.objects(kind):
            self.store.delete(kind, namespace_of(obj), name_of(obj))
        self.store.resources.remove(kind)


def row_of(crd: Obj, *, schemas: bool = True) -> Resource | None:
    """The row that a definition asks for; None when it does not say enough."""
    names: Any = dig(crd, "spec", "names")
    group = text(crd, "spec", "group")
    versions = [v for v in mappings(crd, "spec", "versions") if v.get("served", True)]
    storage = next((v for v in versions if flag(v, "storage")), versions[0] if versions else None)
    if storage is None or not group or not text(names, "kind") or not text(names, "plural"):
        return None
    kind = Kind(
        group,
        text(storage, "name"),
        text(names, "kind"),
        text(names, "plural"),
        namespaced=text(crd, "spec", "scope") != "Cluster",
    )
    subresources = dig(storage, "subresources", default={})
    schema = mapping(storage, "schema", "openAPIV3Schema")
    columns = tuple(
        Column(text(c, "name"), text(c, "type"), text(c, "jsonPath"), int(c.get("priority") or 0))
        for c in mappings(storage, "additionalPrinterColumns")
    )
    return Resource(
        kind,
        text(names, "singular") or kind.kind.lower(),
        short=tuple(map(str, items(names, "shortNames"))),
        status="status" in subresources,
        scale="scale" in subresources,
        builtin=False,
        categories=tuple(map(str, items(names, "categories"))),
        versions=tuple(text(v, "name") for v in versions if v is not storage),
        columns=columns,
        prepare=crdschema.prepare(kind, schema) if schemas else as_is,
    )
