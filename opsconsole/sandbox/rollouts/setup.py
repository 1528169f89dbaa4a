"""Starts the Rollout controller; `sandbox.cluster` finds it here."""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.rollouts.cleaning import RuleCleaner, ServiceCleaner
from opsconsole.sandbox.rollouts.controller import RolloutController
from opsconsole.sandbox.runtime import Controller


def controllers(cluster: Cluster) -> Iterable[Controller]:
    store = cluster.store
    return (RolloutController(store), ServiceCleaner(store), RuleCleaner(store))
