"""A sync operation as a state machine: targets, live objects and results so far → the next pass.

    state = SyncContext(plan, effects, state).sync()

The state is what `status.operationState` holds and nothing else, so an operation goes on from
there after a restart. What a pass does to the cluster goes through `Effects`, which a
dry look replaces by something that only notes. Rules: gitops-engine `pkg/sync/sync_context.go`.
"""

from __future__ import annotations

from opsconsole.argo.cd.sync.context import SyncContext, SyncPlan
from opsconsole.argo.cd.sync.effects import EffectError, Effects
from opsconsole.argo.cd.sync.state import Outcome, SyncState
from opsconsole.argo.cd.sync.tasks import Pair, Task

__all__ = [
    "EffectError",
    "Effects",
    "Outcome",
    "Pair",
    "SyncContext",
    "SyncPlan",
    "SyncState",
    "Task",
]
