"""Which applications a sync window blocks now.

Separate because windows need the raw AppProject and the time, and guards must stay pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from opsconsole.engine.world import World


def blocked_by_windows(world: World, now: datetime) -> Mapping[str, str]:
    """Application (as `str(key)`) → why a manual sync is refused now."""
    del world, now
    return {}
