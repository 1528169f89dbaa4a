"""Keeps one kind of the store equal to the cluster, and knows how that stands.

Separate per kind, so that one kind that is denied or missing degrades alone.
"""

from __future__ import annotations

from collections.abc import Callable

from opsconsole.aio.clock import Clock
from opsconsole.engine.protocols import Cluster
from opsconsole.engine.store import ObjectStore
from opsconsole.model.feed import Alive, Changed, Feed, Interrupted, Listed
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import name_of, namespace_of
from opsconsole.model.snapshot import Link, LinkState


class Reflector:
    """`state` is read by the hub; `changed` is called after every effect.

    `fallback` is the namespace to look at when listing all namespaces is denied.
    """

    def __init__(
        self,
        kind: Kind,
        store: ObjectStore,
        clock: Clock,
        changed: Callable[[], None],
        *,
        namespace: str = "",
        labels: str = "",
        fallback: str = "",
    ) -> None:
        self.kind = kind
        self.state = LinkState(Link.CONNECTING, clock.now())
        self.listed = False
        """Whether the kind was listed at least once: an empty table then means "there are none"."""

        self._store = store
        self._clock = clock
        self._changed = changed
        self._namespace = namespace
        self._labels = labels
        self._fallback = fallback
        self._true_at = clock.now()

    async def run(self, cluster: Cluster) -> None:
        """Follow for ever."""
        while True:
            feed = cluster.follow(self.kind, self._namespace, labels=self._labels)
            async for item in feed:
                self.apply(item)
                if isinstance(item, Interrupted) and self._narrow(item):
                    break

    def apply(self, item: Feed) -> None:
        if isinstance(item, Interrupted):
            self._interrupted(item)
            return
        self._true_at = self._clock.now()
        if isinstance(item, Listed):
            self._store.replace(self.kind, item.objects)
            self.listed = True
        elif isinstance(item, Changed):
            if item.type == "DELETED":
                self._store.remove(self.kind, namespace_of(item.object), name_of(item.object))
            else:
                self._store.put(self.kind, item.object)
        if self.state.link is not Link.LIVE and (self.listed or not isinstance(item, Alive)):
            self.state = LinkState(Link.LIVE, self._true_at, self._scope())
            self._changed()
        elif self._store.changed:
            self._changed()

    def _scope(self) -> str:
        return f"only namespace {self._namespace}" if self._namespace else ""

    def _narrow(self, item: Interrupted) -> bool:
        """Whether to look at one namespace from now on, because all of them are denied."""
        if item.link is not Link.DENIED or self._namespace or not self._fallback or self.listed:
            return False
        self._namespace = self._fallback
        return True

    def _interrupted(self, item: Interrupted) -> None:
        link = item.link
        if link is Link.STALE and not self.listed:
            link = Link.CONNECTING
        if link in (Link.DENIED, Link.ABSENT):
            # what was known is not shown as if it were still so
            self._store.replace(self.kind, ())
            self.listed = False
        since = self._true_at if link is Link.STALE else self.state.since
        if link is not self.state.link and link is not Link.STALE:
            since = self._clock.now()
        self.state = LinkState(link, since, item.message, item.hint)
        self._changed()
