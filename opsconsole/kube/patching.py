"""Sends the writes that a plan shows, exactly once.

Separate so that preconditions and query parameters are added in one place. Nothing here is
ever repeated by itself: an answer that was lost leaves the outcome unknown, and the follower
looks at the cluster instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.errors import NotFoundError
from opsconsole.kube.transport import Transport
from opsconsole.model.requests import PatchType, Request, Verb

MANAGER = "opsconsole"


async def send(transport: Transport, request: Request, *, dry_run: bool = False) -> dict[str, Any]:
    """Send it; the object that the server answered. Raises ConnectError, ApiError."""
    query = [*request.query, ("fieldManager", MANAGER)]
    if request.verb is not Verb.DELETE and not any(k == "fieldValidation" for k, _ in query):
        query.append(("fieldValidation", "Strict"))
    if dry_run:
        query.append(("dryRun", "All"))
    paths = [request.path]
    if request.main_on_404 and request.subresource:
        paths.append(request.kind.path(request.namespace, request.name))
    for path in paths:
        try:
            found = await transport.json(
                request.verb.value,
                path,
                query=query,
                body=preconditioned(request),
                content_type=request.patch_type.value,
            )
        except NotFoundError:
            if path == paths[-1]:
                raise
        else:
            return dict(found) if isinstance(found, Mapping) else {}
    raise AssertionError("unreachable")


def preconditioned(request: Request) -> Any:
    """The body with `resource_version` in it, where it was asked for."""
    version, body = request.resource_version, request.body
    if not version:
        return body
    if request.patch_type is PatchType.JSON:
        test = {"op": "test", "path": "/metadata/resourceVersion", "value": version}
        return [test, *body]
    if request.verb is Verb.DELETE:
        return {**(body or {}), "preconditions": {"resourceVersion": version}}
    held = body if isinstance(body, Mapping) else {}
    meta = held.get("metadata")
    meta = {**meta, "resourceVersion": version} if isinstance(meta, Mapping) else {
        "resourceVersion": version
    }  # fmt: skip
    return {**held, "metadata": meta}
