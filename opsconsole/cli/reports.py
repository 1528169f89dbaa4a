"""`apps` and `snapshot`: the picture as text or JSON, for scripts and CI.

Separate from the console; the words are the same as on its screen.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any
from urllib.parse import urlsplit

from opsconsole.cli.headless import engine, first, wait_for
from opsconsole.cli.options import Options, Parser
from opsconsole.model.applications import Application
from opsconsole.model.kinds import APPLICATION, Kind, ResourceKey
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link, Snapshot
from opsconsole.model.times import format_instant
from opsconsole.view.analysis import analysis_lines
from opsconsole.view.format import age, revision, safe
from opsconsole.view.glyphs import ASCII, UNICODE
from opsconsole.view.lines import Canvas, text_of
from opsconsole.view.rollout import rollout_lines


def apps(options: Options, words: list[str]) -> int:
    parser = Parser(prog="opsconsole apps", allow_abbrev=False)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    parser.add_argument("--attention", action="store_true", help="only those that need a human")
    known = parser.parse_args(words[1:])
    with engine(options) as (hub, chosen):
        shot = first(hub)
        now = chosen.environment.now()
    listed = [a for a in shot.applications.values() if a.attention or not known.attention]
    if known.output == "json":
        print(json.dumps([plain(app) for app in listed], indent=2, ensure_ascii=False))
    else:
        print(table(listed, now) if listed else empty(shot), end="")
    return 0


def empty(shot: Snapshot) -> str:
    """Empty, missing and forbidden are three different things."""
    state = shot.kinds.get(APPLICATION)
    if state is not None and state.link is Link.ABSENT:
        return "this cluster has no Argo CD (no Applications are served)\n"
    if state is not None and state.link is Link.DENIED:
        return f"the applications may not be listed: {safe(state.message)}\n"
    return "there are no applications\n"


def table(listed: list[Application], now: datetime) -> str:
    head = ("NAME", "PROJECT", "DESTINATION", "SYNC", "HEALTH", "REVISION", "ACTIVITY", "ATTENTION")
    rows: list[tuple[str, ...]] = [head]
    rows += [
        (
            safe(app.name), safe(app.project), destination(app), app.sync.value, app.health.value,
            revision(app.revision) or "-", age(app.last_activity, now) or "-", safe(app.attention),
        )
        for app in listed
    ]  # fmt: skip
    return columns(rows)


def destination(app: Application) -> str:
    """The namespace, and the host of the cluster when it is not the one that we are on."""
    if not app.elsewhere:
        return safe(app.destination_namespace) or "-"
    where = urlsplit(app.elsewhere).netloc or app.elsewhere
    return safe(f"{app.destination_namespace}@{where}")


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Rows of equally many cells as a table; the last column is not padded."""
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]) - 1)]
    lines = (
        "  ".join([*(cell.ljust(w) for cell, w in zip(row, widths, strict=False)), row[-1]])
        for row in rows
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def snapshot(options: Options, words: list[str]) -> int:
    parser = Parser(prog="opsconsole snapshot", allow_abbrev=False)
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    known = parser.parse_args(words[1:])
    with engine(options) as (hub, chosen):
        first(hub)
        wait_for(hub, lambda s: all(k.link is not Link.CONNECTING for k in s.kinds.values()), 10.0)
        shot = hub.snapshot()
        now = chosen.environment.now()
    if known.output == "json":
        print(json.dumps(plain(shot), indent=2, ensure_ascii=False))
        return 0
    listed = list(shot.applications.values())
    print(table(listed, now) if listed else empty(shot), end="")
    for rollout in shot.rollouts.values():
        print()
        print(rollout_text(rollout, now, ascii_only=chosen.settings.ascii_only))
    return 0


def rollout_text(rollout: Rollout, now: datetime, *, ascii_only: bool = False) -> str:
    width = min(shutil.get_terminal_size((100, 24)).columns, 120)
    canvas = Canvas(width, 200, now, ASCII if ascii_only else UNICODE, full=True)
    parts = [f"{safe(rollout.key.namespace)}/{safe(rollout.name)}"]
    parts.append(text_of(rollout_lines(rollout, canvas)))
    if rollout.runs:
        parts.append(text_of(analysis_lines(rollout.runs, canvas)))
    return "\n".join(parts)


def plain(value: Any) -> Any:
    """A snapshot's values as JSON has them; keys of mappings become texts."""
    if is_dataclass(value) and not isinstance(value, type):
        found = {f.name: plain(getattr(value, f.name)) for f in fields(value)}
        return {k: v for k, v in found.items() if k != "payload"}
    if isinstance(value, ResourceKey):
        return {"kind": value.kind.kind, "namespace": value.namespace, "name": value.name}
    if isinstance(value, StrEnum):
        return value.value
    if isinstance(value, datetime):
        return format_instant(value)
    if isinstance(value, Mapping):
        return {_key(k): plain(v) for k, v in value.items()}
    if isinstance(value, tuple | list):
        return [plain(item) for item in value]
    return value


def _key(key: Any) -> str:
    if isinstance(key, ResourceKey):
        return f"{key.namespace}/{key.name}"
    return key.resource if isinstance(key, Kind) else str(key)
