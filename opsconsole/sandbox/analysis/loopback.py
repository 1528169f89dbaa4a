"""Real HTTP to an address on loopback, with virtual time held while it runs.

On the loop of `sandbox.pacing` the request is a task; where nothing runs a loop (a player in
a plain thread) it blocks for at most its timeout. Errors are spelled as Go's client does.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Coroutine
from typing import Any

import aiohttp

from opsconsole.aio.tasks import supervise
from opsconsole.sandbox.analysis.transport import (
    MAX_BODY,
    Done,
    Request,
    RequestError,
    Response,
    Result,
    failed,
    split_url,
)
from opsconsole.sandbox.kernel import Simulation

_TIMEOUT = "context deadline exceeded"


class Loopback:
    """A transport for loopback addresses."""

    def __init__(self, simulation: Simulation) -> None:
        self.simulation = simulation

    def send(self, request: Request, done: Done) -> None:
        self.simulation.hold()
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            self._finish(_blocking(exchange(request)), done)
            return
        supervise(self._run(request, done), name=f"metric {request.url}")

    async def _run(self, request: Request, done: Done) -> None:
        result: Result = RequestError("the request was cancelled")
        try:
            result = await exchange(request)
        finally:
            self._finish(result, done)

    def _finish(self, result: Result, done: Done) -> None:
        self.simulation.release()
        done(result)


def _blocking(work: Coroutine[Any, Any, Result]) -> Result:
    return asyncio.run(work)


async def exchange(request: Request) -> Result:
    """One request and its bounded answer; never raises for what the other side does."""
    try:
        async with asyncio.timeout(request.timeout):
            return await _exchange(request)
    except TimeoutError:
        return failed(request, f"{_TIMEOUT} (Client.Timeout exceeded while awaiting headers)")
    except RequestError as wrong:
        return wrong
    except (aiohttp.ClientError, OSError, ValueError) as wrong:
        return failed(request, _cause(request, wrong))


async def _exchange(request: Request) -> Result:
    secure = split_url(request).scheme == "https"
    connector = aiohttp.TCPConnector(ssl=_no_checks() if secure and request.insecure else True)
    async with aiohttp.ClientSession(connector=connector, trust_env=False) as session:
        call = session.request(
            request.method,
            request.url,
            data=request.body,
            headers=dict(request.headers),
            allow_redirects=True,
            max_redirects=10,
        )
        async with call as response:
            return Response(response.status, await _body(response))


async def _body(response: aiohttp.ClientResponse) -> bytes:
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in response.content.iter_chunked(1 << 16):
            size += len(chunk)
            if size > MAX_BODY:
                raise RequestError(f"response body is larger than {MAX_BODY} bytes", reading=True)
            chunks.append(chunk)
    except aiohttp.ClientPayloadError:
        raise RequestError("unexpected EOF", reading=True) from None
    except asyncio.CancelledError:
        # the timeout of `exchange` while the body comes in
        raise RequestError(
            f"{_TIMEOUT} (Client.Timeout or context cancellation while reading body)", reading=True
        ) from None
    return b"".join(chunks)


def _cause(request: Request, wrong: Exception) -> str:
    parts = split_url(request)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if isinstance(wrong, aiohttp.ClientConnectorCertificateError | aiohttp.ClientConnectorSSLError):
        return "tls: failed to verify certificate: x509: certificate signed by unknown authority"
    if isinstance(wrong, aiohttp.ClientConnectorError):
        return f"dial tcp {parts.hostname}:{port}: connect: connection refused"
    if isinstance(wrong, aiohttp.TooManyRedirects):
        return "stopped after 10 redirects"
    if isinstance(wrong, aiohttp.ServerDisconnectedError | ConnectionResetError):
        return "EOF"
    if isinstance(wrong, aiohttp.ClientResponseError):
        return "net/http: HTTP/1.x transport connection broken: malformed HTTP response"
    return type(wrong).__name__


def _no_checks() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context
