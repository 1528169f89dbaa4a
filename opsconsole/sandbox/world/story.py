"""What has happened in the clusters before the console looks: nine applications, six states.

| application | strategy | state when the story ends |
|---|---|---|
| my-app | the article's blue-green | Suspended: the preview waits for a promote |
| my-app-canary | the article's canary, 5/20/50/80 | Suspended, as Argo CD calls it: in its first, timed pause at 5 % |
| checkout | canary | Healthy |
| my-app-istio | the article's canary by Istio's weights | Healthy on its first version |
| my-app-eu-west, my-app-us-east | of the article's ApplicationSet, one for each cluster | Healthy, synced by hand |
| payments | canary | Degraded: its analysis failed and the controller aborted |
| inventory | Deployment, synced by hand | OutOfSync: a commit that nobody has applied |
| search | Deployment, no selfHeal | OutOfSync: somebody scaled it in the cluster |

Told by the simulated controllers themselves, fast: the story only pushes commits, asks for the
syncs of those without automated sync and scales one Deployment. Separate from the assembly, which starts what the story needs.
"""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

from opsconsole.argo.cd.projects import IN_CLUSTER
from opsconsole.model.kinds import (
    APP_PROJECT,
    APPLICATION,
    APPLICATION_SET,
    CONFIG_MAP,
    DEPLOYMENT,
    ROLLOUT,
    SECRET,
    Kind,
)
from opsconsole.model.objects import items, text
from opsconsole.model.yamldoc import load_manifests
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.fleet import Fleet, Place
from opsconsole.sandbox.world.repository import (
    ALICE,
    BOB,
    LINUS,
    Author,
    WorldRepository,
    files,
)

LENGTH = 2700.0
"""Virtual seconds before the beginning of the shown time at which the story starts."""

PATIENCE = 1800.0
"""Virtual seconds that one scene may take; then the story goes on without it."""

BEFORE_PREVIEW, BEFORE_CANARY, BEFORE_DRIFT = 1200.0, 270.0, 60.0
"""Virtual seconds before the end at which the last things happen. Argo CD looks at git every
three minutes, and the canary's first pause lasts five: at the end it is in it."""

MANAGED = (
    (APP_PROJECT, "infrastructure/argocd/projects/"),
    (CONFIG_MAP, "infrastructure/argocd/argocd-cm.yaml"),
    (CONFIG_MAP, "infrastructure/argocd/notifications.yaml"),
    (APPLICATION, "infrastructure/argocd/applications/"),
    (APPLICATION_SET, "applicationsets/"),
)
"""What an administrator applied by hand to set Argo CD up, in this order."""

FOLDERS = {
    "my-app": "apps/my-app/overlays/production",
    "my-app-canary": "apps/my-app-canary",
    "my-app-istio": "apps/my-app-istio",
    "checkout": "apps/checkout",
    "payments": "apps/payments",
    "inventory": "apps/inventory",
    "search": "apps/search",
    "my-app-eu-west": "apps/my-app/overlays/eu-west",
    "my-app-us-east": "apps/my-app/overlays/us-east",
}
"""Application → the folder whose kustomization.yaml names its image's tag."""

BY_HAND = ("inventory", "my-app-eu-west", "my-app-us-east")
"""Applications without automated sync."""

HERE = Place("eu-west", IN_CLUSTER, {"env": "production", "region": "eu-west"})
"""The cluster that Argo CD runs in, with the labels that the ApplicationSet looks for."""

ELSEWHERE = (
    Place(
        "us-east",
        "https://us-east.clusters.myorg.example:6443",
        {"env": "production", "region": "us-east"},
    ),
)
"""The other production clusters; nothing of these hosts is ever asked."""

TOKEN = {
    "apiVersion": "v1",
    "kind": "Secret",
    "metadata": {"name": "argocd-notifications-secret", "namespace": "argocd"},
    "data": {"slack-token": base64.b64encode(b"xoxb-sandbox").decode()},
}
"""What the notifications' `$slack-token` stands for; like any plaintext Secret it is not in git."""


class Story:
    """Runs on the thread that owns the cluster; every scene ends when its state is reached."""

    def __init__(self, cluster: Cluster, repository: WorldRepository) -> None:
        self.cluster = cluster
        self.repository = repository
        self.simulation = cluster.simulation
        self.store = cluster.store

    def install(self) -> None:
        """Create what an administrator has applied: projects, settings, Applications."""
        tree = files()
        self.store.create(SECRET, TOKEN)
        for kind, prefix in MANAGED:
            for path, source in tree.items():
                if path.startswith(prefix):
                    for manifest in load_manifests(source):
                        self.store.create(kind, manifest)

    def tell(self) -> None:
        """From the first sync to the six states, at the virtual second LENGTH."""
        self.first_deployment()
        self.push("payments", "v1.9.0-bad", LINUS)
        self.push("checkout", "v3.5.0", LINUS)
        self.wait(lambda: self._phase("payments", "payments") == "Degraded")
        self.wait(lambda: self._phase("checkout", "checkout") == "Healthy")
        self.simulation.run_until(LENGTH - BEFORE_PREVIEW)
        self.push("inventory", "v4.3.0", BOB)
        self.push("my-app", "v2.1.0", ALICE)
        self.simulation.run_until(LENGTH - BEFORE_CANARY)
        self.push("my-app-canary", "v2.1.0", ALICE)
        # the last commit is search's own: automated sync to a later one would undo the drift
        self.push("search", "v1.13.0", BOB)
        self.simulation.run_until(LENGTH - BEFORE_DRIFT)
        self.scale("search", 7)
        self.simulation.run_until(LENGTH)

    def first_deployment(self) -> None:
        self.wait(lambda: all(self._object(APPLICATION, "argocd", name) for name in BY_HAND))
        for name in BY_HAND:
            self.sync(name)
        self.wait(lambda: all(self._health(name) == "Healthy" for name in FOLDERS))

    def push(self, app: str, tag: str, author: Author) -> str:
        """A commit that sets the application's image tag; returns its hash."""
        return self.repository.push_image(FOLDERS[app], tag, author, self.simulation.now())

    def sync(self, app: str) -> None:
        """What `argocd app sync` writes."""
        found = self.store.find(APPLICATION, "argocd", app)
        if found is not None:
            operation = {
                "initiatedBy": {"username": "bob"},
                "sync": {
                    "syncStrategy": {"hook": {}},
                    "syncOptions": items(found, "spec", "syncPolicy", "syncOptions"),
                },
            }
            self.store.update(APPLICATION, {**found, "operation": operation})

    def scale(self, name: str, replicas: int) -> None:
        """What `kubectl scale deployment` writes."""
        found = self.store.find(DEPLOYMENT, name, name)
        if found is not None:
            self.store.update(
                DEPLOYMENT, {**found, "spec": {**found["spec"], "replicas": replicas}}
            )

    def wait(self, reached: Callable[[], bool]) -> bool:
        """Let virtual time run until `reached`; whether it was."""
        return self.simulation.run_while(lambda: not reached(), limit=PATIENCE)

    def _object(self, kind: Kind, namespace: str, name: str) -> dict[str, Any] | None:
        return self.store.find(kind, namespace, name)

    def _health(self, app: str) -> str:
        return text(self._object(APPLICATION, "argocd", app), "status", "health", "status")

    def _phase(self, namespace: str, rollout: str) -> str:
        return text(self._object(ROLLOUT, namespace, rollout), "status", "phase")


def fleet_of(cluster: Cluster) -> Fleet:
    """The world's clusters around the first one."""
    return Fleet(cluster, ELSEWHERE, home=HERE)
