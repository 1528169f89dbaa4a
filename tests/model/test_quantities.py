from __future__ import annotations

import pytest

from opsconsole.errors import RuleError
from opsconsole.model import quantities


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("1", "1"), ("1000m", "1"), ("1500m", "1500m"), ("0.5", "500m"), ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"), ("1024", "1024"), ("100Ki", "100Ki"), ("0.5Ki", "512"), ("1e3", "1e3"),
        ("1000", "1k"), ("1100", "1100"), ("2000k", "2M"), ("0", "0"), ("-5m", "-5m"),
        ("0.1n", "1n"), (".5", "500m"), ("5.", "5"), ("100000000000000000000", "9223372036854775807"),
        (2, "2"), (0.25, "250m"), ("1E", "1E"), ("1e6", "1e6"), ("12e4", "120e3"), ("0.001Ki", "1024m"),
    ],
)  # fmt: skip
def test_canonical(text: str | float, canonical: str) -> None:
    assert quantities.canonical(text) == canonical


@pytest.mark.parametrize(
    "text", ["", "abc", "1 Gi", "1gi", "1KI", "--1", ".", "1e", "1e999", "1.2.3"]
)
def test_refused(text: str) -> None:
    with pytest.raises(RuleError):
        quantities.parse(text)


def test_compare() -> None:
    assert quantities.compare("1", "1000m") == 0
    assert quantities.compare("1Gi", "1G") == 1
    assert quantities.compare("100m", "1") == -1
    assert quantities.same("1", "1000m")
    assert not quantities.same("x", "1")
    assert quantities.same("x", "x")
