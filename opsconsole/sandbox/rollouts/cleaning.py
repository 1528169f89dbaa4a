"""Takes Argo's marks off Services and DestinationRules that no Rollout names any more.

Separate from the Rollout controller, as in the real one (`service/service.go`,
`rollout/trafficrouting/istio/controller.go`): the objects have work queues of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.model.kinds import DESTINATION_RULE, ROLLOUT, SERVICE
from opsconsole.model.objects import annotations_of, mapping, mappings, namespace_of, text
from opsconsole.sandbox.rollouts.services import selected_hash
from opsconsole.sandbox.runtime import Key, Mapper, Watch
from opsconsole.sandbox.store import Change, Obj, Store


def _services(ro: RolloutView) -> set[str]:
    if ro.blue_green is not None:
        names = {ro.service("activeService"), ro.service("previewService")}
    else:
        names = {ro.service("stableService"), ro.service("canaryService")}
        names |= {text(ro.canary, "pingPong", side) for side in ("pingService", "pongService")}
    return names - {""}


def _rules(ro: RolloutView) -> set[str]:
    return {text(istio.destination_rule(ro), "name")} - {""}


def _without(meta: Mapping[str, Any]) -> dict[str, Any]:
    kept = {k: v for k, v in mapping(meta, "annotations").items() if k != n.MANAGED_BY}
    return {**meta, "annotations": kept}


class ServiceCleaner:
    """Removes the hash selector and the annotation of Services that are no longer a Rollout's."""

    name = "rollouts-service-controller"

    def __init__(self, store: Store) -> None:
        self.store = store

    def watches(self) -> Iterable[Watch]:
        return (Watch(SERVICE), Watch(ROLLOUT, _left(_services)))

    def reconcile(self, key: Key) -> float | None:
        service = self.store.find(SERVICE, key.namespace, key.name)
        if service is None or not selected_hash(service):
            return None
        owner = annotations_of(service).get(n.MANAGED_BY)
        if owner is None:
            views = map(RolloutView, self.store.objects(ROLLOUT, key.namespace))
            used = any(key.name in _services(ro) for ro in views)
        else:
            live = self.store.find(ROLLOUT, key.namespace, owner)
            used = live is not None and key.name in _services(RolloutView(live))
        if not used:
            self.store.update(SERVICE, _clean_service(service))
        return None


def _clean_service(service: Obj) -> dict[str, Any]:
    spec = mapping(service, "spec")
    selector = {k: v for k, v in mapping(spec, "selector").items() if k != n.POD_HASH_LABEL}
    return {
        **service,
        "metadata": _without(mapping(service, "metadata")),
        "spec": {**spec, "selector": selector},
    }


class RuleCleaner:
    """Removes the hash labels and the annotation of DestinationRules that a Rollout has left."""

    name = "rollouts-istio-controller"

    def __init__(self, store: Store) -> None:
        self.store = store

    def watches(self) -> Iterable[Watch]:
        return (Watch(DESTINATION_RULE), Watch(ROLLOUT, _left(_rules)))

    def reconcile(self, key: Key) -> float | None:
        rule = self.store.find(DESTINATION_RULE, key.namespace, key.name)
        owner = "" if rule is None else annotations_of(rule).get(n.MANAGED_BY, "")
        if rule is None or not owner:
            return None
        live = self.store.find(ROLLOUT, key.namespace, owner)
        if live is None or key.name not in _rules(RolloutView(live)):
            self.store.update(DESTINATION_RULE, _clean_rule(rule))
        return None


def _clean_rule(rule: Obj) -> dict[str, Any]:
    spec = mapping(rule, "spec")
    subsets = []
    for subset in mappings(spec, "subsets"):
        labels = {k: v for k, v in mapping(subset, "labels").items() if k != n.POD_HASH_LABEL}
        kept = {k: v for k, v in subset.items() if k != "labels"}
        subsets.append({**kept, "labels": labels} if labels else kept)
    return {
        **rule,
        "metadata": _without(mapping(rule, "metadata")),
        "spec": {**spec, "subsets": subsets},
    }


def _left(named: Callable[[RolloutView], set[str]]) -> Mapper:
    """The objects that a Rollout named before a change, and does not name after it."""

    def keys(change: Change) -> Iterable[Key]:
        gone = change.type == "DELETED"
        before = change.object if gone else change.old
        if before is None:
            return ()
        now = set() if gone else named(RolloutView(change.object))
        namespace = namespace_of(change.object)
        return [Key(namespace, name) for name in sorted(named(RolloutView(before)) - now)]

    return keys
