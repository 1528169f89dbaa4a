"""Styled text as plain data: what every pane is made of.

A line is a tuple of (text, token) spans. Tokens are names of meanings, which only the front
end turns into colours; separate so that panes can be tested and printed without a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from opsconsole.view.format import cell_width, fit
from opsconsole.view.glyphs import UNICODE, Glyphs

Span = tuple[str, str]
Line = tuple[Span, ...]

TOKENS = (
    "text", "muted", "strong", "ok", "warn", "bad", "info", "paused", "accent",
    "canary", "stable", "key", "title", "add", "remove",
)  # fmt: skip
"""Every token that a view may use. Colour never carries a state alone: glyph and word do too."""

BLANK: Line = ()


@dataclass(frozen=True, slots=True)
class Canvas:
    """Where a pane is drawn: cells, the time that ages are counted from, the glyphs.

    `full` is set when the pane has the screen for itself: then nothing is left out and the
    reader scrolls; otherwise a view fits itself into `height` lines.
    """

    width: int
    height: int
    now: datetime
    glyphs: Glyphs = UNICODE
    full: bool = False

    def less(self, rows: int) -> Canvas:
        """The same with fewer rows."""
        return replace(self, height=max(self.height - rows, 1))


def line(*spans: Span | str) -> Line:
    """A line of spans; a bare string has the token `text`. Empty spans are dropped."""
    made = ((span, "text") if isinstance(span, str) else span for span in spans)
    return tuple(span for span in made if span[0])


def plain(spans: Line) -> str:
    return "".join(text for text, _ in spans)


def line_width(spans: Line) -> int:
    return sum(cell_width(text) for text, _ in spans)


def clip(spans: Line, width: int, ellipsis: str = "…") -> Line:
    """The line cut to `width` cells, with an ellipsis when something was lost."""
    if line_width(spans) <= width:
        return spans
    kept: list[Span] = []
    left = width
    for text, token in spans:
        size = cell_width(text)
        if size > left - 1:
            kept.append((fit(text + " " * (size <= left), left, ellipsis), token))
            break
        kept.append((text, token))
        left -= size
    return tuple(kept)


def spread(left: Line, right: Line, width: int, ellipsis: str = "…") -> Line:
    """`left` and `right` at the two ends of `width` cells; the left one gives way."""
    tail = line_width(right)
    if not tail or tail + 8 > width:
        return clip(left, width, ellipsis)
    head = clip(left, width - tail - 1, ellipsis)
    return (*head, (" " * (width - tail - line_width(head)), "text"), *right)


def wrap(text: str, width: int, limit: int = 0) -> list[str]:
    """Words of `text` in rows of at most `width` cells; a longer word is broken. `limit` rows (0: all)."""
    rows: list[str] = []
    row = ""
    for word in text.split():
        rest = word
        while rest:
            joined = f"{row} {rest}" if row else rest
            if cell_width(joined) <= width:
                row, rest = joined, ""
            elif row:
                rows.append(row)
                row = ""
            else:
                part = _take(rest, width)
                rows.append(part)
                rest = rest[len(part) :]
    if row:
        rows.append(row)
    if limit and len(rows) > limit:
        rows = [*rows[: limit - 1], fit(" ".join(rows[limit - 1 :]), width)]
    return rows


def _take(text: str, width: int) -> str:
    size = 0
    for i, char in enumerate(text):
        size += cell_width(char)
        if size > width:
            return text[: max(i, 1)]
    return text


def wrapped(text: str, token: str, width: int, *, indent: int = 0, limit: int = 0) -> list[Line]:
    """`text` as lines of one token, each after `indent` blanks."""
    blank = " " * indent
    rows = wrap(text, max(width - indent, 8), limit)
    return [line(blank, (row, token)) for row in rows]


def changed(old: Line, new: Line, width: int) -> tuple[int, int]:
    """(first cell, number of cells) that differ when a row of `width` cells is redrawn."""
    start = 0
    shared = 0
    for before, after in zip(old, new, strict=False):
        if before != after:
            break
        start += cell_width(after[0])
        shared += 1
    if line_width(old) != line_width(new):
        return start, max(width - start, 0)
    end = line_width(new)
    for before, after in zip(reversed(old[shared:]), reversed(new[shared:]), strict=False):
        if before != after:
            break
        end -= cell_width(after[0])
    return start, max(end - start, 0)


def join(parts: Iterable[Line], separator: Span) -> Line:
    """Lines put behind each other with a separator between those that are not empty."""
    joined: list[Span] = []
    for part in parts:
        if part:
            joined += [separator, *part] if joined else part
    return tuple(joined)


def text_of(lines: Sequence[Line]) -> str:
    """Lines as plain text, without trailing blanks: for snapshots and for pipes."""
    return "\n".join(plain(spans).rstrip() for spans in lines)
