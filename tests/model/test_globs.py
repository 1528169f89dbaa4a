"""Globs of Argo CD, as gobwas/glob matches them."""

from __future__ import annotations

import pytest

from opsconsole.model.globs import matches


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("*", "a/b.yaml", True),
        ("a?c", "abc", True),
        ("{a,b*}.y", "bx.y", True),
        ("a[!b]c", "abc", False),
        ("a[a-c]c", "abc", True),
        ("a[a-c]c", "a-c", False),
        ("*.yaml", "x.yml", False),
        ("*.yaml", "x.yaml.bak", False),
        ("a\\*", "a*", True),
        ("a\\*", "ab", False),
        ("a,b", "a,b", True),
        ("a.c", "abc", False),
        ("*", "a\nb", True),
    ],
)
def test_without_separator(pattern: str, value: str, found: bool) -> None:
    assert matches(pattern, value) is found


@pytest.mark.parametrize(
    ("pattern", "value", "found"),
    [
        ("https://git/*", "https://git/team/repo", False),
        ("https://git/**", "https://git/team/repo", True),
        ("https://git/*/repo", "https://git/team/repo", True),
        ("team?repo", "team/repo", False),
    ],
)
def test_with_separator(pattern: str, value: str, found: bool) -> None:
    assert matches(pattern, value, "/") is found


@pytest.mark.parametrize("pattern", ["a[b", "{a,b", "[", "x" * 20_000])
def test_a_pattern_that_does_not_parse_matches_nothing(pattern: str) -> None:
    assert not matches(pattern, pattern)
    assert not matches(pattern, "ab")


def test_many_stars_take_linear_time() -> None:
    assert not matches("*a" * 400 + "b", "a" * 5_000)
