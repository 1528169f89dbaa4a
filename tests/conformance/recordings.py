"""The recorded runs: read, and played again on our controllers."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

from opsconsole.sandbox.rehearse import scenario as scenarios
from opsconsole.sandbox.rehearse.answers import ADDRESS
from opsconsole.sandbox.rehearse.player import Player
from tests.conformance.digest import NAMES, Digest

ROLLOUTS = Path(__file__).parent / "rollouts"
SPACE = "rehearsed"
"""A namespace whose name is part of no other word of a trace."""


def names():
    return sorted(path.stem for path in ROLLOUTS.glob("*.json"))


def load(name):
    return json.loads((ROLLOUTS / f"{name}.json").read_text(encoding="utf-8"))


def scenario_of(recorded):
    """What was played, with the circumstances of the recording that its trace tells.

    The stand's controller was started anew wherever it added the Rollout to its informer a
    second time. A last `sleep` is as long as the recording went on, and a little longer.
    """
    found = scenarios.parse(recorded["scenario"], namespace=SPACE)
    added = [
        at
        for at, kind, _, state in recorded["trace"]
        if kind == "Event" and state and state["reason"] == "RolloutAddedToInformer"
    ]
    steps = list(found.steps)
    kind, argument = steps[-1]
    if kind == "sleep":
        left = recorded["trace"][-1][0] - recorded["log"][-1]["t"]
        steps[-1] = (kind, min(argument, max(0.0, left) + 3.0))
    return dataclasses.replace(found, steps=tuple(steps), restarts=tuple(added[1:]))


def play(recorded, *, seed=1):
    """(result, trace) of our controllers for the scenario of a recording."""
    digest = Digest()

    def watch(at, change):
        if change.kind in NAMES:
            digest.see(at, NAMES[change.kind], change.type, change.object)

    scenario = dataclasses.replace(scenario_of(recorded), seed=seed)
    result = Player(scenario, watcher=watch).play()
    written = json.dumps(digest.trace()).replace(SPACE, "NS").replace(ADDRESS, "METRICS")
    return result, json.loads(written)
