"""Bad input on the running application controller: real repositories, one sound, one that is not.

Every case shows three things: what the bad application says, that the sound one gets its next
commit meanwhile, and that correcting the input is enough to be synced again.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, NAMESPACE, SECRET
from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Repositories
from opsconsole.repos.process import run
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import ClusterOptions

POLL = 20.0
GRACE = 180.0
CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\ndata: {k: '%s'}\n"
UNKNOWN = "Failed to load target state: failed to generate manifest for source 1 of 1: rpc error: code = Unknown desc = "
OUTSIDE = "what-stands-outside"


class Origin:
    """A bare repository and a work tree beside it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.work = folder / "r.git", folder / "work"
        folder.mkdir()
        run(None, ["init", "--quiet", "--bare", "--initial-branch=main", str(self.folder)])
        run(None, ["clone", "--quiet", str(self.folder), str(self.work)])
        run(self.work, ["switch", "--quiet", "--orphan", "main"])

    def commit(self, files: dict[str, str | bytes | None], *, amend: bool = False) -> str:
        for name, content in files.items():
            place = self.work / name
            if content is None:
                place.unlink()
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(content if isinstance(content, bytes) else content.encode())
        return self.push(amend=amend)

    def push(self, *, amend: bool = False) -> str:
        run(self.work, ["add", "--all"])
        more = ["--amend"] if amend else []
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        run(self.work, [*who, "commit", "--quiet", "--message", "x", *more])
        run(self.work, ["push", "--quiet", "--force", "origin", "HEAD:refs/heads/main"])
        return run(self.work, ["rev-parse", "HEAD"]).decode().strip()


class Two:
    """Applications `good` and `bad`, synced automatically, each from a repository of its own."""

    def __init__(self, folder: Path) -> None:
        (folder / OUTSIDE).write_text(CM % (OUTSIDE, OUTSIDE))
        self.good, self.bad = Origin(folder / "good"), Origin(folder / "bad")
        self.repositories = Repositories(cache_dir=folder / "mirrors")
        services = {"repositories": self.repositories, "renderer": Renderer("never")}
        options = ClusterOptions(profile="recorded", app_resync=POLL)
        self.cluster = clusters.build(options, services=services)
        self.store = self.cluster.store
        self.count = 0
        for name in ("good", "bad"):
            meta = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
            self.store.create(NAMESPACE, meta)
        self.good.commit({"app/x.yaml": CM % ("x", 0)})
        self.bad.commit({"app/x.yaml": CM % ("x", 0)})
        self.cluster.start()
        self.apply("good", self.good)
        self.apply("bad", self.bad)
        self.cluster.simulation.run_for(5)
        assert self.synced("bad", "0")

    def apply(self, name: str, origin: Origin, **source: Any) -> None:
        spec = {
            "project": "default",
            "source": {"repoURL": str(origin.folder), "targetRevision": "main", "path": "app", **source},
            "destination": {"server": "https://kubernetes.default.svc", "namespace": name},
            "syncPolicy": {"automated": {"prune": True, "selfHeal": True}},
        }  # fmt: skip
        meta = {"name": name, "namespace": "argocd"}
        head = {"apiVersion": APPLICATION.api_version, "kind": "Application", "metadata": meta}
        self.store.create(APPLICATION, {**head, "spec": spec})

    def poll(self) -> None:
        """Time for a look at git, with the next commit of the sound application in it."""
        self.count += 1
        self.good.commit({"app/x.yaml": CM % ("x", self.count)})
        self.cluster.simulation.run_for(POLL + 5)
        assert not self.cluster.manager.faults
        assert self.synced("good", str(self.count))

    def status(self, name: str) -> Any:
        return self.store.get(APPLICATION, "argocd", name).get("status", {})

    def synced(self, name: str, value: str) -> bool:
        found = self.store.find(CONFIG_MAP, name, "x")
        status = self.status(name)
        return (
            found is not None
            and found["data"] == {"k": value}
            and status["sync"]["status"] == "Synced"
            and not status.get("conditions")
        )

    def refused(self) -> str:
        """The condition of the bad application; nothing that it had is lost by it."""
        self.poll()
        # for three minutes the last answer stands (`repo-error-grace-period-seconds`)
        assert self.status("bad")["sync"]["status"] == "Synced"
        self.cluster.simulation.run_for(GRACE)
        self.poll()
        status = self.status("bad")
        assert status["sync"]["status"] == "Unknown"
        assert self.store.find(CONFIG_MAP, "bad", "x") is not None
        assert OUTSIDE not in str([*self.store.objects(CONFIG_MAP), *self.store.objects(SECRET)])
        assert OUTSIDE + "\n" not in str(status)
        (one,) = status["conditions"]
        assert one["type"] == "ComparisonError"
        return str(one["message"])

    def mended(self, value: str) -> None:
        """Another commit makes it well; three failures are remembered for an hour unless hard."""
        app = self.store.get(APPLICATION, "argocd", "bad")
        notes = {"annotations": {"argocd.argoproj.io/refresh": "hard"}}
        self.store.update(APPLICATION, {**app, "metadata": {**app["metadata"], **notes}})
        self.poll()
        assert self.synced("bad", value)


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Two]:
    stand = Two(tmp_path)
    yield stand
    stand.repositories.close()


def test_a_repository_that_is_gone_and_comes_back(two: Two) -> None:
    away = two.bad.folder.with_name("away.git")
    two.bad.folder.rename(away)
    assert two.refused() == f"{UNKNOWN}failed to list refs: repository not found"
    away.rename(two.bad.folder)
    two.bad.commit({"app/x.yaml": CM % ("x", "back")})
    two.mended("back")


def test_a_branch_that_is_deleted(two: Two) -> None:
    run(two.bad.work, ["push", "--quiet", "origin", "HEAD:refs/heads/other"])
    run(two.bad.folder, ["symbolic-ref", "HEAD", "refs/heads/other"])
    run(two.bad.work, ["push", "--quiet", "origin", ":refs/heads/main"])
    assert two.refused() == f"{UNKNOWN}unable to resolve 'main' to a commit SHA"
    two.bad.commit({"app/x.yaml": CM % ("x", "again")})
    two.mended("again")


def test_history_that_is_rewritten_and_collected(two: Two) -> None:
    before = two.status("bad")["sync"]["revision"]
    after = two.bad.commit({"app/x.yaml": CM % ("x", "rewritten")}, amend=True)
    run(two.bad.folder, ["reflog", "expire", "--expire=now", "--all"])
    run(two.bad.folder, ["gc", "--quiet", "--prune=now"])
    two.poll()
    assert two.synced("bad", "rewritten")
    status = two.status("bad")
    assert [one["revision"] for one in status["history"]] == [before, after]


def test_a_repository_that_became_empty(two: Two) -> None:
    shutil.rmtree(two.bad.folder)
    run(None, ["init", "--quiet", "--bare", "--initial-branch=main", str(two.bad.folder)])
    assert two.refused() == f"{UNKNOWN}failed to list refs: remote repository is empty"
    two.bad.commit({"app/x.yaml": CM % ("x", "filled")})
    two.mended("filled")


def test_a_shallow_repository_is_read_at_what_it_has(two: Two) -> None:
    two.bad.commit({"app/x.yaml": CM % ("x", "deep")})
    shallow = two.bad.folder.with_name("shallow.git")
    run(None, ["clone", "--quiet", "--bare", "--depth=1", f"file://{two.bad.folder}", str(shallow)])
    shutil.rmtree(two.bad.folder)
    shallow.rename(two.bad.folder)
    two.poll()
    assert two.synced("bad", "deep")


@pytest.mark.parametrize("target", ["../../" + OUTSIDE, "/etc/hostname"])
def test_a_link_that_leads_out(two: Two, target: str) -> None:
    (two.bad.work / "app/out.yaml").symlink_to(target)
    two.bad.push()
    assert two.refused() == (
        f"{UNKNOWN}repository contains out-of-bounds symlinks. file: app/out.yaml"
    )
    two.bad.commit({"app/out.yaml": None, "app/x.yaml": CM % ("x", "inside")})
    two.mended("inside")


@pytest.mark.parametrize(
    "field",
    [
        f"resources: [../../../{OUTSIDE}]",
        f"resources: [x.yaml]\npatches: [{{path: ../../../{OUTSIDE}}}]",
        f"resources: [x.yaml]\nconfigMapGenerator: [{{name: g, files: [../../../{OUTSIDE}]}}]",
        "resources: [/etc]",
    ],
)
def test_a_kustomization_that_reaches_out(two: Two, field: str) -> None:
    two.bad.commit({"app/kustomization.yaml": f"{field}\n"})
    said = two.refused()
    assert said.startswith(UNKNOWN)
    assert "leads out of the repository" in said or "an absolute path" in said
    two.bad.commit({"app/kustomization.yaml": None, "app/x.yaml": CM % ("x", "in")})
    two.mended("in")


BOMB = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
    f"{b}: &{b} [{','.join(['*' + a] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CM % ("x", 1) + BOMB, "error converting YAML to JSON: yaml: document contains excessive aliasing"),
        (CM % ("x", 1) + "bad: [", "error converting YAML to JSON: yaml: line "),
        ((CM % ("x", 1)).encode() + b"bad: \xff\xfe\n", "error converting YAML to JSON: yaml: invalid leading UTF-8 octet"),
        ("apiVersion: v1\nmetadata: {name: x}\n# kind:\n", "error unmarshaling JSON: while decoding JSON: Object 'Kind' is missing in"),
    ],
)  # fmt: skip
def test_text_that_does_not_read(two: Two, content: str | bytes, said: str) -> None:
    two.bad.commit({"app/x.yaml": content})
    start = 'Failed to unmarshal "x.yaml": failed to unmarshal manifest: '
    # after three failures the answer is a remembered one
    refused = two.refused()
    assert refused.startswith(f"{UNKNOWN}Manifest generation error (cached): ")
    assert start + said in refused
    two.bad.commit({"app/x.yaml": CM % ("x", "well")})
    two.mended("well")


def test_of_a_key_that_stands_twice_the_last_counts(two: Two) -> None:
    twice = (CM % ("x", "last")).replace("{k:", "{k: first, k:")
    two.bad.commit({"app/x.yaml": twice})
    two.poll()
    assert two.synced("bad", "last")


def test_a_huge_file_is_not_read(two: Two) -> None:
    """Refused by its size, before anything of it is inflated; git itself is slow with 1 GiB."""
    with (two.bad.work / "app/huge.yaml").open("wb") as file:
        file.truncate(64 << 20)
    run(two.bad.work, ["config", "core.bigFileThreshold", "1m"])
    run(two.bad.work, ["config", "core.compression", "1"])
    two.bad.push()
    assert "is not read" in two.refused()
    two.bad.commit({"app/huge.yaml": None, "app/x.yaml": CM % ("x", "small")})
    two.mended("small")


def test_two_applications_that_claim_one_resource(two: Two) -> None:
    two.apply("second", two.bad)
    app = two.store.get(APPLICATION, "argocd", "second")
    spec = {**app["spec"], "destination": {**app["spec"]["destination"], "namespace": "bad"}}
    two.store.update(APPLICATION, {**app, "spec": spec})
    two.poll()
    said = {
        name: [(c["type"], c["message"]) for c in two.status(name).get("conditions", [])]
        for name in ("bad", "second")
    }
    assert [kind for kinds in said.values() for kind, _ in kinds] == ["SharedResourceWarning"]
    ((owner, ((_, message),)),) = [(name, c) for name, c in said.items() if c]
    other = {"bad": "second", "second": "bad"}[owner]
    assert message == f"ConfigMap/x is part of applications argocd/{owner} and {other}"
    two.store.delete(APPLICATION, "argocd", "second")
    two.poll()
    assert two.synced("bad", "0")
