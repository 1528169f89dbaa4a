"""Comparisons that need not be made again: nothing that they looked at has changed.

Separate from the comparison because it only decides whether to make one. Stored objects and
rendered manifests never change in place, so that identity tells. A commit then costs a look at
each application's files and a new revision in its status, and a comparison of what it touched.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from opsconsole.argo.cd.identity import Obj
from opsconsole.model.objects import Object, annotations_of, name_of
from opsconsole.sandbox.argocd.environment import Destination, Environment
from opsconsole.sandbox.argocd.sources import Generated

if TYPE_CHECKING:
    from opsconsole.sandbox.argocd.comparison import Comparison

Images = Callable[[Obj], list[str]]


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a comparison looked at. `same` are compared by identity, `equal` by value."""

    same: tuple[Any, ...]
    equal: tuple[Any, ...]
    live: tuple[Obj, ...]

    def still(self, now: _Seen) -> bool:
        return (
            len(self.live) == len(now.live)
            and all(a is b for a, b in zip(self.live, now.live, strict=True))
            and len(self.same) == len(now.same)
            and all(a is b for a, b in zip(self.same, now.same, strict=True))
            and self.equal == now.equal
        )


class Remembered:
    """The last comparison of each application, where everything wanted was there and marked."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._kept: dict[tuple[str, str], tuple[_Seen, Comparison]] = {}

    def find(
        self, app: Object, destination: Destination, generated: Sequence[Generated], images: Images
    ) -> Comparison | None:
        """The comparison as it would come out now, or None."""
        known = self._kept.get(self._key(app, destination))
        if known is None:
            return None
        seen, found = known
        if not seen.still(self._seen(app, destination, generated)):
            return None
        shown: dict[str, None] = {}
        for pair in found.pairs:
            if pair.live is not None:
                shown |= dict.fromkeys(images(pair.live))
        return replace(
            found,
            revisions=[one.revision for one in generated],
            images=sorted(shown),
            conditions=[],
        )

    def keep(
        self,
        app: Object,
        destination: Destination,
        generated: Sequence[Generated],
        found: Comparison,
    ) -> None:
        key = self._key(app, destination)
        self._kept.pop(key, None)
        seen = self._seen(app, destination, generated)
        held = {id(obj) for obj in seen.live}
        whole = all(pair.live is not None and id(pair.live) in held for pair in found.pairs)
        if whole and not found.conditions and not found.hooks:
            self._kept[key] = (seen, found)

    def _key(self, app: Object, destination: Destination) -> tuple[str, str]:
        return (destination.server, name_of(app))

    def _seen(self, app: Object, destination: Destination, generated: Sequence[Generated]) -> _Seen:
        environment = self.environment
        return _Seen(
            (
                *(one.manifests for one in generated),
                destination.project,
                destination.store,
                environment.ignores,
            ),
            (
                app.get("spec"),
                annotations_of(app),
                destination.namespace,
                environment.tracking,
                [one.tool for one in generated],
            ),
            tuple(destination.live.of(environment.instance(app))),
        )
