"""The one word that kubectl and the plugin print for a pod.

Separate because the console, the printed trees and tables must say the same word.
Source: kubernetes `printers/internalversion/printers.go` (printPod) and the plugin's
`info/pod_info.go`, which follows it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.model.objects import dig, mapping, mappings, number, text

BAD = frozenset({
    "Failed", "InvalidImageName", "CrashLoopBackOff", "ImagePullBackOff", "ErrImagePull",
    "RegistryUnavailable", "Error", "OOMKilled", "CreateContainerConfigError",
    "CreateContainerError", "Evicted", "Unknown", "RunContainerError", "ContainerCannotRun",
})  # fmt: skip


def pod_status(pod: Mapping[str, Any]) -> str:
    """`Running`, `ContainerCreating`, `CrashLoopBackOff`, `Init:0/1`, `Terminating`…"""
    status = mapping(pod, "status")
    reason = text(status, "reason") or text(status, "phase") or "Unknown"
    for held in mappings(status, "conditions"):
        if held.get("type") == "PodScheduled" and held.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    initial = _initial(pod)
    reason = initial or _containers(status, reason)
    if dig(pod, "metadata", "deletionTimestamp") is not None:
        return "Unknown" if text(status, "reason") == "NodeLost" else "Terminating"
    return reason


def is_bad(status: str) -> bool:
    """Whether that word tells of a fault rather than of waiting."""
    word = status.removeprefix("Init:")
    return word in BAD or word.startswith(("Signal:", "ExitCode:", "Err"))


def _initial(pod: Mapping[str, Any]) -> str:
    """What is said while an init container has not finished, else empty."""
    wanted = mappings(pod, "spec", "initContainers")
    sidecars = {text(c, "name") for c in wanted if c.get("restartPolicy") == "Always"}
    for index, container in enumerate(mappings(pod, "status", "initContainerStatuses")):
        ended = mapping(container, "state", "terminated")
        if ended and number(ended, "exitCode") == 0:
            continue
        if text(container, "name") in sidecars and container.get("started") is True:
            continue
        if ended:
            return f"Init:{_ending(ended)}"
        waiting = text(container, "state", "waiting", "reason")
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{len(wanted)}"
    return ""


def _ending(ended: Mapping[str, Any]) -> str:
    if text(ended, "reason"):
        return text(ended, "reason")
    if number(ended, "signal"):
        return f"Signal:{number(ended, 'signal')}"
    return f"ExitCode:{number(ended, 'exitCode')}"


def _containers(status: Mapping[str, Any], reason: str) -> str:
    running = False
    for container in reversed(mappings(status, "containerStatuses")):
        state = mapping(container, "state")
        if text(state, "waiting", "reason"):
            reason = text(state, "waiting", "reason")
        elif isinstance(state.get("terminated"), Mapping):
            reason = _ending(mapping(state, "terminated"))
        elif container.get("ready") is True and "running" in state:
            running = True
    if reason == "Completed" and running:
        ready = any(
            c.get("type") == "Ready" and c.get("status") == "True"
            for c in mappings(status, "conditions")
        )
        return "Running" if ready else "NotReady"
    return reason
