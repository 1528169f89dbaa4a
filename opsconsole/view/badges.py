"""What each status looks like: always glyph and word; the token only adds colour."""

from __future__ import annotations

from opsconsole.model.status import AnalysisPhase, Health, OperationPhase, RolloutPhase, Sync
from opsconsole.view.glyphs import Glyphs

_HEALTH = {
    Health.HEALTHY: ("ok", "ok"),
    Health.PROGRESSING: ("running", "info"),
    Health.SUSPENDED: ("paused", "paused"),
    Health.MISSING: ("missing", "warn"),
    Health.DEGRADED: ("bad", "bad"),
    Health.UNKNOWN: ("unknown", "muted"),
}
_SYNC = {
    Sync.SYNCED: ("ok", "ok"),
    Sync.OUT_OF_SYNC: ("outdated", "warn"),
    Sync.UNKNOWN: ("unknown", "muted"),
}
_ROLLOUT = {
    RolloutPhase.HEALTHY: ("ok", "ok"),
    RolloutPhase.PROGRESSING: ("running", "info"),
    RolloutPhase.PAUSED: ("paused", "paused"),
    RolloutPhase.DEGRADED: ("bad", "bad"),
    RolloutPhase.UNKNOWN: ("unknown", "muted"),
}
_ANALYSIS = {
    AnalysisPhase.RUNNING: ("running", "info"),
    AnalysisPhase.SUCCESSFUL: ("ok", "ok"),
    AnalysisPhase.FAILED: ("bad", "bad"),
    AnalysisPhase.ERROR: ("warning", "bad"),
    AnalysisPhase.INCONCLUSIVE: ("unknown", "paused"),
    AnalysisPhase.PENDING: ("waiting", "muted"),
}
_OPERATION = {
    OperationPhase.RUNNING: ("running", "info"),
    OperationPhase.TERMINATING: ("warning", "warn"),
    OperationPhase.SUCCEEDED: ("ok", "ok"),
    OperationPhase.FAILED: ("bad", "bad"),
    OperationPhase.ERROR: ("warning", "bad"),
    OperationPhase.NONE: ("idle", "muted"),
}

Status = Health | Sync | RolloutPhase | AnalysisPhase | OperationPhase


def sign(status: Status, glyphs: Glyphs) -> tuple[str, str]:
    """(glyph, token) of a status; the word is the status itself."""
    name, token = _row(status)
    return str(getattr(glyphs, name)), token


def _row(status: Status) -> tuple[str, str]:
    if isinstance(status, Health):
        return _HEALTH[status]
    if isinstance(status, Sync):
        return _SYNC[status]
    if isinstance(status, RolloutPhase):
        return _ROLLOUT[status]
    if isinstance(status, AnalysisPhase):
        return _ANALYSIS[status]
    return _OPERATION[status]


def badge(status: Status, glyphs: Glyphs) -> tuple[str, str]:
    """(glyph and word, token): "✔ Healthy"."""
    mark, token = sign(status, glyphs)
    return f"{mark} {status.value or 'none'}", token
