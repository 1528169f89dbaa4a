"""Health of one managed resource that the API left out.

Separate so that there is one place that decides when we compute it ourselves: Argo CD keeps
it in Redis by default (`status.resourceHealthSource: appTree`), which we cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.cd.health import assess
from opsconsole.model.status import Health


def resource_health(obj: Mapping[str, Any]) -> Health | None:
    """Health by Argo CD's own rules for the kind; None for kinds that it does not assess."""
    verdict = assess(obj)
    return verdict.status if verdict is not None else None
