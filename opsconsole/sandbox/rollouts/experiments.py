"""Experiments as a step of a canary: made, watched and ended here (`rollout/experiment.go`).

What an Experiment does is its own controller's business (`sandbox.experiments`).
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from opsconsole.argo.rollouts import experiments as rules
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts import runs
from opsconsole.argo.rollouts.spec import whole
from opsconsole.errors import RuleError
from opsconsole.model.kinds import EXPERIMENT
from opsconsole.model.objects import controller_of, labels_of, mapping, mappings, name_of, text
from opsconsole.sandbox.apierrors import StatusError, bad_request
from opsconsole.sandbox.rollouts.passes import Obj, Pass


def reconcile(p: Pass) -> None:
    """`reconcileExperiments`: create the step's one, react to how it goes, end all others."""
    ro = p.ro
    if p.pauses.aborted or ro.promote_full or p.rollback_within_window:
        cancel(p, [*p.old_experiments, p.experiment])
        return
    if ro.pause_condition(n.INCONCLUSIVE_ANALYSIS) is not None:
        return
    step = ro.current_step
    at_step = step is not None and step.get("experiment") is not None
    current = p.experiment
    if at_step:
        if current is None:
            if p.stable is None:
                return
            current = _create(p)
        _react(p, current)
    others = [ex for ex in p.old_experiments if current is None or name_of(ex) != name_of(current)]
    if current is not None and not at_step:
        others.append(current)
    cancel(p, others)
    for ex in runs.to_delete(
        others,
        p.sets.all,
        successful=ro.run_history_limit("successfulRunHistoryLimit"),
        unsuccessful=ro.run_history_limit("unsuccessfulRunHistoryLimit"),
    ):
        _delete(p, ex)


def _react(p: Pass, current: Obj) -> None:
    phase = runs.phase_of(current)
    if phase == "Inconclusive":
        p.pauses.added.append(n.INCONCLUSIVE_EXPERIMENT)
    elif phase in ("Error", "Failed"):
        message = text(current, "status", "message")
        p.pauses.add_abort(
            "Experiment analysis phase is error/failed" + (f": {message}" if message else "")
        )
    elif phase != "Successful":
        p.experiment = current
        p.canary["currentExperiment"] = name_of(current)


def _create(p: Pass) -> Obj:
    """`createExperimentWithCollisionHandling`."""
    step = rules.current_experiment_step(p.ro)
    assert step is not None
    assert p.stable is not None
    try:
        wanted = rules.experiment(p.ro, step, p.new, p.stable)
    except RuleError as error:
        raise bad_request(error.message) from error
    base = wanted["metadata"]["name"]
    attempt = 0
    while True:
        try:
            made = p.store.create(EXPERIMENT, wanted)
        except StatusError as error:
            if error.reason != "AlreadyExists":
                raise
            there = p.store.get(EXPERIMENT, p.ro.namespace, wanted["metadata"]["name"])
            ours = text(controller_of(there), "uid") == p.ro.uid
            if ours and not runs.is_completed(there) and there.get("spec") == wanted["spec"]:
                return there
            attempt += 1
            wanted = {**wanted, "metadata": {**wanted["metadata"], "name": f"{base}-{attempt}"}}
        else:
            p.event(n.EXPERIMENT_CREATED, f"Created Experiment '{name_of(made)}'")
            return made


def cancel(p: Pass, experiments: Iterable[Obj | None]) -> None:
    for ex in experiments:
        if ex is None or runs.is_completed(ex) or mapping(ex, "spec").get("terminate") is True:
            continue
        live = p.store.find(EXPERIMENT, p.ro.namespace, name_of(ex))
        if live is not None:
            p.store.update(EXPERIMENT, {**live, "spec": {**live["spec"], "terminate": True}})


def _delete(p: Pass, ex: Any) -> None:
    if p.store.find(EXPERIMENT, p.ro.namespace, name_of(ex)) is not None:
        p.store.delete(EXPERIMENT, p.ro.namespace, name_of(ex))


def delete_of_version(p: Pass, digest: str) -> None:
    for ex in p.old_experiments:
        if text(labels_of(ex), n.POD_HASH_LABEL) == digest:
            _delete(p, ex)


def weight_destinations(p: Pass) -> list[dict[str, Any]]:
    """`calculateWeightDestinationsFromExperiment`: traffic of the experiment that runs now."""
    step = rules.current_experiment_step(p.ro)
    if step is None or runs.phase_of(p.experiment) != "Running":
        return []
    weights = {text(t, "name"): whole(t.get("weight")) for t in mappings(step, "templates")}
    found = []
    for template in mappings(p.experiment, "status", "templateStatuses"):
        weight = weights.get(text(template, "name"))
        if weight is not None:
            found.append(
                {
                    "weight": weight,
                    "serviceName": text(template, "serviceName"),
                    "podTemplateHash": text(template, "podTemplateHash"),
                }
            )
    return found
