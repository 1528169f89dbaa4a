"""`sandbox serve`: reads its flags and the clock, prints where it serves, runs until a signal.

Separate from `sandbox.serve`, which does it.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Any

from opsconsole.aio.clock import SystemClock
from opsconsole.aio.endings import on_loop
from opsconsole.cli.options import Options, Parser
from opsconsole.cli.sandboxing import check_extra
from opsconsole.errors import RuleError, UsageError
from opsconsole.model.times import parse_duration


def sandbox(options: Options, words: list[str]) -> int:
    if words[1:2] != ["serve"]:
        raise UsageError("the only command is: sandbox serve", hint="see sandbox serve --help")
    parser = _parser()
    known = parser.parse_args(words[2:])
    check_extra()
    return asyncio.run(_serve(known, options))


def _parser() -> Parser:
    parser = Parser(prog="opsconsole sandbox serve", allow_abbrev=False)
    add = parser.add_argument
    add("--port", type=int, default=0, help="of the API server on 127.0.0.1; 0 chooses one")
    add("--kubeconfig-out", metavar="FILE", default="", help="write a kubeconfig for it")
    add("--serve-speed", dest="rate", type=float, default=None, help="same as --speed")
    add("--empty", action="store_true", help="only namespaces and the project default")
    add("--profile", choices=("realistic", "recorded"), default="realistic")
    add("--app-resync", default="180s", help="virtual time between two looks of Argo CD at git")
    add("--without", default="", help="controllers to leave out, with commas between them")
    add("--keep", metavar="DIR", default="", help="keep the state there")
    return parser


def _seconds(value: str) -> float:
    try:
        found = float(value) if value.replace(".", "", 1).isdigit() else parse_duration(value)
    except RuleError as fault:
        raise UsageError(f"--app-resync: {fault.message}") from fault
    if not 0 < found < 1e7:
        raise UsageError(f"--app-resync: {value} is not possible")
    return found


def _speed(known: Any, options: Options) -> float:
    """Wall-clock speed unless told otherwise: other clients measure in real time."""
    speed = options.pace(1.0) if known.rate is None else float(known.rate)
    if not speed >= 0:
        raise UsageError(f"a speed of {speed} is not possible")
    return speed


async def _serve(known: Any, options: Options) -> int:
    from opsconsole.sandbox.serve import ServeOptions, serve

    without = frozenset(part.strip() for part in known.without.split(",") if part.strip())
    serving = ServeOptions(
        port=known.port,
        kubeconfig_out=Path(known.kubeconfig_out) if known.kubeconfig_out else None,
        speed=_speed(known, options),
        seed=options.seed,
        start=SystemClock().now().replace(microsecond=0),
        profile=known.profile,
        without=without,
        keep=Path(known.keep) if known.keep else None,
        app_resync=_seconds(known.app_resync),
        metrics=lambda url: print(f"prometheus: {url}", file=sys.stderr, flush=True),
        webhook=lambda url: print(f"webhook: {url}", file=sys.stderr, flush=True),
        others=lambda name, url: print(f"cluster: {name} {url}", file=sys.stderr, flush=True),
    )
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    on_loop(loop, lambda _: stop.set())
    if known.empty:
        await serve(serving, ready=_ready(known.kubeconfig_out), stop=stop)
        return 0
    from opsconsole.sandbox.world.assembly import serve_world

    await serve_world(serving, ready=_ready(known.kubeconfig_out), stop=stop, git=_tell_git)
    return 0


def _tell_git(url: str, address: str) -> None:
    """On stderr: scripts read the addresses of the API on stdout."""
    print(f"git: --repo {url}={address}", file=sys.stderr, flush=True)


def _ready(kubeconfig: str) -> Any:
    def told(url: str) -> None:
        print(f"serving on {url}", flush=True)
        if kubeconfig:
            print(f"export KUBECONFIG={Path(kubeconfig).absolute()}", flush=True)

    return told
