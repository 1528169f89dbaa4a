"""A Plan as text: exactly what will be sent, what changes, and what a reader should know.

The dialog, the command line's `--plan` and the tests show these lines.
"""

from __future__ import annotations

import json
from typing import Any

from opsconsole.model.plans import GitStep, OperationRecord, OperationStatus, Plan, Risk
from opsconsole.model.requests import PatchType, Request
from opsconsole.view.format import age, clock, safe, seconds
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import BLANK, Canvas, Line, clip, line, spread, wrapped

_HIDDEN = "(hidden)"


def plan_lines(plan: Plan, canvas: Canvas) -> list[Line]:
    """Context, effects, warnings, then every request and git command."""
    width, glyphs = canvas.width, canvas.glyphs
    size = max((len(name) for name, _ in plan.context), default=0)
    lines = [
        clip(
            line((f"{safe(name):<{size}}  ", "muted"), (safe(value), "text")),
            width,
            glyphs.ellipsis,
        )
        for name, value in plan.context
    ]
    if plan.effects:
        lines += [BLANK, line(("What changes", "strong"))]
        for effect in plan.effects:
            lines += _bullet(glyphs.arrow, effect, "text", width)
    if plan.warnings:
        lines += [BLANK, line(("Know before", "strong"))]
        for warning in plan.warnings:
            lines += _bullet(glyphs.warning, warning, "warn", width)
    lines += [BLANK, line(("What is sent", "strong"))]
    for step in plan.steps:
        lines += _git(step, width) if isinstance(step, GitStep) else _request(step, width)
    if not plan.steps:
        lines.append(line(("nothing", "muted")))
    return lines


def _bullet(mark: str, text: str, token: str, width: int) -> list[Line]:
    rows = wrapped(safe(text), token, width, indent=len(mark) + 1)
    return [line((f"{mark} ", token), *rows[0][1:]), *rows[1:]] if rows else []


def _git(step: GitStep, width: int) -> list[Line]:
    rows = wrapped(safe(str(step)), "accent", width, indent=2)
    return [*rows, clip(line(("  in ", "muted"), (safe(step.repo_url), "muted")), width)]


def _request(step: Request, width: int) -> list[Line]:
    query = "&".join(f"{name}={value}" for name, value in step.query)
    path = step.path + (f"?{query}" if query else "")
    lines = _broken(f"{step.verb.value} {path}", width)
    if step.patch_type is not PatchType.NONE:
        lines.append(clip(line((f"  {step.patch_type.value}", "muted")), width))
    if step.body is not None:
        lines += [
            clip(line(("  ", "text"), (row, "text")), width) for row in body_text(step, width - 2)
        ]
    if step.main_on_404:
        lines += wrapped("or to the main resource where the server has no such subresource",
                         "muted", width, indent=2)  # fmt: skip
    return lines


def _broken(text: str, width: int) -> list[Line]:
    """A long path broken at its slashes instead of cut: the reader sees all of it."""
    rows, row = [], ""
    for part in safe(text).replace("/", "\0/").split("\0"):
        if row and len(row) + len(part) > width - 2:
            rows.append(row)
            row = "  "
        row += part
    return [line((item, "accent")) for item in (*rows, row)]


def body_text(step: Request, width: int) -> list[str]:
    """The JSON that is sent: on one line when it fits, indented otherwise. Secrets masked."""
    body = masked(step.body) if step.kind.kind == "Secret" else step.body
    short = json.dumps(body, ensure_ascii=False, default=str)
    if len(short) <= width:
        return [_json_safe(short)]
    return [
        _json_safe(row)
        for row in json.dumps(body, indent=2, ensure_ascii=False, default=str).splitlines()
    ]


def _json_safe(row: str) -> str:
    indent = len(row) - len(row.lstrip(" "))
    return " " * indent + safe(row[indent:])


def masked(body: Any) -> Any:
    """A Secret's body without its values."""
    if not isinstance(body, dict):
        return _HIDDEN
    return {
        key: dict.fromkeys(value, _HIDDEN)
        if key in ("data", "stringData") and isinstance(value, dict)
        else value
        for key, value in body.items()
    }


def how_to_run(plan: Plan) -> str:
    """What confirms this plan."""
    return f"type {plan.intent.target.name} to run it" if plan.risk is Risk.HIGH else "y runs it"


_STATUS = {
    OperationStatus.RUNNING: ("running", "info"),
    OperationStatus.SUCCEEDED: ("ok", "ok"),
    OperationStatus.FAILED: ("bad", "bad"),
    OperationStatus.REFUSED: ("warning", "warn"),
    OperationStatus.UNKNOWN: ("unknown", "warn"),
}


def operation_badge(record: OperationRecord, glyphs: Glyphs) -> tuple[str, str]:
    name, token = _STATUS[record.status]
    return f"{getattr(glyphs, name)} {record.status.value}", token


def operation_line(record: OperationRecord, canvas: Canvas) -> Line:
    """One line: status, title, the newest progress or the error."""
    newest = record.error or (record.lines[-1][1] if record.lines else "")
    mark, token = operation_badge(record, canvas.glyphs)
    took = (record.finished_at or canvas.now) - record.started_at
    return spread(
        line((mark, token), "  ", (safe(record.plan.title), "strong"),
             (f"  {safe(newest)}", "bad" if record.error else "muted")),
        line((seconds(took.total_seconds()), "muted")),
        canvas.width, canvas.glyphs.ellipsis,
    )  # fmt: skip


def operation_lines(records: tuple[OperationRecord, ...], canvas: Canvas) -> list[Line]:
    """All operations with their progress, newest first."""
    if not records:
        return [line(("nothing was asked for yet", "muted"))]
    lines: list[Line] = []
    for record in reversed(records):
        if lines:
            lines.append(BLANK)
        mark, token = operation_badge(record, canvas.glyphs)
        lines.append(
            spread(line((mark, token), "  ", (safe(record.plan.title), "strong")),
                   line((f"{age(record.started_at, canvas.now)} ago", "muted")), canvas.width)
        )  # fmt: skip
        for at, text in record.lines:
            rows = wrapped(safe(text), "text", canvas.width, indent=12)
            lines += [line((f"  {clock(at)}  ", "muted"), *rows[0][1:]), *rows[1:]] if rows else []
        if record.error:
            lines += wrapped(safe(record.error), "bad", canvas.width, indent=12)
        if record.hint:
            lines += wrapped(safe(record.hint), "muted", canvas.width, indent=12)
    return lines
