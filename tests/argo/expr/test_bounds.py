"""No condition holds the thread: what takes long ends with a clear error."""

from __future__ import annotations

import pytest

from opsconsole.argo.expr import ExprError, evaluate

MANY = "let x = 1..100000; all(1..1000, {%s})"
LONG = "let x = repeat('a', 900000); all(1..1000, {%s})"


@pytest.mark.parametrize(
    "condition",
    [
        MANY % "x == x",
        MANY % "len(string(x)) > 0",
        MANY % "len(toJSON(x)) > 0",
        MANY % "sum(x) > 0",
        MANY % "-5 not in x",
        MANY % "max(x) > 0",
        LONG % "len(trim(x, 'a')) == 0",
        LONG % "len(toBase64(x)) > 0",
        "let x = toPairs(groupBy(1..100000, {#})); all(1..1000, {len(fromPairs(x)) > 0})",
        "let x = map(1..1000, {1..900}); all(1..1000, {x == x})",
        "len(uniq(map(1..5000, {[#]})))",
    ],
)
def test_what_takes_long_ends_with_an_error(condition: str) -> None:
    with pytest.raises(ExprError, match=r"takes more than|memory budget"):
        evaluate(condition, {})


def test_what_is_long_but_quick_goes_through() -> None:
    assert evaluate("len(uniq(1..100000))", {}) == 100000
    assert evaluate("len(sort(1..100000))", {}) == 100000
    assert evaluate("len(groupBy(1..100000, {# % 3}))", {}) == 3
    assert evaluate(LONG % "x endsWith 'a'", {}) is True
    assert evaluate(MANY % "len(x) > 0 and x[5] == 6", {}) is True


def test_uniq_knows_equal_numbers_of_different_types() -> None:
    assert evaluate("uniq([1, 1.0, '1', true, 2, '1', true, nil, nil])", {}) == [
        1, "1", True, 2, None,
    ]  # fmt: skip
    assert evaluate("uniq([[1], [1.0], [2]])", {}) == [[1], [2]]
