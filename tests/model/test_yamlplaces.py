"""Lines of fields in YAML texts."""

from __future__ import annotations

import pytest

from opsconsole.model.yamlplaces import parse_path, places

TEXT = """# a comment
spec:
  steps:
  - setWeight: 5
  - {pause: {duration: 1m},
     other: 1}
  "quoted key": {inner: x}
"""


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ((), (0, 2)),
        (("spec",), (1, 2)),
        (("spec", "steps", 0, "setWeight"), (4, 4)),
        (("spec", "steps", 1, "other"), (4, 6)),
        (("spec", "steps", 7, "other"), (2, 3)),
        (("spec", "quoted key", "inner"), (3, 7)),
        (("none",), (0, 2)),
    ],
)
def test_as_much_of_a_path_as_there_is(path: tuple[str | int, ...], found: tuple[int, int]) -> None:
    assert places(TEXT, [path]) == [found]


@pytest.mark.parametrize("text", ["", "a: [", "- 1\n", "7", "a: &x [*x]\n", "\0"])
def test_what_has_no_such_field_is_the_first_line(text: str) -> None:
    assert places(text, [("a", "b")])[0][1] == 1


def test_paths_as_field_errors_write_them() -> None:
    assert parse_path("spec.steps[0].pause") == ("spec", "steps", 0, "pause")
    assert parse_path("") == ()
