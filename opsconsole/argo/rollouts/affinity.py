"""Anti-affinity between versions: the rule that the controller injects while updating.

Follows `GenerateReplicaSetAffinity` and `RemoveInjectedAntiAffinityRule`
(utils/replicaset/replicaset.go).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts.hashes import pod_hash
from opsconsole.argo.rollouts.names import POD_HASH_LABEL
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.model.objects import dig, mapping, mappings

_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"


def strategy(ro: RolloutView) -> Mapping[str, Any] | None:
    """`GetRolloutAffinity`: the canary's wins over the blue-green's; None when it names no rule."""
    found = dig(ro.canary, "antiAffinity") or dig(ro.blue_green, "antiAffinity")
    if not isinstance(found, Mapping):
        return None
    named = found.get(_REQUIRED) is not None or found.get(_PREFERRED) is not None
    return found if named else None


def injected(ro: RolloutView) -> Any:
    """The affinity of a new ReplicaSet's pods: the template's, and our rule while updating."""
    own = dig(ro.template, "spec", "affinity")
    rule = strategy(ro)
    if rule is None or not ro.stable or ro.stable == pod_hash(ro.template, ro.collisions):
        return own
    term: dict[str, Any] = {
        "labelSelector": {
            "matchExpressions": [{"key": POD_HASH_LABEL, "operator": "In", "values": [ro.stable]}]
        },
        "namespaces": [ro.namespace],
        "topologyKey": "kubernetes.io/hostname",
    }
    field = _REQUIRED
    entry: dict[str, Any] = term
    if rule.get(_PREFERRED) is not None:
        field = _PREFERRED
        entry = {"weight": whole(dig(rule, _PREFERRED, "weight"), 0), "podAffinityTerm": term}
    pods = mapping(own, "podAntiAffinity")
    return {
        **mapping({"own": own}, "own"),
        "podAntiAffinity": {**pods, field: [*mappings(pods, field), entry]},
    }


def _is_ours(entry: Mapping[str, Any]) -> bool:
    term = mapping(entry, "podAffinityTerm") or entry
    return any(
        expression.get("key") == POD_HASH_LABEL
        for expression in mappings(term, "labelSelector", "matchExpressions")
    )


def without_injected(ro: RolloutView, affinity: Any) -> Any:
    """The affinity without the first rule that looks like ours; None when nothing is left."""
    if strategy(ro) is None or not isinstance(affinity, Mapping):
        return affinity
    pods = dict(mapping(affinity, "podAntiAffinity"))
    for field in (_REQUIRED, _PREFERRED):
        kept = [entry for entry in mappings(pods, field) if not _is_ours(entry)]
        pods.pop(field, None)
        if kept:
            pods[field] = kept
    found = {k: v for k, v in affinity.items() if k != "podAntiAffinity"}
    if pods:
        found["podAntiAffinity"] = pods
    return found or None


def is_stale(ro: RolloutView, affinity: Any) -> bool:
    """`IfInjectedAntiAffinityRuleNeedsUpdate`: our rule names a hash that is stable no more."""
    if strategy(ro) is None or ro.stable == pod_hash(ro.template, ro.collisions):
        return False
    pods = mapping(affinity, "podAntiAffinity")
    for field in (_REQUIRED, _PREFERRED):
        for entry in filter(_is_ours, mappings(pods, field)):
            term = mapping(entry, "podAffinityTerm") or entry
            for expression in mappings(term, "labelSelector", "matchExpressions"):
                if expression.get("key") == POD_HASH_LABEL:
                    return bool(expression.get("values") != [ro.stable])
    return False
