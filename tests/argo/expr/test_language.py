"""The language itself: values, errors with their place, and bounds."""

from __future__ import annotations

import time
from datetime import UTC, datetime

import pytest

from opsconsole.argo.expr import ExprError, Function, compile_expression, evaluate
from opsconsole.argo.expr.types import STRING, function
from opsconsole.argo.golang.gotime import Time
from opsconsole.argo.golang.values import Floats, Int64, type_name

ENV = {
    "result": {"n": 5.0, "list": [1.0, 2.0, 3.0], "s": "checkout", "nil": None, "é": "ü"},
    "vector": Floats([1.0, 2.0]),
}


def run(source, **more):
    return evaluate(source, {**ENV, **more})


@pytest.mark.parametrize(
    ("source", "value"),
    [
        ("1 < 2 < 3", True),
        ("1 < 2 > 3", False),
        ("2 ** 3 ** 2", 512.0),
        ("7 % -3", 1),
        ("-7 % 3", -1),
        ("10 / 4", 2.5),
        ("1 + 2.5", 3.5),
        ("0b101 + 0o17 + 0xff", 275),
        ("1_000", 1000),
        ("'a' + \"b\" + `c``d`", "abc`d"),
        ("'\\u{1F600}' == '😀'", True),
        ("[1, 2, 3][-1]", 3),
        ("[1, 2, 3][1:]", [2, 3]),
        ("[1, 2, 3][:-1]", [1, 2]),
        ("'hello'[1:3]", "el"),
        ("len('ü')", 1),
        ("result?.x?.y", None),
        ("(result.nil ?? 'd') + 'x'", "dx"),
        ("result.list | filter(# > 1) | map(# * 2)", [4.0, 6.0]),
        ("filter(1..5, {# % 2 == 0})[0]", 2),
        ("map(['a', 'b'], {# + string(#index)})", ["a0", "b1"]),
        ("reduce(1..4, #acc * #, 10)", 240),
        ("groupBy([1, 2, 3], # % 2)", {1: [1, 3], 0: [2]}),
        ("sortBy([{'a': 2}, {'a': 1}], .a)[0].a", 1),
        ("findIndex([1, 2, 3], # == 2)", 1),
        ("findLastIndex([1, 2, 1], # == 1)", 2),
        ("count([true, false, true])", 2),
        ("sum([1, 2, 3], # * 2)", 12),
        ("mean([1, [2, 3]])", 2.0),
        ("median([3, 1, 2, 4])", 2.5),
        ("max(1, [2, 5], 3)", 5),
        ("fromPairs([['a', 1]])", {"a": 1}),
        ("toPairs({'b': 1, 'a': 2})", [["a", 2], ["b", 1]]),
        ("flatten([1, [2, [3]]])", [1, 2, 3]),
        ("uniq([1, 1.0, 'a', 'a'])", [1, "a"]),
        ("split('a,b,c', ',', 2)", ["a", "b,c"]),
        ("splitAfter('a,b', ',')", ["a,", "b"]),
        ("replace('aaa', 'a', 'b', 2)", "bba"),
        ("trim('xxaxx', 'x')", "a"),
        ("indexOf('üb', 'b')", 2),
        ("take([1, 2, 3], 2)", [1, 2]),
        ("let x = 3; if x > 2 { 'big' } else if x > 1 { 'mid' } else { 'small' }", "big"),
        ("true ? 1 : 2", 1),
        ("nil ?: 5", None),
        ("bitshl(1, 4) + bitnot(0)", 15),
        ("not ('a' in ['b'])", True),
        ("'a' not in ['b']", True),
        ("duration('1h30m').Minutes()", 90.0),
        ("date('2024-02-29').AddDate(1, 0, 0).Format('Jan 2')", "Mar 1"),
        ("(date('2024-01-02') - date('2024-01-01')).Hours()", 24.0),
        ("date('2024-01-01').Weekday().String()", "Monday"),
        ("toJSON({'b': [1], 'a': 0.5})", '{\n  "a": 0.5,\n  "b": [\n    1\n  ]\n}'),
        ("int('12') + int(3.9)", 15),
        ("float('1.5')", 1.5),
        ("/* a */ 1 + /* b */ 1 // c", 2),
        ("::len([1])", 1),
        ("sum(1..10000000)", 50000005000000),
    ],
)
def test_value(source, value):
    if "nil ?:" in source:
        with pytest.raises(ExprError, match="non-bool expression"):
            run(source)
        return
    assert run(source) == value


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("result[0] <", "unexpected token EOF"),
        ("1 +* 2", 'unexpected token Operator("*")'),
        ("(1", "unexpected token EOF"),
        ("'abc", "literal not terminated"),
        ("'\\q'", "invalid char escape"),
        ("/* a", "unclosed comment"),
        ("1a", 'bad number syntax: "1a"'),
        (
            "a ?? b && c",
            "Operator (&&) and coalesce expressions (??) cannot be mixed. Wrap either by parentheses.",
        ),
        ("nope", "unknown name nope"),
        ("result.n.Foo()", "cannot fetch Foo from float64"),
        ("vector.Foo", "array elements can only be selected using an integer (got string)"),
        ("1 + 'a'", "invalid operation: + (mismatched types int and string)"),
        ("!1", "invalid operation: ! (mismatched type int)"),
        ("1 % 0", "integer divide by zero"),
        ("let n = 0; 1 % n", "runtime error: integer divide by zero"),
        ("'a' matches '('", "error parsing regexp: missing closing ): `(`"),
        ("all(1, true)", "builtin all takes only array (got int)"),
        ("filter([1], 1)", "predicate should return boolean (got int)"),
        ("len(1, 2)", "invalid number of arguments (expected 1, got 2)"),
        ("trim(1)", "not enough arguments to call trim"),
        ("upper()", "not enough arguments to call upper"),
        ("#", 'unexpected token Operator("#")'),
        ("let result = 1; 1", "cannot redeclare result"),
        ("let len = 1; 1", "cannot redeclare builtin len"),
        ("1 ? 2 : 3", "non-bool expression (type int) used as condition"),
        ("{1 + 1: 2}", 'unexpected token Operator("+")'),
        ("[1, 2", "unexpected token EOF"),
        ("reduce([], # + #acc)", "reduce of empty array with no initial value"),
        ("filter([1], # > 1)[0]", "reflect: slice index out of range"),
        ("repeat('a', 10000000)", "memory budget exceeded"),
        ("date('x')", "invalid date x"),
        (
            "result.n in ['a']",
            "reflect.Value.MapIndex: value of type float64 is not assignable to type string",
        ),
    ],
)
def test_error(source, text):
    with pytest.raises(ExprError) as caught:
        run(source)
    assert caught.value.message == text


def test_errors_show_their_place():
    with pytest.raises(ExprError) as caught:
        run("vector[5] <\n 1")
    assert caught.value.located == (
        "index out of range: 5 (array length is 2) (1:7)\n | vector[5] <\n | ......^"
    )


@pytest.mark.parametrize(
    "source",
    [
        "count(1..10000000, # > 0) > 5000000",
        "any(1..900000, any(1..900000, false))",
        "let a = 1..90000; all(a, all(a, all(a, true)))",
        "let a = repeat('x', 900000); a + a + a + a + a + a + a + a + a + a + a + a + a",
        "replace(repeat('x', 400000), 'x', repeat('y', 400000))",
        "map(1..99999, map(1..99999, #))",
        "uniq(map(1..100000, [#]))",
        "(" * 5000 + "1" + ")" * 5000,
        "+".join(["1"] * 5000),
        "[" * 3000,
        "not " * 3000 + "true",
        "a" * 200_000,
    ],
)
def test_bounded_in_time_and_memory(source):
    begin = time.process_time()
    with pytest.raises(ExprError):
        run(source)
    assert time.process_time() - begin < 5


def test_a_long_result_is_bounded_too():
    with pytest.raises(ExprError, match="steps"):
        evaluate("all(result, {all(result, {# > 0})})", {"result": Floats([1.0] * 10_000)})


def test_functions_of_the_environment():
    greet = Function("greet", function(STRING, out=STRING), lambda name: f"hello {name}")
    assert evaluate("greet('x') | upper()", {"greet": greet}) == "HELLO X"
    with pytest.raises(ExprError, match="too many arguments to call greet"):
        evaluate("greet('x', 'y')", {"greet": greet})


def test_the_environment_hides_builtins():
    own = Function("len", function(STRING, out=STRING), lambda _: "own")
    assert evaluate("len('abc')", {"len": own}) == "own"
    assert evaluate("::len('abc')", {"len": own}) == 3


def test_now_is_the_injected_clock():
    moment = datetime(2026, 1, 5, 9, 0, tzinfo=UTC)
    program = compile_expression("now().Format('2006-01-02T15:04')", {})
    assert program.run({}, lambda: Time.of(moment)) == "2026-01-05T09:00"


def test_types_of_values_are_gos():
    assert type_name(Int64(1)) == "int64"
    assert type_name(evaluate("1..2", {})) == "[]int"
    assert type_name(evaluate("[1]", {})) == "[]interface {}"
    assert type_name(evaluate("x.s[0]", {"x": {"s": "a"}})) == "uint8"


def test_the_given_objects_stay_as_they_are():
    data = {"list": [3.0, 1.0, 2.0], "map": {"a": 1.0}}
    before = str(data)
    for source in ("sort(x.list)", "reverse(x.list)", "concat(x.list, [1])", "map(x.list, # + 1)"):
        evaluate(source, {"x": data})
    assert str(data) == before
