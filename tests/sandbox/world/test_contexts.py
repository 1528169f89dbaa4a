"""Two clusters for clients outside: contexts of the kubeconfig, and kubectl on both."""

from __future__ import annotations

import json
import os
import subprocess
import urllib.request
from collections.abc import Iterator

import pytest

from opsconsole.model import yamldoc
from tests.cli.programs import Served
from tests.peers import peer

pytestmark = pytest.mark.timeout(120)

HOME, EAST = "opsconsole-sandbox", "opsconsole-sandbox-us-east"


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("served"), "--serve-speed", "30")
    yield made
    if made.process.poll() is None:
        made.end()


def test_both_clusters_have_a_context(served: Served) -> None:
    config = yamldoc.load(served.config.read_text())
    assert config["current-context"] == "opsconsole-sandbox"
    servers = {c["name"]: c["cluster"]["server"] for c in config["clusters"]}
    assert list(servers) == ["opsconsole-sandbox", "opsconsole-sandbox-us-east"]
    contexts = {c["name"]: c["context"]["cluster"] for c in config["contexts"]}
    assert contexts == {name: name for name in servers}

    def listed(name: str, path: str) -> list[str]:
        with urllib.request.urlopen(servers[name] + path, timeout=20) as answer:
            return [one["metadata"]["name"] for one in json.load(answer)["items"]]

    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    assert listed("opsconsole-sandbox-us-east", path) == []
    assert "my-app-canary" in listed("opsconsole-sandbox", path)
    assert "argocd" not in listed("opsconsole-sandbox-us-east", "/api/v1/namespaces")


def test_the_secret_names_the_cluster_by_the_url_that_it_is_served_at(served: Served) -> None:
    """A real Argo CD or a console in another process reaches it there."""
    servers = {c["name"]: c["cluster"]["server"] for c in yamldoc.load(served.config.read_text())["clusters"]}  # fmt: skip
    path = "/apis/argoproj.io/v1alpha1/namespaces/argocd/applications"
    only = "?watch=true&fieldSelector=metadata.name%3Dmy-app-us-east"
    url = servers["opsconsole-sandbox"] + path + only
    with urllib.request.urlopen(url, timeout=60) as answer:
        app = json.loads(answer.readline())["object"]
    assert app["spec"]["destination"]["server"] == servers["opsconsole-sandbox-us-east"]


def kubectl(served: Served, context: str, *words: str) -> str:
    done = subprocess.run(
        [peer("kubectl"), "--kubeconfig", str(served.config), "--context", context, *words],
        capture_output=True, text=True, check=False, timeout=90, env=dict(os.environ),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_sync_in_one_cluster_is_seen_in_the_other(served: Served) -> None:
    """As `argocd app sync` writes it; the Rollout comes to be in us-east, and only there."""
    app = "application/my-app-us-east"
    kubectl(served, HOME, "-n", "argocd", "wait", app, "--for=create", "--timeout=60s")
    operation = {"sync": {"syncStrategy": {"hook": {}}}, "initiatedBy": {"username": "ann"}}
    patch = json.dumps({"operation": operation})
    kubectl(served, HOME, "-n", "argocd", "patch", app, "--type=merge", "-p", patch)
    healthy = ("--for=jsonpath={.status.phase}=Healthy", "--timeout=60s")
    kubectl(
        served, EAST, "-n", "production", "wait", "rollout/my-app", "--for=create", "--timeout=60s"
    )
    kubectl(served, EAST, "-n", "production", "wait", "rollout/my-app", *healthy)
    synced = ("--for=jsonpath={.status.health.status}=Healthy", "--timeout=60s")
    kubectl(served, HOME, "-n", "argocd", "wait", app, *synced)
    pods = kubectl(served, EAST, "-n", "production", "get", "pods", "-o", "name").split()
    assert len(pods) == 4
    assert kubectl(served, HOME, "-n", "production", "get", "rollout", "my-app", "-o",
                   "jsonpath={.spec.strategy.blueGreen.activeService}") == "my-app-active"  # fmt: skip
