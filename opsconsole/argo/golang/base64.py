"""Go's `base64.StdEncoding.DecodeString`, with the place of what it refuses.

Separate because expressions, templates, Secrets and sealed values all show its error.
"""

from __future__ import annotations

import base64
import binascii

from opsconsole.errors import RuleError

_ALPHABET = frozenset(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
_BREAKS = frozenset(b"\r\n")
_PAD = ord("=")
_QUANTUM = 4


def decode(text: str) -> bytes:
    """Line breaks are passed over. Raises RuleError with Go's text (`illegal base64 data at input byte 4`)."""
    raw = text.encode()
    at = _corrupt(raw)
    if at is not None:
        raise RuleError(f"illegal base64 data at input byte {at}")
    try:
        return base64.b64decode(raw.translate(None, b"\r\n"), validate=True)
    except binascii.Error:
        # Go takes loose bits at the end, Python does not: they are cleared
        return base64.b64decode(raw.translate(None, b"\r\n"))


def _corrupt(raw: bytes) -> int | None:
    """Where the decoder stops (`decodeQuantum`), None when it does not."""
    if _PAD not in raw and not len(raw) % _QUANTUM and _ALPHABET.issuperset(raw):
        return None
    at = read = 0
    while at < len(raw):
        byte = raw[at]
        at += 1
        if byte in _ALPHABET:
            read = (read + 1) % _QUANTUM
        elif byte == _PAD:
            return _padded(raw, at, read)
        elif byte not in _BREAKS:
            return at - 1
    return at - read if read else None


def _padded(raw: bytes, at: int, read: int) -> int | None:
    """After the first `=`, with so many characters of its quantum before it."""
    if read < 2:
        return at - 1
    if read == 2:
        at = _past_breaks(raw, at)
        if at == len(raw):
            return at
        if raw[at] != _PAD:
            return at - 1
        at += 1
    at = _past_breaks(raw, at)
    return at if at < len(raw) else None


def _past_breaks(raw: bytes, at: int) -> int:
    while at < len(raw) and raw[at] in _BREAKS:
        at += 1
    return at
