"""One simulated cluster: simulation, store and controllers, and which controllers run.

The one place that starts controllers, separate so that `sandbox serve --without …`, the
in-process player and the world share the same list. Controllers are named here by module
and loaded when started, so importing this module is cheap.

A group's module has `controllers(cluster) -> Iterable[Controller]`; what several groups
share beyond the store (the metric endpoint, the renderer, an outbox) is handed over through
`Cluster.services`.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from opsconsole.errors import UsageError
from opsconsole.model.kinds import APP_PROJECT, EVENT, NAMESPACE
from opsconsole.model.objects import name_of, namespace_of, text
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.kernel import START, Simulation
from opsconsole.sandbox.runtime import Controller, Manager
from opsconsole.sandbox.store import Change, Store

CONTROLLERS: dict[str, tuple[str, ...]] = {
    "metrics": ("opsconsole.sandbox.metrics.setup",),
    "workloads": ("opsconsole.sandbox.workloads.setup",),
    "rollouts": (
        "opsconsole.sandbox.rollouts.setup",
        "opsconsole.sandbox.analysis.setup",
        "opsconsole.sandbox.experiments.setup",
    ),
    "argocd": ("opsconsole.sandbox.argocd.setup",),
    "applicationset": ("opsconsole.sandbox.argocd.applicationset",),
    "notifications": ("opsconsole.sandbox.argocd.notifications",),
    "sealedsecrets": ("opsconsole.sandbox.sealed.setup",),
}
"""Group, as `--without` names it → modules that each have `controllers(cluster)`."""

EVENT_TTL = 3600.0
"""Virtual seconds that an Event is kept (the API server's --event-ttl)."""

EVENT_SWEEP = 600.0
"""Virtual seconds between two looks for Events that are too old."""

NAMESPACES = ("default", "kube-system", "argocd", "argo-rollouts")

PROFILES = ("realistic", "recorded")


@dataclass(frozen=True, slots=True)
class ClusterOptions:
    """`profile` is `realistic` or `recorded` (the stand of conformance/README.md)."""

    seed: int = 1
    start: datetime = START
    profile: str = "realistic"
    without: frozenset[str] = frozenset()
    """Groups of CONTROLLERS that are left to somebody else."""

    app_resync: float = 180.0
    """Virtual seconds between two looks of Argo CD at git."""

    home: bool = True
    """Whether Argo CD lives here; False for a cluster that it only deploys to."""


@dataclass(slots=True)
class Cluster:
    """A running cluster. One thread owns it, as it owns the simulation."""

    options: ClusterOptions
    simulation: Simulation
    store: Store
    manager: Manager
    controllers: dict[str, Controller] = field(default_factory=dict)
    """Those that run, by name."""

    groups: dict[str, list[str]] = field(default_factory=dict)
    """Names of the controllers that each group started."""

    services: dict[str, Any] = field(default_factory=dict)
    """What groups share: put in before `start()`."""

    def start(self) -> None:
        """Start every controller that `options.without` does not leave out."""
        EventExpiry(self.store).start()
        for group in CONTROLLERS:
            if group not in self.options.without:
                self.start_group(group)

    def start_group(self, group: str) -> None:
        names = self.groups.setdefault(group, [])
        for module in CONTROLLERS[group]:
            for controller in _controllers(module, self):
                self.controllers[controller.name] = controller
                names.append(controller.name)
                self.manager.start(controller)

    def restart_group(self, group: str) -> None:
        """Stop a group's controllers and start new ones, as when their process is replaced."""
        for name in self.groups.pop(group, []):
            self.manager.stop(name)
            self.controllers.pop(name, None)
        self.start_group(group)

    def restart(self, name: str, controller: Controller) -> None:
        """Put a new controller in the place of the running one: it goes on from the objects."""
        self.manager.stop(name)
        self.controllers[name] = controller
        self.manager.start(controller)


class EventExpiry:
    """Removes old Events. A timer runs only while there are some, so that a run can come to rest."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._due = False

    def start(self) -> None:
        self.store.subscribe(self._see)
        if self.store.objects(EVENT):
            self._later()

    def _see(self, change: Change) -> None:
        if change.kind == EVENT and not self._due:
            self._later()

    def _later(self) -> None:
        self._due = True
        self.store.simulation.call_later(EVENT_SWEEP, self._sweep)

    def _sweep(self) -> None:
        self._due = False
        end = self.store.simulation.now() - timedelta(seconds=EVENT_TTL)
        events = self.store.objects(EVENT)
        for event in events:
            seen = parse_instant(
                text(event, "lastTimestamp") or text(event, "metadata", "creationTimestamp")
            )
            if seen is not None and seen < end:
                self.store.delete(EVENT, namespace_of(event), name_of(event))
        if events and not self._due:
            self._later()


def build(
    options: ClusterOptions | None = None,
    *,
    services: Mapping[str, Any] | None = None,
    bare: bool = False,
    simulation: Simulation | None = None,
) -> Cluster:
    """A cluster with the namespaces and the AppProject `default`; nothing runs before `start()`.

    A `bare` one has no objects at all: a saved state is put into it. Several clusters share a
    world when they are given one `simulation`; `options.seed` and `start` are its own then.

    Raises UsageError for a group or profile that does not exist.
    """
    options = options or ClusterOptions()
    unknown = sorted(options.without - set(CONTROLLERS))
    if unknown:
        raise UsageError(
            f"no controllers are called {', '.join(unknown)}",
            hint=f"there are {', '.join(CONTROLLERS)}",
        )
    if options.profile not in PROFILES:
        raise UsageError(
            f"no profile is called {options.profile}", hint=f"there are {', '.join(PROFILES)}"
        )
    simulation = simulation or Simulation(seed=options.seed, start=options.start)
    store = Store(simulation)
    if not bare:
        bootstrap(store, home=options.home)
    manager = Manager(simulation, store)
    return Cluster(options, simulation, store, manager, services=dict(services or {}))


def bootstrap(store: Store, *, home: bool = True) -> None:
    """What even an empty cluster has; what is there already stays as it is."""
    for name in NAMESPACES:
        if store.find(NAMESPACE, "", name) is None and (home or name != "argocd"):
            store.create(NAMESPACE, {"metadata": {"name": name}})
    if home and store.find(APP_PROJECT, "argocd", "default") is None:
        store.create(
            APP_PROJECT,
            {
                "metadata": {"name": "default", "namespace": "argocd"},
                "spec": {
                    "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
                    "destinations": [{"namespace": "*", "server": "*"}],
                    "sourceRepos": ["*"],
                },
                "status": {},
            },
        )


def _controllers(module: str, cluster: Cluster) -> Iterable[Controller]:
    factory: Callable[[Cluster], Iterable[Controller]] = importlib.import_module(module).controllers
    return factory(cluster)
