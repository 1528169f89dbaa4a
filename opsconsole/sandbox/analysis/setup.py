"""Starts the AnalysisRun controller; `sandbox.cluster` finds it here.

`cluster.services["endpoints"]` is the `transport.Endpoints` that measurements go through: who
plays a scenario or builds the world adds what answers in-process, before or after the start.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opsconsole.sandbox.analysis.controller import AnalysisRunController
from opsconsole.sandbox.analysis.jobs import JobProvider
from opsconsole.sandbox.analysis.providers import (
    PrometheusProvider,
    Provider,
    UnspokenProvider,
    WebProvider,
)
from opsconsole.sandbox.analysis.transport import Endpoints
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.runtime import Controller

if TYPE_CHECKING:
    from opsconsole.sandbox.cluster import Cluster

COMPONENT = "rollouts-controller"


def new_endpoints(simulation: Simulation) -> Endpoints:
    """Endpoints with nothing in-process yet."""
    from opsconsole.sandbox.analysis.loopback import Loopback

    return Endpoints(Loopback(simulation))


def endpoints_of(cluster: Cluster) -> Endpoints:
    """The cluster's endpoints; made when there are none yet."""
    found = cluster.services.get("endpoints")
    if not isinstance(found, Endpoints):
        found = cluster.services["endpoints"] = new_endpoints(cluster.simulation)
    return found


def controllers(cluster: Cluster) -> Iterable[Controller]:
    return (make(cluster),)


def make(cluster: Cluster) -> AnalysisRunController:
    simulation, store = cluster.simulation, cluster.store
    transport = endpoints_of(cluster)
    known: dict[str, Provider] = {
        "prometheus": PrometheusProvider(simulation, transport),
        "web": WebProvider(simulation, transport),
        "job": JobProvider(store),
    }
    unspoken = UnspokenProvider(simulation)
    name = AnalysisRunController.name
    return AnalysisRunController(
        store,
        lambda kind: known.get(kind, unspoken),
        lambda key: cluster.manager.enqueue(name, key),
        EventRecorder(store, COMPONENT),
    )
