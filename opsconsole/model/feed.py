"""What following one kind of a cluster brings: lists, changes, signs of life, interruptions.

Separate so that the engine's reflectors know these values and not the client that makes them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.model.snapshot import Link


@dataclass(frozen=True, slots=True)
class Listed:
    """Every object there is: what is known and not among them has gone."""

    objects: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Changed:
    """One watch event; `type` is ADDED, MODIFIED or DELETED."""

    type: str
    object: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Alive:
    """What is known is true as of now (a bookmark, a resumed watch)."""


@dataclass(frozen=True, slots=True)
class Interrupted:
    """Following stopped for `retry_in` seconds; `link` says how it stands meanwhile."""

    link: Link
    message: str
    hint: str = ""
    retry_in: float = 0.0


Feed = Listed | Changed | Alive | Interrupted
