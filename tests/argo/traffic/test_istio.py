"""VirtualServices and DestinationRules as the Istio router writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.errors import RuleError


def rollout(**config):
    routing = {"istio": config or {"virtualService": {"name": "vs"}}}
    return RolloutView(
        {
            "metadata": {"name": "demo", "namespace": "ns"},
            "spec": {
                "strategy": {
                    "canary": {
                        "stableService": "stable",
                        "canaryService": "canary",
                        "trafficRouting": {**routing, "managedRoutes": [{"name": "preview"}]},
                    }
                }
            },
        }
    )


def destinations(*weights):
    return [
        {"destination": {"host": host}, "weight": weight}
        for host, weight in zip(("stable", "canary"), weights, strict=True)
    ]


def virtual_service(**spec):
    return {"metadata": {"name": "vs", "namespace": "ns"}, "spec": spec}


HTTP = virtual_service(http=[{"name": "primary", "route": destinations(100, 0)}])


def weighted(ro, vs, weight):
    return istio.with_weight(ro, istio.references(ro)[0], vs, weight)


def shown(vs, kind="http", index=0):
    return [entry["weight"] for entry in vs["spec"][kind][index]["route"]]


@given(st.integers(0, 100))
def test_weights_sum_to_a_hundred(weight):
    changed = weighted(rollout(), HTTP, weight)
    if changed is None:
        assert weight == 0
    else:
        assert shown(changed) == [100 - weight, weight]
        assert weighted(rollout(), changed, weight) is None


def test_only_named_routes_change():
    ro = rollout(virtualService={"name": "vs", "routes": ["second"]})
    routes = [{"name": name, "route": destinations(100, 0)} for name in ("first", "second")]
    changed = weighted(ro, virtual_service(http=routes), 30)
    assert shown(changed, index=0) == [100, 0]
    assert shown(changed, index=1) == [70, 30]


def test_tls_and_tcp_routes_are_found_by_port_and_host():
    tls = [{"match": [{"port": 443, "sniHosts": ["a"]}], "route": destinations(100, 0)}]
    tcp = [{"match": [{"port": 9000}], "route": destinations(100, 0)}]
    config = {
        "name": "vs",
        "tlsRoutes": [{"port": 443, "sniHosts": ["a"]}],
        "tcpRoutes": [{"port": 9000}],
    }
    changed = weighted(rollout(virtualService=config), virtual_service(tls=tls, tcp=tcp), 20)
    assert shown(changed, "tls") == [80, 20]
    assert shown(changed, "tcp") == [80, 20]


def test_a_route_that_is_not_there_is_said():
    ro = rollout(virtualService={"name": "vs", "routes": ["other"]})
    with pytest.raises(RuleError, match="HTTP Route 'other' is not found in the defined Virtual"):
        weighted(ro, HTTP, 10)


def test_a_missing_host_is_said():
    vs = virtual_service(http=[{"name": "primary", "route": [{"destination": {"host": "x"}}]}])
    ro = rollout()
    assert any("not found in route" in why for why in istio.check(ro, istio.references(ro)[0], vs))


def test_names_may_carry_their_namespace():
    assert istio.split_name("vs") == ("", "vs")
    assert istio.split_name("vs.other") == ("other", "vs")
    assert istio.split_name("vs.other.svc.cluster.local") == ("other", "vs")


def test_a_header_route_comes_first_and_goes_again():
    ro = rollout()
    ref = istio.references(ro)[0]
    step = {"name": "preview", "match": [{"headerName": "x", "headerValue": {"prefix": "y"}}]}
    with_route = istio.with_header_route(ro, ref, HTTP, step, "")
    assert [route["name"] for route in with_route["spec"]["http"]] == ["preview", "primary"]
    assert with_route["spec"]["http"][0]["match"] == [{"headers": {"x": {"prefix": "y"}}}]
    assert with_route["spec"]["http"][0]["route"][0]["destination"]["host"] == "canary"
    without = istio.without_managed(ro, with_route)
    assert [route["name"] for route in without["spec"]["http"]] == ["primary"]
    assert istio.without_managed(ro, HTTP) is None


def test_a_mirror_route_copies_the_weights():
    ro = rollout()
    step = {"name": "preview", "percentage": 35, "match": [{"method": {"exact": "GET"}}]}
    found = istio.with_mirror_route(ro, istio.references(ro)[0], HTTP, step, "")["spec"]["http"][0]
    assert found["mirrorPercentage"] == {"value": 35}
    assert found["mirror"]["host"] == "canary"
    assert shown({"spec": {"http": [found]}}) == [100, 0]
    assert found["match"] == [{"method": {"exact": "GET"}}]


def test_the_given_object_is_never_changed():
    before = repr(HTTP)
    weighted(rollout(), HTTP, 50)
    assert repr(HTTP) == before
