"""What makes one step of a canary invalid (`ValidateRolloutStrategyCanary`, validation.go)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.rollouts.fielderrors import invalid, required
from opsconsole.argo.rollouts.spec import RolloutView, Step, pause_seconds, whole
from opsconsole.model.objects import dig, mapping, mappings, text

Problems = Iterator[str]

KINDS = (
    "experiment", "pause", "setWeight", "analysis", "setCanaryScale", "setHeaderRoute",
    "setMirrorRoute", "plugin",
)  # fmt: skip

_GO_NAMES = {kind: kind[0].upper() + kind[1:] for kind in KINDS}
_ONE_OF = "Step must have one of the following set: experiment, setWeight, setCanaryScale, plugin or pause"
_TOO_MANY = "StringMatch match value must have exactly one of the following: exact, regex, prefix"
_NO_VALUE = (
    "StringMatch value missed, match value must have one of the following: exact, regex, prefix"
)
_HEADER_ROUTERS = "SetHeaderRoute requires TrafficRouting, supports Istio and ALB and Apisix"
_NOT_MANAGED = (
    "Steps define a route that does not exist in spec.strategy.canary.trafficRouting.managedRoutes"
)
_ROUTING = "spec.strategy.trafficRouting"


def _present(step: Step, kind: str) -> bool:
    return step.get(kind) is not None


def _truth(value: bool) -> str:  # noqa: FBT001
    return "true" if value else "false"


def step_problems(ro: RolloutView, step: Step, where: str) -> Problems:
    """`where` is the path of the step ("spec.strategy.steps[0]")."""
    exclusive = ("setWeight", "pause", "experiment", "analysis")
    if sum(_present(step, kind) for kind in exclusive) > 1:
        listed = ("experiment", "pause", "setWeight", "analysis")
        value = " ".join(f"step.{_GO_NAMES[k]}: {_truth(_present(step, k))}" for k in listed)
        yield invalid(where, value, _ONE_OF)
    if not any(_present(step, kind) for kind in (*KINDS, "replicaProgressThreshold")):
        # the real message says true for what is absent
        value = " ".join(f"step.{_GO_NAMES[k]}: true" for k in KINDS)
        yield invalid(where, value, _ONE_OF)
    weight = whole(step.get("setWeight"))
    if weight is not None and not 0 <= weight <= ro.max_weight:
        why = f"SetWeight needs to be between 0 and {ro.max_weight}"
        yield invalid(f"{where}.setWeight", weight, why)
    seconds = pause_seconds(dig(step, "pause", "duration"))
    if seconds < 0:
        yield invalid(f"{where}.pause.duration", seconds, "Duration needs to be greater than 0")
    if _present(step, "setCanaryScale") and ro.routing is None:
        yield required(_ROUTING, "SetCanaryScale requires TrafficRouting to be set")
    yield from _header_route(ro, step, f"{where}.setHeaderRoute")
    yield from _mirror_route(ro, step, f"{where}.setMirrorRoute")
    yield from _managed(ro, step, where)
    yield from _experiment(ro, step, f"{where}.experiment")


def _header_route(ro: RolloutView, step: Step, where: str) -> Problems:
    route = step.get("setHeaderRoute")
    if route is None:
        return
    routing = ro.routing or {}
    routers = [name for name in ("istio", "alb", "apisix") if routing.get(name) is not None]
    if not routers and not mapping(routing, "plugins"):
        yield invalid(where, route, _HEADER_ROUTERS)
        return
    for index, match in enumerate(mappings(route, "match")):
        value = match.get("headerValue")
        at = f"{where}.match[{index}]"
        if "alb" in routers:
            yield from _alb_value(value, at)
        else:
            yield from _string_match(value, at)


def _alb_value(value: Any, where: str) -> Problems:
    if not isinstance(value, Mapping):
        yield invalid(where, value, _NO_VALUE)
    elif not value.get("exact") or value.get("regex") or value.get("prefix"):
        why = "SetHeaderRoute match value invalid. ALB supports 'exact' value only"
        yield invalid(where, value, why)


def _string_match(value: Any, where: str) -> Problems:
    """`hasMultipleMatchValues`: exactly one of exact, regex and prefix."""
    given = [k for k in ("exact", "regex", "prefix") if mapping({"v": value}, "v").get(k)]
    if len(given) > 1:
        yield invalid(where, value, _TOO_MANY)
    elif not given:
        yield invalid(where, value, _NO_VALUE)


def _mirror_route(ro: RolloutView, step: Step, where: str) -> Problems:
    route = step.get("setMirrorRoute")
    if route is None:
        return
    if dig(ro.routing, "istio") is None:
        yield invalid(where, route, "SetMirrorRoute requires TrafficRouting, supports Istio only")
    for index, match in enumerate(mappings(route, "match")):
        for field in ("method", "path"):
            if match.get(field) is not None:
                yield from _string_match(match[field], f"{where}.match[{index}]")


def _managed(ro: RolloutView, step: Step, where: str) -> Problems:
    """Header and mirror routes must be declared as managed."""
    kinds = [kind for kind in ("setHeaderRoute", "setMirrorRoute") if _present(step, kind)]
    if ro.routing is None or not kinds:
        return
    if ro.routing.get("managedRoutes") is None:
        field = "spec.strategy.canary.trafficRouting.managedRoutes"
        yield required(f"{_ROUTING}.managedRoutes", f"Rollout has missing field '{field}'")
        return
    declared = {text(route, "name") for route in mappings(ro.routing, "managedRoutes")}
    for kind in kinds:
        name = text(step, kind, "name")
        if name not in declared:
            yield invalid(f"{where}.{kind}", name, _NOT_MANAGED)


def _experiment(ro: RolloutView, step: Step, where: str) -> Problems:
    for index, template in enumerate(mappings(step, "experiment", "templates")):
        weight = template.get("weight")
        if weight is None:
            continue
        at = f"{where}.templates[{index}].weight"
        routing = ro.routing
        if routing is None:
            why = "Experiment template weight cannot be set unless TrafficRouting is enabled"
            yield invalid(at, weight, why)
        elif not any(routing.get(name) is not None for name in ("alb", "smi", "istio")) and (
            not mapping(routing, "plugins")
        ):
            yield invalid(
                at,
                weight,
                "Experiment template weight is only available for TrafficRouting with SMI, ALB, "
                "Istio and Plugins at this time",
            )
