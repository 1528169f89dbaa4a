"""`--repo FROM=TO`: repositories are reached somewhere else, whatever the command."""

from __future__ import annotations

import pytest

from opsconsole.cli.options import sandbox_settings, settings_of, split
from opsconsole.errors import UsageError
from opsconsole.repos.mirror import replaced

WORDS = [
    "apps",
    "--repo",
    "https://a.example/x=http://127.0.0.1:1/x",
    "--repo=ssh://b/=/srv/b/?q=1",
]
PAIRS = (("https://a.example/x", "http://127.0.0.1:1/x"), ("ssh://b/", "/srv/b/?q=1"))


def test_pairs_reach_the_settings_of_a_cluster_and_of_the_sandbox(tmp_path):
    options, rest = split(WORDS)
    assert rest == ["apps"]
    env = {"HOME": str(tmp_path)}
    there = settings_of(split([*WORDS, "--server", "http://127.0.0.1:1"])[0], env)
    assert there is not None
    assert there.repos.replacements == PAIRS
    assert sandbox_settings(options, env).repos.replacements == PAIRS
    assert replaced("https://a.example/x.git", PAIRS) == "http://127.0.0.1:1/x.git"


@pytest.mark.parametrize("word", ["https://u:hunter2@a.example", "=hunter2", "hunter2="])
def test_a_bad_pair_is_refused_without_being_repeated(word):
    with pytest.raises(UsageError) as told:
        split(["--repo", word])
    assert "FROM=TO" in str(told.value)
    assert "hunter2" not in str(told.value)
