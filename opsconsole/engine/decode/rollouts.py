"""A raw Rollout with its ReplicaSets, pods and analysis runs → `model.rollouts.Rollout`.

Separate from `waiting`, which puts into words what it waits for. Numbers and roles follow
`kubectl argo rollouts get` (`info/rollout_info.go`, `info/replicaset_info.go`); the phase is
GetRolloutPhase, because the raw status is stale right after a write.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from opsconsole.argo.podstatus import is_bad, pod_status
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.phase import observed
from opsconsole.argo.rollouts.replicas import current_set_weight
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.engine.decode.reader import Reader
from opsconsole.engine.decode.steps import step_states
from opsconsole.engine.decode.waiting import waits_for
from opsconsole.model.analysis import AnalysisRun
from opsconsole.model.applications import Condition
from opsconsole.model.experiments import Experiment
from opsconsole.model.kinds import ROLLOUT, ResourceKey
from opsconsole.model.objects import (
    annotations_of,
    dig,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
)
from opsconsole.model.rollouts import Pod, Revision, Rollout
from opsconsole.model.times import parse_instant

Raw = Mapping[str, Any]


def rollout(
    obj: Raw,
    sets: Sequence[tuple[Raw, Sequence[Raw]]] = (),
    runs: Sequence[AnalysisRun] = (),
    experiments: Sequence[Experiment] = (),
) -> Rollout:
    """`sets` are (ReplicaSet, its pods) pairs; `runs` the analysis runs that belong to it."""
    read = Reader(obj)
    read.mapping("spec", needed=True)
    read.mapping("status")
    read.mapping("spec", "strategy")
    read.mappings("spec", "strategy", "canary", "steps")
    read.number("spec", "replicas")
    view = RolloutView(obj)
    revisions = tuple(
        sorted(
            (_revision(view, rs, pods) for rs, pods in sets),
            key=lambda r: (-r.number, r.replica_set),
        )
    )
    plain = _plain(read, view)
    waiting, until = waits_for(view, plain.phase, plain.message, revisions)
    return replace(
        plain,
        steps=step_states(view, runs),
        actual_weight=actual_weight(view, revisions),
        images=plain.images or _images(revisions),
        waiting_for=waiting,
        waiting_until=until,
        revisions=revisions,
        runs=tuple(sorted(runs, key=_by_age, reverse=True)),
        experiments=tuple(sorted(experiments, key=_by_age, reverse=True)),
        conditions=tuple(
            Condition(text(c, "type"), _told(c), parse_instant(c.get("lastTransitionTime")))
            for c in read.mappings("status", "conditions")
        ),
        problems=read.problems,
    )


def _plain(read: Reader, view: RolloutView) -> Rollout:
    """What the Rollout says by itself, before anything is joined to it."""
    obj = view.obj
    phase, message = observed(obj)
    return Rollout(
        key=ResourceKey(ROLLOUT, namespace_of(obj), name_of(obj)),
        resource_version=text(obj, "metadata", "resourceVersion"),
        strategy=_strategy(view),
        phase=phase,
        message=message,
        paused_reason="manually paused"
        if view.paused
        else text(view.pause_conditions, 0, "reason"),
        aborted=view.aborted,
        fully_promoted=view.fully_promoted,
        promote_full=view.promote_full,
        steps=(),
        step_index=view.step_index if view.steps else None,
        set_weight=current_set_weight(view) if view.canary is not None else 0,
        actual_weight=0,
        images=images_of(view.template),
        desired=view.replicas,
        current=read.number("status", "replicas"),
        updated=read.number("status", "updatedReplicas"),
        ready=read.number("status", "readyReplicas"),
        available=read.number("status", "availableReplicas"),
        current_hash=view.current,
        stable_hash=view.stable,
        waiting_for="",
        waiting_until=None,
        services=_services(view),
        workload_ref=_workload(view),
    )


def actual_weight(view: RolloutView, revisions: Sequence[Revision]) -> int:
    """ActualWeight of `get rollout` (`info/rollout_info.go:60-80`)."""
    if view.canary is None:
        return 0
    if view.current_step is None:
        return view.max_weight
    available = number(view.status, "availableReplicas")
    if available <= 0:
        return 0
    if view.routing is not None:
        weights = view.weights
        if weights is None:
            return current_set_weight(view)
        return number(weights, "canary", "weight")
    canary = next((r for r in revisions if "canary" in r.roles), None)
    return canary.available * view.max_weight // available if canary is not None else 0


def images_of(template: Raw) -> tuple[str, ...]:
    found = [text(c, "image") for c in mappings(template, "spec", "containers")]
    return tuple(dict.fromkeys(image for image in found if image))


def pod(obj: Raw) -> Pod:
    status = pod_status(obj)
    states = mappings(obj, "status", "containerStatuses")
    return Pod(
        name=name_of(obj),
        status=status,
        ready=sum(1 for state in states if state.get("ready") is True),
        containers=len(mappings(obj, "spec", "containers")),
        restarts=sum(number(state, "restartCount") for state in states),
        created_at=parse_instant(dig(obj, "metadata", "creationTimestamp")),
        healthy=not is_bad(status),
    )


def _strategy(view: RolloutView) -> str:
    if view.blue_green is not None:
        return "BlueGreen"
    return "Canary" if view.canary is not None else ""


def _images(revisions: Sequence[Revision]) -> tuple[str, ...]:
    return revisions[0].images if revisions else ()


def _told(condition: Raw) -> str:
    return text(condition, "message") or text(condition, "reason")


def _by_age(run: AnalysisRun | Experiment) -> tuple[str, str]:
    return (run.created_at.isoformat() if run.created_at else "", run.key.name)


def _workload(view: RolloutView) -> str:
    if view.workload_ref is None:
        return ""
    return f"{text(view.workload_ref, 'kind')}/{text(view.workload_ref, 'name')}"


def _services(view: RolloutView) -> tuple[tuple[str, str], ...]:
    fields = ("stableService", "canaryService", "activeService", "previewService")
    found = [(field.removesuffix("Service"), view.service(field)) for field in fields]
    ping = mapping(view.canary, "pingPong")
    found += [("ping", text(ping, "pingService")), ("pong", text(ping, "pongService"))]
    return tuple(pair for pair in found if pair[1])


def _revision(view: RolloutView, rs: Raw, pods: Sequence[Raw]) -> Revision:
    digest = text(labels_of(rs), n.POD_HASH_LABEL)
    number_text = text(annotations_of(rs), n.REVISION)
    created = sorted(pods, key=lambda p: (text(p, "metadata", "creationTimestamp"), name_of(p)))
    return Revision(
        number=int(number_text) if number_text.isdecimal() and len(number_text) < 10 else 0,
        replica_set=name_of(rs),
        pod_hash=digest,
        images=images_of(mapping(rs, "spec", "template")),
        roles=roles(view, digest),
        status=replica_set_status(rs),
        desired=number(rs, "spec", "replicas"),
        current=number(rs, "status", "replicas"),
        ready=number(rs, "status", "readyReplicas"),
        available=number(rs, "status", "availableReplicas"),
        created_at=parse_instant(dig(rs, "metadata", "creationTimestamp")),
        scale_down_at=parse_instant(annotations_of(rs).get(n.SCALE_DOWN_DEADLINE)),
        pods=tuple(pod(entry) for entry in created),
    )


def roles(view: RolloutView, digest: str) -> tuple[str, ...]:
    """INFO of a ReplicaSet: stable, canary, active, preview, ping, pong (`info/replicaset_info.go`)."""
    if not digest:
        return ()
    found: list[str] = []
    if view.canary is not None:
        if digest == view.stable:
            found.append("stable")
        elif digest == view.current:
            found.append("canary")
        if view.ping_pong and found:
            ping = view.stable_is_ping == (found[0] == "stable")
            found.append("ping" if ping else "pong")
        return tuple(found)
    if digest == view.stable:
        found.append("stable")
    if digest == view.active_selector:
        found.append("active")
    elif digest == view.preview_selector:
        found.append("preview")
    return tuple(found)


def replica_set_status(rs: Raw) -> str:
    """Status of a ReplicaSet as the plugin prints it (`info/replicaset_info.go:95-110`)."""
    for condition in mappings(rs, "status", "conditions"):
        if condition.get("type") == "ReplicaFailure" and condition.get("status") == "True":
            return "ReplicaFailure"
    wanted = number(rs, "spec", "replicas", default=1)
    unobserved = number(rs, "status", "observedGeneration") < number(rs, "metadata", "generation")
    if unobserved or number(rs, "status", "availableReplicas") < wanted:
        return "Progressing"
    return "ScaledDown" if wanted == 0 else "Healthy"
