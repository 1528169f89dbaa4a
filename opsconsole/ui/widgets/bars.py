"""One-line widgets: the head of the screen, the notice, the keys, and the rule between columns."""

from __future__ import annotations

from collections.abc import Callable

from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.ui.themes import palette
from opsconsole.ui.widgets.drawing import strip_of
from opsconsole.view.lines import Canvas, Line, changed


class Bar(Widget):
    """One line that is repainted only when it differs. `source` makes it for a canvas."""

    DEFAULT_CSS = """
    Bar { height: 1; width: 1fr; }
    """

    def __init__(
        self, source: Callable[[Canvas], Line], *, canvas: Callable[[int, int], Canvas],
        id: str | None = None,  # noqa: A002
    ) -> None:  # fmt: skip
        super().__init__(id=id)
        self._source = source
        self._canvas = canvas
        self._line: Line = ()

    def redraw(self) -> None:
        if not self.size.width:
            return
        made = self._source(self._canvas(self.size.width, 1))
        if made != self._line:
            start, cells = changed(self._line, made, self.size.width)
            self._line = made
            self.refresh(Region(start, 0, cells, 1))

    def on_resize(self) -> None:
        self.redraw()

    def render_line(self, y: int) -> Strip:
        return draw(self, self._line if y == 0 else (), self._canvas(0, 1).glyphs.braille)


def draw(widget: Widget, spans: Line, utf8: bool) -> Strip:  # noqa: FBT001 (one flag of the canvas)
    """A line as a strip of the widget's width, in the theme's colours."""
    return strip_of(
        spans, palette(widget.app.theme), widget.rich_style, widget.size.width, utf8=utf8
    )


class Divider(Widget):
    """The rule between two columns, joined to the title lines on both sides."""

    DEFAULT_CSS = """
    Divider { width: 1; height: 1fr; }
    """

    def __init__(
        self, joints: Callable[[], set[int]], *, canvas: Callable[[int, int], Canvas]
    ) -> None:
        super().__init__()
        self._joints = joints
        self._canvas = canvas

    def render_line(self, y: int) -> Strip:
        glyphs = self._canvas(1, 1).glyphs
        if y in self._joints():
            char = ("┬" if y == 0 else "┼") if glyphs.braille else "+"
        else:
            char = glyphs.pipe
        return draw(self, ((char, "rule"),), glyphs.braille)
