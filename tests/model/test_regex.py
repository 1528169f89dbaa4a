from __future__ import annotations

import pytest

from opsconsole.errors import RuleError
from opsconsole.model import regex


def test_search_and_fullmatch() -> None:
    assert regex.search("b+", "abbc")
    assert not regex.fullmatch("b+", "abbc")
    assert regex.compile("(a)(x)?").groups("za") == ("a", "a", "")
    assert regex.compile("(a)").groups("z") is None


@pytest.mark.parametrize(
    ("pattern", "said"),
    [
        ("(a", "error parsing regexp: missing closing ): `(a`"),
        ("a)", "error parsing regexp: unexpected ): `a)`"),
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("*a", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
        ("\\", "error parsing regexp: trailing backslash at end of expression: ``"),
        ("[b-a]", "error parsing regexp: invalid character class range: `b-a`"),
    ],
)
def test_refused_with_the_text_of_go(pattern: str, said: str) -> None:
    with pytest.raises(RuleError) as caught:
        regex.compile(pattern)
    assert str(caught.value) == said


def test_time_is_linear() -> None:
    assert not regex.fullmatch("(a*)*b", "a" * 50_000)


def test_length_is_bounded() -> None:
    with pytest.raises(RuleError, match="longer than"):
        regex.compile("a" * 20_000)


def test_replace() -> None:
    assert regex.compile("(a+)(b)?").replace("<$1-${2}$$>", "xaaby") == "x<aa-b$>y"
    assert regex.compile("a").replace("[$9]", "a") == "[]"
