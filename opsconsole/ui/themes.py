"""Colours: our dark, light and 16-colour themes, and what each token of a view looks like.

Tokens become Rich styles here and nowhere else. The ANSI theme names only the terminal's own
16 colours and never sets a background, so that it works on any palette and with NO_COLOR;
there the cursor and the focus are shown in reverse.
"""

from __future__ import annotations

from functools import lru_cache

from rich.style import Style
from textual.theme import Theme

DARK = Theme(
    name="ops-dark", primary="#7aa2f7", secondary="#9ece6a", accent="#7dcfff", warning="#e0af68",
    error="#f7768e", success="#9ece6a", foreground="#c8d0e0", background="#11151c",
    surface="#11151c", panel="#2a3342", dark=True,
)  # fmt: skip
LIGHT = Theme(
    name="ops-light", primary="#1f5fbf", secondary="#2f7d32", accent="#00728f", warning="#8a5a00",
    error="#b3261e", success="#2f7d32", foreground="#20262e", background="#fbfbf9",
    surface="#fbfbf9", panel="#c9ced6", dark=False,
)  # fmt: skip
ANSI = Theme(
    name="ops-ansi", primary="ansi_blue", secondary="ansi_cyan", accent="ansi_cyan",
    warning="ansi_yellow", error="ansi_red", success="ansi_green", foreground="ansi_default",
    background="ansi_default", surface="ansi_default", panel="ansi_default", boost="ansi_default",
    dark=True, ansi=True,
    variables={
        "ansi-background": "ansi_black", "ansi-foreground": "ansi_white",
        "border-blurred": "ansi_black", "block-cursor-foreground": "ansi_black",
        "block-cursor-background": "ansi_white", "input-cursor-background": "ansi_white",
        "input-cursor-foreground": "ansi_black", "input-cursor-text-style": "none",
        "input-selection-background": "ansi_bright_blue",
        "input-selection-foreground": "ansi_black",
        "screen-selection-background": "ansi_bright_blue",
        "screen-selection-foreground": "ansi_black",
    },
)  # fmt: skip
THEMES = (DARK, LIGHT, ANSI)

_DARK = {
    "text": "#c8d0e0", "muted": "#7b8799", "strong": "bold #e6ebf5", "ok": "#9ece6a",
    "warn": "#e0af68", "bad": "bold #f7768e", "info": "#7aa2f7", "paused": "#bb9af7",
    "accent": "#7dcfff", "canary": "#e0af68", "stable": "#9ece6a", "key": "bold #7dcfff",
    "title": "bold #a9b4c8", "focus": "bold #11151c on #7aa2f7", "rule": "#3a4556",
    "rule-focus": "#7aa2f7", "cursor": "on #26344d", "cursor-blur": "on #1b2331",
    "add": "#9ece6a", "remove": "#f7768e", "banner": "bold #11151c on #e0af68",
}  # fmt: skip
_LIGHT = {
    "text": "#20262e", "muted": "#667080", "strong": "bold #0b0f14", "ok": "#2f7d32",
    "warn": "#8a5a00", "bad": "bold #b3261e", "info": "#1f5fbf", "paused": "#6b3fa0",
    "accent": "#00728f", "canary": "#8a5a00", "stable": "#2f7d32", "key": "bold #00728f",
    "title": "bold #414b58", "focus": "bold #ffffff on #1f5fbf", "rule": "#b6bdc8",
    "rule-focus": "#1f5fbf", "cursor": "on #d6e4fb", "cursor-blur": "on #eceff3",
    "add": "#2f7d32", "remove": "#b3261e", "banner": "bold #ffffff on #8a5a00",
}  # fmt: skip
_ANSI = {
    "text": "", "muted": "dim", "strong": "bold", "ok": "green", "warn": "yellow",
    "bad": "bold red", "info": "blue", "paused": "magenta", "accent": "cyan", "canary": "yellow",
    "stable": "green", "key": "bold", "title": "bold", "focus": "bold reverse", "rule": "dim",
    "rule-focus": "bold", "cursor": "reverse", "cursor-blur": "bold", "add": "green",
    "remove": "red", "banner": "bold reverse",
}  # fmt: skip
_PALETTES = {DARK.name: _DARK, LIGHT.name: _LIGHT, ANSI.name: _ANSI}


@lru_cache(maxsize=16)
def palette(theme: str) -> dict[str, Style]:
    """Token → style. Themes that are not ours get the dark palette's tokens."""
    return {token: Style.parse(text) for token, text in _PALETTES.get(theme, _DARK).items()}
