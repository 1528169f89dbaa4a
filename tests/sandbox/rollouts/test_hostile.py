"""Whatever stands in a Rollout, the controller says what is wrong and all others go on."""

from __future__ import annotations

import contextlib
import copy
import random

import pytest

from opsconsole.errors import OpsError
from opsconsole.model.kinds import ROLLOUT
from opsconsole.sandbox.apierrors import StatusError
from tests.sandbox.rollouts.support import Stand, rollout, service, virtual_service

JUNK = (
    None, True, -1, 0, 3, 2**40, 1.5, "", "x", "10%", "-5%", "1h", [], {}, [None], [{}], ["a"],
    {"a": 1}, {"name": ""}, {"duration": "x"}, "\x00", "é" * 300,
)  # fmt: skip

TEMPLATE = {
    "apiVersion": "argoproj.io/v1alpha1",
    "kind": "AnalysisTemplate",
    "metadata": {"name": "t"},
    "spec": {
        "args": [{"name": "a", "value": "b"}],
        "metrics": [
            {
                "name": "m",
                "interval": "5s",
                "count": 2,
                "provider": {"prometheus": {"address": "METRICS", "query": "m"}},
            }
        ],
    },
}

FULL = rollout(
    {
        "canary": {
            "stableService": "stable",
            "canaryService": "canary",
            "maxSurge": 1,
            "maxUnavailable": 0,
            "dynamicStableScale": True,
            "canaryMetadata": {"labels": {"a": "b"}},
            "antiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {}},
            "analysis": {
                "templates": [{"templateName": "t"}],
                "args": [{"name": "a", "value": "b"}],
            },
            "trafficRouting": {
                "managedRoutes": [{"name": "preview"}],
                "istio": {"virtualService": {"name": "vs", "routes": ["primary"]}},
            },
            "steps": [
                {"setWeight": 10},
                {"setCanaryScale": {"weight": 20}},
                {"pause": {"duration": 5}},
                {
                    "setHeaderRoute": {
                        "name": "preview",
                        "match": [{"headerName": "a", "headerValue": {"exact": "b"}}],
                    }
                },
                {"analysis": {"templates": [{"templateName": "t"}]}},
                {
                    "experiment": {
                        "duration": "5s",
                        "templates": [{"name": "a", "specRef": "canary"}],
                    }
                },
            ],
        }
    },
    replicas=2,
    minReadySeconds=1,
    progressDeadlineSeconds=30,
    rollbackWindow={"revisions": 2},
    restartAt="2026-01-01T00:00:00Z",
)


def places(value, path=()):
    if path:
        yield path
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, item in items:
        yield from places(item, (*path, key))


def spoiled(rng):
    obj = copy.deepcopy(FULL)
    for path in rng.sample([p for p in places(FULL["spec"], ("spec",)) if len(p) > 1], 2):
        target = obj
        try:
            for key in path[:-1]:
                target = target[key]
            target[path[-1]] = copy.deepcopy(rng.choice(JUNK))
        except (KeyError, IndexError, TypeError):
            continue
    return obj


@pytest.mark.parametrize("seed", range(60))
def test_no_spec_stops_the_controller(seed):
    rng = random.Random(seed)
    stand = Stand(
        TEMPLATE,
        service("stable"),
        service("canary"),
        virtual_service(),
        rollout({"canary": {}}, name="other"),
    )
    try:
        stand.apply(spoiled(rng))
    except OpsError:
        return
    stand.go(15)
    live = stand.store.find(ROLLOUT, "default", "demo")
    if live is not None:
        new = spoiled(rng)
        with contextlib.suppress(StatusError):
            stand.store.update(ROLLOUT, {**live, "spec": new["spec"]})
    stand.go(60)
    assert stand.ro("other")["status"]["phase"] == "Healthy"


@pytest.mark.parametrize("seed", range(30))
def test_no_status_stops_the_controller(seed):
    rng = random.Random(seed)
    stand = Stand(rollout({"canary": {"steps": [{"setWeight": 50}, {"pause": {}}]}}, replicas=2))
    stand.until("Healthy").run("set image demo app=shop:2")
    stand.go(10)

    def spoil(ro):
        for key in rng.sample(sorted(ro["status"]), 3):
            ro["status"][key] = copy.deepcopy(rng.choice(JUNK))

    live = copy.deepcopy(stand.ro())
    spoil(live)
    stand.store.update(ROLLOUT, live, subresource="status")
    stand.go(30)
