from __future__ import annotations

from pathlib import Path

import pytest

from opsconsole.model.yamldoc import load_manifests
from opsconsole.repos.process import RepoFault
from opsconsole.sandbox.kernel import START
from opsconsole.sandbox.world.repository import ALICE, PAST, WorldRepository, files
from tests.peers import peer


@pytest.fixture
def repository(tmp_path: Path) -> WorldRepository:
    peer("git")
    made = WorldRepository(tmp_path)
    made.seed(START)
    return made


def test_the_past_ends_in_the_tree(repository: WorldRepository) -> None:
    for path, text in files().items():
        assert repository.read(path) == text, path


def test_the_past_is_dated_and_has_authors(repository: WorldRepository) -> None:
    commits = repository.git.history("", "main")
    assert [c.subject for c in reversed(commits)] == [change.subject for change in PAST]
    dates = [c.date for c in reversed(commits)]
    assert dates == sorted(dates)
    assert dates[-1] < START
    assert len({c.author for c in commits}) == 4


def test_an_image_is_pushed(repository: WorldRepository) -> None:
    sha = repository.push_image("apps/my-app-canary", "v2.1.0", ALICE, START)
    assert repository.head == sha
    assert "newTag: v2.1.0" in repository.read("apps/my-app-canary/kustomization.yaml")
    assert repository.git.commit(sha).files == ("apps/my-app-canary/kustomization.yaml",)
    with pytest.raises(RepoFault, match="nothing to commit"):
        repository.push_image("apps/my-app-canary", "v2.1.0", ALICE, START)


def test_every_file_of_the_tree_parses() -> None:
    for path, text in files().items():
        if path.endswith(".yaml"):
            assert load_manifests(text), path


def test_names_that_rollouts_use_are_defined() -> None:
    """Every AnalysisTemplate and Service that a Rollout of the tree names exists beside it."""
    folders: dict[str, list[dict]] = {}
    for path, text in files().items():
        if path.startswith("apps/") and path.endswith(".yaml") and "kustomization" not in path:
            folders.setdefault(path.rsplit("/", 1)[0], []).extend(load_manifests(text))
    checked = 0
    for manifests in folders.values():
        have = {(m["kind"], m["metadata"]["name"]) for m in manifests}
        for rollout in (m for m in manifests if m["kind"] == "Rollout" and "template" in m["spec"]):
            for name in _named(rollout["spec"]["strategy"]):
                assert name in have, name
                checked += 1
    assert checked >= 12


def _named(node: object) -> list[tuple[str, str]]:
    found = []
    if isinstance(node, dict):
        for key, value in node.items():
            if key in ("activeService", "previewService", "canaryService", "stableService"):
                found.append(("Service", value))
            elif key == "templateName":
                found.append(("AnalysisTemplate", value))
            else:
                found += _named(value)
    elif isinstance(node, list):
        for value in node:
            found += _named(value)
    return found
