"""Starts the Experiment controller; `sandbox.cluster` finds it here."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from opsconsole.sandbox.analysis.setup import COMPONENT
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.experiments.controller import ExperimentController
from opsconsole.sandbox.runtime import Controller

if TYPE_CHECKING:
    from opsconsole.sandbox.cluster import Cluster


def controllers(cluster: Cluster) -> Iterable[Controller]:
    store = cluster.store
    return (ExperimentController(store, EventRecorder(store, COMPONENT)),)
