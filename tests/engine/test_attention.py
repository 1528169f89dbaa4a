"""When a human is asked to look at an application that differs from git."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.engine.attention import attention
from opsconsole.engine.decode.applications import application
from tests.engine import objects

REVISION = "a" * 40


def state(phase: str, revision: str) -> dict[str, Any]:
    return {
        "operationState": {"phase": phase, "syncResult": {"revision": revision}},
        "sync": {"status": "OutOfSync", "revision": REVISION},
    }


@pytest.mark.parametrize(
    ("policy", "phase", "revision", "told"),
    [
        ({"automated": {}}, "Succeeded", REVISION, "differs from git, and selfHeal is off"),
        ({"automated": {}}, "Succeeded", "b" * 40, ""),
        ({"automated": {}}, "Running", REVISION, ""),
        ({"automated": {"selfHeal": True}}, "Succeeded", REVISION, ""),
        ({}, "Succeeded", REVISION, "out of sync, and auto-sync is off"),
    ],
)
def test_a_drift_that_stays_is_told(
    policy: dict[str, Any], phase: str, revision: str, told: str
) -> None:
    app = application(objects.app(policy=policy, status=state(phase, revision)))
    assert attention(app) == told
