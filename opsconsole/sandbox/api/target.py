"""What a URL path names: a served kind, an object, a subresource.

Separate from HTTP and from the verbs; paths are those of the Kubernetes API conventions.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import unquote

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import name_of
from opsconsole.sandbox.resources import Obj, Resources, Served


@dataclass(frozen=True, slots=True)
class Call:
    """One request, read whole. `query` has the last value of each parameter."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    def flag(self, name: str) -> bool:
        return self.query.get(name, "") in ("true", "1", "True", "t")

    @property
    def manager(self) -> str:
        """The field manager: asked for, or the client's name."""
        agent = self.headers.get("User-Agent", "unknown")
        return self.query.get("fieldManager") or agent.partition("/")[0] or "unknown"


@dataclass(slots=True)
class Reply:
    """An answer: an object (`value`), plain `text`, or raw bytes with their media type."""

    status: int = 200
    value: Any = None
    text: str | None = None
    raw: bytes | None = None
    media: str = "application/json"
    warnings: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Target:
    """A path of a served kind; empty `name` means the collection."""

    served: Served
    namespace: str = ""
    name: str = ""
    subresource: str = ""

    @property
    def kind(self) -> Kind:
        """The kind under which the objects are stored."""
        return self.served.resource.kind

    def out(self, obj: Obj) -> Obj:
        return self.served.outward(obj)

    def admits(self, obj: Mapping[str, Any]) -> bool:
        """Whether an object lies under this path."""
        if self.namespace and obj["metadata"].get("namespace") != self.namespace:
            return False
        return not self.name or name_of(obj) == self.name


def locate(resources: Resources, path: str) -> Target | None:
    """The target of a path; None for one that serves no kind. A `watch/` prefix is left out."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    if len(parts) >= 3 and parts[0] == "api" and parts[1] == "v1":
        group, version, rest = "", "v1", parts[2:]
    elif len(parts) >= 4 and parts[0] == "apis":
        group, version, rest = parts[1], parts[2], parts[3:]
    else:
        return None
    namespace = ""
    if len(rest) >= 3 and rest[0] == "namespaces" and rest[2] not in ("status", "finalize"):
        namespace, rest = rest[1], rest[2:]
    served = resources.served(group, version, rest[0])
    if served is None or (namespace and not served.kind.namespaced) or len(rest) > 3:
        return None
    name = rest[1] if len(rest) > 1 else ""
    return Target(served, namespace, name, rest[2] if len(rest) > 2 else "")
