"""What a health check answers; separate so that the checks and their table share it."""

from __future__ import annotations

from typing import NamedTuple

from opsconsole.model.status import Health


class Verdict(NamedTuple):
    status: Health
    message: str = ""
