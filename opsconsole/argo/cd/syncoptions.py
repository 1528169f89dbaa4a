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


def option_value(obj: Object, name: str) -> str | None:
    """The value of a resource's option of that name, None where it carries none."""
    return _value(listed(obj, ANNOTATION), name)


def _value(options: Iterable[str], name: str) -> str | None:
    prefix = name + "="
    return next((o.removeprefix(prefix) for o in options if o.startswith(prefix)), None)


def prune_option(live: Object, default: str | None) -> str | None:
    """How a resource is pruned: by its own option `Prune`, else by the application's."""
    own = option_value(live, "Prune")
    return default if own is None else own


@dataclass(frozen=True, slots=True)
class SyncOptions:
    """The `syncOptions` list of an application or an operation."""

    options: tuple[str, ...] = ()

    @classmethod
    def of(cls, options: Iterable[object]) -> SyncOptions:
        return cls(tuple(str(option).strip() for option in options))

    def has(self, option: str) -> bool:
        return option in self.options

    def value(self, name: str) -> str | None:
        """The value of the first option of that name."""
        return _value(self.options, name)

    @property
    def propagation(self) -> str:
        """How pruned objects are deleted; Foreground unless told otherwise."""
        for policy in ("background", "foreground", "orphan"):
            if self.has(f"PrunePropagationPolicy={policy}"):
                return PROPAGATION[policy]
        return "Foreground"


def deletion_option(obj: Object, options: SyncOptions) -> str | None:
    """How a resource goes with its application: by its own option `Delete`, else the application's."""
    own = option_value(obj, "Delete")
    return options.value("Delete") if own is None else own


def wants_confirmation(obj: Object, options: SyncOptions) -> bool:
    """Whether a resource is not deleted or pruned before somebody has approved of it."""
    return "confirm" in (deletion_option(obj, options), prune_option(obj, options.value("Prune")))
