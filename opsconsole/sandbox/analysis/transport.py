"""How the sandbox's analyses reach a metric endpoint.

In-process first: `Endpoints` knows the addresses that the sandbox itself answers (its metric
endpoint, a scenario's answers). An address on loopback is really called, with virtual time
standing still meanwhile; everything else does not exist here. Separate so that providers only
build requests and read answers.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from opsconsole.errors import RuleError

MAX_BODY = 4 << 20
"""Bytes of an answer that are read; more is an error."""


@dataclass(frozen=True, slots=True)
class Request:
    """`timeout` in seconds of real time; `body` None for a request without one."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes | None = None
    timeout: float = 10.0
    insecure: bool = False


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    body: bytes


class RequestError(RuleError):
    """No answer: `message` is what Go's HTTP client says. `reading`: the body broke off."""

    def __init__(self, message: str, *, reading: bool = False) -> None:
        super().__init__(message)
        self.reading = reading


Result = Response | RequestError
Done = Callable[[Result], None]


class Endpoint(Protocol):
    """Something of the sandbox that answers HTTP requests in-process."""

    def respond(self, request: Request) -> Response: ...


class Transport(Protocol):
    def send(self, request: Request, done: Done) -> None:
        """Call `done` once, at once or later, on the thread that owns the simulation."""


Resolver = Callable[[str], Endpoint | None]
"""URL → who answers it in-process."""


class TextEndpoint:
    """An endpoint of a function: (method, path with query, body) → (status, body)."""

    def __init__(self, call: Callable[[str, str, str], tuple[int, str]]) -> None:
        self.call = call

    def respond(self, request: Request) -> Response:
        parts = urllib.parse.urlsplit(request.url)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        body = (request.body or b"").decode("utf-8", "replace")
        status, answer = self.call(request.method, target, body)
        return Response(status, answer.encode())


def serving(prefix: str, endpoint: Endpoint) -> Resolver:
    """A resolver: `endpoint` answers every URL under `prefix` ("http://prometheus.test:9090")."""
    return lambda url: endpoint if under(url, prefix) else None


class Endpoints:
    """The transport of a sandbox: its resolvers in order, then `outside` for loopback addresses.

    `resolvers` is read at every request: whoever holds the list may add to it at any time.
    """

    def __init__(self, outside: Transport, resolvers: list[Resolver] | None = None) -> None:
        self.outside = outside
        self.resolvers: list[Resolver] = [] if resolvers is None else resolvers

    def serve(self, prefix: str, endpoint: Endpoint) -> None:
        """`endpoint` answers every URL under `prefix` from now on, before those known so far."""
        self.resolvers.insert(0, serving(prefix, endpoint))

    def send(self, request: Request, done: Done) -> None:
        for resolve in self.resolvers:
            endpoint = resolve(request.url)
            if endpoint is not None:
                done(_answered(endpoint, request))
                return
        try:
            if is_loopback(request):
                self.outside.send(request, done)
            else:
                done(unreachable(request))
        except RequestError as wrong:
            done(wrong)


def _answered(endpoint: Endpoint, request: Request) -> Result:
    try:
        response = endpoint.respond(request)
    except RequestError as wrong:
        return wrong
    if len(response.body) > MAX_BODY:
        return RequestError(f"response body is larger than {MAX_BODY} bytes", reading=True)
    return response


def under(url: str, prefix: str) -> bool:
    """Whether `url` is `prefix` or below it."""
    base = prefix.rstrip("/")
    return url == base or url.startswith((base + "/", base + "?"))


def failed(request: Request, cause: str) -> RequestError:
    """`url.Error`: Get "http://…": cause."""
    method = request.method.capitalize()
    return RequestError(f'{method} "{request.url}": {cause}')


def split_url(request: Request) -> urllib.parse.SplitResult:
    """RequestError, as Go says it, for a URL that cannot be called."""
    try:
        parts = urllib.parse.urlsplit(request.url)
        _ = parts.port
    except ValueError as wrong:
        raise RequestError(f'parse "{request.url}": {wrong}') from wrong
    if parts.scheme not in ("http", "https"):
        raise failed(request, f'unsupported protocol scheme "{parts.scheme}"')
    if not parts.hostname:
        raise failed(request, "http: no Host in request URL")
    return parts


def is_loopback(request: Request) -> bool:
    host = split_url(request).hostname or ""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def unreachable(request: Request) -> RequestError:
    """An address outside of the sandbox and of this machine."""
    host = split_url(request).hostname or ""
    return failed(
        request,
        f"dial tcp: lookup {host}: no such host"
        " (the sandbox reaches its own endpoints and loopback addresses only)",
    )
