"""Istio's routes and subsets, Ingresses, and what the Rollouts controller makes of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.lint.findings import NOTE, Hit, Path, Placed
from opsconsole.argo.lint.rollouts import view
from opsconsole.argo.lint.scope import Scope
from opsconsole.argo.rollouts.fielderrors import invalid
from opsconsole.argo.rollouts.replicas import approximate
from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.argo.traffic import istio
from opsconsole.model.objects import dig, items, mapping, mappings, name_of, number, text
from opsconsole.model.yamlplaces import parse_path


def weights(one: Placed, _: Scope) -> Iterator[Hit]:
    """Weights of a route. Istio refuses a total of 0; another total is no share in percent."""
    for kind in (istio.HTTP, istio.TLS, istio.TCP):
        for index, route in enumerate(mappings(one.manifest, "spec", kind)):
            found = mappings(route, "route")
            total = sum(number(d, "weight") for d in found)
            path: Path = ("spec", kind, index, "route")
            where = f"route {text(route, 'name') or index}"
            if any(number(d, "weight") < 0 for d in found):
                yield Hit(f"{where}: a weight is negative", path)
            elif len(found) > 1 and total == 0:
                yield Hit(f"{where}: total destination weight = 0", path)
            elif len(found) > 1 and total != 100:
                why = f"{where}: the weights sum to {total}, not 100"
                yield Hit(why, path, "warning")


def subsets(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Destinations of a VirtualService that name a subset which no DestinationRule has."""
    rules: dict[str, tuple[str, set[str]]] = {}
    for rule in scope.beside(one, "DestinationRule"):
        host = _host(text(rule.manifest, "spec", "host"))
        names = {text(s, "name") for s in mappings(rule.manifest, "spec", "subsets")}
        rules.setdefault(host, (name_of(rule.manifest), set()))[1].update(names)
    for kind in (istio.HTTP, istio.TLS, istio.TCP):
        for index, route in enumerate(mappings(one.manifest, "spec", kind)):
            for number_, found in enumerate(mappings(route, "route")):
                subset = text(found, "destination", "subset")
                host = text(found, "destination", "host")
                known = rules.get(_host(host))
                if subset and known is not None and subset not in known[1]:
                    path = ("spec", kind, index, "route", number_, "destination", "subset")
                    yield Hit(
                        f"subset '{subset}' of {host} is not in DestinationRule {known[0]}", path
                    )


def _host(host: str) -> str:
    return host.partition(".")[0]


def rule_subsets(one: Placed, scope: Scope) -> Iterator[Hit]:
    """The DestinationRule of a Rollout: subsets that it must have, and those it will lose."""
    ro = view(one)
    config = istio.destination_rule(ro)
    rule = scope.find("DestinationRule", ro.namespace, text(config, "name"))
    if config is None or rule is None:
        return
    names = [text(s, "name") for s in mappings(rule.manifest, "spec", "subsets")]
    base = "spec.strategy.canary.trafficRouting.istio.destinationRule"
    wanted = {field: text(config, field) for field in ("canarySubsetName", "stableSubsetName")}
    for field, name in wanted.items():
        if name not in names:
            why = f"DestinationRule {name_of(rule.manifest)} has no subset '{name}'"
            yield Hit(invalid(f"{base}.{field}", name, why), parse_path(f"{base}.{field}"))
    for name in names:
        if name not in wanted.values():
            why = (
                f"the controller drops subset '{name}' of DestinationRule {name_of(rule.manifest)}"
            )
            yield Hit(f"{why}: it keeps its own two only", parse_path(base), "warning")


def ignored_weights(one: Placed, scope: Scope) -> Iterator[Hit]:
    """The controller writes weights and subset labels; Argo CD must leave them alone."""
    ro = view(one)
    application = _application(one, scope)
    if application is None or istio.config(ro) is None:
        return
    ignored = mappings(application.manifest, "spec", "ignoreDifferences")
    kinds = {text(entry, "kind") for entry in ignored}
    wanted = ["VirtualService"] if istio.references(ro) else []
    wanted += ["DestinationRule"] if istio.destination_rule(ro) else []
    for kind in wanted:
        if kind not in kinds and "*" not in kinds:
            why = (
                f"{application.label} does not ignore what the Rollouts controller writes to the "
                f"{kind}: it is OutOfSync during every update, and selfHeal puts the old value back"
            )
            yield Hit(why, parse_path("spec.strategy.canary.trafficRouting.istio"))


def _application(one: Placed, scope: Scope) -> Placed | None:
    """The Application whose set this is."""
    return scope.application if one in scope.own.placed else None


def ingress_backends(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Services that an Ingress names and that stand nowhere."""
    for path, name in _backends(one.manifest):
        if scope.find("Service", one.namespace, name) is None and not _action(one, name):
            certain = scope.complete and any(True for _ in scope.own.kind("Service"))
            yield Hit(f'service "{name}" not found', path, "" if certain else NOTE)


def _action(one: Placed, name: str) -> bool:
    """A backend that an annotation of the AWS load balancer controller explains."""
    return f"alb.ingress.kubernetes.io/actions.{name}" in mapping(
        one.manifest, "metadata", "annotations"
    )


def _backends(manifest: Mapping[str, Any]) -> Iterator[tuple[Path, str]]:
    spec = mapping(manifest, "spec")
    default = text(spec, "defaultBackend", "service", "name")
    if default:
        yield ("spec", "defaultBackend", "service", "name"), default
    for index, rule in enumerate(mappings(spec, "rules")):
        for number_, entry in enumerate(mappings(rule, "http", "paths")):
            base: Path = ("spec", "rules", index, "http", "paths", number_, "backend")
            name = text(entry, "backend", "service", "name")
            if name:
                yield (*base, "service", "name"), name


def ingress_rules(one: Placed, scope: Scope) -> Iterator[str]:
    """`ValidateIngress`: the stable Ingress of NGINX or the ALB must lead to the Rollout's Service."""
    ro = view(one)
    for router, field in (("nginx", "stableIngress"), ("alb", "ingress")):
        config = dig(ro.routing, router)
        if config is None:
            continue
        where = f"spec.strategy.canary.trafficRouting.{router}"
        plural = f"{field}es" if router == "nginx" else "ingresses"
        one_name, several = text(config, field), [str(n) for n in items(config, plural)]
        if bool(one_name) == bool(several):
            title = {"stableIngress": "StableIngress or StableIngresses"}.get(
                field, "Ingress or Ingresses"
            )
            state = "Both" if one_name else "Neither"
            yield f"{where}: Internal error: Either {title} must be configured. {state} are configured."
        service = text(config, "rootService") or ro.service("stableService")
        for name, at in [(one_name, field)] if one_name else [(n, plural) for n in several]:
            ingress = scope.find("Ingress", ro.namespace, name)
            if ingress is not None and service not in [s for _, s in _backends(ingress.manifest)]:
                why = f"ingress `{name}` has no rules using service {service} backend"
                yield invalid(f"{where}.{at}", name, why)


def rounded_weight(one: Placed, _: Scope) -> Iterator[Hit]:
    """Without a router a weight is a number of pods: the share that is really served."""
    ro = view(one)
    written = whole(ro.spec.get("replicas"))
    if ro.canary is None or ro.routing is not None or not written:
        return
    for index, step in enumerate(ro.steps):
        weight = whole(step.get("setWeight"))
        if weight is None or not 0 < weight < 100:
            continue
        real = _share(ro, weight)
        if abs(real - weight) >= 5:
            path = ("spec", "strategy", "canary", "steps", index, "setWeight")
            why = (
                f"setWeight {weight} of {ro.replicas} pods is {real:.0f} % without a traffic router"
            )
            yield Hit(why, path)


def _share(ro: RolloutView, weight: int) -> float:
    canary, stable = approximate(ro.replicas, weight, ro.max_weight, ro.max_surge)
    return 100 * canary / (canary + stable)
