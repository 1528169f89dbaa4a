"""`rehearse FILE`: plays a scenario in a sandbox of its own and prints the timeline.

Separate from the player, which reads no file and prints nothing.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from opsconsole.cli.options import Options, Parser
from opsconsole.cli.sandboxing import check_extra
from opsconsole.errors import InputError, bounded
from opsconsole.model import yamldoc
from opsconsole.view.format import safe


def rehearse(options: Options, words: list[str]) -> int:
    """0 when the rollout ends Healthy, 1 when not."""
    parser = Parser(prog="opsconsole rehearse", allow_abbrev=False)
    parser.add_argument("file", help="a scenario: YAML with `steps`")
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    known = parser.parse_args(words[1:])
    check_extra()
    from opsconsole.sandbox.rehearse.player import play
    from opsconsole.sandbox.rehearse.scenario import parse

    document = _read(Path(known.file))
    scenario = parse(document, namespace=options.namespace or "default")
    result = play(scenario)
    print(_json(result) if known.output == "json" else _text(result), end="")
    return 0 if result.healthy else 1


def _read(path: Path) -> Any:
    try:
        return yamldoc.load(path.read_bytes())
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault


def _text(result: Any) -> str:
    lines = []
    for entry in result.log:
        shown = bounded(entry.argument, 100) if entry.argument not in (None, "") else ""
        lines.append(f"{_at(entry.at)}  {entry.step} {shown}".rstrip())
        lines += [f"          {safe(line)}" for line in str(entry.out).splitlines()]
        if entry.code:
            lines.append(f"          exit status {entry.code}")
    lines += [f"          fault: {safe(fault)}" for fault in result.faults]
    ended = f"{result.phase or 'no rollout'} {safe(result.message)}".rstrip()
    lines.append(f"{_at(result.seconds)}  ended: {ended}")
    if not result.completed:
        lines.append("          a wait was not fulfilled in time")
    return "\n".join(lines) + "\n"


def _at(seconds: float) -> str:
    minutes, rest = divmod(seconds, 60)
    return f"{int(minutes):4d}:{rest:04.1f}"


def _json(result: Any) -> str:
    found = {
        "scenario": result.scenario.name,
        "healthy": result.healthy,
        "phase": result.phase,
        "message": result.message,
        "seconds": result.seconds,
        "completed": result.completed,
        "faults": list(result.faults),
        "timeline": [
            {"at": e.at, "step": e.step, "argument": e.argument, "code": e.code, "out": e.out}
            for e in result.log
        ],
    }
    return json.dumps(found, indent=2, ensure_ascii=False, default=str) + "\n"
