from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from tests.peers import peer

SCALARS = """\
a: 1e3
b: 1:30
c: 2020-01-01
d: 0o17
e: 0777
f: yes
h: on
i: 08
j: 1_000
k: 0x1F
l: 0b11
m: ~
n1:
o: 1e21
r: +1
s: -0
t: 1.
u: .5
v: -.5e+3
w: 1e-7
x: =
z: !!str 12
aa: !!int 12
ab: !!float 3
ac: !!binary aGVsbG8=
1: one
1.50: f
yes: t
0x10: hex
2020-01-02: date
ad: !foo bar
ae: 0.1
af: 1.0
ag: "<<"
ah: 1__0
ai: 0b12
aj: 1.5e3
ak: +.5
am: 1e400
an: 0o18
ao: 0x
ap: 1e
ar: 100000000000000000000.0
at: 0.000001
av: -0.0
aw: 2020-01-01T10:00:00Z
ax: NULL
ay: N
az: _1
ba: +
bb: {<<: {q: 1, r: 2}, r: 3}
bc: {r: 3, <<: {q: 1, r: 2}}
bd: "yes"
be: 'null'
bf: |
  text
bg: >-
  folded
  text
bh: 1e6
1e6: key
"""

STRINGS = [
    "yes", "1e3", "1:30", "0o17", "2020-01-01", "null", "", " lead", "multi\nline\n", "multi\nline",
    "multi\n\n", "a: b", "#x", "x #y", "tab\there", "é ü 日本", "\x07", "- x", "-", "?x", "'q'",
    '"dq"', "a long line " * 12, "@at", "y", "trailing ", "\n lead", "  two\nlines\n", "*x", "&x",
    "!x", "%x", "`x", "{x", "[x", ",x", "|x", ">x", "x: ", "x:", "=,", "<<", "0x1f", "1_000", "+1",
    ".5", "~", "on", "---", "...", "a\tb\nc", "0777", "08", "190:20:30", "1.2.3", "x]", "a, b",
    "line1  \nline2", "\n", "cr\r\nlf", "=", "2020-01-01T00:00:00Z", "2020-13-01", "n", ".inf",
]  # fmt: skip


def kubectl_reads(text: str, folder: Path, output: str = "json") -> str:
    path = folder / "probe.yaml"
    path.write_text(text)
    done = subprocess.run(
        [peer("kubectl"), "label", "--local", "-f", str(path), "p=q", "-o", output],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_scalars_mean_what_they_mean_to_kubectl(tmp_path: Path) -> None:
    indented = "".join(f"  {line}\n" for line in SCALARS.splitlines())
    text = f"apiVersion: v1\nkind: Foo\nmetadata: {{name: x}}\ndata:\n{indented}"
    assert yamldoc.load(text)["data"] == json.loads(kubectl_reads(text, tmp_path))["data"]


def test_dump_is_what_kubectl_prints(tmp_path: Path) -> None:
    obj = {
        "apiVersion": "v1", "kind": "Foo", "metadata": {"name": "x", "labels": {"p": "q"}},
        "strings": {f"k{i}": text for i, text in enumerate(STRINGS)},
        "keys": dict.fromkeys(("on", "a", "a1", "a10", "a2", "A", "_", "1", "10", "2", "a b", "é", "a01", "a00", "z-1"), 1),
        "numbers": [1, -5, 0, 1.5, 1e30, 1e-9, 1000000.5, 123456789.25, 1e21, 0.1, 100000.5],
        "nested": [[1, [2]], [{"a": 1, "b": [{}, []]}], None, True, {}, {"k": []}],
    }  # fmt: skip
    assert yamldoc.dump(obj) == kubectl_reads(json.dumps(obj), tmp_path, "yaml")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e3", 1000),
        ("a: 1:30", "1:30"),
        ("a: 2020-01-01", "2020-01-01"),
        ("a: 0o17", 15),
        ("a: 0777", 511),
        ("a: yes", True),
        ("a: 'yes'", "yes"),
        ("a: 123456789012345678901", 123456789012345678901.0),
        ("a: 1e400", "1e400"),
    ],
)
def test_scalars(text: str, value: object) -> None:
    found = yamldoc.load(text)["a"]
    assert found == value
    assert type(found) is type(value)


@pytest.mark.parametrize(
    ("text", "line", "problem", "go"),
    [
        ("a: [1\n", 2, "did not find expected ',' or ']'", "yaml: line 1: did not find expected ',' or ']'"),
        ("k: 1\na: b: c\n", 2, "mapping values are not allowed in this context", "yaml: line 2: mapping values are not allowed in this context"),
        ("a: 1\nb: 2\na: 3\n", 3, 'key "a" already set in map', 'yaml: unmarshal errors:\n  line 3: key "a" already set in map'),
        ("a: .inf", 1, "json: unsupported value: +Inf", "json: unsupported value: +Inf"),
        ("a: !!int x", 1, "cannot decode !!str `x` as a !!int", "yaml: cannot decode !!str `x` as a !!int"),
        ("a: &a [*a]", 1, "anchor 'a' value contains itself", "yaml: anchor 'a' value contains itself"),
        ("a: *b", 1, "unknown anchor 'b' referenced", "yaml: unknown anchor 'b' referenced"),
        ("a:\n\t- b", 2, "found character that cannot start any token", "yaml: line 2: found character that cannot start any token"),
        ("[1]: x", 1, "invalid map key: a key must be a scalar", "yaml: invalid map key: a key must be a scalar"),
        ("a: {<<: 3}", 1, "map merge requires map or sequence of maps as the value", "yaml: map merge requires map or sequence of maps as the value"),
    ],
)  # fmt: skip
def test_refusals_say_where(text: str, line: int, problem: str, go: str) -> None:
    with pytest.raises(yamldoc.DocumentError) as caught:
        yamldoc.load(text)
    assert (caught.value.line, caught.value.problem, caught.value.go) == (line, problem, go)
    assert str(caught.value).startswith(f"line {line}, column ")


def test_a_bomb_is_refused_before_it_unfolds() -> None:
    text = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n" + "".join(
        f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]\n" for i in range(1, 40)
    )
    with pytest.raises(YamlError, match="excessive aliasing"):
        yamldoc.load(text)


def test_depth_and_size_are_bounded() -> None:
    with pytest.raises(YamlError, match="nested deeper"):
        yamldoc.load("[" * 5000 + "]" * 5000)
    with pytest.raises(YamlError, match="more than the 10"):
        yamldoc.load("a: " + "x" * 20, limit=10)


def test_bytes_must_be_utf8() -> None:
    with pytest.raises(YamlError, match=r"line 2, column 4: not valid UTF-8"):
        yamldoc.load(b"a: 1\nb: \xff\n")
    assert yamldoc.load("ä: ö".encode()) == {"ä": "ö"}


def test_control_characters_are_refused() -> None:
    with pytest.raises(YamlError, match="control characters are not allowed"):
        yamldoc.load("a: \x01")


def test_documents() -> None:
    assert yamldoc.load_all("---\na: 1\n---\n---\n# only a comment\n---\nb: 2\n...\n") == [
        {"a": 1}, {"b": 2},
    ]  # fmt: skip
    assert yamldoc.load_all("") == []
    assert yamldoc.load("") is None


def test_an_alias_is_a_copy() -> None:
    found = yamldoc.load("a: &x {b: [1]}\nc: *x\n")
    found["a"]["b"].append(2)
    assert found["c"] == {"b": [1]}


def test_lists_are_expanded() -> None:
    text = "kind: List\nitems:\n- {kind: A}\n- {kind: ConfigMapList, items: [{kind: B}]}\n---\nkind: C\n"
    assert [m["kind"] for m in yamldoc.load_manifests(text)] == ["A", "B", "C"]
    with pytest.raises(YamlError, match="this one is a list"):
        yamldoc.load_manifests("- a\n")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)  # fmt: skip


@given(st.dictionaries(st.text(max_size=8), JSON, max_size=5))
def test_what_is_written_is_read_back(obj: dict[str, object]) -> None:
    assert yamldoc.load(yamldoc.dump(obj)) == obj


@given(st.text(alphabet="ab:-[]{}&*!|>'\"#%@`,?\n\t 0123456789.e+_~<", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        yamldoc.load_all(text)
    except YamlError as refused:
        assert refused.message  # noqa: PT017


def test_of_a_key_that_stands_twice_the_last_one_counts_unless_strict() -> None:
    source = "a: {k: 1, k: 2}\nkind: X\na: 3\n"
    assert yamldoc.load("a: {k: 1, k: 2}", strict=False) == {"a": {"k": 2}}
    assert yamldoc.load_manifests(source, strict=False) == [{"a": 3, "kind": "X"}]
    with pytest.raises(yamldoc.DuplicateKeyError):
        yamldoc.load_manifests(source)
