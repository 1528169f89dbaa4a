"""The AnalysisRun controller: takes the measurements that are due and judges the run.

Rules: `argo.analysis`; here is only reading, asking providers and writing. A measurement that
is under way holds virtual time, so nothing but its answer has to be remembered: a controller
that is started anew takes it again.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

from opsconsole.argo.analysis.arguments import (
    Argument,
    argument_secret,
    redact,
    resolve_metric,
    resolve_metrics_without_secrets,
)
from opsconsole.argo.analysis.assessment import (
    Assessment,
    assess_run,
    find_result,
    is_terminating,
    record_measurement,
    trim_measurements,
)
from opsconsole.argo.analysis.limits import providers
from opsconsole.argo.analysis.phases import ERROR, FAILED, SUCCESSFUL, is_completed
from opsconsole.argo.analysis.schedule import Task, due_tasks, expires_in, next_reconcile
from opsconsole.argo.analysis.validation import (
    dry_run_metrics,
    retention_limits,
    validate_metrics,
)
from opsconsole.errors import RuleError
from opsconsole.model.kinds import ANALYSIS_RUN, JOB, POD, SECRET
from opsconsole.model.objects import (
    controller_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant
from opsconsole.sandbox.analysis.jobs import image_missing
from opsconsole.sandbox.analysis.providers import Context, Measurement, Provider
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Obj, Store

MAX_PLANS = 10_000
"""Runs whose spec is remembered."""

Wake = Callable[[Key], None]
Metrics = list[dict[str, Any]]


def _owner(change: Change) -> Iterable[Key]:
    """A Job that changes makes its AnalysisRun due."""
    return _run_of(change.object)


def _run_of(job: Obj) -> Iterable[Key]:
    owner = controller_of(job)
    if text(owner, "kind") == ANALYSIS_RUN.kind:
        return (Key(namespace_of(job), text(owner, "name")),)
    return ()


class _Flight:
    """The measurements of one run that were begun together."""

    def __init__(self, count: int) -> None:
        self.waiting = count
        self.taken: dict[int, Measurement] = {}


class _Round(NamedTuple):
    """What is measured now: tasks with their resolved metrics, and what not to show."""

    tasks: Sequence[Task]
    metrics: Metrics
    dry_run: set[str]
    secrets: Sequence[str]


class _Plan(NamedTuple):
    """A spec with its arguments resolved (secrets stand in), or the `fault` that refuses it."""

    spec: Mapping[str, Any]
    fault: str
    metrics: Metrics
    dry_run: set[str]
    retention: Mapping[str, int]


def _planned(spec: Mapping[str, Any]) -> _Plan:
    try:
        metrics = resolve_metrics_without_secrets(spec)
    except RuleError as wrong:
        fault = f"Unable to resolve metric arguments: {wrong.message}"
        return _Plan(spec, fault, [], set(), {})
    try:
        validate_metrics(metrics)
        dry_run = dry_run_metrics(spec, metrics)
        return _Plan(spec, "", metrics, dry_run, retention_limits(spec, metrics))
    except RuleError as wrong:
        return _Plan(spec, f"Analysis spec invalid: {wrong.message}", metrics, set(), {})


class AnalysisRunController:
    name = "analysisruns"

    def __init__(
        self,
        store: Store,
        provider_of: Callable[[str], Provider],
        wake: Wake,
        recorder: EventRecorder,
    ) -> None:
        self.store = store
        self.provider_of = provider_of
        self.wake = wake
        self.recorder = recorder
        self._flights: dict[str, _Flight] = {}
        self._plans: dict[str, _Plan] = {}

    def watches(self) -> Iterable[Watch]:
        return (Watch(ANALYSIS_RUN), Watch(JOB, _owner), Watch(POD, self._job_of_pod))

    def _job_of_pod(self, change: Change) -> Iterable[Key]:
        """The run whose Job has a pod that cannot get its image: the Job itself says nothing."""
        ref = controller_of(change.object)
        if text(ref, "kind") != JOB.kind or not image_missing(change.object):
            return ()
        job = self.store.find(JOB, namespace_of(change.object), text(ref, "name"))
        return () if job is None else _run_of(job)

    def reconcile(self, key: Key) -> float | None:
        run = self.store.find(ANALYSIS_RUN, key.namespace, key.name)
        if run is None or mapping(run, "metadata").get("deletionTimestamp"):
            return None
        if is_completed(text(run, "status", "phase")):
            return self._expire(run)
        plan = self._plan(run)
        if plan.fault:
            return self._refuse(run, plan.fault)
        tasks = due_tasks(run, plan.metrics, self.store.simulation.now())
        try:
            resolved, secrets = self._resolved(run, plan, tasks)
        except (RuleError, StatusError) as wrong:
            return self._refuse(run, f"Unable to resolve metric arguments: {wrong.message}")
        taken = self._take(run, key, tasks, resolved)
        if taken is None:
            return None
        results = self._record(run, _Round(tasks, resolved, plan.dry_run, secrets), taken)
        return self._judge(run, plan, results)

    def _plan(self, run: Obj) -> _Plan:
        """What the spec says, worked out once for each spec."""
        spec = mapping(run, "spec")
        known = self._plans.get(uid_of(run))
        if known is None or (known.spec is not spec and known.spec != spec):
            if len(self._plans) >= MAX_PLANS:
                self._plans.clear()
            known = self._plans[uid_of(run)] = _planned(spec)
        return known

    def _resolved(self, run: Obj, plan: _Plan, tasks: Sequence[Task]) -> tuple[Metrics, list[str]]:
        """The metrics of the tasks with the values of Secrets in them, and those values."""
        if not tasks or not any(map(argument_secret, mappings(run, "spec", "args"))):
            return [plan.metrics[task.index] for task in tasks], []
        arguments, secrets = self._arguments(run)
        metrics = mappings(run, "spec", "metrics")
        return [resolve_metric(metrics[task.index], arguments) for task in tasks], secrets

    # measuring

    def _take(
        self, run: Obj, key: Key, tasks: Sequence[Task], resolved: Metrics
    ) -> list[Measurement] | None:
        """A measurement for each task, or None while some are under way."""
        flight = self._flights.get(uid_of(run))
        if flight is None:
            flight = self._begin(run, key, tasks, resolved)
        if flight.waiting:
            return None
        self._flights.pop(uid_of(run), None)
        if sorted(flight.taken) != sorted(task.index for task in tasks):
            # the run changed meanwhile: what was measured does not fit any more
            return self._take(run, key, tasks, resolved)
        return [flight.taken[task.index] for task in tasks]

    def _begin(self, run: Obj, key: Key, tasks: Sequence[Task], resolved: Metrics) -> _Flight:
        flight = self._flights[uid_of(run)] = _Flight(len(tasks))
        here = True

        def finish(index: int) -> Callable[[Measurement], None]:
            def done(measurement: Measurement) -> None:
                flight.taken[index] = measurement
                flight.waiting -= 1
                if not flight.waiting and not here:
                    self.wake(key)

            return done

        terminating = is_terminating(run)
        for task, metric in zip(tasks, resolved, strict=True):
            provider = self._provider(metric)
            context = self._context(run, metric)
            done = finish(task.index)
            if task.unfinished is None:
                provider.run(context, done)
            elif terminating:
                provider.terminate(context, dict(task.unfinished), _terminated(done))
            else:
                provider.resume(context, dict(task.unfinished), done)
        here = False
        return flight

    def _provider(self, metric: Mapping[str, Any]) -> Provider:
        return self.provider_of(next(iter(providers(metric)), ""))

    def _context(self, run: Obj, metric: Mapping[str, Any], limit: int = 10) -> Context:
        result = find_result(mappings(run, "status", "metricResults"), text(metric, "name"))
        taken = number(result, "count") + number(result, "error")
        return Context(run, metric, taken, limit)

    def _arguments(self, run: Obj) -> tuple[list[Argument], list[str]]:
        """The arguments with the values of Secrets, and those values."""
        arguments: list[Argument] = []
        secrets: list[str] = []
        for argument in mappings(run, "spec", "args"):
            reference = argument_secret(argument)
            if reference is None:
                arguments.append(argument)
                continue
            value = self._secret(namespace_of(run), *reference)
            secrets.append(value)
            arguments.append({"name": argument.get("name"), "value": value})
        return arguments, secrets

    def _secret(self, namespace: str, name: str, key: str) -> str:
        data = mapping(self.store.get(SECRET, namespace, name), "data")
        if key not in data:
            raise RuleError(f"key '{key}' does not exist in secret '{name}'")
        try:
            return base64.b64decode(str(data[key])).decode("utf-8", "replace")
        except (binascii.Error, ValueError):
            raise RuleError(f"key '{key}' in secret '{name}' is not base64") from None

    def _record(self, run: Obj, plan: _Round, taken: Sequence[Measurement]) -> Metrics:
        results = [dict(result) for result in mappings(run, "status", "metricResults")]
        for task, metric, measurement in zip(plan.tasks, plan.metrics, taken, strict=True):
            name = text(metric, "name")
            found = find_result(results, name)
            if text(measurement, "message"):
                measurement["message"] = redact(text(measurement, "message"), plan.secrets)
            new = record_measurement(
                found,
                measurement,
                name=name,
                dry_run=name in plan.dry_run,
                resumed=task.unfinished is not None,
            )
            if found is None:
                meta = self._provider(metric).metadata(self._context(run, metric))
                if meta:
                    new["metadata"] = {
                        key: redact(value, plan.secrets) for key, value in meta.items()
                    }
                results.append(new)
            else:
                results[[text(r, "name") for r in results].index(name)] = new
        return results

    # judging and writing

    def _judge(self, run: Obj, plan: _Plan, results: Metrics) -> float | None:
        now = self.store.simulation.now()
        assessment = assess_run(run, plan.metrics, results, plan.dry_run)
        kept, cut = trim_measurements(assessment.results, plan.retention)
        for metric in plan.metrics if cut else ():
            if text(metric, "name") in cut:
                context = self._context(run, metric, cut[text(metric, "name")])
                self._provider(metric).collect(context)
        status = self._status(run, assessment, kept)
        for change in assessment.transitions:
            self._event(
                run,
                change.phase,
                f"Metric{change.phase}",
                f"Metric '{change.metric}' Completed. Result: {change.phase}",
            )
        if is_completed(text(status, "phase")):
            self._completed(run, status)
        self._write(run, status)
        if is_completed(text(status, "phase")):
            return None
        after = next_reconcile({**run, "status": status}, plan.metrics, now)
        return None if after is None else max((after - now).total_seconds(), 0.0)

    def _status(self, run: Obj, assessment: Assessment, results: Metrics) -> dict[str, Any]:
        status = dict(mapping(run, "status"))
        status.setdefault("startedAt", format_instant(self.store.simulation.now()))
        if assessment.phase != text(status, "phase"):
            status["phase"] = assessment.phase
            status.pop("message", None)
            if assessment.message:
                status["message"] = assessment.message
        if results:
            status["metricResults"] = results
        status["runSummary"] = assessment.run_summary
        status["dryRunSummary"] = assessment.dry_run_summary
        return status

    def _refuse(self, run: Obj, message: str) -> float | None:
        self._flights.pop(uid_of(run), None)
        status = {**mapping(run, "status"), "phase": ERROR, "message": message}
        self._completed(run, status)
        self._write(run, status)
        return None

    def _completed(self, run: Obj, status: dict[str, Any]) -> None:
        phase = text(status, "phase")
        status["completedAt"] = format_instant(self.store.simulation.now())
        self._event(run, phase, f"AnalysisRun{phase}", f"Analysis Completed. Result: {phase}")

    def _event(self, run: Obj, phase: str, reason: str, message: str) -> None:
        self.recorder.event(
            run, "Warning" if phase in (ERROR, FAILED) else "Normal", reason, message
        )

    def _write(self, run: Obj, status: Mapping[str, Any]) -> None:
        if status != run.get("status"):
            self.store.update(ANALYSIS_RUN, {**run, "status": dict(status)})

    def _expire(self, run: Obj) -> float | None:
        """`maybeGarbageCollectAnalysisRun`: delete a finished run when its time is over."""
        left = expires_in(run, self.store.simulation.now())
        if left is None or left > 0:
            return left
        self.store.delete(ANALYSIS_RUN, namespace_of(run), name_of(run), uid=uid_of(run))
        return None


def _terminated(done: Callable[[Measurement], None]) -> Callable[[Measurement], None]:
    def call(measurement: Measurement) -> None:
        if text(measurement, "phase") == SUCCESSFUL:
            measurement = {**measurement, "message": "Metric Terminated"}
        done(measurement)

    return call
