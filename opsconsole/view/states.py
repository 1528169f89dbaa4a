"""How we stand: live, connecting, empty, stale, denied, absent and broken are different texts."""

from __future__ import annotations

from datetime import datetime

from opsconsole.model.kinds import Kind
from opsconsole.model.snapshot import Incident, Link, LinkState, Snapshot
from opsconsole.view.format import age, dated, safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Line, Span, line, wrapped

_WORDS: dict[Link, tuple[str, str]] = {
    Link.CONNECTING: ("connecting", "info"),
    Link.LIVE: ("live", "muted"),
    Link.STALE: ("stale", "warn"),
    Link.DENIED: ("denied", "bad"),
    Link.ABSENT: ("not installed", "warn"),
    Link.BROKEN: ("broken", "bad"),
}


def link_span(state: LinkState, now: datetime, glyphs: Glyphs) -> Span:
    """For a pane's head: "live", "! stale 40s"."""
    word, token = _WORDS[state.link]
    if state.link is Link.STALE:
        word = f"stale {age(state.since, now)}"
    return (word if state.link is Link.LIVE else f"{glyphs.warning} {word}", token)


def kind_state(snapshot: Snapshot, kind: Kind) -> LinkState:
    """The kind's own state, unless the whole cluster is not live."""
    own = snapshot.kinds.get(kind)
    if own is None or (snapshot.cluster.link is not Link.LIVE and own.link is Link.LIVE):
        return snapshot.cluster
    return own


def explain(state: LinkState, what: str, width: int) -> list[Line]:
    """A sentence for an empty pane: why there is nothing, and what to do."""
    head = {
        Link.CONNECTING: f"connecting to read {what}",
        Link.LIVE: f"there are no {what} here",
        Link.STALE: f"not connected since {dated(state.since)}",
        Link.DENIED: f"you may not read {what}",
        Link.ABSENT: f"this cluster does not serve {what}",
        Link.BROKEN: f"{what} cannot be read",
    }[state.link]
    token = _WORDS[state.link][1]
    lines = wrapped(head, token, width)
    if state.message:
        lines += wrapped(safe(state.message), "text", width)
    if state.hint:
        lines += wrapped(safe(state.hint), "muted", width)
    return lines


def connection(snapshot: Snapshot, now: datetime, glyphs: Glyphs) -> Line:
    """For the head of the screen: where we are and how we stand, dated when it is not live."""
    state = snapshot.cluster
    word, token = _WORDS[state.link]
    spans: list[Span] = [(safe(snapshot.context) or "no context", "strong"), (" ", "text")]
    if state.link is Link.LIVE:
        return line(*spans, (f"{glyphs.live} {word}", "ok"))
    spans.append((f"{glyphs.warning} {word}", token))
    if state.link is Link.STALE and state.since is not None:
        spans.append((f" since {dated(state.since)} ({age(state.since, now)})", token))
    if state.message:
        spans.append((f"  {safe(state.message)}", "text"))
    return line(*spans)


def incident_lines(incidents: tuple[Incident, ...], now: datetime, width: int) -> list[Line]:
    lines: list[Line] = []
    for item in incidents:
        lines.append(line((safe(item.source), "strong"), (f"  {age(item.since, now)}", "muted")))
        lines += wrapped(safe(item.message), "bad", width, indent=2)
        if item.hint:
            lines += wrapped(safe(item.hint), "muted", width, indent=2)
    return lines or [line(("nothing is wrong", "ok"))]
