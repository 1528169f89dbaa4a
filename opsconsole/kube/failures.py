"""From HTTP statuses and socket faults to our errors.

Separate so that there is one place where foreign text enters a message: bounded, without
request bodies and without anything that looks like a credential.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from opsconsole.errors import (
    ApiError,
    ConflictError,
    DeniedError,
    NotFoundError,
    OpsError,
    ThrottledError,
    UnreachableError,
    bounded,
)
from opsconsole.model.objects import number, text

_SECRET = re.compile(
    r"(?i)(bearer\s+|basic\s+|token[\"'=:\s]+|password[\"'=:\s]+)[^\s\"',;]{6,}"
    r"|eyJ[\w-]{10,}\.[\w-]{10,}(?:\.[\w-]*)?"
)

LOG_IN = "log in again with the tool that made this kubeconfig, then press r or restart"


def redacted(foreign: object) -> str:
    """Foreign text that may be shown: bounded, tokens replaced by `***`."""
    return bounded(_SECRET.sub(lambda m: (m[1] or "") + "***", str(foreign)))


def status_of(raw: bytes) -> Mapping[str, Any]:
    """The `metav1.Status` in a body, or an empty mapping."""
    if raw.lstrip()[:1] != b"{":
        return {}
    try:
        found = json.loads(raw)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, Mapping) and found.get("kind") == "Status" else {}


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds of a `Retry-After` header; None when absent or a date."""
    value = headers.get("Retry-After", "")
    return float(value) if re.fullmatch(r"\d{1,6}", value) else None


def from_status(
    code: int, status: Mapping[str, Any], where: str, headers: Mapping[str, str] | None = None
) -> OpsError:
    """The error for an HTTP answer or for an in-stream `Status`; `where` names what was asked."""
    message = redacted(text(status, "message") or f"the server answered {code}")
    reason = text(status, "reason")
    what = f"{where}: {message}"
    if code == 401:
        return DeniedError(f"{where}: the cluster does not accept our credentials", hint=LOG_IN)
    if code == 403:
        return DeniedError(what, hint="ask whoever runs the cluster for this permission")
    if code == 404:
        return NotFoundError(what, status=404, reason=reason)
    if code == 409 and reason != "AlreadyExists":
        return ConflictError(what, status=409, reason=reason)
    wait = retry_after(headers or {})
    if code == 429 or (code == 503 and wait is not None):
        asked = wait if wait is not None else float(number(status, "details", "retryAfterSeconds"))
        return ThrottledError(what, status=code, retry_after=asked or 1.0)
    return ApiError(what, status=code, reason=reason)


def from_socket(fault: BaseException, where: str, server: str) -> UnreachableError:
    """The error for a connection that failed, broke or took too long."""
    import ssl

    if isinstance(fault, TimeoutError):
        return UnreachableError(f"{where}: no answer from {server} in time")
    cause: BaseException | None = fault
    while cause is not None and not isinstance(cause, ssl.SSLError):
        cause = cause.__cause__ or getattr(cause, "os_error", None)
    if cause is not None or "ssl" in type(fault).__name__.lower():
        return UnreachableError(
            f"{where}: TLS with {server} failed: {redacted(cause or fault)}",
            hint="check certificate-authority of the cluster in the kubeconfig",
        )
    detail = redacted(fault) or type(fault).__name__
    return UnreachableError(f"{where}: cannot talk to {server}: {detail}")
