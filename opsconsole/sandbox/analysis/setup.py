"""Starts the AnalysisRun controller; `sandbox.cluster` finds it here.

`cluster.services["resolvers"]` is the list of `transport.Resolver`s (URL → what answers it
in-process): the sandbox's metric endpoint, a scenario's answers. It may grow after the start.
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
from opsconsole.sandbox.analysis.transport import Endpoints, Resolver
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.runtime import Controller

if TYPE_CHECKING:
    from opsconsole.sandbox.cluster import Cluster

COMPONENT = "rollouts-controller"


def endpoints_of(cluster: Cluster) -> Endpoints:
    """What measurements go through."""
    from opsconsole.sandbox.analysis.loopback import Loopback

    resolvers: list[Resolver] = cluster.services.setdefault("resolvers", [])
    return Endpoints(Loopback(cluster.simulation), resolvers)


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
