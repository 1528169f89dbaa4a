"""The Experiment controller: ReplicaSets and Services of the templates, then the analyses.

Rules: `argo.experiments`; here is only reading and writing.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any

from opsconsole.argo.analysis.arguments import HASH_LABEL
from opsconsole.argo.analysis.phases import ERROR, FAILED, INCONCLUSIVE, PENDING, is_completed
from opsconsole.argo.analysis.templates import create_with_collision_counter, new_analysis_run
from opsconsole.argo.experiments import parts, status
from opsconsole.errors import RuleError
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    ANALYSIS_TEMPLATE,
    CLUSTER_ANALYSIS_TEMPLATE,
    EXPERIMENT,
    REPLICA_SET,
    SERVICE,
    Kind,
)
from opsconsole.model.objects import (
    annotations_of,
    controller_of,
    flag,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Obj, Store

DEADLINE = "scale-down-deadline"

_BAD = (FAILED, ERROR, INCONCLUSIVE)


def _owner(change: Change) -> Iterable[Key]:
    owner = controller_of(change.object)
    if text(owner, "kind") == EXPERIMENT.kind:
        return (Key(namespace_of(change.object), text(owner, "name")),)
    return ()


class ExperimentController:
    name = "experiments"

    def __init__(self, store: Store, recorder: EventRecorder) -> None:
        self.store = store
        self.recorder = recorder

    def watches(self) -> Iterable[Watch]:
        return (
            Watch(EXPERIMENT),
            Watch(REPLICA_SET, _owner),
            Watch(SERVICE, _owner),
            Watch(ANALYSIS_RUN, _owner),
        )

    def reconcile(self, key: Key) -> float | None:
        experiment = self.store.find(EXPERIMENT, key.namespace, key.name)
        if experiment is None or mapping(experiment, "metadata").get("deletionTimestamp"):
            return None
        fault = status.problem(experiment)
        if fault:
            return self._refuse(experiment, fault)
        one = _Pass(self.store, self.recorder, experiment)
        return one.run()

    def _refuse(self, experiment: Obj, fault: str) -> float | None:
        now = format_instant(self.store.simulation.now())
        known = mappings(experiment, "status", "conditions")
        if any(text(c, "message") == fault for c in known):
            return None
        condition = {
            "type": "InvalidExperimentSpec",
            "status": "True",
            "reason": "InvalidSpec",
            "message": fault,
            "lastUpdateTime": now,
            "lastTransitionTime": now,
        }
        others = [c for c in known if text(c, "type") != "InvalidExperimentSpec"]
        new = {**mapping(experiment, "status"), "conditions": [*others, condition]}
        new.setdefault("phase", ERROR)
        new.setdefault("message", fault)
        self.recorder.event(experiment, "Warning", "InvalidSpec", fault)
        self.store.update(EXPERIMENT, {**experiment, "status": new})
        return None


class _Pass:
    """One reconcile of one Experiment."""

    def __init__(self, store: Store, recorder: EventRecorder, experiment: Obj) -> None:
        self.store = store
        self.recorder = recorder
        self.experiment = experiment
        self.namespace = namespace_of(experiment)
        self.now = store.simulation.now()
        self.terminating = status.is_terminating(experiment)
        self.status: dict[str, Any] = dict(mapping(experiment, "status"))
        self.replica_sets = self._owned(REPLICA_SET)
        self.services = self._owned(SERVICE)
        self.wait: float | None = None

    def run(self) -> float | None:
        for template in mappings(self.experiment, "spec", "templates"):
            self._template(template)
        for analysis in mappings(self.experiment, "spec", "analyses"):
            self._analysis(analysis)
        before = text(self.status, "phase")
        new = status.next_status(self.experiment, self.status, self.now)
        phase = text(new, "phase")
        if phase != before:
            self._event(
                "Warning" if phase in _BAD else "Normal",
                f"Experiment{phase}",
                f"Experiment transitioned from {before} -> {phase}",
            )
        live = self.store.find(EXPERIMENT, self.namespace, name_of(self.experiment))
        if live is not None and new != live.get("status"):
            self.store.update(EXPERIMENT, {**live, "status": new})
        waits = [w for w in (status.requeue(self.experiment, new, self.now), self.wait) if w]
        return min(waits, default=None)

    def _event(self, type_: str, reason: str, message: str) -> None:
        self.recorder.event(self.experiment, type_, reason, message)

    def _owned(self, kind: Kind) -> dict[str, Obj]:
        """Objects of the Experiment by the name of their template."""
        return {
            text(annotations_of(obj), parts.TEMPLATE_ANNOTATION): obj
            for obj in self.store.owned_by(uid_of(self.experiment), kind)
            if text(annotations_of(obj), parts.NAME_ANNOTATION) == name_of(self.experiment)
        }

    # templates

    def _template(self, template: Mapping[str, Any]) -> None:
        name = text(template, "name")
        before = status.named(mappings(self.status, "templateStatuses"), name)
        entry: dict[str, Any] = dict(before) or {"name": name}
        wanted = status.wanted_replicas(self.experiment, template)
        replica_set = self.replica_sets.get(name)
        if replica_set is None:
            if not self.terminating:
                self._create_replica_set(template, entry)
        else:
            self._service(template, entry, replica_set, wanted)
            if wanted == 0:
                replica_set = self._delay(name, replica_set)
            if number(replica_set, "spec", "replicas") != wanted:
                self._scale(template, entry, replica_set, wanted)
                entry["lastTransitionTime"] = format_instant(self.now)
        entry = status.counted(entry, self.replica_sets.get(name), self.now)
        entry = status.assessed(self.experiment, entry, wanted, self.now)
        self._tell_template(name, text(before, "status"), entry)
        self.status["templateStatuses"] = status.replaced(
            mappings(self.status, "templateStatuses"), entry
        )

    def _tell_template(self, name: str, before: str, entry: Mapping[str, Any]) -> None:
        phase = text(entry, "status")
        if phase == before:
            return
        message = f"Template '{name}' transitioned from {before} -> {phase}"
        if text(entry, "message"):
            message += f": {text(entry, 'message')}"
        self._event(
            "Warning" if phase in (FAILED, ERROR) else "Normal", f"Template{phase}", message
        )

    def _create_replica_set(self, template: Mapping[str, Any], entry: dict[str, Any]) -> None:
        name = text(template, "name")
        wanted = parts.new_replica_set(self.experiment, template, number(entry, "collisionCount"))
        try:
            self.replica_sets[name] = self.store.create(REPLICA_SET, wanted)
        except StatusError as wrong:
            if wrong.reason == "AlreadyExists":
                entry["collisionCount"] = number(entry, "collisionCount") + 1
            entry["status"] = ERROR
            entry["message"] = f"Failed to create ReplicaSet for template '{name}': {wrong.message}"
            return
        entry["lastTransitionTime"] = format_instant(self.now)

    def _service(
        self, template: Mapping[str, Any], entry: dict[str, Any], replica_set: Obj, wanted: int
    ) -> None:
        name = text(template, "name")
        have = self.services.get(name)
        if template.get("service") is None:
            self._delete_service(name, entry)
            return
        if wanted == 0 or have is not None or not parts.service_ports(replica_set):
            return
        new = parts.new_service(self.experiment, template, replica_set)
        try:
            made = self.store.create(SERVICE, new)
        except StatusError as wrong:
            entry["status"] = ERROR
            entry["message"] = (
                f"Failed to create Service {name_of(new)} for template '{name}': {wrong.message}"
            )
            return
        self.services[name] = made
        entry["serviceName"] = name_of(made)
        entry["podTemplateHash"] = text(labels_of(replica_set), HASH_LABEL)

    def _delete_service(self, name: str, entry: dict[str, Any]) -> None:
        have = self.services.pop(name, None)
        if have is None:
            return
        self.store.delete(SERVICE, self.namespace, name_of(have))
        entry.pop("serviceName", None)
        entry.pop("podTemplateHash", None)

    def _delay(self, name: str, replica_set: Obj) -> Obj:
        """The ReplicaSet with the time when it may be scaled down."""
        seconds = status.scale_down_delay(self.experiment)
        have = annotations_of(replica_set)
        if (seconds == 0) == (DEADLINE not in have):
            return replica_set
        new = {key: value for key, value in have.items() if key != DEADLINE}
        if seconds:
            new[DEADLINE] = format_instant(self.now + timedelta(seconds=seconds))
        meta = {**mapping(replica_set, "metadata"), "annotations": new}
        replica_set = self.store.update(REPLICA_SET, {**replica_set, "metadata": meta})
        self.replica_sets[name] = replica_set
        return replica_set

    def _scale(
        self, template: Mapping[str, Any], entry: dict[str, Any], replica_set: Obj, wanted: int
    ) -> None:
        if wanted == 0:
            end = parse_instant(annotations_of(replica_set).get(DEADLINE))
            left = (end - self.now).total_seconds() if end is not None else 0.0
            if left > 0:
                self.wait = left if self.wait is None else min(self.wait, left)
                wanted = status.own_replicas(template)
        have = number(replica_set, "spec", "replicas")
        if have == wanted:
            return
        name = text(template, "name")
        spec = {**mapping(replica_set, "spec"), "replicas": wanted}
        word = "up" if have < wanted else "down"
        try:
            self.replica_sets[name] = self.store.update(REPLICA_SET, {**replica_set, "spec": spec})
        except StatusError as wrong:
            message = f"Failed to scale {name_of(replica_set)} {word}: {wrong.message}"
            self._event("Warning", "ReplicaSetUpdateError", message)
            entry["status"] = ERROR
            entry["message"] = (
                f"Unable to scale ReplicaSet for template '{name}' to desired replica count"
                f" '{wanted}': {wrong.message}"
            )
            return
        self._event(
            "Normal",
            "ScalingReplicaSet",
            f"Scaled {word} ReplicaSet {name_of(replica_set)} from {have} to {wanted}",
        )
        if wanted == 0 and template.get("service") is not None:
            self._delete_service(name, entry)

    # analyses

    def _analysis(self, analysis: Mapping[str, Any]) -> None:
        name = text(analysis, "name")
        before = status.named(mappings(self.status, "analysisRuns"), name)
        entry: dict[str, Any] = dict(before) or {"name": name, "analysisRun": "", "phase": ""}
        self._run_of(analysis, entry)
        phase = text(entry, "phase")
        if phase and phase != text(before, "phase"):
            message = f"AnalysisRun '{name}' transitioned from {text(before, 'phase')} -> {phase}"
            if text(entry, "message"):
                message += f": {text(entry, 'message')}"
            self._event("Warning" if phase in _BAD else "Normal", f"AnalysisRun{phase}", message)
        self.status["analysisRuns"] = status.replaced(mappings(self.status, "analysisRuns"), entry)

    def _run_of(self, analysis: Mapping[str, Any], entry: dict[str, Any]) -> None:
        name = text(analysis, "name")
        kind, fault = (
            (CLUSTER_ANALYSIS_TEMPLATE, "ClusterAnalysisTemplate")
            if flag(analysis, "clusterScope")
            else (ANALYSIS_TEMPLATE, "AnalysisTemplate")
        )
        template = text(analysis, "templateName")
        if not text(self.status, "availableAt"):
            try:
                self.store.get(kind, self.namespace, template)
            except StatusError as wrong:
                text_ = f"{fault} verification failed for analysis '{name}': {wrong.message}"
                entry |= {"phase": ERROR, "message": text_}
            return
        if not text(entry, "analysisRun"):
            if not self.terminating:
                self._create_run(analysis, kind, entry)
            return
        if is_completed(text(entry, "phase")):
            return
        self._follow(name, entry)

    def _follow(self, name: str, entry: dict[str, Any]) -> None:
        try:
            run = self.store.get(ANALYSIS_RUN, self.namespace, text(entry, "analysisRun"))
        except StatusError as wrong:
            entry |= {"phase": ERROR, "message": wrong.message}
            return
        phase = text(run, "status", "phase")
        if not self.terminating:
            entry["phase"] = phase
            message = text(run, "status", "message")
            entry.pop("message", None)
            if message:
                entry["message"] = message
        elif not is_completed(phase) and not flag(run, "spec", "terminate"):
            self._event("Normal", "AnalysisRunTerminating", f"Terminating {name} ({name_of(run)})")
            spec = {**mapping(run, "spec"), "terminate": True}
            self.store.update(ANALYSIS_RUN, {**run, "spec": spec})

    def _create_run(self, analysis: Mapping[str, Any], kind: Kind, entry: dict[str, Any]) -> None:
        name = text(analysis, "name")
        spec = mapping(self.experiment, "spec")
        try:
            found = self.store.get(kind, self.namespace, text(analysis, "templateName"))
            arguments = parts.resolve_arguments(
                mappings(analysis, "args"), self.experiment, self.status, self.replica_sets
            )
            cluster = kind is CLUSTER_ANALYSIS_TEMPLATE
            run = new_analysis_run(
                [] if cluster else [found],
                [found] if cluster else [],
                arguments,
                name=f"{name_of(self.experiment)}-{name}",
                namespace=self.namespace,
                dry_run=mappings(spec, "dryRun"),
                measurement_retention=mappings(spec, "measurementRetention"),
                labels=mapping(spec, "analysisRunMetadata", "labels"),
                annotations=mapping(spec, "analysisRunMetadata", "annotations"),
                owner=parts.owner_reference(self.experiment),
            )
            made = create_with_collision_counter(
                run,
                lambda wanted: self.store.create(ANALYSIS_RUN, wanted),
                lambda wanted: self.store.find(ANALYSIS_RUN, self.namespace, wanted),
            )
        except (RuleError, StatusError) as wrong:
            text_ = f"Failed to create AnalysisRun for analysis '{name}': {wrong.message}"
            entry |= {"phase": ERROR, "message": text_}
            return
        entry |= {"phase": PENDING, "analysisRun": name_of(made)}
