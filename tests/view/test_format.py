"""Small texts: widths in cells, ages, and foreign text made harmless."""

from __future__ import annotations

import unicodedata
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.view.format import (
    age,
    cell_width,
    countdown,
    fit,
    image,
    number,
    revision,
    safe,
    seconds,
    to_ascii,
)
from tests.ui.world import NOW


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("\x1b]8;;http://x\x1b\\link\x1b]8;;\x1b\\", "link"),
        ("\x9b31mred", "red"),
        ("\x1bPq#0;2;0;0;0\x1b\\sixel", "sixel"),
        ("a\r\nb\tc", "a  b c"),
        ("ab\u202edc\u202c", "abdc"),
        ("zero\u200bwidth\ufeff", "zerowidth"),
        ("heart\u2764\ufe0f", "heart\u2764"),
        ("no\u00a0break", "no break"),
        ("日本", "日本"),
        ("\ud800", ""),
    ],
)
def test_safe(text, shown):
    assert safe(text) == shown


@given(st.text(max_size=200))
def test_safe_never_lets_a_control_through(text):
    for char in safe(text):
        assert unicodedata.category(char) not in ("Cc", "Cf", "Cs", "Zl", "Zp")


def test_safe_looks_at_a_bounded_part():
    assert len(safe("x" * 10_000_000)) == 4096


@given(st.text(max_size=60), st.integers(1, 40))
def test_fit_is_exactly_as_wide_as_asked(text, width):
    assert cell_width(fit(safe(text), width)) == width


@given(st.text(max_size=60))
def test_ascii_keeps_the_width(text):
    clean = safe(text)
    assert to_ascii(clean).isascii()
    assert cell_width(to_ascii(clean)) == cell_width(clean)


def test_fit_does_not_cut_a_wide_character_in_half():
    assert fit("日本語", 4) == "日… "
    assert fit("ab", 4, align="right") == "  ab"


@pytest.mark.parametrize(
    ("back", "shown"),
    [
        ({"seconds": -5}, "0s"), ({"seconds": 59}, "59s"), ({"seconds": 60}, "1m"),
        ({"minutes": 59, "seconds": 59}, "59m"), ({"hours": 1}, "1h"), ({"hours": 47}, "47h"),
        ({"days": 2}, "2d"), ({"days": 400}, "1y"),
    ],
)  # fmt: skip
def test_age(back, shown):
    assert age(NOW - timedelta(**back), NOW) == shown
    assert age(None, NOW) == "-"


def test_countdown():
    assert countdown(NOW + timedelta(minutes=4, seconds=12), NOW) == "in 4m12s"
    assert countdown(NOW - timedelta(seconds=1), NOW) == "now"
    assert countdown(None, NOW) == ""


def test_seconds_in_two_units():
    assert [seconds(s) for s in (0, 61, 3661, 90061)] == ["0s", "1m01s", "1h01m", "1d01h"]


def test_revisions_images_and_numbers():
    assert revision("a1b2c3d4e5f60718293a4b5c6d7e8f9001122334") == "a1b2c3d"
    assert revision("v1.2.3") == "v1.2.3"
    assert image("registry.example.com:5000/org/app:v1@sha256:abc") == "app:v1"
    assert [number(v) for v in (0.0123, 482.0, float("nan"), float("inf"), 1234567.0)] == [
        "0.0123", "482", "NaN", "+Inf", "1.23e+06",
    ]  # fmt: skip
