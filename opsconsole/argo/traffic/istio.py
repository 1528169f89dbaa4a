"""VirtualServices of a canary: weights and managed routes (`rollout/trafficrouting/istio/istio.go`).

Every function takes a decoded VirtualService and gives a new one that shares what did not
change, or None when nothing changes. Errors are RuleError with the real controller's text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.rollouts.spec import RolloutView, whole
from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, items, mapping, mappings, text

Route = Mapping[str, Any]
VirtualService = Mapping[str, Any]

HTTP, TLS, TCP = "http", "tls", "tcp"
HTTP_NOT_FOUND = "spec.http not found"


@dataclass(frozen=True, slots=True)
class Reference:
    """One entry of `istio.virtualService` or `istio.virtualServices`."""

    namespace: str
    name: str
    routes: tuple[str, ...]
    tls: tuple[Mapping[str, Any], ...]
    tcp: tuple[Mapping[str, Any], ...]


def config(ro: RolloutView) -> Mapping[str, Any] | None:
    found = None if ro.routing is None else ro.routing.get("istio")
    return found if isinstance(found, Mapping) else None


def several(ro: RolloutView) -> bool:
    """`MultipleVirtualServiceConfigured`."""
    return bool(items(config(ro), "virtualServices"))


def split_name(name: str) -> tuple[str, str]:
    """`GetVirtualServiceNamespaceName`: "vs.ns" is (ns, vs); a plain name has no namespace."""
    plain = name.removesuffix(".cluster.local").removesuffix(".svc")
    head, dot, tail = plain.rpartition(".")
    return (tail, head) if dot else ("", plain)


def references(ro: RolloutView) -> list[Reference]:
    """The VirtualServices of a Rollout; an empty namespace is the Rollout's own."""
    istio = config(ro)
    one = dig(istio, "virtualService")
    found = mappings(istio, "virtualServices") or ([one] if isinstance(one, Mapping) else [])
    made = []
    for entry in found:
        namespace, name = split_name(text(entry, "name"))
        made.append(
            Reference(
                namespace or ro.namespace,
                name,
                tuple(str(r) for r in items(entry, "routes")),
                tuple(mappings(entry, "tlsRoutes")),
                tuple(mappings(entry, "tcpRoutes")),
            )
        )
    return made


def destination_rule(ro: RolloutView) -> Mapping[str, Any] | None:
    found = dig(config(ro), "destinationRule")
    return found if isinstance(found, Mapping) else None


def managed_names(ro: RolloutView) -> list[str]:
    return [text(route, "name") for route in mappings(ro.routing, "managedRoutes")]


def routes_of(vs: VirtualService, kind: str) -> list[Route] | None:
    """`spec.http`, `spec.tls` or `spec.tcp`; None when it is not there."""
    return mappings(vs, "spec", kind) if isinstance(dig(vs, "spec", kind), list) else None


def host_of(destination: Route) -> str:
    """`getHost`: the host up to its first dot; empty when it starts with one."""
    host = text(destination, "destination", "host")
    return host.partition(".")[0]


# which routes carry the weights


def http_indexes(names: Sequence[str], routes: Sequence[Route]) -> list[int]:
    """`getHttpRouteIndexesToPatch`: the named routes; without names the only or first unnamed."""
    if not names:
        if len(routes) == 1:
            return [0]
        for index, route in enumerate(routes):
            if not text(route, "name"):
                return [index]
        return []
    found = []
    for name in names:
        place = next((i for i, r in enumerate(routes) if text(r, "name") == name), None)
        if place is None:
            raise RuleError(f"HTTP Route '{name}' is not found in the defined Virtual Service.")
        found.append(place)
    return found


def tls_indexes(wanted: Sequence[Route], routes: Sequence[Route]) -> list[int]:
    """`getTlsRouteIndexesToPatch`: routes of one port and exactly the SNI hosts asked for."""
    if not wanted:
        return [0] if routes else []
    found: list[int] = []
    for entry in wanted:
        hits = [
            index
            for index, route in enumerate(routes)
            if _port_is(route, entry)
            and sorted({str(h) for m in mappings(route, "match") for h in items(m, "sniHosts")})
            == sorted(str(h) for h in items(entry, "sniHosts"))
        ]
        if not hits:
            raise RuleError("No matching TLS routes found in the defined Virtual Service.")
        found += hits
    return found


def tcp_indexes(wanted: Sequence[Route], routes: Sequence[Route]) -> list[int]:
    """`getTcpRouteIndexesToPatch`: routes of exactly the port asked for."""
    if not wanted:
        return [0] if routes else []
    found: list[int] = []
    for entry in wanted:
        hits = [index for index, route in enumerate(routes) if _port_is(route, entry)]
        if not hits:
            raise RuleError("No matching TCP routes found in the defined Virtual Service.")
        found += hits
    return found


def _port_is(route: Route, entry: Route) -> bool:
    ports = {whole(match.get("port"), 0) for match in mappings(route, "match")}
    return len(ports) <= 1 and next(iter(ports), 0) == whole(entry.get("port"), 0)


# validation


def check(ro: RolloutView, ref: Reference, vs: VirtualService) -> list[str]:
    """`ValidateVirtualService`: what is wrong with one VirtualService, empty when nothing is."""
    found: list[str] = []
    kinds = {HTTP: "HTTP", TLS: "TLS", TCP: "TCP"}
    if all(routes_of(vs, kind) is None for kind in kinds):
        found.append(
            "Unable to get any of the HTTP, TCP or TLS routes for the Istio VirtualService"
        )
    for kind, title in kinds.items():
        routes = routes_of(vs, kind)
        if routes is None:
            continue
        try:
            _check_routes(ro, ref, kind, routes)
        except RuleError as error:
            found.append(f"Istio VirtualService has invalid {title} routes. Error: {error.message}")
    return found


def _check_routes(ro: RolloutView, ref: Reference, kind: str, routes: Sequence[Route]) -> None:
    for index in _indexes(ref, kind, routes):
        _check_destinations(ro, mappings(routes[index], "route"))
    plain = routes
    if kind == HTTP:
        managed = managed_names(ro)
        plain = [r for r in routes if text(r, "name") not in managed]
    chosen = {HTTP: ref.routes, TLS: ref.tls, TCP: ref.tcp}[kind]
    if not chosen and len(plain) > 1:
        field = {HTTP: "routes", TLS: "tlsRoutes", TCP: "tcpRoutes"}[kind]
        raise RuleError(
            f"spec.{kind}[] should be set in VirtualService and it must have exactly one route when "
            f"omitting spec.strategy.canary.trafficRouting.istio.virtualService.{field}"
        )


def _indexes(ref: Reference, kind: str, routes: Sequence[Route]) -> list[int]:
    if kind == HTTP:
        return http_indexes(ref.routes, routes)
    return tls_indexes(ref.tls, routes) if kind == TLS else tcp_indexes(ref.tcp, routes)


def _check_destinations(ro: RolloutView, destinations: Sequence[Route]) -> None:
    """`validateVirtualServiceRouteDestinations`: both sides are named, by subset or by host."""
    stable, canary = ro.stable_and_canary_services(prefer_ping_pong=False)
    rule = destination_rule(ro)
    if rule is None:
        hosts = {host_of(d) for d in destinations}
        for side, name in (("Canary", canary), ("Stable", stable)):
            if not name or name not in hosts:
                raise RuleError(f"{side} Service '{name}' not found in route")
        return
    subsets = {text(d, "destination", "subset") for d in destinations}
    for side, field in (("Canary", "canarySubsetName"), ("Stable", "stableSubsetName")):
        name = text(rule, field)
        if not name or name not in subsets:
            raise RuleError(f"{side} DestinationRule subset '{name}' not found in route")


# weights


def with_weight(
    ro: RolloutView, ref: Reference, vs: VirtualService, weight: int,
    extra: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any] | None:  # fmt: skip
    """`SetWeight` of one VirtualService; None when it has these weights already.

    `extra` are experiments' destinations `{serviceName, weight}`. Raises RuleError for routes
    that cannot be used.
    """
    spec = dict(mapping(vs, "spec"))
    changed = False
    for kind in (HTTP, TLS, TCP):
        routes = routes_of(vs, kind)
        if routes is None:
            continue
        _check_routes(ro, ref, kind, routes)
        new = list(routes)
        for index in _weighted_indexes(ro, ref, kind, routes):
            destinations = _weighted(ro, mappings(routes[index], "route"), weight, extra)
            if destinations is not None:
                new[index] = {**routes[index], "route": destinations}
                changed = True
        spec[kind] = new
    if not changed:
        return None
    return ordered(ro, {**vs, "spec": spec})


def _weighted_indexes(
    ro: RolloutView, ref: Reference, kind: str, routes: Sequence[Route]
) -> list[int]:
    if kind != HTTP:
        return _indexes(ref, kind, routes)
    managed = managed_names(ro)
    mirrors = [
        text(r, "name")
        for r in routes
        if r.get("mirror") is not None and text(r, "name") in managed
    ]
    found = http_indexes(ref.routes, routes) if ref.routes or not mirrors else []
    return found + http_indexes(mirrors, routes) if mirrors else found


def _weighted(
    ro: RolloutView, destinations: Sequence[Route], weight: int, extra: Sequence[Mapping[str, Any]]
) -> list[Route] | None:
    """`processRoutes`: the destinations at a weight, or None when they have it."""
    stable_svc, canary_svc = ro.stable_and_canary_services(prefer_ping_pong=False)
    rule = destination_rule(ro)
    canary_subset, stable_subset = text(rule, "canarySubsetName"), text(rule, "stableSubsetName")
    kept_subsets = [str(s) for s in items(rule, "additionalSubsetNames")]
    experiments = {text(d, "serviceName"): whole(d.get("weight"), 0) or 0 for d in extra}
    fixed = sum(
        whole(d.get("weight"), 0) or 0
        for d in destinations
        if text(d, "destination", "subset") in kept_subsets
    )
    rest = max(0, 100 - weight - sum(experiments.values()) - fixed)
    found: list[Route] = []
    changed = False
    for destination in destinations:
        host, subset = host_of(destination), text(destination, "destination", "subset")
        now = whole(destination.get("weight"), 0) or 0
        if host == canary_svc or (subset and subset == canary_subset):
            want: int | None = weight
        elif host == stable_svc or (subset and subset == stable_subset):
            want = rest
        elif host in experiments:
            want = experiments.pop(host)
        elif not host or (subset and subset in kept_subsets) or now == 0:
            want = now
        else:
            want = None
        if want is None:
            changed = True
        elif want == now:
            found.append(destination)
        else:
            found.append({**destination, "weight": want})
            changed = True
    for host in sorted(experiments):
        found.append({"weight": experiments[host], "destination": {"host": host}})
        changed = True
    return found if changed else None


# managed routes


def ordered(ro: RolloutView, vs: dict[str, Any]) -> dict[str, Any]:
    """`orderRoutes`: managed routes first, in their list's order."""
    managed = managed_names(ro)
    routes = routes_of(vs, HTTP)
    if not managed or routes is None:
        return vs
    rank = {name: index for index, name in enumerate(managed)}
    first = sorted(
        (r for r in routes if text(r, "name") in rank), key=lambda r: rank[text(r, "name")]
    )
    others = [r for r in routes if text(r, "name") not in rank]
    return {**vs, "spec": {**mapping(vs, "spec"), HTTP: [*first, *others]}}


def without_managed(ro: RolloutView, vs: VirtualService) -> dict[str, Any] | None:
    """`RemoveManagedRoutes` of one VirtualService; None when there are none."""
    routes = routes_of(vs, HTTP)
    managed = set(managed_names(ro))
    if routes is None or not any(text(r, "name") in managed for r in routes):
        return None
    kept = [r for r in routes if text(r, "name") not in managed]
    return {**vs, "spec": {**mapping(vs, "spec"), HTTP: kept}}


def _replaced(vs: VirtualService, routes: Sequence[Route]) -> dict[str, Any]:
    return {**vs, "spec": {**mapping(vs, "spec"), HTTP: list(routes)}}


def _base(vs: VirtualService, name: str) -> list[Route]:
    routes = routes_of(vs, HTTP)
    if routes is None:
        raise RuleError(HTTP_NOT_FOUND)
    return [r for r in routes if text(r, "name") != name]


def _canary_destination(ro: RolloutView, rule_host: str, port: int) -> dict[str, Any]:
    """Where a managed route sends to: the DestinationRule's host and subset, or the Service."""
    _, service = ro.stable_and_canary_services(prefer_ping_pong=False)
    found: dict[str, Any] = {"host": rule_host or service}
    if port:
        found["port"] = {"number": port}
    subset = text(destination_rule(ro), "canarySubsetName")
    if subset:
        found["subset"] = subset
    return found


def _weight_route(ref: Reference, routes: Sequence[Route]) -> list[Route]:
    indexes = http_indexes(ref.routes, routes)
    return mappings(routes[indexes[0]], "route") if indexes else []


def _port_of(route: Sequence[Route]) -> int:
    return whole(dig(route[0], "destination", "port", "number"), 0) or 0 if route else 0


def with_header_route(
    ro: RolloutView, ref: Reference, vs: VirtualService, step: Mapping[str, Any], rule_host: str
) -> dict[str, Any]:
    """`SetHeaderRoute`: the route put in anew, or taken away when the step has no match."""
    name = text(step, "name")
    routes = _base(vs, name)
    if step.get("match") is not None:
        matches = []
        for match in mappings(step, "match"):
            value = mapping(match, "headerValue")
            kept = {k: value[k] for k in ("exact", "regex", "prefix") if value.get(k)}
            matches.append({"headers": {text(match, "headerName"): kept}})
        try:
            port = _port_of(_weight_route(ref, routes))
        except RuleError:
            port = 0
        destination = {"weight": 100, "destination": _canary_destination(ro, rule_host, port)}
        routes.append({"name": name, "match": matches, "route": [destination]})
    return ordered(ro, _replaced(vs, routes))


def with_mirror_route(
    ro: RolloutView, ref: Reference, vs: VirtualService, step: Mapping[str, Any], rule_host: str
) -> dict[str, Any]:
    """`SetMirrorRoute`: a copy of the weighted route that also mirrors to the canary."""
    name = text(step, "name")
    routes = _base(vs, name)
    if step.get("match") is not None:
        base = _weight_route(ref, routes)
        names = {"method": "method", "path": "uri", "headers": "headers"}
        matches = [
            {new: match[old] for old, new in names.items() if match.get(old) is not None}
            for match in mappings(step, "match")
        ]
        share = whole(step.get("percentage"), 100)
        mirror: dict[str, Any] = {
            "name": name,
            "match": matches,
            "route": base,
            "mirror": _canary_destination(ro, rule_host, _port_of(base)),
            "mirrorPercentage": {"value": 100 if share is None else share},
        }
        routes.insert(0, mirror)
    return ordered(ro, _replaced(vs, routes))
