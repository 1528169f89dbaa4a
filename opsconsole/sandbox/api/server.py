"""The HTTP side: aiohttp on loopback, requests in, verbs called, answers and streams out.

Separate from the verbs so that these stay synchronous functions over the store. Runs on the
loop that owns the store; long lists are encoded in pieces so that nothing holds the loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable
from typing import Any

from aiohttp import web

from opsconsole.errors import SandboxError
from opsconsole.model.objects import text
from opsconsole.sandbox.api import discovery, lists, negotiation, openapi, subresources, tables
from opsconsole.sandbox.api.crds import CrdWatcher
from opsconsole.sandbox.api.faults import Fault, Faults
from opsconsole.sandbox.api.logs import printed
from opsconsole.sandbox.api.negotiation import Form
from opsconsole.sandbox.api.target import Call, Reply, Target, locate
from opsconsole.sandbox.api.verbs import Verbs, not_allowed
from opsconsole.sandbox.api.watches import BOOKMARK_INTERVAL, Watch
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.resources import Obj
from opsconsole.sandbox.store import Store

log = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"
LINE = 64 * 1024
"""Bytes of a request line (selectors can be long) or a header."""

DRAIN = 16 * 1024 * 1024
"""Bytes of a body that is too large which are read, so that the client sees the answer."""

PIECE = 100
"""Objects of a list that are encoded before others get a turn."""


class ApiServer:
    """Serves one store. `start` and `stop` on the loop that owns it.

    `logs` gives what a pod printed; without `schemas` definitions' schemas are not looked at;
    `faults` is for tests.
    """

    def __init__(
        self, store: Store, *, logs: subresources.Logs | None = None, schemas: bool = True
    ) -> None:
        self.store = store
        self.faults = Faults()
        self.verbs = Verbs(store)
        self.logs = logs or printed
        self.url = ""
        self.bookmark_interval = BOOKMARK_INTERVAL
        self.requests = 0
        self._crds = CrdWatcher(store, schemas=schemas)
        self._runner: web.ServerRunner | None = None
        self._stopping = asyncio.Event()
        self._documents = openapi.Documents(store.resources)

    async def start(self, port: int = 0) -> str:
        """Listen on loopback; returns the URL. SandboxError when the port is taken."""
        self._stopping.clear()
        self._crds.start()
        server = web.Server(self._handle, access_log=None, max_line_size=LINE, max_field_size=LINE)
        runner = web.ServerRunner(server, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, LOOPBACK, port)
        try:
            await site.start()
        except OSError as error:
            await runner.cleanup()
            raise SandboxError(
                f"the API server cannot listen on {LOOPBACK}:{port}: {error.strerror or error}",
                hint="choose another port, or 0 for any free one",
            ) from error
        self._runner = runner
        self.url = f"http://{LOOPBACK}:{runner.addresses[0][1]}"
        return self.url

    async def stop(self) -> None:
        self._stopping.set()
        self._crds.stop()
        if self._runner is not None:
            await self._runner.cleanup()
            self._runner = None

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        self.requests += 1
        fault: Fault | None = None
        try:
            body = await _body(request)
            call = Call(request.method, request.path, dict(request.query), request.headers, body)
            fault = self.faults.take(call)
            if fault is not None and fault.drop and not fault.after:
                return _cut(request)
            if fault is not None:
                fault.refuse()
            response = await self._answer(request, call, fault)
            if fault is not None and fault.drop:
                return _cut(request)
        except StatusError as error:
            response = _response(Reply(error.code, error.body()))
            retry = (error.details or {}).get("retryAfterSeconds")
            if retry:
                response.headers["Retry-After"] = str(retry)
            if fault is not None:
                response.headers.update(fault.headers)
        except ConnectionError:
            return _cut(request)
        except Exception as error:
            log.exception("request failed: %s %s", request.method, request.path)
            failure = StatusError(
                500, "InternalError", f"Internal error occurred: {type(error).__name__}"
            )
            response = _response(Reply(500, failure.body()))
        return response

    async def _answer(
        self, request: web.BaseRequest, call: Call, fault: Fault | None
    ) -> web.StreamResponse:
        reply = self._fixed(call) or subresources.review(call)
        if reply is not None:
            return _response(reply)
        target = locate(self.store.resources, call.path)
        if target is None:
            return _response(Reply(404, text="404 page not found\n"))
        form = negotiation.accepted(call.headers.get("Accept", ""))
        if call.method == "GET" and not target.name:
            if call.flag("watch"):
                return await self._watch(request, call, target, form, fault)
            return await self._list(call, target, form)
        if call.method == "GET" and call.flag("watch"):
            return await self._watch(request, call, target, form, fault)
        return _response(self._shaped(self._object(call, target), call, target, form), form)

    def _object(self, call: Call, target: Target) -> Reply:
        resource = target.served.resource
        sub = target.subresource
        if sub == "scale" and resource.scale:
            return subresources.scale(self.verbs, call, target)
        if resource.kind.kind == "Pod" and sub == "eviction":
            return subresources.evict(self.verbs, call, target)
        if resource.kind.kind == "Pod" and sub == "log":
            return subresources.logs(self.verbs, call, target, self.logs)
        if resource.kind.kind == "Namespace" and sub == "finalize":
            if call.method != "PUT":
                raise not_allowed()
            sub = ""
            target = Target(target.served, "", target.name)
        if sub and not (sub == "status" and resource.status):
            return Reply(404, text="404 page not found\n")
        if resource.kind.kind == "CustomResourceDefinition":
            reply = self.verbs.answer(call, target)
            self._crds.settle()
            if call.method in ("POST", "PUT", "PATCH") and not call.query.get("dryRun"):
                name = text(reply.value, "metadata", "name")
                reply.value = self.store.find(target.kind, "", name) or reply.value
            return reply
        return self.verbs.answer(call, target)

    def _fixed(self, call: Call) -> Reply | None:
        """What does not depend on objects: version, health, discovery, OpenAPI."""
        path = call.path.rstrip("/") or "/"
        resources = self.store.resources
        if path.startswith("/openapi"):
            return self._documents.answer(call)
        if path in ("/healthz", "/livez", "/readyz") or path.startswith(
            ("/healthz/", "/livez/", "/readyz/")
        ):
            return Reply(text="ok")
        if path == "/version":
            return Reply(value=discovery.VERSION)
        if path == "/":
            return Reply(
                value={
                    "paths": [
                        "/api",
                        "/api/v1",
                        "/apis",
                        "/healthz",
                        "/livez",
                        "/openapi/v2",
                        "/openapi/v3",
                        "/readyz",
                        "/version",
                    ]
                }
            )
        parts = path.strip("/").split("/")
        if parts[0] not in ("api", "apis"):
            return Reply(404, text="404 page not found\n")
        if len(parts) == 1 and "as=APIGroupDiscoveryList" in call.headers.get("Accept", ""):
            for version in ("v2", "v2beta1"):
                media = (
                    f"application/json;g=apidiscovery.k8s.io;v={version};as=APIGroupDiscoveryList"
                )
                if media in call.headers["Accept"]:
                    found = discovery.aggregated(resources, core=parts[0] == "api")
                    found["apiVersion"] = f"apidiscovery.k8s.io/{version}"
                    return Reply(raw=negotiation.encode(found), media=media)
        return self._groups(parts)

    def _groups(self, parts: list[str]) -> Reply | None:
        resources = self.store.resources
        if parts == ["api"]:
            return Reply(value=discovery.api_versions())
        if parts == ["apis"]:
            return Reply(value=discovery.group_list(resources))
        found: dict[str, Any] | None
        if parts[0] == "api" and len(parts) == 2:
            found = discovery.resource_list(resources, "", parts[1])
        elif parts[0] == "apis" and len(parts) == 3:
            found = discovery.resource_list(resources, parts[1], parts[2])
        elif parts[0] == "apis" and len(parts) == 2:
            versions = discovery.groups(resources).get(parts[1])
            found = discovery.group(parts[1], versions) if versions else None
        else:
            return None
        return Reply(value=found) if found else Reply(404, text="404 page not found\n")

    def _shaped(self, reply: Reply, call: Call, target: Target, form: Form) -> Reply:
        """A single object as a Table or its metadata, where the client asked for that."""
        value = reply.value
        if not form.shape or not isinstance(value, dict) or "metadata" not in value:
            return reply
        if value.get("kind") != target.served.kind.kind:
            return reply
        if form.shape == negotiation.TABLE:
            reply.value = self._table(
                call,
                target,
                [target.served.inward(value)],
                {"resourceVersion": value["metadata"].get("resourceVersion", "")},
            )
        else:
            reply.value = tables.partial(value)
        return reply

    def _table(
        self, call: Call, target: Target, objects: Iterable[Obj], meta: dict[str, Any]
    ) -> Obj:
        return tables.table(
            target,
            objects,
            meta,
            now=self.store.simulation.now(),
            include=call.query.get("includeObject", "Metadata"),
        )

    async def _list(self, call: Call, target: Target, form: Form) -> web.StreamResponse:
        page = lists.page(self.store, target, call.query)
        kind = target.served.kind
        if form.shape == negotiation.TABLE:
            return _response(Reply(value=self._table(call, target, page.objects, page.meta())))
        head: dict[str, Any] = {"kind": f"{kind.kind}List", "apiVersion": kind.api_version}
        shape = target.out
        if form.shape:
            head = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}
            shape = tables.partial
        head["metadata"] = page.meta()
        if form.yaml:
            return _response(Reply(value={**head, "items": [shape(o) for o in page.objects]}), form)
        pieces = [negotiation.encode(head)[:-2] + b',"items":[']
        for start in range(0, len(page.objects), PIECE):
            some = [shape(obj) for obj in page.objects[start : start + PIECE]]
            pieces.append((b"," if start else b"") + negotiation.encode(some)[1:-2])
            await asyncio.sleep(0)
        pieces.append(b"]}\n")
        return _response(Reply(raw=b"".join(pieces)))

    async def _watch(
        self, request: web.BaseRequest, call: Call, target: Target, form: Form, fault: Fault | None
    ) -> web.StreamResponse:
        if target.name:
            named = {**call.query}
            target = Target(target.served, target.namespace, target.name)
            call = Call(call.method, call.path, named, call.headers)
        watch = Watch(self.store, call, target, form)
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        try:
            await response.prepare(request)
            if fault is not None and await self._disturb(response, watch, fault):
                return response
            await self._stream(response, watch, call)
            await response.write_eof()
        except (ConnectionError, asyncio.CancelledError):
            if not self._stopping.is_set() and request.transport is not None:
                raise
        finally:
            watch.close()
        return response

    async def _disturb(self, response: web.StreamResponse, watch: Watch, fault: Fault) -> bool:
        """Play a fault into a stream; whether the stream ends with it."""
        for chunk in fault.chunks:
            await response.write(chunk)
        if fault.mute:
            while not self._stopping.is_set():
                await response.write(watch.bookmark())
                await _either(self._stopping.wait(), self.bookmark_interval)
        if fault.stall:
            await self._stopping.wait()
        return fault.close or fault.stall or fault.mute

    async def _stream(self, response: web.StreamResponse, watch: Watch, call: Call) -> None:
        loop = asyncio.get_running_loop()
        seconds = call.query.get("timeoutSeconds", "")
        end = loop.time() + (float(seconds) if seconds.isdigit() and int(seconds) else 3600.0)
        marks = call.flag("allowWatchBookmarks")
        mark_at = loop.time() + self.bookmark_interval
        while not self._stopping.is_set():
            lines = watch.lines()
            if lines:
                await response.write(lines)
                await asyncio.sleep(0)
                continue
            if watch.failed or watch.overrun:
                return
            now = loop.time()
            if marks and now >= mark_at:
                await response.write(watch.bookmark())
                mark_at = now + self.bookmark_interval
            if now >= end:
                if marks:
                    await response.write(watch.bookmark())
                return
            await _either(watch.wake.wait(), min(end, mark_at if marks else end, now + 1.0) - now)


async def _either(waiting: Any, seconds: float) -> None:
    """Wait for something, but not longer."""
    try:
        await asyncio.wait_for(waiting, max(seconds, 0.0))
    except TimeoutError:
        return


async def _body(request: web.BaseRequest) -> bytes:
    if not request.body_exists:
        return b""
    pieces: list[bytes] = []
    size = 0
    async for piece in request.content.iter_any():
        size += len(piece)
        if size <= negotiation.LIMIT:
            pieces.append(piece)
        elif size > DRAIN:
            break
    if size > negotiation.LIMIT:
        raise StatusError(
            413,
            "RequestEntityTooLarge",
            f"Request entity too large: limit is {negotiation.LIMIT}",
        )
    return b"".join(pieces)


def _cut(request: web.BaseRequest) -> web.StreamResponse:
    """End the connection without an answer."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _response(reply: Reply, form: Form | None = None) -> web.Response:
    headers = {"Audit-Id": "sandbox", "Cache-Control": "no-cache, private"}
    if reply.raw is not None:
        response = web.Response(body=reply.raw, status=reply.status, headers=headers)
        response.headers["Content-Type"] = reply.media
    elif reply.text is not None:
        response = web.Response(text=reply.text, status=reply.status, headers=headers)
    elif form is not None and form.yaml:
        from opsconsole.model import yamldoc

        response = web.Response(
            text=yamldoc.dump(reply.value), status=reply.status, headers=headers
        )
        response.headers["Content-Type"] = negotiation.YAML
    else:
        body = negotiation.encode(reply.value)
        response = web.Response(body=body, status=reply.status, headers=headers)
        response.headers["Content-Type"] = reply.media
    for warning in reply.warnings:
        quoted = warning.replace("\\", "\\\\").replace('"', '\\"')
        response.headers.add("Warning", f'299 - "{quoted}"')
    return response
