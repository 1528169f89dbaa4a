"""The console: four panes alive together for the selected application.

The screen owns what is selected and how it is laid out; what the panes say comes from `view`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical
from textual.events import Resize
from textual.screen import Screen

from opsconsole.ui.keymap import PANES, TITLES, screen_bindings
from opsconsole.ui.widgets.bars import Bar, Divider
from opsconsole.ui.widgets.line_pane import LinePane, Source
from opsconsole.ui.widgets.live_table import LiveTable
from opsconsole.view.glyphs import ASCII, UNICODE
from opsconsole.view.lines import Canvas, Line, line

if TYPE_CHECKING:
    from opsconsole.model.analysis import Trace
    from opsconsole.model.applications import Application
    from opsconsole.model.environment import Environment
    from opsconsole.model.events import Event
    from opsconsole.model.kinds import ResourceKey
    from opsconsole.model.revisions import Commit, History
    from opsconsole.model.rollouts import Rollout
    from opsconsole.model.snapshot import Selection, Snapshot
    from opsconsole.ui.app import OpsApp

TINY = (60, 15)
"""Columns and rows below which there is only a line of state."""


class MainScreen(Screen[None]):
    """Selection, layout and the sources of the panes."""

    AUTO_FOCUS = "#applications"
    BINDINGS: ClassVar[list[BindingType]] = screen_bindings()

    def __init__(self, environment: Environment, *, ascii_only: bool) -> None:
        super().__init__(id="main")
        self.environment = environment
        self.picture: Snapshot | None = None
        self.search = ""
        self.selected: ResourceKey | None = None
        self.full = ""
        self.rollout_at = 0
        self._glyphs = ASCII if ascii_only else UNICODE
        self.ordered: tuple[Any, str, list[ResourceKey]] = (None, "", [])
        self._panes = {name: self._make(name) for name in (*PANES, "detail")}
        self.head = Bar(self._head, canvas=self.canvas, id="head")
        self.notice = Bar(self._notice_line, canvas=self.canvas, id="notice")
        self.keys = Bar(self._keys_line, canvas=self.canvas, id="keys")
        self._divider = Divider(self._joints, canvas=self.canvas)

    @property
    def ops(self) -> OpsApp:
        return self.app  # type: ignore[return-value]

    # -- layout ---------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self.head
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield self.pane("applications")
                yield self.pane("history")
                yield self.pane("detail")
            yield self._divider
            with Vertical(id="right"):
                yield self.pane("rollout")
                yield self.pane("analysis")
        yield self.notice
        yield self.keys

    def _make(self, pane: str) -> LinePane:
        kind = LiveTable if pane in ("applications", "history") else LinePane
        title = "Detail" if pane == "detail" else self._label(pane)
        return kind(title, self._source(pane), canvas=self._canvas_of(pane), id=pane)

    def _label(self, pane: str) -> str:
        return f"{PANES.index(pane) + 1} {TITLES[pane]}"

    def canvas(self, width: int, height: int) -> Canvas:
        return Canvas(width, height, self.environment.now(), self._glyphs)

    def _canvas_of(self, pane: str) -> Any:
        def make(width: int, height: int) -> Canvas:
            full = pane in (self.full, "detail")
            return Canvas(width, height, self.environment.now(), self._glyphs, full)

        return make

    def _source(self, pane: str) -> Source:
        def lines(canvas: Canvas) -> tuple[Line, list[Line]]:
            if self.picture is None:
                return (), []
            from opsconsole.ui.panes import SOURCES

            return SOURCES[pane](self, canvas)

        return lines

    def _head(self, canvas: Canvas) -> Line:
        if self.picture is None:
            return line((" opsconsole", "strong"), ("  starting", "muted"))
        from opsconsole.ui.panes import head

        return head(self, canvas)

    def _notice_line(self, canvas: Canvas) -> Line:
        return self.ops.notice_line(canvas)

    def _keys_line(self, canvas: Canvas) -> Line:
        return self.ops.keys_line(canvas)

    def _joints(self) -> set[int]:
        """Rows of the title lines beside the rule between the columns."""
        top = self.query_one("#panes").region.y
        return {
            pane.region.y - top
            for pane in self._panes.values()
            if pane.region.width and pane.display
        }

    def on_resize(self, event: Resize) -> None:
        tiny = event.size.width < TINY[0] or event.size.height < TINY[1]
        self.set_class(tiny, "-tiny")
        self.set_class(event.size.width >= 100, "-wide")

    def pane(self, name: str) -> LinePane:
        return self._panes[name]

    def table(self, name: str) -> LiveTable:
        found = self._panes[name]
        assert isinstance(found, LiveTable)
        return found

    def open(self, pane: str) -> None:
        """Give one pane the screen; an empty name gives back the four."""
        self.full = pane
        for name in (*PANES, "detail"):
            shown = not pane and name != "detail"
            if pane:
                shown = name == pane or (name == "detail" and pane in ("applications", "history"))
            self.pane(name).display = shown
        self.query_one("#left").display = pane in ("", "applications", "history")
        self.query_one("#right").display = pane in ("", "rollout", "analysis")
        self._divider.display = not pane
        self.set_class(bool(pane), "-full")
        self.redraw()

    # -- what is selected -----------------------------------------------------------------

    @property
    def application(self) -> Application | None:
        if self.picture is None or self.selected is None:
            return None
        return self.picture.applications.get(self.selected)

    @property
    def rollouts(self) -> tuple[Rollout, ...]:
        """The selected application's, known from the engine or else from its resources."""
        app = self.application
        if self.picture is None or app is None:
            return ()
        from opsconsole.model.kinds import ROLLOUT, ResourceKey

        keys: list[ResourceKey] = list(self.selection.rollouts) if self.selection else []
        if not keys and not app.elsewhere:
            keys = [
                ResourceKey(ROLLOUT, item.namespace, item.name, app.key.cluster)
                for item in app.resources
                if item.kind == ROLLOUT.kind and item.group == ROLLOUT.group
            ]
        found = (self.picture.rollouts.get(key) for key in keys)
        return tuple(item for item in found if item is not None)

    @property
    def rollout(self) -> Rollout | None:
        found = self.rollouts
        return found[self.rollout_at % len(found)] if found else None

    def next_rollout(self, by: int) -> None:
        self.rollout_at += by
        self.redraw()

    @property
    def selection(self) -> Selection | None:
        """What the engine knows of the selected application; None until it has caught up."""
        chosen = self.picture.selection if self.picture else None
        return chosen if chosen is not None and chosen.application == self.selected else None

    @property
    def commits(self) -> History | None:
        return self.selection.history if self.selection else None

    @property
    def drift(self) -> tuple[tuple[str, str], ...]:
        return self.selection.drift if self.selection else ()

    @property
    def events(self) -> tuple[tuple[Event, ...], str]:
        """Newest first, and why there are none."""
        chosen = self.selection
        return (chosen.events, chosen.events_told) if chosen else ((), "")

    @property
    def traces(self) -> tuple[Trace, ...]:
        return self.selection.traces if self.selection else ()

    @property
    def commit(self) -> Commit | None:
        """The one under the cursor of the git pane."""
        found = self.commits
        key = self.table("history").cursor_key
        return next((c for c in found.commits if c.sha == key), None) if found else None

    @on(LiveTable.Highlighted, "#applications")
    def _application_chosen(self, event: LiveTable.Highlighted) -> None:
        event.stop()
        if event.key != self.selected:
            self.selected = event.key  # type: ignore[assignment]
            self.rollout_at = 0
            self.ops.engine.select(self.selected)
            self.redraw()

    @on(LiveTable.Highlighted, "#history")
    def _commit_chosen(self, event: LiveTable.Highlighted) -> None:
        event.stop()
        self.pane("detail").redraw()
        self.keys.redraw()

    def on_descendant_focus(self) -> None:
        """Which keys work depends on the pane."""
        self.keys.redraw()

    # -- drawing --------------------------------------------------------------------------

    def show(self, picture: Snapshot) -> None:
        self.picture = picture
        self.redraw()

    def redraw(self) -> None:
        """Every widget compares with what it shows; only differences are painted."""
        if not self.is_mounted:
            return
        for pane in self._panes.values():
            if pane.display:
                pane.redraw()
        for bar in (self.head, self.notice, self.keys):
            bar.redraw()
