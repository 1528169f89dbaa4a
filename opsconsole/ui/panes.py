"""What each pane of the console shows: the right end of its title, and its lines.

Separate from the screen and imported with the first picture, so that the first frame is drawn
before the model and the views are loaded.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from opsconsole.model.kinds import ANALYSIS_RUN, APPLICATION, ROLLOUT
from opsconsole.model.snapshot import Link
from opsconsole.view import analysis, applications, events, history, states, summary
from opsconsole.view import rollout as rollout_view
from opsconsole.view.format import age, revision
from opsconsole.view.lines import BLANK, Canvas, Line, line, spread
from opsconsole.view.table import head_line

if TYPE_CHECKING:
    from opsconsole.ui.screens.main import MainScreen


def head(main: MainScreen, canvas: Canvas) -> Line:
    banner = main.environment.banner()
    assert main.picture is not None
    if main.has_class("-tiny"):
        return summary.one_line(
            main.picture, main.application, main.rollout,
            glyphs=canvas.glyphs, now=canvas.now, width=canvas.width,
        )  # fmt: skip
    left = line(" ", *states.connection(main.picture, canvas.now, canvas.glyphs))
    if main.picture.cluster.link is Link.LIVE and main.picture.applications:
        left = (*left, ("   ", "text"), *summary.counts(main.picture, canvas.glyphs))
    if main.picture.incidents:
        left = (
            *left,
            (f"   {canvas.glyphs.warning} {len(main.picture.incidents)} wrong (E)", "bad"),
        )
    right = line((f" {banner} ", "banner")) if banner else line(("opsconsole ", "muted"))
    return spread(left, right, canvas.width, canvas.glyphs.ellipsis)


def applications_pane(main: MainScreen, canvas: Canvas) -> tuple[Line, list[Line]]:
    picture, table = main.picture, main.table("applications")
    assert picture is not None
    if main.ordered[0] is not picture.applications or main.ordered[1] != main.search:
        found = applications.order(picture.applications, main.search)
        main.ordered = (picture.applications, main.search, found)
    keys = main.ordered[2]
    shape = applications.layout(canvas.width)
    table.put_rows(
        keys, picture.applications,
        lambda app: applications.row(app, shape, canvas.glyphs, canvas.now),
        heading=head_line(shape),
    )  # fmt: skip
    state = states.kind_state(picture, APPLICATION)
    right = line(states.link_span(state, canvas.now, canvas.glyphs))
    if main.search:
        shown = f"{len(keys)} of {len(picture.applications)}"
        rest = () if state.link is Link.LIVE else ((" ", "text"), *right)
        right = line((f"/{main.search} ", "accent"), (shown, "text"), *rest)
    if keys:
        return right, []
    if picture.applications:
        return right, [line((f"no application matches /{main.search}", "muted"))]
    return right, states.explain(state, "applications", canvas.width)


def rollout_pane(main: MainScreen, canvas: Canvas) -> tuple[Line, list[Line]]:
    picture, item = main.picture, main.rollout
    assert picture is not None
    state = states.kind_state(picture, ROLLOUT)
    right = line(states.link_span(state, canvas.now, canvas.glyphs))
    if item is None:
        if main.application is None:
            return right, [line(("no application is selected", "muted"))]
        if state.link is not Link.LIVE:
            return right, states.explain(state, "rollouts", canvas.width)
        if main.application.elsewhere:
            return right, applications.away(main.application, canvas.width)
        none = line(("this application has no rollout", "muted"))
        return right, [none, *applications.activity(main.application, main.drift, canvas.less(1))]
    if item.key.cluster:
        right = applications.cluster_span(item.key.cluster)
    if len(main.rollouts) > 1:
        at = main.rollout_at % len(main.rollouts) + 1
        right = line((f"[ {at}/{len(main.rollouts)} ] ", "key"), *right)
    # without an analysis its pane has them
    known = main.events if item.runs or canvas.full else ((), "")
    return right, rollout_view.rollout_lines(item, canvas, *known)


def analysis_pane(main: MainScreen, canvas: Canvas) -> tuple[Line, list[Line]]:
    picture, item = main.picture, main.rollout
    assert picture is not None
    state = states.kind_state(picture, ANALYSIS_RUN)
    right = line(states.link_span(state, canvas.now, canvas.glyphs))
    if main.application is None and state.link is Link.LIVE:
        return right, [line(("no application is selected", "muted"))]
    if main.application is not None and main.application.elsewhere and item is None:
        return right, applications.away(main.application, canvas.width)
    if item is None or not item.runs:
        if state.link is not Link.LIVE:
            return right, states.explain(state, "analysis runs", canvas.width)
        if main.application is None:
            return right, [line(("no analysis has run", "muted"))]
        told, why = main.events
        head = [line(("no analysis has run", "muted")), BLANK, line(("Events", "strong"))]
        limit = 0 if canvas.full else max(canvas.height - len(head), 1)
        return right, [*head, *events.event_lines(told, canvas, told=why, limit=limit)]
    return right, analysis.analysis_lines(item.runs, canvas, main.traces)


def history_pane(main: MainScreen, canvas: Canvas) -> tuple[Line, list[Line]]:
    found, table = main.commits, main.table("history")
    if found is None:
        table.put_rows([], {}, lambda _: ())
        text = "reading git" if main.application is not None else "no application is selected"
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


def detail_pane(main: MainScreen, canvas: Canvas) -> tuple[Line, list[Line]]:
    """Under the pane in full: all about the application or the commit."""
    if main.full == "history":
        return (), history.detail(main.commit, canvas) if main.commit is not None else []
    app = main.application
    if app is None or main.picture is None:
        return (), []
    return (), applications.detail(app, main.drift, canvas)


SOURCES = {
    "applications": applications_pane,
    "rollout": rollout_pane,
    "analysis": analysis_pane,
    "history": history_pane,
    "detail": detail_pane,
}
