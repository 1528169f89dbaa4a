"""Go's base64 decoder; the answers are those of `encoding/base64`."""

from __future__ import annotations

import pytest

from opsconsole.argo.golang.base64 import decode
from opsconsole.errors import RuleError


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", b""),
        ("AAAA", b"\0\0\0"),
        ("AA==", b"\0"),
        ("AB==", b"\0"),
        ("A\nA=\r\n=\n", b"\0"),
        ("AAB=", b"\0\0"),
    ],
)
def test_decoded(text: str, found: bytes) -> None:
    assert decode(text) == found


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("AgBy3i4OJSWK+PiTySYZZA9rO...", 25), ("A", 0), ("AAAAA", 4), ("AA", 0), ("AA=", 3), ("AA=A", 2), ("=", 0),
        ("A===", 1), ("AA==A", 4), ("AA==\n\nAA==", 6), ("AAA=A", 4), ("AA-A", 2), ("AAé=", 2), ("%%", 0),
    ],
)  # fmt: skip
def test_refused_at_the_byte_where_go_stops(text: str, at: int) -> None:
    with pytest.raises(RuleError, match=f"^illegal base64 data at input byte {at}$"):
        decode(text)
