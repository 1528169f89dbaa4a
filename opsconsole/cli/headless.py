"""The engine without a screen: what commands for Applications run on.

Separate because every such command waits for the same thing: the first complete picture, or
the reason why there is none.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from opsconsole.aio.clock import SystemClock
from opsconsole.cli.connect import Chosen, choose, luck
from opsconsole.cli.options import Options
from opsconsole.engine.hub import Hub
from opsconsole.errors import ConnectError, OpsError, UsageError
from opsconsole.model.applications import Application
from opsconsole.model.kinds import APPLICATION, ROLLOUT
from opsconsole.model.snapshot import Link, LinkState, Snapshot

FIRST = 30.0
"""Seconds that the first picture may take."""

SETTLED = (Link.LIVE, Link.DENIED, Link.ABSENT)


@contextmanager
def engine(options: Options) -> Iterator[tuple[Hub, Chosen]]:
    """A started hub, stopped at the end."""
    chosen = choose(options)
    hub = Hub(chosen.connector, chosen.settings, chosen.clock, luck())
    hub.start()
    try:
        yield hub, chosen
    finally:
        hub.stop()


def wait_for(hub: Hub, ready: Callable[[Snapshot], bool], seconds: float) -> bool:
    """Wait until `ready`, for at most `seconds`; whether it came in time."""
    moved = threading.Event()
    clock = SystemClock()
    end = clock.monotonic() + seconds
    leave = hub.subscribe(lambda _: moved.set())
    try:
        while not ready(hub.snapshot()):
            if not moved.wait(max(0.0, end - clock.monotonic())):
                return ready(hub.snapshot())
            moved.clear()
    finally:
        leave()
    return True


def first(hub: Hub, seconds: float = FIRST) -> Snapshot:
    """The first complete picture. ConnectError when there is none to come."""

    def ready(shot: Snapshot) -> bool:
        if shot.cluster.link is Link.BROKEN or _troubled(shot.cluster):
            return True
        states = [shot.kinds.get(kind) for kind in (APPLICATION, ROLLOUT)]
        return all(state is not None and state.link in SETTLED for state in states)

    wait_for(hub, ready, seconds)
    shot = hub.snapshot()
    if shot.cluster.link is not Link.LIVE:
        raise ConnectError(
            shot.cluster.message or "no answer from the cluster in time", hint=shot.cluster.hint
        )
    return shot


def _troubled(state: LinkState) -> bool:
    return state.link is not Link.LIVE and bool(state.message)


def application(shot: Snapshot, name: str) -> Application:
    """By name, or NAMESPACE/NAME. OpsError when there is none, UsageError when there are several."""
    namespace, _, bare = name.rpartition("/")
    found = [
        app
        for key, app in shot.applications.items()
        if key.name == bare and (not namespace or key.namespace == namespace)
    ]
    if not found:
        state = shot.kinds.get(APPLICATION)
        hint = state.message if state is not None and state.link is not Link.LIVE else ""
        raise OpsError(f"there is no application {name!r}", hint=hint or "see opsconsole apps")
    if len(found) > 1:
        raise UsageError(f"there are {len(found)} applications {bare!r}; write NAMESPACE/NAME")
    return found[0]
