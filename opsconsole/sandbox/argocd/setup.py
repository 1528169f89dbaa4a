"""Starts the Application controller; `sandbox.cluster` finds it here.

Services that it uses: `repositories` (repos.Repositories), `renderer` (render.Renderer) and
`clusters` (server URL → Store, further clusters). What is missing is made.
"""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Repositories
from opsconsole.sandbox.argocd.applications import ApplicationController
from opsconsole.sandbox.argocd.environment import Environment
from opsconsole.sandbox.argocd.sources import Sources
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.runtime import Controller


def sources_of(cluster: Cluster) -> Sources:
    """The one reader of git that all controllers of the cluster share."""
    services = cluster.services
    if "sources" not in services:
        repositories = services.get("repositories") or Repositories()
        renderer = services.get("renderer") or Renderer("helm")
        services["sources"] = Sources(repositories, renderer, cluster.simulation.monotonic)
    found: Sources = services["sources"]
    return found


def controllers(cluster: Cluster) -> Iterable[Controller]:
    environment = Environment(
        cluster.store, sources_of(cluster), cluster.services.setdefault("clusters", {})
    )
    resync = cluster.options.app_resync
    return (ApplicationController(environment, cluster.manager, resync),)
