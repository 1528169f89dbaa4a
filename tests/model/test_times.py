"""Instants and durations as Kubernetes and Go write them."""

from __future__ import annotations

import pytest

from opsconsole.model.times import human_duration


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (-5, "<invalid>"), (-1, "0s"), (0, "0s"), (119, "119s"), (120, "2m"), (125, "2m5s"), (599, "9m59s"), (600, "10m"),
        (10_799, "179m"), (10_800, "3h"), (11_000, "3h3m"), (28_800, "8h"), (172_799, "47h"), (172_800, "2d"),
        (180_000, "2d2h"), (691_200, "8d"), (63_072_000, "2y"), (70_000_000, "2y80d"),
    ],
)  # fmt: skip
def test_human_duration(seconds: int, shown: str) -> None:
    assert human_duration(seconds) == shown
