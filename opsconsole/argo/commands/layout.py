"""Go's tabwriter and the plugin's icons and colours.

Separate from what is printed: these are the pieces that all printed layouts share.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

ESCAPES = re.compile(r"\x1b\[[0-9;]*m")

WAITING, PROGRESSING, WARNING, UNKNOWN = "◷", "◌", "⚠", "?"
OK, BAD, PAUSED, NEUTRAL = "✔", "✖", "॥", "•"

ROLLOUT, REVISION, REPLICA_SET, POD = "⟳", "#", "⧉", "□"
JOB, EXPERIMENT, ANALYSIS = "⊞", "Σ", "α"

_RED, _GREEN, _YELLOW, _HI_BLUE = 31, 32, 33, 94
_COLOURS = {
    WAITING: _YELLOW, PROGRESSING: _HI_BLUE, WARNING: _RED, UNKNOWN: _YELLOW, OK: _GREEN, BAD: _RED,
    "canary": _YELLOW, "stable": _GREEN, "active": _GREEN, "preview": _HI_BLUE, "ping": _HI_BLUE,
    "pong": _HI_BLUE, "Pending": _HI_BLUE, "Running": _HI_BLUE,
}  # fmt: skip


def painted(words: str, key: str, *, color: bool) -> str:
    """`words` in the colour of `key`; a sequence is written even for none, as the plugin does."""
    return f"\x1b[{_COLOURS.get(key, 0)}m{words}\x1b[0m" if color else words


def width(cell: str) -> int:
    """Characters of a cell, without colours (ansiterm's tabwriter counts them so)."""
    return len(ESCAPES.sub("", cell))


def tabulated(rows: Sequence[Sequence[str]], padding: int = 2) -> str:
    """Go's tabwriter: a column is as wide as the widest cell of the block of rows that have it.

    The last cell of a row is not padded.
    """
    lines = [[str(cell) for cell in row] for row in rows]
    sizes = [[0] * max(len(line) - 1, 0) for line in lines]
    columns = max((len(size) for size in sizes), default=0)
    for column in range(columns):
        start = 0
        while start < len(lines):
            if len(sizes[start]) <= column:
                start += 1
                continue
            end = start
            while end < len(lines) and len(sizes[end]) > column:
                end += 1
            wide = max(width(line[column]) for line in lines[start:end])
            for size in sizes[start:end]:
                size[column] = wide + padding
            start = end
    printed = []
    for line, size in zip(lines, sizes, strict=True):
        padded = [cell + " " * (wide - width(cell)) for cell, wide in zip(line, size, strict=False)]
        printed.append("".join([*padded, line[-1]]) if line else "")
    return "".join(f"{line}\n" for line in printed)
