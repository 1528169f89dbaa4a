"""Linting files of manifests."""

from __future__ import annotations

import pytest

from opsconsole.argo.rollouts.lint import lint
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from tests.argo.rollouts.test_rules import made, routed


def service(name, app="demo"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": "ns"},
        "spec": {"selector": {"app": app}},
    }


def test_a_good_file_is_silent():
    text = yamldoc.dump_all([made(routed({"setWeight": 20})), service("stable"), service("canary")])
    assert lint(text) == []


def test_a_bad_step_is_said():
    text = yamldoc.dump_all([made(), made({"steps": [{"setWeight": 300}]})])
    assert lint(text) == [
        "spec.strategy.steps[0].setWeight: Invalid value: 300: SetWeight needs to be between 0 and 100"
    ]


def test_services_of_the_same_file_are_looked_at():
    text = yamldoc.dump_all([made(routed()), service("stable", app="other")])
    assert lint(text) == [
        (
            'spec.strategy.canary.stableService: Invalid value: "stable": '
            'Service "stable" has unmatch label "app" in rollout'
        )
    ]


def test_what_is_no_rollout_is_left_alone():
    assert lint("kind: ConfigMap\n---\n- 1\n---\n") == []


def test_what_is_no_yaml_is_said():
    with pytest.raises(YamlError):
        lint("a: [")


def test_ping_pong_services_are_looked_at():
    sides = {"pingService": "ping", "pongService": "pong"}
    text = yamldoc.dump_all([made({"pingPong": sides}), service("ping", app="other")])
    assert lint(text) == [
        (
            'spec.strategy.canary.pingPong.pingService: Invalid value: "ping": '
            'Service "ping" has unmatch label "app" in rollout'
        )
    ]


def test_a_service_may_select_what_the_strategy_writes_onto_its_pods():
    own = {**routed(), "canaryMetadata": {"labels": {"role": "canary"}}}
    wanted = service("canary")
    wanted["spec"]["selector"]["role"] = "canary"
    assert lint(yamldoc.dump_all([made(own), wanted])) == []
    stable = {**wanted, "metadata": {**wanted["metadata"], "name": "stable"}}
    assert "unmatch label" in lint(yamldoc.dump_all([made(own), stable]))[0]
