"""How we prove who we are, and how that proof is renewed.

Separate from reading the kubeconfig: a credential lives as long as the connection. The
generated client's own refreshing is not used: it goes on unauthenticated when a plugin
fails, and it never renews token files or client certificates.
"""

from __future__ import annotations

import base64
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Protocol

from opsconsole.aio.clock import Clock
from opsconsole.errors import DeniedError

MARGIN = timedelta(seconds=60)
"""A token is renewed this long before it expires."""

FILE_AGE = 60.0
"""Seconds after which a token file is read again (kubelet rotates projected tokens)."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """Paths of PEM files, or PEM text; `key` may be empty when the file holds both."""

    certificate: str
    key: str


@dataclass(frozen=True, slots=True)
class Proof:
    """`authorization` is the header's value, or empty. `expires` in UTC."""

    authorization: str = ""
    certificate: Certificate | None = None
    expires: datetime | None = None


class Credential(Protocol):
    async def proof(self, *, fresh: bool = False) -> Proof:
        """What to send now; with `fresh` after a 401, made anew. DeniedError when it cannot be."""
        ...


class Fixed:
    """Nothing, a token, a password or a client certificate that stand in the kubeconfig."""

    def __init__(self, proof: Proof) -> None:
        self._proof = proof

    async def proof(self, *, fresh: bool = False) -> Proof:
        del fresh
        return self._proof


class TokenFile:
    """A bearer token in a file that somebody else keeps current."""

    def __init__(self, path: Path, clock: Clock) -> None:
        self._path = path
        self._clock = clock
        self._read_at = float("-inf")
        self._proof = Proof()

    async def proof(self, *, fresh: bool = False) -> Proof:
        if fresh or self._clock.monotonic() - self._read_at > FILE_AGE:
            try:
                token = self._path.read_text(encoding="utf-8").strip()
            except (OSError, UnicodeDecodeError) as fault:
                raise DeniedError(f"cannot read the token file {self._path}: {fault}") from fault
            if not token or not token.isprintable() or " " in token:
                raise DeniedError(f"the token file {self._path} holds no token")
            self._proof = bearer(token)
            self._read_at = self._clock.monotonic()
        return self._proof


class Renewed:
    """A proof made by `make` (an exec plugin), kept until shortly before it expires."""

    def __init__(self, make: Callable[[], Awaitable[Proof]], clock: Clock) -> None:
        self._make = make
        self._clock = clock
        self._held: Proof | None = None

    async def proof(self, *, fresh: bool = False) -> Proof:
        held = self._held
        old = held is not None and held.expires and held.expires - MARGIN <= self._clock.now()
        if held is None or fresh or old:
            held = self._held = await self._make()
        return held


def bearer(token: str, expires: datetime | None = None) -> Proof:
    return Proof(authorization=f"Bearer {token}", expires=expires)


def basic(user: str, password: str) -> Proof:
    packed = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return Proof(authorization=f"Basic {packed}")
