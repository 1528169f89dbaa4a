"""Sync options: those of an application or operation, and those of a resource's annotation.

gitops-engine `pkg/sync/common/types.go`; matched by exact spelling, except Prune and Delete.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from opsconsole.argo.cd.hooks import listed
from opsconsole.model.objects import Object

ANNOTATION = "argocd.argoproj.io/sync-options"

PROPAGATION = {"foreground": "Foreground", "background": "Background", "orphan": "Orphan"}


def has_option(obj: Object, option: str) -> bool:
    """Whether a resource carries that option in its annotation."""
    return option in listed(obj, ANNOTATION)


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The `syncOptions` list of an application or an operation."""

    options: frozenset[str] = frozenset()

    @classmethod
    def of(cls, options: Iterable[object]) -> SyncOptions:
        return cls(frozenset(str(option).strip() for option in options))

    def has(self, option: str) -> bool:
        return option in self.options

    @property
    def propagation(self) -> str:
        """How pruned objects are deleted; Foreground unless told otherwise."""
        for option in self.options:
            name, _, value = option.partition("=")
            if name == "PrunePropagationPolicy" and value in PROPAGATION:
                return PROPAGATION[value]
        return "Foreground"
