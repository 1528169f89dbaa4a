"""What the real sync engine made of the same manifests: gitops-engine of September 2026 with kubectl
v0.36, run against our API server (`engine.json`; the wave delay of Argo CD left out).

Each step is a sync to `targets`, with its settings; `results` are [phase, hook type, kind, name,
status, hook phase, message] in any order, `left` is what is in the namespace afterwards. The
namespaces `nowhere` and `fresh` are not there.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, DEPLOYMENT, JOB, NAMESPACE, POD, SERVICE
from opsconsole.model.objects import mappings, text
from tests.sandbox.argocd.support import Stand

Obj = dict[str, Any]
CASES: list[Obj] = json.loads(Path(__file__).with_name("engine.json").read_text("utf-8"))
FIELDS = ("syncPhase", "hookType", "kind", "name", "status", "hookPhase", "message")
KINDS = (CONFIG_MAP, JOB, DEPLOYMENT, SERVICE, POD)
COMPLETED = ("Succeeded", "Failed", "Error")


def said(obj: Obj, field: str) -> str:
    """A text, with the temporary file that kubectl was given as FILE."""
    return re.sub(r"/dev/shm/\d+", "FILE", text(obj, field))


def play(stand: Stand, step: Obj) -> Obj:
    """Sync as the step says; the operation's final state."""
    stand.sources.push(*step["targets"])
    stand.run(25)
    strategy = "apply" if step.get("skipHooks") else "hook"
    sync = {
        "revision": "main",
        "prune": step.get("prune", False),
        "dryRun": step.get("dryRun", False),
        "syncOptions": step.get("options", []),
        "syncStrategy": {strategy: {"force": step.get("force", False)}},
    }
    stand.store.update(APPLICATION, {**stand.app, "operation": {"sync": sync}})
    for _ in range(80):
        stand.run(0.5)
        if stand.operation["phase"] in COMPLETED and "operation" not in stand.app:
            break
    return stand.operation


@pytest.mark.parametrize("case", CASES, ids=lambda case: str(case["name"]))
def test_agrees_with_the_real_engine(case: Obj) -> None:
    home = case["name"]
    stand = Stand(destination={"server": "https://kubernetes.default.svc", "namespace": home})
    if home not in ("nowhere", "fresh"):
        stand.store.create(NAMESPACE, {"metadata": {"name": home}})
    for step in case["steps"]:
        state = play(stand, step)
        listed = mappings(state, "syncResult", "resources")
        assert sorted([said(r, f) for f in FIELDS] for r in listed) == step["results"]
        assert (state["phase"], said(state, "message")) == (step["phase"], step["message"])
        stand.run(1.5)
        found = [
            [kind.kind, obj["metadata"]["name"]]
            for kind in KINDS
            for obj in stand.store.objects(kind, home)
            if not obj["metadata"].get("ownerReferences")
        ]
        assert sorted(found) == step["left"]
