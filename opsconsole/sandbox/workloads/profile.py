"""How the sandbox's machines behave: one value that every workload controller is given.

Separate so that the recorded stand (`conformance/README.md`) and a believable cluster are
two rows of one table instead of switches spread over the controllers.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsconsole.errors import SandboxError


@dataclass(frozen=True, slots=True)
class Profile:
    """All delays in virtual seconds; pairs are the bounds of a seeded uniform draw."""

    name: str

    instant: bool
    """Pods follow only `instant_ready` and the `test/` annotations; Jobs `instant_job`; no nodes,
    no kubelet events, no grace period: the stand that the recordings were made on."""

    instant_ready: float = 0.6
    """Seconds from a pod's creation until it is Running and Ready (instant only)."""

    instant_job: float = 1.0
    """Seconds from a Job's creation until it completes or fails (instant only)."""

    nodes: int = 3
    """Nodes that the scheduler spreads pods over."""

    scheduling: tuple[float, float] = (0.02, 0.15)
    """From creation to PodScheduled."""

    setup: tuple[float, float] = (0.2, 0.6)
    """From PodScheduled to the first image pull: volumes and the pod's sandbox."""

    pull: tuple[float, float] = (0.8, 2.5)
    """Pulling an image that the node does not have; a present one takes no time."""

    start: tuple[float, float] = (0.1, 0.4)
    """From a pulled image to a started container."""

    stop: tuple[float, float] = (0.2, 1.0)
    """From SIGTERM to the end of a program that listens to it."""

    hpa_status: bool = True
    """Whether HorizontalPodAutoscalers get a status."""


RECORDED = Profile("recorded", instant=True, nodes=0, hpa_status=False)
REALISTIC = Profile("realistic", instant=False)

_BY_NAME = {profile.name: profile for profile in (RECORDED, REALISTIC)}


def profile_named(name: str) -> Profile:
    """`realistic` or `recorded`; SandboxError for anything else."""
    found = _BY_NAME.get(name)
    if found is None:
        raise SandboxError(f"unknown profile {name!r}", hint="use one of: " + ", ".join(_BY_NAME))
    return found
