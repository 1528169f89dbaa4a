"""The article's ApplicationSet over two clusters: git → Applications → each in its own cluster."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsconsole.cli.connect import choose
from opsconsole.cli.headless import application, first, wait_for
from opsconsole.cli.options import Options
from opsconsole.engine.hub import Hub
from opsconsole.kube.cluster import KubeCluster, open_cluster
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    APPLICATION,
    APPLICATION_SET,
    NAMESPACE,
    POD,
    ROLLOUT,
    SECRET,
    SERVICE,
    ResourceKey,
)
from opsconsole.model.objects import annotations_of, items, mapping, name_of, text
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.world.assembly import Sandbox
from opsconsole.sandbox.world.repository import ALICE, URL
from opsconsole.sandbox.world.story import ELSEWHERE, LENGTH
from tests.peers import peer

pytestmark = pytest.mark.timeout(120)

EAST, WEST = "my-app-us-east", "my-app-eu-west"
HOMES = {EAST: "production", WEST: "production-eu"}
MINUTES = 1200.0
OLD, NEW = "myorg/my-app:v2.0.0", "myorg/my-app:v2.1.0"


class Play:
    """A sandbox whose time runs only when asked: both clusters, looked at from one thread."""

    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    def do(self, work: Callable[[Cluster], Any]) -> Any:
        return self.sandbox.read(work)

    def until(self, wanted: Callable[[], Any], limit: float = MINUTES) -> None:
        assert self.do(lambda c: c.simulation.run_while(lambda: not wanted(), limit=limit))

    def run(self, seconds: float) -> None:
        self.do(lambda c: c.simulation.run_for(seconds))

    def cluster(self, app: str) -> Cluster:
        return self.sandbox.fleet.clusters["us-east"] if app == EAST else self.sandbox.cluster

    def app(self, name: str) -> dict[str, Any]:
        return self.sandbox.cluster.store.find(APPLICATION, "argocd", name) or {}

    def state(self, name: str) -> tuple[str, str]:
        app = self.app(name)
        return text(app, "status", "sync", "status"), text(app, "status", "health", "status")

    def rollout(self, app: str) -> dict[str, Any]:
        return self.cluster(app).store.find(ROLLOUT, HOMES[app], "my-app") or {}

    def image(self, app: str) -> str:
        return text(self.rollout(app), "spec", "template", "spec", "containers", 0, "image")

    def set(self) -> dict[str, Any]:
        return self.sandbox.cluster.store.get(APPLICATION_SET, "argocd", "my-app-set")

    def secret(self, name: str) -> dict[str, Any]:
        return self.sandbox.cluster.store.get(SECRET, "argocd", f"cluster-{name}")


@pytest.fixture
def play() -> Iterator[Play]:
    peer("git")
    made = Sandbox(speed=0).start()
    yield Play(made)
    assert made.read(lambda c: [repr(f) for f in c.manager.faults]) == []
    assert made.read(lambda _: made.fleet.clusters["us-east"].manager.faults) == []
    made.stop()


def test_each_application_is_what_the_template_says(play: Play) -> None:
    for name, region, server in (
        (WEST, "eu-west", "https://kubernetes.default.svc"),
        (EAST, "us-east", ELSEWHERE[0].server),
    ):
        spec = mapping(play.app(name), "spec")
        assert spec == {
            "project": "default",
            "source": {
                "repoURL": URL,
                "targetRevision": "main",
                "path": f"apps/my-app/overlays/{region}",
            },
            "destination": {"server": server, "namespace": "production"},
        }
        owner = play.app(name)["metadata"]["ownerReferences"][0]
        assert (owner["kind"], owner["name"]) == ("ApplicationSet", "my-app-set")


def test_each_is_synced_into_its_own_cluster(play: Play) -> None:
    assert play.state(EAST) == play.state(WEST) == ("Synced", "Healthy")
    east, west = play.rollout(EAST), play.rollout(WEST)
    assert text(east, "status", "phase") == text(west, "status", "phase") == "Healthy"
    assert list(mapping(east, "spec", "strategy")) == ["canary"]
    assert list(mapping(west, "spec", "strategy")) == ["blueGreen"]
    assert annotations_of(east)["argocd.argoproj.io/tracking-id"].startswith(f"{EAST}:")
    there = play.sandbox.fleet.clusters["us-east"].store
    assert len(there.objects(POD, "production")) == 4
    # nothing of Argo CD is in the other cluster, and nothing of us-east in this one
    assert there.objects(APPLICATION) == []
    assert there.find(NAMESPACE, "", "argocd") is None
    assert play.sandbox.cluster.store.find(ROLLOUT, "production", "my-app") is not None
    marks = [
        annotations_of(obj).get("argocd.argoproj.io/tracking-id", "")
        for obj in play.sandbox.cluster.store.objects(ROLLOUT)
    ]
    assert not any(mark.startswith(f"{EAST}:") for mark in marks)


def test_it_is_compared_with_its_own_cluster(play: Play) -> None:
    there = play.cluster(EAST).store

    def scale(_: Cluster) -> None:
        old = play.rollout(EAST)
        there.update(ROLLOUT, {**old, "spec": {**old["spec"], "replicas": 9}})

    play.do(scale)
    play.until(lambda: play.state(EAST)[0] == "OutOfSync", 60.0)
    assert play.state(WEST)[0] == "Synced"
    assert text(play.app("my-app"), "status", "sync", "status") == "Synced"


def test_a_commit_to_one_regions_overlay_changes_only_that_region(play: Play) -> None:
    before = {name: play.rollout(name)["metadata"]["generation"] for name in HOMES}
    play.sandbox.push_image(EAST, "v2.1.0")
    play.until(lambda: play.state(EAST)[0] == "OutOfSync", 400.0)
    assert play.image(EAST) == OLD, "without automated sync nothing is applied"
    play.do(lambda _: play.sandbox.story.sync(EAST))
    play.until(lambda: play.image(EAST) == NEW, 60.0)
    play.until(lambda: text(play.rollout(EAST), "status", "phase") == "Paused", 120.0)
    play.until(lambda: text(play.rollout(EAST), "status", "phase") == "Healthy", 6000.0)
    runs = play.cluster(EAST).store.objects(ANALYSIS_RUN, "production")
    assert [text(run, "status", "phase") for run in runs] == ["Successful"]
    play.until(lambda: play.state(EAST) == ("Synced", "Healthy"), 60.0)
    assert play.image(WEST) == OLD
    assert play.rollout(WEST)["metadata"]["generation"] == before[WEST]
    assert play.state(WEST) == ("Synced", "Healthy")


def test_a_region_with_a_bad_version_is_aborted_alone(play: Play) -> None:
    """The other cluster has a Prometheus of its own: only its own traffic decides."""
    path = "apps/my-app/overlays/us-east/patches/replicas.yaml"
    worse = "  template: {metadata: {annotations: {sandbox.opsconsole/error-ratio: '0.9'}}}\n"
    repository = play.sandbox.world.repository
    changed = {path: repository.read(path) + worse}
    play.do(lambda c: repository.commit(changed, "A try", ALICE, c.simulation.now()))
    play.until(lambda: play.state(EAST)[0] == "OutOfSync", 400.0)
    play.do(lambda _: play.sandbox.story.sync(EAST))
    play.until(lambda: mapping(play.rollout(EAST), "status").get("abort"), 3000.0)
    play.until(lambda: play.state(EAST)[1] == "Degraded", 60.0)
    assert play.state(WEST) == ("Synced", "Healthy")


def test_when_the_set_goes_its_applications_and_their_resources_go(play: Play) -> None:
    play.do(lambda c: c.store.delete(APPLICATION_SET, "argocd", "my-app-set"))
    play.until(lambda: not play.app(EAST) and not play.app(WEST), 300.0)
    assert play.rollout(EAST) == play.rollout(WEST) == {}
    assert play.cluster(EAST).store.objects(SERVICE, "production") == []
    assert text(play.app("my-app"), "status", "sync", "status") == "Synced"
    assert play.sandbox.cluster.store.find(ROLLOUT, "production", "my-app") is not None


def test_resources_that_the_set_preserves_stay(play: Play) -> None:
    def preserve(c: Cluster) -> None:
        now = play.set()
        policy = {"preserveResourcesOnDeletion": True}
        c.store.update(APPLICATION_SET, {**now, "spec": {**now["spec"], "syncPolicy": policy}})

    play.do(preserve)
    play.run(10)
    assert items(play.app(EAST), "metadata", "finalizers") == []
    play.do(lambda c: c.store.delete(APPLICATION_SET, "argocd", "my-app-set"))
    play.until(lambda: not play.app(EAST) and not play.app(WEST), 300.0)
    assert play.image(EAST) == play.image(WEST) == OLD


def test_when_the_clusters_secret_goes_its_application_goes_and_the_resources_stay(
    play: Play,
) -> None:
    """The destination is not known any more: nothing can be deleted there."""
    play.do(lambda c: c.store.delete(SECRET, "argocd", "cluster-us-east"))
    play.until(lambda: not play.app(EAST), 300.0)
    assert play.image(EAST) == OLD
    assert play.state(WEST) == ("Synced", "Healthy")


def test_a_cluster_whose_label_changes_loses_application_and_resources(play: Play) -> None:
    def relabel(c: Cluster) -> None:
        now = play.secret("us-east")
        labels = {**now["metadata"]["labels"], "env": "staging"}
        c.store.update(SECRET, {**now, "metadata": {**now["metadata"], "labels": labels}})

    play.do(relabel)
    play.until(lambda: not play.app(EAST), 300.0)
    play.until(lambda: not play.rollout(EAST), 60.0)
    assert play.state(WEST) == ("Synced", "Healthy")


def test_a_region_without_an_overlay_is_a_fault_of_that_application_alone(play: Play) -> None:
    def move(c: Cluster) -> None:
        now = play.secret("us-east")
        labels = {**now["metadata"]["labels"], "region": "mars"}
        c.store.update(SECRET, {**now, "metadata": {**now["metadata"], "labels": labels}})

    play.do(move)
    play.until(lambda: play.state(EAST)[0] == "Unknown", 300.0)
    conditions = play.app(EAST)["status"]["conditions"]
    assert any("apps/my-app/overlays/mars: app path does not exist" in c["message"] for c in conditions)  # fmt: skip
    assert play.image(EAST) == OLD
    assert play.state(WEST) == ("Synced", "Healthy")


def test_both_are_served(play: Play) -> None:
    def get(url: str, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(url + path, timeout=20) as answer:
            return dict(json.load(answer))

    path = "/apis/argoproj.io/v1alpha1/rollouts"
    there = get(play.sandbox.urls["us-east"], path)["items"]
    assert [name_of(one) for one in there] == ["my-app"]
    assert len(get(play.sandbox.url, path)["items"]) == 6
    url = play.sandbox.urls["us-east"]
    assert play.sandbox.servers == {ELSEWHERE[0].server: url, "us-east": url}


def test_the_past_has_the_overlays(play: Play, tmp_path: Path) -> None:
    del tmp_path
    repository = play.sandbox.world.repository
    subjects = [c.subject for c in repository.git.history("apps/my-app/overlays/us-east", "main")]
    assert subjects[-1].startswith("One my-app for every production cluster")
    assert ALICE[0] not in {c.author for c in repository.git.history("applicationsets", "main")}
    assert play.do(lambda c: c.simulation.elapsed) >= LENGTH


def test_the_console_compares_with_the_cluster_that_it_is_about(play: Play, tmp_path: Path) -> None:
    """Somebody scales us-east; production/my-app of the console's own cluster is not looked at."""

    def scale(_: Cluster) -> None:
        old = play.rollout(EAST)
        play.cluster(EAST).store.update(ROLLOUT, {**old, "spec": {**old["spec"], "replicas": 9}})

    play.do(scale)
    play.until(lambda: play.state(EAST)[0] == "OutOfSync", 60.0)
    chosen = choose(Options(server=play.sandbox.url))
    settings = replace(chosen.settings, state_dir=tmp_path)

    def elsewhere(server: str) -> KubeCluster:
        there = replace(settings.cluster, server=play.sandbox.servers[server])
        return open_cluster(there, chosen.clock, lambda: 0.5)

    async def connect() -> Any:
        repos = replace(settings.repos, replacements=play.sandbox.replacements)
        return replace(await chosen.connector(), repos=repos, elsewhere=elsewhere)

    hub = Hub(connect, settings, chosen.clock, lambda: 0.5)
    hub.start()
    try:
        app = application(first(hub, 60.0), EAST)
        assert app.elsewhere == ELSEWHERE[0].server
        assert application(hub.snapshot(), WEST).elsewhere == ""
        hub.select(app.key)
        assert wait_for(
            hub,
            lambda s: (
                s.selection is not None and bool(s.selection.drift) and bool(s.selection.rollouts)
            ),
            60.0,
        )
        selection = hub.snapshot().selection
        assert selection is not None
        (key,) = selection.rollouts
        assert key == ResourceKey(ROLLOUT, "production", "my-app", ELSEWHERE[0].server)
        assert hub.snapshot().rollouts[key].strategy == "Canary"
        assert hub.snapshot().rollouts[key._replace(cluster="")].strategy == "BlueGreen"
        (entry,) = selection.drift
        assert entry[0] == "Rollout production/my-app"
        assert "-  replicas: 9" in entry[1]
        assert "+  replicas: 4" in entry[1]
    finally:
        hub.stop()
