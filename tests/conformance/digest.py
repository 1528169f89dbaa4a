"""Watched objects as the lines of a trace: what the recorded runs of real controllers consist of.

A state that did not change gives no line. Hashes of pod templates become <rev1>, <rev2>, … in
order of sight, so that a trace does not depend on how a hash is computed.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from opsconsole.model import kinds

NAMES = {
    kinds.ROLLOUT: "Rollout",
    kinds.REPLICA_SET: "ReplicaSet",
    kinds.SERVICE: "Service",
    kinds.ANALYSIS_RUN: "AnalysisRun",
    kinds.EXPERIMENT: "Experiment",
    kinds.EVENT: "Event",
    kinds.VIRTUAL_SERVICE: "VirtualService",
    kinds.DESTINATION_RULE: "DestinationRule",
}
HASH = "rollouts-pod-template-hash"
STATUS = (
    "phase", "message", "currentStepIndex", "currentPodHash", "stableRS", "replicas",
    "updatedReplicas", "readyReplicas", "availableReplicas", "HPAReplicas", "abort",
    "promoteFull", "controllerPause", "selector",
)  # fmt: skip
METRIC = (
    "name", "phase", "count", "successful", "failed", "inconclusive", "error",
    "consecutiveError", "consecutiveSuccess", "message", "dryRun",
)  # fmt: skip


class Digest:
    def __init__(self):
        self.lines = []
        self.hashes = {}
        self.state = {}

    def see(self, seconds, kind, event, obj):
        """One watch event; `kind` is the kind's name."""
        name, state = getattr(self, f"_{kind.lower()}")(obj)
        if name is None:
            return
        key = (kind, name)
        if event == "DELETED":
            self.state.pop(key, None)
            state = None
        elif _same(self.state.get(key), state):
            return
        else:
            self.state[key] = state
        self.lines.append([seconds, kind, name, copy.deepcopy(state)])

    def trace(self):
        """[[seconds, kind, name, state], ...]; a state of None is a deletion."""
        return [
            [at, kind, self._sym(name), self._sym(state)] for at, kind, name, state in self.lines
        ]

    def _sym(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._sym(key): self._sym(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._sym(item) for item in value]
        if isinstance(value, str):
            for found, symbol in self.hashes.items():
                value = value.replace(found, symbol)
        return value

    def _learn(self, meta):
        found = meta.get("labels", {}).get(HASH)
        if found and found not in self.hashes:
            owner = (meta.get("ownerReferences") or [{}])[0]
            kind = "exp" if owner.get("kind") == "Experiment" else "rev"
            count = sum(kind in symbol for symbol in self.hashes.values())
            self.hashes[found] = f"<{kind}{count + 1}>"

    def _replicaset(self, obj):
        meta, spec, status = _parts(obj)
        self._learn(meta)
        notes = meta.get("annotations", {})
        state = {
            "replicas": spec.get("replicas"),
            "current": status.get("replicas", 0),
            "ready": status.get("readyReplicas", 0),
            "available": status.get("availableReplicas", 0),
            "revision": notes.get("rollout.argoproj.io/revision"),
            "desired": notes.get("rollout.argoproj.io/desired-replicas"),
            "scaleDownDeadline": bool(notes.get("scale-down-deadline")),
        }
        if notes.get("rollout.argoproj.io/revision-history"):
            state["revisionHistory"] = notes["rollout.argoproj.io/revision-history"]
        return meta["name"], state

    def _rollout(self, obj):
        meta, spec, status = _parts(obj)
        state = {key: status[key] for key in STATUS if key in status}
        if status.get("pauseConditions"):
            state["pause"] = [pause["reason"] for pause in status["pauseConditions"]]
        if status.get("canary"):
            state["canary"] = {
                key: {k: v for k, v in item.items() if k != "startedAt"}
                if isinstance(item, dict)
                else item
                for key, item in status["canary"].items()
                if item
            }
        if status.get("blueGreen"):
            state["blueGreen"] = {
                key: True if key == "scaleDownDelayStartTime" else item
                for key, item in status["blueGreen"].items()
                if item
            }
        state["conditions"] = {
            found["type"]: [found["status"], found.get("reason", ""), found.get("message", "")]
            for found in status.get("conditions", [])
        }
        kept = {key: spec[key] for key in ("paused", "replicas") if key in spec}
        if "restartAt" in spec:
            kept["restartAt"] = True
        pod = (spec.get("template") or {}).get("spec", {})
        kept["image"] = [container.get("image") for container in pod.get("containers", [])]
        state["spec"] = kept
        state["revision"] = meta.get("annotations", {}).get("rollout.argoproj.io/revision")
        return meta["name"], state

    def _service(self, obj):
        meta, spec, _ = _parts(obj)
        manager = meta.get("annotations", {}).get("argo-rollouts.argoproj.io/managed-by-rollouts")
        return meta["name"], {"selector": spec.get("selector"), "managedBy": manager}

    def _analysisrun(self, obj):
        meta, spec, status = _parts(obj)
        return meta["name"], {
            "phase": status.get("phase"),
            "message": status.get("message"),
            "terminate": spec.get("terminate"),
            "args": spec.get("args"),
            "metrics": [_metric(found) for found in status.get("metricResults", [])],
            "runSummary": status.get("runSummary"),
            "labels": dict(meta.get("labels", {})),
        }

    def _experiment(self, obj):
        meta, _, status = _parts(obj)
        template = ("name", "status", "message", "replicas", "availableReplicas")
        return meta["name"], {
            "phase": status.get("phase"),
            "message": status.get("message"),
            "templates": [
                {k: t.get(k) for k in template} for t in status.get("templateStatuses", [])
            ],
            "runs": [
                {k: run.get(k) for k in ("name", "phase", "message")}
                for run in status.get("analysisRuns", [])
            ],
        }

    def _event(self, obj):
        on = obj.get("involvedObject", {})
        if on.get("kind") not in ("Rollout", "AnalysisRun", "Experiment"):
            return None, None
        state = {"on": f"{on['kind']}/{on['name']}"}
        state |= {key: obj.get(key) for key in ("type", "reason", "message")}
        return f"{obj.get('count', 1)}:{obj['metadata']['name']}", state

    def _virtualservice(self, obj):
        meta, spec, _ = _parts(obj)
        return meta["name"], {
            "http": [
                {
                    "name": route.get("name"),
                    "match": route.get("match"),
                    "mirror": route.get("mirror"),
                    "route": [
                        [
                            to["destination"].get("host"),
                            to["destination"].get("subset"),
                            to.get("weight"),
                        ]
                        for to in route.get("route", [])
                    ],
                }
                for route in spec.get("http", [])
            ]
        }

    def _destinationrule(self, obj):
        meta, spec, _ = _parts(obj)
        return meta["name"], {
            "subsets": {subset["name"]: subset.get("labels") for subset in spec.get("subsets", [])}
        }


def _parts(obj):
    return obj["metadata"], obj.get("spec", {}), obj.get("status", {}) or {}


def _metric(result):
    state = {key: result.get(key) for key in METRIC if result.get(key) is not None}
    state["measurements"] = [
        [found.get("phase"), found.get("value"), found.get("message")]
        for found in result.get("measurements", [])
    ]
    return state


def _same(left, right):
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)
