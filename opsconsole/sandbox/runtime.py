"""Controllers on the simulation: work queues fed by the store, `reconcile(key) → requeue`.

Separate so that a controller is only rules over the store: it can be stopped and started
anew at any moment and goes on from the objects alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import name_of, namespace_of
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.kernel import Simulation, Timer
from opsconsole.sandbox.store import Change, Store

LATENCY = 0.02
"""Virtual seconds from a change in the store to the controllers that watch it."""

RETRY_BASE, RETRY_CAP = 0.2, 60.0
"""Virtual seconds of the first and the longest wait after a failed reconcile."""


class Key(NamedTuple):
    namespace: str
    name: str


Mapper = Callable[[Change], Iterable[Key]]


def itself(change: Change) -> Iterable[Key]:
    """The usual mapper: reconcile the object that changed."""
    return (Key(namespace_of(change.object), name_of(change.object)),)


@dataclass(frozen=True)
class Watch:
    """Which changes make which keys due."""

    kind: Kind
    keys: Mapper = itself


class Controller(Protocol):
    """`reconcile` reads, decides through `argo/`, writes; returns seconds until the next look, or None.

    It may raise StatusError (a conflict, an object gone): it is called again after a wait.
    """

    name: str

    def watches(self) -> Iterable[Watch]: ...

    def reconcile(self, key: Key) -> float | None: ...


class Manager:
    """Runs controllers. `faults` keeps what a reconcile raised unexpectedly, newest last."""

    def __init__(self, simulation: Simulation, store: Store) -> None:
        self.simulation = simulation
        self.store = store
        self.faults: list[tuple[str, Key, Exception]] = []
        self._queues: dict[str, _Queue] = {}

    def start(self, controller: Controller) -> None:
        """Start a controller; it first sees every object that is there."""
        queue = _Queue(self, controller)
        self._queues[controller.name] = queue
        queue.start()

    def stop(self, name: str) -> None:
        queue = self._queues.pop(name, None)
        if queue is not None:
            queue.stop()

    def enqueue(self, name: str, key: Key, delay: float = 0.0) -> None:
        """Make a key due at a controller from outside its watches."""
        if name in self._queues:
            self._queues[name].add(key, delay)


class _Queue:
    """One controller's keys: each at most once, one at a time, in order."""

    def __init__(self, manager: Manager, controller: Controller) -> None:
        self.manager = manager
        self.controller = controller
        self._due: dict[Key, Timer] = {}
        self._failures: dict[Key, int] = {}
        self._leave: Callable[[], None] = lambda: None

    def start(self) -> None:
        watches: dict[Kind, list[Mapper]] = {}
        for watch in self.controller.watches():
            watches.setdefault(watch.kind, []).append(watch.keys)

        def see(change: Change) -> None:
            for mapper in watches.get(change.kind, ()):
                for key in mapper(change):
                    self.add(key, LATENCY)

        store = self.manager.store
        for kind in watches:
            for obj in store.objects(kind):
                see(Change("ADDED", kind, obj, None, store.version))
        self._leave = store.subscribe(see)

    def stop(self) -> None:
        self._leave()
        for timer in self._due.values():
            timer.cancel()
        self._due.clear()

    def add(self, key: Key, delay: float) -> None:
        simulation = self.manager.simulation
        waiting = self._due.get(key)
        at = simulation.elapsed + delay
        if waiting is not None:
            if waiting.at <= at:
                return
            waiting.cancel()
        self._due[key] = simulation.call_at(at, lambda: self._run(key))

    def _run(self, key: Key) -> None:
        self._due.pop(key, None)
        try:
            again = self.controller.reconcile(key)
        except StatusError:
            again = self._backoff(key)
        except Exception as fault:  # noqa: BLE001 - one bad object must not stop the controller
            self.manager.faults.append((self.controller.name, key, fault))
            again = self._backoff(key)
        else:
            self._failures.pop(key, None)
        if again is not None:
            self.add(key, max(again, 0.0))

    def _backoff(self, key: Key) -> float:
        count = self._failures.get(key, 0)
        self._failures[key] = count + 1
        return float(min(RETRY_BASE * 2.0 ** min(count, 60), RETRY_CAP))
