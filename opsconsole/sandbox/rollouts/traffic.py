"""Traffic routing of a canary: Istio objects follow the weights (`rollout/trafficrouting.go`).

Routers that the sandbox does not play (nginx, ALB, SMI…) are taken as always obeying: their
weights are recorded in the status, so that steps, pods and the traffic model follow them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import weights
from opsconsole.argo.rollouts.promotion import rolling_back_dynamically
from opsconsole.argo.rollouts.weights import Routing
from opsconsole.argo.traffic import destination_rules, istio
from opsconsole.errors import RuleError
from opsconsole.model.kinds import DESTINATION_RULE, VIRTUAL_SERVICE
from opsconsole.model.objects import dig, mapping, text
from opsconsole.sandbox.apierrors import StatusError, not_found
from opsconsole.sandbox.rollouts import experiments, services
from opsconsole.sandbox.rollouts.passes import Obj, Pass

UPDATED = "Updated VirtualService"
"""The real reason, with its space."""

Change = Callable[[istio.Reference, Obj], dict[str, Any] | None]


class RoutingError(StatusError):
    """A router could not be brought to where it should be; the pass ends and is tried again."""

    def __init__(self, message: str) -> None:
        super().__init__(500, "InternalError", message)


def reconcile(p: Pass, *, informers_ready: bool) -> None:
    """`reconcileTrafficRouting`; `informers_ready` as in `_rule`."""
    if not _has_routers(p):
        p.canary.pop("weights", None)
        p.weights = None
        return
    running = experiments.weight_destinations(p)
    plan = weights.routing(p.ro, p.sets, running, aborted=p.pauses.aborted)
    if plan.reset_canary_service:
        services.ensure_target(p, p.ro.service("canaryService"), p.stable, check=False)
    uses_istio = istio.config(p.ro) is not None
    if uses_istio and plan.remove_managed:
        _each(p, lambda _, vs: istio.without_managed(p.ro, vs), "removed all managed routes.")
    if not weights.stable_can_take(p.ro, p.sets, plan.weight):
        return
    if uses_istio:
        _managed_routes(p, informers_ready=informers_ready)
        if p.new.available == 0 and (dig(p.ro.weights, "canary", "weight") or 0) > 0:
            _set_weight(p, plan)
        _update_hash(p, plan, informers_ready=informers_ready)
        _set_weight(p, plan)
    _record(p, plan)


def _has_routers(p: Pass) -> bool:
    routers = set(p.ro.routing or ()) - {"managedRoutes", "maxTrafficWeight"}
    return any(p.ro.routing and p.ro.routing.get(name) is not None for name in routers)


def _record(p: Pass, plan: Routing) -> None:
    found = weights.recorded(p.ro, plan)
    if weights.same(p.ro.weights, found):
        return
    p.event(n.TRAFFIC_WEIGHT_UPDATED, weights.updated_message(p.ro.weights, found))
    p.canary["weights"] = found
    p.weights = found


def _each(p: Pass, change: Change, what: str) -> None:
    """Change every VirtualService of the Rollout; an event for each that really changed."""
    for ref in istio.references(p.ro):
        vs = p.store.find(VIRTUAL_SERVICE, ref.namespace, ref.name)
        if vs is None:
            p.event(
                "VirtualServiceNotFound", f"VirtualService `{ref.name}` not found", warning=True
            )
            raise not_found(VIRTUAL_SERVICE, ref.name)
        new = change(ref, vs)
        if new is not None:
            p.store.update(VIRTUAL_SERVICE, new)
            p.event(UPDATED, f"VirtualService `{ref.name}` {what}")


def _set_weight(p: Pass, plan: Routing) -> None:
    try:
        _each(
            p,
            lambda ref, vs: istio.with_weight(p.ro, ref, vs, plan.weight, plan.experiments),
            f"set to desiredWeight '{plan.weight}'",
        )
    except RuleError as error:
        p.event(n.TRAFFIC_ROUTING_ERROR, error.message, warning=True)
        raise RoutingError(error.message) from error
    except StatusError as error:
        p.event(n.TRAFFIC_ROUTING_ERROR, error.message, warning=True)
        raise


def _managed_routes(p: Pass, *, informers_ready: bool) -> None:
    """Header and mirror routes of the current step; the first revision has none."""
    step = p.ro.current_step
    if step is None or p.ro.revision <= 1:
        return
    for field, make in (
        ("setHeaderRoute", istio.with_header_route),
        ("setMirrorRoute", istio.with_mirror_route),
    ):
        wanted = step.get(field)
        if not isinstance(wanted, Mapping):
            continue
        host = text(_rule(p, informers_ready=informers_ready), "spec", "host")

        def change(
            ref: istio.Reference, vs: Obj, make: Any = make, wanted: Any = wanted, host: str = host
        ) -> dict[str, Any]:
            return dict(make(p.ro, ref, vs, wanted, host))

        kind = "headerRoute" if field == "setHeaderRoute" else "mirrorRoute"
        try:
            _each(p, change, f"set {kind} '{text(wanted, 'name')}'")
        except RuleError as error:
            where = field[0].upper() + field[1:]
            raise RoutingError(f"[{where}] {error.message}") from error


def _rule(p: Pass, *, informers_ready: bool) -> Obj | None:
    """The DestinationRule of the Rollout; NotFound also while its informer is still filling.

    A controller that has just started serves VirtualServices from its cache a moment before
    it has the DestinationRules: the real one then warns and tries again.
    """
    wanted = istio.destination_rule(p.ro)
    if wanted is None:
        return None
    name = text(wanted, "name")
    found = p.store.find(DESTINATION_RULE, p.ro.namespace, name) if informers_ready else None
    if found is None:
        p.event("DestinationRuleNotFound", f"DestinationRule `{name}` not found", warning=True)
        raise not_found(DESTINATION_RULE, name)
    return found


def _update_hash(p: Pass, plan: Routing, *, informers_ready: bool) -> None:
    going_back = p.pauses.aborted or bool(rolling_back_dynamically(p.ro, p.sets))
    reason = destination_rules.delay(p.ro, p.sets, only_stable=going_back)
    if reason:
        raise RoutingError(reason)
    rule = _rule(p, informers_ready=informers_ready)
    if rule is None:
        return
    new = destination_rules.with_hashes(p.ro, rule, plan)
    if new is None:
        return
    before = mapping(rule, "spec").get("subsets")
    p.store.update(DESTINATION_RULE, new)
    if before != new["spec"]["subsets"] or mapping(rule, "metadata") != new["metadata"]:
        p.event("UpdatedDestinationRule", destination_rules.updated_message(p.ro, plan))
