"""Which Rollouts a change of another object concerns.

An index of names that Rollouts mention, kept from the store's own changes, so that a change
of a Service wakes its Rollout and no other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.model.kinds import (
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    DEPLOYMENT,
    DESTINATION_RULE,
    ROLLOUT,
    SERVICE,
    VIRTUAL_SERVICE,
    Kind,
)
from opsconsole.model.objects import controller_of, mappings, name_of, namespace_of, text
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store

_SERVICE_FIELDS = ("activeService", "previewService", "stableService", "canaryService")


def owner(change: Change) -> Iterable[Key]:
    """The Rollout that controls the object; both, when it changed hands."""
    found = []
    for obj in (change.object, change.old):
        ref = controller_of(obj or {})
        if ref.get("kind") == "Rollout":
            key = Key(namespace_of(change.object), text(ref, "name"))
            if key not in found:
                found.append(key)
    return found


def owner_of_phase(change: Change) -> Iterable[Key]:
    """AnalysisRuns matter to their Rollout when they come, go, or change phase."""
    if change.type == "MODIFIED" and text(change.object, "status", "phase") == text(
        change.old, "status", "phase"
    ):
        return ()
    return owner(change)


class References:
    """Objects that Rollouts name. `busy()` is true while the controller itself is writing."""

    def __init__(self, store: Store, busy: Callable[[], bool]) -> None:
        self.store = store
        self.busy = busy

    def watches(self) -> Iterable[Watch]:
        kinds = (
            SERVICE, VIRTUAL_SERVICE, DESTINATION_RULE, DEPLOYMENT, ANALYSIS_TEMPLATE,
            CLUSTER_ANALYSIS_TEMPLATE,
        )  # fmt: skip
        return tuple(Watch(kind, self._keys) for kind in kinds)

    def _keys(self, change: Change) -> Iterable[Key]:
        """Rollouts of the namespace that name the object.

        The controller's own writes do not wake it: the real one would switch a Service to and
        fro for as long as an abort lasts.
        """
        if self.busy() or (change.type == "MODIFIED" and _same_spec(change)):
            return ()
        namespace, name = namespace_of(change.object), name_of(change.object)
        candidates = self.store.objects(ROLLOUT, namespace)
        return [
            Key(namespace_of(ro), name_of(ro))
            for ro in candidates
            if name in _named(RolloutView(ro), change.kind)
        ]


def _same_spec(change: Change) -> bool:
    return change.old is not None and change.object.get("spec") == change.old.get("spec")


def _named(ro: RolloutView, kind: Kind) -> set[str]:
    if kind == SERVICE:
        names = {ro.service(field) for field in _SERVICE_FIELDS}
        if ro.canary is not None:
            names.update(ro.stable_and_canary_services(prefer_ping_pong=True))
        return names
    if kind == VIRTUAL_SERVICE:
        return {ref.name for ref in istio.references(ro)}
    if kind == DESTINATION_RULE:
        return {text(istio.destination_rule(ro), "name")}
    if kind == DEPLOYMENT:
        return {text(ro.workload_ref, "name")} if ro.workload_ref is not None else set()
    return _template_names(ro)


def _template_names(ro: RolloutView) -> set[str]:
    analyses: list[Mapping[str, Any]] = [
        step["analysis"] for step in ro.steps if _is_map(step.get("analysis"))
    ]
    for holder, fields in (
        (ro.canary, ("analysis",)),
        (ro.blue_green, ("prePromotionAnalysis", "postPromotionAnalysis")),
    ):
        analyses += [holder[f] for f in fields if holder is not None and _is_map(holder.get(f))]
    return {text(ref, "templateName") for a in analyses for ref in mappings(a, "templates")}


def _is_map(value: Any) -> bool:
    return isinstance(value, Mapping)
