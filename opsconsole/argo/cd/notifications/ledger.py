"""What was sent already: the annotation that keeps a state from being told twice."""

from __future__ import annotations

import json

from opsconsole.argo.cd.notifications.config import Result
from opsconsole.argo.cd.notifications.subscriptions import Destination
from opsconsole.model import notified

LIMIT = 100
"""Entries that are kept; the oldest go first."""


class Ledger:
    """`seen` maps keys to the second since the epoch at which they were noted."""

    def __init__(self, raw: object = None) -> None:
        self.seen = notified.read(raw)

    def note(self, trigger: str, result: Result, to: Destination, now: int, *, sent: bool) -> bool:
        """Note that a condition was told (or no longer holds); whether that is new.

        A condition with oncePer stays noted when it no longer holds.
        """
        key = notified.key_of(trigger, result.key, to.service, to.recipient, result.once_per)
        if (key in self.seen) is sent:
            return False
        if sent:
            self.seen[key] = now
        elif result.once_per:
            return False
        else:
            del self.seen[key]
        return True

    def forget(self, trigger: str, result: Result, to: Destination) -> None:
        """A delivery failed: it is tried again next time, unless the condition has oncePer.

        Such a condition stays noted, and the message is lost (notifications-engine `state.go`).
        """
        if not result.once_per:
            self.seen.pop(notified.key_of(trigger, result.key, to.service, to.recipient), None)

    def dumped(self) -> str | None:
        """The annotation's text; None when there is nothing to note."""
        kept = sorted(self.seen.items(), key=lambda pair: -pair[1])[:LIMIT]
        if not kept:
            return None
        written = json.dumps(dict(sorted(kept)), separators=(",", ":"), ensure_ascii=False)
        for char in "&<>\u2028\u2029":
            # encoding/json writes these so
            written = written.replace(char, f"\\u{ord(char):04x}")
        return written
