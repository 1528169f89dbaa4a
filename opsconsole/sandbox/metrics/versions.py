"""How well a version serves: the one table of error ratios and latencies.

Read from the tag of the pod's first image, then overridden by the pod's annotations (which
are those of the template):

| words of the tag | errors | p50 | p99 | from |
|---|---|---|---|---|
| `bad buggy faulty regression` | 12 % | 80 ms | 900 ms | the start |
| `slow sluggish` | 1 % | 350 ms | 1600 ms | the start |
| `leaky leak` | 20 % | 400 ms | 3000 ms | minute 10 |
| `flaky` | 5 % | 60 ms | 420 ms | the start |
| anything else | 0.8 % | 40 ms | 180 ms | the start |

| annotation `sandbox.opsconsole/…` | meaning |
|---|---|
| `error-ratio: "0.2"` | share of requests answered with 500 |
| `latency-p50-ms`, `latency-p99-ms` | the latency distribution (log-normal) |
| `bad-after: 12m` | until then the version serves as a good one does |
| `requests-per-second: "50"` | what the whole workload gets (default 100) |
| `smoke-test: fail` | the test runner's verdict (default: fail above 10 % errors or 1 s p99) |

Pure; separate from the traffic model so that the table can be read, and extended, alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from opsconsole.model.objects import mappings, text
from opsconsole.sandbox.workloads.behaviour import PREFIX, image_tag, seconds_of, tag_words

DEFAULT_RATE = 100.0
"""Requests a second of one workload."""

_Z99 = 2.3263478740408408


@dataclass(frozen=True, slots=True)
class Quality:
    """`errors` in 0..1; p50 and p99 in milliseconds."""

    errors: float
    p50: float
    p99: float

    def share_below(self, bound: float) -> float:
        """The share of requests answered within `bound` milliseconds."""
        if math.isinf(bound):
            return 1.0
        if bound <= 0:
            return 0.0
        sigma = max(math.log(max(self.p99, self.p50 * 1.001) / self.p50) / _Z99, 1e-6)
        deviation = (math.log(bound) - math.log(self.p50)) / sigma
        return 0.5 * (1.0 + math.erf(deviation / math.sqrt(2)))

    @property
    def mean(self) -> float:
        """Milliseconds."""
        sigma = max(math.log(max(self.p99, self.p50 * 1.001) / self.p50) / _Z99, 1e-6)
        return self.p50 * math.exp(sigma * sigma / 2)


GOOD = Quality(0.008, 40.0, 180.0)

_TABLE: tuple[tuple[frozenset[str], Quality, float], ...] = (
    (frozenset({"bad", "buggy", "faulty", "regression"}), Quality(0.12, 80.0, 900.0), 0.0),
    (frozenset({"slow", "sluggish"}), Quality(0.01, 350.0, 1600.0), 0.0),
    (frozenset({"leaky", "leak"}), Quality(0.20, 400.0, 3000.0), 600.0),
    (frozenset({"flaky"}), Quality(0.05, 60.0, 420.0), 0.0),
)


@dataclass(frozen=True, slots=True)
class Version:
    """`before` is how it serves until `turns` seconds after its first pod was ready."""

    name: str
    quality: Quality
    turns: float = 0.0
    rate: float = DEFAULT_RATE
    smoke: str = ""
    """The verdict that an annotation demands: pass, fail or ""."""

    before: Quality = GOOD

    def at(self, age: float) -> Quality:
        return self.before if age < self.turns else self.quality


def version_of(pod: Mapping[str, Any]) -> Version:
    """The version that a pod (or a pod template) runs."""
    containers = mappings(pod, "spec", "containers")
    image = text(containers[0], "image") if containers else ""
    words = tag_words(image)
    found = Version(image_tag(image) or "latest", GOOD)
    for names, quality, turns in _TABLE:
        if words & names:
            found = replace(found, quality=quality, turns=turns)
            break
    notes = {
        key.removeprefix(PREFIX): str(value)
        for key, value in (pod.get("metadata", {}).get("annotations") or {}).items()
        if key.startswith(PREFIX)
    }
    return _noted(found, notes) if notes else found


def _noted(found: Version, notes: Mapping[str, str]) -> Version:
    errors = _number(notes.get("error-ratio"), found.quality.errors)
    p50 = max(_number(notes.get("latency-p50-ms"), found.quality.p50), 0.1)
    p99 = _number(notes.get("latency-p99-ms"), found.quality.p99)
    if "latency-p99-ms" in notes and "latency-p50-ms" not in notes:
        p50 = min(p50, p99 * 0.3)
    return replace(
        found,
        quality=Quality(min(errors, 1.0), p50, max(p99, p50)),
        turns=seconds_of(notes.get("bad-after"), found.turns),
        rate=_number(notes.get("requests-per-second"), found.rate),
        smoke=notes.get("smoke-test", ""),
    )


def _number(value: str | None, default: float) -> float:
    try:
        found = float(value) if value is not None else default
    except ValueError:
        return default
    return found if math.isfinite(found) and found >= 0 else default
