"""What every command of `kubectl argo rollouts` does, as conversations (`asks`).

Texts and exit statuses are the plugin's own (`pkg/kubectl-argo-rollouts/cmd/*`).
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.commands import requests
from opsconsole.argo.commands.asks import Ask, Conversation, Get, ListAll, ReadFile, Say, Send, Wait
from opsconsole.argo.commands.info import Related, experiment_info, rollout_info
from opsconsole.argo.commands.parsing import Command, parse
from opsconsole.argo.commands.printing import (
    experiment_table,
    experiment_text,
    rollout_row,
    rollout_table,
    rollout_text,
)
from opsconsole.argo.rollouts.phase import observed
from opsconsole.errors import (
    ApiError,
    ConflictError,
    NotFoundError,
    OpsError,
    RuleError,
    UsageError,
)
from opsconsole.model import yamldoc
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    EXPERIMENT,
    POD,
    REPLICA_SET,
    ROLLOUT,
    Kind,
)
from opsconsole.model.objects import mapping, name_of, namespace_of, text
from opsconsole.model.requests import Request
from opsconsole.model.selectors import selector_text
from opsconsole.model.times import format_instant, parse_duration

Object = Mapping[str, Any]
Clock = Callable[[], datetime]
Part = Generator[Ask, Any, Any]
Lint = Callable[[str], Sequence[str]]
"""The text of a file → the messages of what the real controller refuses in it."""

ATTEMPTS = 5
TICK = 1.0


def run(
    command: Command,
    *,
    namespace: str,
    now: Clock,
    color: bool = False,
    version: str = "",
    lint: Lint | None = None,
) -> Conversation:
    """The conversation of one command; `namespace` is used unless the command line names one."""
    return _guarded(_Program(command, command.namespace or namespace, now, color, version, lint))


def converse(argv: Sequence[str], *, namespace: str, now: Clock, **more: Any) -> Conversation:
    """Parse and run; wrong use is printed too (exit status 1, as the plugin's)."""
    try:
        command = parse(argv)
    except UsageError as wrong:
        return _said(wrong.message)
    return run(command, namespace=namespace, now=now, **more)


def _said(message: str) -> Conversation:
    yield Say(message, error=True)
    return 1


def _guarded(program: _Program) -> Conversation:
    for notice in program.command.notices:
        yield Say(notice, error=True)
    try:
        code = yield from program.body()
    except OpsError as failed:
        yield Say(f"Error: {failed.message}\n", error=True)
        return 1
    except OSError as failed:
        yield Say(f"Error: {_file_error(failed)}\n", error=True)
        return 1
    return int(code or 0)


def _file_error(failed: OSError) -> str:
    """As Go prints a PathError: `open x: no such file or directory`."""
    words = (failed.strerror or str(failed)).lower()
    return f"open {failed.filename}: {words}" if failed.filename else words


class _Program:
    def __init__(  # noqa: PLR0917
        self,
        command: Command,
        namespace: str,
        now: Clock,
        color: bool,  # noqa: FBT001
        version: str,
        lint: Lint | None,
    ) -> None:
        self.command = command
        self.namespace = namespace
        self.now = now
        self.version_text = version
        self.linter = lint
        self.color = color and not command.flags.get("no-color")

    def body(self) -> Part:
        method = getattr(self, "do_" + "_".join(self.command.words))
        return (yield from method())

    def flag(self, name: str) -> Any:
        return self.command.flags.get(name)

    # one write per name

    def _each(self, build: Callable[[str, str], Request], said: str) -> Part:
        for name in self.command.args:
            done = yield Send(build(self.namespace, name))
            yield Say(said.format(name_of(done) or name))

    def do_pause(self) -> Part:
        yield from self._each(requests.pause, "rollout '{}' paused\n")

    def do_abort(self) -> Part:
        yield from self._each(requests.abort, "rollout '{}' aborted\n")

    def do_retry_rollout(self) -> Part:
        yield from self._each(requests.retry_rollout, "rollout '{}' retried\n")

    def do_retry_experiment(self) -> Part:
        yield from self._each(requests.retry_experiment, "experiment '{}' retried\n")

    def do_terminate_analysisrun(self) -> Part:
        yield from self._each(requests.terminate_analysis_run, "analysisRun '{}' terminated\n")

    def do_terminate_experiment(self) -> Part:
        yield from self._each(requests.terminate_experiment, "experiment '{}' terminated\n")

    def do_restart(self) -> Part:
        wait = self.flag("in") or "0s"
        at = self.now() + timedelta(seconds=parse_duration(wait))
        rollout = yield Get(ROLLOUT, self.namespace, self.command.args[0])
        yield Send(requests.restart(self.namespace, name_of(rollout), at))
        yield Say(f"rollout '{name_of(rollout)}' restarts in {wait}\n")

    def do_promote(self) -> Part:
        skips = {
            "skip_current": self.flag("skip-current-step"),
            "skip_all": self.flag("skip-all-steps"),
        }
        if all(skips.values()):
            requests.promote({}, **skips)
        rollout = yield Get(ROLLOUT, self.namespace, self.command.args[0])
        full = bool(self.flag("full"))
        for request in requests.promote(rollout, full=full, **skips):
            yield Send(request)
        how = "fully promoted" if full else "promoted"
        yield Say(f"rollout '{name_of(rollout)}' {how}\n")

    def do_undo(self) -> Part:
        revision = int(self.flag("to-revision"))
        rollout = yield Get(ROLLOUT, self.namespace, self.command.args[0])
        workload = None
        if requests.has_workload_ref(rollout):
            kind = requests.workload_kind(rollout)
            name = text(rollout, "spec", "workloadRef", "name")
            workload = yield Get(kind, self.namespace, name)
        selector = selector_text(mapping(workload or rollout, "spec", "selector"))
        sets = yield ListAll(REPLICA_SET, self.namespace, selector)
        target = requests.undo_target(rollout, sets, revision)
        request = requests.undo(rollout, target, workload=workload)
        if request is None:
            yield Say(f"skipped rollback (current template already matches revision {revision})")
            return
        try:
            yield Send(request)
        except ApiError as failed:
            raise RuleError(f"failed restoring revision {revision}: {failed.message}") from failed
        yield Say(f"rollout '{name_of(rollout)}' undo\n")

    def do_set_image(self) -> Part:
        name, assignment = self.command.args
        container, equals, image = assignment.partition("=")
        if not equals or "=" in image:
            yield Say(f"Error: {assignment!r} is not CONTAINER=IMAGE\n", error=True)
            return 1
        for attempt in range(ATTEMPTS):
            rollout = yield Get(ROLLOUT, self.namespace, name)
            kind, target = ROLLOUT, rollout
            if requests.has_workload_ref(rollout):
                kind = requests.workload_kind(rollout)
                referred = text(rollout, "spec", "workloadRef", "name")
                target = yield Get(kind, self.namespace, referred)
            try:
                yield Send(requests.set_image(target, kind, container, image))
            except ConflictError:
                if attempt == ATTEMPTS - 1:
                    raise
            else:
                break
        yield Say(f'rollout "{name}" image updated\n')
        return 0

    # create

    def do_create(self) -> Part:
        files = self.flag("filename")
        if not files:
            yield Say("Usage:\n  kubectl argo rollouts create -f FILE\n", error=True)
            return 1
        if len(files) > 1 and self.flag("watch"):
            raise RuleError("Cannot watch multiple resources")
        made = None
        for path in files:
            obj = yield from self._manifest(path)
            kind = _creatable(obj)
            made = yield Send(requests.create(kind, self.namespace, obj))
            yield Say(f"{kind.kind.lower()}.{kind.group}/{name_of(made)} created\n")
        if not self.flag("watch"):
            return 0
        assert made is not None
        if made.get("kind") == "Rollout":
            return (yield from self._watch(lambda: self._rollout_text(name_of(made))))
        if made.get("kind") == "Experiment":
            return (yield from self._watch(lambda: self._experiment_text(name_of(made))))
        raise RuleError("Can only watch resources of type Rollout or Experiment")

    def _manifest(self, path: str) -> Part:
        source = yield ReadFile(path)
        found = yamldoc.load(source)
        if not isinstance(found, Mapping):
            raise RuleError("Object 'Kind' is missing")
        return found

    def do_create_analysisrun(self) -> Part:
        name, file = self.flag("from"), self.flag("from-file")
        if bool(name) == bool(file):
            raise RuleError("one of --from or --from-file must be specified")
        arguments = []
        for argument in self.flag("argument"):
            key, equals, value = argument.partition("=")
            if not equals:
                raise RuleError("arguments must be in the form NAME=VALUE")
            arguments.append((key, value))
        if file:
            template = yield from self._manifest(file)
        elif self.flag("global"):
            template = yield Get(CLUSTER_ANALYSIS_TEMPLATE, "", name)
        else:
            template = yield Get(ANALYSIS_TEMPLATE, self.namespace, name)
        made = yield Send(
            requests.analysis_run(
                template,
                self.namespace,
                arguments,
                name=self.flag("name"),
                generate_name=self.flag("generate-name"),
                instance_id=self.flag("instance-id"),
            )
        )
        yield Say(f"analysisrun.argoproj.io/{name_of(made)} created\n")
        return 0

    # reading

    def _named(self, kind: Kind, name: str) -> Part:
        """The plugin reads these from its cache, whose error names the singular."""
        try:
            return (yield Get(kind, self.namespace, name))
        except NotFoundError as absent:
            singular = f"{kind.kind.lower()}.{kind.group}"
            raise RuleError(f'{singular} "{name}" not found') from absent

    def _related(self) -> Part:
        sets = yield ListAll(REPLICA_SET, self.namespace)
        pods = yield ListAll(POD, self.namespace)
        experiments = yield ListAll(EXPERIMENT, self.namespace)
        runs = yield ListAll(ANALYSIS_RUN, self.namespace)
        return Related(sets, pods, experiments, runs)

    def _rollout_text(self, name: str) -> Part:
        rollout = yield from self._named(ROLLOUT, name)
        related = yield from self._related()
        return rollout_text(rollout_info(rollout, related), self.now(), color=self.color)

    def _experiment_text(self, name: str) -> Part:
        experiment = yield from self._named(EXPERIMENT, name)
        related = yield from self._related()
        return experiment_text(experiment_info(experiment, related), self.now(), color=self.color)

    def do_get_rollout(self) -> Part:
        return (yield from self._get(lambda: self._rollout_text(self.command.args[0])))

    def do_get_experiment(self) -> Part:
        return (yield from self._get(lambda: self._experiment_text(self.command.args[0])))

    def _get(self, shown: Callable[[], Part]) -> Part:
        if self.flag("watch"):
            return (yield from self._watch(shown))
        yield Say((yield from shown()))
        return 0

    def _watch(self, shown: Callable[[], Part]) -> Part:
        limit = int(self.flag("timeout-seconds") or 0)
        began = self.now()
        while True:
            yield Say((yield from shown()), clear=True)
            if limit and (self.now() - began).total_seconds() >= limit:
                return 0
            if (yield Wait(TICK)) is False:
                return 0

    def do_list_rollouts(self) -> Part:
        everywhere = bool(self.flag("all-namespaces"))
        where = "" if everywhere else self.namespace
        only = f"metadata.name={self.flag('name')}" if self.flag("name") else ""
        watching = bool(self.flag("watch"))
        found = yield ListAll(ROLLOUT, where, field_selector=only)
        if not found and not watching:
            yield Say("No resources found.\n", error=True)
            return 0
        stamp = format_instant(self.now()) if self.flag("timestamps") else ""
        yield Say(rollout_table(found, all_namespaces=everywhere, timestamp=stamp))
        seen = {(namespace_of(ro), name_of(ro)): rollout_row(ro) for ro in found}
        while watching and (yield Wait(TICK)) is not False:
            found = yield ListAll(ROLLOUT, where, field_selector=only)
            for ro in found:
                key, row = (namespace_of(ro), name_of(ro)), rollout_row(ro)
                if seen.get(key) != row:
                    seen[key] = row
                    stamp = format_instant(self.now()) if self.flag("timestamps") else ""
                    table = rollout_table([ro], all_namespaces=everywhere, timestamp=stamp)
                    yield Say(table.split("\n", 1)[1])
        return 0

    def do_list_experiments(self) -> Part:
        everywhere = bool(self.flag("all-namespaces"))
        found = yield ListAll(EXPERIMENT, "" if everywhere else self.namespace)
        if not found:
            yield Say("No resources found.\n", error=True)
            return 0
        yield Say(experiment_table(found, self.now(), all_namespaces=everywhere))
        return 0

    def do_status(self) -> Part:
        limit = parse_duration(str(self.flag("timeout") or "0"))
        name, began, last = self.command.args[0], self.now(), ""
        while True:
            rollout = yield from self._named(ROLLOUT, name)
            phase, message = observed(rollout)
            line = f"{phase} - {message}" if message else str(phase)
            if not self.flag("watch"):
                yield Say(f"{phase if str(phase) in ('Healthy', 'Degraded') else line}\n")
                return self._verdict(str(phase), message)
            shown = str(phase) if str(phase) in ("Healthy", "Degraded") else line
            if shown != last:
                yield Say(f"{shown}\n")
                last = shown
            if str(phase) in ("Healthy", "Degraded"):
                return self._verdict(str(phase), message)
            late = limit > 0 and (self.now() - began).total_seconds() >= limit
            if late or (yield Wait(min(TICK, limit) if limit > 0 else TICK)) is False:
                raise RuleError("Rollout status watch exceeded timeout")

    @staticmethod
    def _verdict(phase: str, message: str) -> int:
        if phase == "Degraded":
            raise RuleError(f"The rollout is in a degraded state with message: {message}")
        return 0

    def do_lint(self) -> Part:
        path = self.flag("filename")
        if not path:
            yield Say("Usage:\n  kubectl argo rollouts lint -f FILE\n", error=True)
            return 1
        source = yield ReadFile(path)
        found = list(self.linter(source)) if self.linter is not None else []
        for message in found:
            yield Say(f"{message.split(': ', 1)[-1]}\n")
        if found:
            raise RuleError(found[0])
        return 0

    def do_version(self) -> Part:
        yield Say(f"kubectl-argo-rollouts: {self.version_text}\n")
        return 0


def _creatable(obj: Object) -> Kind:
    for kind in (EXPERIMENT, ROLLOUT, ANALYSIS_TEMPLATE, CLUSTER_ANALYSIS_TEMPLATE, ANALYSIS_RUN):
        if text(obj, "apiVersion").partition("/")[0] == kind.group and obj.get("kind") == kind.kind:
            return kind
    group = text(obj, "apiVersion").rpartition("/")[0]
    raise RuleError(f"creates of {group}/{text(obj, 'kind')} unsupported")
