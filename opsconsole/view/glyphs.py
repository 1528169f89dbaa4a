"""The two sets of signs, Unicode and ASCII, and what each status looks like.

A state is always glyph and word; the token only adds colour. Signs and colours follow what
Argo CD's UI and `kubectl argo rollouts` have taught their users.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsconsole.model.status import AnalysisPhase, Health, OperationPhase, RolloutPhase, Sync


@dataclass(frozen=True, slots=True)
class Glyphs:
    """Every sign is one cell wide, except `arrow`, `branch` and `last`."""

    ok: str = "✔"
    running: str = "◌"
    bad: str = "✖"
    paused: str = "‖"
    missing: str = "?"
    unknown: str = "?"
    outdated: str = "▲"
    warning: str = "!"
    waiting: str = "◷"
    idle: str = "·"
    current: str = "▶"
    arrow: str = "→"
    full: str = "█"
    empty: str = "░"
    branch: str = "├─"
    last: str = "└─"
    pipe: str = "│"
    dot: str = "·"
    ellipsis: str = "…"
    live: str = "●"
    desired: str = "◆"
    times: str = "×"
    up: str = "↑"
    down: str = "↓"
    rule: str = "─"
    threshold: str = "╌"
    focus: str = "▌"
    braille: bool = True


UNICODE = Glyphs()
ASCII = Glyphs(
    ok="+", running="~", bad="x", paused="=", outdated="^", waiting="o", idle=".", current=">",
    arrow="->", full="#", empty="-", branch="|-", last="`-", pipe="|", dot="-", ellipsis="~",
    live="*", desired="@", times="x", up="^", down="v", rule="-", threshold="-", focus=">",
    braille=False,
)  # fmt: skip

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
