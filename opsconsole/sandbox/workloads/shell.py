"""What a container's command does, as far as it can be known without running it.

Separate from the kubelet because it is a small language of its own: enough of `sh` to follow
`sleep 5 && exit 1`. Nothing is executed. Pure.
"""

from __future__ import annotations

import math
import re
import shlex
from dataclasses import dataclass, replace
from functools import lru_cache

SHELLS = frozenset({"sh", "bash", "ash", "dash", "zsh", "busybox"})

_INSTANT = frozenset((
    "true", ":", "echo", "printf", "cat", "ls", "env", "set", "date", "touch", "mkdir", "rm", "cp",
    "mv", "chmod", "chown", "cd", "pwd", "export", "test", "[", "hostname", "id", "uname", "which",
    "wc", "grep", "sed", "awk", "head", "sort", "ln", "umask", "unset", "local", "read",
))  # fmt: skip
_MISSING = re.compile(
    r"(^|[^a-z])(bad|missing|invalid|bogus|nope)([^a-z]|$)|no-?such|non-?exist|(does-?not|doesnt)-?exist"
    r"|not-?found"
)
_UNITS = {"s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_FOREVER = re.compile(
    r"\bwhile\s+(true|:|\[\s*1\s*\]|sleep\b)|\bfor\s*\(\(\s*;\s*;\s*\)\)|\buntil\s+false\b"
)
MAX_SCRIPT = 16_384


@dataclass(frozen=True, slots=True)
class Outcome:
    """`seconds` until it ends (inf for never) with `code`; None where the program is unknown.

    `missing` is the program that could not be started. `deaf`: it does not listen to SIGTERM
    (`sleep` as process 1), so only the grace period ends it.
    """

    seconds: float | None = None
    code: int = 0
    missing: str = ""
    deaf: bool = False
    exited: bool = False
    """The script said `exit`: what follows is not run."""


UNKNOWN = Outcome()


@lru_cache(maxsize=2048)
def outcome(argv: tuple[str, ...]) -> Outcome:
    """What the program `argv` does. An empty argv is the image's own program: unknown."""
    if not argv:
        return UNKNOWN
    name = argv[0].rsplit("/", 1)[-1]
    if name in SHELLS:
        return _shell(argv)
    if _MISSING.search(argv[0].lower()):
        return Outcome(0.0, 128, missing=argv[0])
    return replace(_simple(argv), exited=False)


def _shell(argv: tuple[str, ...]) -> Outcome:
    rest = list(argv[1:])
    if rest and rest[0] in SHELLS:
        rest = rest[1:]
    command = False
    while rest and rest[0].startswith(("-", "+")):
        command = command or "c" in rest[0].lstrip("-+")
        if rest.pop(0) == "--":
            break
    if not command or not rest:
        return UNKNOWN
    script = rest[0][:MAX_SCRIPT]
    found = replace(_script(script), exited=False)
    if "trap" in script:
        return replace(found, deaf=False)
    return found


def _script(script: str) -> Outcome:
    if _FOREVER.search(script):
        return Outcome(math.inf, deaf=True)
    try:
        lexer = shlex.shlex(script.replace("\n", " ; "), posix=True, punctuation_chars=";&|")
        lexer.whitespace_split = True
        words = list(lexer)
    except ValueError:
        return Outcome(0.0, 2)
    return _run(words)


def _run(words: list[str]) -> Outcome:
    """A list of simple commands joined by `;`, `&&`, `||`; pipes count as one command's end."""
    total, code, deaf, unknown = 0.0, 0, False, False
    joint, at = ";", 0
    while at < len(words):
        end = at
        while end < len(words) and words[end] not in (";", "&&", "||", "&", "|", ";;"):
            end += 1
        command = tuple(words[at:end])
        if command and not (joint == "&&" and code) and not (joint == "||" and not code):
            one = _command(command)
            if one.seconds is None:
                unknown, code = True, 0
            else:
                background = end < len(words) and words[end] == "&"
                total += 0.0 if background else one.seconds
                code, deaf = one.code, one.deaf
            if one.exited or math.isinf(total):
                return Outcome(total, code, deaf=deaf, exited=True)
        joint = words[end] if end < len(words) else ";"
        at = end + 1
    return UNKNOWN if unknown and total == 0 and code == 0 else Outcome(total, code, deaf=deaf)


def _command(words: tuple[str, ...]) -> Outcome:
    while words and (re.fullmatch(r"\w+=.*", words[0], re.DOTALL) or words[0] in ("exec", "time")):
        words = words[1:]
    if not words:
        return Outcome(0.0)
    name = words[0].rsplit("/", 1)[-1]
    if name == "exit":
        return Outcome(0.0, _number(words[1:2]), exited=True)
    if name in SHELLS:
        return _shell(words)
    if _MISSING.search(words[0].lower()):
        return Outcome(0.0, 127)
    return _simple(words)


def _simple(words: tuple[str, ...]) -> Outcome:
    name = words[0].rsplit("/", 1)[-1]
    if name == "sleep":
        seconds = [_seconds(word) for word in words[1:] if not word.startswith("-")]
        if not seconds or any(s is None for s in seconds):
            return Outcome(0.0, 1)
        return Outcome(sum(s for s in seconds if s is not None), deaf=True)
    if name == "exit":
        return Outcome(0.0, _number(words[1:2]))
    if name == "false":
        return Outcome(0.0, 1)
    if name == "timeout" and len(words) > 2:
        return _timeout(words[1:])
    if name == "tail" and any(w.startswith("-") and "f" in w.lower() for w in words[1:]):
        return Outcome(math.inf, deaf=True)
    if name in ("pause", "tini", "dumb-init"):
        return outcome(words[1:]) if len(words) > 1 else Outcome(math.inf)
    if name in _INSTANT:
        return Outcome(0.0)
    return UNKNOWN


def _timeout(words: tuple[str, ...]) -> Outcome:
    limit, inner = _seconds(words[0]), outcome(words[1:])
    if limit is None or inner.seconds is None or inner.seconds <= limit:
        return inner
    return Outcome(limit, 124)


def _seconds(word: str) -> float | None:
    if word in ("infinity", "inf"):
        return math.inf
    found = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)([smhd]?)", word)
    return float(found[1]) * _UNITS.get(found[2], 1.0) if found else None


def _number(words: tuple[str, ...]) -> int:
    return int(words[0]) % 256 if words and words[0].isdigit() and len(words[0]) < 9 else 0
