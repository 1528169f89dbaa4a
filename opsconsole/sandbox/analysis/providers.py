"""Metric providers: how one measurement is begun, gone on with and ended.

Separate from the controller, which only counts: a provider turns a resolved metric into a
measurement, at once or later. What the sandbox does not speak is an error that says so.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.argo.analysis import prometheus, web
from opsconsole.argo.analysis.limits import providers
from opsconsole.argo.analysis.phases import ERROR, RUNNING, SUCCESSFUL
from opsconsole.argo.analysis.web import Outcome
from opsconsole.errors import RuleError
from opsconsole.model.objects import text
from opsconsole.model.times import format_instant
from opsconsole.sandbox.analysis.transport import Request, RequestError, Result, Transport
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.store import Obj

Measurement = dict[str, Any]
Done = Callable[[Measurement], None]


@dataclass(frozen=True)
class Context:
    """What a measurement is taken for: the run, its resolved metric, how many there were."""

    run: Obj
    metric: Mapping[str, Any]
    taken: int = 0
    """Measurements of this metric so far, for the names of jobs."""

    limit: int = field(default=10)


class Provider(Protocol):
    """Rules of one kind of provider. `done` is called once, at once or later."""

    def run(self, context: Context, done: Done) -> None: ...

    def resume(self, context: Context, measurement: Measurement, done: Done) -> None: ...

    def terminate(self, context: Context, measurement: Measurement, done: Done) -> None: ...

    def collect(self, context: Context) -> None:
        """Delete what belongs to measurements that are no longer kept."""

    def metadata(self, context: Context) -> dict[str, str]:
        """What the metric's result carries."""


def started(simulation: Simulation) -> Measurement:
    return {"startedAt": format_instant(simulation.now()), "phase": RUNNING}


def finished(simulation: Simulation, measurement: Measurement, outcome: Outcome) -> Measurement:
    """The measurement with its verdict, in the order of the API's fields."""
    new: Measurement = {"phase": outcome.phase}
    if outcome.message:
        new["message"] = outcome.message
    new["startedAt"] = measurement.get("startedAt") or format_instant(simulation.now())
    new["finishedAt"] = format_instant(simulation.now())
    if outcome.value:
        new["value"] = outcome.value
    if measurement.get("metadata"):
        new["metadata"] = measurement["metadata"]
    return new


class OneShot(ABC):
    """A provider whose measurements never stay open."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def resume(self, context: Context, measurement: Measurement, done: Done) -> None:  # noqa: ARG002
        """An open measurement of this kind was cut off: take it again."""
        self.run(context, done)

    def terminate(self, context: Context, measurement: Measurement, done: Done) -> None:  # noqa: ARG002
        done(finished(self.simulation, measurement, Outcome(SUCCESSFUL)))

    def collect(self, context: Context) -> None:  # noqa: B027
        """Nothing stays behind."""

    def metadata(self, context: Context) -> dict[str, str]:  # noqa: ARG002
        return {}

    @abstractmethod
    def run(self, context: Context, done: Done) -> None: ...

    def fail(self, message: str, done: Done) -> None:
        done(finished(self.simulation, started(self.simulation), Outcome(ERROR, "", message)))


class WebProvider(OneShot):
    def __init__(self, simulation: Simulation, transport: Transport) -> None:
        super().__init__(simulation)
        self.transport = transport

    def run(self, context: Context, done: Done) -> None:
        begun = started(self.simulation)
        try:
            asked = web.web_request(context.metric)
        except RuleError as wrong:
            self.fail(wrong.message, done)
            return

        def take(result: Result) -> None:
            if isinstance(result, RequestError):
                prefix = "Received no bytes in response: " if result.reading else ""
                outcome = Outcome(ERROR, "", prefix + result.message)
            else:
                body = result.body.decode("utf-8", "replace")
                outcome = web.read_response(context.metric, asked.path, result.status, body)
            done(finished(self.simulation, begun, outcome))

        request = Request(
            asked.method, asked.url, asked.headers, asked.body, asked.timeout, asked.insecure
        )
        self.transport.send(request, take)


class PrometheusProvider(OneShot):
    def __init__(self, simulation: Simulation, transport: Transport) -> None:
        super().__init__(simulation)
        self.transport = transport

    def metadata(self, context: Context) -> dict[str, str]:
        query = text(context.metric, "provider", "prometheus", "query")
        return {"ResolvedPrometheusQuery": query} if query else {}

    def run(self, context: Context, done: Done) -> None:
        begun = started(self.simulation)
        try:
            query = prometheus.query_of(context.metric, self.simulation.now)
        except RuleError as wrong:
            self.fail(wrong.message, done)
            return

        def take(result: Result) -> None:
            if isinstance(result, RequestError):
                outcome = Outcome(ERROR, "", result.message)
            else:
                body = result.body.decode("utf-8", "replace")
                answer = prometheus.read_answer(context.metric, result.status, body)
                outcome = answer.outcome
                if answer.warnings:
                    begun["metadata"] = {"warnings": ", ".join(answer.warnings)}
            done(finished(self.simulation, begun, outcome))

        request = Request(
            "POST", query.url, query.headers, query.body, query.timeout, query.insecure
        )
        self.transport.send(request, take)


class UnspokenProvider(OneShot):
    """A provider that needs a service the sandbox has no part of."""

    def run(self, context: Context, done: Done) -> None:
        name = next(iter(providers(context.metric)), "none")
        self.fail(
            f"the sandbox does not speak the metric provider {name}"
            " (it speaks prometheus, web and job)",
            done,
        )
