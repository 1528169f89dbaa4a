"""Events and experiments as lines: what controllers said, and what runs beside the versions.

Separate from the rollout pane, which shows the same objects' present state.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsconsole.model.events import Event
from opsconsole.model.experiments import Experiment
from opsconsole.view.badges import badge
from opsconsole.view.format import age, countdown, safe
from opsconsole.view.lines import Canvas, Line, Span, clip, line, spread, wrapped

_COLUMN = 26
"""Cells of the reasons' column, where there is room for columns."""


def event_lines(
    events: Sequence[Event], canvas: Canvas, *, told: str = "", limit: int = 0
) -> list[Line]:
    """Newest first: age, type, reason, about what, and the message; `limit` lines (0: all)."""
    if not events:
        return wrapped(safe(told) or "no events are kept", "muted", canvas.width)
    lines: list[Line] = []
    for item in events:
        lines += _event(item, canvas)
        if limit and len(lines) >= limit:
            return lines[:limit]
    return lines


def _event(item: Event, canvas: Canvas) -> list[Line]:
    mark: Span = (canvas.glyphs.warning, "warn") if item.warning else (canvas.glyphs.dot, "muted")
    times = f"{item.count}× " if item.count > 1 else ""
    about = f"{safe(item.kind)} {safe(item.name)}: " if item.kind != "Rollout" else ""
    token = "warn" if item.warning else "text"
    head: tuple[Span, ...] = ((f"{age(item.at, canvas.now):>4} ", "muted"), mark, (" ", "text"))
    message = ((times, "muted"), (about, "muted"), (safe(item.message), token))
    if canvas.width >= 80:
        reason = f"{safe(item.reason, _COLUMN):<{_COLUMN}} "
        return [
            clip(line(*head, (reason, "strong"), *message), canvas.width, canvas.glyphs.ellipsis)
        ]
    if not canvas.full:
        # the message says more than the reason, which it usually repeats
        rows = wrapped(f"{times}{safe(item.message)}", token, canvas.width, indent=7, limit=2)
        return [line(*head, *(rows[0][1:] if rows else ())), *rows[1:]]
    first = line(*head, (times, "muted"), (safe(item.reason), "strong"))
    text = f"{about}{safe(item.message)}"
    return [
        clip(first, canvas.width, canvas.glyphs.ellipsis),
        *wrapped(text, token, canvas.width, indent=7, limit=4),
    ]


def experiment_lines(experiments: Sequence[Experiment], canvas: Canvas) -> list[Line]:
    """Each with its templates and analyses, newest first; only what runs when not in full."""
    lines: list[Line] = []
    for item in experiments:
        if canvas.full or not item.phase.completed:
            lines += _experiment(item, canvas)
    return lines


def _experiment(item: Experiment, canvas: Canvas) -> list[Line]:
    glyphs = canvas.glyphs
    until = countdown(item.until, canvas.now)
    right = line(
        (f"ends {until}", "accent") if until else (age(item.created_at, canvas.now), "muted")
    )
    lines = [
        spread(
            line(badge(item.phase, glyphs), ("  experiment ", "muted"), (safe(item.key.name), "strong")),
            right, canvas.width, glyphs.ellipsis,
        )
    ]  # fmt: skip
    if item.message:
        lines += wrapped(safe(item.message), "warn", canvas.width, indent=2, limit=2)
    for template in item.templates:
        well = template.available >= template.desired
        told = f"  {safe(template.message)}" if template.message else ""
        left = line(
            ("  ", "text"),
            (safe(template.name), "text"),
            (f"  {safe(template.status)}{told}", "muted"),
        )
        count = line((f"{template.available}/{template.desired}", "ok" if well else "warn"))
        lines.append(spread(left, count, canvas.width, glyphs.ellipsis))
    for name, _, phase, message in item.runs:
        told = f"  {safe(message)}" if message else ""
        row = line(
            ("  ", "text"), badge(phase, glyphs), (f"  analysis {safe(name)}{told}", "muted")
        )
        lines.append(clip(row, canvas.width, glyphs.ellipsis))
    for problem in item.problems:
        lines += wrapped(safe(problem), "warn", canvas.width, indent=2, limit=1)
    return lines
