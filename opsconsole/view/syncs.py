"""A sync operation as it goes: each resource and hook by phase and wave, with what it answered.

Separate from the application's detail, which only names the operation's outcome. Phases and
waves in the order in which gitops-engine runs them (`pkg/sync/sync_tasks.go`).
"""

from __future__ import annotations

from collections.abc import Mapping

from opsconsole.model.applications import Application, ResourceResult
from opsconsole.model.status import OperationPhase
from opsconsole.view.format import safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Canvas, Line, Span, clip, line, wrapped

PHASES = ("PreSync", "Sync", "PostSync", "SyncFail", "PostDelete")

_STATES: Mapping[str, tuple[str, str]] = {
    "Running": ("running", "info"),
    "Terminating": ("warning", "warn"),
    "Succeeded": ("ok", "ok"),
    "Failed": ("bad", "bad"),
    "Error": ("warning", "bad"),
    "Synced": ("ok", "ok"),
    "Pruned": ("ok", "ok"),
    "PruneSkipped": ("warning", "warn"),
    "SyncFailed": ("bad", "bad"),
}


def sync_lines(app: Application, canvas: Canvas) -> list[Line]:
    """Rows of the operation's results; empty when it has none. Not in full: only what is not done."""
    results = app.operation.results
    if not results:
        return []
    waves = {(r.kind, r.namespace, r.name): r.sync_wave for r in app.resources}
    phase = app.operation.phase
    running = not phase.completed and phase is not OperationPhase.NONE
    done = sum(state_of(r, phase) in ("Succeeded", "Synced", "Pruned") for r in results)
    lines = [line((f"{done} of {len(results)} done", "strong" if running else "muted"))]
    shown = ("", 0)
    for item, wave in sorted(
        ((r, waves.get((r.kind, r.namespace, r.name), 0)) for r in results),
        key=lambda pair: (_place(pair[0].sync_phase), pair[1]),
    ):
        state = state_of(item, phase)
        if not canvas.full and running and state in ("Succeeded", "Pruned"):
            continue
        title = item.sync_phase or "Sync"
        if (title, wave) != shown:
            shown = (title, wave)
            lines.append(line((f"{title}{f' wave {wave}' if wave else ''}", "muted")))
        lines += _result(item, state, canvas)
    return lines


def state_of(item: ResourceResult, operation: OperationPhase) -> str:
    """The hook phase, which also tells how a plain resource goes on after its apply.

    The controller leaves it at Running where it had no reason to look again: after a success
    what was applied is done (`sync_context.go`, Sync).
    """
    left = item.hook_phase == "Running" and operation is OperationPhase.SUCCEEDED
    if item.status in ("SyncFailed", "PruneSkipped") or (left and item.status):
        return item.status
    return item.hook_phase or item.status


def _place(phase: str) -> int:
    return PHASES.index(phase) if phase in PHASES else 1


def _result(item: ResourceResult, state: str, canvas: Canvas) -> list[Line]:
    mark, token = _mark(state, canvas.glyphs)
    where = f"{item.namespace}/" if item.namespace and canvas.full else ""
    spans: list[Span] = [(f"  {mark} ", token), (safe(f"{item.kind} {where}{item.name}"), "text")]
    failed = state in ("SyncFailed", "Failed", "Error")
    if item.message and not failed:
        spans.append((f"  {safe(item.message)}", "muted"))
    lines = [clip(tuple(spans), canvas.width, canvas.glyphs.ellipsis)]
    if failed and item.message:
        lines += wrapped(safe(item.message), "bad", canvas.width, indent=4,
                         limit=0 if canvas.full else 2)  # fmt: skip
    return lines


def _mark(state: str, glyphs: Glyphs) -> Span:
    name, token = _STATES.get(state, ("unknown", "muted"))
    return str(getattr(glyphs, name)), token
