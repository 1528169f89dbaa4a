"""Running git: one guarded way, through GitPython, with errors that say what to do.

Separate so that the guards stand in one place: no prompt, no hooks, no helper programs that a
repository names, only protocols that cannot run commands, and a time limit. The user's own
configuration stays in force: it holds the credentials.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opsconsole.errors import RepoError, bounded

PROTOCOLS = "file:git:http:https:ssh"

GUARDS: tuple[str, ...] = tuple(
    part
    for setting in (
        "core.hooksPath=/dev/null",
        "core.askPass=",
        "core.fsmonitor=false",
        "core.quotePath=false",
        "protocol.ext.allow=never",
        "safe.directory=*",
        "submodule.recurse=false",
        "gc.auto=0",
        "maintenance.auto=false",
        "commit.gpgSign=false",
        "init.defaultBranch=main",
    )
    for part in ("-c", setting)
)

ENVIRONMENT: Mapping[str, str] = {
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_ASKPASS": "",
    "SSH_ASKPASS": "",
    "SSH_ASKPASS_REQUIRE": "never",
    "GIT_SSH_COMMAND": "ssh -oBatchMode=yes",
    "GIT_ALLOW_PROTOCOL": PROTOCOLS,
    "GIT_OPTIONAL_LOCKS": "0",
    "GIT_EDITOR": ":",
    "GIT_LFS_SKIP_SMUDGE": "1",
    "LC_ALL": "C",
}

MAX_OUTPUT = 64 * 1024 * 1024
"""Bytes of one answer that are kept."""


class RepoFault(RepoError):  # noqa: N818 - the tree of errors says Error; this one adds the reason
    """Git refused. `reason` is a word for programs; `said` what git itself said, bounded.

    Reasons: missing-git, gone, denied, unreachable, timeout, no-ref, empty, rejected,
    conflict, too-large, failed.
    """

    def __init__(self, message: str, *, reason: str, hint: str = "", said: str = "") -> None:
        super().__init__(message, hint=hint)
        self.reason = reason
        self.said = said


def redacted(url: str) -> str:
    """The URL without user name and password."""
    return re.sub(r"(?<=://)[^/@]+@", "", url)


def open_git(folder: Path | None) -> Any:
    """A GitPython command object for the folder. Raises RepoFault when git is not installed."""
    try:
        import git
    except ImportError as missing:
        raise RepoFault(
            "git cannot be used", reason="missing-git", hint="install git, at least version 2.38"
        ) from missing
    command = git.Git(str(folder) if folder else None)
    command.update_environment(**ENVIRONMENT)
    return command


def run(
    folder: Path | None,
    arguments: Sequence[str],
    *,
    timeout: float = 60.0,
    environment: Mapping[str, str] | None = None,
    data: bytes | None = None,
    about: str = "",
    accept: tuple[int, ...] = (0,),
) -> bytes:
    """Standard output of one git command.

    `timeout` in seconds. `about` is what the command is for, for the message of a failure;
    exit statuses in `accept` are answers.
    """
    command = open_git(folder)
    stdin = None
    if data is not None:
        import tempfile

        stdin = tempfile.TemporaryFile()  # noqa: SIM115 - closed below
        stdin.write(data)
        stdin.seek(0)
    try:
        status, out, err = command.execute(
            ["git", *GUARDS, *arguments],
            istream=stdin,
            with_extended_output=True,
            with_exceptions=False,
            stdout_as_string=False,
            strip_newline_in_stdout=False,
            kill_after_timeout=timeout,
            env=dict(environment or {}),
        )
    except OSError as fault:
        raise RepoFault(
            "git cannot be run", reason="missing-git", hint="install git, at least version 2.38"
        ) from fault
    finally:
        if stdin is not None:
            stdin.close()
    if status not in accept:
        raise translate(status, bytes(out), err, about or f"git {arguments[0]}", timeout)
    if len(out) > MAX_OUTPUT:
        raise RepoFault(f"{about or arguments[0]}: the answer is too large", reason="too-large")
    return bytes(out)


_DENIED = (
    r"Authentication failed|could not read (Username|Password)|Permission denied \(publickey"
    r"|terminal prompts disabled|HTTP 40[13]|requested URL returned error: 40[13]"
)
_GONE = (
    r"[Rr]epository .*not found|not a git repository|does not appear to be a git|does not exist"
    r"|No such file or directory|HTTP 404|requested URL returned error: 404"
)
_UNREACHABLE = (
    r"Could not resolve host|Connection refused|Failed to connect|timed out"
    r"|Could not read from remote|unable to connect|Network is unreachable|early EOF|RPC failed"
)
_KNOWN: tuple[tuple[str, str, str, str], ...] = (
    (
        _DENIED,
        "denied", "the repository needs a login that git does not have",
        "configure a credential helper or an SSH key for git itself; opsconsole asks for no password",
    ),
    (
        _GONE,
        "gone", "there is no repository at this address", "check repoURL, and whether it was moved",
    ),
    (
        _UNREACHABLE,
        "unreachable", "the repository's server does not answer", "check the network and try again",
    ),
    (
        r"non-fast-forward|fetch first|\[rejected\]|\[remote rejected\]|failed to push some refs|cannot lock ref",
        "rejected", "the push was refused: the branch has moved or is protected",
        "fetch, look at what is new, and try again",
    ),
    (
        r"couldn't find remote ref|unknown revision|bad revision|Needed a single revision|Not a valid object name|bad object",
        "no-ref", "there is no such revision", "the branch may have been deleted or force-pushed",
    ),
    (r"CONFLICT|could not revert|after resolving the conflicts|would be overwritten",
        "conflict", "the change does not apply without conflicts", "resolve it by hand in a clone"),
    (r"protocol '.*' (is )?not supported|transport '.*' not allowed",
        "denied", "this kind of repository address is not allowed", f"use one of {PROTOCOLS}"),
)  # fmt: skip


def translate(status: int, out: bytes, err: object, about: str, timeout: float) -> RepoFault:
    """What a failed command means, from what git said (LC_ALL=C)."""
    raw = err.decode("utf-8", "replace") if isinstance(err, bytes) else str(err or "")
    raw = redacted(raw + out[:4096].decode("utf-8", "replace"))
    if "Timeout: the command" in raw or status in (-15, -9):
        return RepoFault(
            f"{about}: no answer within {timeout:g} s",
            reason="timeout",
            hint="check the network and try again",
        )
    said = bounded(_telling(raw))
    for pattern, reason, message, hint in _KNOWN:
        if re.search(pattern, raw):
            return RepoFault(f"{about}: {message}", reason=reason, hint=hint, said=said)
    return RepoFault(f"{about}: {said or f'git ended with {status}'}", reason="failed", said=said)


def _telling(raw: str) -> str:
    lines = [line.strip() for line in raw.splitlines() if line.strip()]
    telling = [line for line in lines if re.match(r"(fatal|error|CONFLICT|!|remote: error)", line)]
    return "; ".join(telling or lines)
