"""A table of live rows, each known by its id: the cursor follows the row, not the place.

Values are compared by identity (the engine's pictures share what did not change) and lines
are made only for rows that are on screen, so a thousand applications cost what is visible.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, ClassVar

from textual.events import Blur, Click, Focus
from textual.message import Message

from opsconsole.ui.widgets.line_pane import LinePane
from opsconsole.view.lines import Canvas, Line

Key = Hashable

ROOMY = 14
"""Rows of a table from which on it names its columns."""


class LiveTable(LinePane):
    """`put_rows` replaces what the table shows; `tick` re-reads the visible rows (ages)."""

    MARGIN: ClassVar[tuple[int, int]] = (0, 1)

    class Highlighted(Message):
        """The cursor is on another row, or on none."""

        def __init__(self, table: LiveTable, key: Key | None) -> None:
            super().__init__()
            self.table = table
            self.key = key

        @property
        def control(self) -> LiveTable:
            return self.table

    def __init__(
        self, title: str, source: Callable[[Canvas], Any], *, canvas: Callable[[int, int], Canvas],
        id: str | None = None,  # noqa: A002
    ) -> None:  # fmt: skip
        super().__init__(title, source, canvas=canvas, id=id)
        self._order: list[Any] = []
        self._place: dict[Any, int] = {}
        self._values: Mapping[Any, Any] = {}
        self._made: dict[Any, tuple[Any, Line]] = {}
        self._make: Callable[[Any], Line] = lambda _: ()
        self.cursor_key: Any = None

    @property
    def _head_rows(self) -> int:
        """The title, and the names of the columns where there is room for them."""
        return 2 if self._heading and self._order and self.size.height >= ROOMY else 1

    @property
    def cursor(self) -> int:
        return self._place.get(self.cursor_key, -1)

    def put_rows(
        self, order: Sequence[Any], values: Mapping[Any, Any], make: Callable[[Any], Line], *, heading: Line = (),
    ) -> None:  # fmt: skip
        """`order` are the keys, `values` what each row shows, `make` turns a value into cells."""
        before = [(key, self._made.get(key)) for key in self._visible()]
        at = self.cursor
        self._order = list(order)
        self._place = {key: i for i, key in enumerate(self._order)}
        self._values, self._make = values, make
        if heading != self._heading:
            self._heading = heading
            self.refresh()
        if self._lines and self._order:
            self._lines = []
            self.refresh()
        gone = self._made.keys() - self._place.keys()
        for key in gone:
            del self._made[key]
        self._follow(at)
        self._resized(len(self._order))
        self._repaint_changed(before)

    def put(self, right: Line, lines: list[Line]) -> None:
        """`lines` stand in for rows when there are none (why it is empty)."""
        if self._order:
            self._put_title(right)
            return
        super().put(right, [((" ", "text"), *spans) for spans in lines])

    def _repaint_changed(self, before: Sequence[tuple[Any, Any]]) -> None:
        visible = self._visible()
        for i, key in enumerate(visible):
            old = before[i] if i < len(before) else (None, None)
            line = self._line(key)
            if old[0] != key or old[1] is None:
                self.repaint(self._head_rows + i)
            elif old[1][1] != line:
                self.repaint(self._head_rows + i, old[1][1], line)
        for i in range(len(visible), max(len(before), len(visible))):
            self.repaint(self._head_rows + i)

    def _line(self, key: Any) -> Line:
        """The row's cells; the same object while they stay equal, so that its strip is kept."""
        value = self._values.get(key)
        fresh = self._make(value)
        made = self._made.get(key)
        if made is None or made[1] != fresh:
            made = (value, fresh)
            self._made[key] = made
        return made[1]

    def _visible(self) -> list[Any]:
        top = self.scroll_offset.y
        return self._order[top : top + max(self.size.height - self._head_rows, 0)]

    def _follow(self, at: int) -> None:
        """Keep the cursor on its row; when that is gone, on the place where it was."""
        if self.cursor_key in self._place:
            return
        was = self.cursor_key
        self.cursor_key = (
            self._order[max(0, min(at, len(self._order) - 1))] if self._order else None
        )
        if self.cursor_key != was:
            self.post_message(self.Highlighted(self, self.cursor_key))

    @property
    def count(self) -> int:
        return len(self._order) or len(self._lines)

    def line_at(self, index: int) -> Line:
        if not self._order:
            return self._lines[index]
        made = self._made.get(self._order[index])
        return made[1] if made is not None else self._line(self._order[index])

    def row_token(self, index: int) -> str:
        if not self._order or index != self.cursor:
            return ""
        return "cursor" if self.has_focus else "cursor-blur"

    def on_focus(self, _event: Focus) -> None:
        self.repaint_index(self.cursor)

    def on_blur(self, _event: Blur) -> None:
        self.repaint_index(self.cursor)

    def forget(self) -> None:
        super().forget()
        self._made.clear()

    # -- moving ---------------------------------------------------------------------------

    def go_to(self, key: Any) -> None:
        """Put the cursor on a row, if it is there."""
        place = self._place.get(key)
        if place is not None:
            self._move_to(place)

    def _move_to(self, index: int) -> None:
        if not self._order:
            return
        index = max(0, min(index, len(self._order) - 1))
        old = self.cursor
        self.cursor_key = self._order[index]
        room = max(self.size.height - self._head_rows, 1)
        top = self.scroll_offset.y
        if index < top:
            self._go(index)
        elif index >= top + room:
            self._go(index - room + 1)
        self.repaint_index(old)
        self.repaint_index(index)
        if old != index:
            self.post_message(self.Highlighted(self, self.cursor_key))

    def action_move(self, by: int) -> None:
        self._move_to(self.cursor + by)

    def action_edge(self, side: int) -> None:
        self._move_to(0 if side < 0 else len(self._order) - 1)

    def action_page(self, by: int) -> None:
        self._move_to(self.cursor + by * max(self.size.height - self._head_rows - 1, 1))

    def on_click(self, event: Click) -> None:
        index = self._at(event.y)
        if event.y >= self._head_rows and index < len(self._order):
            self._move_to(index)
