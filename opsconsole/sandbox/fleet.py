"""Further clusters beside the one that Argo CD runs in: same simulation, same process, own API.

Separate from `cluster`, which is one cluster and knows of no other. Argo CD is told of a member
by a cluster Secret, as `argocd cluster add` writes it, and finds its store by the server's URL
in `services["clusters"]`.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from opsconsole.model.kinds import SECRET
from opsconsole.sandbox import state
from opsconsole.sandbox.api.server import ApiServer
from opsconsole.sandbox.cluster import CONTROLLERS, Cluster, ClusterOptions, build
from opsconsole.sandbox.store import Store

ARGO_CD = frozenset(("argocd", "applicationset", "notifications", "sealedsecrets"))
"""Groups that run only in the first cluster, which holds Argo CD."""

HOME = "argocd"


@dataclass(frozen=True, slots=True)
class Place:
    """A cluster as Argo CD knows it: its name, its server's URL and the labels of its Secret."""

    name: str
    server: str
    labels: Mapping[str, str] = field(default_factory=dict)


class Fleet:
    """`home` is the first cluster's own Secret, if it has one; `members` are made here.

    Everything runs on the thread that owns the first cluster. Before its controllers start:
    `declare`; then `start`; `serve` and `stop` are for those who want to reach members by HTTP.
    """

    def __init__(
        self, first: Cluster, members: Sequence[Place], *, home: Place | None = None
    ) -> None:
        self.first = first
        self.home = home
        self.members = tuple(members)
        self.clusters = {place.name: _member(first) for place in members}
        self.urls: dict[str, str] = {}
        """Where each member's API is served, by name."""

        self._apis: list[ApiServer] = []

    def declare(self, servers: Mapping[str, str] | None = None) -> None:
        """Tell Argo CD of every cluster. `servers` are URLs by name, for members served elsewhere."""
        known: dict[str, Store] = self.first.services.setdefault("clusters", {})
        for place in (*((self.home,) if self.home else ()), *self.members):
            server = (servers or {}).get(place.name, place.server)
            if place.name in self.clusters:
                known[server] = self.clusters[place.name].store
            _put(self.first.store, secret(place, server))

    def start(self) -> None:
        """Start the members' controllers."""
        for cluster in self.clusters.values():
            cluster.start()

    async def serve(self, *, schemas: bool = True) -> Mapping[str, str]:
        """Serve each member's API on a loopback port of its own; URLs by name."""
        for name, cluster in self.clusters.items():
            api = ApiServer(cluster.store, schemas=schemas)
            self.urls[name] = await api.start()
            self._apis.append(api)
        return self.urls

    async def stop(self) -> None:
        """Stop serving."""
        while self._apis:
            await self._apis.pop().stop()

    # kept states

    def versions(self) -> tuple[int, ...]:
        """What moves when a member has something new to save."""
        return tuple(cluster.store.version for cluster in self.clusters.values())

    def save(self, directory: Path) -> None:
        """Each member's state in a folder of its name. SandboxError, as `state.save`."""
        for name, cluster in self.clusters.items():
            state.save(cluster, directory / name)

    def restore(self, directory: Path, *, now: datetime) -> None:
        """The kept states of members, if there are any; after that of the first cluster."""
        for name in self.clusters:
            kept = _member(self.first, bare=True)
            if state.restore(kept, directory / name, now=now):
                self.clusters[name] = kept


def secret(place: Place, server: str) -> dict[str, Any]:
    """The Secret that makes a cluster known to Argo CD; it holds no credentials."""
    values = {
        "name": place.name,
        "server": server,
        "config": json.dumps({"tlsClientConfig": {"insecure": False}}, separators=(",", ":")),
    }
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {
            "name": f"cluster-{place.name}",
            "namespace": HOME,
            "labels": {"argocd.argoproj.io/secret-type": "cluster", **place.labels},
        },
        "type": "Opaque",
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in values.items()},
    }


def _put(store: Store, wanted: dict[str, Any]) -> None:
    """Create it, or bring a kept one up to date."""
    old = store.find(SECRET, HOME, wanted["metadata"]["name"])
    if old is None:
        store.create(SECRET, wanted)
    elif old.get("data") != wanted["data"]:
        store.update(SECRET, {**old, "data": wanted["data"]})


def _member(first: Cluster, *, bare: bool = False) -> Cluster:
    own = first.options
    options = ClusterOptions(
        seed=own.seed,
        start=own.start,
        profile=own.profile,
        without=own.without | (ARGO_CD & set(CONTROLLERS)),
        home=False,
    )
    return build(options, simulation=first.simulation, bare=bare)
