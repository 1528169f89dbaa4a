"""`rehearse FILE`: plays a scenario in a sandbox of its own and prints the timeline.

Separate from the player, which reads no file and prints nothing.
"""

from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

from opsconsole.cli.options import Options, Parser
from opsconsole.cli.sandboxing import check_extra
from opsconsole.engine.decode.rollouts import rollout
from opsconsole.errors import InputError, UsageError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.kinds import ROLLOUT
from opsconsole.model.objects import name_of
from opsconsole.view.format import safe

FIRST = 3600.0
"""Virtual seconds that the first version may take to get healthy."""

DAY = 86400.0
"""Virtual seconds that the update may take."""


def rehearse(options: Options, words: list[str]) -> int:
    """0 when the rollout ends Healthy, 1 when not."""
    parser = Parser(prog="opsconsole rehearse", allow_abbrev=False)
    parser.add_argument("path", help="a scenario (YAML with `steps`), or a directory of manifests")
    parser.add_argument(
        "--image", action="append", default=[], metavar="CONTAINER=IMAGE",
        help="with a directory: the change to rehearse",
    )  # fmt: skip
    parser.add_argument("--rollout", default="", help="with a directory that holds several")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    known = parser.parse_args(words[1:])
    check_extra()
    from opsconsole.sandbox.rehearse.player import play
    from opsconsole.sandbox.rehearse.scenario import parse

    path = Path(known.path)
    if path.is_dir():
        document = of_directory(path, known.image, known.rollout)
    elif known.image or known.rollout:
        raise UsageError("--image and --rollout go with a directory of manifests")
    else:
        document = _read(path)
    timeline = Timeline()
    result = play(parse(document, namespace=options.namespace or "default"), watcher=timeline.see)
    print(_json(result, timeline) if known.output == "json" else _text(result, timeline), end="")
    return 0 if result.healthy else 1


class Timeline:
    """What the rollouts did: a line whenever phase, message, step or image changes."""

    def __init__(self) -> None:
        self.lines: list[tuple[float, str]] = []
        self._last: dict[str, str] = {}

    def see(self, at: float, change: Any) -> None:
        if change.kind != ROLLOUT or change.type == "DELETED":
            return
        found = rollout(change.object)
        step = f"step {found.step_index}/{len(found.steps)} " if found.steps else ""
        wait = found.waiting_for or found.message
        told = f"{found.name}: {found.phase.value} {step}{found.set_weight}% {wait}".rstrip()
        if self._last.get(found.name) != told:
            self._last[found.name] = told
            self.lines.append((at, told))


def of_directory(folder: Path, images: list[str], name: str) -> dict[str, Any]:
    """A scenario: apply what the directory renders to, change the image, promote at every pause."""
    from opsconsole.render.renderer import Renderer
    from opsconsole.render.trees import DirectoryTree

    manifests = list(Renderer().render(DirectoryTree(folder), ".").manifests)
    names = [name_of(m) for m in manifests if m.get("kind") == ROLLOUT.kind]
    if name:
        names = [found for found in names if found == name]
    if len(names) != 1:
        what = f"{len(names)} Rollouts" if not name else f"no Rollout {name}"
        raise InputError(f"{folder} holds {what}", hint="choose one with --rollout")
    chosen = names[0]
    steps: list[dict[str, Any]] = [
        {"apply": manifests},
        {"wait": {"for": {"status.phase": "Healthy"}, "timeout": FIRST}},
    ]
    for image in images:
        if image.count("=") != 1:
            raise UsageError(f"{bounded(image, 80)!r} is not CONTAINER=IMAGE")
        steps.append({"run": f"set image {shlex.quote(chosen)} {shlex.quote(image)}"})
    steps += [{"promote": DAY}] if images else []
    return {"name": folder.name, "rollout": chosen, "profile": "realistic", "steps": steps}


def _read(path: Path) -> Any:
    try:
        return yamldoc.load(path.read_bytes())
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault


def _text(result: Any, timeline: Timeline) -> str:
    told: list[tuple[float, str]] = [(at, _at(at, f"  {line}")) for at, line in timeline.lines]
    for entry in result.log:
        shown = bounded(entry.argument, 100) if entry.argument not in (None, "") else ""
        told.append((entry.at, _at(entry.at, f"> {entry.step} {shown}".rstrip())))
        told += [(entry.at, f"            {safe(line)}") for line in str(entry.out).splitlines()]
        if entry.code:
            told.append((entry.at, f"            exit status {entry.code}"))
    lines = [line for _, line in sorted(told, key=lambda pair: pair[0])]
    lines += [f"          fault: {safe(fault)}" for fault in result.faults]
    ended = f"{result.phase or 'no rollout'} {safe(result.message)}".rstrip()
    lines.append(_at(result.seconds, f"ended: {ended}"))
    if not result.completed:
        lines.append("          a wait was not fulfilled in time")
    return "\n".join(lines) + "\n"


def _at(seconds: float, line: str) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):4d}:{rest:04.1f}  {safe(line)}"


def _json(result: Any, timeline: Timeline) -> str:
    found = {
        "scenario": result.scenario.name,
        "healthy": result.healthy,
        "phase": result.phase,
        "message": result.message,
        "seconds": result.seconds,
        "completed": result.completed,
        "faults": list(result.faults),
        "timeline": [{"at": at, "told": line} for at, line in timeline.lines],
        "steps": [
            {"at": e.at, "step": e.step, "argument": e.argument, "code": e.code, "out": e.out}
            for e in result.log
        ],
    }
    return json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n"
