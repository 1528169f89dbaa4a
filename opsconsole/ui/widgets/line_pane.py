"""A pane of styled lines under a title line, drawn by Textual's line API.

Lines are compared with what is drawn: only those that changed and are on screen are repainted,
so a change elsewhere writes nothing. The title is part of the widget and does not scroll.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rich.style import Style
from textual.binding import Binding, BindingType
from textual.events import Blur, Focus, Resize
from textual.geometry import Region, Size
from textual.scroll_view import ScrollView
from textual.strip import Strip

from opsconsole.errors import bounded
from opsconsole.ui.themes import palette
from opsconsole.ui.widgets.drawing import strip_of
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Canvas, Line, changed, clip, line, line_width

Source = Callable[[Canvas], tuple[Line, list[Line]]]
"""Draws the pane: the right end of its title line, and its lines."""


class LinePane(ScrollView, can_focus=True):
    """`source` is asked by `redraw()`, on resize and on focus; it must be quick and pure."""

    DEFAULT_CSS = """
    LinePane { scrollbar-size: 0 0; overflow: hidden scroll; height: 1fr; width: 1fr; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "move(1)", "Down", show=False),
        Binding("k,up", "move(-1)", "Up", show=False),
        Binding("g,home", "edge(-1)", "First", show=False),
        Binding("G,end", "edge(1)", "Last", show=False),
        Binding("pagedown,ctrl+f", "page(1)", "Page down", show=False),
        Binding("pageup,ctrl+b", "page(-1)", "Page up", show=False),
    ]

    MARGIN: ClassVar[tuple[int, int]] = (1, 0)
    """Blank cells on the left and on the right of the lines."""

    def __init__(
        self, title: str, source: Source, *, canvas: Callable[[int, int], Canvas], id: str | None = None,  # noqa: A002
    ) -> None:  # fmt: skip
        super().__init__(id=id)
        self.label = title
        self.source = source
        self._canvas = canvas
        self._title: Line = ()
        self._heading: Line = ()
        self._lines: list[Line] = []
        self._strips: dict[int, tuple[Line, str, Strip]] = {}
        self._blank: Strip | None = None

    # -- what is shown --------------------------------------------------------------------

    @property
    def canvas(self) -> Canvas:
        width = self.size.width - sum(self.MARGIN)
        return self._canvas(max(width, 1), max(self.size.height - self._head_rows, 1))

    @property
    def _head_rows(self) -> int:
        """Rows that do not scroll: the title."""
        return 1

    @property
    def glyphs(self) -> Glyphs:
        return self.canvas.glyphs

    def redraw(self) -> None:
        """Ask the source and repaint what differs."""
        if not self.size.width or not self.is_mounted:
            return
        canvas = self.canvas
        try:
            right, lines = self.source(canvas)
        except Exception as error:  # noqa: BLE001 (what one object breaks stays in its pane)
            right, lines = (), [line((f"this cannot be drawn: {bounded(error)}", "bad"))]
        self.put(right, lines)

    def put(self, right: Line, lines: list[Line]) -> None:
        before, self._lines = self._lines, lines
        self._resized(len(lines))
        for row in range(self._head_rows, self.size.height):
            at = self._at(row)
            old = before[at] if at < len(before) else None
            new = lines[at] if at < len(lines) else None
            if old != new:
                self.repaint(row, old, new)
        self._put_title(right)

    def _put_title(self, right: Line) -> None:
        title = self._title_line(right)
        if title != self._title:
            old, self._title = self._title, title
            if self.size.height > 0:
                start, cells = changed(old, title, self.size.width)
                self.refresh(Region(start, 0, cells, 1))

    def _title_line(self, right: Line) -> Line:
        """` Title ───────── right ─`; where the pane scrolls, the position is added."""
        width, glyphs = self.size.width, self.glyphs
        rule = "rule-focus" if self.has_focus else "rule"
        name = f" {self.label} "
        end = (
            line((" ", "text"), *right, *self._position(), (" ", "text"))
            if right or self._position()
            else ()
        )
        end = clip(end, max(width - line_width(line(name)) - 3, 0), glyphs.ellipsis)
        fill = width - line_width(line(name)) - line_width(end) - 2
        return line(
            (glyphs.rule, rule), (name, "focus" if self.has_focus else "title"),
            (glyphs.rule * max(fill, 0), rule), *end, (glyphs.rule, rule),
        )  # fmt: skip

    def _position(self) -> Line:
        total, room = self.count, self.size.height - self._head_rows
        if total <= room:
            return ()
        first = self.scroll_offset.y + 1
        return line((f" {first}-{min(first + room - 1, total)}/{total}", "muted"))

    @property
    def count(self) -> int:
        return len(self._lines)

    def line_at(self, index: int) -> Line:
        return self._lines[index]

    def row_token(self, _index: int) -> str:
        """The token of a row's background; empty for none."""
        return ""

    # -- drawing --------------------------------------------------------------------------

    def _at(self, row: int) -> int:
        return row - self._head_rows + self.scroll_offset.y

    def _resized(self, count: int) -> None:
        size = Size(1, count + self._head_rows)
        if size != self.virtual_size:
            self.virtual_size = size

    def repaint(self, row: int, old: Line | None = None, new: Line | None = None) -> None:
        """One row of the viewport; only the cells that differ when both lines are given."""
        if not 0 <= row < self.size.height:
            return
        start, cells, margin = 0, self.size.width, self.MARGIN[0]
        if old is not None and new is not None:
            start, cells = changed(old, new, self.size.width - margin)
            start += margin
        self.refresh(Region(start, row, cells, 1))

    def repaint_index(self, index: int) -> None:
        row = index - self.scroll_offset.y + self._head_rows
        if row >= self._head_rows:
            self.repaint(row)

    def render_line(self, y: int) -> Strip:
        if y == 0:
            self._title = self._title or self._title_line(())
            return self._strip(self._title, "")
        if y < self._head_rows:
            return self._strip(self._heading, "")
        index = self._at(y)
        if not 0 <= index < self.count:
            if self._blank is None:
                self._blank = self._strip((), "")
            return self._blank
        spans, token = self.line_at(index), self.row_token(index)
        kept = self._strips.get(index)
        if kept is None or kept[0] is not spans or kept[1] != token:
            blank = ((" " * self.MARGIN[0], "text"),) if self.MARGIN[0] else ()
            kept = (spans, token, self._strip((*blank, *spans), token))
            self._strips[index] = kept
        return kept[2]

    def _strip(self, spans: Line, row_token: str) -> Strip:
        """Cells of one row. A reversed cursor row drops the colours of its cells."""
        styles = palette(self.app.theme)
        row = styles[row_token] if row_token else Style.null()
        if row.reverse:
            styles = {}
        return strip_of(
            spans, styles, self.rich_style + row, self.size.width, utf8=self.glyphs.braille
        )

    def forget(self) -> None:
        """Drop what is drawn: colours or the width changed."""
        self._strips.clear()
        self._blank = None

    def notify_style_update(self) -> None:
        super().notify_style_update()
        self.forget()

    # -- events ---------------------------------------------------------------------------

    def on_resize(self, _event: Resize) -> None:
        self.forget()
        self.redraw()

    def on_focus(self, _event: Focus) -> None:
        self.redraw()

    def on_blur(self, _event: Blur) -> None:
        self.redraw()

    def watch_scroll_y(self, old_value: float, new_value: float) -> None:
        super().watch_scroll_y(old_value, new_value)
        if self.is_mounted:
            self._title = ()
            self.redraw()

    # -- keys -----------------------------------------------------------------------------

    def action_move(self, by: int) -> None:
        self._go(self.scroll_offset.y + by)

    def action_edge(self, side: int) -> None:
        self._go(0 if side < 0 else self.count)

    def action_page(self, by: int) -> None:
        self._go(self.scroll_offset.y + by * max(self.size.height - self._head_rows - 1, 1))

    def _go(self, top: int) -> None:
        most = max(self.count + self._head_rows - self.size.height, 0)
        self.scroll_to(y=max(0, min(top, most)), animate=False, immediate=True, force=True)
