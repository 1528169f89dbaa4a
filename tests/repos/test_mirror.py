from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from opsconsole.repos.mirror import Mirror, Repositories, replaced
from opsconsole.repos.process import RepoFault, redacted, run
from opsconsole.repos.repository import Repository
from opsconsole.settings import RepoSettings

ANNA = ("Anna", "anna@example.com")
WHEN = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def bare(folder: Path) -> Repository:
    subprocess.run(["git", "init", "-q", "--bare", "-b", "main", str(folder)], check=True)
    return Repository(folder)


def put(repo: Repository, changes: dict[str, bytes | None], message: str) -> str:
    tip = repo.refs().get("refs/heads/main", "")
    sha = repo.write_commit(tip, changes, message, author=ANNA, date=WHEN)
    repo.move_branch("main", sha, tip)
    return sha


@pytest.fixture
def origin(tmp_path: Path) -> Repository:
    repo = bare(tmp_path / "origin.git")
    put(repo, {"apps/a/x.yaml": b"a: 1\nb: 1\n", "apps/b/y.yaml": b"y: 1\n"}, "first")
    put(repo, {"apps/a/x.yaml": b"a: 2\nb: 1\n"}, "a is 2\n\nbody")
    put(repo, {"apps/b/y.yaml": b"y: 2\n"}, "y is 2")
    return repo


@pytest.fixture
def mirror(origin: Repository, tmp_path: Path) -> Mirror:
    found = Mirror(f"file://{origin.folder}", tmp_path / "cache")
    found.fetch()
    return found


def test_history_is_of_the_path_and_names_all_files(mirror: Mirror) -> None:
    found = mirror.history("apps/a", "main")
    assert [(c.subject, c.author, c.email, c.date, c.files) for c in found] == [
        ("a is 2", "Anna", "anna@example.com", WHEN, ("apps/a/x.yaml",)),
        ("first", "Anna", "anna@example.com", WHEN, ("apps/a/x.yaml", "apps/b/y.yaml")),
    ]
    assert [c.subject for c in mirror.history("", "main", limit=1)] == ["y is 2"]


def test_a_tree_is_read_at_its_commit(mirror: Mirror) -> None:
    old = mirror.tree(mirror.history("apps/a", "main")[1].sha)
    new = mirror.tree(mirror.resolve("main"))
    assert old.read("apps/a/x.yaml") == b"a: 1\nb: 1\n"
    assert new.read("apps/a/x.yaml") == b"a: 2\nb: 1\n"
    assert new.names("apps") == ["a", "b"]
    assert new.lookup("apps/nope") is None
    assert new.lookup("apps/a/x.yaml/z") is None
    with pytest.raises(RepoFault, match="no such file"):
        new.read("apps/nope")


def test_fetch_tells_whether_anything_moved(origin: Repository, mirror: Mirror) -> None:
    assert mirror.fetch() is False
    sha = put(origin, {"new.yaml": b"n: 1\n"}, "more")
    assert mirror.fetch() is True
    assert mirror.resolve("main") == mirror.resolve("HEAD") == mirror.resolve(sha[:9]) == sha


def test_a_deleted_branch_and_a_forced_one(origin: Repository, mirror: Mirror) -> None:
    first = mirror.history("", "main")[-1].sha
    origin.git("update-ref", "refs/heads/side", first)
    origin.git("update-ref", "refs/heads/main", first)
    mirror.fetch()
    assert mirror.resolve("side") == mirror.resolve("main") == first
    origin.git("update-ref", "-d", "refs/heads/side")
    mirror.fetch()
    with pytest.raises(RepoFault, match="unable to resolve 'side' to a commit SHA") as caught:
        mirror.resolve("side")
    assert caught.value.reason == "no-ref"


def test_an_annotated_tag_is_its_commit(origin: Repository, mirror: Mirror) -> None:
    origin.git(
        "tag", "-a", "v1", "-m", "one", origin.resolve("main"),
        environment={"GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"},
    )  # fmt: skip
    mirror.fetch()
    assert mirror.resolve("v1") == origin.resolve("main")


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "-x", "main..x", "nope"])
def test_a_bad_revision_is_no_option(mirror: Mirror, name: str) -> None:
    with pytest.raises(RepoFault) as caught:
        mirror.resolve(name)
    assert caught.value.reason == "no-ref"


def test_a_repository_that_is_gone(tmp_path: Path) -> None:
    with pytest.raises(RepoFault, match="there is no repository at this address") as caught:
        Mirror(f"file://{tmp_path}/none.git", tmp_path / "cache").fetch()
    assert caught.value.reason == "gone"


def test_an_empty_repository(tmp_path: Path) -> None:
    repo = bare(tmp_path / "empty.git")
    mirror = Mirror(str(repo.folder), tmp_path / "cache")
    mirror.fetch()
    with pytest.raises(RepoFault, match="empty"):
        mirror.resolve("HEAD")


@pytest.mark.parametrize("url", ["ext::sh -c touch% x", "--upload-pack=x", "fd::17"])
def test_addresses_that_run_commands_are_refused(url: str, tmp_path: Path) -> None:
    with pytest.raises(RepoFault) as caught:
        Mirror(url, tmp_path)
    assert caught.value.reason == "denied"


def test_credentials_stay_out_of_messages() -> None:
    assert redacted("https://user:secret@host/x.git") == "https://host/x.git"


def test_a_large_file_is_not_fetched_and_not_read(origin: Repository, tmp_path: Path) -> None:
    origin.git("config", "uploadpack.allowFilter", "true")
    put(origin, {"big.yaml": b"x" * (3 << 20), "small.yaml": b"s: 1\n"}, "big")
    mirror = Mirror(f"file://{origin.folder}", tmp_path / "cache")
    mirror.fetch()
    tree = mirror.tree(mirror.resolve("main"))
    for _ in range(2):
        with pytest.raises(RepoFault) as caught:
            tree.read("big.yaml")
        assert caught.value.reason == "too-large"
        assert tree.read("small.yaml") == b"s: 1\n"
    assert mirror.folder.exists()
    assert sum(f.stat().st_size for f in mirror.folder.rglob("*")) < (3 << 20)


def test_invalid_utf8_in_a_commit_and_a_name(origin: Repository, mirror: Mirror) -> None:
    tip = origin.resolve("main")
    sha = origin.git(
        "-c", "i18n.commitEncoding=utf-8", "commit-tree", f"{tip}^{{tree}}", "-p", tip, "-F", "-",
        data=b"bad \xff subject\n", environment={
            "GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x",
            "GIT_COMMITTER_EMAIL": "x"},
    ).strip()  # fmt: skip
    origin.move_branch("main", sha, tip)
    mirror.fetch()
    assert mirror.commit("main").subject == "bad ÿ subject"


def test_revert_undoes_one_commit_and_pushes(origin: Repository, mirror: Mirror) -> None:
    bad = mirror.history("apps/a", "main")[0]
    plan = mirror.plan_revert(bad.sha, "main")
    assert plan.subject == 'Revert "a is 2"'
    assert [c.argv[-1] for c in plan.commands][-2:] == [bad.sha, "HEAD:refs/heads/main"]
    sha = mirror.revert(plan, date=WHEN)
    assert origin.resolve("main") == mirror.resolve("main") == sha
    tree = origin.tree(sha)
    assert tree.read("apps/a/x.yaml") == b"a: 1\nb: 1\n"
    assert tree.read("apps/b/y.yaml") == b"y: 2\n"
    made = mirror.commit(sha)
    assert (made.subject, made.author, made.date) == ('Revert "a is 2"', "opsconsole", WHEN)
    assert made.files == ("apps/a/x.yaml",)


def test_a_revert_with_conflicts_changes_nothing(origin: Repository, mirror: Mirror) -> None:
    put(origin, {"apps/a/x.yaml": b"a: 3\nb: 1\n"}, "a is 3")
    mirror.fetch()
    tip = origin.resolve("main")
    bad = mirror.history("apps/a", "main")[1]
    with pytest.raises(RepoFault, match="cannot be reverted without conflicts") as caught:
        mirror.revert(mirror.plan_revert(bad.sha, "main"))
    assert caught.value.reason == "conflict"
    assert origin.resolve("main") == tip
    assert not list((mirror.folder / "worktrees").glob("*"))


def test_a_revert_over_a_branch_that_moved_is_refused(origin: Repository, mirror: Mirror) -> None:
    plan = mirror.plan_revert(mirror.history("apps/a", "main")[0].sha, "main")
    tip = put(origin, {"z": b"z"}, "somebody was quicker")
    with pytest.raises(RepoFault, match="the branch has moved") as caught:
        mirror.revert(plan)
    assert caught.value.reason == "rejected"
    assert origin.resolve("main") == tip


def test_what_cannot_be_reverted(origin: Repository, mirror: Mirror) -> None:
    with pytest.raises(RepoFault, match="is the first commit"):
        mirror.plan_revert(mirror.history("", "main")[-1].sha, "main")
    side = origin.write_commit("", {"s": b"s"}, "side", author=ANNA)
    origin.move_branch("side", side)
    mirror.fetch()
    with pytest.raises(RepoFault, match="is not on main"):
        mirror.plan_revert(side, "main")


def test_a_merge_is_reverted_to_its_first_parent(origin: Repository, mirror: Mirror) -> None:
    tip = origin.resolve("main")
    side = origin.write_commit(tip, {"apps/a/x.yaml": b"a: 9\nb: 1\n"}, "side", author=ANNA)
    merge = origin.git(
        "commit-tree", f"{side}^{{tree}}", "-p", tip, "-p", side, "-m", "merge",
        environment={"GIT_AUTHOR_NAME": "x", "GIT_AUTHOR_EMAIL": "x", "GIT_COMMITTER_NAME": "x", "GIT_COMMITTER_EMAIL": "x"},
    ).strip()  # fmt: skip
    origin.move_branch("main", merge, tip)
    mirror.fetch()
    assert mirror.commit(merge).files == ("apps/a/x.yaml",)
    sha = mirror.revert(mirror.plan_revert(merge, "main"))
    assert origin.tree(sha).read("apps/a/x.yaml") == b"a: 2\nb: 1\n"


def test_change_commits_and_pushes(origin: Repository, mirror: Mirror) -> None:
    sha = mirror.change(
        "main", {"apps/c/z.yaml": b"z: 1\n", "apps/b/y.yaml": None}, "c", author=ANNA
    )
    assert origin.resolve("main") == sha
    assert origin.tree(sha).names("apps") == ["a", "c"]
    with pytest.raises(RepoFault, match="nothing to commit"):
        mirror.change("main", {"apps/c/z.yaml": b"z: 1\n"}, "again", author=ANNA)


@pytest.mark.parametrize("path", ["../x", "/x", "a/../b", ".git/config", "a//b", "a/.GIT/x"])
def test_paths_outside_are_not_committed(mirror: Mirror, path: str) -> None:
    with pytest.raises(RepoFault, match="not a path inside a repository"):
        mirror.change("main", {path: b"x"}, "x", author=ANNA)


def test_hooks_do_not_run(origin: Repository, mirror: Mirror, tmp_path: Path) -> None:
    hook = mirror.folder / "hooks" / "post-commit"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    mirror.revert(mirror.plan_revert(mirror.history("apps/a", "main")[0].sha, "main"))
    assert not (tmp_path / "ran").exists()


def test_replacements() -> None:
    pairs = (("https://a/", "http://127.0.0.1:1/"), ("https://a/b/", "file:///b/"))
    assert replaced("https://a/x.git", pairs) == "http://127.0.0.1:1/x.git"
    assert replaced("https://a/b/x.git", pairs) == "file:///b/x.git"
    assert replaced("https://c/x.git", pairs) == "https://c/x.git"


def test_the_diff_of_a_commit(mirror: Mirror) -> None:
    bad = mirror.history("apps/a", "main")[0]
    assert "-a: 1\n+a: 2\n" in mirror.show(bad.sha)
    assert mirror.show(mirror.history("", "main")[-1].sha).count("+++ b/") == 2


@pytest.fixture
def plain_files(tmp_path: Path) -> Iterator[str]:
    """The address of a server that knows nothing of git ("dumb HTTP"): it serves files."""

    class Quiet(SimpleHTTPRequestHandler):
        def __init__(self, *args: Any) -> None:
            super().__init__(*args, directory=str(tmp_path))

        def log_message(self, *_: object) -> None:
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}/origin.git"
        server.shutdown()
        thread.join()


def test_a_repository_of_plain_files_behind_http(
    origin: Repository, plain_files: str, tmp_path: Path
) -> None:
    origin.git("update-server-info")
    mirror = Mirror(plain_files, tmp_path / "cache", RepoSettings(timeout=10))
    assert mirror.fetch()
    assert not mirror.fetch()
    assert mirror.git("config", "--get-regexp", "promisor|partialclone", accept=(1,)) == ""

    second = put(origin, {"apps/web/b.yaml": b"b: 2\n"}, "second")
    origin.git("update-server-info")
    assert mirror.fetch()
    assert mirror.resolve("main") == second
    assert mirror.tree(second).read("apps/web/b.yaml") == b"b: 2\n"


def test_a_mirror_follows_when_its_server_learns_git_or_forgets_it(
    origin: Repository, plain_files: str, tmp_path: Path
) -> None:
    """The cache outlives a run, and with it what was configured for the server of that time."""
    origin.git("update-server-info")
    served = (("https://git.example/origin.git", plain_files),)
    local = (("https://git.example/origin.git", str(origin.folder)),)
    origin.git("config", "uploadpack.allowFilter", "true")
    promisors = []
    folder = tmp_path / "cache" / "same.git"
    for replacements in (local, served, local):
        mirror = Mirror(
            "https://git.example/origin.git", tmp_path / "cache",
            RepoSettings(timeout=10, replacements=replacements),
        )  # fmt: skip
        mirror.folder = folder
        mirror.fetch()
        promisors.append(mirror.git("config", "remote.origin.promisor", accept=(0, 1)).strip())
    assert promisors == ["true", "", "true"]


def test_a_shallow_repository_is_read_at_what_it_has(origin: Repository, tmp_path: Path) -> None:
    shallow = tmp_path / "shallow.git"
    run(None, ["clone", "--quiet", "--bare", "--depth=1", f"file://{origin.folder}", str(shallow)])
    mirror = Mirror(str(shallow), tmp_path / "cache", RepoSettings(timeout=10))
    assert mirror.fetch()
    assert [c.subject for c in mirror.history("", "main")] == ["y is 2"]
    assert mirror.tree(mirror.resolve("main")).names("apps") == ["a", "b"]


def test_a_repository_that_became_empty_has_no_branches(
    origin: Repository, mirror: Mirror, tmp_path: Path
) -> None:
    shutil.rmtree(origin.folder)
    bare(origin.folder)
    mirror.fetch()
    assert mirror.refs() == {}
    with pytest.raises(RepoFault) as caught:
        mirror.resolve("main")
    assert caught.value.reason == "empty"


def test_repositories_share_mirrors(origin: Repository) -> None:
    repos = Repositories(
        RepoSettings(replacements=(("https://x/", f"file://{origin.folder.parent}/"),))
    )
    mirror = repos.mirror("https://x/origin.git")
    assert repos.mirror("https://x/origin.git") is mirror
    assert repos.executor.submit(mirror.fetch).result() is True
    assert mirror.resolve("main") == origin.resolve("main")
    repos.close()
    assert not mirror.folder.exists()
