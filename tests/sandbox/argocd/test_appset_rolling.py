"""Progressive syncs in the running controller: what rolls when, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.model.kinds import SERVICE
from opsconsole.model.objects import text
from tests.sandbox.argocd.appsetstand import SetStand, rolling, template

APPS = {"a-dev": "dev", "b-prod": "prod", "c-prod": "prod"}
WAIT = "Application has pending changes, setting status to Waiting"
PENDING = "Application moved to Pending status, watching for the Application resource to start Progressing"  # fmt: skip
PROGRESSING = "Application resource completed a sync successfully, updating status from Pending to Progressing"  # fmt: skip
HEALTHY = "Application resource became Healthy, updating status from Progressing to Healthy"
AUTOMATED = {"automated": {"prune": True, "selfHeal": True}}


def stand(*steps: Any, apps: dict[str, str] = APPS, **spec: Any) -> SetStand:
    return SetStand(apps, progressive=True, strategy=rolling(*steps), **spec)


def told(made: SetStand, name: str) -> list[str]:
    """An Application's messages in the order in which they were written."""
    found: list[str] = []
    for statuses in made.history:
        found += [text(s, "message") for s in statuses if s["application"] == name]
    return [said for place, said in enumerate(found) if place == 0 or found[place - 1] != said]


def test_a_new_set_rolls_through_its_steps() -> None:
    made = stand(["dev"], ["prod"])
    made.run(60)
    assert made.statuses() == dict.fromkeys(APPS, "Healthy")
    assert [made.deployed(name) for name in APPS] == ["1", "1", "1"]
    assert made.condition("RolloutProgressing") == (
        "False",
        "ApplicationSetRolloutComplete",
        "ApplicationSet Rollout has completed",
    )
    assert made.condition("ResourcesUpToDate")[0] == "True"


def test_a_commit_rolls_with_the_messages_of_the_real_controller() -> None:
    made = stand(["dev"], ["prod"])
    made.run(60)
    made.history.clear()
    made.commit(40)
    for name in APPS:
        assert told(made, name) == [HEALTHY, WAIT, PENDING, PROGRESSING, HEALTHY]
    assert [made.deployed(name) for name in APPS] == ["2", "2", "2"]


def test_a_step_that_never_becomes_healthy_holds_the_next() -> None:
    made = stand(["dev"], ["prod"])
    made.run(60)
    port = {"port": 80}
    balancer = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "lb"}, "spec": {"type": "LoadBalancer", "ports": [port]}}  # fmt: skip
    made.sources.extra["a-dev"] = [balancer]
    made.commit(300)
    assert made.statuses() == {"a-dev": "Progressing", "b-prod": "Waiting", "c-prod": "Waiting"}
    assert [made.deployed(name) for name in APPS] == ["2", "1", "1"]
    assert made.condition("RolloutProgressing") == (
        "True",
        "ApplicationSetModified",
        "ApplicationSet is performing rollout of step 1",
    )
    assert made.set()["status"]["health"]["status"] == "Progressing"
    service = made.store.get(SERVICE, "default", "lb")
    status = {"loadBalancer": {"ingress": [{"ip": "192.0.2.1"}]}}
    made.store.update(SERVICE, {**service, "status": status}, subresource="status")
    made.run(60)
    assert made.statuses() == dict.fromkeys(APPS, "Healthy")
    assert made.deployed("c-prod") == "2"


def test_an_application_outside_of_every_step_is_never_synced() -> None:
    made = stand(["dev"], apps={"a-dev": "dev", "z-else": "other"})
    made.run(120)
    assert made.deployed("z-else") == ""
    assert made.statuses() == {"a-dev": "Healthy", "z-else": "Waiting"}
    steps = {s["application"]: s["step"] for s in made.set()["status"]["applicationStatus"]}
    assert steps == {"a-dev": "1", "z-else": "-1"}
    assert made.condition("RolloutProgressing")[0] == "False"


def test_automated_sync_is_switched_off_and_the_operation_prunes() -> None:
    made = stand(["dev"], ["prod"], template=template(syncPolicy=AUTOMATED))
    made.run(60)
    for name in APPS:
        assert made.app(name)["spec"]["syncPolicy"]["automated"] == {
            "enabled": False,
            "prune": True,
            "selfHeal": True,
        }
        operation = made.app(name)["status"]["operationState"]["operation"]
        assert operation["initiatedBy"] == {
            "username": "applicationset-controller",
            "automated": True,
        }
        assert operation["sync"]["prune"] is True
        assert operation["retry"] == {"limit": 5}


@pytest.mark.parametrize(
    ("limit", "count"),
    [(1, 1), (2, 2), (0, 0), ("0%", 0), ("25%", 1), ("50%", 2), ("10%", 1), ("150%", 4), ("x", 1)],
)
def test_max_update_limits_how_many_go_at_once(limit: Any, count: int) -> None:
    apps = {f"p{i}": "prod" for i in range(4)}
    made = stand((["prod"], limit), apps=apps)
    if not count:
        made.run(120)
        assert set(made.statuses().values()) == {"Waiting"}
        return
    made.run(60)
    busy = [[s for s in look if s["status"] in ("Pending", "Progressing")] for look in made.history]
    assert max(map(len, busy)) == count
    assert set(made.statuses().values()) == {"Healthy"}


def test_the_status_goes_with_the_strategy() -> None:
    made = stand(["dev"], ["prod"])
    made.run(60)
    made.change(strategy={"type": "AllAtOnce"})
    assert made.statuses() == {}
    kinds = [c["type"] for c in made.set()["status"]["conditions"]]
    assert kinds == ["ErrorOccurred", "ParametersGenerated", "ResourcesUpToDate"]


def test_without_the_parameter_nothing_rolls() -> None:
    made = SetStand(APPS, strategy=rolling(["dev"], ["prod"]))
    made.run(60)
    assert made.statuses() == {}
    assert [made.deployed(name) for name in APPS] == ["", "", ""]


def test_a_changed_template_waits_for_its_step() -> None:
    made = stand(["dev"], ["prod"])
    made.run(60)
    info = [{"name": "n", "value": "v"}]
    made.change(template=template(info=info))
    made.run(60)
    assert made.statuses() == dict.fromkeys(APPS, "Healthy")
    assert all(made.app(name)["spec"]["info"] == info for name in APPS)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("x", "invalid type: string is not a percentage"),
        ("x%", 'invalid value "x%": strconv.Atoi: parsing "x": invalid syntax'),
    ],
)
def test_an_invalid_max_update_is_a_condition(limit: str, why: str) -> None:
    made = stand((["dev"], limit), ["prod"])
    assert made.condition("InvalidRolloutConfig") == (
        "True",
        "ApplicationSetInvalidRolloutConfig",
        f"Step 1 has invalid maxUpdate value '{limit}': invalid value for IntOrString: {why}",
    )
    made.change(strategy=rolling((["dev"], "50%"), ["prod"]))
    assert made.condition("InvalidRolloutConfig")[0] == "False"
