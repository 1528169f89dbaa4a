"""Kubernetes' JSONPath: what it finds, what it prints, and its texts."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.argo import jsonpath
from opsconsole.argo.golang.values import decode_json
from opsconsole.errors import RuleError

DATA = decode_json(
    '{"kind": "List", "items": [{"name": "a", "v": 1, "on": true}, {"name": "b", "v": 2, "on": false}],'
    ' "list": [1, 2, 3], "odd.key": "x", "nil": null, "nested": {"deep": {"v": 9}}, "empty": []}'
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("{.kind}", "List"),
        ("{$.items[*].name}", "a b"),
        ("{.items[-1].name}", "b"),
        ("{.list[0:2]}", "1 2"),
        ("{.list[::2]}", "1 3"),
        ("{.list[0,2]}", "1 3"),
        ("{.list}", "[1,2,3]"),
        ("{.items[0]['name','v']}", "a 1"),
        ("{.odd\\.key}", "x"),
        ("{.nil}", "null"),
        ("{.empty}", "[]"),
        ("{..v}", "1 2 9"),
        ("{.items[?(@.v==2.0)].name}", "b"),
        ('{.items[?(@.name!="a")].v}', "2"),
        ("{.items[?(@.on==true)].name}", "a"),
        ("{.items[?(@.missing)].name}", ""),
        ("{range .items[*]}{.name}={.v}{'\\n'}{end}", "a=1\nb=2\n"),
        ("{range .items[*]}[{range @.name}{@}{end}]{end}!", "[a][b]!"),
        ("kind: {.kind}, {'quoted'} {1} {true}", "kind: List, quoted 1 true"),
        ("plain", "plain"),
        ("{.kind}}", "List}"),
    ],
)
def test_rendered(path, text):
    assert jsonpath.render(path, DATA) == text


@pytest.mark.parametrize(
    ("path", "message"),
    [
        ("{.nope}", "nope is not found"),
        ("{.list[5]}", "array index out of bounds: index 5, length 3"),
        ("{.list[2:1]}", "starting index 2 is greater than ending index 1"),
        ("{.list[::0]}", "step must be > 0"),
        ("{.kind[0]}", "string is not array or slice"),
        ("{.items[?(@.v>1)]}", "incompatible types for comparison"),
        ("{.items[?(@.v=1)]}", "unrecognized filter operator ="),
        ("{.kind", "unclosed action"),
        ("{.list[0}", "unterminated array"),
        ("{.list[x]}", "invalid array index x"),
        ('{"abc}', "unterminated quoted string"),
        ("{.items[?(@.v}", "unterminated filter"),
        ("{....v}", "invalid multiple recursive descent"),
        ("{.a ~}", "unrecognized character in action: U+007E '~'"),
        ("{what}", "unrecognized identifier what"),
        ("{end}", "not in range, nothing to end"),
    ],
)
def test_refused(path, message):
    with pytest.raises(RuleError) as caught:
        jsonpath.render(path, DATA)
    assert caught.value.message == message


def test_missing_keys_may_be_allowed():
    assert jsonpath.render("[{.nope}]", DATA, allow_missing=True) == "[]"


def test_bounded():
    wide = {"a": [[0.0] * 1000 for _ in range(1000)]}
    with pytest.raises(RuleError, match="selects more than"):
        jsonpath.find("{.a[*][*]}", wide)


@given(st.text(alphabet="{}[]().*@$?'\"=!<>,:0159abv \\-", max_size=25))
def test_any_template_is_answered(path):
    try:
        jsonpath.render(path, DATA)
    except RuleError as wrong:
        assert isinstance(wrong.message, str)  # noqa: PT017


@given(st.lists(st.integers(-5, 5), max_size=6), st.integers(-6, 6))
def test_an_index_is_pythons_or_out_of_bounds(items, place):
    data = {"l": [float(item) for item in items]}
    if -len(items) <= place < len(items):
        assert jsonpath.find(f"{{.l[{place}]}}", data) == [[float(items[place])]]
    elif items or place != -1:
        with pytest.raises(RuleError, match="out of bounds"):
            jsonpath.find(f"{{.l[{place}]}}", data)
