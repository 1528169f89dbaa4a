"""Everything the engine reads of one cluster: its reflectors, and the picture made of them.

Separate from the hub, which owns the thread and the operations.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

from opsconsole.aio.clock import Clock
from opsconsole.aio.tasks import cancel, supervise
from opsconsole.argo.rollouts.names import POD_HASH_LABEL
from opsconsole.engine.connectivity import overall
from opsconsole.engine.picture import Picture
from opsconsole.engine.protocols import Cluster
from opsconsole.engine.reflector import Reflector
from opsconsole.engine.store import ObjectStore
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    APP_PROJECT,
    APPLICATION,
    EXPERIMENT,
    POD,
    REPLICA_SET,
    ROLLOUT,
    Kind,
)
from opsconsole.model.snapshot import LinkState
from opsconsole.settings import ClusterSettings

KINDS: tuple[tuple[Kind, str], ...] = (
    (APPLICATION, ""),
    (ROLLOUT, ""),
    (APP_PROJECT, ""),
    (ANALYSIS_RUN, ""),
    (REPLICA_SET, POD_HASH_LABEL),
    (POD, POD_HASH_LABEL),
    (EXPERIMENT, ""),
)
"""(kind, label selector): ReplicaSets and pods of Rollouts carry the hash label, others stay out."""

_ARGO_CD = (APPLICATION, APP_PROJECT)


class World:
    """Owned by the engine's loop. `changed` is called after anything that may be visible."""

    def __init__(
        self, settings: ClusterSettings, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self.store = ObjectStore()
        self.picture = Picture(self.store)
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._reflectors: list[Reflector] = []
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, cluster: Cluster, server: str = "") -> None:
        """`server` is the URL by which others know the cluster."""
        self.picture.server = server
        for kind, labels in KINDS:
            argo_cd = kind in _ARGO_CD
            home = self._settings.argocd_namespace if argo_cd else cluster.namespace or "default"
            reflector = Reflector(
                kind,
                self.store,
                self._clock,
                self._changed,
                namespace="" if argo_cd else self._settings.namespace,
                labels=labels,
                fallback=home,
            )
            self._reflectors.append(reflector)
            self._tasks.append(
                supervise(reflector.run(cluster), name=f"reflect {kind.resource}", endless=True)
            )

    async def stop(self) -> None:
        await cancel(*self._tasks)
        self._tasks.clear()

    @property
    def listed(self) -> bool:
        """Whether applications and rollouts are known, or known to be out of reach."""
        settled = [r.listed or r.state.message for r in self._reflectors[:2]]
        return bool(settled) and all(settled)

    @property
    def kinds(self) -> Mapping[Kind, LinkState]:
        return {reflector.kind: reflector.state for reflector in self._reflectors}

    @property
    def link(self) -> LinkState:
        return overall(reflector.state for reflector in self._reflectors)
