"""Restarting pods by eviction when `spec.restartAt` has come (`rollout/restart.go`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts import restarts as rules
from opsconsole.model.kinds import PDB, POD
from opsconsole.model.objects import labels_of, mapping, name_of
from opsconsole.model.selectors import matches_selector
from opsconsole.sandbox.rollouts.passes import Obj, Pass


def reconcile(p: Pass) -> None:
    """Evict old pods, a few at a time; restartedAt is set when none is left."""
    if p.ro.restart_at is None:
        return
    if p.now <= p.ro.restart_at:
        p.look_again((p.ro.restart_at - p.now).total_seconds())
        return
    if not rules.is_due(p.ro, p.now):
        return
    pods = [pod for rs in p.sets.all for pod in p.store.owned_by(rs.uid, POD)]
    plan = rules.plan(p.ro, p.sets, pods, p.now)
    evicted = 0
    for pod in plan.evict:
        if evicted < plan.allowed and _evict(p, pod):
            evicted += 1
    if plan.needed > evicted:
        p.look_again(rules.CHECK_AGAIN)
    else:
        p.restarted_at = p.ro.spec.get("restartAt")


def _evict(p: Pass, pod: Mapping[str, Any]) -> bool:
    """Whether the pod may go; a PodDisruptionBudget that has no room says no."""
    budgets = _budgets(p, pod)
    for budget in budgets:
        if mapping(budget, "status").get("disruptionsAllowed", 0) <= 0:
            return False
    for budget in budgets:
        status = mapping(budget, "status")
        left = status.get("disruptionsAllowed", 0) - 1
        p.store.update(
            PDB, {**budget, "status": {**status, "disruptionsAllowed": left}}, subresource="status"
        )
    p.store.delete(POD, p.ro.namespace, name_of(pod))
    return True


def _budgets(p: Pass, pod: Mapping[str, Any]) -> list[Obj]:
    return [
        budget
        for budget in p.store.objects(PDB, p.ro.namespace)
        if matches_selector(mapping(budget, "spec", "selector"), labels_of(pod))
    ]
