"""What the real plugin printed, printed again from the digests of the objects at that moment.

Ages and pod names are taken from the recorded text (digests have none); everything else
(order, tags, weights, columns, health) must come out of the objects.
"""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path

import pytest

from opsconsole.argo.commands import converse, drive
from tests.argo.commands.support import NOW, World

HERE = Path(__file__).parents[2] / "conformance" / "rollouts"
HASHES = {"<rev1>": "aaaaaaaaaa", "<rev2>": "bbbbbbbbbb"}


def cases():
    for name in ("cli-canary", "cli-bluegreen"):
        played = json.loads((HERE / f"{name}.json").read_text(encoding="utf-8"))
        for entry in played["log"]:
            line = entry.get("run", "")
            shows = line.startswith(("get rollout", "list", "status"))
            if shows and "nowhere" not in line:
                yield pytest.param(played, entry, id=f"{name} {entry['t']} {line}")


def spelled(value):
    words = json.dumps(value)
    for symbol, digest in HASHES.items():
        words = words.replace(symbol, digest)
    return json.loads(words)


def state_at(played, moment):
    found = {}
    for seconds, kind, name, state in played["trace"]:
        if seconds <= moment + 0.4:
            found[kind, name] = state
            if state is None:
                del found[kind, name]
    return found


def ages(out):
    found = {}
    for line in out.split("\n"):
        hit = re.search(r"(?:⟳|⧉|□|α) (\S+)\s+\w+\s+\S \w+\s+(\d+)s", line)
        if hit:
            found[spelled(hit[1])] = int(hit[2])
    return found


def created(found, name):
    return (NOW - timedelta(seconds=found.get(name, 5))).strftime("%Y-%m-%dT%H:%M:%SZ")


def objects(played, entry):
    state = spelled([[*k, v] for k, v in state_at(played, entry["t"]).items()])
    old = ages(entry["out"])
    steps = played["scenario"]["steps"][0]["apply"]
    manifest = next(m for m in steps if m["kind"] == "Rollout")
    made = []
    for kind, name, digest in state:
        meta = {
            "name": name,
            "namespace": "NS",
            "uid": name,
            "creationTimestamp": created(old, name),
        }
        if kind == "Rollout":
            status = {
                k: v
                for k, v in digest.items()
                if k not in ("spec", "conditions", "revision", "pause")
            }
            status["pauseConditions"] = [{"reason": r} for r in digest.get("pause", [])]
            status["conditions"] = [
                {"type": t, "status": s, "reason": r, "message": m}
                for t, (s, r, m) in digest["conditions"].items()
            ]
            spec = {**manifest["spec"], "paused": digest["spec"].get("paused", False)}
            made.append({"kind": kind, "metadata": meta, "spec": spec, "status": status})
        elif kind == "ReplicaSet":
            made += replica_set(name, digest, meta, old, entry["out"])
        elif kind == "AnalysisRun":
            revision = re.search(r"-(\d+)(?:-\w+)?$", name)[1]
            meta |= {
                "annotations": {"rollout.argoproj.io/revision": revision},
                "ownerReferences": [{"uid": "demo"}],
            }
            made.append(
                {
                    "kind": kind,
                    "metadata": meta,
                    "status": {"phase": digest["phase"], "metricResults": digest["metrics"]},
                }
            )
    return made


def replica_set(name, digest, meta, old, out):
    hashed = name.rsplit("-", 1)[1]
    images = {"aaaaaaaaaa": "myorg/my-app:v1", "bbbbbbbbbb": "myorg/my-app:v2"}
    notes = {"rollout.argoproj.io/revision": digest["revision"]}
    delay = re.search(rf"⧉ {name} .*delay:(\d+)s", spelled(out))
    if digest["scaleDownDeadline"] and delay:
        notes["scale-down-deadline"] = (NOW + timedelta(seconds=int(delay[1]))).strftime(
            "%Y-%m-%dT%H:%M:%SZ"
        )
    meta |= {
        "annotations": notes, "labels": {"rollouts-pod-template-hash": hashed},
        "ownerReferences": [{"uid": "demo"}],
    }  # fmt: skip
    yield {
        "kind": "ReplicaSet", "metadata": meta,
        "spec": {"replicas": digest["replicas"],
                 "template": {"spec": {"containers": [{"image": images[hashed]}]}}},
        "status": {"replicas": digest["current"], "availableReplicas": digest["available"]},
    }  # fmt: skip
    names = sorted(set(re.findall(rf"□ ({name}-\w+)", spelled(out))), reverse=True)
    for pod in names:
        yield {
            "kind": "Pod",
            "metadata": {"name": pod, "uid": pod, "creationTimestamp": created(old, pod),
                         "ownerReferences": [{"uid": name}]},
            "spec": {"containers": [{}]},
            "status": {"phase": "Running",
                       "containerStatuses": [{"ready": True, "state": {"running": {}}}]},
        }  # fmt: skip


@pytest.mark.parametrize(("played", "entry"), list(cases()))
def test_prints_what_the_plugin_printed(played, entry):
    world = World(*objects(played, entry))
    outcome = drive(converse(entry["run"].split(), namespace="NS", now=lambda: NOW), world.answer)
    assert outcome.code == entry["rc"]
    shown = outcome.text
    for symbol, digest in HASHES.items():
        shown = shown.replace(digest, symbol)
    assert [line.rstrip() for line in shown.rstrip().split("\n")] == [
        line.rstrip() for line in entry["out"].rstrip().split("\n")
    ]
