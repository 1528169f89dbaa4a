"""One write to the Kubernetes API, as data: what a Plan shows and what is sent.

Separate so that the plugin's request builders (`argo.commands`), the engine's plans, the
CLI and whatever plays recorded scenarios speak of the same thing.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from opsconsole.model.kinds import Kind


class Verb(StrEnum):
    PATCH = "PATCH"
    PUT = "PUT"
    POST = "POST"
    DELETE = "DELETE"


class PatchType(StrEnum):
    """Content types of a PATCH; `NONE` for the other verbs (JSON)."""

    NONE = "application/json"
    MERGE = "application/merge-patch+json"
    JSON = "application/json-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


@dataclass(frozen=True, slots=True)
class Request:
    """`body` is decoded JSON (an object, or a list for a JSON patch), None for none.

    `main_on_404`: a `status` write that goes to the main resource when the server has no such
    subresource (`promote.go:107-116`). `resource_version` is the version the object must still
    have (sent as a precondition where the verb allows it).
    """

    verb: Verb
    kind: Kind
    namespace: str
    name: str
    body: Any = None
    patch_type: PatchType = PatchType.NONE
    subresource: str = ""
    query: tuple[tuple[str, str], ...] = ()
    main_on_404: bool = False
    resource_version: str = ""

    @property
    def path(self) -> str:
        name = "" if self.verb is Verb.POST else self.name
        return self.kind.path(self.namespace, name, self.subresource)
