"""The traffic model as `Samples`: scraped every 15 s, worked out when asked.

Separate from the model because it is the shape of Prometheus' data: names, labels, buckets,
scrape times. Counters never go back while a pod lives, so a window knows its first and last
sample without the ones between.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache

from opsconsole.sandbox.metrics.flows import Served
from opsconsole.sandbox.metrics.samples import NAME, Labels, Matcher, Sample, Window
from opsconsole.sandbox.metrics.traffic import Member, TrafficModel
from opsconsole.sandbox.metrics.versions import Quality
from opsconsole.sandbox.workloads.endpoints import HASH

SCRAPE = 15.0

BOUNDS_MS = (5.0, 10.0, 25.0, 50.0, 100.0, 200.0, 300.0, 500.0, 750.0, 1000.0, 2500.0, 5000.0, 10000.0, math.inf)  # fmt: skip

REQUESTS = "http_requests_total"
UP = "up"
_BASES = (("http_request_duration_milliseconds", 1.0), ("http_request_duration_seconds", 1000.0))
METADATA = {
    REQUESTS: ("counter", "Requests by the status that they were answered with."),
    UP: ("gauge", "Whether the pod could be scraped."),
    **{base: ("histogram", f"Latency of requests in {base.rsplit('_', 1)[1]}.") for base, _ in _BASES},
}  # fmt: skip

Reading = Callable[[float], float]
"""Virtual second → value of the series."""


class CounterWindow:
    """Scrapes of one series at `first_at`, `first_at + 15`, … (virtual seconds)."""

    __slots__ = ("_count", "_first_at", "_origin", "_read")

    def __init__(self, read: Reading, first_at: float, count: int, origin: float) -> None:
        self._read = read
        self._first_at = first_at
        self._count = count
        self._origin = origin

    def _sample(self, index: int) -> Sample:
        at = self._first_at + index * SCRAPE
        return self._origin + at, self._read(at)

    @property
    def count(self) -> int:
        return self._count

    @property
    def first(self) -> Sample:
        return self._sample(0)

    @property
    def last(self) -> Sample:
        return self._sample(self._count - 1)

    def drops(self) -> float:
        return 0.0

    def points(self) -> Sequence[Sample]:
        return [self._sample(index) for index in range(self._count)]


@lru_cache(maxsize=512)
def _shares(quality: Quality) -> tuple[float, ...]:
    return tuple(quality.share_below(bound) for bound in BOUNDS_MS)


def _printed(bound: float) -> str:
    return "+Inf" if math.isinf(bound) else f"{bound:g}"


class TrafficSamples:
    """`Samples` of a TrafficModel; times are Unix seconds of the virtual clock."""

    def __init__(self, model: TrafficModel) -> None:
        self.model = model
        self.origin = model.simulation.start.timestamp()

    # Samples

    def latest(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterator[tuple[Labels, Sample]]:
        del open_start  # a scrape every 15 s: what stands at the bound has a newer one behind it
        end = min(end, self._now)
        for labels, read, spans, offset in self._matching(matchers):
            at = _last_scrape(end - self.origin, offset)
            if at + self.origin < start:
                continue
            if any(a <= at < b for a, b in spans):
                yield labels, (self.origin + at, read(at))

    def windows(
        self, matchers: Sequence[Matcher], start: float, end: float, *, open_start: bool
    ) -> Iterator[tuple[Labels, Window]]:
        low, high = start - self.origin, min(end, self._now) - self.origin
        for labels, read, spans, offset in self._matching(matchers):
            inside = [(max(low, a), min(high, b)) for a, b in spans if a <= high and b >= low]
            if not inside:
                continue
            begin, stop = inside[0][0], inside[-1][1]
            first = _next_scrape(begin, offset)
            if open_start and first <= low:
                first += SCRAPE
            count = math.floor((stop - first) / SCRAPE + 1e-9) + 1
            if count > 0:
                yield labels, CounterWindow(read, first, count, self.origin)

    def series(self, matchers: Sequence[Matcher], start: float, end: float) -> Iterator[Labels]:
        low, high = start - self.origin, end - self.origin
        for labels, _, spans, _ in self._matching(matchers):
            if any(a <= high and b >= low for a, b in spans):
                yield labels

    @property
    def _now(self) -> float:
        return self.origin + self.model.simulation.elapsed

    # which series there are

    def _matching(
        self, matchers: Sequence[Matcher]
    ) -> Iterator[tuple[Labels, Reading, list[list[float]], float]]:
        tests: dict[str, list[Callable[[str], bool]]] = {}
        for matcher in matchers:
            tests.setdefault(matcher.name, []).append(matcher.compiled())

        def held(name: str, value: str) -> bool:
            return all(test(value) for test in tests.get(name, ()))

        metrics = [name for name in _metric_names() if held(NAME, name)]
        known = {*_LABELS, NAME}
        if not metrics or not all(held(name, "") for name in tests if name not in known):
            return
        wanted = [m.value for m in matchers if m.name == "service" and m.op == "="]
        services = wanted[:1] or sorted(self.model.by_service)
        for service in services:
            if not held("service", service):
                continue
            for member in self.model.serving(service):
                base = _base(member, service)
                if all(held(name, base.get(name, "")) for name in _COMMON):
                    spans = member.served.behind.get(service, [])
                    offset = zlib.crc32(member.uid.encode()) % 1500 / 100
                    for metric in metrics:
                        for extra, read in _readings(metric, member.served):
                            if all(held(k, extra.get(k, "")) for k in ("status", "le")):
                                labels = {**base, **extra, NAME: metric}
                                yield tuple(sorted(labels.items())), read, spans, offset


_COMMON = ("namespace", "pod", "app", "version", "job", "instance", "rollouts_pod_template_hash")
_LABELS = frozenset({*_COMMON, "service", "status", "le"})


def _base(member: Member, service: str) -> dict[str, str]:
    found = {
        "service": service,
        "namespace": member.namespace,
        "pod": member.name,
        "app": member.app,
        "version": member.served.flow.version.name,
        "job": f"{member.namespace}/{service}",
        "instance": f"{member.name}:8080",
    }
    digest = member.labels.get(HASH)
    if digest:
        found["rollouts_pod_template_hash"] = str(digest)
    return found


@lru_cache(maxsize=1)
def _metric_names() -> tuple[str, ...]:
    tails = [f"{base}_{tail}" for base, _ in _BASES for tail in ("bucket", "sum", "count")]
    return (REQUESTS, UP, *tails)


def _readings(metric: str, served: Served) -> Iterator[tuple[dict[str, str], Reading]]:
    """The series of one metric for one pod: further labels, and how to read it."""
    if metric == REQUESTS:
        yield (
            {"status": "200"},
            lambda at: float(_whole(served, at) - math.floor(served.errors(at))),
        )
        yield {"status": "500"}, lambda at: float(math.floor(served.errors(at)))
    elif metric == UP:
        yield {}, lambda at: 1.0  # noqa: ARG005
    else:
        base, _, tail = metric.rpartition("_")
        unit = dict(_BASES)[base]
        if tail == "count":
            yield {}, lambda at: float(_whole(served, at))
        elif tail == "sum":
            yield {}, lambda at: _sum(served, at) / unit
        else:
            for index, bound in enumerate(BOUNDS_MS):
                yield {"le": _printed(bound / unit)}, _bucket(served, index)


def _whole(served: Served, at: float) -> int:
    return math.floor(served.total(at))


def _bucket(served: Served, index: int) -> Reading:
    version = served.flow.version
    early, late = _shares(version.before)[index], _shares(version.quality)[index]

    def read(at: float) -> float:
        if index == len(BOUNDS_MS) - 1:
            return float(_whole(served, at))
        before = served.before_turn(at)
        return float(math.floor(before * early + (served.total(at) - before) * late))

    return read


def _sum(served: Served, at: float) -> float:
    version = served.flow.version
    before = served.before_turn(at)
    return before * version.before.mean + (served.total(at) - before) * version.quality.mean


def _last_scrape(at: float, offset: float) -> float:
    return math.floor((at - offset) / SCRAPE + 1e-9) * SCRAPE + offset


def _next_scrape(at: float, offset: float) -> float:
    return math.ceil((at - offset) / SCRAPE - 1e-9) * SCRAPE + offset
