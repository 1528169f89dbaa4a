"""A dictionary of objects that answers the commands, and remembers what they wrote."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from opsconsole.argo.commands import Outcome, converse, drive
from opsconsole.argo.commands.asks import Get, ListAll, ReadFile, Send, Wait
from opsconsole.errors import NotFoundError
from opsconsole.model.objects import name_of
from opsconsole.model.requests import Request

NOW = datetime(2026, 1, 5, 9, 0, 0, tzinfo=UTC)
Obj = dict[str, Any]


class World:
    def __init__(self, *objects: Obj) -> None:
        self.objects = list(objects)
        self.sent: list[Request] = []
        self.files: dict[str, str] = {}
        self.now = NOW
        self.on_wait = lambda: False

    def answer(self, ask: Any) -> Any:
        if isinstance(ask, Get):
            for obj in self.objects:
                if (obj["kind"], name_of(obj)) == (ask.kind.kind, ask.name):
                    return obj
            raise NotFoundError(f'{ask.kind.resource} "{ask.name}" not found', status=404)
        if isinstance(ask, ListAll):
            return [o for o in self.objects if o["kind"] == ask.kind.kind]
        if isinstance(ask, Send):
            self.sent.append(ask.request)
            body = ask.request.body if isinstance(ask.request.body, dict) else {}
            return {"metadata": {"name": ask.request.name or "made-x1"}, "kind": body.get("kind")}
        if isinstance(ask, ReadFile):
            if ask.path not in self.files:
                raise FileNotFoundError(2, "No such file or directory", ask.path)
            return self.files[ask.path]
        assert isinstance(ask, Wait)
        return self.on_wait()

    def run(self, line: str, **more: Any) -> Outcome:
        return drive(
            converse(line.split(), namespace="ns", now=lambda: self.now, **more), self.answer
        )


def rollout(
    strategy: Obj | None = None, *, status: Obj | None = None, name: str = "demo", **spec: Any
) -> Obj:
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {
            "name": name, "namespace": "ns", "uid": "u1", "generation": 1, "resourceVersion": "7",
            "creationTimestamp": "2026-01-05T08:59:00Z",
        },
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": "org/app:v2"}]},
            },
            "strategy": strategy or {"canary": {"steps": [{"setWeight": 20}, {"pause": {}}]}},
            **spec,
        },
        "status": {"observedGeneration": "1", **(status or {})},
    }  # fmt: skip


def replica_set(revision: int, image: str, digest: str, **more: Any) -> Obj:
    labels = {"app": "demo", "rollouts-pod-template-hash": digest}
    return {
        "kind": "ReplicaSet",
        "metadata": {
            "name": f"demo-{digest}", "namespace": "ns", "uid": f"rs-{digest}", "labels": labels,
            "creationTimestamp": "2026-01-05T08:59:00Z", "generation": 1,
            "annotations": {"rollout.argoproj.io/revision": str(revision), **more.pop("notes", {})},
            "ownerReferences": [{"uid": "u1", "controller": True, "kind": "Rollout", "name": "demo"}],
        },
        "spec": {
            "replicas": more.pop("replicas", 1),
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
        },
        "status": {"observedGeneration": 1, **more},
    }  # fmt: skip
