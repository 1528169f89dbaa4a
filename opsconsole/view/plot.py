"""Measurements against a threshold as rows of characters: braille, or ASCII without UTF-8.

Pure rasterising in the manner of memray's terminal view: two by four dots in a cell, so that
a plot of 40 × 4 cells resolves 80 × 16 points and costs no plotting library.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from opsconsole.view.format import number
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Line, Span

_DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))


@dataclass(frozen=True, slots=True)
class Point:
    """One measurement; `value` None where there was none. `token` is the colour of its verdict."""

    value: float | None
    token: str


@dataclass(frozen=True, slots=True)
class Scale:
    low: float
    high: float

    def row(self, value: float, rows: int) -> int:
        """Row from the top, 0 … rows - 1."""
        share = (value - self.low) / (self.high - self.low)
        return max(0, min(rows - 1, round((1 - share) * (rows - 1))))


def scale(points: Sequence[Point], thresholds: Sequence[float]) -> Scale:
    """From zero (or the lowest value below it) to 1.2 times the largest value or threshold."""
    known = [p.value for p in points if p.value is not None and math.isfinite(p.value)]
    known += [t for t in thresholds if math.isfinite(t)]
    low = min([0.0, *known])
    high = max([0.0, *known])
    if high == low:
        high = low + 1.0
    return Scale(low, high + 0.2 * (high - low) if high > 0 else high)


def plot(
    points: Sequence[Point],
    thresholds: Sequence[float],
    width: int,
    rows: int,
    glyphs: Glyphs,
    *,
    slots: int = 0,
) -> list[Line]:
    """`rows` lines of `width` cells: an axis of labels on the left, then the curve.

    `slots` is how many points the width stands for, so that a run of five measurements fills
    it from left to right; 0 for as many as there are.
    """
    span = scale(points, thresholds)
    ends = (number(span.high), number(span.low), *(number(t) for t in thresholds))
    margin = max(len(text) for text in ends)
    area = max(width - margin - 1, 4)
    grid = _Grid(area, rows, braille=glyphs.braille)
    grid.draw(points, span, max(slots, len(points), 1))
    marks = {span.row(t, rows): number(t) for t in thresholds if math.isfinite(t)}
    labels = {0: number(span.high), rows - 1: number(span.low)} | marks
    lines: list[Line] = []
    for y in range(rows):
        label = f"{labels.get(y, ''):>{margin}}"
        axis: list[Span] = [(label, "warn" if y in marks else "muted"), (glyphs.pipe, "muted")]
        lines.append((*axis, *grid.spans(y, glyphs.threshold if y in marks else " ")))
    return lines


class _Grid:
    """Cells with the dots set in them and the colour of the last point that touched them."""

    def __init__(self, width: int, rows: int, *, braille: bool) -> None:
        self.width, self.rows, self.braille = width, rows, braille
        self.across, self.down = (2, 4) if braille else (1, 1)
        self.bits = [[0] * width for _ in range(rows)]
        self.tokens = [["text"] * width for _ in range(rows)]

    def draw(self, points: Sequence[Point], span: Scale, slots: int) -> None:
        """Points at equal distances, joined by lines where both neighbours are known."""
        dots = self.width * self.across
        step = dots / slots
        before: tuple[int, int] | None = None
        for i, point in enumerate(points):
            if point.value is None or not math.isfinite(point.value):
                before = None
                continue
            here = (
                min(int((i + 0.5) * step), dots - 1),
                span.row(point.value, self.rows * self.down),
            )
            if before is not None:
                self._line(before, here, point.token)
            self._dot(*here, point.token)
            before = here

    def _line(self, start: tuple[int, int], end: tuple[int, int], token: str) -> None:
        length = max(abs(end[0] - start[0]), abs(end[1] - start[1]), 1)
        for i in range(1, length):
            x = start[0] + round((end[0] - start[0]) * i / length)
            y = start[1] + round((end[1] - start[1]) * i / length)
            self._dot(x, y, token)

    def _dot(self, x: int, y: int, token: str) -> None:
        column, row = x // self.across, y // self.down
        self.bits[row][column] |= _DOTS[y % 4][x % 2] if self.braille else 1
        self.tokens[row][column] = token

    def spans(self, y: int, background: str) -> list[Span]:
        spans: list[Span] = []
        for bits, token in zip(self.bits[y], self.tokens[y], strict=True):
            if bits:
                char = chr(0x2800 | bits) if self.braille else "*"
            else:
                char, token = background, "warn"  # noqa: PLW2901 (an empty cell shows the threshold)
            if spans and spans[-1][1] == token:
                spans[-1] = (spans[-1][0] + char, token)
            else:
                spans.append((char, token))
        return spans
