"""The real kubectl against a served cluster with the workload controllers."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.cluster import ClusterOptions, build
from opsconsole.sandbox.pacing import Pacer
from opsconsole.sandbox.serve import write_kubeconfig
from tests.peers import missing, peer

OLDEST = (1, 35)


class Kubectl:
    def __init__(self, program: str, home: Path, url: str) -> None:
        self.program = program
        self.home = home
        self.config = home / "kubeconfig"
        write_kubeconfig(self.config, url)

    def run(self, *args: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [self.program, "--kubeconfig", str(self.config), "--cache-dir", str(self.home / "cache"), *args],
            input=stdin, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip

    def __call__(self, *args: str, stdin: str | None = None) -> str:
        done = self.run(*args, stdin=stdin)
        assert done.returncode == 0, (args, done.stdout, done.stderr)
        assert "Unhandled Error" not in done.stderr, done.stderr
        return done.stdout


@pytest.fixture(scope="module")
def kubectl(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kubectl]:
    program = peer("kubectl")
    said = subprocess.run(
        [program, "version", "--client", "-o", "json"], capture_output=True, text=True, check=True
    )
    found = re.match(r"v(\d+)\.(\d+)", json.loads(said.stdout)["clientVersion"]["gitVersion"])
    if found is None or (int(found[1]), int(found[2])) < OLDEST:
        missing("kubectl is older than 1.35")
    cluster = build(ClusterOptions())
    cluster.start_group("workloads")
    pacer = Pacer(cluster.simulation, speed=20)
    api = ApiServer(cluster.store)
    pacer.start()
    url = pacer.submit(api.start()).result(10)
    try:
        yield Kubectl(program, tmp_path_factory.mktemp("kubectl"), url)
    finally:
        pacer.submit(api.stop()).result(10)
        pacer.stop()


DEPLOYMENT = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: NAME, labels: {app: NAME}}
spec:
  replicas: 2
  selector: {matchLabels: {app: NAME}}
  template:
    metadata: {labels: {app: NAME}}
    spec:
      containers:
      - {name: c, image: "nginx:1", ports: [{containerPort: 80}], env: [{name: A, value: b}]}
"""

ROLLOUT = """
apiVersion: argoproj.io/v1alpha1
kind: Rollout
metadata: {name: ro}
spec: {replicas: 1, strategy: {canary: {}}}
"""


def test_who_the_server_is_and_what_it_serves(kubectl: Kubectl):
    version = json.loads(kubectl("version", "-o", "json"))
    assert version["serverVersion"]["minor"] == "35"
    rows = kubectl("api-resources").splitlines()
    assert any(r.split()[:4] == ["rollouts", "ro", "argoproj.io/v1alpha1", "true"] for r in rows)
    assert any(r.split()[:4] == ["deployments", "deploy", "apps/v1", "true"] for r in rows)
    assert "autoscaling/v1\nautoscaling/v2\n" in kubectl("api-versions")
    assert json.loads(kubectl("get", "--raw", "/version"))["major"] == "1"
    assert kubectl("get", "--raw", "/readyz") == "ok"


def test_created_from_protobuf(kubectl: Kubectl):
    kubectl("create", "namespace", "proto")
    kubectl("-n", "proto", "create", "configmap", "c", "--from-literal=a=b")
    assert kubectl("-n", "proto", "get", "cm", "c", "-o", "jsonpath={.data}") == '{"a":"b"}'
    kubectl("-n", "proto", "create", "secret", "generic", "s", "--from-literal=p=q")
    assert kubectl("-n", "proto", "get", "secret", "s", "-o", "jsonpath={.data.p}") == "cQ=="
    kubectl("-n", "proto", "create", "service", "clusterip", "s", "--tcp=80:8080")
    port = kubectl("-n", "proto", "get", "svc", "s", "-o", "jsonpath={.spec.ports[0].targetPort}")
    assert port == "8080"
    kubectl("-n", "proto", "create", "job", "j", "--image=busybox:1", "--", "true")
    command = kubectl(
        "-n",
        "proto",
        "get",
        "job",
        "j",
        "-o",
        "jsonpath={.spec.template.spec.containers[0].command}",
    )
    assert command == '["true"]'
    kubectl("-n", "proto", "create", "serviceaccount", "sa")
    kubectl("-n", "proto", "create", "role", "r", "--verb=get", "--resource=pods")
    kubectl("-n", "proto", "create", "rolebinding", "r", "--role=r", "--serviceaccount=proto:sa")
    kubectl("-n", "proto", "create", "pdb", "b", "--selector=a=b", "--min-available=50%")
    budget = kubectl("-n", "proto", "get", "pdb", "b", "-o", "jsonpath={.spec.minAvailable}")
    assert budget == "50%"
    kubectl("-n", "proto", "create", "quota", "q", "--hard=cpu=1,memory=1G")
    kubectl("-n", "proto", "create", "ingress", "i", "--rule=a.b/*=s:80")
    kubectl("-n", "proto", "create", "cronjob", "cj", "--image=busybox:1", "--schedule=* * * * *")
    kubectl("delete", "namespace", "proto", "--timeout=30s")
    assert "NotFound" in kubectl.run("get", "namespace", "proto").stderr


def test_a_deployment_from_start_to_end(kubectl: Kubectl):
    kubectl("create", "deployment", "web", "--image=nginx:1", "--replicas=2")
    assert "successfully rolled out" in kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    kubectl("wait", "--for=condition=Available", "deploy/web", "--timeout=10s")
    wide = kubectl("get", "deploy", "web", "-o", "wide").splitlines()
    assert wide[0].split() == [
        "NAME",
        "READY",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
        "CONTAINERS",
        "IMAGES",
        "SELECTOR",
    ]
    assert wide[1].split()[:4] == ["web", "2/2", "2", "2"]
    assert wide[1].split()[5:] == ["nginx", "nginx:1", "app=web"]
    pods = json.loads(kubectl("get", "pods", "-l", "app=web", "-o", "json"))["items"]
    assert len(pods) == 2
    running = kubectl(
        "get", "pods", "--field-selector", "status.phase=Running", "-l", "app=web", "-o", "name"
    )
    assert len(running.split()) == 2
    assert "app: web" in kubectl("get", "deploy", "web", "-o", "yaml")
    assert "web" in kubectl("get", "deploy", "-A")
    kubectl("label", "deploy", "web", "tier=front")
    kubectl("annotate", "deploy", "web", "note=x")
    kubectl(
        "patch",
        "deploy",
        "web",
        "-p",
        '{"spec":{"template":{"spec":{"containers":[{"name":"nginx","image":"nginx:2"}]}}}}',
    )
    kubectl(
        "patch",
        "deploy",
        "web",
        "--type=json",
        "-p",
        '[{"op":"replace","path":"/spec/replicas","value":3}]',
    )
    kubectl("patch", "deploy", "web", "--type=merge", "-p", '{"metadata":{"labels":{"tier":null}}}')
    found = json.loads(kubectl("get", "deploy", "web", "-o", "json"))
    assert found["spec"]["replicas"] == 3
    assert found["spec"]["template"]["spec"]["containers"] == [
        {"image": "nginx:2", "name": "nginx"}
    ]
    assert "tier" not in found["metadata"]["labels"]
    kubectl("scale", "deploy", "web", "--replicas=1")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    kubectl("set", "image", "deploy/web", "nginx=nginx:3")
    kubectl("rollout", "status", "deploy/web", "--timeout=30s")
    kubectl("wait", "--for=jsonpath={.status.replicas}=1", "deploy/web", "--timeout=30s")
    kubectl("replace", "-f", "-", stdin=kubectl("get", "deploy", "web", "-o", "yaml"))
    described = kubectl("describe", "deploy", "web")
    assert "nginx:3" in described
    assert "ScalingReplicaSet" in described
    assert "Name:" in kubectl("describe", "pods", "-l", "app=web")
    assert "ScalingReplicaSet" in kubectl("events", "--for", "deployment/web")
    kubectl("rollout", "undo", "deploy/web")
    assert kubectl("get", "deploy", "web", "-o", "jsonpath={..image}") == "nginx:2"
    assert "REVISION" in kubectl("rollout", "history", "deploy/web")
    kubectl("rollout", "restart", "deploy/web")
    kubectl("delete", "deploy", "web", "--cascade=foreground", "--timeout=30s")
    assert kubectl("get", "rs", "-l", "app=web", "-o", "name") == ""


def test_orphans_stay(kubectl: Kubectl):
    kubectl("apply", "-f", "-", stdin=DEPLOYMENT.replace("NAME", "orphan"))
    kubectl("rollout", "status", "deploy/orphan", "--timeout=30s")
    kubectl("delete", "deploy", "orphan", "--cascade=orphan")
    left = json.loads(kubectl("get", "rs", "-l", "app=orphan", "-o", "json"))["items"]
    assert len(left) == 1
    assert "ownerReferences" not in left[0]["metadata"]
    kubectl("delete", "rs", "-l", "app=orphan")


def test_apply_diff_and_server_side(kubectl: Kubectl):
    one, two = (
        DEPLOYMENT.replace("NAME", "api"),
        DEPLOYMENT.replace("NAME", "api").replace("value: b", "value: c"),
    )
    assert "created" in kubectl("apply", "-f", "-", stdin=one)
    assert "unchanged" in kubectl("apply", "-f", "-", stdin=one)
    assert kubectl.run("diff", "-f", "-", stdin=one).returncode == 0
    differs = kubectl.run("diff", "-f", "-", stdin=two)
    assert differs.returncode == 1
    assert "+          value: c" in differs.stdout
    assert "server dry run" in kubectl("apply", "--dry-run=server", "-f", "-", stdin=two)
    assert kubectl("get", "deploy", "api", "-o", "jsonpath={..env[0].value}") == "b"
    assert "configured" in kubectl("apply", "-f", "-", stdin=two)
    assert "serverside-applied" in kubectl("apply", "--server-side", "-f", "-", stdin=two)
    refused = kubectl.run("apply", "--server-side", "--field-manager=other", "-f", "-", stdin=one)
    assert refused.returncode == 1
    assert "conflict" in refused.stderr
    kubectl(
        "apply", "--server-side", "--force-conflicts", "--field-manager=other", "-f", "-", stdin=one
    )
    assert kubectl("get", "deploy", "api", "-o", "jsonpath={..env[0].value}") == "b"
    wrong = kubectl.run("apply", "-f", "-", stdin=one.replace("replicas: 2", "repicas: 2"))
    assert 'unknown field "spec.repicas"' in wrong.stderr
    kubectl("delete", "deploy", "api")


def test_custom_resources(kubectl: Kubectl):
    kubectl("apply", "-f", "-", stdin=ROLLOUT)
    changed = ROLLOUT.replace("replicas: 1", "replicas: 2")
    assert "configured" in kubectl("apply", "-f", "-", stdin=changed)
    assert kubectl("get", "ro").splitlines()[0].split() == [
        "NAME",
        "DESIRED",
        "CURRENT",
        "UP-TO-DATE",
        "AVAILABLE",
        "AGE",
    ]
    kubectl("scale", "ro/ro", "--replicas=4")
    assert kubectl("get", "rollouts.argoproj.io/ro", "-o", "jsonpath={.spec.replicas}") == "4"
    assert "Kind:         Rollout" in kubectl("describe", "ro", "ro")
    kubectl("delete", "ro", "ro")


def test_rights(kubectl: Kubectl):
    assert kubectl("auth", "can-i", "delete", "deployments").strip() == "yes"
    assert "*.*" in kubectl("auth", "can-i", "--list")


def test_watching(kubectl: Kubectl):
    kubectl("create", "configmap", "watched")
    watching = subprocess.Popen(
        [kubectl.program, "--kubeconfig", str(kubectl.config), "--cache-dir", str(kubectl.home / "cache"),
         "get", "cm", "watched", "-w", "-o", 'jsonpath={.data.a}{"\\n"}'],
        stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert watching.stdout is not None
        assert watching.stdout.readline() == "\n"
        kubectl("patch", "cm", "watched", "--type=merge", "-p", '{"data":{"a":"seen"}}')
        assert watching.stdout.readline() == "seen\n"
    finally:
        watching.terminate()
        watching.communicate()


def test_explained_from_the_documents(kubectl: Kubectl):
    assert "replicas\t<integer>" in kubectl("explain", "deployment.spec")
    assert "KIND:       Rollout" in kubectl("explain", "rollout")


def test_errors_as_people_know_them(kubectl: Kubectl):
    assert (
        kubectl.run("get", "cm", "nothing").stderr
        == 'Error from server (NotFound): configmaps "nothing" not found\n'
    )
    assert "doesn't have a resource type" in kubectl.run("get", "nothings").stderr
    again = kubectl.run("create", "namespace", "default")
    assert (
        again.stderr == 'Error from server (AlreadyExists): namespaces "default" already exists\n'
    )
    held = kubectl.run("delete", "namespace", "default")
    assert "this namespace may not be deleted" in held.stderr
