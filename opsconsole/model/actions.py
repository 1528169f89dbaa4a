"""The one registry of actions: it feeds key bindings, the palette, help and the command line.

What an action writes is decided by the engine's planner; when it is allowed, by its guards.
"""

from __future__ import annotations

from dataclasses import dataclass

from opsconsole.model.plans import Risk


@dataclass(frozen=True, slots=True)
class ActionSpec:
    """`scope` is `application`, `rollout` or `commit`: what must be selected.

    `key` is Textual's name of the key; keys that change production are upper case or `s`.
    `command` are the words of the command line, empty when there is none. `api` tells whether
    it writes to the cluster, to git, or both.
    """

    id: str
    label: str
    key: str
    scope: str
    risk: Risk
    help: str
    command: tuple[str, ...] = ()
    writes: str = "cluster"


ACTIONS: tuple[ActionSpec, ...] = (
    ActionSpec("refresh", "Refresh", "r", "application", Risk.NONE,
               "Ask Argo CD to compare with git now", ("refresh",)),
    ActionSpec("hard-refresh", "Hard refresh", "ctrl+r", "application", Risk.NONE,
               "Refresh and render the manifests anew", ("refresh", "--hard")),
    ActionSpec("sync", "Sync", "s", "application", Risk.MEDIUM,
               "Apply the desired revision", ("sync",)),
    ActionSpec("terminate", "Terminate operation", "T", "application", Risk.MEDIUM,
               "Stop the running sync operation", ("terminate",)),
    ActionSpec("promote", "Promote", "P", "rollout", Risk.MEDIUM,
               "End the pause, or go to the next step", ("promote",)),
    ActionSpec("promote-full", "Promote fully", "F", "rollout", Risk.HIGH,
               "Skip all steps, pauses and analysis", ("promote", "--full")),
    ActionSpec("abort", "Abort", "A", "rollout", Risk.MEDIUM,
               "Send all traffic back to the stable revision", ("abort",)),
    ActionSpec("retry", "Retry", "Y", "rollout", Risk.MEDIUM,
               "Start an aborted update again at the first step", ("retry",)),
    ActionSpec("undo", "Undo", "U", "rollout", Risk.MEDIUM,
               "Put the template of an earlier revision back", ("undo",)),
    ActionSpec("pause", "Pause", "Z", "rollout", Risk.LOW,
               "Hold the rollout where it is (spec.paused)", ("pause",)),
    ActionSpec("restart", "Restart pods", "B", "rollout", Risk.MEDIUM,
               "Replace the pods, a few at a time", ("restart",)),
    ActionSpec("set-image", "Set image", "I", "rollout", Risk.MEDIUM,
               "Change a container's image in the cluster", ("set", "image")),
    ActionSpec("revert", "Revert commit", "R", "commit", Risk.MEDIUM,
               "git revert of the chosen commit, and push", ("revert",), "git"),
)  # fmt: skip

BY_ID = {spec.id: spec for spec in ACTIONS}
