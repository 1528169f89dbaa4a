"""Properties: arithmetic agrees with a model, and nothing but ExprError comes out."""

from __future__ import annotations

import math

from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.argo.expr import ExprError, evaluate
from opsconsole.argo.golang.values import Floats

NUMBERS = st.integers(-1000, 1000)


def arithmetic(depth=4):
    leaf = NUMBERS.map(lambda n: (f"({n})" if n < 0 else str(n), n))

    def grow(inner):
        operators = {"+": lambda a, b: a + b, "-": lambda a, b: a - b, "*": lambda a, b: a * b}
        return st.tuples(inner, st.sampled_from(sorted(operators)), inner).map(
            lambda t: (f"({t[0][0]} {t[1]} {t[2][0]})", operators[t[1]](t[0][1], t[2][1]))
        )

    return st.recursive(leaf, grow, max_leaves=2**depth)


def wrapped(value):
    return (value + 2**63) % 2**64 - 2**63


@given(arithmetic())
def test_integers_add_and_multiply_as_in_go(pair):
    source, expected = pair
    assert evaluate(source, {}) == wrapped(expected)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False, width=32), max_size=20), NUMBERS)
def test_predicates_agree_with_python(numbers, limit):
    environment = {"r": Floats(numbers), "limit": limit}
    above = [n for n in numbers if n > limit]
    assert evaluate("filter(r, # > limit)", environment) == above
    assert evaluate("count(r, # > limit)", environment) == len(above)
    assert evaluate("any(r, # > limit)", environment) is bool(above)
    assert evaluate("none(r, # > limit)", environment) is not bool(above)
    assert evaluate("len(r) == len(filter(r, # > limit)) + len(filter(r, # <= limit))", environment)
    assert evaluate("sort(r)", environment) == sorted(numbers)


@given(st.text(max_size=30))
def test_string_literals_round_trip(text):
    from opsconsole.argo.golang.strconv import quote

    source = quote(text)
    try:
        value = evaluate(source, {})
    except ExprError:
        assert any(0xD800 <= ord(char) < 0xE000 for char in text)
        return
    assert value == text


@given(st.floats())
def test_floats_round_trip_through_strings(number):
    value = evaluate("float(string(x))", {"x": number})
    assert value == number or (math.isnan(value) and math.isnan(number))


def fault_of(source, result):
    try:
        evaluate(source, {"result": result})
    except ExprError as wrong:
        return wrong
    return None


PIECES = st.sampled_from(
    [
        "result", "result[0]", "1", "2.5", "'a'", "nil", "true", "[1, 2]", "{a: 1}", "#", ".a",
        "+", "-", "*", "/", "%", "**", "==", "!=", "<", ">=", "and", "or", "not", "in",
        "contains", "matches", "??", "?.", "?", ":", "..", "|", "(", ")", "[", "]", "{", "}",
        ",", ";", "let x =", "x", "if", "else", "len", "all", "filter(", "map(", "sum(", "now()",
        "date(", "string(", "keys(", "get(", "sortBy(", "reduce(", "\\", "`", '"', "é", "\0",
    ]
)  # fmt: skip
RESULTS = st.one_of(
    st.none(),
    st.booleans(),
    st.floats(),
    st.text(max_size=5),
    st.lists(st.floats(), max_size=3).map(Floats),
    st.dictionaries(st.text(max_size=3), st.floats(), max_size=3),
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=12), RESULTS)
def test_only_its_own_error_comes_out(pieces, result):
    wrong = fault_of(" ".join(pieces), result)
    assert wrong is None or (wrong.message and wrong.located.startswith(wrong.message))


@settings(deadline=None)
@given(st.text(max_size=40))
def test_any_text_is_answered(source):
    wrong = fault_of(source, 1.0)
    assert wrong is None or wrong.message
