"""Starts the sealed-secrets controller; `sandbox.cluster` finds it here."""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.runtime import Controller
from opsconsole.sandbox.sealed.controller import SealedSecretController


def controllers(cluster: Cluster) -> Iterable[Controller]:
    return (SealedSecretController(cluster.store),)
