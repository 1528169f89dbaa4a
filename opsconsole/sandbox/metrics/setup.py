"""Puts the traffic model and the metric endpoint into a cluster; `sandbox.cluster` finds it here.

After it `cluster.services` has `traffic` (the model), `prometheus` (its HTTP API, in-process)
and `in-cluster` (the resolver of addresses), which also stands among `resolvers`.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opsconsole.sandbox.metrics.api import Api
from opsconsole.sandbox.metrics.resolve import Services
from opsconsole.sandbox.metrics.series import METADATA, TrafficSamples
from opsconsole.sandbox.metrics.traffic import TrafficModel
from opsconsole.sandbox.runtime import Controller
from opsconsole.sandbox.store import Store

if TYPE_CHECKING:
    from opsconsole.sandbox.cluster import Cluster


def controllers(cluster: Cluster) -> Iterable[Controller]:
    """None: the model only listens."""
    if "in-cluster" not in cluster.services:
        services = make(cluster.store)
        cluster.services["traffic"] = services.traffic
        cluster.services["prometheus"] = services.metrics
        cluster.services["in-cluster"] = services
        cluster.services.setdefault("resolvers", []).append(services)
    return ()


def make(store: Store) -> Services:
    """The metric endpoint of a store, following it from now on."""
    model = TrafficModel(store)
    samples = TrafficSamples(model)
    simulation = store.simulation
    api = Api(samples, lambda: simulation.now().timestamp(), METADATA)
    return Services(model, api)
