"""The two sets of signs: Unicode, and ASCII for terminals without UTF-8.

They follow what Argo CD's UI and `kubectl argo rollouts` have taught their users.
"""

from __future__ import annotations


class Glyphs:
    """Every sign is one cell wide, except `arrow`, `branch` and `last`.

    A plain class: a dataclass of this size would be felt in the first frame.
    """

    ok = "✔"
    running = "◌"
    bad = "✖"
    paused = "‖"
    missing = "?"
    unknown = "?"
    outdated = "▲"
    warning = "!"
    waiting = "◷"
    idle = "·"
    current = "▶"
    arrow = "→"
    full = "█"
    empty = "░"
    branch = "├─"
    last = "└─"
    pipe = "│"
    dot = "·"
    ellipsis = "…"
    live = "●"
    desired = "◆"
    times = "×"
    up = "↑"
    down = "↓"
    rule = "─"
    threshold = "╌"
    focus = "▌"
    braille = True


class _Ascii(Glyphs):
    ok = "+"
    running = "~"
    bad = "x"
    paused = "="
    outdated = "^"
    waiting = "o"
    idle = "."
    current = ">"
    arrow = "->"
    full = "#"
    empty = "-"
    branch = "|-"
    last = "`-"
    pipe = "|"
    dot = "-"
    ellipsis = "~"
    live = "*"
    desired = "@"
    times = "x"
    up = "^"
    down = "v"
    rule = "-"
    threshold = "-"
    focus = ">"
    braille = False


UNICODE = Glyphs()
ASCII: Glyphs = _Ascii()
