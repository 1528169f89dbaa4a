"""Our own layout of `get rollout` and `list rollouts`, and the last resort for faults of our own."""

from __future__ import annotations

import pytest

from opsconsole.argo.commands.parsing import parse
from opsconsole.cli import dispatch, wide
from opsconsole.errors import NotFoundError, UsageError
from tests.ui import world


def test_only_wide_is_an_output() -> None:
    assert wide.wanted(parse(["get", "rollout", "x", "-o", "wide"]))
    assert not wide.wanted(parse(["get", "rollout", "x"]))
    for words in (["get", "rollout", "x", "-o", "yaml"], ["get", "experiment", "x", "-o", "wide"]):
        with pytest.raises(UsageError, match="has no output"):
            wide.wanted(parse(words))


def test_a_row_says_what_a_rollout_waits_for() -> None:
    shot = world.snapshot()
    head, *rows = wide.listed(shot, "").splitlines()
    assert head.split()[:3] == ["NAMESPACE", "NAME", "STRATEGY"]
    assert len(rows) == len(shot.rollouts)
    start = head.index("WAITS FOR")
    for (_, rollout), row in zip(sorted(shot.rollouts.items()), rows, strict=True):
        assert row[start:] == (rollout.waiting_for or "-")
    assert wide.listed(shot, "nowhere") == "there are no rollouts\n"


def test_a_rollout_is_found_by_its_name_and_namespace() -> None:
    shot = world.snapshot()
    key = next(iter(shot.rollouts))
    assert wide.one(shot, "", key.name) is shot.rollouts[key]
    assert wide.one(shot, key.namespace, key.name) is shot.rollouts[key]
    with pytest.raises(NotFoundError, match="no rollout 'nobody' in namespace production"):
        wide.one(shot, "production", "nobody")


def test_a_fault_of_our_own_is_a_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object) -> int:
        raise ValueError("the secret text of a request")

    monkeypatch.setitem(dispatch.COMMANDS, "apps", (broken, ""))
    assert dispatch.run(["apps"]) == 1
    err = capsys.readouterr().err
    assert "did not expect (ValueError)" in err
    assert "Traceback" not in err
    assert "secret" not in err
    monkeypatch.setenv("OPSCONSOLE_TRACEBACK", "1")
    with pytest.raises(ValueError, match="secret"):
        dispatch.run(["apps"])
