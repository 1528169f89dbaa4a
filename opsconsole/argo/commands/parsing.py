"""The plugin's command lines: names, aliases, flags, and what they mean.

One table of commands, read by `parse`; separate from what the commands do (`programs`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.errors import UsageError


@dataclass(frozen=True, slots=True)
class Flag:
    """`kind` is bool, str, int or list (may be repeated)."""

    name: str
    kind: type = bool
    short: str = ""
    default: Any = None
    deprecated: str = ""


@dataclass(frozen=True, slots=True)
class Spec:
    words: tuple[str, ...]
    use: str
    least: int
    most: int | None
    flags: tuple[Flag, ...] = ()
    aliases: tuple[str, ...] = ()
    """Other spellings of the last word."""


@dataclass(frozen=True, slots=True)
class Command:
    """One parsed command line. `namespace` is empty for the caller's own."""

    words: tuple[str, ...]
    args: tuple[str, ...]
    flags: Mapping[str, Any] = field(default_factory=dict)
    namespace: str = ""
    notices: tuple[str, ...] = ()
    """Deprecated flags, said on standard error before anything else."""

    @property
    def name(self) -> str:
        return " ".join(self.words)


_WATCH = Flag("watch", short="w", default=False)
_PLAIN = Flag("no-color", default=False)
_WIDE = Flag("output", str, "o", "")
_ALL = Flag("all-namespaces", short="A", default=False)
_ROLLOUT = ("ro", "rollouts")

SPECS: tuple[Spec, ...] = (
    Spec(("pause",), "pause ROLLOUT_NAME", 1, None),
    Spec(("abort",), "abort ROLLOUT_NAME", 1, None),
    Spec(("retry", "rollout"), "retry rollout ROLLOUT_NAME", 1, None, (), _ROLLOUT),
    Spec(("retry", "experiment"), "retry experiment EXPERIMENT_NAME", 1, None, (), ("exp", "experiments")),
    Spec(("restart",), "restart ROLLOUT", 1, 1, (Flag("in", str, "i", ""),)),
    Spec(("terminate", "analysisrun"), "terminate analysisrun ANALYSISRUN_NAME", 1, None, (), ("ar", "analysisruns")),
    Spec(("terminate", "experiment"), "terminate experiment EXPERIMENT_NAME", 1, None, (), ("exp", "experiments")),
    Spec(("promote",), "promote ROLLOUT_NAME", 1, 1, (
        Flag("skip-current-step", short="c", default=False,
             deprecated="use without the flag instead ex: promote ROLLOUT_NAME"),
        Flag("skip-all-steps", short="a", default=False, deprecated="use --full instead"),
        Flag("full", default=False),
    )),
    Spec(("undo",), "undo ROLLOUT_NAME", 1, 1, (Flag("to-revision", int, "", 0),)),
    Spec(("set", "image"), "set image ROLLOUT_NAME CONTAINER=IMAGE", 2, 2),
    Spec(("create", "analysisrun"), "create analysisrun", 0, 0, (
        Flag("name", str, "", ""), Flag("generate-name", str, "", ""), Flag("instance-id", str, "", ""),
        Flag("argument", list, "a", ()), Flag("from", str, "", ""), Flag("from-file", str, "", ""),
        Flag("global", default=False),
    ), ("ar", "analysisruns")),
    Spec(("create",), "create", 0, 0, (Flag("filename", list, "f", ()), _WATCH, _PLAIN)),
    Spec(("get", "rollout"), "get rollout ROLLOUT_NAME", 1, 1,
         (_WATCH, _PLAIN, Flag("timeout-seconds", int, "", 0), _WIDE), _ROLLOUT),
    Spec(("get", "experiment"), "get experiment EXPERIMENT_NAME", 1, 1,
         (_WATCH, _PLAIN, Flag("timeout-seconds", int, "", 0), _WIDE), ("exp", "experiments")),
    Spec(("list", "rollouts"), "list rollouts", 0, 0,
         (_ALL, _WATCH, Flag("name", str, "", ""), Flag("timestamps", default=False), _WIDE), ("ro", "rollout")),
    Spec(("list", "experiments"), "list experiments", 0, 0, (_ALL, _WIDE), ("exp", "experiment")),
    Spec(("status",), "status ROLLOUT_NAME", 1, 1,
         (Flag("watch", short="w", default=True), Flag("timeout", str, "t", "0"))),
    Spec(("lint",), "lint", 0, 0, (Flag("filename", str, "f", ""),)),
    Spec(("version",), "version", 0, 0, (Flag("short", default=False),)),
)  # fmt: skip

GLOBAL = (
    Flag("namespace", str, "n", ""), Flag("context", str, "", ""), Flag("kubeconfig", str, "", ""),
    Flag("cluster", str, "", ""), Flag("server", str, "s", ""), Flag("user", str, "", ""),
    Flag("token", str, "", ""), Flag("as", str, "", ""), Flag("request-timeout", str, "", ""),
    Flag("loglevel", str, "", ""), Flag("kloglevel", int, "v", 0),
    Flag("insecure-skip-tls-verify", default=False),
)  # fmt: skip
"""Flags of every command; where to connect is the command line's own business."""


def usage(spec: Spec) -> str:
    """What is printed for wrong arguments."""
    lines = [f"Usage:\n  kubectl argo rollouts {spec.use} [flags]\n"]
    if spec.aliases:
        lines.append(f"Aliases:\n  {', '.join((spec.words[-1], *spec.aliases))}\n")
    if spec.flags:
        shown = [f"  {f'-{f.short}, ' if f.short else '    '}--{f.name}" for f in spec.flags]
        lines.append("Flags:\n" + "\n".join(shown) + "\n")
    return "\n".join(lines)


def parse(argv: Sequence[str]) -> Command:
    """The words after `kubectl argo rollouts`. UsageError with the text to print (exit status 1)."""
    plain, leading = _leading_flags(list(argv))
    spec, rest = _spec_of(plain)
    flags, args, notices = _flags(spec, [*leading, *rest])
    if len(args) < spec.least or (spec.most is not None and len(args) > spec.most):
        raise UsageError(usage(spec))
    namespace = str(flags.pop("namespace", "") or "")
    return Command(spec.words, tuple(args), flags, namespace, tuple(notices))


def _leading_flags(argv: list[str]) -> tuple[list[str], list[str]]:
    """Global flags may stand before the command."""
    leading: list[str] = []
    while argv and argv[0].startswith("-"):
        leading.append(argv.pop(0))
        flag = _known(leading[-1].split("=", 1)[0], GLOBAL)
        if flag is not None and flag.kind is not bool and "=" not in leading[-1] and argv:
            leading.append(argv.pop(0))
    return argv, leading


def _spec_of(argv: list[str]) -> tuple[Spec, list[str]]:
    for spec in sorted(SPECS, key=lambda s: -len(s.words)):
        count = len(spec.words)
        if len(argv) < count or tuple(argv[: count - 1]) != spec.words[:-1]:
            continue
        if argv[count - 1] in (spec.words[-1], *spec.aliases):
            return spec, argv[count:]
    word = argv[0] if argv else ""
    groups = {spec.words[0] for spec in SPECS if len(spec.words) > 1}
    if word in groups:
        below = [s.use for s in SPECS if s.words[0] == word]
        listed = "\n".join(f"  kubectl argo rollouts {use}" for use in below)
        raise UsageError(f"Usage:\n{listed}\n")
    if not word:
        listed = "\n".join(f"  kubectl argo rollouts {spec.use}" for spec in SPECS)
        raise UsageError(f"Usage:\n{listed}\n")
    raise UsageError(f'Error: unknown command "{word}" for "kubectl-argo-rollouts"\n')


def _known(written: str, flags: Sequence[Flag]) -> Flag | None:
    for flag in flags:
        if written == f"--{flag.name}" or (flag.short and written == f"-{flag.short}"):
            return flag
    return None


def _flags(spec: Spec, words: list[str]) -> tuple[dict[str, Any], list[str], list[str]]:
    known = (*spec.flags, *GLOBAL)
    values: dict[str, Any] = {flag.name: flag.default for flag in known}
    args: list[str] = []
    notices: list[str] = []
    while words:
        word = words.pop(0)
        if word == "--":
            args += words
            break
        if not word.startswith("-") or word == "-":
            args.append(word)
            continue
        written, equals, value = word.partition("=")
        flag = _known(written, known)
        if flag is None and not written.startswith("--") and len(written) > 2:
            flag, value, equals = _known(written[:2], known), written[2:], "="
        if flag is None:
            raise UsageError(_unknown(written))
        if flag.deprecated:
            notices.append(f"Flag --{flag.name} has been deprecated, {flag.deprecated}\n")
        values[flag.name] = _value(flag, value if equals else None, words, values[flag.name])
    return values, args, notices


def _unknown(written: str) -> str:
    if written.startswith("--"):
        return f"Error: unknown flag: {written}\n"
    return f"Error: unknown shorthand flag: {written[1:2]!r} in {written}\n"


def _value(flag: Flag, value: str | None, words: list[str], before: Any) -> Any:
    if flag.kind is bool:
        if value is None or value in ("true", "1", "t", "T", "TRUE", "True"):
            return True
        if value in ("false", "0", "f", "F", "FALSE", "False"):
            return False
        raise UsageError(
            f'Error: invalid argument "{value}" for "--{flag.name}" flag: strconv.ParseBool:'
            f' parsing "{value}": invalid syntax\n'
        )
    if value is None:
        if not words:
            raise UsageError(f"Error: flag needs an argument: --{flag.name}\n")
        value = words.pop(0)
    if flag.kind is list:
        return (*(before or ()), value)
    if flag.kind is int:
        try:
            return int(value)
        except ValueError:
            raise UsageError(
                f'Error: invalid argument "{value}" for "--{flag.name}" flag: strconv.ParseInt:'
                f' parsing "{value}": invalid syntax\n'
            ) from None
    return value
