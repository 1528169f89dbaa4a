"""What a container does: the one table of the simulated kubelet.

A container's behaviour follows from its spec, read in this order (annotations are those of the
pod, so they are written into the template of a Rollout, Deployment or Job):

| what | rule |
|---|---|
| image that is no valid reference (`My App:v1`, empty) | `InvalidImageName`, for good |
| tag with a word of `broken missing error invalid notfound unpullable`, name or tag with `does-not-exist`, `doesnt-exist`, `non-existent`, `no-such`, `not-found` | `ErrImagePull`, then `ImagePullBackOff` (10 s, doubled, at most 5 min) |
| annotation `sandbox.opsconsole/image: missing` | the same |
| `command` whose program's name has a word `bad missing invalid bogus nope` or a phrase as above | `RunContainerError`, exit code 128 `StartError` |
| annotation `sandbox.opsconsole/crash-after: 90s` (and `…/exit-code: "3"`, default 1) | runs that long, then ends with that code |
| annotation `sandbox.opsconsole/oom-after: 90s`, tag with a word `oom` (20 s) | `OOMKilled`, exit code 137 |
| tag with a word of `crash crashes crashing crashloop panic` | ends with code 1 after 2 s |
| annotation `test/job: fail`, tag with a word of `fail fails failing`; restartPolicy not Always | ends with code 1 after `job-seconds` |
| `command`/`args`: `sleep N`, `exit N`, `true`, `false`, `sh -c "sleep N && exit M"`, `while true` … | what they say |
| anything else, restartPolicy Always | runs for good |
| anything else, restartPolicy Never or OnFailure (a Job) | ends with code 0 after `sandbox.opsconsole/job-seconds` (default 2) |
| `lifecycle.postStart` exec | delays the start by what its command takes |
| `lifecycle.preStop` exec or sleep | delays the stop, within the grace period |
| SIGTERM | ends a program within a second; `sleep` and loops do not listen: the grace period ends them |
| annotation `test/ready: never` or `sandbox.opsconsole/ready: never`, tag with a word of `unready neverready hang` | never Ready; probes fail |
| annotation `sandbox.opsconsole/ready-after: 30s` | probes fail until then (without a probe: not Ready until then) |
| `startupProbe`, `readinessProbe`, `livenessProbe` with `exec` | what the command says (exit code, longer than `timeoutSeconds`) |
| the same with `httpGet`, `tcpSocket`, `grpc` | they succeed, unless a rule above makes them fail |
| exit, restartPolicy Always, or OnFailure and code not 0 | restarted: at once, then after 10 s, 20 s … 5 min (`CrashLoopBackOff`); ten quiet minutes reset it |

Separate from the state machine (`life`) so that the table can be read, and extended, alone. Pure.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from opsconsole.errors import RuleError
from opsconsole.model.objects import items, mapping, number, text
from opsconsole.model.times import parse_duration
from opsconsole.sandbox.workloads.shell import Outcome, outcome

PREFIX = "sandbox.opsconsole/"

_TAG_UNPULLABLE = frozenset({"broken", "missing", "error", "invalid", "notfound", "unpullable"})
_TAG_CRASH = frozenset({"crash", "crashes", "crashing", "crashloop", "panic"})
_TAG_FAIL = frozenset({"fail", "fails", "failing"})
_TAG_UNREADY = frozenset({"unready", "neverready", "hang"})
_ABSENT = re.compile(r"(does-?not|doesnt)-?exist|non-?existent|no-?such|not-?found")
_REFERENCE = re.compile(
    r"(?:(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\[[0-9a-fA-F:]+\])(?::\d+)?/)?"
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::[\w][\w.-]{0,127})?(?:@[A-Za-z][\w.+-]*:[0-9a-fA-F]{32,})?"
)


def image_tag(image: str) -> str:
    """The tag of an image reference, or "" (also for a digest alone)."""
    last = image.rsplit("/", 1)[-1].split("@", 1)[0]
    return last.partition(":")[2]


@lru_cache(maxsize=2048)
def tag_words(image: str) -> frozenset[str]:
    """The lower-case words of a tag: `v2-slow.1` → v, slow."""
    return frozenset(re.findall(r"[a-z]+", image_tag(image).lower()))


@dataclass(frozen=True, slots=True)
class Program:
    """One container's behaviour; times in seconds, inf for never."""

    image: str
    image_fault: str = ""
    """InvalidImageName, ErrImagePull or "" """

    missing: str = ""
    """The program that does not exist."""

    runs: float = math.inf
    code: int = 0
    oom: bool = False
    deaf: bool = False
    """It does not end on SIGTERM."""

    before: float = 0.0
    """postStart."""

    after: float = 0.0
    """preStop."""

    answers_after: float = 0.0
    """Seconds after its start until network probes succeed."""

    live: bool = True
    """False: liveness and startup probes fail."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A probe's timing and when it first succeeds, seconds after the container's start.

    `first_success` is inf for one that never does. `period` and thresholds with their defaults.
    """

    first_success: float
    initial: float
    period: float
    success_threshold: int
    failure_threshold: int
    message: str

    @property
    def passed_at(self) -> float:
        """Seconds after the start until the success threshold is reached."""
        return self.first_success + (self.success_threshold - 1) * self.period

    @property
    def failed_at(self) -> float:
        """Seconds after the start until the failure threshold is reached, if it never succeeds."""
        return self.initial + (self.failure_threshold - 1) * self.period


def program(container: Mapping[str, Any], annotations: Mapping[str, Any], policy: str) -> Program:
    """The behaviour of a container under a pod's annotations and restartPolicy."""
    image = text(container, "image")
    argv = tuple(str(word) for word in items(container, "command") + items(container, "args"))
    own_program = bool(items(container, "command"))
    notes = tuple(
        sorted((str(k), str(v)) for k, v in annotations.items() if k.startswith((PREFIX, "test/")))
    )
    lifecycle = mapping(container, "lifecycle")
    return _program(
        image, argv if own_program else (), notes, policy, _hook(lifecycle, "postStart"),
        _hook(lifecycle, "preStop"),
    )  # fmt: skip


@lru_cache(maxsize=4096)
def _program(  # noqa: PLR0917
    image: str,
    argv: tuple[str, ...],
    notes: tuple[tuple[str, str], ...],
    policy: str,
    before: float,
    after: float,
) -> Program:
    noted = dict(notes)
    words = tag_words(image)
    never = (
        noted.get("test/ready") == "never"
        or noted.get(PREFIX + "ready") == "never"
        or bool(words & _TAG_UNREADY)
    )
    answers = math.inf if never else seconds_of(noted.get(PREFIX + "ready-after"), 0.0)
    found = _ending(image, argv, noted, policy)
    return Program(
        image=image,
        image_fault=_image_fault(image, noted),
        missing=found.missing,
        runs=math.inf if found.seconds is None else found.seconds,
        code=found.code,
        oom=_oom(image, noted) is not None and found.code == 137,
        deaf=found.deaf,
        before=before,
        after=after,
        answers_after=answers,
        live="hang" not in words,
    )


def _image_fault(image: str, noted: Mapping[str, str]) -> str:
    if len(image) > 512 or not _REFERENCE.fullmatch(image):
        return "InvalidImageName"
    if noted.get(PREFIX + "image") == "missing" or tag_words(image) & _TAG_UNPULLABLE:
        return "ErrImagePull"
    return "ErrImagePull" if _ABSENT.search(image.rsplit("/", 1)[-1].lower()) else ""


def _oom(image: str, noted: Mapping[str, str]) -> float | None:
    after = noted.get(PREFIX + "oom-after")
    if after is not None:
        return seconds_of(after, 20.0)
    return 20.0 if "oom" in tag_words(image) else None


def _ending(image: str, argv: tuple[str, ...], noted: Mapping[str, str], policy: str) -> Outcome:
    said = outcome(argv)
    if said.missing:
        return said
    oom = _oom(image, noted)
    if oom is not None:
        return Outcome(oom, 137)
    words = tag_words(image)
    crash = noted.get(PREFIX + "crash-after")
    if crash is not None or words & _TAG_CRASH:
        return Outcome(seconds_of(crash, 2.0), _code(noted, 1))
    if policy != "Always":
        lasts = seconds_of(noted.get(PREFIX + "job-seconds"), 2.0)
        if noted.get("test/job") == "fail" or words & _TAG_FAIL:
            return Outcome(lasts, _code(noted, 1))
        if said.seconds is None:
            return Outcome(lasts, _code(noted, 0))
    return said


def _code(noted: Mapping[str, str], default: int) -> int:
    value = noted.get(PREFIX + "exit-code", "")
    return int(value) % 256 if value.isdigit() and len(value) < 9 else default


def seconds_of(value: object, default: float) -> float:
    """A duration ("90s", "1m", or a number of seconds); `default` when it is none."""
    if isinstance(value, bool) or value is None:
        return default
    if isinstance(value, int | float):
        return max(0.0, float(value))
    words = str(value)
    try:
        return max(
            0.0, float(words) if re.fullmatch(r"\d+(\.\d+)?", words) else parse_duration(words)
        )
    except RuleError:
        return default


def _hook(lifecycle: Mapping[str, Any], which: str) -> float:
    hook = mapping(lifecycle, which)
    if "sleep" in hook:
        return float(max(0, number(hook, "sleep", "seconds")))
    argv = tuple(str(word) for word in items(hook, "exec", "command"))
    return outcome(argv).seconds or 0.0 if argv else 0.0


def probe(container: Mapping[str, Any], which: str, does: Program) -> Probe | None:
    """`which` is startupProbe, readinessProbe or livenessProbe; None when there is none.

    The first attempt is made `initialDelaySeconds` after the start, then one a period.
    """
    spec = mapping(container, which)
    if not spec:
        return None
    initial = float(max(0, number(spec, "initialDelaySeconds")))
    period = float(max(1, number(spec, "periodSeconds", default=10)))
    timeout = float(max(1, number(spec, "timeoutSeconds", default=1)))
    message = "HTTP probe failed with statuscode: 503"
    answers = does.answers_after if which == "readinessProbe" or not does.live else 0.0
    if which != "readinessProbe" and does.live and math.isfinite(does.answers_after):
        answers = does.answers_after
    if "exec" in spec:
        said = outcome(tuple(str(word) for word in items(spec, "exec", "command")))
        if said.code or (said.seconds or 0.0) > timeout or said.missing:
            answers = math.inf
            message = "command failed" if not said.missing else f"{said.missing}: not found"
    elif "tcpSocket" in spec:
        message = "dial tcp: connect: connection refused"
    if math.isinf(answers):
        first = math.inf
    else:
        first = initial + max(0, math.ceil((answers - initial) / period)) * period
    return Probe(
        first,
        initial,
        period,
        max(1, number(spec, "successThreshold", default=1)),
        max(1, number(spec, "failureThreshold", default=3)),
        message,
    )
