"""Subsets of an Istio DestinationRule that follow the versions (`UpdateHash` of istio.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.rollouts.names import MANAGED_BY, POD_HASH_LABEL
from opsconsole.argo.rollouts.promotion import Versions
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.rollouts.weights import Routing
from opsconsole.argo.traffic.istio import destination_rule
from opsconsole.model.objects import annotations_of, mapping, mappings, text


def delay(ro: RolloutView, sets: Versions, *, only_stable: bool) -> str:
    """Why the subsets must not switch yet, or empty.

    Without canary and stable Services the subsets alone carry traffic, so every version in it
    must be fully available; on an abort or a rollback only the stable one must.
    """
    if any(ro.stable_and_canary_services(prefer_ping_pong=False)):
        return ""
    watched = (sets.stable,) if only_stable else sets.all
    for rs in watched:
        if rs is not None and rs.replicas > 0 and not rs.fully_available:
            return f"delaying destination rule switch: ReplicaSet {rs.name} not fully available"
    return ""


def with_hashes(ro: RolloutView, rule: Mapping[str, Any], plan: Routing) -> dict[str, Any] | None:
    """The DestinationRule with its subsets at the versions of `plan`; None when they are.

    Subsets that are neither canary, stable nor an experiment's are dropped, as the real
    controller does.
    """
    names = destination_rule(ro) or {}
    targets = {
        text(names, "canarySubsetName"): plan.canary_hash,
        text(names, "stableSubsetName"): plan.stable_hash,
    }
    left = {text(d, "serviceName"): text(d, "podTemplateHash") for d in plan.experiments}
    subsets: list[Mapping[str, Any]] = []
    for subset in mappings(rule, "spec", "subsets"):
        name = text(subset, "name")
        if name in targets:
            subsets.append(_labelled(subset, targets[name]))
        elif name in left:
            subsets.append(_labelled(subset, left.pop(name)))
    subsets += [{"name": name, "labels": {POD_HASH_LABEL: left[name]}} for name in sorted(left)]
    return _changed(ro, rule, subsets)


def _labelled(subset: Mapping[str, Any], digest: str) -> dict[str, Any]:
    labels = {k: v for k, v in mapping(subset, "labels").items() if k != POD_HASH_LABEL}
    if digest:
        labels[POD_HASH_LABEL] = digest
    return {**subset, "labels": labels}


def _changed(
    ro: RolloutView, rule: Mapping[str, Any], subsets: Sequence[Mapping[str, Any]]
) -> dict[str, Any] | None:
    notes = {**annotations_of(rule), MANAGED_BY: ro.name}
    if notes == annotations_of(rule) and list(subsets) == mappings(rule, "spec", "subsets"):
        return None
    return {
        **rule,
        "metadata": {**mapping(rule, "metadata"), "annotations": notes},
        "spec": {**mapping(rule, "spec"), "subsets": list(subsets)},
    }


def updated_message(ro: RolloutView, plan: Routing) -> str:
    names = destination_rule(ro) or {}
    canary, stable = text(names, "canarySubsetName"), text(names, "stableSubsetName")
    return (
        f"DestinationRule {text(names, 'name')} subset updated "
        f"({canary}: {plan.canary_hash}, {stable}: {plan.stable_hash})"
    )
