"""The immutable picture that the engine hands to the front ends.

Everything in it is frozen and may be read from any thread; two pictures share what did not
change, so `is` tells cheaply whether a part moved.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from opsconsole.model.analysis import Trace
from opsconsole.model.applications import Application
from opsconsole.model.events import Event
from opsconsole.model.kinds import Kind, ResourceKey
from opsconsole.model.plans import OperationRecord
from opsconsole.model.revisions import History
from opsconsole.model.rollouts import Rollout


class Link(StrEnum):
    """How we stand with a cluster, or with one kind in it."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    """What is shown was true at `since`; we are trying again."""

    DENIED = "denied"
    ABSENT = "absent"
    """The cluster does not serve this kind (no CRD)."""

    BROKEN = "broken"


@dataclass(frozen=True, slots=True)
class LinkState:
    """`since` is when the state began; for STALE, until when the data was known to be true."""

    link: Link
    since: datetime | None = None
    message: str = ""
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Selection:
    """What belongs to the selected application."""

    application: ResourceKey
    rollouts: tuple[ResourceKey, ...] = ()
    history: History = field(default_factory=History)
    drift: tuple[tuple[str, str], ...] = ()
    """(resource, unified diff) of what differs from git, Secrets masked."""

    events: tuple[Event, ...] = ()
    """What controllers said about the application and what it runs, newest first."""

    events_told: str = ""
    """Why there are no events, when they cannot be read."""

    traces: tuple[Trace, ...] = ()
    """Recent values of what running analyses measure, where their provider is reached from here."""


@dataclass(frozen=True, slots=True)
class Incident:
    """Something wrong that belongs to no single pane; shown until it is over."""

    source: str
    message: str
    hint: str = ""
    since: datetime | None = None


@dataclass(frozen=True, slots=True)
class Snapshot:
    generation: int
    taken_at: datetime
    cluster: LinkState
    context: str = ""
    """Name of the kubeconfig context, or what else says where we are."""

    kinds: Mapping[Kind, LinkState] = field(default_factory=dict)
    applications: Mapping[ResourceKey, Application] = field(default_factory=dict)
    rollouts: Mapping[ResourceKey, Rollout] = field(default_factory=dict)
    selection: Selection | None = None
    operations: tuple[OperationRecord, ...] = ()
    """Newest last; running ones and the last 50."""

    incidents: tuple[Incident, ...] = ()
