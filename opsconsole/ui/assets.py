"""Finds the style sheets: inside the installed package, or at the top of a checkout."""

from __future__ import annotations

from pathlib import Path

from opsconsole.errors import OpsError


def style(name: str) -> Path:
    """The path of one style sheet."""
    package = Path(__file__).resolve().parents[1]
    for home in (package / "styles", package.parent / "styles"):
        path = home / name
        if path.is_file():
            return path
    raise OpsError(f"the style sheet {name} is missing", hint="install opsconsole again")
