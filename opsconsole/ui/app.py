"""The Textual application: lifecycle, frames, notices and what keys do.

Kept small: what panes show is `view`'s business, what is selected the main screen's, what an
action does the engine's, and how it is asked for `ui.flow`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, ClassVar

from textual.app import App
from textual.binding import BindingType
from textual.screen import Screen

from opsconsole.aio import endings
from opsconsole.aio.clock import SystemClock
from opsconsole.errors import OpsError
from opsconsole.settings import Settings
from opsconsole.ui import keymap
from opsconsole.ui.assets import style
from opsconsole.ui.bridge import Bridge, EngineUpdated
from opsconsole.ui.notices import Notices, Told
from opsconsole.ui.screens.main import MainScreen
from opsconsole.ui.themes import THEMES
from opsconsole.view.lines import Canvas, Line, line

if TYPE_CHECKING:
    from opsconsole.engine.protocols import Console
    from opsconsole.model.actions import ActionSpec
    from opsconsole.model.environment import Environment
    from opsconsole.ui.flow import Flow

TICK = 1.0
"""Seconds between two looks at the clock (ages, countdowns, the banner)."""


def _palette() -> type:
    from opsconsole.ui.palette import ActionsProvider

    return ActionsProvider


class OpsApp(App[int]):
    CSS_PATH: ClassVar = [style("app.tcss")]
    BINDINGS: ClassVar[list[BindingType]] = keymap.bindings()
    COMMANDS: ClassVar = {_palette}
    ENABLE_COMMAND_PALETTE = True
    TITLE = "opsconsole"
    animation_level = "none"

    def __init__(
        self, console: Console, environment: Environment, settings: Settings,
        *, monotonic: Callable[[], float] | None = None,
    ) -> None:  # fmt: skip
        self.engine = console
        self.environment = environment
        self.settings = settings
        self.monotonic = monotonic or SystemClock().monotonic
        super().__init__(ansi_color=True if settings.ansi_colors else None)
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "ops-ansi" if settings.ansi_colors else "ops-dark"
        self.bridge = Bridge(console, self.post_message)
        self.notices = Notices(self)
        self.main = MainScreen(environment, ascii_only=settings.ascii_only)
        self.failure: OpsError | None = None
        self.owns_process = False
        self._last_frame = float("-inf")
        self._extras = {item.id: item for item in environment.extra_actions}
        for item in environment.extra_actions:
            self.bind(item.key, f"extra('{item.id}')", description=item.label, show=False)

    @cached_property
    def flow(self) -> Flow:
        from opsconsole.ui.flow import Flow

        return Flow(self)

    def get_default_screen(self) -> Screen[None]:
        return self.main

    # -- life -----------------------------------------------------------------------------

    def on_mount(self) -> None:
        """The first frame is drawn before the engine's thread takes any time."""
        self.set_class(self.settings.ascii_only, "-ascii")
        if self.owns_process:
            endings.on_loop(asyncio.get_running_loop(), self._end)
        self.bridge.open()
        self.set_interval(TICK, self._tick)
        self.call_after_refresh(self._start)

    def _start(self) -> None:
        for binding in keymap.action_bindings():
            self._bindings.key_to_bindings.setdefault(binding.key, []).append(binding)
        try:
            self.engine.start()
        except OpsError as error:
            self.failure = error
            self.exit(1)

    def _end(self, status: int) -> None:
        """A signal: leave without asking; whoever started the program wants it gone."""
        self.exit(return_code=status)

    def on_unmount(self) -> None:
        self.bridge.close()

    def on_engine_updated(self, _event: EngineUpdated) -> None:
        wait = self._last_frame + self.settings.frame_interval - self.monotonic()
        if wait > 0:
            self.set_timer(wait, self._frame)
        else:
            self._frame()

    def _frame(self) -> None:
        self._last_frame = self.monotonic()
        self.main.show(self.bridge.take())
        self._show_notice()
        for screen in self.screen_stack[1:]:
            refresh = getattr(screen, "refresh_lines", None)
            if refresh is not None and screen.is_mounted:
                refresh()

    def _tick(self) -> None:
        self.notices.tick()
        self.main.redraw()
        self._show_notice()

    # -- notices --------------------------------------------------------------------------

    def on_told(self, event: Told) -> None:
        self.tell(event.text, event.token)

    def tell(self, text: str, token: str = "text") -> None:  # noqa: S107 (a style's name)
        """A hint in the line above the keys."""
        self.notices.tell(text, token)
        self._show_notice()

    def _show_notice(self) -> None:
        bar = self.main.notice
        bar.set_class(self.notices.shown, "-shown")
        bar.redraw()

    def notice_line(self, canvas: Canvas) -> Line:
        return self.notices.line(canvas)

    def keys_line(self, canvas: Canvas) -> Line:
        if self.main.picture is None:
            return line((" q", "key"), (" quit", "muted"))
        specs = [spec for spec in _by_urgency() if self.flow.possible(spec)]
        tail = [("/", "filter"), (":", "commands"), ("?", "help"), ("q", "quit")]
        if self.main.full:
            tail.insert(0, ("Esc", "back"))
        return line(
            " ", *keymap.keys_line(specs, self.environment.extra_actions, tail, canvas.width - 1)
        )

    # -- keys -----------------------------------------------------------------------------

    def action_act(self, action: str) -> None:
        from opsconsole.model.actions import BY_ID

        self.flow.start(BY_ID[action])

    def action_extra(self, name: str) -> None:
        from opsconsole.ui.screens.text import page_screen

        item = self._extras[name]
        if item.page:
            self.push_screen(page_screen(item))
        else:
            self.tell(item.run(), "accent")
            self.main.redraw()

    def action_pane(self, by: int) -> None:
        focused = self.main.focused
        name = focused.id if focused is not None else ""
        if self.main.pane("detail").display:
            self.main.pane(self.main.full if name == "detail" else "detail").focus()
            return
        at = keymap.PANES.index(name) if name in keymap.PANES else -by
        self.action_focus_pane(keymap.PANES[(at + by) % len(keymap.PANES)])

    def action_focus_pane(self, pane: str) -> None:
        if self.main.full:
            self.main.open(pane)
        self.main.pane(pane).focus()

    def action_open(self) -> None:
        focused = self.main.focused
        if focused is not None and focused.id in keymap.PANES and not self.main.full:
            self.main.open(focused.id or "")

    def action_go_back(self) -> None:
        """One level at a time: the full pane, the notice, the filter."""
        if self.main.full:
            was = self.main.full
            self.main.open("")
            self.main.pane(was).focus()
        elif not self.notices.dismiss() and self.main.search:
            self.set_search("")
        self._show_notice()

    def set_search(self, text: str) -> None:
        self.main.search = text
        self.main.redraw()

    def action_filter(self) -> None:
        from opsconsole.ui.widgets.search import Search

        if not self.main.is_mounted:
            return
        if self.main.full not in ("", "applications"):
            self.main.open("")
        self.main.mount(Search(self.main.search))

    def action_attention(self) -> None:
        self.set_search("" if self.main.search == "!" else "!")

    def action_rollout(self, by: int) -> None:
        self.main.next_rollout(by)

    def action_help(self) -> None:
        from opsconsole.ui.screens.text import TextScreen

        def lines(canvas: Canvas) -> list[Line]:
            extras = self.environment.extra_actions
            return keymap.help_lines(extras, self.flow.why_not, canvas.width)

        self.push_screen(TextScreen("Help", lines))

    def action_operations(self) -> None:
        from opsconsole.ui.screens.text import operations_screen

        self.push_screen(operations_screen(self))

    def action_events(self) -> None:
        from opsconsole.ui.screens.text import events_screen

        self.push_screen(events_screen(self))

    def action_incidents(self) -> None:
        from opsconsole.ui.screens.text import incidents_screen

        self.push_screen(incidents_screen(self))

    def action_next_theme(self) -> None:
        if self.settings.ansi_colors:
            self.tell("this terminal's own 16 colours are used")
            return
        names = [theme.name for theme in THEMES if not theme.ansi]
        self.theme = (
            names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else names[0]
        )
        for pane in self.main.query("LinePane, LiveTable, Bar, Divider"):
            pane.notify_style_update()
            pane.refresh()

    def action_leave(self) -> None:
        """Quit; asked back only while an operation is running."""
        running = self.notices.running()
        if not running or self.screen.id == "quit":
            self.exit(0)
            return
        from opsconsole.ui.dialogs.leave import LeaveDialog

        self.push_screen(LeaveDialog(running), lambda sure: self.exit(0) if sure else None)


def _by_urgency() -> list[ActionSpec]:
    """The order in the keys bar: the chosen commit, the rollout, the application; risky ones last."""
    from opsconsole.model.actions import ACTIONS
    from opsconsole.model.plans import Risk

    order = {"commit": 0, "rollout": 1, "application": 2}
    return sorted(ACTIONS, key=lambda spec: (spec.risk is Risk.HIGH, order[spec.scope]))


def run(
    console: Console, environment: Environment, settings: Settings,
    *, monotonic: Callable[[], float] | None = None,
) -> int:  # fmt: skip
    """Show the console until the user leaves; the exit status. OpsError when it cannot start. `console` is started after the
    first frame and stopped at the end.
    """
    app = OpsApp(console, environment, settings, monotonic=monotonic)
    app.owns_process = True
    try:
        app.run(mouse=settings.mouse)
    finally:
        console.stop()
    if app.failure is not None:
        raise app.failure
    return app.return_code or 0
