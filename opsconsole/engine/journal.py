"""The record of what was asked, sent and seen: JSON lines that are only ever appended.

Separate because it must be honest when everything else fails: each line is on the disk
before the write goes out, and it holds no body of a Secret and no credential.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from opsconsole.errors import SettingsError

FILE = "journal.jsonl"


class Journal:
    """`folder` None keeps nothing. Lines are one JSON object each."""

    def __init__(self, folder: Path | None) -> None:
        self._path = folder / FILE if folder is not None else None
        self.fault = ""
        """Why the last write failed; empty when it did not."""

    def check(self) -> None:
        """Make the folder and try to append. SettingsError when that cannot be done."""
        if self._path is None:
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            with self._path.open("ab"):
                pass
        except OSError as fault:
            raise SettingsError(
                f"cannot write the journal {self._path}: {fault.strerror}",
                hint="choose another folder with --state-dir",
            ) from fault

    def write(self, entry: Mapping[str, Any]) -> None:
        """Append one line and wait until it is on the disk. A failure is kept in `fault`."""
        if self._path is None:
            return
        line = json.dumps(entry, ensure_ascii=False, sort_keys=True, default=str)
        try:
            with self._path.open("ab") as file:
                file.write(line.encode("utf-8", "replace") + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as fault:
            self.fault = f"cannot write the journal {self._path}: {fault.strerror}"
        else:
            self.fault = ""

    def read(self) -> Iterator[dict[str, Any]]:
        """Entries, oldest first; a line that was cut off is left out."""
        if self._path is None or not self._path.exists():
            return
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for line in file:
                try:
                    found = json.loads(line)
                except ValueError:
                    continue
                if isinstance(found, dict):
                    yield found
