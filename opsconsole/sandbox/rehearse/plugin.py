"""Command lines of `kubectl argo rollouts` in a scenario, through `argo.commands`."""

from __future__ import annotations

import shlex
from dataclasses import dataclass

from opsconsole.argo.commands import requests
from opsconsole.errors import OpsError
from opsconsole.model.kinds import REPLICA_SET, ROLLOUT
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.rehearse.client import Client


@dataclass(frozen=True, slots=True)
class Done:
    code: int
    text: str


def run(line: str, namespace: str, cluster: Cluster, client: Client) -> Done:
    try:
        return _run(line, namespace, cluster, client)
    except OpsError as e:
        return Done(1, f"Error: {e.message}")


def _run(line: str, namespace: str, cluster: Cluster, client: Client) -> Done:
    words = shlex.split(line)
    cmd = words[0]
    if cmd in ("get", "list", "status", "lint"):
        return Done(0, "")
    name = words[2] if cmd == "set" or cmd == "retry" else words[1]
    if cmd == "retry":
        client.send(requests.retry_rollout(namespace, name))
    elif cmd == "set":
        c, i = words[3].split("=")
        client.send(requests.set_image(client.get(ROLLOUT, namespace, name), ROLLOUT, c, i))
    elif cmd == "abort":
        client.send(requests.abort(namespace, name))
    elif cmd == "pause":
        client.send(requests.pause(namespace, name))
    elif cmd == "promote":
        for r in requests.promote(client.get(ROLLOUT, namespace, name), full="--full" in words, skip_current="--skip-current-step" in words, skip_all="--skip-all-steps" in words):
            client.send(r)
            cluster.simulation.run_for(0.03)
    elif cmd == "undo":
        to = next((int(w.split("=")[1]) for w in words if w.startswith("--to")), 0)
        ro = client.get(ROLLOUT, namespace, name)
        t = requests.undo_target(ro, cluster.store.objects(REPLICA_SET, namespace), to)
        r = requests.undo(ro, t)
        if r: client.send(r)
    return Done(0, "")
