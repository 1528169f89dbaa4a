"""The job provider: a measurement is a Job that runs to its end.

Rules: `metricproviders/job/job.go`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.analysis.phases import ERROR, FAILED, INCONCLUSIVE, SUCCESSFUL
from opsconsole.argo.analysis.web import Outcome
from opsconsole.model.kinds import ANALYSIS_RUN, JOB, POD
from opsconsole.model.objects import (
    controller_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
    uid_of,
)
from opsconsole.sandbox.analysis.providers import (
    Context,
    Done,
    Measurement,
    finished,
    started,
)
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.store import Obj, Store

NAME_KEY = "job-name"
UID_LABEL = "analysisrun.argoproj.io/uid"
RUN_ANNOTATION = "analysisrun.argoproj.io/name"
METRIC_ANNOTATION = "analysisrun.argoproj.io/metric-name"

MAX_NAME = 63

_BAD_IMAGE = frozenset(("ErrImagePull", "ImagePullBackOff", "InvalidImageName"))


class JobProvider:
    def __init__(self, store: Store) -> None:
        self.store = store

    def run(self, context: Context, done: Done) -> None:
        begun = started(self.store.simulation)
        job = new_job(context)
        try:
            made = self._created(job, context.run)
        except StatusError as wrong:
            done(self._end(begun, Outcome(ERROR, "", wrong.message)))
            return
        done({**begun, "metadata": {NAME_KEY: name_of(made)}})

    def resume(self, context: Context, measurement: Measurement, done: Done) -> None:
        name = text(measurement, "metadata", NAME_KEY)
        if not name:
            done(self._end(measurement, Outcome(ERROR, "", "job metadata reference missing")))
            return
        try:
            job = self.store.get(JOB, namespace_of(context.run), name)
        except StatusError as wrong:
            done(self._end(measurement, Outcome(ERROR, "", wrong.message)))
            return
        phase = self._phase(job)
        done(self._end(measurement, Outcome(phase)) if phase else measurement)

    def terminate(self, context: Context, measurement: Measurement, done: Done) -> None:
        name = text(measurement, "metadata", NAME_KEY)
        if not name:
            done(self._end(measurement, Outcome(ERROR, "", "job metadata reference missing")))
            return
        self._delete(namespace_of(context.run), name)
        # a Job that was cut short proves nothing
        done(self._end(measurement, Outcome(INCONCLUSIVE)))

    def collect(self, context: Context) -> None:
        jobs = [
            job
            for job in self.store.objects(JOB, namespace_of(context.run))
            if text(job, "metadata", "labels", UID_LABEL) == uid_of(context.run)
        ]
        jobs.sort(key=lambda job: text(job, "metadata", "creationTimestamp"))
        for job in jobs[: max(len(jobs) - context.limit, 0)]:
            self._delete(namespace_of(job), name_of(job))

    def metadata(self, context: Context) -> dict[str, str]:  # noqa: ARG002
        return {}

    def _end(self, measurement: Measurement, outcome: Outcome) -> Measurement:
        return finished(self.store.simulation, measurement, outcome)

    def _created(self, job: dict[str, Any], run: Obj) -> Obj:
        try:
            return self.store.create(JOB, job)
        except StatusError as taken:
            existing = self.store.find(JOB, namespace_of(run), name_of(job))
            if existing is None or text(controller_of(existing), "uid") != uid_of(run):
                raise taken from None
            return existing

    def _delete(self, namespace: str, name: str) -> None:
        if self.store.find(JOB, namespace, name) is not None:
            self.store.delete(JOB, namespace, name, propagation="Foreground")

    def _phase(self, job: Obj) -> str:
        for condition in mappings(job, "status", "conditions"):
            if text(condition, "status") == "True":
                phase = {"Complete": SUCCESSFUL, "Failed": FAILED}.get(text(condition, "type"))
                if phase:
                    return phase
        return INCONCLUSIVE if self._image_missing(job) else ""

    def _image_missing(self, job: Obj) -> bool:
        return any(map(image_missing, self.store.owned_by(uid_of(job), POD)))


def image_missing(pod: Mapping[str, Any]) -> bool:
    """Whether a container of the pod waits for an image that does not come."""
    return any(
        text(status, "state", "waiting", "reason") in _BAD_IMAGE
        for field in ("initContainerStatuses", "containerStatuses")
        for status in mappings(pod, "status", field)
    )


def new_job(context: Context) -> dict[str, Any]:
    """`newMetricJob`: named `<uid of the run>.<metric>.<n>`, cut to what fits into a label."""
    run, metric = context.run, context.metric
    spec = mapping(metric, "provider", "job")
    meta = mapping(spec, "metadata")
    name = f"{uid_of(run)}.{text(metric, 'name')}.{context.taken + 1}"
    if len(name) > MAX_NAME:
        tail = f".{context.taken + 1}"
        name = name[: MAX_NAME - len(tail)].rstrip(".-") + tail
    return {
        "apiVersion": JOB.api_version,
        "kind": JOB.kind,
        "metadata": {
            "name": name,
            "namespace": namespace_of(run),
            "labels": {**mapping(meta, "labels"), UID_LABEL: uid_of(run)},
            "annotations": {
                **mapping(meta, "annotations"),
                RUN_ANNOTATION: name_of(run),
                METRIC_ANNOTATION: text(metric, "name"),
            },
            "ownerReferences": [
                {
                    "apiVersion": ANALYSIS_RUN.api_version,
                    "kind": ANALYSIS_RUN.kind,
                    "name": name_of(run),
                    "uid": uid_of(run),
                    "controller": True,
                    "blockOwnerDeletion": True,
                }
            ],
        },
        "spec": dict(mapping(spec, "spec")),
    }
