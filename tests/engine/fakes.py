"""A cluster in-process: the sandbox's store behind the engine's `Cluster` protocol."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from opsconsole.engine.protocols import Connected
from opsconsole.errors import ApiError, ConflictError, NotFoundError, OpsError
from opsconsole.model.feed import Changed, Feed, Interrupted, Listed
from opsconsole.model.kinds import NAMESPACE, Kind
from opsconsole.model.objects import mapping, name_of, namespace_of, text
from opsconsole.model.permissions import Permissions
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.model.selectors import parse_selector
from opsconsole.model.snapshot import Link
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.store import Change, Store


def merged(target: Any, patch: Any) -> Any:
    """RFC 7386."""
    if not isinstance(patch, dict):
        return patch
    found = dict(target) if isinstance(target, dict) else {}
    for key, value in patch.items():
        if value is None:
            found.pop(key, None)
        else:
            found[key] = merged(found.get(key), value)
    return found


class StoreCluster:
    """`trouble[kind]` is an Interrupted that following the kind answers with; `sent` the writes."""

    context = "test"
    namespace = "default"

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or Store(Simulation())
        self.trouble: dict[Kind, Interrupted] = {}
        self.sent: list[Request] = []
        self.refuse: OpsError | None = None
        self.rights = Permissions()
        self.closed = False
        self._feeds: list[tuple[Kind, asyncio.Queue[Feed]]] = []
        self.store.subscribe(self._changed)

    def namespaces(self, *names: str) -> None:
        for name in names:
            self.store.create(NAMESPACE, {"metadata": {"name": name}})

    def put(self, kind: Kind, obj: dict[str, Any]) -> dict[str, Any]:
        """Create with its status in one go."""
        made = self.store.create(kind, obj)
        if "status" in obj and self.store.resources.of(kind).status:
            made = self.store.update(kind, {**made, "status": obj["status"]}, subresource="status")
        return made

    def change(self, kind: Kind, namespace: str, name: str, patch: dict[str, Any]) -> None:
        """A merge patch by somebody else."""
        self._merge(kind, namespace, name, patch)

    def _changed(self, change: Change) -> None:
        for kind, queue in self._feeds:
            if kind == change.kind:
                queue.put_nowait(Changed(change.type, change.object))

    def say(self, kind: Kind, item: Feed) -> None:
        for followed, queue in self._feeds:
            if followed == kind:
                queue.put_nowait(item)

    async def follow(
        self, kind: Kind, namespace: str = "", *, labels: str = "", fields: str = ""
    ) -> AsyncIterator[Feed]:
        del fields
        while (bad := self.trouble.get(kind)) is not None and not (
            bad.link is Link.DENIED and namespace
        ):
            yield bad
            await asyncio.sleep(bad.retry_in)
        queue: asyncio.Queue[Feed] = asyncio.Queue()
        self._feeds.append((kind, queue))
        wanted = parse_selector(labels)
        yield Listed(tuple(self.store.objects(kind, namespace, labels=wanted)))
        while True:
            yield await queue.get()

    async def get(self, kind: Kind, namespace: str, name: str) -> dict[str, Any]:
        found = self.store.find(kind, namespace, name)
        if found is None:
            raise NotFoundError(f"{kind.resource} {name} not found", status=404)
        return found

    async def send(self, request: Request, *, dry_run: bool = False) -> dict[str, Any]:
        assert not dry_run
        if self.refuse is not None:
            raise self.refuse
        self.sent.append(request)
        old = await self.get(request.kind, request.namespace, request.name)
        version = text(old, "metadata", "resourceVersion")
        if request.resource_version and request.resource_version != version:
            raise ConflictError("it moved", status=409)
        try:
            if request.verb is Verb.PUT:
                return self.store.update(request.kind, request.body)
            if request.patch_type is PatchType.JSON:
                assert [op["path"] for op in request.body] == ["/spec/template"]
                patch = {**old, "spec": {**old["spec"], "template": request.body[0]["value"]}}
                return self.store.update(request.kind, patch)
            return self._merge(request.kind, request.namespace, request.name, request.body)
        except StatusError as fault:
            raise ApiError(fault.message, status=fault.code) from fault

    def _merge(self, kind: Kind, namespace: str, name: str, patch: Any) -> dict[str, Any]:
        old = self.store.get(kind, namespace, name)
        new = merged(old, patch)
        if self.store.resources.of(kind).status and "status" in patch:
            made = self.store.update(kind, new, subresource="status")
            if set(patch) == {"status"}:
                return made
            new = {**new, "metadata": {**mapping(new, "metadata"), "resourceVersion": ""}}
        return self.store.update(kind, new)

    async def permissions(self, namespace: str) -> Permissions:
        del namespace
        return self.rights

    async def close(self) -> None:
        self.closed = True

    async def connect(self) -> Connected:
        return Connected(self)


def key_of(obj: dict[str, Any]) -> tuple[str, str]:
    return namespace_of(obj), name_of(obj)
