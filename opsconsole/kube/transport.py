"""One HTTP connection to one API server: the only place that calls the generated client.

Separate so that timeouts, credentials, retries and error texts are ours: the client's typed
methods parse slowly, time out after 300 s whatever they do and fail after a write succeeded.
Only its low-level `call_api` is used.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import tempfile
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
from kubernetes.aio.client import ApiClient, Configuration
from kubernetes.aio.client.exceptions import ApiException

from opsconsole.aio.backoff import Backoff, Uniform
from opsconsole.errors import ApiError, ConnectError, KubeconfigError, ThrottledError
from opsconsole.kube import failures
from opsconsole.kube.contexts import Target
from opsconsole.kube.credentials import Certificate, Proof

Query = Sequence[tuple[str, str]]

CONNECT = 5.0
"""Seconds to establish a connection."""

READS = 3
"""Attempts of a read that is throttled; writes are never repeated."""

PATIENCE = 20.0
"""Seconds of `Retry-After` that a read waits for; a longer wish is an error at once."""

POOL = 64
"""Connections: one per watch, and room for requests beside them."""

_BIG = 256 * 1024


def decode(raw: bytes) -> Any:
    """JSON text → value. The cyclic collector doubles the time of big documents: paused."""
    if len(raw) < _BIG or not gc.isenabled():
        return json.loads(raw)
    gc.disable()
    try:
        return json.loads(raw)
    finally:
        gc.enable()


@dataclass(frozen=True, slots=True)
class _Call:
    """One request as it is sent, but for the credential."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    body: Any
    limits: aiohttp.ClientTimeout


class Transport:
    """Requests and streams. Owned by one loop; `close()` when done."""

    def __init__(
        self,
        target: Target,
        *,
        luck: Uniform,
        timeout: float = 15.0,
        user_agent: str = "opsconsole",
    ) -> None:
        self.target = target
        self._luck = luck
        self._timeout = timeout
        self._agent = user_agent
        self._client: ApiClient | None = None
        self._certificate: Certificate | None = None

    async def close(self) -> None:
        if self._client is not None:
            await self._client.close()
            self._client = None

    async def json(self, method: str, path: str, **options: Any) -> Any:
        """`request`, decoded. ApiError when the answer is no JSON."""
        raw = await self.request(method, path, **options)
        try:
            return decode(raw) if raw else {}
        except (ValueError, RecursionError) as fault:
            raise ApiError(f"{method} {path}: the server's answer is no JSON") from fault

    async def request(
        self,
        method: str,
        path: str,
        *,
        query: Query = (),
        body: Any = None,
        content_type: str = "application/json",
        accept: str = "application/json",
        within: float | None = None,
    ) -> bytes:
        """The body of a successful answer. Raises ConnectError or ApiError.

        A GET that is throttled waits as asked and tries again; a 401 renews the credential
        once. A write is sent at most once, unless the server refused it with 401.
        """
        where = f"{method} {path}"
        headers = {"Accept": accept, "Content-Type": content_type}
        call = _Call(method, path, tuple(query), headers, body, self._limits(within))
        pause = Backoff(self._luck, base=1.0, cap=PATIENCE)
        for attempt in range(READS):
            try:
                async with self._answer(call) as answer:
                    return bytes(await answer.read())
            except ThrottledError as fault:
                last = attempt == READS - 1
                if method != "GET" or last or fault.retry_after > PATIENCE:
                    raise
                await asyncio.sleep(max(fault.retry_after, pause.next()))
            except (aiohttp.ClientError, OSError) as fault:
                raise failures.from_socket(fault, where, self.target.server) from fault
        raise AssertionError("unreachable")

    @contextlib.asynccontextmanager
    async def stream(
        self, path: str, *, query: Query = (), idle: float
    ) -> AsyncIterator[aiohttp.StreamReader]:
        """The body of a GET as it comes; a silence of `idle` seconds raises TimeoutError inside."""
        limits = aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=idle)
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        async with self._answer(_Call("GET", path, tuple(query), headers, None, limits)) as answer:
            yield answer.content

    def _limits(self, within: float | None) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=within or self._timeout, sock_connect=CONNECT)

    @contextlib.asynccontextmanager
    async def _answer(self, call: _Call) -> AsyncIterator[aiohttp.ClientResponse]:
        for fresh in (False, True):
            answer = await self._send(call, fresh=fresh)
            async with answer:
                if answer.status == 401 and not fresh:
                    continue
                if answer.status >= 400:
                    raw = await answer.content.read(65536)
                    raise failures.from_status(
                        answer.status,
                        failures.status_of(raw),
                        f"{call.method} {call.path}",
                        answer.headers,
                    )
                yield answer
                return

    async def _send(self, call: _Call, *, fresh: bool) -> aiohttp.ClientResponse:
        proof = await self.target.credential.proof(fresh=fresh)
        client = await self._connected(proof)
        sent = {**call.headers, "User-Agent": self._agent}
        if proof.authorization:
            sent["Authorization"] = proof.authorization
        url = self.target.server + quote(call.path, safe="/:@!$&'()*+,;=-._~")
        url += f"?{urlencode(call.query)}" if call.query else ""
        try:
            answer = await client.call_api(
                call.method, url, header_params=sent, body=call.body, _request_timeout=call.limits
            )
        except ApiException as fault:
            what = f"{call.method} {call.path}: {failures.redacted(fault.reason)}"
            raise ConnectError(what) from fault
        response: aiohttp.ClientResponse = answer.response
        return response

    async def _connected(self, proof: Proof) -> ApiClient:
        """The client; a new one when the client certificate changed."""
        if self._client is not None and proof.certificate == self._certificate:
            return self._client
        await self.close()
        self._client = _client(self.target, proof.certificate)
        self._certificate = proof.certificate
        return self._client


def _client(target: Target, certificate: Certificate | None) -> ApiClient:
    configuration = Configuration(host=target.server)
    configuration.connection_pool_maxsize = POOL
    configuration.verify_ssl = not target.insecure
    configuration.tls_server_name = target.tls_server_name or None
    configuration.proxy = target.proxy or None
    configuration.retries = None
    if target.direct:
        configuration.client_session_kwargs = {"trust_env": False}
    if target.ca:
        configuration.ca_cert_data = target.ca
    with tempfile.TemporaryDirectory(prefix="opsconsole-") as folder:
        if certificate is not None:
            # ssl reads certificates from files only; they live as long as this block
            pair = Path(folder, "tls.crt"), Path(folder, "tls.key")
            for path, pem in zip(pair, (certificate.certificate, certificate.key), strict=True):
                path.touch(mode=0o600)
                path.write_text(pem)
            configuration.cert_file, configuration.key_file = str(pair[0]), str(pair[1])
        try:
            return ApiClient(configuration)
        except (OSError, ValueError) as fault:
            raise KubeconfigError(
                f"context {target.context!r}: the certificates cannot be used:"
                f" {failures.redacted(fault)}"
            ) from fault
