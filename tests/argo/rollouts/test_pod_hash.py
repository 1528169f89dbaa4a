"""The pod template hash is the real one: Go's field order, omissions and quantities."""

from __future__ import annotations

import pytest

from opsconsole.argo.rollouts.gojson import pod_template
from opsconsole.argo.rollouts.hashes import pod_hash


def template(**container: object) -> dict[str, object]:
    return {
        "metadata": {"labels": {"app": "canary-scaledowndelay"}},
        "spec": {"containers": [{"image": "nginx:1.19-alpine", "name": "web", **container}]},
    }


def test_hash_of_a_template_that_argo_s_own_suite_names() -> None:
    found = template(
        name="canary-scaledowndelay",
        resources={"requests": {"memory": "16Mi", "cpu": "5m"}},
        ports=[{"protocol": "TCP", "containerPort": 80, "name": "http"}],
    )
    assert pod_hash(found) == "674d8cf959"


def test_order_is_that_of_the_struct_and_resources_are_never_left_out() -> None:
    body = pod_template(template(command=["true"]))
    assert body == (
        '{"metadata":{"labels":{"app":"canary-scaledowndelay"}},"spec":{"containers":'
        '[{"name":"web","image":"nginx:1.19-alpine","command":["true"],"resources":{}}]}}'
    )


@pytest.mark.parametrize(
    ("container", "part"),
    [
        ({"resources": {"requests": {"cpu": 0.001}}}, '"resources":{"requests":{"cpu":"1m"}}'),
        ({"args": ["a<b>&c"]}, '"args":["a\\u003cb\\u003e\\u0026c"]'),
        ({"env": [{"value": "", "name": "A"}]}, '"env":[{"name":"A"}]'),
        ({"stdin": False, "unknown": 1}, '"image":"nginx:1.19-alpine","resources":{}}'),
        ({"securityContext": {"privileged": False}}, '"securityContext":{"privileged":false}'),
        ({"ports": []}, '"image":"nginx:1.19-alpine","resources":{}}'),
        ({"ports": "wrong"}, '"image":"nginx:1.19-alpine","resources":{}}'),
    ],
)
def test_values_are_written_as_go_writes_them(container: dict[str, object], part: str) -> None:
    assert part in pod_template(template(**container))


def test_null_and_absent_are_one() -> None:
    assert pod_hash(template(command=None)) == pod_hash(template())


def test_a_collision_changes_the_hash() -> None:
    assert pod_hash(template(), 1) != pod_hash(template())
