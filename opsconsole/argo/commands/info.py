"""What the plugin shows of a Rollout, worked out from its objects: `pkg/kubectl-argo-rollouts/info`.

Separate from the printing so that the tree, the lists and other layouts say the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from opsconsole.argo.commands import layout
from opsconsole.argo.commands.requests import revision_of
from opsconsole.argo.podstatus import pod_status
from opsconsole.argo.rollouts import names
from opsconsole.argo.rollouts.phase import observed
from opsconsole.argo.rollouts.replicas import current_set_weight
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.model.objects import (
    annotations_of,
    condition,
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import EPOCH, parse_instant

Object = Mapping[str, Any]

TEMPLATE_NAME = "rollout.argoproj.io/experiment-template-name"

_PHASE_ICONS = {
    "Progressing": layout.PROGRESSING, "Error": layout.WARNING, "InvalidSpec": layout.WARNING,
    "Paused": layout.PAUSED, "Healthy": layout.OK, "Degraded": layout.BAD,
    "Unknown": layout.UNKNOWN, "ScaledDown": layout.NEUTRAL,
}  # fmt: skip
_SET_ICONS = {
    "Progressing": layout.PROGRESSING, "Healthy": layout.OK, "ReplicaFailure": layout.BAD,
    "ScaledDown": layout.NEUTRAL,
}  # fmt: skip
_RUN_ICONS = {
    "Successful": layout.OK, "Inconclusive": layout.UNKNOWN, "Failed": layout.BAD,
    "Error": layout.WARNING, "Running": layout.PROGRESSING, "Pending": layout.WAITING,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Item:
    """One line of the tree."""

    name: str
    created: datetime
    status: str
    icon: str


@dataclass(frozen=True, slots=True)
class PodInfo(Item):
    ready: str = "0/0"
    restarts: int = 0


@dataclass(frozen=True, slots=True)
class SetInfo(Item):
    """`tags` in the plugin's order: stable; canary, active or preview; ping or pong."""

    revision: int = 0
    tags: tuple[str, ...] = ()
    template: str = ""
    deadline: str = ""
    replicas: int = 0
    available: int = 0
    images: tuple[str, ...] = ()
    pods: tuple[PodInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class RunInfo(Item):
    revision: int = 0
    successful: int = 0
    failed: int = 0
    inconclusive: int = 0
    error: int = 0
    jobs: tuple[Item, ...] = ()


@dataclass(frozen=True, slots=True)
class ExperimentInfo(Item):
    namespace: str = ""
    message: str = ""
    revision: int = 0
    sets: tuple[SetInfo, ...] = ()
    runs: tuple[RunInfo, ...] = ()


@dataclass(frozen=True, slots=True)
class RolloutInfo(Item):
    namespace: str = ""
    message: str = ""
    strategy: str = ""
    step: str = ""
    set_weight: str = ""
    actual_weight: str = ""
    desired: int = 0
    current: int = 0
    updated: int = 0
    ready: int = 0
    available: int = 0
    sets: tuple[SetInfo, ...] = ()
    experiments: tuple[ExperimentInfo, ...] = ()
    runs: tuple[RunInfo, ...] = ()

    @property
    def revisions(self) -> list[int]:
        found = {s.revision for s in self.sets}
        found |= {e.revision for e in self.experiments} | {r.revision for r in self.runs}
        return sorted(found, reverse=True)


@dataclass(frozen=True, slots=True)
class Related:
    """The objects of one namespace that the tree may show; what is not related is left out."""

    sets: Sequence[Object] = field(default_factory=tuple)
    pods: Sequence[Object] = field(default_factory=tuple)
    experiments: Sequence[Object] = field(default_factory=tuple)
    runs: Sequence[Object] = field(default_factory=tuple)


def rollout_info(rollout: Object, related: Related | None = None) -> RolloutInfo:
    related = related or Related()
    ro = RolloutView(rollout)
    phase, message = observed(rollout)
    status = mapping(rollout, "status")
    sets = _sets(ro.uid, ro, related)
    strategy = (
        "Canary" if ro.canary is not None else "BlueGreen" if ro.blue_green is not None else ""
    )
    step = set_weight = actual = ""
    if ro.canary is not None:
        if ro.step_index is not None and ro.steps:
            step = f"{ro.step_index}/{len(ro.steps)}"
        set_weight = str(current_set_weight(ro))
        actual = str(_actual_weight(ro, sets, set_weight))
    return RolloutInfo(
        name=ro.name,
        created=_created(rollout),
        status=str(phase),
        icon=_PHASE_ICONS.get(str(phase), " "),
        namespace=ro.namespace,
        message=message,
        strategy=strategy,
        step=step,
        set_weight=set_weight,
        actual_weight=actual,
        desired=ro.replicas,
        current=number(status, "replicas"),
        updated=number(status, "updatedReplicas"),
        ready=number(status, "readyReplicas"),
        available=number(status, "availableReplicas"),
        sets=sets,
        experiments=_experiments(ro.uid, related),
        runs=_runs(ro.uid, related.runs),
    )


def _actual_weight(ro: RolloutView, sets: Iterable[SetInfo], set_weight: str) -> Any:
    available = number(ro.status, "availableReplicas")
    if ro.current_step is None:
        return ro.max_weight
    if available <= 0:
        return 0
    if ro.routing is None:
        canary = [s.available for s in sets if "canary" in s.tags]
        return canary[-1] * ro.max_weight // available if canary else 0
    if ro.weights is None:
        return set_weight
    return number(ro.weights, "canary", "weight")


def experiment_info(experiment: Object, related: Related) -> ExperimentInfo:
    phase = text(experiment, "status", "phase")
    uid = uid_of(experiment)
    return ExperimentInfo(
        name=name_of(experiment),
        created=_created(experiment),
        status=phase,
        icon=_RUN_ICONS.get(phase, " "),
        namespace=namespace_of(experiment),
        message=text(experiment, "status", "message"),
        revision=revision_of(experiment),
        sets=_sets(uid, None, related),
        runs=_runs(uid, related.runs),
    )


def images(info: RolloutInfo | ExperimentInfo) -> list[tuple[str, tuple[str, ...]]]:
    """(image, tags) of what runs now, by name; tags of one image are merged and then sorted."""
    found: dict[str, tuple[str, ...]] = {}

    def add(image: str, tags: tuple[str, ...]) -> None:
        found[image] = tuple(sorted({*found[image], *tags})) if image in found else tags

    for rs in info.sets:
        tags = rs.tags if isinstance(info, RolloutInfo) else ()
        if not isinstance(info, RolloutInfo) and rs.template:
            tags = (f"{layout.EXPERIMENT}:{rs.template}",)
        for image in rs.images if rs.replicas > 0 else ():
            add(image, tuple(t for t in _IMAGE_ORDER if t in tags) or tags)
    if isinstance(info, RolloutInfo):
        for experiment in info.experiments:
            for image, tags in images(experiment):
                add(image, tags)
    return sorted(found.items())


_IMAGE_ORDER = ("canary", "stable", "active", "preview", "ping", "pong")


def _owned(obj: Object, uid: str) -> bool:
    return any(text(o, "uid") == uid for o in mappings(obj, "metadata", "ownerReferences"))


def _created(obj: Object) -> datetime:
    return parse_instant(dig(obj, "metadata", "creationTimestamp")) or EPOCH


def _sets(uid: str, ro: RolloutView | None, related: Related) -> tuple[SetInfo, ...]:
    found = [_set(rs, ro, related.pods) for rs in related.sets if _owned(rs, uid)]
    return tuple(sorted(found, key=lambda s: (-s.revision, s.name)))


def _set(rs: Object, ro: RolloutView | None, pods: Sequence[Object]) -> SetInfo:
    status = set_health(rs)
    uid = uid_of(rs)
    own = [_pod(pod) for pod in pods if _owned(pod, uid)]
    notes = annotations_of(rs)
    return SetInfo(
        name=name_of(rs),
        created=_created(rs),
        status=status,
        icon=_SET_ICONS.get(status, " "),
        revision=revision_of(rs),
        tags=set_tags(rs, ro) if ro is not None else (),
        template=text(notes, TEMPLATE_NAME),
        deadline=text(notes, names.SCALE_DOWN_DEADLINE),
        replicas=number(rs, "status", "replicas"),
        available=number(rs, "status", "availableReplicas"),
        images=tuple(
            text(c, "image") for c in mappings(rs, "spec", "template", "spec", "containers")
        ),
        pods=tuple(sorted(own, key=lambda p: (p.created, p.name))),
    )


def set_tags(rs: Object, ro: RolloutView) -> tuple[str, ...]:
    """stable, canary, active, preview, ping, pong (replicaset_info.go)."""
    digest = text(labels_of(rs), names.POD_HASH_LABEL)
    tags: list[str] = []
    if ro.canary is not None:
        ping_pong = bool(mapping(ro.canary, "pingPong"))
        stable_is_ping = text(ro.status, "canary", "stablePingPong") == "ping"
        if ro.stable == digest:
            tags.append("stable")
            if ping_pong:
                tags.append("ping" if stable_is_ping else "pong")
        elif ro.current == digest:
            tags.append("canary")
            if ping_pong:
                tags.append("pong" if stable_is_ping else "ping")
    if ro.blue_green is not None:
        if ro.stable == digest:
            tags.append("stable")
        if ro.active_selector == digest:
            tags.append("active")
        elif ro.preview_selector == digest:
            tags.append("preview")
    return tuple(tags)


def set_health(rs: Object) -> str:
    """ReplicaFailure, Progressing, ScaledDown or Healthy."""
    replicas = number(rs, "spec", "replicas", default=1)
    if number(rs, "metadata", "generation") > number(rs, "status", "observedGeneration"):
        return "Progressing"
    if condition(rs, "ReplicaFailure").get("status") == "True":
        return "ReplicaFailure"
    if number(rs, "status", "availableReplicas") < replicas:
        return "Progressing"
    return "ScaledDown" if replicas == 0 else "Healthy"


def _pod(pod: Object) -> PodInfo:
    status = pod_status(pod)
    own = mappings(pod, "status", "containerStatuses")
    initial = mappings(pod, "status", "initContainerStatuses")
    counted = initial if status.startswith("Init:") else own
    ready = sum(c.get("ready") is True and "running" in mapping(c, "state") for c in own)
    if status.startswith("Init:"):
        ready = 0
    return PodInfo(
        name=name_of(pod),
        created=_created(pod),
        status=status,
        icon=pod_icon(status),
        ready=f"{ready}/{len(mappings(pod, 'spec', 'containers'))}",
        restarts=sum(number(c, "restartCount") for c in counted),
    )


def pod_icon(status: str) -> str:
    if status.startswith("Init:"):
        return layout.PROGRESSING
    if status.startswith(("Signal:", "ExitCode:")):
        return layout.BAD
    if status.endswith("Error") or status.startswith("Err"):
        return layout.WARNING
    return {
        "Pending": layout.PROGRESSING, "Terminating": layout.PROGRESSING,
        "ContainerCreating": layout.PROGRESSING, "Running": layout.OK, "Completed": layout.OK,
        "Failed": layout.BAD, "InvalidImageName": layout.BAD, "CrashLoopBackOff": layout.BAD,
        "ImagePullBackOff": layout.WARNING, "RegistryUnavailable": layout.WARNING,
        "Unknown": layout.UNKNOWN,
    }.get(status, " ")  # fmt: skip


def _runs(uid: str, runs: Sequence[Object]) -> tuple[RunInfo, ...]:
    found = [_run(run) for run in runs if _owned(run, uid)]
    found.sort(key=lambda r: r.name, reverse=True)
    found.sort(key=lambda r: (-r.revision, r.created))
    return tuple(found)


def _run(run: Object) -> RunInfo:
    phase = text(run, "status", "phase")
    results = mappings(run, "status", "metricResults")

    def total(name: str) -> int:
        return sum(number(result, name) for result in results)

    return RunInfo(
        name=name_of(run),
        created=_created(run),
        status=phase,
        icon=_RUN_ICONS.get(phase, " "),
        revision=revision_of(run),
        successful=total("successful"),
        failed=total("failed"),
        inconclusive=total("inconclusive"),
        error=total("error"),
        jobs=tuple(_jobs(results)),
    )


def _jobs(results: Iterable[Object]) -> Iterable[Item]:
    for result in results:
        for measurement in mappings(result, "measurements"):
            name = text(measurement, "metadata", "job-name")
            if name:
                phase = text(measurement, "phase")
                began = parse_instant(measurement.get("startedAt")) or EPOCH
                yield Item(name, began, phase, _RUN_ICONS.get(phase, " "))


def _experiments(uid: str, related: Related) -> tuple[ExperimentInfo, ...]:
    found = [experiment_info(e, related) for e in related.experiments if _owned(e, uid)]
    return tuple(sorted(found, key=lambda e: (-e.revision, e.created)))
