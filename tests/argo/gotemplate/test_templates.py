"""Go templates: the recorded rows, what is refused, and bounds."""

from __future__ import annotations

import copy
import json
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsconsole.argo.expr import Function
from opsconsole.argo.expr.types import STRING
from opsconsole.argo.expr.types import function as signature
from opsconsole.argo.golang.gotime import Time
from opsconsole.argo.golang.values import decode_json
from opsconsole.argo.gotemplate import ExecError, ParseError, TemplateError, functions, render

TABLE = json.loads(
    (Path(__file__).parents[2] / "conformance" / "tables" / "templates.json").read_text()
)
DATA = decode_json(json.dumps(TABLE["data"]))


CORPUS = json.loads((Path(__file__).parent / "corpus.json").read_text())


def answer(template, options=()):
    try:
        return {"text": render(template, DATA, options=options)}
    except ParseError as wrong:
        return {"parseError": wrong.message}
    except ExecError as wrong:
        return {"error": wrong.message, "partial": wrong.partial}


@pytest.mark.parametrize("number", range(len(TABLE["rows"])))
def test_row(number):
    row = TABLE["rows"][number]
    assert answer(row["template"]) == {k: v for k, v in row.items() if k != "template"}


def test_corpus():
    """About a thousand small templates, each as Go renders or refuses it."""
    for row in CORPUS["rows"]:
        found = answer(row["template"], row.get("options", ()))
        wanted = {k: v for k, v in row.items() if k not in ("template", "options")}
        assert found == wanted, row["template"]


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{with $x := .name}}{{$x}}{{end}}", "seoul"),
        ("{{range $i, $e := .list}}{{$i}}:{{$e}} {{end}}", "0:3 1:1 2:2 "),
        ("{{range $k, $v := .app.metadata.labels}}{{$k}}={{$v}};{{end}}", "team=pay;tier=1;"),
        ("{{range 3}}{{.}}{{end}}", "012"),
        ("{{range .list}}{{if eq . 1.0}}{{break}}{{end}}{{.}}{{end}}", "3"),
        ("{{if .nil}}a{{else if .ok}}b{{else}}c{{end}}", "b"),
        ("{{with .nil}}a{{else with .name}}{{.}}{{end}}", "seoul"),
        ("{{define `x`}}<{{.}}>{{end}}{{template `x` 1}}{{template `x` .name}}", "<1><seoul>"),
        ("{{block `y` .name}}[{{.}}]{{end}}", "[seoul]"),
        ("{{$x := 1}}{{if true}}{{$x = 2}}{{end}}{{$x}}", "2"),
        ("a\n  {{- 1 -}}  \n b", "a1b"),
        ("{{- /* c */ -}} x", "x"),
        ("{{(index .app.status.operationState.syncResult.resources 1).kind}}", "Service"),
        ("{{and .ok .nope .fails.here}}", "<no value>"),
        ("{{or .nil .name}}", "seoul"),
        (
            "{{printf `%05.1f|%-5s|%q|%v|%T` 3.14159 `a` `b` .list .ok}}",
            '003.1|a    |"b"|[3 1 2]|bool',
        ),
        ("{{1_000}} {{0b11}} {{'a'}} {{1e3}}", "1000 3 97 1000"),
        ("{{$d := dict `a` 1}}{{$_ := set $d `b` 2}}{{$d}}", "map[a:1 b:2]"),
        (
            "{{semverCompare `^1.2.0` `1.9.3`}} {{semverCompare `~1.2 || >=3` `2.0.0`}}",
            "true false",
        ),
        ("{{(split `.` `a.b`)._1}}", "b"),
        ("{{regexReplaceAll `(\\w)@(\\w)` `a@b` `${2}-$1`}}", "b-a"),
        (
            "{{dateModify `-1h` (toDate `2006-01-02` `2024-03-01`) | date `Jan 2 15:04`}}",
            "Feb 29 23:00",
        ),
    ],
)
def test_rendered(template, text):
    assert render(template, DATA) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{{", "template: t:1: unclosed action"),
        ("\n{{.x", "template: t:2: unclosed action"),
        ("{{if}}x{{end}}", "template: t:1: missing value for if"),
        ("{{if .ok}}x", "template: t:1: unexpected EOF"),
        ("{{end}}", "template: t:1: unexpected {{end}}"),
        ("{{else}}", "template: t:1: unexpected {{else}}"),
        ("{{.x | nope}}", 'template: t:1: function "nope" not defined'),
        ("{{$x}}", 'template: t:1: undefined variable "$x"'),
        ('{{"abc}}', "template: t:1: unterminated quoted string"),
        ("{{break}}", "template: t:1: {{break}} outside {{range}}"),
        ("{{(1}}", "template: t:1: unclosed left paren"),
        ("{{1)}}", "template: t:1: unexpected right paren"),
        ("{{.x 1 | 2}}", "template: t:1: non executable command in pipeline stage 2"),
        ("{{/* x }}", "template: t:1: unclosed comment"),
        ("{{1.2.3}}", 'template: t:1: unexpected ".3" in operand'),
    ],
)
def test_refused(template, message):
    with pytest.raises(ParseError) as caught:
        render(template, DATA)
    assert caught.value.message == message


def test_errors_name_the_template_line_and_column():
    with pytest.raises(ExecError) as caught:
        render("ok\n  {{.name.foo}}", DATA, name="app-sync")
    assert caught.value.message == (
        'template: app-sync:2:9: executing "app-sync" at <.name.foo>:'
        " can't evaluate field foo in type interface {}"
    )
    assert caught.value.partial == "ok\n  "


def test_missing_keys_are_errors_when_asked():
    with pytest.raises(ExecError, match='map has no entry for key "nope"'):
        render("{{.nope}}", DATA, options=["missingkey=error"])


def test_the_callers_data_stays_as_it_is():
    data = {"a": {"b": 1.0}}
    before = copy.deepcopy(data)
    assert render("{{$_ := set .a `b` 2}}{{.a.b}}", data) == "2"
    assert data == before


def test_functions_in_the_data_may_be_called():
    shout = Function("shout", signature(STRING, out=STRING), str.upper)
    assert render("{{call .repo.Shout `a`}}", {"repo": {"Shout": shout}}) == "A"


def test_time_is_the_injected_clock():
    table = functions(lambda: Time.of(datetime(2026, 1, 5, 9, 0, tzinfo=UTC)))
    assert (
        render("{{now | date `2006-01-02`}} {{now.Year}}", {}, functions=table) == "2026-01-05 2026"
    )


def test_made_up_values_are_the_same_in_every_process():
    assert len(render("{{uuidv4}} {{randAlphaNum 5}}", {}, functions=functions())) == 42
    assert render("{{uuidv4}}", {}, functions=functions()) == render(
        "{{uuidv4}}", {}, functions=functions()
    )


@pytest.mark.parametrize(
    "template",
    [
        "{{range 1000000000}}x{{end}}",
        "{{define `a`}}{{template `a`}}{{end}}{{template `a`}}",
        "{{repeat 1000000000 `x`}}",
        "{{until 1000000000}}",
        "{{printf `%1000000000d` 1}}",
        "{{$x := repeat 100000 `x`}}{{range 1000}}{{$x}}{{end}}",
        "{{indent 100000 (repeat 1000 `\\n`)}}".replace("`\\n`", '"\\n"'),
        "{{if 1}}" * 500,
        "{{" + "(" * 500 + "1" + ")" * 500 + "}}",
    ],
)
def test_bounded_in_time_and_size(template):
    begin = time.process_time()
    with pytest.raises(TemplateError):
        render(template, DATA)
    assert time.process_time() - begin < 5


PIECES = st.sampled_from(
    ["{{", "}}", "{{-", "-}}", ".", ".name", "$", "$x", ":=", "=", "|", "(", ")", "if", "else", "end",
     "range", "with", "define", "template", "block", '"a"', "`b`", "'c'", "1", "2.5", "nil", "true",
     "len", "printf", "index", "list", "dict", "upper", "default", "/*", "*/", ",", " ", "\n", "%"]
)  # fmt: skip


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=20))
def test_any_template_is_answered(pieces):
    assert answer(" ".join(pieces))


@given(st.text(max_size=40).filter(lambda text: "{{" not in text))
def test_text_without_actions_is_itself(text):
    assert render(text, {}) == text
