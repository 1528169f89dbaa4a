"""A small cluster with the Rollout controller, and what tests do to it."""

from __future__ import annotations

import copy

from opsconsole.argo.rollouts.phase import observed
from opsconsole.model.kinds import EVENT, POD, REPLICA_SET, ROLLOUT, SERVICE
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import ClusterOptions
from opsconsole.sandbox.rehearse import plugin
from opsconsole.sandbox.rehearse.answers import Answers
from opsconsole.sandbox.rehearse.client import Client

WITHOUT = frozenset({"argocd", "applicationset", "notifications"})


def rollout(strategy, *, replicas=1, name="demo", image="shop:1", **spec):
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Rollout",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": {"app": name}},
            "template": {
                "metadata": {"labels": {"app": name}},
                "spec": {"containers": [{"name": "app", "image": image}]},
            },
            "strategy": strategy,
            **spec,
        },
    }


def service(name, app="demo"):
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {"app": app}, "ports": [{"port": 80}]},
    }


def virtual_service(name="vs", hosts=("stable", "canary")):
    route = [
        {"destination": {"host": hosts[0]}, "weight": 100},
        {"destination": {"host": hosts[1]}, "weight": 0},
    ]
    return {
        "apiVersion": "networking.istio.io/v1beta1",
        "kind": "VirtualService",
        "metadata": {"name": name},
        "spec": {"hosts": ["demo"], "http": [{"name": "primary", "route": route}]},
    }


class Stand:
    def __init__(self, *manifests, metrics=None, seed=1):
        self.answers = Answers(metrics or {})
        options = ClusterOptions(seed=seed, profile="recorded", without=WITHOUT)
        self.cluster = clusters.build(options, services=self.answers.services())
        self.store = self.cluster.store
        self.client = Client(self.store)
        self.client.ensure_namespace("default")
        self.cluster.start()
        self.apply(*manifests)

    def apply(self, *manifests):
        for manifest in manifests:
            self.client.apply(self.answers.placed(copy.deepcopy(manifest)), "default")

    def go(self, seconds=20):
        self.cluster.simulation.run_for(seconds)
        assert not self.cluster.manager.faults
        return self

    def until(self, phase, limit=600):
        for _ in range(limit * 5):
            if self.phase == phase:
                return self
            self.go(0.2)
        raise AssertionError(f"{self.phase}: {self.message}, not {phase}")

    def run(self, line):
        done = plugin.run(line, "default", self.cluster, self.client)
        assert done.code == 0, done.text
        return done.out

    def change(self, kind, name, edit):
        obj = copy.deepcopy(self.store.get(kind, "default", name))
        edit(obj)
        self.store.update(kind, obj)

    def edit(self, edit, name="demo"):
        self.change(ROLLOUT, name, edit)

    def ro(self, name="demo"):
        return self.store.get(ROLLOUT, "default", name)

    @property
    def status(self):
        return self.ro()["status"]

    @property
    def phase(self):
        return observed(self.ro())[0].value

    @property
    def message(self):
        return observed(self.ro())[1]

    def sizes(self):
        """{revision: replicas wanted}."""
        return {
            int(rs["metadata"]["annotations"]["rollout.argoproj.io/revision"]): rs["spec"].get(
                "replicas", 0
            )
            for rs in self.store.objects(REPLICA_SET, "default")
            if rs["metadata"]["ownerReferences"][0]["kind"] == "Rollout"
        }

    def hash_of(self, revision):
        for rs in self.store.objects(REPLICA_SET, "default"):
            if rs["metadata"]["annotations"]["rollout.argoproj.io/revision"] == str(revision):
                return rs["metadata"]["labels"]["rollouts-pod-template-hash"]
        raise AssertionError(f"no revision {revision}")

    def selector(self, name):
        found = self.store.get(SERVICE, "default", name)
        return found["spec"]["selector"].get("rollouts-pod-template-hash")

    def pods(self):
        return self.store.objects(POD, "default")

    def events(self):
        return [e["reason"] for e in self.store.objects(EVENT, "default")]
