"""The table of kinds that the sandbox serves, with what a server has to know of each.

One row a kind; CustomResourceDefinitions that clients create add rows. `sandbox.api` builds
discovery, OpenAPI and tables from it, `sandbox.store` its rules for writes.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.model import kinds
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import text

Obj = dict[str, Any]


def _as_is(new: Obj, old: Obj | None) -> Obj:  # noqa: ARG001
    return new


def _no_grace(obj: Obj, asked: int | None) -> int:  # noqa: ARG001
    return 0


def _pod_grace(obj: Obj, asked: int | None) -> int:
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


@dataclass(frozen=True)
class Resource:
    """One served kind.

    `status`, `scale`: whether it has that subresource (Application, AnalysisRun and Experiment
    have none: their CRDs say so). `builtin` kinds take strategic-merge patches, others answer
    415. `prepare(new, old)` is defaulting and validation on write; `grace(obj, asked)` the
    seconds that a deletion waits for the kubelet.
    """

    kind: Kind
    singular: str
    short: tuple[str, ...] = ()
    status: bool = False
    scale: bool = False
    builtin: bool = True
    categories: tuple[str, ...] = ()
    prepare: Callable[[Obj, Obj | None], Obj] = field(default=_as_is)
    grace: Callable[[Obj, int | None], int] = field(default=_no_grace)

    def desired(self, obj: Mapping[str, Any]) -> dict[str, Any]:
        """The part of an object whose change moves `metadata.generation`."""
        skip = ("metadata", "status") if self.status or self.builtin else ("metadata",)
        return {key: value for key, value in obj.items() if key not in skip}


def _row(kind: Kind, **more: Any) -> Resource:
    return Resource(kind, more.pop("singular", kind.kind.lower()), **more)


BUILT_IN: tuple[Resource, ...] = (
    _row(kinds.NAMESPACE, short=("ns",), status=True),
    _row(
        kinds.POD,
        short=("po",),
        status=True,
        categories=("all",),
        prepare=_new_pod,
        grace=_pod_grace,
    ),
    _row(kinds.SERVICE, short=("svc",), status=True, categories=("all",)),
    _row(kinds.CONFIG_MAP, short=("cm",)),
    _row(kinds.SECRET),
    _row(kinds.EVENT, short=("ev",)),
    _row(kinds.REPLICA_SET, short=("rs",), status=True, scale=True, categories=("all",)),
    _row(kinds.DEPLOYMENT, short=("deploy",), status=True, scale=True, categories=("all",)),
    _row(kinds.STATEFUL_SET, short=("sts",), status=True, scale=True, categories=("all",)),
    _row(kinds.DAEMON_SET, short=("ds",), status=True, categories=("all",)),
    _row(kinds.JOB, status=True, categories=("all",)),
    _row(kinds.HPA, short=("hpa",), status=True, categories=("all",)),
    _row(kinds.PDB, short=("pdb",), status=True),
    _row(kinds.ENDPOINT_SLICE),
)

ARGO: tuple[Resource, ...] = (
    _row(kinds.ROLLOUT, short=("ro",), status=True, scale=True, builtin=False),
    _row(kinds.ANALYSIS_RUN, short=("ar",), builtin=False),
    _row(kinds.ANALYSIS_TEMPLATE, short=("at",), builtin=False),
    _row(kinds.CLUSTER_ANALYSIS_TEMPLATE, short=("cat",), builtin=False),
    _row(kinds.EXPERIMENT, short=("exp",), builtin=False),
    _row(kinds.APPLICATION, short=("app", "apps"), builtin=False),
    _row(kinds.APPLICATION_SET, short=("appset", "appsets"), status=True, builtin=False),
    _row(kinds.APP_PROJECT, short=("appproj", "appprojs"), builtin=False),
    _row(kinds.VIRTUAL_SERVICE, short=("vs",), builtin=False),
    _row(kinds.DESTINATION_RULE, short=("dr",), builtin=False),
    _row(kinds.SEALED_SECRET, status=True, builtin=False),
)


class Resources:
    """The kinds that are served now."""

    def __init__(self, rows: tuple[Resource, ...] = BUILT_IN + ARGO) -> None:
        self._rows = {row.kind: row for row in rows}
        self._by_kind = {(row.kind.api_version, row.kind.kind): row.kind for row in rows}

    def __iter__(self) -> Iterator[Resource]:
        return iter(self._rows.values())

    def of(self, kind: Kind) -> Resource:
        return self._rows[kind]

    def add(self, row: Resource) -> None:
        self._rows[row.kind] = row
        self._by_kind[row.kind.api_version, row.kind.kind] = row.kind

    def remove(self, kind: Kind) -> None:
        self._rows.pop(kind, None)
        self._by_kind.pop((kind.api_version, kind.kind), None)

    def by_kind(self, api_version: str, kind: str) -> Kind | None:
        return self._by_kind.get((api_version, kind))

    def by_path(self, group: str, version: str, plural: str) -> Resource | None:
        for row in self._rows.values():
            if (row.kind.group, row.kind.version, row.kind.plural) == (group, version, plural):
                return row
        return None
