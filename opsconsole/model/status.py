"""The vocabularies of status, spelled as the APIs spell them, with severity as data."""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Self


class _Vocabulary(StrEnum):
    @classmethod
    def of(cls, value: Any) -> Self:
        """The member with that spelling; anything else is the last member (Unknown)."""
        members = list(cls)
        return next((m for m in members if m.value == value), members[-1])


class Health(_Vocabulary):
    """Argo CD's health, best first (gitops-engine `health.go:45`): the order is the severity."""

    HEALTHY = "Healthy"
    SUSPENDED = "Suspended"
    PROGRESSING = "Progressing"
    MISSING = "Missing"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"

    @property
    def severity(self) -> int:
        return list(Health).index(self)


class Sync(_Vocabulary):
    SYNCED = "Synced"
    OUT_OF_SYNC = "OutOfSync"
    UNKNOWN = "Unknown"


class OperationPhase(_Vocabulary):
    """`status.operationState.phase`; NONE when there is no operation."""

    RUNNING = "Running"
    TERMINATING = "Terminating"
    SUCCEEDED = "Succeeded"
    FAILED = "Failed"
    ERROR = "Error"
    NONE = ""

    @property
    def completed(self) -> bool:
        return self in (OperationPhase.SUCCEEDED, OperationPhase.FAILED, OperationPhase.ERROR)


class RolloutPhase(_Vocabulary):
    HEALTHY = "Healthy"
    PROGRESSING = "Progressing"
    PAUSED = "Paused"
    DEGRADED = "Degraded"
    UNKNOWN = "Unknown"


class AnalysisPhase(_Vocabulary):
    """Phase of an AnalysisRun, of a metric in it and of a measurement; PENDING also when absent."""

    RUNNING = "Running"
    SUCCESSFUL = "Successful"
    FAILED = "Failed"
    ERROR = "Error"
    INCONCLUSIVE = "Inconclusive"
    PENDING = "Pending"

    @property
    def completed(self) -> bool:
        return self not in (AnalysisPhase.RUNNING, AnalysisPhase.PENDING)
