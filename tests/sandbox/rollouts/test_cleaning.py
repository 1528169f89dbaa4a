"""Services and DestinationRules that a Rollout leaves get their own shape back."""

from __future__ import annotations

from opsconsole.model.kinds import DESTINATION_RULE, ROLLOUT, SERVICE
from tests.sandbox.rollouts.support import Stand, rollout, service, virtual_service

OWNED = "argo-rollouts.argoproj.io/managed-by-rollouts"
HASH = "rollouts-pod-template-hash"


def test_a_service_is_cleaned_when_the_strategy_changes():
    stand = Stand(service("active"), rollout({"blueGreen": {"activeService": "active"}}))
    stand.until("Healthy")
    assert stand.selector("active") == stand.hash_of(1)
    store = stand.cluster.store
    live = store.get(ROLLOUT, "default", "demo")
    store.update(ROLLOUT, {**live, "spec": {**live["spec"], "strategy": {"canary": {}}}})
    stand.go(2)
    cleaned = store.get(SERVICE, "default", "active")
    assert cleaned["spec"]["selector"] == {"app": "demo"}
    assert OWNED not in cleaned["metadata"].get("annotations", {})


def test_a_destination_rule_is_cleaned_when_routing_ends():
    subsets = [{"name": "stable", "labels": {"tier": "web"}}, {"name": "canary"}]
    rule = {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "DestinationRule",
        "metadata": {"name": "rule"},
        "spec": {"host": "demo", "subsets": subsets},
    }
    names = {"canarySubsetName": "canary", "stableSubsetName": "stable"}
    vs = virtual_service()
    for index, route in enumerate(vs["spec"]["http"][0]["route"]):
        route["destination"] = {"host": "demo", "subset": ("stable", "canary")[index]}
    istio = {"virtualService": {"name": "vs"}, "destinationRule": {"name": "rule", **names}}
    canary = {"trafficRouting": {"istio": istio}, "steps": [{"setWeight": 10}]}
    stand = Stand(vs, rule, rollout({"canary": canary})).until("Healthy").go(2)
    store = stand.cluster.store
    marked = store.get(DESTINATION_RULE, "default", "rule")
    assert marked["metadata"]["annotations"][OWNED] == "demo"
    assert marked["spec"]["subsets"][0]["labels"][HASH] == stand.hash_of(1)
    live = store.get(ROLLOUT, "default", "demo")
    store.update(ROLLOUT, {**live, "spec": {**live["spec"], "strategy": {"canary": {}}}})
    stand.go(2)
    cleaned = store.get(DESTINATION_RULE, "default", "rule")
    assert OWNED not in cleaned["metadata"].get("annotations", {})
    assert cleaned["spec"]["subsets"] == subsets
