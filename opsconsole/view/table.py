"""Columns of a table: which are shown at a width, how wide each is, and rows cut to them.

Separate because the applications and the git history share it, and because widths are
declared instead of measured: a live table must not jump when a cell changes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from opsconsole.view.format import fit
from opsconsole.view.lines import Line, Span


@dataclass(frozen=True, slots=True)
class Column:
    """`width` cells at least; `flex` columns share what is left. `order`: lower stays longer."""

    id: str
    title: str
    width: int
    order: int = 0
    flex: int = 0
    most: int = 0
    align: str = "left"


Layout = tuple[tuple[Column, int], ...]


def lay_out(columns: Sequence[Column], width: int) -> Layout:
    """The columns that fit into `width` cells, in their own order, with their widths."""
    shown = list(columns)
    while len(shown) > 1 and sum(c.width + 1 for c in shown) - 1 > width:
        shown.remove(max(shown, key=lambda c: c.order))
    widths = {c.id: c.width for c in shown}
    spare = width - sum(c.width + 1 for c in shown) + 1
    flexible = [c for c in shown if c.flex]
    while spare > 0 and flexible:
        total = sum(c.flex for c in flexible)
        given = 0
        for column in tuple(flexible):
            part = min(max(spare * column.flex // total, 1), spare - given)
            if column.most:
                part = min(part, column.most - widths[column.id])
            widths[column.id] += part
            given += part
            if column.most and widths[column.id] >= column.most:
                flexible.remove(column)
        if not given:
            break
        spare -= given
    return tuple((c, max(widths[c.id], 0)) for c in shown)


def row_line(cells: dict[str, Span], layout: Layout, ellipsis: str = "…") -> Line:
    """One row: each cell exactly as wide as its column, one blank between."""
    spans: list[Span] = []
    for column, width in layout:
        text, token = cells.get(column.id, ("", "text"))
        if spans:
            spans.append((" ", "text"))
        spans.append((fit(text, width, ellipsis, column.align), token))
    return tuple(spans)


def head_line(layout: Layout, ellipsis: str = "…") -> Line:
    return row_line({c.id: (c.title, "muted") for c, _ in layout}, layout, ellipsis)
