"""The git pane: commits that touch the application's path, which is live and which is desired."""

from __future__ import annotations

from datetime import datetime

from opsconsole.model.revisions import Commit, History
from opsconsole.view.format import age, dated, plural, revision, safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Canvas, Line, Span, clip, line, wrapped
from opsconsole.view.table import Column, Layout, lay_out, row_line

COLUMNS = (
    Column("mark", "", 2, order=0),
    Column("sha", "COMMIT", 7, order=0),
    Column("age", "AGE", 4, order=1, align="right"),
    Column("author", "AUTHOR", 8, order=2, flex=1, most=18),
    Column("subject", "SUBJECT", 24, order=0, flex=8),
    Column("files", "FILES", 8, order=3, align="right"),
)


def layout(width: int) -> Layout:
    return lay_out(COLUMNS, width)


def row(commit: Commit, history: History, shape: Layout, glyphs: Glyphs, now: datetime) -> Line:
    live, desired = is_same(history.live, commit.sha), is_same(history.desired, commit.sha)
    token = "stable" if live else "canary" if desired else "text"
    cells: dict[str, Span] = {
        "mark": (
            (glyphs.live if live else " ") + (glyphs.desired if desired else " "),
            "stable" if live else "canary",
        ),
        "sha": (revision(commit.sha), "accent"),
        "age": (age(commit.date, now), "muted"),
        "author": (safe(commit.author), "muted"),
        "subject": (safe(commit.subject), token),
        "files": (plural(len(commit.files), "file"), "muted"),
    }
    return row_line(cells, shape, glyphs.ellipsis)


def is_same(revision_: str, sha: str) -> bool:
    """Whether a full or short revision names this commit."""
    return len(revision_) >= 7 and sha.startswith(revision_)


def legend(history: History, glyphs: Glyphs) -> Line:
    """What the marks mean, and where they are when the list does not show them."""
    if history.live and history.live == history.desired:
        return line((f"{glyphs.live}{glyphs.desired} live and desired ", "muted"))
    return line((f"{glyphs.live} live ", "stable"), (f"{glyphs.desired} desired", "canary"))


def state(history: History, width: int) -> list[Line]:
    """Lines to show instead of, or above, the commits."""
    lines: list[Line] = []
    if history.error:
        lines += wrapped(safe(history.error), "bad", width)
    elif not history.commits and history.fetched_at is None:
        lines.append(line(("reading git", "muted")))
    elif not history.commits:
        lines.append(line(("no commits touch this path", "muted")))
    for path in history.plaintext_secrets:
        lines.append(clip(line(("! plaintext Secret in ", "bad"), (safe(path), "bad")), width))
    return lines


def detail(commit: Commit, canvas: Canvas) -> list[Line]:
    """One commit, for the pane in full."""
    width = canvas.width
    return [
        line((safe(commit.sha), "accent")),
        *wrapped(safe(commit.subject), "strong", width),
        clip(
            line(
                (safe(f"{commit.author} <{commit.email}>"), "text"),
                (f"  {dated(commit.date)}", "muted"),
            ),
            width,
        ),
        *(clip(line(("  ", "text"), (safe(path), "text")), width) for path in commit.files),
    ]
