"""The table of kinds that the sandbox serves, with what a server has to know of each.

One row a kind; CustomResourceDefinitions that clients create add rows. `sandbox.api` builds
discovery, OpenAPI and tables from it, `sandbox.store` its rules for writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import text

Obj = dict[str, Any]


def as_is(new: Obj, old: Obj | None) -> Obj:  # noqa: ARG001
    return new


def _no_grace(obj: Obj, asked: int | None) -> int:  # noqa: ARG001
    return 0


def pod_grace(obj: Obj, asked: int | None) -> int:
    """Pods on a node end gracefully; a Pod that never ran is removed at once."""
    if not text(obj, "spec", "nodeName") or text(obj, "status", "phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return asked
    seconds = obj.get("spec", {}).get("terminationGracePeriodSeconds", 30)
    return int(seconds) if isinstance(seconds, int) else 30


_PENDING: dict[str, Any] = {"phase": "Pending"}


def _new_pod(new: Obj, old: Obj | None) -> Obj:
    """A pod starts Pending (registry/core/pod/strategy.go)."""
    return new if old is not None else {**new, "status": _PENDING}


def _same(obj: Obj) -> Obj:
    return obj


KUBERNETES = "1.35.0"
"""The release whose API the sandbox imitates."""


@dataclass(frozen=True, slots=True)
class Column:
    """One of a CRD's `additionalPrinterColumns`; `path` is its JSONPath, priority 1 is `-o wide`."""

    name: str
    type: str
    path: str
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Served:
    """A kind as a path names it, and how its objects become those that are stored, and back."""

    kind: Kind
    resource: Resource
    outward: Callable[[Obj], Obj] = _same
    inward: Callable[[Obj], Obj] = _same


@dataclass(frozen=True)
class Resource:
    """One served kind.

    `status`, `scale`: whether it has that subresource (Application, AnalysisRun and Experiment
    have none: their CRDs say so). `builtin` kinds take strategic-merge patches, others answer
    415. `prepare(new, old)` is defaulting and validation on write; `grace(obj, asked)` the
    seconds that a deletion waits for the kubelet. `generation` tells whether its metadata has one. `versions` are further versions that serve
    the same objects; `columns` what `kubectl get` shows of a custom resource.
    """

    kind: Kind
    singular: str
    short: tuple[str, ...] = ()
    status: bool = False
    scale: bool = False
    builtin: bool = True
    categories: tuple[str, ...] = ()
    prepare: Callable[[Obj, Obj | None], Obj] = field(default=as_is)
    grace: Callable[[Obj, int | None], int] = field(default=_no_grace)
    generation: bool = True
    versions: tuple[str, ...] = ()
    columns: tuple[Column, ...] = ()

    def desired(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The part of an object whose change moves `metadata.generation`."""
        skip = ("metadata", "status") if self.status or self.builtin else ("metadata",)
        return {key: value for key, value in obj.items() if key not in skip}


class Resources:
    """The kinds that are served now; by default the rows of `sandbox.catalogue`."""

    def __init__(self, rows: tuple[Resource, ...] | None = None) -> None:
        self._rows: dict[Kind, Resource] = {}
        self._by_kind: dict[tuple[str, str], Kind] = {}
        self._served: dict[tuple[str, str, str], Served] = {}
        if rows is None:
            from opsconsole.sandbox import catalogue

            for row in catalogue.ROWS:
                self.add(row)
            for served in catalogue.converted(self):
                self.add_served(served)
        else:
            for row in rows:
                self.add(row)

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._rows.values())

    def of(self, kind: Kind) -> Resource:
        return self._rows[kind]

    def add(self, row: Resource) -> None:
        self._rows[row.kind] = row
        self.add_served(Served(row.kind, row))
        for version in row.versions:
            self.add_served(_version(row, version))

    def add_served(self, served: Served) -> None:
        """Serve a kind whose objects are stored as another (another version or group)."""
        kind = served.kind
        self._served[kind.group, kind.version, kind.plural] = served
        self._by_kind[kind.api_version, kind.kind] = served.resource.kind

    def remove(self, kind: Kind) -> None:
        self._rows.pop(kind, None)
        for path, served in tuple(self._served.items()):
            if served.resource.kind == kind:
                del self._served[path]
        for key, stored in tuple(self._by_kind.items()):
            if stored == kind:
                del self._by_kind[key]

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        """The kind under which objects of that apiVersion (any served version) are stored."""
        return self._by_kind.get((api_version, kind))

    def by_path(self, group: str, version: str, plural: str) -> Resource | None:
        served = self.served(group, version, plural)
        return served.resource if served else None

    def served(self, group: str, version: str, plural: str) -> Served | None:
        return self._served.get((group, version, plural))

    def all_served(self) -> tuple[Served, ...]:
        return tuple(self._served.values())


def _version(row: Resource, version: str) -> Served:
    kind = replace(row.kind, version=version)
    stored = row.kind.api_version
    return Served(
        kind,
        row,
        lambda obj: {**obj, "apiVersion": kind.api_version},
        lambda obj: {**obj, "apiVersion": stored},
    )
