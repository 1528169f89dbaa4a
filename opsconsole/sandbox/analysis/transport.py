"""How the sandbox's analyses reach a metric endpoint.

In-process first: `Endpoints` knows the addresses that the sandbox itself answers (its metric
endpoint, a scenario's answers). An address on loopback is really called, with virtual time
standing still meanwhile; everything else does not exist here. Separate so that providers only
build requests and read answers.
"""

from __future__ import annotations

import ipaddress
import urllib.parse
from collections.abc import Callable, Mapping
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


class Endpoints:
    """The transport of a sandbox: resolvers in order, then `outside` for loopback addresses."""

    def __init__(self, outside: Transport) -> None:
        self.outside = outside
        self._resolvers: list[Resolver] = []

    def add(self, resolver: Resolver) -> None:
        """Ask `resolver` too; one that was added later is asked first."""
        self._resolvers.insert(0, resolver)

    def serve(self, prefix: str, endpoint: Endpoint) -> None:
        """`endpoint` answers every URL that starts with `prefix` ("http://metrics.test:9090")."""
        self.add(lambda url: endpoint if under(url, prefix) else None)

    def send(self, request: Request, done: Done) -> None:
        for resolve in self._resolvers:
            endpoint = resolve(request.url)
            if endpoint is not None:
                done(_bounded(endpoint.respond(request)))
                return
        try:
            if is_loopback(request):
                self.outside.send(request, done)
            else:
                done(unreachable(request))
        except RequestError as wrong:
            done(wrong)


def _bounded(response: Response) -> Result:
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


def headers_of(request: Request) -> Mapping[str, str]:
    return dict(request.headers)
