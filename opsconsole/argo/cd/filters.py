"""Kinds that an installation does not look at (`util/settings/resources_filter.go`).

Separate because what is left out is left out of targets, of live objects and of orphans alike.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.model.globs import matches
from opsconsole.model.objects import items

CORE: tuple[Mapping[str, Any], ...] = (
    {"apiGroups": ["events.k8s.io", "metrics.k8s.io"]},
    {"apiGroups": [""], "kinds": ["Event"]},
    {"apiGroups": ["coordination.k8s.io"], "kinds": ["Lease"]},
)
"""Left out whatever the configuration says."""


@dataclass(frozen=True)
class ResourceFilter:
    """`resource.exclusions` and `resource.inclusions` of argocd-cm, as the API writes them."""

    exclusions: tuple[Mapping[str, Any], ...] = ()
    inclusions: tuple[Mapping[str, Any], ...] = ()

    def excludes(self, group: str, kind: str, server: str) -> bool:
        """An exclusion wins; where a cluster has inclusions, only they are looked at."""
        if any(_matches(rule, group, kind, server) for rule in (*CORE, *self.exclusions)):
            return True
        if any(_matches(rule, group, kind, server) for rule in self.inclusions):
            return False
        return any(_any(items(rule, "clusters"), server) for rule in self.inclusions)


def _matches(rule: Mapping[str, Any], group: str, kind: str, server: str) -> bool:
    kinds = items(rule, "kinds")
    return (
        _any(items(rule, "apiGroups"), group)
        and (not kinds or kind in kinds or "*" in kinds)
        and _any(items(rule, "clusters"), server)
    )


def _any(patterns: list[Any], value: str) -> bool:
    return not patterns or any(matches(str(pattern), value) for pattern in patterns)
