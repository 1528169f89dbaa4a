"""Reads fields of a foreign object and remembers which were mistyped.

Separate so that every decoder is tolerant in the same way: the field counts as absent, the
object is shown, and `problems` says what was wrong with it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsconsole.errors import bounded
from opsconsole.model import objects
from opsconsole.model.times import parse_instant

_NAMES = {str: "text", bool: "true or false", int: "a number", float: "a number", list: "a list"}


def _shape(value: Any) -> str:
    return "an object" if isinstance(value, Mapping) else _NAMES.get(type(value), "null")


class Reader:
    """`problems` grows as fields are read; at most `LIMIT` are kept."""

    LIMIT = 10

    def __init__(self, obj: Mapping[str, Any]) -> None:
        self.obj = obj
        self._problems: dict[str, None] = {}

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(self._problems)

    def note(self, problem: str) -> None:
        if len(self._problems) < self.LIMIT:
            self._problems[bounded(problem, 120)] = None

    def text(self, *path: str | int, needed: bool = False) -> str:
        found = self._read(path, (str, int, float), "text", needed=needed)
        return "" if found is None else objects.text(found)

    def number(self, *path: str | int, default: int = 0) -> int:
        found = self._read(path, (int, float), "a number")
        return default if found is None else objects.number({"_": found}, "_", default=default)

    def flag(self, *path: str | int) -> bool:
        found = objects.dig(self.obj, *path)
        if found is not None and not isinstance(found, bool):
            self._mistyped(path, found, "true or false")
        return found is True

    def mapping(self, *path: str | int, needed: bool = False) -> Mapping[str, Any]:
        found = self._read(path, (Mapping,), "an object", needed=needed)
        return found if isinstance(found, Mapping) else {}

    def mappings(self, *path: str | int) -> list[Mapping[str, Any]]:
        found = self._read(path, (list, tuple), "a list")
        entries = list(found or ())
        good = [entry for entry in entries if isinstance(entry, Mapping)]
        if len(good) < len(entries):
            self.note(f"{_dotted(path)}: {len(entries) - len(good)} entries are no objects")
        return good

    def instant(self, *path: str | int) -> datetime | None:
        found = objects.dig(self.obj, *path)
        moment = parse_instant(found)
        if found is not None and moment is None:
            self.note(f"{_dotted(path)}: not an instant")
        return moment

    def _read(
        self,
        path: tuple[str | int, ...],
        types: tuple[type, ...],
        name: str,
        *,
        needed: bool = False,
    ) -> Any:
        found = objects.dig(self.obj, *path)
        if found is None:
            if needed:
                self.note(f"{_dotted(path)}: missing")
            return None
        if not isinstance(found, types) or (isinstance(found, bool) and bool not in types):
            self._mistyped(path, found, name)
            return None
        return found

    def _mistyped(self, path: tuple[str | int, ...], found: Any, name: str) -> None:
        self.note(f"{_dotted(path)}: is {_shape(found)}, not {name}")


def _dotted(path: tuple[str | int, ...]) -> str:
    return ".".join(str(step) for step in path)
