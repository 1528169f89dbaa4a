"""The analysis pane: each metric with its plot, its limits and its verdict.

Failed, Inconclusive and Error are never folded into each other, and a failed run says which
value broke which condition.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

from opsconsole.model.analysis import AnalysisRun, Measurement, Metric, Threshold, Trace
from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import AnalysisPhase
from opsconsole.view.badges import badge, sign
from opsconsole.view.format import age, clock, countdown, number, plural, safe
from opsconsole.view.lines import BLANK, Canvas, Line, Span, clip, join, line, spread, wrapped
from opsconsole.view.plot import Point, plot

_LIMIT = 120
"""Measurements that a plot shows, the newest."""

Traces = Mapping[tuple[ResourceKey, str], Trace]
"""(run, name of the metric) → its provider's recent values."""

_KINDS = {
    "Background": "background analysis",
    "PrePromotion": "pre-promotion analysis",
    "PostPromotion": "post-promotion analysis",
    "Experiment": "experiment's analysis",
}


def analysis_lines(
    runs: Sequence[AnalysisRun], canvas: Canvas, traces: Sequence[Trace] = ()
) -> list[Line]:
    """Running runs first, then the newest; as many as fit, all of them in full.

    `traces` are what the providers of running metrics say of the last minutes.
    """
    known = {(trace.run, trace.metric): trace for trace in traces}
    ordered = sorted(runs, key=lambda run: run.phase.completed)
    lines: list[Line] = []
    for i, run in enumerate(ordered):
        room = canvas.height - len(lines)
        if not canvas.full and i and room < 3:
            break
        if i:
            lines.append(BLANK)
            room -= 1
        brief = not canvas.full and i > 0 and run.phase.completed
        lines += _run(run, canvas, room, known, brief=brief)
    return lines if canvas.full else lines[: max(canvas.height, 1)]


def _run(run: AnalysisRun, canvas: Canvas, room: int, traces: Traces, *, brief: bool) -> list[Line]:
    kind = _KINDS.get(run.kind, "analysis")
    step = f" of step {run.step_index + 1}" if run.step_index is not None else ""
    when = age(run.completed_at or run.started_at or run.created_at, canvas.now)
    lines = [
        spread(
            line(badge(run.phase, canvas.glyphs), "  ", (f"{kind}{step}", "strong"),
                 (f"  {safe(run.key.name)}" if canvas.full else "", "muted")),
            line((f"{when} ago" if run.phase.completed else when, "muted")),
            canvas.width, canvas.glyphs.ellipsis,
        )
    ]  # fmt: skip
    if run.message:
        lines += wrapped(
            safe(run.message), _token(run.phase), canvas.width, limit=0 if canvas.full else 2
        )
    for problem in run.problems:
        lines += wrapped(safe(problem), "warn", canvas.width, limit=1)
    if brief:
        return lines
    share = (room - len(lines)) // max(len(run.metrics), 1)
    for metric in run.metrics:
        trace = None if metric.phase.completed else traces.get((run.key, metric.name))
        lines += _metric(metric, canvas, share, trace, said=bool(run.message))
    return lines


def _metric(
    metric: Metric, canvas: Canvas, share: int, trace: Trace | None, *, said: bool
) -> list[Line]:
    lines = [_title(metric, canvas)]
    live = trace is not None and bool(trace.points) and not canvas.full
    verdict = _verdict(metric, canvas, live=live)
    message = _message(metric, canvas) if canvas.full or not said else []
    details = _details(metric, canvas) if canvas.full else []
    spent = len(lines) + len(verdict) + len(message)
    rows = 8 if canvas.full else min(share - spent, 8)
    if rows >= 2 and live and trace is not None:
        lines += _drawn(metric, trace, canvas, rows)
    elif rows >= 2 and any(m.number is not None for m in metric.measurements):
        points = [Point(m.number, _token(m.phase)) for m in metric.measurements[-_LIMIT:]]
        slots = min(metric.wanted or 10, _LIMIT)
        lines += plot(points, _limit_values(metric), min(canvas.width, 100), rows, canvas.glyphs,
                      slots=slots)  # fmt: skip
    if canvas.full and trace is not None:
        details = [*_live(metric, trace, canvas), *details]
    return [*lines, *verdict, *message, *details]


def _limit_values(metric: Metric) -> list[float]:
    return sorted({t.value for t in metric.thresholds})


def _drawn(metric: Metric, trace: Trace, canvas: Canvas, rows: int) -> list[Line]:
    """The provider's values against the limits, each in the colour that it would be judged by."""
    points = [Point(value, _judged(value, metric.thresholds)) for _, value in trace.points]
    return plot(points, _limit_values(metric), min(canvas.width, 100), rows, canvas.glyphs)


def _live(metric: Metric, trace: Trace, canvas: Canvas) -> list[Line]:
    """In full: what the provider says beside the measurements."""
    if not trace.points:
        return wrapped(f"live values: {safe(trace.told)}", "muted", canvas.width, indent=2, limit=2)
    (since, _), (_, newest) = trace.points[0], trace.points[-1]
    head = line(
        ("  live       ", "muted"), (number(newest), _judged(newest, metric.thresholds)),
        (f"  at its provider, since {clock(since)}", "muted"),
    )  # fmt: skip
    return [clip(head, canvas.width, canvas.glyphs.ellipsis), *_drawn(metric, trace, canvas, 6)]


_HOLDS: Mapping[str, Callable[[float, float], bool]] = {
    "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "==": operator.eq, "!=": operator.ne,
}  # fmt: skip


def _judged(value: float, thresholds: Sequence[Threshold]) -> str:
    """Whether the value is on the good side of all limits; a hint, the verdict is the controller's."""
    if not thresholds:
        return "info"
    good = all(_HOLDS[t.operator](value, t.value) is t.success for t in thresholds)
    return "ok" if good else "bad"


def _title(metric: Metric, canvas: Canvas) -> Line:
    """Name and condition; the last value with its threshold on the right."""
    mark, token = sign(metric.phase, canvas.glyphs)
    last = next((m for m in reversed(metric.measurements) if m.value), None)
    right = BLANK
    if last is not None:
        shown = number(last.number) if last.number is not None else safe(last.value, 24)
        right = line((shown, _token(last.phase)), (_against(metric), "muted"))
    dry = " dry run" if metric.dry_run else ""
    left = line((mark, token), " ", (safe(metric.name), "text"), (dry, "paused"))
    return spread(left, right, canvas.width, canvas.glyphs.ellipsis)


def _against(metric: Metric) -> str:
    wanted = [t for t in metric.thresholds if t.success] or list(metric.thresholds)
    return "".join(
        f" {'' if t.success else 'fails '}{t.operator} {number(t.value)}" for t in wanted[:2]
    )


def _verdict(metric: Metric, canvas: Canvas, *, live: bool) -> list[Line]:
    """Counts, what is left before it fails, and when it is measured next."""
    glyphs = canvas.glyphs
    counts: list[Span] = []
    for phase, count in (
        (AnalysisPhase.SUCCESSFUL, metric.successful), (AnalysisPhase.FAILED, metric.failed),
        (AnalysisPhase.INCONCLUSIVE, metric.inconclusive), (AnalysisPhase.ERROR, metric.error),
    ):  # fmt: skip
        if count:
            mark, token = sign(phase, glyphs)
            counts += [(f"{mark}{count} ", token)]
    if metric.wanted:
        counts.append((f"of {metric.wanted}", "muted"))
    parts = [tuple(counts)]
    if not metric.phase.completed:
        parts.append(_left(metric))
    if live and canvas.width >= 50:
        parts.append(line(("live", "info")))
    narrow = canvas.width < 50
    due = countdown(metric.next_at, canvas.now)
    if narrow:
        due = due.removeprefix("in ")
    separator = (f" {glyphs.dot} ", "muted")
    left = join(parts, separator)
    right = line((f"next {due}", "accent")) if due else BLANK
    return [
        clip(
            spread(line("" if narrow else "  ", *left), right, canvas.width, glyphs.ellipsis),
            canvas.width,
        )
    ]


def _left(metric: Metric) -> Line:
    if metric.failures_left is None:
        return line(("no failure limit", "muted"))
    if metric.failures_left == 0:
        return line(("the next failure ends it", "warn"))
    return line((f"{plural(metric.failures_left, 'failure')} left", "text"))


def _message(metric: Metric, canvas: Canvas) -> list[Line]:
    if not metric.message:
        return []
    return wrapped(safe(metric.message), _token(metric.phase), canvas.width, indent=2,
                   limit=0 if canvas.full else 1)  # fmt: skip


def _details(metric: Metric, canvas: Canvas) -> list[Line]:
    """Conditions, limits, the query, and every measurement."""
    width = canvas.width
    lines: list[Line] = []
    for name, text in (
        ("success if", metric.success_condition), ("failure if", metric.failure_condition),
        ("limits", _limits(metric)), (safe(metric.provider), " ".join(metric.query.split())),
    ):  # fmt: skip
        if text:
            rows = wrapped(safe(text), "text", width, indent=14)
            lines += [line((f"  {name:<12}", "muted"), *rows[0][1:]), *rows[1:]] if rows else []
    for item in reversed(metric.measurements[-_LIMIT:]):
        lines.append(_measurement(item, canvas))
    return [*lines, BLANK]


def _limits(metric: Metric) -> str:
    return (
        f"failures {metric.failure_limit}, inconclusive {metric.inconclusive_limit}, "
        f"consecutive errors {metric.consecutive_error_limit} (now {metric.consecutive_error})"
    )


def _measurement(item: Measurement, canvas: Canvas) -> Line:
    shown = number(item.number) if item.number is not None else safe(item.value, 60)
    return clip(
        line((f"  {clock(item.finished_at or item.started_at)}  ", "muted"),
             badge(item.phase, canvas.glyphs), f"  {shown}", (f"  {safe(item.message)}", "muted")),
        canvas.width, canvas.glyphs.ellipsis,
    )  # fmt: skip


def _token(phase: AnalysisPhase) -> str:
    return {
        AnalysisPhase.SUCCESSFUL: "ok",
        AnalysisPhase.FAILED: "bad",
        AnalysisPhase.ERROR: "bad",
        AnalysisPhase.INCONCLUSIVE: "paused",
    }.get(phase, "info")
