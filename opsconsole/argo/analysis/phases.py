"""The phases of measurements, metrics, AnalysisRuns and Experiments, and which is worse.

Rules: `analysis_types.go` and `utils/analysis/helpers.go` of Argo Rollouts.
"""

from __future__ import annotations

PENDING = "Pending"
RUNNING = "Running"
SUCCESSFUL = "Successful"
FAILED = "Failed"
ERROR = "Error"
INCONCLUSIVE = "Inconclusive"

COMPLETED = frozenset({SUCCESSFUL, FAILED, ERROR, INCONCLUSIVE})

_ORDER = (SUCCESSFUL, RUNNING, PENDING, INCONCLUSIVE, ERROR, FAILED)


def is_completed(phase: str) -> bool:
    return phase in COMPLETED


def is_worse(current: str, new: str) -> bool:
    """Whether `new` is worse than `current`; a phase that is none counts as best."""
    return _rank(new) > _rank(current)


def worst(left: str, right: str) -> str:
    return right if is_worse(left, right) else left


def _rank(phase: str) -> int:
    return _ORDER.index(phase) if phase in _ORDER else 0
