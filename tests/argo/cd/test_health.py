from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from opsconsole.argo.cd.health import Assessed, Verdict, aggregate, assess
from opsconsole.model import yamldoc
from opsconsole.model.status import Health
from tests.peers import missing

HERE = Path(__file__).resolve().parents[3].parent / "shared" / "conformance" / "health"
CASES = sorted(HERE.glob("*.yaml"))


@pytest.mark.parametrize("case", CASES or [None], ids=lambda c: c.stem if c else "absent")
def test_cases_of_argo_cd(case: Path | None) -> None:
    if case is None:
        missing("the shared folder is not here")
        return
    (document,) = yamldoc.load_all(case.read_text())
    expected = document["expected"]
    found = assess(document["object"])
    assert found is not None
    assert found.status.value == expected["status"]
    if "message" in expected:
        assert found.message == expected["message"]


def live(kind: str = "Pod", group: str = "", **metadata: Any) -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": metadata}


def entry(name: str, health: Health | None, obj: dict[str, Any] | None = None) -> Assessed:
    obj = live(name=name) if obj is None else obj
    return Assessed("", "Pod", "ns", name, obj, Verdict(health) if health else None)


def test_the_worst_wins_and_is_named() -> None:
    found = aggregate(
        [entry("a", Health.HEALTHY), entry("b", Health.PROGRESSING), entry("c", Health.DEGRADED)]
    )
    assert found == (Health.DEGRADED, "Caused by Pod:ns/c")
    many = aggregate([entry(n, Health.SUSPENDED) for n in "abcde"])
    assert many.message == "Caused by Pod:ns/a, Pod:ns/b, Pod:ns/c and 2 more"


def test_missing_counts_only_when_nothing_is_live() -> None:
    gone = Assessed("", "Pod", "ns", "gone", None, None)
    assert aggregate([gone]).status == Health.MISSING
    assert aggregate([gone, entry("a", Health.HEALTHY)]).status == Health.HEALTHY
    assert aggregate([]).status == Health.HEALTHY


def test_hooks_and_ignored_objects_do_not_count() -> None:
    hook = live(name="h", annotations={"argocd.argoproj.io/hook": "PreSync"})
    ignored = live(name="i", annotations={"argocd.argoproj.io/ignore-healthcheck": "true"})
    both = [entry("h", Health.DEGRADED, hook), entry("i", Health.DEGRADED, ignored)]
    assert aggregate([*both, entry("a", Health.HEALTHY)]).status == Health.HEALTHY


def test_pending_deletion_unless_a_hook_finalizer_holds_it() -> None:
    going = live("ConfigMap", name="a", deletionTimestamp="2026-01-01T00:00:00Z")
    assert assess(going) == (Health.PROGRESSING, "Pending deletion")
    going["metadata"]["finalizers"] = ["argocd.argoproj.io/hook-finalizer"]
    assert assess(going) is None
    assert assess(live("ConfigMap", name="a")) is None


def test_mistyped_objects_do_not_raise() -> None:
    for group, kind in (
        ("apps", "Deployment"),
        ("", "Pod"),
        ("batch", "Job"),
        ("argoproj.io", "Rollout"),
    ):
        mistyped: tuple[Any, ...] = (None, 3, [], {"conditions": 3}, {"conditions": [1]})
        for status in mistyped:
            assess({**live(kind, group, name="x"), "status": status, "spec": status})
