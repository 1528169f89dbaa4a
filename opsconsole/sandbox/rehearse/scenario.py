"""A scenario: what is applied, run, answered and waited for, step by step.

One format for recorded runs and for users (YAML or JSON):

    name: checkout canary
    rollout: checkout            # `demo` if absent
    namespace: default
    metrics: {error_rate: 0.01}  # answers of metric endpoints: see `answers`
    faults:                      # see `faults`
      - {never-ready: {image: "shop:2.1"}}
    steps:
      - apply: [manifests]
      - run: promote checkout    # a command of the plugin
      - kubectl: [patch, rollout, checkout, --type=merge, -p, '{"spec": {}}']
      - metrics: {error_rate: 0.4}
      - wait: {for: {status.phase: Healthy}, timeout: 600}
      - promote: 7200            # promote wherever it rests, until it rests no more; seconds
      - sleep: 30
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.errors import InputError, bounded
from opsconsole.model.objects import mappings, text

STEPS = ("apply", "run", "kubectl", "metrics", "wait", "promote", "sleep", "delete")
DAY = 86400.0
WAIT = 60.0
"""Virtual seconds that a wait may take unless it says otherwise."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """`steps` are (kind, argument) pairs, `restarts` times at which the controller starts anew."""

    name: str
    rollout: str
    namespace: str
    steps: tuple[tuple[str, Any], ...]
    metrics: Mapping[str, Any] = field(default_factory=dict)
    faults: tuple[Mapping[str, Any], ...] = ()
    restarts: tuple[float, ...] = ()
    timeout: float = WAIT
    profile: str = "recorded"
    seed: int = 1


def parse(data: Any, *, namespace: str = "default") -> Scenario:
    """A Scenario of decoded YAML. InputError says which part is wrong."""
    if not isinstance(data, Mapping):
        raise InputError("a scenario is a mapping with `steps`")
    steps = data.get("steps")
    if not isinstance(steps, list) or not steps:
        raise InputError("a scenario needs a list of `steps`")
    metrics = data.get("metrics") or {}
    if not isinstance(metrics, Mapping):
        raise InputError("`metrics` is a mapping of queries to answers")
    return Scenario(
        name=text(data, "name", default="rehearsal"),
        rollout=text(data, "rollout", default="demo"),
        namespace=text(data, "namespace", default=namespace),
        steps=tuple(_step(index, step) for index, step in enumerate(steps)),
        metrics=metrics,
        faults=tuple(mappings(data, "faults")),
        timeout=_seconds(data.get("timeout", WAIT), "timeout"),
        profile=text(data, "profile", default="recorded"),
        seed=int(_seconds(data.get("seed", 1), "seed")),
    )


def _step(index: int, step: Any) -> tuple[str, Any]:
    where = f"step {index + 1}"
    if not isinstance(step, Mapping) or len(step) != 1:
        raise InputError(f"{where}: a step is one of {', '.join(STEPS)}")
    ((kind, value),) = step.items()
    check = _CHECKS.get(kind)
    if check is None:
        raise InputError(f"{where}: there is no step {bounded(kind, 40)}", hint=", ".join(STEPS))
    return kind, check(value, where)


def _manifests(value: Any, where: str) -> Any:
    listed = value if isinstance(value, list) else [value]
    for manifest in listed:
        if not isinstance(manifest, Mapping) or not text(manifest, "kind"):
            raise InputError(f"{where}: what is applied must be manifests with a `kind`")
    return listed


def _line(value: Any, where: str) -> Any:
    if isinstance(value, str) and value.strip():
        return value
    raise InputError(f"{where}: `run` is a command line of the plugin")


def _words(value: Any, where: str) -> Any:
    if isinstance(value, list) and value:
        return [str(word) for word in value]
    raise InputError(f"{where}: `kubectl` is a list of arguments")


def _mapping(value: Any, where: str) -> Any:
    if isinstance(value, Mapping):
        return value
    raise InputError(f"{where}: a mapping is needed")


def _wait(value: Any, where: str) -> Any:
    if isinstance(value, Mapping) and isinstance(value.get("for"), Mapping):
        if value.get("timeout") is not None:
            _seconds(value["timeout"], where)
        return value
    raise InputError(f"{where}: `wait` needs `for`, a mapping of paths to values")


def _seconds(value: Any, where: str) -> float:
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 1e9:
        return float(value)
    raise InputError(f"{where}: a number of seconds is needed, not {bounded(value, 40)}")


def _limit(value: Any, where: str) -> float:
    return DAY if value is True else _seconds(value, where)


_CHECKS = {
    "apply": _manifests,
    "delete": _manifests,
    "run": _line,
    "kubectl": _words,
    "metrics": _mapping,
    "wait": _wait,
    "promote": _limit,
    "sleep": _seconds,
}
