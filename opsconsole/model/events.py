"""A Kubernetes Event as the console sees it: what a controller said about one object."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Event:
    """`type` is Normal or Warning; `count` how often it was said, the newest time at `at`."""

    at: datetime | None
    type: str
    reason: str
    message: str
    kind: str
    name: str
    count: int = 1

    @property
    def warning(self) -> bool:
        return self.type == "Warning"
