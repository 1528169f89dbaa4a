"""Flags that every command understands, wherever they stand, and what they mean.

Separate from the commands: this is the one place where environment variables, the home
directory and the locale are read.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from opsconsole.errors import KubeconfigError, UsageError
from opsconsole.settings import ClusterSettings, RepoSettings, Settings

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount/token")

SPEED = 20.0
"""× real time of the sandbox that the console starts."""


@dataclass(frozen=True, slots=True)
class Options:
    """`speed` is None where the command line names none: the console and a served sandbox differ in it."""

    kubeconfig: str = ""
    context: str = ""
    namespace: str = ""
    argocd_namespace: str = "argocd"
    server: str = ""
    sandbox: bool = False
    speed: float | None = None
    seed: int = 1
    state_dir: str = ""
    mouse: bool = True
    ascii_only: bool = False
    timeout: float = 15.0
    repos: tuple[tuple[str, str], ...] = ()
    """(URL prefix, replacement) pairs: where git is really reached."""

    def pace(self, otherwise: float = SPEED) -> float:
        """× real time, in the sandbox."""
        return otherwise if self.speed is None else self.speed


class Parser(argparse.ArgumentParser):
    """An ArgumentParser that raises our errors instead of leaving the program."""

    def error(self, message: str) -> None:  # type: ignore[override]
        raise UsageError(message, hint=f"see {self.prog} --help")


def common_parser() -> Parser:
    parser = Parser(prog="opsconsole", add_help=False, allow_abbrev=False)
    add = parser.add_argument_group("where to connect, and how to show it").add_argument
    add(
        "--kubeconfig", metavar="FILE", default="", help="instead of $KUBECONFIG and ~/.kube/config"
    )
    add("--context", metavar="NAME", default="", help="a context of the kubeconfig")
    add("-n", "--namespace", metavar="NS", default="", help="only look here")
    add("--argocd-namespace", metavar="NS", default="argocd", help="where Argo CD lives")
    add("--server", metavar="URL", default="", help="an API server without credentials")
    add("--sandbox", action="store_true", help="a simulated cluster inside this program")
    add("--speed", metavar="N", type=float, default=None, help="× real time, in the sandbox")
    add("--seed", metavar="N", type=int, default=1, help="of the sandbox's randomness")
    add("--state-dir", metavar="DIR", default="", help="where the journal is kept")
    add("--request-timeout", metavar="S", type=float, default=15.0, help="seconds for one request")
    add(
        "--repo",
        metavar="FROM=TO",
        action="append",
        default=[],
        help="reach repositories under the URL FROM at TO (repeatable)",
    )
    add("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    add("--ascii", action="store_true", help="draw with ASCII only")
    return parser


def split(argv: Sequence[str]) -> tuple[Options, list[str]]:
    """(common options, everything else in order). UsageError for a bad value."""
    before, dashes, after = _at_dashes(list(argv))
    known, rest = common_parser().parse_known_args(before)
    if known.speed is not None and not known.speed >= 0:
        raise UsageError(f"a speed of {known.speed} is not possible")
    if not 0 < known.request_timeout <= 3600:
        raise UsageError("--request-timeout is a number of seconds, at most 3600")
    options = Options(
        kubeconfig=known.kubeconfig,
        context=known.context,
        namespace=known.namespace,
        argocd_namespace=known.argocd_namespace,
        server=known.server,
        sandbox=known.sandbox,
        speed=known.speed,
        seed=known.seed,
        state_dir=known.state_dir,
        mouse=not known.no_mouse,
        ascii_only=known.ascii,
        timeout=known.request_timeout,
        repos=tuple(_replacement(word) for word in known.repo),
    )
    if options.sandbox and (options.kubeconfig or options.context or options.server):
        raise UsageError("--sandbox and a cluster cannot both be meant")
    return options, [*rest, *dashes, *after]


def _replacement(word: str) -> tuple[str, str]:
    """The pair in FROM=TO. A URL may hold a password, so the message does not repeat it."""
    before, _, after = word.partition("=")
    if not before or not after:
        raise UsageError(
            "--repo takes FROM=TO, two URLs or the beginnings of URLs",
            hint="e.g. --repo https://github.com/org/=https://mirror.example/org/",
        )
    return before, after


def _at_dashes(argv: list[str]) -> tuple[list[str], list[str], list[str]]:
    if "--" not in argv:
        return argv, [], []
    at = argv.index("--")
    return argv[:at], ["--"], argv[at + 1 :]


def settings_of(options: Options, environment: Mapping[str, str] | None = None) -> Settings | None:
    """Where to connect: flags, kubeconfig, in-cluster; None means the sandbox.

    A kubeconfig that is named but absent is an error: it was meant.
    """
    env = os.environ if environment is None else environment
    base = _base(options, env)
    if options.sandbox:
        return None
    if options.server:
        return _with(base, server=options.server)
    if options.kubeconfig:
        path = Path(options.kubeconfig)
        if not path.exists():
            raise KubeconfigError(f"there is no kubeconfig {path}")
        return _with(base, kubeconfig=(path,))
    named = tuple(Path(part) for part in env.get("KUBECONFIG", "").split(os.pathsep) if part)
    if named:
        if not any(path.exists() for path in named):
            raise KubeconfigError(
                f"KUBECONFIG names {', '.join(map(str, named))}, which does not exist",
                hint="unset it, or run with --sandbox",
            )
        return _with(base, kubeconfig=named)
    usual = _home(env) / ".kube" / "config"
    if usual.exists():
        return _with(base, kubeconfig=(usual,))
    if options.context:
        raise KubeconfigError(f"there is no kubeconfig to find the context {options.context!r} in")
    if env.get("KUBERNETES_SERVICE_HOST") and SERVICE_ACCOUNT.exists():
        return base
    return None


def sandbox_settings(options: Options, environment: Mapping[str, str] | None = None) -> Settings:
    """Settings of the console on the sandbox; the server's address is known later."""
    env = os.environ if environment is None else environment
    return replace(_base(options, env), repos=RepoSettings(replacements=options.repos))


def _with(base: Settings, **cluster: object) -> Settings:
    return replace(base, cluster=replace(base.cluster, **cluster))  # type: ignore[arg-type]


def _home(env: Mapping[str, str]) -> Path:
    return Path(env["HOME"]) if env.get("HOME") else Path.home()


def _base(options: Options, env: Mapping[str, str]) -> Settings:
    home = _home(env)
    state = env.get("XDG_STATE_HOME") or str(home / ".local" / "state")
    cache = env.get("XDG_CACHE_HOME") or str(home / ".cache")
    return Settings(
        cluster=ClusterSettings(
            context=options.context,
            namespace=options.namespace,
            argocd_namespace=options.argocd_namespace,
            request_timeout=options.timeout,
        ),
        repos=RepoSettings(cache_dir=Path(cache, "opsconsole", "git"), replacements=options.repos),
        state_dir=Path(options.state_dir) if options.state_dir else Path(state, "opsconsole"),
        user=env.get("USER") or env.get("LOGNAME") or "opsconsole",
        frame_interval=0.25 if env.get("SSH_CONNECTION") else 0.1,
        ascii_only=options.ascii_only or not _speaks_utf8(env),
        ansi_colors=_few_colours(env),
        mouse=options.mouse,
    )


def _speaks_utf8(env: Mapping[str, str]) -> bool:
    """What the locale's name says, as the terminal was told; without one, what Python writes.

    Python writes UTF-8 in the C locale too, and a locale may be named without being installed.
    """
    named = next((env[name] for name in ("LC_ALL", "LC_CTYPE", "LANG") if env.get(name)), "")
    encoding = named.partition(".")[2].partition("@")[0] if named else ""
    if not named:
        encoding = getattr(sys.stdout, "encoding", "") or ""
    return encoding.lower().replace("-", "") == "utf8"


def _few_colours(env: Mapping[str, str]) -> bool:
    """NO_COLOR, or a terminal with 16 colours: follow the terminal's own palette."""
    if env.get("NO_COLOR"):
        return True
    if env.get("COLORTERM", "").lower() in ("truecolor", "24bit"):
        return False
    term = env.get("TERM", "")
    return not ("256" in term or "kitty" in term or "direct" in term or "alacritty" in term)
