"""The state of everything in one line: for terminals too small for panes, and for titles."""

from __future__ import annotations

from datetime import datetime

from opsconsole.model.applications import Application
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link, Snapshot
from opsconsole.model.status import Health, Sync
from opsconsole.view.badges import badge, sign
from opsconsole.view.filters import needs_attention
from opsconsole.view.format import safe
from opsconsole.view.glyphs import Glyphs
from opsconsole.view.lines import Line, Span, clip, join, line
from opsconsole.view.states import link_span


def one_line(
    snapshot: Snapshot,
    application: Application | None,
    rollout: Rollout | None,
    *,
    glyphs: Glyphs,
    now: datetime,
    width: int,
) -> Line:
    """The selected application when there is one, otherwise the counts."""
    parts: list[Line] = []
    if snapshot.cluster.link is not Link.LIVE:
        parts.append((link_span(snapshot.cluster, now, glyphs),))
    if application is None:
        parts.append(counts(snapshot, glyphs))
    else:
        parts.append(line((safe(application.name), "strong")))
        parts.append((badge(application.health, glyphs),))
        if rollout is not None and rollout.steps:
            at = rollout.step_index if rollout.step_index is not None else len(rollout.steps)
            parts.append(line((f"{at}/{len(rollout.steps)} {rollout.actual_weight}%", "canary")))
        if application.sync is not Sync.SYNCED:
            parts.append((badge(application.sync, glyphs),))
    return clip(join(parts, (" ", "text")), width, glyphs.ellipsis)


def counts(snapshot: Snapshot, glyphs: Glyphs) -> Line:
    """How many there are, and how they are: "6 apps ✔3 ◌1 ✖1 !2 need you"."""
    apps = list(snapshot.applications.values())
    spans: list[Span] = [(f"{len(apps)} apps", "text")]
    for health in Health:
        count = sum(app.health is health for app in apps)
        if count:
            mark, token = sign(health, glyphs)
            spans += [(f" {mark}{count}", token)]
    count = sum(needs_attention(app) for app in apps)
    if count:
        spans.append((f" {glyphs.warning}{count} need you", "warn"))
    return tuple(spans)
