"""The pictures in the README are of this program: what they say is what it says now."""

from __future__ import annotations

import asyncio
import difflib

import pytest

from tests.screenshots import FOLDER, SCENES, drawn, says


@pytest.mark.timeout(240)
def test_the_screenshots_are_not_stale():
    pictures = asyncio.run(drawn())
    assert set(pictures) == {name for name, *_ in SCENES}
    for name, svg in pictures.items():
        kept = says((FOLDER / f"{name}.svg").read_text(encoding="utf-8"))
        diff = list(difflib.unified_diff(kept, says(svg), "kept", "now", lineterm="", n=0))
        assert not diff, f"{name}.svg is stale (make screenshots draws it):\n" + "\n".join(diff)


def test_a_picture_says_its_texts_without_commits():
    svg = '<text x="1">&#160;a&amp;b&#160;</text><text class="r">1a2b3c4 fixed</text>'
    assert says(svg) == [" a&b ", "# fixed"]
