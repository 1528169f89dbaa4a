"""Faults as data: what goes wrong in a rehearsal, and when.

faults:
  - never-ready: {image: "shop:2.1"}        # its pods never get ready
  - crash: {at: 90, image: "shop:2.1"}      # one of its pods fails at virtual second 90
  - metric: {at: 720, answers: {error_rate: 0.4}}
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsconsole.errors import InputError, bounded
from opsconsole.model.kinds import POD
from opsconsole.model.objects import dig, mapping, mappings, text
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.rehearse.answers import Answers
from opsconsole.sandbox.store import Change, Obj

NEVER_READY = "test/ready"
"""The annotation that the recorded stand's kubelet looks for."""


class Faults:
    """Puts the faults of a scenario into its cluster."""

    def __init__(
        self, faults: Sequence[Mapping[str, Any]], cluster: Cluster, answers: Answers
    ) -> None:
        self.cluster = cluster
        self.answers = answers
        kinds: dict[str, Callable[[Mapping[str, Any]], None]] = {
            "never-ready": self._never_ready,
            "crash": self._crash,
            "metric": self._metric,
        }
        for fault in faults:
            for kind, options in fault.items():
                if kind not in kinds:
                    raise InputError(
                        f"there is no fault {bounded(kind, 40)}", hint=", ".join(kinds)
                    )
                kinds[kind](mapping({"o": options}, "o"))

    def _never_ready(self, options: Mapping[str, Any]) -> None:
        image = _needed(options, "image")

        def see(change: Change) -> None:
            if change.kind == POD and change.type == "ADDED" and _runs(change.object, image):
                pod = change.object
                notes = {**mapping(pod, "metadata", "annotations"), NEVER_READY: "never"}
                marked = {**pod, "metadata": {**pod["metadata"], "annotations": notes}}
                self.cluster.simulation.call_later(
                    0, lambda: _update_if_there(self.cluster, marked)
                )

        self.cluster.store.subscribe(see)

    def _crash(self, options: Mapping[str, Any]) -> None:
        image = _needed(options, "image")
        self.cluster.simulation.call_at(_at(options), lambda: self._fail_one(image))

    def _fail_one(self, image: str) -> None:
        """One pod with the image is gone: its node failed, or its program did for good."""
        for pod in self.cluster.store.objects(POD):
            if _runs(pod, image) and dig(pod, "metadata", "deletionTimestamp") is None:
                meta = pod["metadata"]
                self.cluster.store.delete(POD, meta["namespace"], meta["name"], grace=0)
                return

    def _metric(self, options: Mapping[str, Any]) -> None:
        answers = options.get("answers")
        if not isinstance(answers, Mapping):
            raise InputError("the fault `metric` needs `answers`, a mapping")
        self.cluster.simulation.call_at(_at(options), lambda: self.answers.update(answers))


def _update_if_there(cluster: Cluster, pod: Obj) -> None:
    meta = pod["metadata"]
    live = cluster.store.find(POD, meta["namespace"], meta["name"])
    if live is not None:
        notes = {**mapping(live, "metadata", "annotations"), NEVER_READY: "never"}
        marked = {**live, "metadata": {**live["metadata"], "annotations": notes}}
        cluster.store.update(POD, marked)


def _runs(pod: Mapping[str, Any], image: str) -> bool:
    return any(text(c, "image") == image for c in mappings(pod, "spec", "containers"))


def _needed(options: Mapping[str, Any], field: str) -> str:
    found = text(options, field)
    if not found:
        raise InputError(f"a fault needs `{field}`")
    return found


def _at(options: Mapping[str, Any]) -> float:
    at = options.get("at")
    if isinstance(at, bool) or not isinstance(at, int | float) or not 0 <= at < 1e9:
        raise InputError("a fault needs `at`, virtual seconds from the start")
    return float(at)
