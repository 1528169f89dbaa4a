"""The recorded runs of the real Argo CD, played in-process: all agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance import gitops_compare, recorded
from tests.conformance.gitops_player import play

RECORDINGS = sorted((Path(__file__).parent / "gitops").glob("*.json"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_agrees_with_the_real_controller(path: Path, tmp_path: Path) -> None:
    recording = json.loads(path.read_text())
    actual = play(recording, tmp_path)
    assert gitops_compare.differences(recording, actual) == []
    if recorded.present():
        assert recorded.differences(recording, actual) == []


def test_a_difference_is_seen() -> None:
    recording = json.loads(RECORDINGS[0].read_text())
    other = json.loads(RECORDINGS[0].read_text().replace('"OutOfSync"', '"Unknown"'))
    assert gitops_compare.differences(recording, other)


def test_all_recordings_are_here() -> None:
    assert len(RECORDINGS) == 18
