"""Lines, tables and plots keep to the cells they are given."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from opsconsole.view.format import cell_width
from opsconsole.view.glyphs import ASCII, UNICODE
from opsconsole.view.lines import changed, clip, line, line_width, plain, spread, wrap
from opsconsole.view.plot import Point, plot, scale
from opsconsole.view.table import Column, lay_out, row_line

WORDS = st.text(st.characters(codec="ascii", categories=("L", "N", "P")), min_size=1, max_size=12)
SPANS = st.lists(st.tuples(WORDS, st.sampled_from(["text", "ok"])), max_size=8).map(tuple)


@given(SPANS, st.integers(1, 60))
def test_clip_never_exceeds_and_says_when_it_cut(spans, width):
    cut = clip(spans, width)
    assert line_width(cut) <= width
    assert (cut == spans) or plain(cut).endswith("…")


@given(SPANS, SPANS, st.integers(20, 80))
def test_spread_is_exact_when_both_ends_fit(left, right, width):
    made = spread(left, right, width)
    assert line_width(made) <= width
    if right and line_width(right) + 8 <= width:
        assert line_width(made) == width
        assert plain(made).endswith(plain(right))


@given(st.text(max_size=200), st.integers(8, 40))
def test_wrap_keeps_every_letter(text, width):
    rows = wrap(text, width)
    assert all(cell_width(row) <= width for row in rows)
    assert "".join("".join(rows).split()) == "".join(text.split())


@given(SPANS, SPANS)
def test_what_changed_covers_every_difference(old, new):
    width = 120
    start, cells = changed(old, new, width)
    before, after = plain(old).ljust(width), plain(new).ljust(width)
    for i in range(width):
        if not start <= i < start + cells:
            assert before[i] == after[i]


def test_only_the_changed_cell_is_redrawn():
    old = line(("name  ", "text"), ("Synced", "ok"), ("  12m", "muted"))
    new = line(("name  ", "text"), ("Failed", "bad"), ("  12m", "muted"))
    assert changed(old, new, 80) == (6, 6)


COLUMNS = (
    Column("a", "A", 6, order=0, flex=3, most=20),
    Column("b", "B", 5, order=2),
    Column("c", "C", 4, order=1, flex=1, align="right"),
)


@given(st.integers(6, 120))
def test_a_row_is_as_wide_as_the_pane(width):
    layout = lay_out(COLUMNS, width)
    made = row_line({"a": ("ä" * 40, "text"), "c": ("9", "text")}, layout)
    assert line_width(made) <= width
    assert layout[0][0].id == "a"


def test_columns_leave_in_their_order():
    shown = [[c.id for c, _ in lay_out(COLUMNS, width)] for width in (17, 16, 10)]
    assert shown == [["a", "b", "c"], ["a", "c"], ["a"]]


VALUES = st.lists(st.one_of(st.none(), st.floats(allow_nan=True, allow_infinity=True)), max_size=40)


@given(
    VALUES, st.floats(allow_nan=False, allow_infinity=False), st.integers(12, 80), st.integers(2, 9)
)
def test_a_plot_keeps_to_its_cells(values, threshold, width, rows):
    points = [Point(v, "ok") for v in values]
    for glyphs in (UNICODE, ASCII):
        made = plot(points, [threshold], width, rows, glyphs)
        assert len(made) == rows
        assert len({line_width(row) for row in made}) == 1
        assert glyphs.braille or all(plain(row).isascii() for row in made)


def test_higher_values_are_drawn_higher_and_the_threshold_is_a_line():
    made = plot([Point(1.0, "ok"), Point(9.0, "bad")], [5.0], 20, 7, ASCII)
    rows = [plain(row).split("|", 1)[1] for row in made]
    high = next(i for i, row in enumerate(rows) if "*" in row[10:])
    low = next(i for i, row in reversed(list(enumerate(rows))) if "*" in row[:10])
    middle = next(i for i, row in enumerate(rows) if "---" in row)
    assert high < middle < low


def test_slots_leave_room_for_what_is_still_to_come():
    made = plot([Point(5.0, "ok")], [10.0], 40, 5, ASCII, slots=4)
    row = next(plain(line_) for line_ in made if "*" in plain(line_))
    assert row.index("*") < 12


def test_the_scale_reaches_a_fifth_above_the_largest():
    assert scale([Point(2.0, "ok")], [10.0]).high == 12.0
    assert scale([], []).high == 1.2
    assert scale([Point(-4.0, "ok")], []).low == -4.0
