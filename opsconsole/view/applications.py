"""The applications pane: columns, rows, and the detail of one application."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import urlsplit

from opsconsole.model.applications import Application, Operation
from opsconsole.model.kinds import ResourceKey
from opsconsole.model.status import Health, OperationPhase, Sync
from opsconsole.view.badges import badge, sign
from opsconsole.view.filters import needs_attention, parse_filter
from opsconsole.view.format import age, revision, safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import BLANK, Canvas, Line, Span, clip, line, wrapped
from opsconsole.view.syncs import sync_lines
from opsconsole.view.table import Column, Layout, lay_out, row_line

COLUMNS = (
    Column("mark", "", 1, order=0),
    Column("name", "NAME", 13, order=0, flex=2, most=32),
    Column("project", "PROJECT", 8, order=5, flex=1, most=16),
    Column("sync", "SYNC", 11, order=2),
    Column("health", "HEALTH", 13, order=1),
    Column("revision", "REVISION", 8, order=4),
    Column("age", "AGE", 4, order=3, align="right"),
    Column("attention", "ATTENTION", 12, order=6, flex=6),
)


def layout(width: int) -> Layout:
    return lay_out(COLUMNS, width)


def order(applications: Mapping[ResourceKey, Application], search: str = "") -> list[ResourceKey]:
    """Keys of the rows that the filter keeps, by name and namespace."""
    keep = parse_filter(search)
    return sorted(
        (key for key, app in applications.items() if keep(app)),
        key=lambda key: (key.name, key.namespace, key.cluster),
    )


def row(app: Application, shape: Layout, glyphs: Glyphs, now: datetime) -> Line:
    cells: dict[str, Span] = {
        "mark": _mark(app, glyphs),
        "name": (safe(app.name), "text"),
        "project": (safe(app.project), "muted"),
        "sync": badge(app.sync, glyphs),
        "health": badge(app.health, glyphs),
        "revision": (revision(app.revision) if app.revision else "-", "muted"),
        "age": (age(app.last_activity, now), "muted"),
        "attention": (attention(app), "warn"),
    }
    return row_line(cells, shape, glyphs.ellipsis)


def attention(app: Application) -> str:
    """Why a human should look, without the name that stands beside it."""
    return safe(app.attention).removeprefix(f"{safe(app.name)}: ")


def _mark(app: Application, glyphs: Glyphs) -> Span:
    if app.operation.phase in (OperationPhase.RUNNING, OperationPhase.TERMINATING):
        return sign(app.operation.phase, glyphs)
    if app.operation.phase in (OperationPhase.FAILED, OperationPhase.ERROR):
        return glyphs.warning, "bad"
    if app.deleting:
        return glyphs.bad, "warn"
    return (glyphs.warning, "warn") if needs_attention(app) else (" ", "text")


def detail(app: Application, drift: Sequence[tuple[str, str]], canvas: Canvas) -> list[Line]:
    """Everything about one application, for the pane in full."""
    width = canvas.width
    lines = [
        line((safe(app.name), "title"), "  ", badge(app.sync, canvas.glyphs), "  ",
             badge(app.health, canvas.glyphs)),
        *_pair("source", _source(app), width),
        *_pair("into", _destination(app), width),
        *_pair("policy", _policy(app), width),
        *_operation(app.operation, canvas),
        *_progress(app, canvas),
    ]  # fmt: skip
    if app.health_message:
        lines += _pair("health", safe(app.health_message), width, "warn")
    if app.attention:
        lines += _pair("needs", attention(app), width, "warn")
    for condition in app.conditions:
        lines += _pair(safe(condition.type), safe(condition.message), width, "bad")
    for problem in app.problems:
        lines += _pair("unread", safe(problem), width, "warn")
    lines += _resources(app, canvas)
    for name, diff in drift:
        lines += [BLANK, line((safe(name), "strong")), *_diff(diff, width)]
    return lines


def _pair(name: str, text: str, width: int, token: str = "text") -> list[Line]:  # noqa: S107
    if not text:
        return []
    rows = wrapped(text, token, width, indent=11)
    first = line((f"{name:<10} ", "muted"), *rows[0][1:]) if rows else line((name, "muted"))
    return [first, *rows[1:]]


def _source(app: Application) -> str:
    sources = app.sources or (app.source,)
    return "; ".join(
        safe(f"{s.repo_url} {s.path or s.chart} @ {s.target_revision or 'HEAD'}") for s in sources
    )


def _destination(app: Application) -> str:
    where = app.destination_server
    told = f"{app.destination_namespace or '-'} on {where or 'this cluster'}"
    return safe(f"{told} (another cluster)" if app.elsewhere else told)


def cluster_span(cluster: str) -> Line:
    """For the title of a pane that shows another cluster's objects: its host, or its name."""
    return line((f"on {safe(urlsplit(cluster).hostname or cluster)} ", "warn"))


def away(app: Application, width: int) -> list[Line]:
    """Why there are no rollouts and no pods of an application that lives in another cluster."""
    told = f"it runs on another cluster, {app.elsewhere}, and the console is not on that one"
    hint = "to see and promote its rollouts, start opsconsole with that cluster's --context"
    return [*wrapped(safe(told), "text", width), *wrapped(hint, "muted", width)]


def _policy(app: Application) -> str:
    if not app.auto_sync:
        return "manual sync"
    extras = [name for name, on in (("prune", app.prune), ("selfHeal", app.self_heal)) if on]
    return "automated sync" + (f" with {' and '.join(extras)}" if extras else "")


def _operation(operation: Operation, canvas: Canvas) -> list[Line]:
    if operation.phase is OperationPhase.NONE:
        return []
    mark, token = badge(operation.phase, canvas.glyphs)
    who = "automated" if operation.automated else safe(operation.initiated_by or "-")
    when = age(operation.finished_at or operation.started_at, canvas.now)
    head = line(
        (f"{'sync':<10} ", "muted"), (mark, token), (f"  {revision(operation.revision)}", "text"),
        (f"  by {who}, {when} ago", "muted"),
    )  # fmt: skip
    lines = [clip(head, canvas.width, canvas.glyphs.ellipsis)]
    if operation.message and operation.phase is not OperationPhase.SUCCEEDED:
        lines += wrapped(safe(operation.message), token, canvas.width, indent=11)
    return lines


def activity(app: Application, drift: Sequence[tuple[str, str]], canvas: Canvas) -> list[Line]:
    """What happens to an application that has no rollout: its operation, resources and drift."""
    lines = [*_operation(app.operation, canvas), *_progress(app, canvas)]
    lines += _resources(app, canvas)
    for name, diff in drift:
        lines += [BLANK, line((safe(name), "strong")), *_diff(diff, canvas.width)]
    if lines and not lines[0]:
        lines = lines[1:]
    return lines if canvas.full else lines[: canvas.height]


def sync_progress(app: Application, canvas: Canvas) -> list[Line]:
    """The operation and each of its resources and hooks."""
    return [*_operation(app.operation, canvas), *sync_lines(app, canvas)]


def _progress(app: Application, canvas: Canvas) -> list[Line]:
    """Each resource of an operation that runs or did not succeed."""
    if app.operation.phase in (OperationPhase.NONE, OperationPhase.SUCCEEDED):
        return []
    return sync_lines(app, canvas)


def _resources(app: Application, canvas: Canvas) -> list[Line]:
    """What is not in order first; nothing when there are no resources."""
    if not app.resources:
        return []
    odd = [
        r for r in app.resources
        if r.sync is not Sync.SYNCED or r.health not in (None, Health.HEALTHY)
    ]  # fmt: skip
    lines = [
        BLANK,
        line(
            (f"{len(app.resources)} resources", "strong"), (f", {len(odd)} not in order", "muted")
        ),
    ]
    # without room the glyphs say the state, and the usual namespace goes without saying
    shown = badge if canvas.width >= 50 else sign
    usual = app.destination_namespace if canvas.width < 50 else ""
    for item in odd or app.resources:
        spans: list[Span] = [shown(item.sync, canvas.glyphs), ("  ", "text")]
        if item.health is not None:
            spans += [shown(item.health, canvas.glyphs), ("  ", "text")]
        where = f"{item.namespace}/" if item.namespace not in ("", usual) else ""
        spans.append((safe(f"{item.kind} {where}{item.name}"), "text"))
        if item.requires_pruning:
            spans.append(("  would be pruned", "warn"))
        lines.append(clip(tuple(spans), canvas.width, canvas.glyphs.ellipsis))
    return lines


def _diff(diff: str, width: int) -> list[Line]:
    tokens = {"+": "add", "-": "remove", "@": "accent"}
    return [
        clip(line((safe(raw) if raw.strip() else "", tokens.get(raw[:1], "muted"))), width)
        for raw in _kept_indent(diff)
    ]


def _kept_indent(diff: str) -> list[str]:
    """Tabs as blanks, so that what is left of the indentation survives `safe`."""
    return [raw.expandtabs(4).rstrip() for raw in diff.splitlines()]
