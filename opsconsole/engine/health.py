"""Health of one managed resource that the API left out.

Separate so that there is one place that decides when we compute it ourselves: Argo CD keeps
it in Redis by default (`status.resourceHealthSource: appTree`), which we cannot read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts.phase import observed
from opsconsole.model.status import Health, RolloutPhase

_BY_PHASE = {
    RolloutPhase.HEALTHY: Health.HEALTHY,
    RolloutPhase.PROGRESSING: Health.PROGRESSING,
    RolloutPhase.PAUSED: Health.SUSPENDED,
    RolloutPhase.DEGRADED: Health.DEGRADED,
}


def resource_health(rollout: Mapping[str, Any]) -> Health:
    """Health of a Rollout, by the phase that a client must show (GetRolloutPhase)."""
    return _BY_PHASE.get(observed(rollout)[0], Health.UNKNOWN)
