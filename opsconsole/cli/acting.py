"""`sync`, `refresh`, `terminate` and `revert`: the console's actions from a script.

Separate from the plugin's commands, which write directly: these go through the engine's
plans, guards and journal, exactly as the dialog does.
"""

from __future__ import annotations

import json
from concurrent.futures import TimeoutError as Late
from typing import Any

from opsconsole.cli.headless import application, engine, first, wait_for
from opsconsole.cli.options import Options, Parser
from opsconsole.engine.hub import Hub
from opsconsole.errors import OpsError
from opsconsole.model.plans import Intent, OperationRecord, OperationStatus, Plan
from opsconsole.model.requests import Request
from opsconsole.view.format import safe

READ = 60.0
"""Seconds that planning may take."""


def act(options: Options, words: list[str]) -> int:
    known = _parser(words[0]).parse_args(words[1:])
    with engine(options) as (hub, _):
        app = application(first(hub), known.application)
        intent = Intent(_action(words[0], known), app.key, _options(words[0], known))
        plan = hub.plan(intent).result(READ)
        _show(plan)
        if known.plan:
            return 0
        return _outcome(_followed(hub, plan, known.timeout))


def _parser(name: str) -> Parser:
    parser = Parser(prog=f"opsconsole {name}", allow_abbrev=False)
    parser.add_argument("application", help="name, or NAMESPACE/NAME")
    if name == "sync":
        parser.add_argument("--revision", default="", help="instead of targetRevision")
        parser.add_argument("--prune", action="store_true", help="delete what is not in git")
        parser.add_argument("--dry-run", action="store_true", help="change nothing")
        parser.add_argument(
            "--resource", action="append", default=[], metavar="GROUP:KIND:NAME",
            help="only this one; may be repeated",
        )  # fmt: skip
    if name == "refresh":
        parser.add_argument("--hard", action="store_true", help="render the manifests anew")
    if name == "revert":
        parser.add_argument("commit", help="the commit to undo")
    parser.add_argument("--plan", action="store_true", help="show what would be done, and stop")
    parser.add_argument(
        "--timeout", type=float, default=0.0, help="seconds to wait for the outcome"
    )
    return parser


def _action(name: str, known: Any) -> str:
    return "hard-refresh" if name == "refresh" and known.hard else name


def _options(name: str, known: Any) -> tuple[tuple[str, Any], ...]:
    if name == "sync":
        given = {
            "revision": known.revision,
            "prune": known.prune,
            "dryRun": known.dry_run,
            "resources": tuple(known.resource),
        }
        return tuple((key, value) for key, value in given.items() if value)
    return (("commit", known.commit),) if name == "revert" else ()


def _show(plan: Plan) -> None:
    print(plan.title)
    for name, value in plan.context:
        print(f"  {name}: {safe(value)}")
    for step in plan.steps:
        print(f"  > {step_text(step)}")
    for effect in plan.effects:
        print(f"  {safe(effect)}")
    for warning in plan.warnings:
        print(f"  ! {safe(warning)}")


def step_text(step: Any) -> str:
    if isinstance(step, Request):
        body = json.dumps(step.body, ensure_ascii=True)
        shown = body if len(body) <= 400 else body[:399] + "…"
        return f"{step.verb.value} {step.path} {shown}"
    return safe(str(step))


def _followed(hub: Hub, plan: Plan, timeout: float) -> OperationRecord:
    running = hub.execute(plan)
    told = 0

    def tell(shot: Any) -> bool:
        nonlocal told
        record = next((r for r in shot.operations if r.id == plan.id), None)
        for _, line in record.lines[told:] if record is not None else ():
            print(f"  {safe(line)}", flush=True)
            told += 1
        return running.done()

    limit = timeout or plan.timeout + READ
    if not wait_for(hub, tell, limit) and not running.done():
        raise OpsError(f"no outcome after {limit:.0f} s", hint="it was sent; look at the object")
    try:
        record = running.result(READ)
    except Late as fault:
        raise OpsError("no outcome in time", hint="it was sent; look at the object") from fault
    for _, line in record.lines[told:]:
        print(f"  {safe(line)}")
    return record


def _outcome(record: OperationRecord) -> int:
    if record.status is OperationStatus.SUCCEEDED:
        print(f"{record.plan.title}: done")
        return 0
    raise OpsError(
        f"{record.plan.title}: {record.status.value}: {record.error or 'no reason was given'}",
        hint=record.hint,
    )
