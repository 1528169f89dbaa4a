"""The language behind `/`: words and fields, all of which must hold.

    payments              name, project, namespace, revision or attention contains it
    -payments             does not
    sync:outofsync        sync, health or project contains the value
    health:degraded       (`sync:`, `health:`, `project:`, `name:`, `ns:`)
    cluster:us-east       the destination; `in-cluster` is the one that the console is on
    !                     needs attention

Never an error: an unknown field is looked for as a word.
"""

from __future__ import annotations

from collections.abc import Callable

from opsconsole.model.applications import Application
from opsconsole.model.status import Health, Sync

Predicate = Callable[[Application], bool]

_FIELDS: dict[str, Callable[[Application], str]] = {
    "sync": lambda app: app.sync.value,
    "health": lambda app: app.health.value,
    "project": lambda app: app.project,
    "name": lambda app: app.name,
    "ns": lambda app: app.destination_namespace,
    "cluster": lambda app: app.elsewhere or "in-cluster",
}


def needs_attention(app: Application) -> bool:
    """What a human should look at: the engine's reasons, or a state that does not heal alone."""
    return (
        bool(app.attention)
        or app.health in (Health.DEGRADED, Health.MISSING)
        or (app.sync is Sync.OUT_OF_SYNC and not app.auto_sync)
    )


def parse_filter(source: str) -> Predicate:
    terms = [_term(word) for word in source.lower().split()]
    return lambda app: all(term(app) for term in terms)


def _term(word: str) -> Predicate:
    if word == "!":
        return needs_attention
    if len(word) > 1 and word[0] == "-":
        inner = _term(word[1:])
        return lambda app: not inner(app)
    name, colon, value = word.partition(":")
    read = _FIELDS.get(name)
    if colon and read is not None:
        return lambda app: value in read(app).lower()
    return lambda app: any(word in text.lower() for text in _haystack(app))


def _haystack(app: Application) -> tuple[str, ...]:
    return (app.name, app.project, app.destination_namespace, app.revision, app.attention)
