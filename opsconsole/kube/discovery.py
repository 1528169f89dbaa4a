"""Which server this is and which of our kinds it serves.

Separate because it is asked once, and because its answer only explains: the reflectors find
out by themselves when a kind is missing.
"""

from __future__ import annotations

from collections.abc import Iterable

from opsconsole.errors import NotFoundError
from opsconsole.kube.transport import Transport
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import mappings, text


async def server_version(transport: Transport) -> str:
    """`gitVersion` of `/version`, "v1.35.0". Raises ConnectError, ApiError."""
    return text(await transport.json("GET", "/version"), "gitVersion")


async def missing(transport: Transport, kinds: Iterable[Kind]) -> tuple[Kind, ...]:
    """Kinds that the server does not serve. Raises ConnectError, ApiError."""
    wanted: dict[str, list[Kind]] = {}
    for kind in kinds:
        root = f"/apis/{kind.api_version}" if kind.group else f"/api/{kind.version}"
        wanted.setdefault(root, []).append(kind)
    gone: list[Kind] = []
    for root, group in wanted.items():
        try:
            listed = mappings(await transport.json("GET", root), "resources")
        except NotFoundError:
            listed = []
        served = {text(resource, "name") for resource in listed}
        gone += [kind for kind in group if kind.plural not in served]
    return tuple(gone)
