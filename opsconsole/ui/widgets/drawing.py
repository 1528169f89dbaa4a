"""Styled lines to Textual strips, with as few changes of colour as the eye needs.

Separate because every byte that goes to the terminal is decided here: Textual writes each
segment with its own escape sequences, so blanks take the style of what stands before them.
"""

from __future__ import annotations

from collections.abc import Mapping

from rich.segment import Segment
from rich.style import Style
from textual.strip import Strip

from opsconsole.view.format import to_ascii
from opsconsole.view.lines import Line


def strip_of(
    spans: Line, styles: Mapping[str, Style], base: Style, width: int, *, utf8: bool = True
) -> Strip:
    """Exactly `width` cells in the styles of the tokens over `base`."""
    segments: list[Segment] = []
    style = base
    for text, token in spans:
        own = styles.get(token)
        if text.isspace() and not _paints(own):
            style = base if _paints(style, base) else style
        else:
            style = base + own if own is not None else base
        segments.append(Segment(text if utf8 else to_ascii(text), style))
    tail = base if not segments or _paints(segments[-1].style, base) else segments[-1].style
    return Strip(segments).adjust_cell_length(width, tail).simplify()


def _paints(style: Style | None, base: Style | None = None) -> bool:
    """Whether blanks in this style are seen: a background of its own, reverse or underline."""
    if style is None:
        return False
    ground = base.bgcolor if base is not None else None
    inverse = bool(style.reverse) and not (base is not None and base.reverse)
    return inverse or bool(style.underline) or style.bgcolor != ground
