"""Every recorded run of the real Rollout controller, played on ours."""

from __future__ import annotations

import pytest

from tests.conformance import recordings
from tests.conformance.compare import differences


@pytest.mark.parametrize("name", recordings.names())
def test_agrees_with_the_recording(name):
    recorded = recordings.load(name)
    result, trace = recordings.play(recorded)
    assert result.faults == []
    assert not differences(recorded["trace"], trace)


@pytest.mark.parametrize("name", recordings.names())
def test_commands_end_as_recorded(name):
    recorded = recordings.load(name)
    result, _ = recordings.play(recorded)
    codes = [entry["rc"] for entry in recorded["log"] if "run" in entry]
    assert [entry.code for entry in result.log if entry.step == "run"] == codes


def test_a_seed_gives_the_same_run_twice():
    recorded = recordings.load("cli-canary")
    _, first = recordings.play(recorded, seed=7)
    _, second = recordings.play(recorded, seed=7)
    assert first == second


def test_all_recordings_are_there():
    assert len(recordings.names()) == 42


def test_a_difference_is_seen():
    recorded = recordings.load("cli-canary")["trace"]
    changed = [line for line in recorded if line[1] != "VirtualService"]
    assert differences(recorded, changed)
