"""Follows the events about the few objects that are looked at.

Separate from the world's reflectors: a cluster has too many events to watch them all, so each
object that matters now is followed by name, and left when the selection moves on.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from opsconsole.aio.tasks import cancel, supervise
from opsconsole.engine.protocols import Cluster
from opsconsole.model.events import Event
from opsconsole.model.feed import Changed, Interrupted, Listed
from opsconsole.model.kinds import EVENT, POD, ResourceKey
from opsconsole.model.objects import dig, mapping, name_of, number, text
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link
from opsconsole.model.times import parse_instant

KEPT = 100
"""Events that are shown, the newest."""

SICK = 3
"""Pods that are not well whose events are followed, of each rollout."""

RUNS = 2
"""Analysis runs and experiments of each rollout whose events are followed, the newest."""


def subjects(app: ResourceKey | None, rollouts: Iterable[Rollout]) -> dict[ResourceKey, None]:
    """Whose events tell what happens to an application now, in a fixed order."""
    found: dict[ResourceKey, None] = {}
    if app is not None:
        found[app] = None
    for rollout in rollouts:
        found[rollout.key] = None
        for run in rollout.runs[:RUNS]:
            found[run.key] = None
        for experiment in rollout.experiments[:RUNS]:
            found[experiment.key] = None
        sick = [
            pod for revision in rollout.revisions for pod in revision.pods
            if not pod.healthy or pod.ready < pod.containers
        ]  # fmt: skip
        for pod in sick[:SICK]:
            found[ResourceKey(POD, rollout.key.namespace, pod.name)] = None
    return found


def event(obj: Mapping[str, Any]) -> Event:
    """A raw Event of core/v1. Old and new form (`lastTimestamp`, `series`, `eventTime`)."""
    at = (
        text(obj, "series", "lastObservedTime")
        or text(obj, "lastTimestamp")
        or text(obj, "eventTime")
        or text(obj, "metadata", "creationTimestamp")
    )
    about = mapping(obj, "involvedObject")
    return Event(
        at=parse_instant(at),
        type=text(obj, "type") or "Normal",
        reason=text(obj, "reason"),
        message=text(obj, "message"),
        kind=text(about, "kind"),
        name=text(about, "name"),
        count=max(number(obj, "count"), number(obj, "series", "count"), 1),
    )


class EventLog:
    """Owned by the engine's loop. `changed` is called after anything that may be visible."""

    def __init__(self, changed: Callable[[], None]) -> None:
        self.events: tuple[Event, ...] = ()
        """Newest first, at most KEPT."""

        self.told = ""
        """Why there are none, when they may not be read."""

        self._changed = changed
        self._tasks: dict[ResourceKey, asyncio.Task[None]] = {}
        self._known: dict[ResourceKey, dict[str, Event]] = {}

    async def follow(self, cluster: Cluster, wanted: Iterable[ResourceKey]) -> None:
        """From now on these objects and no others."""
        keep = dict.fromkeys(wanted)
        gone = [key for key in self._tasks if key not in keep]
        await cancel(*(self._tasks.pop(key) for key in gone))
        for key in gone:
            self._known.pop(key, None)
        for key in keep:
            if key not in self._tasks:
                work = self._follow(cluster, key)
                name = f"events of {key.name}"
                self._tasks[key] = supervise(work, name=name, endless=True)
        if gone:
            self._publish()

    async def stop(self) -> None:
        await cancel(*self._tasks.values())
        self._tasks.clear()

    async def _follow(self, cluster: Cluster, key: ResourceKey) -> None:
        # the name alone: some servers select events by nothing else
        feed = cluster.follow(EVENT, key.namespace, fields=f"involvedObject.name={key.name}")
        async for item in feed:
            known = self._known.setdefault(key, {})
            if isinstance(item, Interrupted):
                if item.link is Link.DENIED:
                    self._tell(f"you may not read the events in {key.namespace}")
            elif isinstance(item, Listed):
                self._tell("")
                known.clear()
                known.update((name_of(o), event(o)) for o in item.objects if _about(o, key))
            elif isinstance(item, Changed) and _about(item.object, key):
                if item.type == "DELETED":
                    known.pop(name_of(item.object), None)
                else:
                    known[name_of(item.object)] = event(item.object)
            self._publish()

    def _tell(self, told: str) -> None:
        if told != self.told:
            self.told = told
            self._changed()

    def _publish(self) -> None:
        every = [found for known in self._known.values() for found in known.values()]
        every.sort(key=lambda e: (e.at.timestamp() if e.at else 0.0, e.kind, e.name, e.reason))
        newest = tuple(reversed(every[-KEPT:]))
        if newest != self.events:
            self.events = newest
            self._changed()


def _about(obj: Mapping[str, Any], key: ResourceKey) -> bool:
    about = dig(obj, "involvedObject")
    return text(about, "name") == key.name and text(about, "kind") == key.kind.kind
