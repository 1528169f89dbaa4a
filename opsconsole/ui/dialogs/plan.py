"""The one dialog before anything is written: it shows the very Plan that would be executed.

Cancel has the focus and `y` runs. Where words are asked for, their field has it, and only the
typed name runs a risky plan. Keys that arrive in the first moments after a plan appears are
dropped: they were meant for what was there before.
"""

from __future__ import annotations

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Key
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input

from opsconsole.errors import OpsError, bounded
from opsconsole.model.actions import ActionSpec
from opsconsole.model.plans import Intent, Plan, Risk
from opsconsole.ui.assets import style
from opsconsole.ui.dialogs.choice import Choice
from opsconsole.ui.widgets.bars import Bar
from opsconsole.ui.widgets.line_pane import LinePane
from opsconsole.view.format import safe
from opsconsole.view.lines import Canvas, Line, line, wrapped
from opsconsole.view.options import Option, parse
from opsconsole.view.plans import plan_lines

if TYPE_CHECKING:
    from opsconsole.ui.app import OpsApp

DEAF_SECONDS = 0.3
"""How long keys are dropped after the dialog opened or its plan changed."""


class Planned(Message):
    """A plan (or why there is none) has arrived, for the `turn`-th question."""

    def __init__(self, turn: int, future: Future[Plan]) -> None:
        super().__init__()
        self.turn = turn
        self.future = future


class PlanDialog(ModalScreen[Plan | None]):
    AUTO_FOCUS = "#cancel"
    CSS_PATH: ClassVar = [style("dialogs.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "confirm", "Run", show=False),
        Binding("n,escape,q", "cancel", "Cancel", show=False),
        Binding("enter", "choose", "Choose", show=False),
        Binding("tab,right", "step(1)", show=False),
        Binding("shift+tab,left", "step(-1)", show=False),
        Binding("down,j", "scroll(1)", show=False),
        Binding("up,k", "scroll(-1)", show=False),
        Binding("pagedown", "scroll(10)", show=False),
        Binding("pageup", "scroll(-10)", show=False),
    ]

    def __init__(
        self, app: OpsApp, spec: ActionSpec, intent: Intent, options: tuple[Option, ...]
    ) -> None:
        super().__init__(id="plan")
        self._ops = app
        self._spec = spec
        self._intent = intent
        self._options = options
        self._chosen = dict.fromkeys((o.name for o in options), 0)
        self._texts = {o.name: str(o.values[0][0]) for o in options if o.text}
        self._plan: Plan | None = None
        self._error = ""
        self._turn = 0
        self._since = app.monotonic()

    # -- what it shows --------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        main = self._ops.main
        with Vertical(classes="dialog -risky" if self._spec.risk is Risk.HIGH else "dialog"):
            yield LinePane(self._heading(), self._source, canvas=main.canvas, id="plan-text")
            if self._options:
                yield Bar(self._option_line, canvas=main.canvas, id="options")
            for option in self._options:
                if option.text:
                    yield Input(self._texts[option.name], id="option-text", select_on_focus=False)
            if self._spec.risk is Risk.HIGH:
                yield Input(placeholder=f"type {self._intent.target.name} to run it", id="typed")
            yield Bar(self._hint_line, canvas=main.canvas, id="hint")
            with Horizontal(classes="buttons"):
                yield Choice("Cancel", id="cancel")
                yield Choice("Run" if self._spec.risk is Risk.HIGH else "y  Run", id="run")

    def _heading(self) -> str:
        return f"{self._spec.label}: {safe(self._intent.target.name)}"

    def _source(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        if self._error:
            return (), wrapped(self._error, "bad", canvas.width)
        if self._plan is None:
            return (), [line(("working out what would be sent", "info"))]
        return line(
            (self._plan.risk.value + " risk", "bad" if self._plan.risk is Risk.HIGH else "muted")
        ), plan_lines(self._plan, canvas)

    def _option_line(self, _canvas: Canvas) -> Line:
        spans: list[tuple[str, str]] = []
        for option in self._options:
            if option.text:
                spans += [(f"{option.label}: change it, then Enter plans anew", "muted")]
                continue
            label = option.values[self._chosen[option.name]][1]
            more = (
                f" ({self._chosen[option.name] + 1}/{len(option.values)})"
                if len(option.values) > 2
                else ""
            )
            spans += [
                (option.key, "key"),
                (f" {option.label} ", "muted"),
                (safe(label), "strong"),
                (f"{more}   ", "muted"),
            ]
        return tuple(spans)

    def _hint_line(self, _canvas: Canvas) -> Line:
        if self._plan is None:
            return line(("Esc closes", "muted"))
        if self._spec.risk is Risk.HIGH:
            return line(("type the name and Enter runs it", "bad"), ("  Esc cancels", "muted"))
        return line(("y", "key"), (" runs it  ", "muted"), ("Esc", "key"), (" cancels", "muted"))

    def refresh_lines(self) -> None:
        """Fit the text's height to the plan, inside the screen."""
        pane = self.query_one(LinePane)
        if not pane.size.width:
            self.call_after_refresh(self.refresh_lines)
            return
        others = 6 + bool(self._options) + len(self.query(Input))
        count = len(self._source(self._ops.main.canvas(pane.size.width, 1))[1]) + 1
        pane.styles.height = max(2, min(count, self.size.height - others))
        pane.redraw()
        for bar in self.query(Bar):
            bar.redraw()

    # -- planning -------------------------------------------------------------------------

    def on_mount(self) -> None:
        for typed in self.query(Input):
            # words are asked for: Enter there plans anew, or does nothing before the name is whole
            typed.focus()
            typed.cursor_position = len(typed.value)
        self._ask()

    def on_resize(self) -> None:
        self.refresh_lines()

    def _ask(self) -> None:
        self._turn += 1
        self._plan, self._error = None, ""
        turn = self._turn
        self.refresh_lines()
        future = self._ops.engine.plan(self._full_intent())
        future.add_done_callback(lambda done: self._arrived(turn, done))

    def _arrived(self, turn: int, future: Future[Plan]) -> None:
        """On any thread."""
        try:
            self.post_message(Planned(turn, future))
        except RuntimeError:  # the screen has ended
            return

    def _full_intent(self) -> Intent:
        chosen: list[tuple[str, Any]] = list(self._intent.options)
        for option in self._options:
            if option.text:
                value: Any = parse(option, self._texts[option.name])
            else:
                value = option.values[self._chosen[option.name]][0]
            chosen.append((option.name, value))
        return Intent(self._intent.action, self._intent.target, tuple(chosen))

    def on_planned(self, event: Planned) -> None:
        if event.turn != self._turn:
            return
        error = event.future.exception()
        if error is None:
            self._plan = event.future.result()
        else:
            self._error = (
                str(error) if isinstance(error, OpsError) else f"unexpected: {bounded(error)}"
            )
        self._since = self._ops.monotonic()
        self.refresh_lines()

    # -- keys -----------------------------------------------------------------------------

    @property
    def deaf(self) -> bool:
        return self._ops.monotonic() - self._since < DEAF_SECONDS

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        del parameters
        return not self.deaf if action in ("confirm", "cancel", "choose") else True

    def action_confirm(self) -> None:
        if self._plan is not None and self._spec.risk is not Risk.HIGH:
            self.dismiss(self._plan)

    def action_cancel(self) -> None:
        self.dismiss(None)

    def action_choose(self) -> None:
        focused = self.focused
        if focused is None or focused.id == "cancel":
            self.dismiss(None)
        elif focused.id == "run":
            self._run()

    def _run(self) -> None:
        if self._plan is None:
            return
        if self._spec.risk is Risk.HIGH:
            typed = self.query_one("#typed", Input)
            if typed.value.strip() != self._intent.target.name:
                typed.focus()
                return
        self.dismiss(self._plan)

    def action_step(self, by: int) -> None:
        (self.focus_next if by > 0 else self.focus_previous)("Choice, Input")

    def action_scroll(self, by: int) -> None:
        self.query_one(LinePane).action_move(by)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.input.id == "typed":
            if not self.deaf:
                self._run()
        else:
            self._texts = dict.fromkeys(self._texts, event.value.strip())
            self.query_one("#cancel").focus()
            self._ask()

    def on_key(self, event: Key) -> None:
        option = next((o for o in self._options if o.key and o.key == event.key), None)
        if option is None or self.deaf or isinstance(self.focused, Input):
            return
        event.stop()
        self._chosen[option.name] = (self._chosen[option.name] + 1) % len(option.values)
        self._ask()

    def on_choice_pressed(self, event: Choice.Pressed) -> None:
        event.stop()
        if not self.deaf:
            self.action_choose()
