"""Small texts: ages, revisions, numbers, and foreign text made safe to draw.

Separate because every view needs them, and because widths are counted in terminal cells
here and nowhere else.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime

_ESCAPES = re.compile(
    r"\x1b\][^\x07\x1b]{0,4096}(?:\x07|\x1b\\)?"  # OSC: titles, links, clipboard
    r"|\x1b[PX^_][^\x1b]{0,4096}(?:\x1b\\)?"  # DCS, SOS, PM, APC
    r"|\x1b\[[0-?]*[ -/]*[@-~]?"  # CSI: colours, cursor
    r"|\x9b[0-?]*[ -/]*[@-~]?"
    r"|\x1b[ -/]*[0-~]?"
)
_DROPPED = frozenset({"Cf", "Cs", "Co", "Cn"})
_BLANKED = frozenset({"Cc", "Zl", "Zp", "Zs"})
_HEX = re.compile(r"[0-9a-f]{40,64}")
_SAFE_LIMIT = 4096
_SPELLED = str.maketrans("×…·→–—‘’“”", "x~->--''\"\"")


def safe(text: object, limit: int = _SAFE_LIMIT) -> str:
    """Foreign text as one line that cannot move the cursor, change colours or reorder letters.

    Escape sequences, bidirectional controls and other invisible characters go; controls and
    exotic blanks become a space. At most `limit` characters are looked at.
    """
    raw = str(text)[:limit]
    if raw.isascii() and raw.isprintable():
        return raw
    kept = []
    for char in _ESCAPES.sub("", raw):
        kind = unicodedata.category(char)
        if kind in _DROPPED or "\ufe00" <= char <= "\ufe0f":
            continue
        kept.append(" " if kind in _BLANKED else char)
    return "".join(kept).strip()


def cell_width(text: str) -> int:
    """Columns that the text takes in a terminal."""
    if text.isascii():
        return len(text)
    return sum(_char_width(char) for char in text)


def _char_width(char: str) -> int:
    if unicodedata.east_asian_width(char) in "WF":
        return 2
    return 0 if unicodedata.category(char) in ("Mn", "Me", "Cf") else 1


def fit(text: str, width: int, ellipsis: str = "…", align: str = "left") -> str:
    """Exactly `width` cells: padded, or cut with an ellipsis."""
    if width <= 0:
        return ""
    size = cell_width(text)
    if size > width:
        kept, used = [], 0
        for char in text:
            step = _char_width(char)
            if used + step > width - 1:
                break
            kept.append(char)
            used += step
        text = "".join(kept) + ellipsis
        size = used + 1
    pad = " " * (width - size)
    return pad + text if align == "right" else text + pad


def to_ascii(text: str) -> str:
    """For terminals without UTF-8: every other character becomes `?`, one for each cell."""
    if text.isascii():
        return text
    known = text.translate(_SPELLED)
    return "".join(c if c.isascii() else "?" * _char_width(c) for c in known)


def seconds(value: float) -> str:
    """A duration in its two largest units: "42s", "4m12s", "3h05m", "2d04h"."""
    whole = max(int(value), 0)
    if whole < 60:
        return f"{whole}s"
    if whole < 3600:
        return f"{whole // 60}m{whole % 60:02d}s"
    if whole < 86400:
        return f"{whole // 3600}h{whole % 3600 // 60:02d}m"
    return f"{whole // 86400}d{whole % 86400 // 3600:02d}h"


def age(then: datetime | None, now: datetime) -> str:
    """How long ago, in one unit: "42s", "12m", "5h", "3d"; "-" when unknown."""
    if then is None:
        return "-"
    whole = max(int((now - then).total_seconds()), 0)
    for size, unit in ((86400 * 365, "y"), (86400, "d"), (3600, "h"), (60, "m")):
        if whole >= size * (2 if unit == "d" else 1):
            return f"{whole // size}{unit}"
    return f"{whole}s"


def countdown(until: datetime | None, now: datetime) -> str:
    """As in "in 4m12s"; "now" when it is due; empty when there is no end."""
    if until is None:
        return ""
    left = (until - now).total_seconds()
    return f"in {seconds(left)}" if left > 0 else "now"


def clock(moment: datetime | None) -> str:
    """Time of day in UTC, "10:32:05"."""
    return moment.strftime("%H:%M:%S") if moment else "-"


def dated(moment: datetime | None) -> str:
    """Date and time: "2026-11-23 10:32:05 UTC"."""
    return moment.strftime("%Y-%m-%d %H:%M:%S UTC") if moment else "-"


def revision(value: str, size: int = 7) -> str:
    """A commit by its first letters; branches, tags and versions as they are."""
    return value[:size] if _HEX.fullmatch(value) else safe(value)


def image(value: str) -> str:
    """An image by what tells two of them apart: name and tag, without the registry."""
    return safe(value).rsplit("/", 1)[-1].split("@", 1)[0]


def number(value: float) -> str:
    """A measured value in at most six characters or so: 0.0123, 482, 1.2e+06."""
    if value != value or value in (float("inf"), float("-inf")):  # noqa: PLR0124 (NaN)
        return {"nan": "NaN", "inf": "+Inf", "-inf": "-Inf"}[str(value)]
    if value == int(value) and abs(value) < 1e6:
        return str(int(value))
    return f"{value:.3g}"


def percent(value: float) -> str:
    return f"{value:g}%"


def plural(count: int, word: str) -> str:
    return f"{count} {word}" if count == 1 else f"{count} {word}s"
