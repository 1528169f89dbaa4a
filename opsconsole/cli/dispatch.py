"""From words to a command: one table of commands, one place where errors become exit codes.

Separate from the commands, which are imported only when they run.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Sequence

from opsconsole.aio.endings import unwinding
from opsconsole.cli.options import Options, common_parser, split
from opsconsole.errors import OpsError, UsageError

Command = Callable[[Options, list[str]], int]

INTERRUPTED = 130


def _console(options: Options, words: list[str]) -> int:
    from opsconsole.cli.console import start

    return start(options, words)


def _plugin(options: Options, words: list[str]) -> int:
    from opsconsole.cli.plugin import run_plugin

    return run_plugin(options, words)


def _apps(options: Options, words: list[str]) -> int:
    from opsconsole.cli.reports import apps

    return apps(options, words)


def _snapshot(options: Options, words: list[str]) -> int:
    from opsconsole.cli.reports import snapshot

    return snapshot(options, words)


def _act(options: Options, words: list[str]) -> int:
    from opsconsole.cli.acting import act

    return act(options, words)


def _terminate(options: Options, words: list[str]) -> int:
    runs = ("analysisrun", "ar", "analysisruns", "experiment", "exp", "experiments")
    return (_plugin if len(words) > 1 and words[1] in runs else _act)(options, words)


def _sandbox(options: Options, words: list[str]) -> int:
    from opsconsole.cli.serving import sandbox

    return sandbox(options, words)


def _rehearse(options: Options, words: list[str]) -> int:
    from opsconsole.cli.rehearsing import rehearse

    return rehearse(options, words)


def _lint(options: Options, words: list[str]) -> int:
    from opsconsole.cli.linting import lint

    return lint(options, words)


def _seal(options: Options, words: list[str]) -> int:
    from opsconsole.cli.sealing import seal

    return seal(options, words)


def _notifications(options: Options, words: list[str]) -> int:
    from opsconsole.cli.notifying import notifications

    return notifications(options, words)


COMMANDS: dict[str, tuple[Command, str]] = {
    "apps": (_apps, "the applications, as text or JSON"),
    "snapshot": (_snapshot, "what the console would show, as text"),
    "sync": (_act, "apply the desired revision of an application"),
    "refresh": (_act, "ask Argo CD to compare with git now"),
    "terminate": (_terminate, "stop a running sync, analysis run or experiment"),
    "revert": (_act, "git revert of a commit of an application, and push"),
    "get": (_plugin, "a rollout or experiment as a tree (get rollout NAME [-w])"),
    "list": (_plugin, "rollouts or experiments"),
    "status": (_plugin, "wait until a rollout is healthy or degraded"),
    "promote": (_plugin, "end the pause, or go to the next step (--full: skip all)"),
    "abort": (_plugin, "send all traffic back to the stable revision"),
    "retry": (_plugin, "start an aborted update again (retry rollout NAME)"),
    "undo": (_plugin, "put the template of an earlier revision back"),
    "pause": (_plugin, "hold a rollout where it is"),
    "restart": (_plugin, "replace the pods, a few at a time"),
    "set": (_plugin, "set image NAME CONTAINER=IMAGE"),
    "create": (_plugin, "create Rollouts, Experiments, templates or runs from a file"),
    "lint": (_lint, "what the controllers would refuse in manifests, before the push"),
    "seal": (_seal, "a SealedSecret of a Secret, for git"),
    "notifications": (_notifications, "test: what a template or trigger makes of an application"),
    "sandbox": (_sandbox, "sandbox serve: a simulated cluster for other clients"),
    "rehearse": (_rehearse, "play a scenario in the sandbox as fast as possible"),
    "version": (lambda *_: 0, "the version"),
}


def usage() -> str:
    lines = [
        "usage: opsconsole [options]                 the console",
        "       opsconsole [options] COMMAND ...",
        "",
        "commands:",
        *(f"  {name:<13} {told}" for name, (_, told) in COMMANDS.items()),
        "",
    ]
    flags = common_parser().format_help().partition("where to connect")
    return "\n".join(lines) + "\n" + flags[1] + flags[2] + "  --version             and leave\n"


def run(words: Sequence[str]) -> int:
    """Run it; errors are printed as `error: …` with a hint, never as a traceback."""
    quiet()
    try:
        with unwinding():
            return _run(list(words))
    except OpsError as fault:
        complain(fault)
        return fault.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        # whoever read our output has gone; keep the interpreter from complaining at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as fault:
        if os.environ.get("OPSCONSOLE_TRACEBACK"):
            raise
        complain(unexpected(fault))
        return 1


def unexpected(fault: Exception) -> OpsError:
    """A fault of our own, as a sentence: its text may hold anything, so only its kind is told."""
    return OpsError(
        f"opsconsole met something that it did not expect ({type(fault).__name__})",
        hint="please report it, with what OPSCONSOLE_TRACEBACK=1 in the environment prints",
    )


def quiet() -> None:
    """No log line of a library may reach the terminal: what matters is an error or an incident."""
    import logging

    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(logging.NullHandler())


def complain(fault: OpsError) -> None:
    print(f"error: {fault.message}", file=sys.stderr)
    if fault.hint:
        print(f"hint: {fault.hint}", file=sys.stderr)


def _run(words: list[str]) -> int:
    if words and words[0] in ("-h", "--help", "help"):
        print(usage(), end="")
        return 0
    options, rest = split(words)
    if not rest:
        return _console(options, rest)
    if rest[0] in ("-h", "--help"):
        print(usage(), end="")
        return 0
    found = COMMANDS.get(rest[0])
    if found is None:
        what = "option" if rest[0].startswith("-") else "command"
        raise UsageError(f"there is no {what} {rest[0]!r}", hint="see opsconsole --help")
    return found[0](options, rest)
