"""A flat one-line button: Textual's own is three lines high."""

from __future__ import annotations

from textual.events import Click
from textual.message import Message
from textual.strip import Strip
from textual.widget import Widget

from opsconsole.ui.widgets.bars import draw


class Choice(Widget, can_focus=True):
    class Pressed(Message):
        def __init__(self, choice: Choice) -> None:
            super().__init__()
            self.choice = choice

    def __init__(self, label: str, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.label = label
        self.styles.width = len(label) + 4

    def render_line(self, y: int) -> Strip:
        mark = ("[ ", " ]") if self.has_focus else ("  ", "  ")
        text = f"{mark[0]}{self.label}{mark[1]}" if y == 0 else ""
        return draw(self, ((text, "focus" if self.has_focus else "title"),), utf8=True)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def on_click(self, event: Click) -> None:
        event.stop()
        self.focus()
        self.post_message(self.Pressed(self))
