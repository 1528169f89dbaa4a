"""From the states of single kinds to the state of the cluster.

Separate and pure: the one line that decides whether people trust the screen.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from opsconsole.model.snapshot import Link, LinkState


def overall(states: Iterable[LinkState]) -> LinkState:
    """LIVE while any kind is live; a missing kind says nothing; all denied is DENIED.

    STALE carries the oldest instant until which the picture was true, and one kind's message.
    """
    told = [state for state in states if state.link is not Link.ABSENT]
    if not told:
        return LinkState(Link.LIVE, message="the cluster serves none of Argo's kinds")
    for link in (Link.LIVE, Link.STALE, Link.CONNECTING, Link.DENIED, Link.BROKEN):
        these = [state for state in told if state.link is link]
        if these:
            since = _oldest(state.since for state in these)
            first = next((s for s in these if s.message), these[0])
            plain = link is Link.LIVE
            return LinkState(
                link, since, "" if plain else first.message, "" if plain else first.hint
            )
    return LinkState(Link.CONNECTING)


def _oldest(moments: Iterable[datetime | None]) -> datetime | None:
    return min((moment for moment in moments if moment is not None), default=None)
