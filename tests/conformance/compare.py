"""Whether two runs of one scenario agree in their milestones.

Runs of the real controllers differ in interleaving, so what is compared is stable from one
real run to the next: steps, resting phases, weights, routes, selectors, events, final states.
"""

from __future__ import annotations

import json
import re

UNSTEADY = ("RolloutAddedToInformer", "RolloutDeleted", "ReplicaSetCreateError")
"""Events that depend on timing alone."""

FINAL = (
    "Rollout", "ReplicaSet", "VirtualService", "DestinationRule", "Service", "AnalysisRun",
    "Experiment",
)  # fmt: skip


def differences(expected, actual):
    """One text for each milestone of the two traces that is not the same."""
    want, got = milestones(expected), milestones(actual)
    return [
        f"{key}\n  expected {json.dumps(want.get(key))}\n  actual   {json.dumps(got.get(key))}"
        for key in sorted(set(want) | set(got))
        if want.get(key) != got.get(key)
    ]


def milestones(trace):
    found = json.dumps(_milestones(trace))
    # names end in an index that is stable or in a random suffix that is not
    return json.loads(re.sub(r'-[bcdfghjklmnpqrstvwxz2456789]{5}(?=["/ ])', "-<rand>", found))


def collapse(values):
    """Without consecutive repeats."""
    out = []
    for value in values:
        if not out or out[-1] != value:
            out.append(value)
    return out


def _milestones(trace):
    found = {}
    final = {}
    for _, kind, name, state in trace:
        if kind != "Event":
            final[kind, name] = state
            if state is not None:
                _gather(found, kind, name, state)
        elif state is not None and state["reason"] not in UNSTEADY:
            text = f"{state['type']} {state['reason']}: {state['message']}"
            found.setdefault(("events", state["on"]), []).append(text)
    shown = {f"{what} {name}": _steady(what, values) for (what, name), values in found.items()}
    for (what, name), values in found.items():
        if what == "events":
            shown[f"step events {name}"] = [
                text for text in values if "RolloutStepCompleted" in text
            ]
    for (kind, name), state in final.items():
        if state is None:
            shown[f"final {kind} {name}"] = "deleted"
        elif kind in FINAL:
            shown[f"final {kind} {name}"] = _steady_run(state) if kind == "AnalysisRun" else state
    return shown


def _gather(found, kind, name, state):
    def add(what, value):
        found.setdefault((what, name), []).append(value)

    if kind == "Rollout":
        if state.get("currentStepIndex") is not None:
            add("steps", state["currentStepIndex"])
        if state.get("phase") in ("Paused", "Degraded", "Healthy"):
            add("resting phases", state["phase"])
        weights = state.get("canary", {}).get("weights")
        if weights:
            add("weights", weights["canary"].get("weight"))
    elif kind == "VirtualService":
        add("routes", state["http"])
    elif kind == "Service":
        add("selectors", state["selector"])


def _steady(what, values):
    if what == "events":
        return sorted(set(values))
    if what == "selectors":
        # after an abort the canary service may turn to and fro: order of first sight
        return [value for index, value in enumerate(values) if value not in values[:index]]
    return collapse(values)


def _steady_run(run):
    """An AnalysisRun without what depends on how long it happened to run."""
    run = {**run, "metrics": sorted(run["metrics"], key=lambda metric: metric["name"])}
    if run.get("message") != "Run Terminated" and run["labels"].get("rollout-type") != "Background":
        return run
    kept = ("name", "phase", "failed", "inconclusive", "error", "message")
    metrics = [{key: metric[key] for key in kept if key in metric} for metric in run["metrics"]]
    return {**run, "metrics": metrics, "runSummary": None}
