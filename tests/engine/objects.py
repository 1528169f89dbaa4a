"""Raw objects as the real controllers leave them, small."""

from __future__ import annotations

from typing import Any

from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, POD, REPLICA_SET, ROLLOUT
from tests.engine.fakes import StoreCluster

REPO = "https://git.example/team/deploy.git"


def app(name: str = "shop", **over: Any) -> dict[str, Any]:
    """Keyword arguments replace whole fields of spec or status, or metadata by `meta`."""
    spec = {
        "project": "default",
        "source": {"repoURL": REPO, "path": "apps/shop", "targetRevision": "main"},
        "destination": {"server": "https://kubernetes.default.svc", "namespace": "prod"},
        "syncPolicy": over.pop("policy", {}),
    }
    status = {
        "sync": {"status": "OutOfSync", "revision": "a" * 40},
        "health": {"status": "Healthy"},
        "reconciledAt": "2026-01-05T08:59:00Z",
        "resources": [
            {"group": "argoproj.io", "version": "v1alpha1", "kind": "Rollout",
             "namespace": "prod", "name": "shop", "status": "OutOfSync"},
            {"version": "v1", "kind": "Service", "namespace": "prod", "name": "old",
             "status": "OutOfSync", "requiresPruning": True},
        ],
        "operationState": {
            "phase": "Succeeded", "message": "successfully synced (all tasks run)",
            "startedAt": "2026-01-05T08:00:00Z", "finishedAt": "2026-01-05T08:00:09Z",
            "operation": {"initiatedBy": {"username": "ann"}},
        },
    }  # fmt: skip
    meta = {"name": name, "namespace": "argocd", **over.pop("meta", {})}
    body: dict[str, Any] = {
        "metadata": meta,
        "spec": spec,
        "status": {**status, **over.pop("status", {})},
    }
    return {**body, **over}


def rollout(name: str = "shop", **over: Any) -> dict[str, Any]:
    status = {
        "currentPodHash": "new1", "stableRS": "old1", "currentStepIndex": 1, "replicas": 5,
        "updatedReplicas": 1, "readyReplicas": 5, "availableReplicas": 5, "phase": "Paused",
        "message": "CanaryPauseStep", "controllerPause": True, "observedGeneration": "1",
        "pauseConditions": [{"reason": "CanaryPauseStep", "startTime": "2026-01-05T09:00:00Z"}],
        **over.pop("status", {}),
    }  # fmt: skip
    steps = over.pop("steps", [
        {"setWeight": 20}, {"pause": {}}, {"setWeight": 60}, {"pause": {"duration": "10m"}},
    ])  # fmt: skip
    strategy = over.pop("strategy", {"canary": {"steps": steps}})
    spec = {
        "replicas": 5,
        "selector": {"matchLabels": {"app": name}},
        "template": template("shop:2"),
        "strategy": strategy,
        **over.pop("spec", {}),
    }
    meta = {"name": name, "namespace": "prod", **over.pop("meta", {})}
    return {"metadata": meta, "spec": spec, "status": status}


def template(image: str) -> dict[str, Any]:
    return {
        "metadata": {"labels": {"app": "shop"}},
        "spec": {"containers": [{"name": "web", "image": image}]},
    }


def replica_set(owner: dict[str, Any], digest: str, revision: int, **over: Any) -> dict[str, Any]:
    pods = template(over.pop("image", f"shop:{revision}"))
    pods["metadata"]["labels"] = {"app": "shop", "rollouts-pod-template-hash": digest}
    size = over.pop("size", 1)
    return {
        "metadata": {
            "name": f"{owner['metadata']['name']}-{digest}",
            "namespace": owner["metadata"]["namespace"],
            "labels": {"rollouts-pod-template-hash": digest},
            "annotations": {"rollout.argoproj.io/revision": str(revision)},
            "ownerReferences": [reference(owner, "Rollout")],
        },
        "spec": {
            "replicas": size, "template": pods,
            "selector": {"matchLabels": pods["metadata"]["labels"]},
        },
        "status": {"replicas": size, "readyReplicas": size, "availableReplicas": size,
                   "observedGeneration": 1},
    }  # fmt: skip


def reference(owner: dict[str, Any], kind: str) -> dict[str, Any]:
    return {
        "apiVersion": "argoproj.io/v1alpha1", "kind": kind, "name": owner["metadata"]["name"],
        "uid": owner["metadata"]["uid"], "controller": True,
    }  # fmt: skip


def pod(rs: dict[str, Any], name: str, *, ready: bool = True, waiting: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {
            "name": name, "namespace": "prod", "labels": rs["metadata"]["labels"],
            "ownerReferences": [reference(rs, "ReplicaSet")],
        },
        "spec": {"containers": [{"name": "web", "image": "shop:2"}]},
        "status": {"phase": "Running" if not waiting else "Pending", "containerStatuses": [
            {"name": "web", "ready": ready and not waiting, "restartCount": 2, "state": state},
        ]},
    }  # fmt: skip


def run(owner: dict[str, Any], name: str = "shop-new1-2", **over: Any) -> dict[str, Any]:
    metric = {
        "name": "errors", "interval": "1m", "count": 5, "failureLimit": 2,
        "successCondition": "len(result) == 0 || result[0] < 0.05",
        "provider": {"prometheus": {"address": "http://prometheus:9090", "query": "errors"}},
    }  # fmt: skip
    result = {
        "name": "errors", "phase": "Running", "count": 2, "successful": 1, "failed": 1,
        "measurements": [
            {"phase": "Successful", "value": "[0.01]", "startedAt": "2026-01-05T09:00:00Z",
             "finishedAt": "2026-01-05T09:00:00Z"},
            {"phase": "Failed", "value": "[0.2]", "startedAt": "2026-01-05T09:01:00Z",
             "finishedAt": "2026-01-05T09:01:00Z"},
        ],
    }  # fmt: skip
    return {
        "metadata": {
            "name": name, "namespace": "prod", "ownerReferences": [reference(owner, "Rollout")],
            "labels": {"rollout-type": "Background"},
            "annotations": {"rollout.argoproj.io/revision": "2"},
        },
        "spec": {"metrics": [metric]},
        "status": {"phase": "Running", "startedAt": "2026-01-05T09:00:00Z",
                   "metricResults": [result], **over},
    }  # fmt: skip


def shop(cluster: StoreCluster, **over: Any) -> dict[str, Any]:
    """The whole application: rollout at a pause, two ReplicaSets, two pods, a run."""
    cluster.namespaces("argocd", "prod")
    cluster.put(APPLICATION, app(policy=over.pop("policy", {})))
    ro = cluster.put(ROLLOUT, rollout(**over))
    old = cluster.put(REPLICA_SET, replica_set(ro, "old1", 1, size=4))
    new = cluster.put(REPLICA_SET, replica_set(ro, "new1", 2))
    cluster.put(POD, pod(old, "shop-old1-a"))
    cluster.put(POD, pod(new, "shop-new1-a"))
    cluster.put(ANALYSIS_RUN, run(ro))
    return ro
