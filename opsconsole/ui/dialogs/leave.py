"""Asked only when an operation is still running: leaving does not undo what was sent."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from opsconsole.model.plans import OperationRecord
from opsconsole.ui.assets import style
from opsconsole.ui.dialogs.choice import Choice
from opsconsole.ui.widgets.line_pane import LinePane
from opsconsole.view.lines import Canvas, Line, line, wrapped
from opsconsole.view.plans import operation_line


class LeaveDialog(ModalScreen[bool]):
    AUTO_FOCUS = "#stay"
    CSS_PATH: ClassVar = [style("dialogs.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "answer(True)", show=False),
        Binding("n,escape", "answer(False)", show=False),
        Binding("enter", "choose", show=False),
        Binding("tab,right,shift+tab,left", "step", show=False),
    ]

    def __init__(self, running: Sequence[OperationRecord]) -> None:
        super().__init__(id="quit")
        self._records = tuple(running)

    def compose(self) -> ComposeResult:
        main: Any = self.app.main  # type: ignore[attr-defined]
        with Vertical(classes="dialog"):
            pane = LinePane("Quit", self._source, canvas=main.canvas)
            pane.styles.height = len(self._records) + 4
            yield pane
            with Horizontal(classes="buttons"):
                yield Choice("Stay", id="stay")
                yield Choice("y  Quit", id="leave")

    def _source(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        text = "What was sent stays sent; its outcome will not be seen or written to the journal."
        return (), [
            *(operation_line(record, canvas) for record in self._records),
            line(""), *wrapped(text, "muted", canvas.width),
        ]  # fmt: skip

    def action_answer(self, sure: bool) -> None:  # noqa: FBT001 (a key's parameter)
        self.dismiss(sure)

    def action_choose(self) -> None:
        self.dismiss(self.focused is not None and self.focused.id == "leave")

    def action_step(self) -> None:
        self.focus_next("Choice")

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        event.stop()
        self.action_choose()
