"""The rollouts of the selected application when it lives in another cluster that we can reach.

Separate from the world, which is the cluster that the console is on: here only the namespace of
one application is followed, only while it is selected, and nothing can be done to what is seen.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace

from opsconsole.aio.clock import Clock
from opsconsole.aio.tasks import cancel, supervise
from opsconsole.argo.rollouts.names import POD_HASH_LABEL
from opsconsole.engine.picture import Picture
from opsconsole.engine.protocols import Cluster
from opsconsole.engine.reflector import Reflector
from opsconsole.engine.store import ObjectStore
from opsconsole.model.applications import Application
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    EXPERIMENT,
    POD,
    REPLICA_SET,
    ROLLOUT,
    Kind,
    ResourceKey,
)
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link

KINDS: tuple[tuple[Kind, str], ...] = (
    (ROLLOUT, ""),
    (ANALYSIS_RUN, ""),
    (REPLICA_SET, POD_HASH_LABEL),
    (POD, POD_HASH_LABEL),
    (EXPERIMENT, ""),
)

Place = tuple[str, str, tuple[str, ...]]
"""(cluster, namespace, names) of the rollouts that are followed."""


class FarRollouts:
    """Owned by the engine's loop. `changed` is called after anything that may be visible."""

    def __init__(self, clock: Clock, changed: Callable[[], None]) -> None:
        self._clock = clock
        self._changed = changed
        self._place: Place | None = None
        self._picture = Picture(ObjectStore())
        self._reflectors: list[Reflector] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def follow(self, app: Application | None, cluster: Cluster | None) -> None:
        """From now on the rollouts of `app` through `cluster`; None for nothing."""
        place = _place(app) if app is not None and cluster is not None else None
        if place == self._place:
            return
        await self.stop()
        self._place = place
        if place is None or cluster is None:
            return
        store = ObjectStore()
        self._picture = Picture(store)
        for kind, labels in KINDS:
            reflector = Reflector(
                kind, store, self._clock, self._changed, namespace=place[1], labels=labels
            )
            self._reflectors.append(reflector)
            name = f"reflect {kind.resource} of {place[0]}"
            self._tasks.append(supervise(reflector.run(cluster), name=name, endless=True))

    async def stop(self) -> None:
        await cancel(*self._tasks)
        self._tasks.clear()
        self._reflectors.clear()
        self._place = None

    def rollouts(self, app: Application | None) -> Mapping[ResourceKey, Rollout]:
        """Those of `app`, under keys that name the cluster; none while they are not live."""
        if app is None or self._place is None or _place(app) != self._place:
            return {}
        if self._reflectors[0].state.link is not Link.LIVE:
            return {}
        self._picture.update()
        cluster, namespace, names = self._place
        found = {}
        for name in names:
            known = self._picture.rollouts.get(ResourceKey(ROLLOUT, namespace, name))
            if known is not None:
                key = known.key._replace(cluster=cluster)
                found[key] = replace(known, key=key)
        return found


def _place(app: Application) -> Place | None:
    """Where its rollouts are: one namespace, that of the first."""
    listed = [
        (item.namespace or app.destination_namespace, item.name)
        for item in app.resources
        if (item.group, item.kind) == (ROLLOUT.group, ROLLOUT.kind)
    ]
    if not app.elsewhere or not listed:
        return None
    home = listed[0][0]
    return app.elsewhere, home, tuple(name for namespace, name in listed if namespace == home)
