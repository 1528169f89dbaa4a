"""What makes a Rollout's spec invalid, in the real controller's words and order.

Follows `pkg/apis/rollouts/validation/validation.go`. Types come first: in a cluster the
CustomResourceDefinition refuses mistyped fields before the controller sees them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.analysis.arguments import field_value
from opsconsole.argo.rollouts import podtemplates, shapes
from opsconsole.argo.rollouts.fielderrors import internal, invalid, required
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.argo.rollouts.stepchecks import step_problems
from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, mapping, mappings, text

Problems = Iterator[str]

_NOT_NEGATIVE = "must be greater than or equal to 0"
_MISSING = "Rollout has missing field '{}'"
_SAME_BLUE_GREEN = (
    "This rollout uses the same service for the active and preview services, "
    "but two different services are required."
)
_SAME_CANARY = (
    "This rollout uses the same service for the stable and canary services, "
    "but two different services are required."
)
_SAME_PING_PONG = (
    "This rollout uses the same service for the ping and pong services, "
    "but two different services are required."
)
_NEEDS_SERVICES = "Canary service and Stable service must to be set to use Traffic Routing"
_HISTORY = (
    "This rollout's revision history limit can not be smaller than the rollout's scale down limit"
)
_STRATEGY = "spec.strategy"


def problems(ro: RolloutView) -> Problems:
    """Everything wrong with the spec, the one that the controller reports first."""
    wrong = list(shapes.problems(ro.obj))
    if wrong:
        yield from wrong
        return
    spec = ro.spec
    if ro.replicas < 0:
        yield invalid("spec.replicas", ro.replicas, _NOT_NEGATIVE)
    if ro.workload_ref is None:
        yield from _selector(ro)
    elif ro.template and dig(ro.obj, "metadata", "annotations", shapes.RESOLVED) is None:
        yield internal("spec.template", "template must be empty for workload reference rollout")
    if ro.selector is not None:
        yield from podtemplates.problems(ro.template, ro.selector, "spec.template")
    for field, value in (
        ("minReadySeconds", ro.min_ready),
        ("revisionHistoryLimit", ro.history_limit),
        ("progressDeadlineSeconds", ro.deadline),
    ):
        if value < 0:
            yield invalid(f"spec.{field}", value, _NOT_NEGATIVE)
    if ro.deadline <= ro.min_ready:
        yield invalid(
            "spec.progressDeadlineSeconds", ro.deadline, "must be greater than minReadySeconds"
        )
    yield from _strategy(ro, mapping(spec, "strategy"))


def _selector(ro: RolloutView) -> Problems:
    if ro.selector is None:
        yield required("spec.selector", _MISSING.format(".spec.selector"))
        return
    yield from podtemplates.selector_problems(ro.selector, "spec.selector")
    if not mapping(ro.selector, "matchLabels") and not mappings(ro.selector, "matchExpressions"):
        yield invalid("spec.selector", ro.selector, "empty selector is invalid for deployment")


def _strategy(ro: RolloutView, strategy: Mapping[str, Any]) -> Problems:
    del strategy
    canary, blue_green = ro.canary is not None, ro.blue_green is not None
    if not canary and not blue_green:
        names = ".spec.strategy.canary or .spec.strategy.blueGreen"
        yield required(f"{_STRATEGY}.strategy", _MISSING.format(names))
    elif canary and blue_green:
        yield invalid(
            f"{_STRATEGY}.strategy",
            "blueGreen: true canary: true",
            "Multiple Strategies can not be listed",
        )
    elif blue_green:
        yield from _blue_green(ro)
    else:
        yield from _canary(ro)


def _blue_green(ro: RolloutView) -> Problems:
    active = ro.service("activeService")
    if active == ro.service("previewService"):
        yield invalid(f"{_STRATEGY}.activeService", active, _SAME_BLUE_GREEN)
    limit = whole(dig(ro.blue_green, "scaleDownDelayRevisionLimit"))
    if limit is not None and ro.history_limit < limit:
        yield invalid(f"{_STRATEGY}.scaleDownDelayRevisionLimit", limit, _HISTORY)
    yield from _anti_affinity(dig(ro.blue_green, "antiAffinity"))


def _canary(ro: RolloutView) -> Problems:
    canary = ro.canary or {}
    if ro.fenceposts_are_zero:
        yield invalid(
            f"{_STRATEGY}.maxSurge",
            canary.get("maxSurge"),
            "MaxSurge and MaxUnavailable both can not be zero",
        )
    stable, new = ro.service("stableService"), ro.service("canaryService")
    if stable and stable == new:
        yield invalid(f"{_STRATEGY}.stableService", stable, _SAME_CANARY)
    yield from _ping_pong(ro)
    if _requires_services(ro):
        for field, name in (("stableService", stable), ("canaryService", new)):
            if not name:
                yield invalid(f"{_STRATEGY}.{field}", name, _NEEDS_SERVICES)
    yield from _routing(ro, canary)
    for index, step in enumerate(ro.steps):
        yield from step_problems(ro, step, f"{_STRATEGY}.steps[{index}]")
        yield from _step_arguments(ro, step, f"{_STRATEGY}.steps[{index}]")
    yield from _anti_affinity(canary.get("antiAffinity"))


def _ping_pong(ro: RolloutView) -> Problems:
    if not ro.ping_pong:
        return
    where = f"{_STRATEGY}.pingPong"
    routing = ro.routing
    if routing is not None and routing.get("alb") is None and routing.get("istio") is None:
        why = "Ping-pong feature works with the ALB and Istio traffic routers only"
        yield invalid(f"{_STRATEGY}.trafficRouting.alb", None, why)
    ping = text(ro.canary, "pingPong", "pingService")
    pong = text(ro.canary, "pingPong", "pongService")
    why = "Ping service and Pong service must to be set to use Ping-Pong feature"
    if not ping:
        yield invalid(f"{where}.pingService", ping, why)
    if not pong:
        yield invalid(f"{where}.pongService", pong, why)
    if ping == pong:
        yield invalid(f"{where}.pingService", ping, _SAME_PING_PONG)
    if dig(routing, "alb") is not None and not text(routing, "alb", "rootService"):
        yield invalid(
            f"{_STRATEGY}.trafficRouting.alb.rootService",
            "",
            "Root service field is required for the configuration with ALB and ping-pong "
            "feature enabled",
        )


def _requires_services(ro: RolloutView) -> bool:
    """`requireCanaryStableServices`: routers that split between Services."""
    routing = ro.routing
    if routing is None:
        return False
    if any(
        routing.get(name) is not None
        for name in ("smi", "apisix", "ambassador", "nginx", "appMesh", "traefik")
    ):
        return True
    if ro.ping_pong:
        return False
    istio = routing.get("istio")
    plain_istio = istio is not None and dig(istio, "destinationRule") is None
    return routing.get("alb") is not None or plain_istio


def _routing(ro: RolloutView, canary: Mapping[str, Any]) -> Problems:
    delay = canary.get("scaleDownDelaySeconds")
    if ro.routing is None:
        if delay is not None:
            why = "Canary scaleDownDelaySeconds can only be used with traffic routing"
            yield invalid(f"{_STRATEGY}.scaleDownDelaySeconds", delay, why)
        if ro.dynamic_stable_scale:
            why = "Canary dynamicStableScale can only be used with traffic routing"
            yield invalid(f"{_STRATEGY}.dynamicStableScale", True, why)
        return
    if delay is not None and ro.dynamic_stable_scale:
        why = "Canary dynamicStableScale cannot be used with scaleDownDelaySeconds"
        yield invalid(f"{_STRATEGY}.dynamicStableScale", True, why)
    top = ro.routing.get("maxTrafficWeight")
    if top is not None and ro.routing.get("nginx") is None and not mapping(ro.routing, "plugins"):
        why = "Canary maxTrafficWeight in traffic routing only supported in Nginx and Plugins"
        yield invalid(f"{_STRATEGY}.trafficRouting.maxTrafficWeight", top, why)


def _step_arguments(ro: RolloutView, step: Mapping[str, Any], where: str) -> Problems:
    """Arguments of inline analyses must name metadata that there is."""
    args = [*mappings(step, "analysis", "args")]
    for analysis in mappings(step, "experiment", "analyses"):
        args += mappings(analysis, "args")
    for arg in args:
        path = text(arg, "valueFrom", "fieldRef", "fieldPath")
        if not path.startswith("metadata"):
            continue
        try:
            field_value(ro.obj, path)
        except RuleError:
            why = "Analyses arguments must refer to valid object metadata supported by downwardAPI"
            yield invalid(f"{where}.analyses", args, why)


def _anti_affinity(rule: Any) -> Problems:
    if not isinstance(rule, Mapping):
        return
    where = f"{_STRATEGY}.antiAffinity"
    preferred = rule.get("preferredDuringSchedulingIgnoredDuringExecution")
    wanted = rule.get("requiredDuringSchedulingIgnoredDuringExecution")
    if (preferred is None) == (wanted is None):
        both = "true" if preferred is not None else "false"
        value = (
            f"antiAffinity.PreferredDuringSchedulingIgnoredDuringExecution: {both} "
            f"antiAffinity.RequiredDuringSchedulingIgnoredDuringExecution: {both}"
        )
        yield invalid(where, value, "AntiAffinity must have exactly one strategy listed")
    weight = whole(dig(preferred, "weight"), 0) or 0
    if preferred is not None and not 1 <= weight <= 100:
        yield invalid(f"{where}.weight", weight, "AntiAffinity weight must be between 1-100")
