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

from opsconsole.model.applications import Application
from opsconsole.model.environment import Environment
from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, ROLLOUT, ResourceKey
from opsconsole.model.revisions import Commit, History
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link, Snapshot
from opsconsole.ui.keymap import PANES, TITLES, screen_bindings
from opsconsole.ui.widgets.bars import Bar, Divider
from opsconsole.ui.widgets.line_pane import LinePane
from opsconsole.ui.widgets.live_table import LiveTable
from opsconsole.view import analysis, applications, history, states, summary
from opsconsole.view import rollout as rollout_view
from opsconsole.view.format import age, revision
from opsconsole.view.glyphs import ASCII, UNICODE
from opsconsole.view.lines import Canvas, Line, line, spread
from opsconsole.view.table import head_line

if TYPE_CHECKING:
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
        self._rollout_at = 0
        self._glyphs = ASCII if ascii_only else UNICODE
        self._ordered: tuple[Any, str, list[ResourceKey]] = (None, "", [])

    @property
    def ops(self) -> OpsApp:
        return self.app  # type: ignore[return-value]

    # -- layout ---------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield Bar(self._head, canvas=self.canvas, id="head")
        with Horizontal(id="panes"):
            with Vertical(id="left"):
                yield LiveTable(
                    self._label("applications"),
                    self._applications,
                    canvas=self._canvas_of("applications"),
                    id="applications",
                )
                yield LiveTable(
                    self._label("history"),
                    self._history,
                    canvas=self._canvas_of("history"),
                    id="history",
                )
                yield LinePane(
                    "Detail", self._detail, canvas=self._canvas_of("detail"), id="detail"
                )
            yield Divider(self._joints, canvas=self.canvas)
            with Vertical(id="right"):
                yield LinePane(
                    self._label("rollout"),
                    self._rollout,
                    canvas=self._canvas_of("rollout"),
                    id="rollout",
                )
                yield LinePane(
                    self._label("analysis"),
                    self._analysis,
                    canvas=self._canvas_of("analysis"),
                    id="analysis",
                )
        yield Bar(self.ops.notice_line, canvas=self.canvas, id="notice")
        yield Bar(self.ops.keys_line, canvas=self.canvas, id="keys")

    def _label(self, pane: str) -> str:
        return f"{PANES.index(pane) + 1} {TITLES[pane]}"

    def canvas(self, width: int, height: int) -> Canvas:
        return Canvas(width, height, self.environment.now(), self._glyphs)

    def _canvas_of(self, pane: str) -> Any:
        def make(width: int, height: int) -> Canvas:
            full = pane in (self.full, "detail")
            return Canvas(width, height, self.environment.now(), self._glyphs, full)

        return make

    def _joints(self) -> set[int]:
        """Rows of the title lines beside the rule between the columns."""
        top = self.query_one("#panes").region.y
        return {
            pane.region.y - top
            for pane in self.query(LinePane)
            if pane.region.width and pane.display
        }

    def on_resize(self, event: Resize) -> None:
        tiny = event.size.width < TINY[0] or event.size.height < TINY[1]
        self.set_class(tiny, "-tiny")
        self.set_class(event.size.width >= 100, "-wide")

    def pane(self, name: str) -> LinePane:
        return self.query_one(f"#{name}", LinePane)

    def table(self, name: str) -> LiveTable:
        return self.query_one(f"#{name}", LiveTable)

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
        self.query_one(Divider).display = not pane
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
        chosen = self.picture.selection
        keys: list[ResourceKey] = []
        if chosen is not None and chosen.application == self.selected:
            keys = list(chosen.rollouts)
        if not keys:
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
        return found[self._rollout_at % len(found)] if found else None

    def next_rollout(self, by: int) -> None:
        self._rollout_at += by
        self.redraw()

    @property
    def commits(self) -> History | None:
        chosen = self.picture.selection if self.picture else None
        return chosen.history if chosen and chosen.application == self.selected else None

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
            self._rollout_at = 0
            self.ops.engine.select(self.selected)
            self.redraw()

    @on(LiveTable.Highlighted, "#history")
    def _commit_chosen(self, event: LiveTable.Highlighted) -> None:
        event.stop()
        self.pane("detail").redraw()
        self.query_one("#keys", Bar).redraw()

    # -- drawing --------------------------------------------------------------------------

    def show(self, picture: Snapshot) -> None:
        self.picture = picture
        self.redraw()

    def redraw(self) -> None:
        """Every widget compares with what it shows; only differences are painted."""
        if not self.is_mounted:
            return
        for pane in self.query(LinePane):
            if pane.display:
                pane.redraw()
        for bar in self.query(Bar):
            bar.redraw()

    def _head(self, canvas: Canvas) -> Line:
        banner = self.environment.banner()
        if self.picture is None:
            return line(("opsconsole", "strong"), ("  starting", "muted"))
        if self.has_class("-tiny"):
            return summary.one_line(
                self.picture, self.application, self.rollout,
                glyphs=canvas.glyphs, now=canvas.now, width=canvas.width,
            )  # fmt: skip
        left = line(" ", *states.connection(self.picture, canvas.now, canvas.glyphs))
        if self.picture.cluster.link is Link.LIVE and self.picture.applications:
            left = (*left, ("   ", "text"), *summary.counts(self.picture, canvas.glyphs))
        if self.picture.incidents:
            left = (
                *left,
                (f"   {canvas.glyphs.warning} {len(self.picture.incidents)} wrong (E)", "bad"),
            )
        right = line((f" {banner} ", "banner")) if banner else line(("opsconsole ", "muted"))
        return spread(left, right, canvas.width, canvas.glyphs.ellipsis)

    def _applications(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        picture, table = self.picture, self.table("applications")
        if picture is None:
            return (), []
        if self._ordered[0] is not picture.applications or self._ordered[1] != self.search:
            found = applications.order(picture.applications, self.search)
            self._ordered = (picture.applications, self.search, found)
        keys = self._ordered[2]
        shape = applications.layout(canvas.width)
        table.put_rows(
            keys, picture.applications,
            lambda app: applications.row(app, shape, canvas.glyphs, canvas.now),
            heading=head_line(shape),
        )  # fmt: skip
        state = states.kind_state(picture, APPLICATION)
        right = line(states.link_span(state, canvas.now, canvas.glyphs))
        if self.search:
            shown = f"{len(keys)} of {len(picture.applications)}"
            rest = () if state.link is Link.LIVE else ((" ", "text"), *right)
            right = line((f"/{self.search} ", "accent"), (shown, "text"), *rest)
        if keys:
            return right, []
        if picture.applications:
            return right, [line((f"no application matches /{self.search}", "muted"))]
        return right, states.explain(state, "applications", canvas.width)

    def _rollout(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        picture, item = self.picture, self.rollout
        if picture is None:
            return (), []
        state = states.kind_state(picture, ROLLOUT)
        right = line(states.link_span(state, canvas.now, canvas.glyphs))
        if item is None:
            if self.application is None:
                return right, [line(("no application is selected", "muted"))]
            if state.link is not Link.LIVE:
                return right, states.explain(state, "rollouts", canvas.width)
            return right, [line(("this application has no rollout", "muted"))]
        if len(self.rollouts) > 1:
            at = self._rollout_at % len(self.rollouts) + 1
            right = line((f"[ {at}/{len(self.rollouts)} ] ", "key"), *right)
        return right, rollout_view.rollout_lines(item, canvas)

    def _analysis(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        picture, item = self.picture, self.rollout
        if picture is None:
            return (), []
        state = states.kind_state(picture, ANALYSIS_RUN)
        right = line(states.link_span(state, canvas.now, canvas.glyphs))
        if self.application is None and state.link is Link.LIVE:
            return right, [line(("no application is selected", "muted"))]
        if item is None or not item.runs:
            if state.link is not Link.LIVE:
                return right, states.explain(state, "analysis runs", canvas.width)
            return right, [line(("no analysis has run", "muted"))]
        return right, analysis.analysis_lines(item.runs, canvas)

    def _history(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        found, table = self.commits, self.table("history")
        if found is None:
            table.put_rows([], {}, lambda _: ())
            text = "reading git" if self.application is not None else "no application is selected"
            return (), [line((text, "muted"))]
        shape = history.layout(canvas.width)
        rows = {commit.sha: commit for commit in found.commits}
        table.put_rows(
            list(rows), rows,
            lambda commit: history.row(commit, found, shape, canvas.glyphs, canvas.now),
            heading=head_line(shape),
        )  # fmt: skip
        right = history.legend(found, canvas.glyphs)
        if canvas.width >= 60:
            when = f", {age(found.fetched_at, canvas.now)} ago" if found.fetched_at else ""
            right = line((f"{revision(found.branch)}{when}  ", "muted"), *right)
        if found.error:
            right = line((f"{canvas.glyphs.warning} git", "bad"))
        return right, history.state(found, canvas.width)

    def _detail(self, canvas: Canvas) -> tuple[Line, list[Line]]:
        """Under the pane in full: all about the application or the commit."""
        if self.full == "history":
            return (), history.detail(self.commit, canvas) if self.commit is not None else []
        app = self.application
        if app is None or self.picture is None:
            return (), []
        chosen = self.picture.selection
        drift = chosen.drift if chosen is not None and chosen.application == app.key else ()
        return (), applications.detail(app, drift, canvas)
