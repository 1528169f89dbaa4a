"""Objects that the API server refuses, in the words of Kubernetes' own validation."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.model.kinds import HPA, NAMESPACE, SERVICE, Kind
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.store import Store

PORT = "must be between 1 and 65535, inclusive"
TARGET = {"kind": "Deployment", "name": "web", "apiVersion": "apps/v1"}


@pytest.mark.parametrize(
    ("kind", "spec", "why"),
    [
        (SERVICE, {"ports": []}, "spec.ports: Required value"),
        (SERVICE, {"ports": [{"port": 0}]}, f"spec.ports[0].port: Invalid value: 0: {PORT}"),
        (
            SERVICE,
            {"ports": [{"port": 99999}]},
            f"spec.ports[0].port: Invalid value: 99999: {PORT}",
        ),
        (
            SERVICE,
            {"ports": [{"port": 80, "name": "a"}, {"port": 81}]},
            "spec.ports[1].name: Required value",
        ),
        (
            SERVICE,
            {"ports": [{"port": 80, "name": "a"}, {"port": 81, "name": "a"}]},
            'spec.ports[1].name: Duplicate value: "a"',
        ),
        (
            HPA,
            {"scaleTargetRef": TARGET, "minReplicas": 3, "maxReplicas": 1},
            "spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`",
        ),
        (
            HPA,
            {"scaleTargetRef": TARGET, "minReplicas": 0, "maxReplicas": 1},
            "spec.minReplicas: Invalid value: 0: must be greater than or equal to 1",
        ),
    ],
)
def test_refused(kind: Kind, spec: dict[str, Any], why: str) -> None:
    store = Store(Simulation())
    store.create(NAMESPACE, {"metadata": {"name": "ns"}})
    with pytest.raises(StatusError) as caught:
        store.create(kind, {"metadata": {"name": "x", "namespace": "ns"}, "spec": spec})
    assert caught.value.message.endswith(f'"x" is invalid: {why}')
