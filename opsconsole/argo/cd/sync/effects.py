"""What a sync does to a cluster, as a protocol: the sandbox's store, or a note of what would be done."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from opsconsole.argo.cd.identity import Obj
from opsconsole.model.objects import Object


class EffectError(Exception):
    """The cluster refused; the message is the API's own. `missing` when the object is not there."""

    def __init__(self, message: str, *, missing: bool = False) -> None:
        super().__init__(message)
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Application:
    """How one object is applied (`sync_context.go`, applyObject)."""

    dry_run: bool = False
    force: bool = False
    validate: bool = True
    replace: bool = False
    server_side: bool = False
    there: bool = False
    """Whether the sync has seen the object live: a replace of it is no creation."""

    migrate_from: str = ""
    """The manager whose fields a server-side apply takes over, where it has any."""


class Effects(Protocol):
    """All raise EffectError when refused."""

    def unserved(self, api_version: str, kind: str) -> str:
        """What the API says when it does not know that version of a kind, else ""."""
        ...

    def permitted(self, obj: Object) -> str:
        """Why the project does not permit an object, or ""."""
        ...

    def find(self, obj: Object) -> Obj | None:
        """The live object of that kind, namespace and name."""
        ...

    def apply(self, target: Object, how: Application) -> str:
        """Create or change; what kubectl would print ("configmap/a created")."""
        ...

    def delete(self, live: Object, propagation: str) -> None: ...

    def set_finalizers(self, live: Object, finalizers: list[str]) -> None: ...
