"""`get rollout -o wide` and `list rollouts -o wide`: our own layout, made of the engine's picture.

Separate from the plugin's commands, which print what the plugin prints: here are also the
waiting text, the measurements against their thresholds and what needs a human.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

from opsconsole.argo.commands.parsing import Command
from opsconsole.cli.headless import engine, first, wait_for
from opsconsole.cli.options import Options
from opsconsole.cli.reports import columns, rollout_text
from opsconsole.engine.hub import Hub
from opsconsole.errors import NotFoundError, UsageError, bounded
from opsconsole.model.kinds import ANALYSIS_RUN, POD, REPLICA_SET
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Link, Snapshot
from opsconsole.view.format import safe

JOINED = (ANALYSIS_RUN, POD, REPLICA_SET)
"""Kinds that a rollout is joined with: the picture is complete when they have answered."""

JOIN = 10.0
"""Seconds that they may take."""

WIDE = ("get rollout", "list rollouts")


def wanted(command: Command) -> bool:
    """Whether the command asks for this layout. UsageError for one that there is not."""
    output = command.flags.get("output") or ""
    if not output:
        return False
    if output != "wide" or command.name not in WIDE:
        raise UsageError(
            f"{command.name} has no output {bounded(output, 40)!r}",
            hint="-o wide goes with get rollout and list rollouts",
        )
    return True


def run_wide(options: Options, command: Command) -> int:
    """Print it; with --watch again whenever it changes, until interrupted."""
    namespace = command.namespace or options.namespace
    with engine(options) as (hub, chosen):
        first(hub)
        wait_for(hub, lambda s: all(_known(s, kind) for kind in JOINED), JOIN)

        def text() -> str:
            shot = hub.snapshot()
            if command.name == "list rollouts":
                everywhere = bool(command.flags.get("all-namespaces"))
                return listed(shot, "" if everywhere else namespace or "default")
            found = one(shot, namespace, command.args[0])
            now = chosen.environment.now()
            return rollout_text(found, now, ascii_only=chosen.settings.ascii_only) + "\n"

        sys.stdout.write(text())
        if command.flags.get("watch"):
            _watch(hub, text)
    return 0


def _known(shot: Snapshot, kind: object) -> bool:
    return any(k == kind and state.link is not Link.CONNECTING for k, state in shot.kinds.items())


def _watch(hub: Hub, text: Callable[[], str]) -> None:
    moved = threading.Event()
    leave = hub.subscribe(lambda _: moved.set())
    shown = text()
    try:
        while True:
            moved.wait()
            moved.clear()
            if (now := text()) != shown:
                shown = now
                sys.stdout.write(("\x1b[H\x1b[2J" if sys.stdout.isatty() else "\n") + shown)
                sys.stdout.flush()
    finally:
        leave()


def one(shot: Snapshot, namespace: str, name: str) -> Rollout:
    """A rollout by name. NotFoundError; UsageError when the name stands in several namespaces."""
    found = [
        r
        for key, r in shot.rollouts.items()
        if key.name == name and (not namespace or key.namespace == namespace)
    ]
    if not found:
        where = f" in namespace {namespace}" if namespace else ""
        raise NotFoundError(f"there is no rollout {bounded(name, 80)!r}{where}", status=404)
    if len(found) > 1:
        homes = ", ".join(sorted(r.key.namespace for r in found))
        raise UsageError(f"{name} is in several namespaces: {homes}", hint="choose one with -n")
    return found[0]


def listed(shot: Snapshot, namespace: str) -> str:
    """One row a rollout, with what it waits for; an empty namespace means all."""
    head = (
        "NAMESPACE", "NAME", "STRATEGY", "STATUS", "STEP", "WEIGHT", "READY", "IMAGES", "WAITS FOR",
    )  # fmt: skip
    rows = [
        (
            safe(r.key.namespace), safe(r.name), r.strategy or "-", r.phase.value,
            f"{r.step_index}/{len(r.steps)}" if r.steps and r.step_index is not None else "-",
            f"{r.actual_weight}%" if r.strategy == "Canary" else "-", f"{r.available}/{r.desired}",
            safe(", ".join(r.images)) or "-", safe(r.waiting_for) or "-",
        )
        for _, r in sorted(shot.rollouts.items())
        if not namespace or r.key.namespace == namespace
    ]  # fmt: skip
    return columns([head, *rows]) if rows else "there are no rollouts\n"
