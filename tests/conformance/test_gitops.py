"""The recorded runs of the real Argo CD, played in-process: all agree."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.conformance.gitops_player import play
from tests.conformance.recorded import differences

RECORDINGS = sorted((Path(__file__).parent / "gitops").glob("*.json"))


@pytest.mark.parametrize("path", RECORDINGS, ids=lambda p: p.stem)
def test_agrees_with_the_real_controller(path: Path, tmp_path: Path) -> None:
    recording = json.loads(path.read_text())
    assert differences(recording, play(recording, tmp_path)) == []


def test_all_recordings_are_here() -> None:
    assert len(RECORDINGS) == 18
