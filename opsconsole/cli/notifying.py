"""`notifications test`: what a template or trigger of Argo CD's notifications makes of an application.

Separate from the rules, which are those of the sandbox's controller. Nothing is sent, and
references to the Secret (`$name`) stay references.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsconsole.aio.clock import SystemClock
from opsconsole.argo.cd.notifications.config import Config, ConfigError, parse
from opsconsole.argo.cd.notifications.delivery import Delivery, SendError, deliveries, preview
from opsconsole.argo.cd.notifications.subscriptions import Destination, subscriptions
from opsconsole.argo.cd.notifications.variables import variables
from opsconsole.argo.golang.gotime import Time
from opsconsole.cli.connect import choose
from opsconsole.cli.options import Options, Parser
from opsconsole.cli.plugin import connected
from opsconsole.errors import InputError, NotFoundError, RuleError, UsageError
from opsconsole.model import yamldoc
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP
from opsconsole.model.objects import mapping, name_of, namespace_of, text
from opsconsole.view.format import safe

CONFIG = "argocd-notifications-cm"


@dataclass(frozen=True, slots=True)
class _Subject:
    config: Config
    app: dict[str, Any]
    project: dict[str, Any] | None
    now: Time


@dataclass(slots=True)
class _Report:
    """What is printed: conditions of a trigger, texts of a template, what each recipient gets."""

    application: str
    name: str
    kind: str
    conditions: list[dict[str, Any]] = field(default_factory=list)
    rendered: dict[str, Any] = field(default_factory=dict)
    deliveries: list[dict[str, Any]] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def notifications(options: Options, words: list[str]) -> int:
    """0 when everything could be rendered, 1 when not."""
    known = _parser().parse_args(words[1:])
    subject = _subject(options, known)
    report = _report(subject, known)
    print(_json(report) if known.output == "json" else _text(report), end="")
    for problem in report.problems:
        print(f"error: {safe(problem)}", file=sys.stderr)
    return 1 if report.problems else 0


def _parser() -> Parser:
    parser = Parser(prog="opsconsole notifications", allow_abbrev=False)
    parser.add_argument("what", choices=("test",), help="render; nothing is sent")
    parser.add_argument("name", help="of a template or a trigger")
    parser.add_argument("application", nargs="?", default="", help="name, or NAMESPACE/NAME")
    parser.add_argument("--trigger", action="store_true", help="NAME is a trigger, not a template")
    parser.add_argument(
        "--recipient", action="append", default=[], metavar="SERVICE:RECIPIENT",
        help="instead of those that are subscribed; may be repeated",
    )  # fmt: skip
    parser.add_argument(
        "-f", "--file", action="append", default=[], metavar="FILE",
        help="manifests to use instead of the cluster's: the ConfigMap, an Application, its AppProject",
    )  # fmt: skip
    parser.add_argument("-o", "--output", choices=("text", "json"), default="text")
    return parser


# what there is


def _subject(options: Options, known: Any) -> _Subject:
    given = [obj for path in known.file for obj in _manifests(path)]
    config = next((o for o in given if _is(o, "ConfigMap", CONFIG)), None)
    apps = [o for o in given if text(o, "kind") == "Application"]
    wanted = known.application.rpartition("/")[2]
    app = next((o for o in apps if not wanted or name_of(o) == wanted), None)
    now = SystemClock().now()
    project = None
    if app is not None:
        title = text(app, "spec", "project") or "default"
        project = next((o for o in given if _is(o, "AppProject", title)), None)
    if config is None or app is None:
        if not known.application and app is None:
            raise UsageError("which application? name it, or give its manifest with -f")
        config, app, project, now = asyncio.run(
            _fetched(options, known.application, (config, app, project))
        )
    try:
        read = parse(mapping(config, "data"), {})
    except ConfigError as fault:
        raise InputError(
            f"{CONFIG} cannot be used, and nothing is sent at all: {fault}",
            hint="one trigger or template that does not parse silences every notification",
        ) from fault
    return _Subject(read, app, project, Time.of(now))


def _is(obj: dict[str, Any], kind: str, name: str) -> bool:
    return text(obj, "kind") == kind and name_of(obj) == name


async def _fetched(options: Options, name: str, given: tuple[Any, Any, Any]) -> tuple[Any, ...]:
    """What was not given as a file, from the cluster; and its time."""
    config, app, project = given
    chosen = choose(options)
    home = options.argocd_namespace
    async with connected(chosen) as cluster:
        if config is None:
            config = await cluster.get(CONFIG_MAP, home, CONFIG)
        if app is None:
            namespace, _, bare = name.rpartition("/")
            app = await cluster.get(APPLICATION, namespace or home, bare)
        if project is None:
            try:
                project = await cluster.get(
                    APP_PROJECT, home, text(app, "spec", "project") or "default"
                )
            except NotFoundError:
                project = None
        return config, app, project, chosen.clock.now()


def _manifests(path: str) -> list[dict[str, Any]]:
    try:
        data = sys.stdin.buffer.read() if path == "-" else Path(path).read_bytes()
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault
    return yamldoc.load_manifests(data)


# rendering


def _report(subject: _Subject, known: Any) -> _Report:
    config, name = subject.config, known.name
    title = f"{namespace_of(subject.app)}/{name_of(subject.app)}".lstrip("/")
    is_template = name in config.templates and not known.trigger
    if not is_template and name not in config.triggers:
        listed = ", ".join(sorted(config.triggers if known.trigger else config.templates))
        what = "trigger" if known.trigger else "template or trigger"
        raise NotFoundError(f"there is no {what} {name!r} in {CONFIG}", hint=f"there are {listed}")
    report = _Report(title, name, "template" if is_template else "trigger")
    seen = variables(subject.app, subject.now, config.context, project=subject.project)
    chosen = [_destination(one) for one in known.recipient]
    if is_template:
        try:
            report.rendered = preview(config, name, seen)
        except SendError as fault:
            report.problems.append(str(fault))
            return report
        for to in chosen or _subscribed(subject, name):
            _deliver(report, config, (name,), to, seen)
        return report
    _trigger(report, subject, seen, chosen)
    return report


def _destination(given: str) -> Destination:
    service, colon, recipient = given.partition(":")
    if not service or not colon:
        raise UsageError(f"--recipient {given}: SERVICE:RECIPIENT is expected")
    return Destination(service, recipient)


def _subscribed(subject: _Subject, template: str) -> Iterable[Destination]:
    """Who would get a template, by the triggers that send it."""
    found: dict[Destination, None] = {}
    for trigger, wanted in subscriptions(subject.app, subject.project, subject.config).items():
        conditions = subject.config.triggers.get(trigger, ())
        if any(template in condition.send for condition in conditions):
            found |= dict.fromkeys(wanted)
    return found


def _trigger(
    report: _Report, subject: _Subject, seen: dict[str, Any], chosen: list[Destination]
) -> None:
    config = subject.config
    conditions = config.triggers[report.name]
    subscribed = subscriptions(subject.app, subject.project, config).get(report.name, [])
    results = config.evaluate(report.name, seen, subject.now)
    for condition, result in zip(conditions, results, strict=True):
        entry = {
            "key": result.key,
            "when": condition.when,
            "triggered": result.triggered,
            "send": list(condition.send),
        }
        if condition.once_per:
            entry |= {"oncePer": condition.once_per, "oncePerValue": result.once_per}
        report.conditions.append(entry)
        report.problems += [
            f"template '{name}' is not configured; trigger {report.name} sends it"
            for name in condition.send
            if name not in config.templates
        ]
        if result.triggered:
            for to in chosen or subscribed:
                _deliver(report, config, condition.send, to, seen)


def _deliver(
    report: _Report, config: Config, names: Iterable[str], to: Destination, seen: dict[str, Any]
) -> None:
    try:
        made = deliveries(config, list(names), to, seen)
    except (SendError, RuleError) as fault:
        report.problems.append(f"{to.service}:{to.recipient}: {fault}")
        return
    report.deliveries.append(_shown(made, to))


def _shown(made: Delivery, to: Destination) -> dict[str, Any]:
    """Without the headers: they are where credentials are."""
    fields = {
        "recipient": f"{to.service}:{to.recipient}",
        "type": made.kind,
        "method": made.method,
        "address": made.address,
        "subject": made.subject,
        "body": made.body,
    }
    return {name: value for name, value in fields.items() if value}


# printing


def _json(report: _Report) -> str:
    told = {
        "application": report.application,
        report.kind: report.name,
        "conditions": report.conditions,
        "rendered": report.rendered,
        "deliveries": report.deliveries,
        "problems": report.problems,
    }
    kept = {name: value for name, value in told.items() if value}
    return json.dumps(kept, indent=2, ensure_ascii=False) + "\n"


def _text(report: _Report) -> str:
    lines = [f"application {report.application}", f"{report.kind} {report.name}"]
    for entry in report.conditions:
        lines.append(f"  {'true ' if entry['triggered'] else 'false'}  when: {entry['when']}")
        if "oncePer" in entry:
            lines.append(f"         oncePer: {entry['oncePer']} = {entry['oncePerValue'] or '-'}")
        lines.append(f"         send: {', '.join(entry['send']) or '-'}")
    _fields(lines, report.rendered, "  ")
    for made in report.deliveries:
        head = " ".join(filter(None, (made.get("method"), made.get("address"))))
        lines.append(f"  to {made['recipient']} ({made['type']}): {head}")
        _fields(lines, {n: made[n] for n in ("subject", "body") if n in made}, "    ")
    if not report.deliveries and not report.problems:
        lines.append(
            "  nobody gets it: no condition holds" if _quiet(report) else "  nobody is subscribed"
        )
    return "\n".join(safe(line) for line in lines) + "\n"


def _quiet(report: _Report) -> bool:
    return report.kind == "trigger" and not any(e["triggered"] for e in report.conditions)


def _fields(lines: list[str], fields: dict[str, Any], indent: str) -> None:
    for name, value in fields.items():
        if isinstance(value, dict):
            lines.append(f"{indent}{name}:")
            _fields(lines, value, indent + "  ")
        elif "\n" in str(value):
            lines.append(f"{indent}{name}: |")
            lines += [f"{indent}  {line}" for line in str(value).rstrip("\n").split("\n")]
        else:
            lines.append(f"{indent}{name}: {value}")
