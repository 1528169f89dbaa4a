"""Which cluster an application deploys to, and our connection to it, if there is one.

Separate because a wrong answer would be a lie: comparing git with the cluster that the console
happens to be on, when the application lives in another one, shows drift that does not exist.
"""

from __future__ import annotations

from opsconsole.engine.protocols import Cluster, Elsewhere
from opsconsole.model.applications import Application

IN_CLUSTER = ("", "https://kubernetes.default.svc", "in-cluster")
"""How Argo CD calls the cluster that it runs in, which is the one that holds the Applications."""


def other_cluster(app: Application, server: str = "") -> str:
    """URL or name of the cluster it deploys to, "" when the console is on it.

    `server` is the URL by which we are connected. A destination that gives only a name stands
    in a Secret, which the console does not read: unless it is `in-cluster` it counts as another.
    """
    wanted = app.destination_server.rstrip("/")
    here = (*IN_CLUSTER, server.rstrip("/"))
    return "" if wanted in here else wanted


class Destinations:
    """Connections to other clusters, opened when first needed. Owned by the engine's loop."""

    def __init__(self, home: Cluster, elsewhere: Elsewhere | None = None) -> None:
        self._home = home
        self._elsewhere = elsewhere
        self._open: dict[str, Cluster | None] = {}

    def of(self, app: Application) -> Cluster | None:
        """The application's cluster, None when we have no connection. OpsError: it cannot be used."""
        if not app.elsewhere:
            return self._home
        if app.elsewhere not in self._open:
            made = self._elsewhere(app.elsewhere) if self._elsewhere is not None else None
            self._open[app.elsewhere] = made
        return self._open[app.elsewhere]

    async def close(self) -> None:
        for cluster in self._open.values():
            if cluster is not None:
                await cluster.close()
        self._open.clear()
