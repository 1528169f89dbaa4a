"""Scrollable texts over the console: help, operations, what is wrong."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.screen import ModalScreen

from opsconsole.ui.assets import style
from opsconsole.ui.widgets.line_pane import LinePane
from opsconsole.view.applications import sync_progress
from opsconsole.view.events import event_lines
from opsconsole.view.format import safe
from opsconsole.view.lines import BLANK, Canvas, Line, line, wrapped
from opsconsole.view.plans import operation_lines
from opsconsole.view.states import incident_lines

if TYPE_CHECKING:
    from opsconsole.model.environment import ExtraAction
    from opsconsole.ui.app import OpsApp


class TextScreen(ModalScreen[None]):
    """`make` gives the lines for a canvas; asked again with every picture."""

    CSS_PATH: ClassVar = [style("dialogs.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter,question_mark", "close", "Close", show=False),
    ]

    def __init__(self, title: str, make: Callable[[Canvas], list[Line]]) -> None:
        super().__init__()
        self._text_title = title
        self._make = make

    def compose(self) -> ComposeResult:
        yield LinePane(self._text_title, self._source, canvas=self._canvas)

    def _canvas(self, width: int, height: int) -> Canvas:
        main: Any = self.app.main  # type: ignore[attr-defined]
        found: Canvas = main.canvas(width, height)
        return replace(found, full=True)

    def _source(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        return line(("Esc closes", "muted")), self._make(canvas)

    def refresh_lines(self) -> None:
        self.query_one(LinePane).redraw()

    def action_close(self) -> None:
        self.dismiss(None)


def operations_screen(app: OpsApp) -> TextScreen:
    """What was asked for here, under what Argo CD does with the selected application just now."""

    def make(canvas: Canvas) -> list[Line]:
        picture, chosen = app.main.picture, app.main.application
        lines = operation_lines(picture.operations if picture else (), canvas)
        if chosen is None or not chosen.operation.results:
            return lines
        title = line(("Argo CD's sync of ", "strong"), (safe(chosen.name), "strong"))
        return [
            title,
            *sync_progress(chosen, canvas),
            BLANK,
            line(("Asked for here", "strong")),
            *lines,
        ]

    return TextScreen("Operations", make)


def events_screen(app: OpsApp) -> TextScreen:
    def make(canvas: Canvas) -> list[Line]:
        found, told = app.main.events
        return event_lines(found, canvas, told=told)

    chosen = app.main.application
    return TextScreen(f"Events of {safe(chosen.name)}" if chosen is not None else "Events", make)


def page_screen(item: ExtraAction) -> TextScreen:
    """A text of the environment's own, as it was when it was asked for."""
    content = item.run()

    def make(canvas: Canvas) -> list[Line]:
        return [
            found
            for row in content.splitlines()
            for found in (
                wrapped(safe(row, 4000), "text", canvas.width, indent=2) if row else [BLANK]
            )
        ]

    return TextScreen(item.label, make)


def incidents_screen(app: OpsApp) -> TextScreen:
    """Incidents, and which fields of objects could not be read."""

    def make(canvas: Canvas) -> list[Line]:
        picture = app.main.picture
        if picture is None:
            return []
        lines = incident_lines(picture.incidents, canvas.now, canvas.width)
        read = [(app.key, app.problems) for app in picture.applications.values()]
        read += [(item.key, item.problems) for item in picture.rollouts.values()]
        for key, problems in read:
            if problems:
                lines += [BLANK, line((safe(key), "strong"))]
                for problem in problems:
                    lines += wrapped(safe(problem), "warn", canvas.width, indent=2)
        return lines

    return TextScreen("What is wrong", make)
