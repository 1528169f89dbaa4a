"""The filter's input line: live while typing, Enter keeps it, Esc takes it back."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from textual.binding import Binding, BindingType
from textual.widgets import Input

if TYPE_CHECKING:
    from opsconsole.ui.app import OpsApp


class Search(Input):
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", show=False),
        Binding("up", "cancel_move(-1)", show=False),
        Binding("down", "cancel_move(1)", show=False),
    ]

    def __init__(self, text: str) -> None:
        super().__init__(
            text, placeholder="filter: words, sync:out health:degr project:x, ! needs attention",
            id="search", select_on_focus=False,
        )  # fmt: skip
        self.cursor_blink = False
        self._before = text

    @property
    def ops(self) -> OpsApp:
        return self.app  # type: ignore[return-value]

    def on_mount(self) -> None:
        self.focus()

    def on_blur(self) -> None:
        self.remove()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.ops.set_search(event.value.strip())

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        self.ops.main.pane("applications").focus()

    def action_cancel(self) -> None:
        self.ops.set_search(self._before)
        self.ops.main.pane("applications").focus()

    def action_cancel_move(self, by: int) -> None:
        self.ops.main.table("applications").action_move(by)
