"""The rollout pane: where it is, what it waits for, its steps, revisions and pods.

In a small pane the steps are a window around the current one; in full nothing is left out.
"""

from __future__ import annotations

from collections.abc import Sequence

from opsconsole.model.events import Event
from opsconsole.model.rollouts import Pod, Revision, Rollout, Step
from opsconsole.view.badges import badge
from opsconsole.view.events import event_lines, experiment_lines
from opsconsole.view.format import age, clock, countdown, image, plural, safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import (
    BLANK,
    Canvas,
    Line,
    Span,
    clip,
    join,
    line,
    spread,
    wrapped,
)

EVENTS = 3
"""Free rows from which on a pane that is not in full shows events."""

_STEP = {
    "done": ("ok", "ok"),
    "current": ("current", "accent"),
    "waiting": ("idle", "muted"),
    "skipped": ("empty", "muted"),
}


def rollout_lines(
    rollout: Rollout, canvas: Canvas, events: Sequence[Event] = (), told: str = ""
) -> list[Line]:
    """`events` are newest first; `told` says why there are none."""
    head = _head(rollout, canvas)
    revisions = _revisions(rollout, canvas)
    if canvas.full:
        return [
            *head, BLANK, *_steps(rollout, canvas, len(rollout.steps)), BLANK, *revisions,
            *_titled("Experiments", experiment_lines(rollout.experiments, canvas)),
            *_services(rollout, canvas), *_conditions(rollout, canvas),
            *_titled("Events", event_lines(events, canvas, told=told)),
        ]  # fmt: skip
    trials = experiment_lines(rollout.experiments, canvas)
    roomy = canvas.height >= 14
    gaps = 2 if roomy and rollout.steps else 1 if roomy else 0
    room = canvas.height - len(head) - gaps - len(revisions) - len(trials)
    lines = list(head)
    steps = _steps(rollout, canvas, max(room - 1, 2)) if rollout.steps else []
    if steps:
        lines += [BLANK] * (gaps == 2) + steps
    lines += trials + [BLANK] * (gaps >= 1) + revisions
    spare = canvas.height - len(lines) - 2
    if events and spare >= EVENTS:
        lines += _titled("Events", event_lines(events, canvas, limit=spare))
    return lines[: canvas.height] if canvas.height > 0 else lines


def _titled(title: str, lines: list[Line]) -> list[Line]:
    return [BLANK, line((title, "strong")), *lines] if lines else []


def _head(rollout: Rollout, canvas: Canvas) -> list[Line]:
    glyphs, width = canvas.glyphs, canvas.width
    title = [badge(rollout.phase, glyphs), ("  ", "text"), (safe(rollout.name), "strong")]
    right = line(
        ("aborted " if rollout.aborted else "", "bad"),
        (rollout.strategy or "no strategy", "muted"),
    )
    lines = [spread(tuple(title), right, width, glyphs.ellipsis)]
    lines += _waits(rollout, canvas)
    if rollout.strategy == "Canary" and (rollout.aborted or not rollout.fully_promoted):
        lines.append(_weight(rollout, canvas))
    lines.append(_counts(rollout, canvas))
    limit = 0 if canvas.full else 2 if canvas.height >= 14 else 1
    if rollout.message and rollout.phase.value in ("Degraded", "Unknown"):
        lines += wrapped(safe(rollout.message), "bad", width, limit=limit)
    for problem in rollout.problems[: len(rollout.problems) if canvas.full else 1]:
        lines += wrapped(f"{glyphs.warning} {safe(problem)}", "warn", width, limit=limit)
    return lines


def _label(name: str, canvas: Canvas) -> str:
    return f"{name:<{10 if canvas.width >= 50 else 7}}"


def _waits(rollout: Rollout, canvas: Canvas) -> list[Line]:
    """What will end this state, and when."""
    if rollout.aborted and not rollout.fully_promoted and not rollout.waiting_for:
        return wrapped("stable serves all, new one rejected", "warn",
                       canvas.width, limit=1)  # fmt: skip
    if not rollout.waiting_for:
        return []
    until = countdown(rollout.waiting_until, canvas.now)
    at = f" ({clock(rollout.waiting_until)})" if canvas.width >= 50 else ""
    tail = line((until, "accent"), (at, "muted")) if until else BLANK
    human = not until and bool(rollout.paused_reason)
    narrow = canvas.width < 50
    label = f"{canvas.glyphs.waiting} " if narrow else "waits for "
    what = safe(rollout.waiting_for)
    if narrow:
        what = what.removeprefix("the ")
    text = line((label, "muted"), (what, "paused" if human else "text"))
    return [spread(text, tail, canvas.width, canvas.glyphs.ellipsis)]


def _weight(rollout: Rollout, canvas: Canvas) -> Line:
    """The canary's share as a bar, with set and actual weight when they differ."""
    set_to, actual = rollout.set_weight, rollout.actual_weight
    words = f" {actual}%" if set_to == actual else f" {actual}% of {set_to}% set"
    size = max(min(canvas.width - len(_label("", canvas)) - len(words), 40), 5)
    filled = max(0, min(size, round(size * actual / 100)))
    target = max(filled, min(size, round(size * set_to / 100)))
    glyphs = canvas.glyphs
    return line(
        (_label("canary", canvas), "muted"),
        (glyphs.full * filled, "canary"),
        (glyphs.empty * (target - filled), "canary"),
        (glyphs.empty * (size - target), "muted"),
        (words, "strong"),
    )


def _counts(rollout: Rollout, canvas: Canvas) -> Line:
    token = "text" if rollout.available >= rollout.desired else "warn"
    parts = [
        line((f"{rollout.available}/{rollout.desired} available", token)),
        line((f"{rollout.updated} updated", "text")),
    ]
    if rollout.current != rollout.desired:
        parts.append(line((f"{rollout.current} in all", "muted")))
    if rollout.promote_full:
        parts.append(line(("promoting fully", "accent")))
    if rollout.workload_ref:
        parts.append(line((f"of {safe(rollout.workload_ref)}", "muted")))
    joined = join(parts, (f" {canvas.glyphs.dot} ", "muted"))
    return clip(
        line((_label("pods", canvas), "muted"), *joined), canvas.width, canvas.glyphs.ellipsis
    )


def _steps(rollout: Rollout, canvas: Canvas, room: int) -> list[Line]:
    """A heading with the position, and `room` steps around the current one."""
    if not rollout.steps:
        return []
    total = len(rollout.steps)
    at = rollout.step_index if rollout.step_index is not None else total
    shown = min(room, total)
    first = max(0, min(at - (shown - 1) // 2, total - shown))
    heading = spread(
        line((_label("steps", canvas), "muted"), (_strip(rollout.steps, canvas.glyphs), "text")),
        line((f"{min(at, total)}/{total}", "strong")),
        canvas.width,
        canvas.glyphs.ellipsis,
    )
    window = rollout.steps[first : first + shown]
    return [heading, *(_step(step, canvas) for step in window)]


def _strip(steps: tuple[Step, ...], glyphs: Glyphs) -> str:
    return "".join(
        str(getattr(glyphs, _STEP.get(step.state, _STEP["waiting"])[0])) for step in steps
    )


def _step(step: Step, canvas: Canvas) -> Line:
    name, token = _STEP.get(step.state, _STEP["waiting"])
    mark = str(getattr(canvas.glyphs, name))
    current = step.state == "current"
    text = "strong" if current else "muted" if step.state != "done" else "text"
    until = countdown(step.until, canvas.now) if current else ""
    word = until or ("skipped" if step.state == "skipped" else "")
    return spread(
        line(f"{step.index + 1:>3} ", (mark, token), " ", (safe(step.summary), text)),
        line((word, "accent" if current else "muted")),
        canvas.width,
        canvas.glyphs.ellipsis,
    )


def _revisions(rollout: Rollout, canvas: Canvas) -> list[Line]:
    """Newest first; without room only those that have a role or pods."""
    lines: list[Line] = []
    pods = canvas.full or canvas.height >= 20
    for item in rollout.revisions:
        if not (canvas.full or item.roles or item.current or item.desired):
            continue
        lines.append(_revision(item, canvas))
        if pods:
            lines += _pods(item, canvas)
    return lines


def _revision(item: Revision, canvas: Canvas) -> Line:
    roles: list[Span] = []
    for role in item.roles:
        roles += [(role, _role_token(role)), (" ", "text")]
    token = "ok" if item.available >= item.desired else "warn"
    right = line((f"{item.available}/{item.desired}", token if item.desired else "muted"))
    if item.scale_down_at is not None and item.current:
        right = line((f"down {countdown(item.scale_down_at, canvas.now)} ", "muted"), *right)
    tags = ", ".join(image(name) for name in item.images)
    left = line((f"rev {item.number:<3} ", "muted"), *roles, (tags, "text"))
    return spread(left, right, canvas.width, canvas.glyphs.ellipsis)


def _role_token(role: str) -> str:
    if role in ("stable", "active"):
        return "stable"
    return "canary" if role in ("canary", "preview") else "accent"


def _pods(item: Revision, canvas: Canvas) -> list[Line]:
    """One pod a line in full; otherwise one line of signs and the first that is not well."""
    glyphs = canvas.glyphs
    if canvas.full:
        return [
            _pod(pod, glyphs.last if i == len(item.pods) - 1 else glyphs.branch, canvas)
            for i, pod in enumerate(item.pods)
        ]
    if not item.pods:
        return []
    well = sum(pod.healthy and pod.ready == pod.containers for pod in item.pods)
    signs = [(glyphs.ok * well, "ok")]
    odd = [pod for pod in item.pods if not (pod.healthy and pod.ready == pod.containers)]
    signs.append((glyphs.running * sum(p.healthy for p in odd), "info"))
    signs.append((glyphs.bad * sum(not p.healthy for p in odd), "bad"))
    sick = next((pod for pod in odd if not pod.healthy), None)
    words: list[Span] = []
    if sick is not None:
        words.append((f"  {safe(sick.status)}", "bad"))
        if sick.restarts:
            words.append((f", {plural(sick.restarts, 'restart')}", "bad"))
    return [clip(line("        ", *signs, *words), canvas.width, glyphs.ellipsis)]


def _pod(pod: Pod, branch: str, canvas: Canvas) -> Line:
    token = (
        "text" if pod.healthy and pod.ready == pod.containers else "info" if pod.healthy else "bad"
    )
    restarts = f"  {plural(pod.restarts, 'restart')}" if pod.restarts else ""
    return spread(
        line((f"     {branch} ", "muted"), (safe(pod.name), "text")),
        line((f"{pod.ready}/{pod.containers} ", "muted"), (safe(pod.status), token),
             (restarts, "warn"), (f"  {age(pod.created_at, canvas.now):>4}", "muted")),
        canvas.width,
        canvas.glyphs.ellipsis,
    )  # fmt: skip


def _services(rollout: Rollout, canvas: Canvas) -> list[Line]:
    if not rollout.services:
        return []
    named = [line((f"{role} ", "muted"), (safe(name), "text")) for role, name in rollout.services]
    return [
        BLANK,
        clip(
            line((_label("services", canvas), "muted"), *join(named, ("  ", "text"))), canvas.width
        ),
    ]


def _conditions(rollout: Rollout, canvas: Canvas) -> list[Line]:
    lines: list[Line] = [BLANK] if rollout.conditions else []
    for item in rollout.conditions:
        when = age(item.at, canvas.now)
        lines.append(
            clip(line((f"{when:>4} ", "muted"), (safe(item.type), "text"), (f"  {safe(item.message)}", "muted")),
                 canvas.width, canvas.glyphs.ellipsis)
        )  # fmt: skip
    return lines
