"""What the repo-server says of a source that gives no manifests, and what it remembers of it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from opsconsole.render.renderer import Renderer
from opsconsole.render.trees import MemoryTree
from opsconsole.repos.mirror import Repositories
from opsconsole.repos.process import run
from opsconsole.sandbox.argocd.sources import (
    FAILURES,
    PAUSE,
    Asked,
    SourceError,
    Sources,
    grpc,
    newest,
)
from tests.peers import peer

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x}\n"
URL = "https://git.local/r.git"


class Repository:
    """One commit; `files` may be changed, and then it is another."""

    def __init__(self, files: dict[str, str]) -> None:
        self.files = files

    def mirror(self, url: str) -> Repository:
        assert url == URL
        return self

    def fetch(self) -> None:
        pass

    def refs(self) -> dict[str, str]:
        return {}

    def resolve(self, revision: str) -> str:
        del revision
        return f"{abs(hash(str(self.files))):040x}"

    def tree(self, sha: str) -> MemoryTree:
        del sha
        return MemoryTree(self.files)


class Stand:
    def __init__(self, files: dict[str, str]) -> None:
        self.repository: Any = Repository(files)
        self.now = 0.0
        self.renderer = Renderer("never")
        self.sources = Sources(self.repository, self.renderer, lambda: self.now)

    def ask(self, *, hard: bool = False, **source: Any) -> list[str]:
        asked = Asked("app", "argocd", "default", "ns", hard=hard)
        whole = {"repoURL": URL, "path": "app", **source}
        made = self.sources.generate(whole, "main", asked, force=False)
        return [m["metadata"]["name"] for m in made.manifests]

    def refused(self, *, hard: bool = False, **source: Any) -> str:
        with pytest.raises(SourceError) as caught:
            self.ask(hard=hard, **source)
        return grpc(caught.value)


def test_kustomize_is_quoted_with_the_command_that_was_run() -> None:
    stand = Stand({"app/kustomization.yaml": "resourcs: [x.yaml]\n"})
    said = 'Error: invalid Kustomization: json: unknown field "resourcs"'
    command = "kustomize build <path to cached source>/app"
    assert stand.refused() == (
        f"rpc error: code = Unknown desc = `{command}` failed exit status 1: {said}"
    )
    stand.sources.build_options = "--enable-helm"
    assert f"`{command} --enable-helm` failed" in stand.refused()


def test_files_above_the_kustomization_need_the_build_option() -> None:
    stand = Stand({"app/kustomization.yaml": "resources: [../x.yaml]\n", "x.yaml": CM})
    assert "security; file '<path to cached source>/x.yaml' is not in or below" in stand.refused()
    stand.sources.build_options = "--load-restrictor LoadRestrictionsNone"
    assert stand.ask() == ["x"]


def test_a_fault_is_remembered_after_some_failures() -> None:
    stand = Stand({"app/x.yaml": CM})
    plain = "rpc error: code = Unknown desc = nowhere: app path does not exist"
    cached = plain.replace("nowhere", "Manifest generation error (cached): nowhere")
    for _ in range(FAILURES):
        assert stand.refused(path="nowhere") == plain
    assert stand.refused(path="nowhere") == cached
    assert stand.refused(path="nowhere", hard=True) == plain
    stand.now = PAUSE
    assert stand.refused(path="nowhere") == plain


def test_what_is_remembered_is_of_one_commit_and_one_source() -> None:
    stand = Stand({"app/x.yaml": "kind: a\napiVersion: v1\nmetadata: {name: x]\n"})
    for _ in range(FAILURES):
        assert stand.refused().startswith("rpc error: code = FailedPrecondition desc = Failed")
    remembered = "rpc error: code = Unknown desc = Manifest generation error (cached): rpc error: "
    assert stand.refused().startswith(f"{remembered}code = FailedPrecondition desc = Failed")
    assert "cached" not in stand.refused(directory={"include": "*.yaml"})
    stand.repository.files = {"app/x.yaml": CM}
    assert stand.ask() == ["x"]


def test_sections_without_a_value_name_no_tool() -> None:
    stand = Stand({"app/kustomization.yaml": "resources: [x.yaml]\n", "app/x.yaml": CM})
    assert stand.ask(directory={"recurse": False}, helm={"valueFiles": []}) == ["x"]
    assert stand.ask(kustomize={"namePrefix": "a-"}, directory={"recurse": False}) == ["a-x"]
    assert stand.refused(kustomize={"namePrefix": "a-"}, directory={"include": "*"}) == (
        "rpc error: code = Unknown desc = error getting app source type: "
        "multiple application sources defined: Kustomize,Directory"
    )


def test_a_source_file_names_a_tool_and_may_contradict() -> None:
    files = {"app/x.yaml": CM, "app/deep/z.yaml": CM.replace("x}", "z}")}
    stand = Stand({**files, "app/.argocd-source.yaml": "directory: {recurse: true}\npath: other\n"})
    # the file itself is a manifest file that is none: it is passed over
    assert stand.ask() == ["z", "x"]
    assert "sources defined: Kustomize,Directory" in stand.refused(kustomize={"namePrefix": "a-"})
    stand.repository.files = {**files, "app/.argocd-source.yaml": "a: [\n"}
    assert "error while parsing source parameters: app/.argocd-source.yaml" in stand.refused()


class RealStand:
    """A bare repository on this machine, and what Argo CD says of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder / "r.git"
        git = (folder, ["init", "--quiet", "--bare", str(self.folder)])
        run(git[0], git[1])
        self.mirrors = Repositories(cache_dir=folder / "cache")
        self.now = 0.0
        self.url = f"file://{self.folder}"
        self.sources = Sources(self.mirrors, Renderer("never"), lambda: self.now)

    def commit(self, files: dict[str, str], *, links: dict[str, str] | None = None) -> str:
        work = self.folder.parent / "work"
        if not work.exists():
            run(None, ["clone", "--quiet", self.url, str(work)])
        for name, content in files.items():
            (work / name).parent.mkdir(parents=True, exist_ok=True)
            (work / name).write_text(content)
        for name, target in (links or {}).items():
            (work / name).symlink_to(target)
        run(work, ["add", "--all"])
        who = ["-c", "user.name=a", "-c", "user.email=a@b"]
        run(work, [*who, "commit", "--quiet", "-m", "x"])
        run(work, ["push", "--quiet", "origin", "HEAD:refs/heads/main"])
        return run(work, ["rev-parse", "HEAD"]).decode().strip()

    def ask(self, revision: str = "main", path: str = "app") -> str:
        """The words of the refusal, or the names of what was rendered."""
        self.now += 5
        asked = Asked("app", "argocd", "default", "ns")
        try:
            made = self.sources.generate(
                {"repoURL": self.url, "path": path}, revision, asked, force=True
            )
        except SourceError as fault:
            return grpc(fault)
        return " ".join(m["metadata"]["name"] for m in made.manifests)


@pytest.fixture
def real(tmp_path: Path) -> Iterator[RealStand]:
    stand = RealStand(tmp_path)
    yield stand
    stand.mirrors.close()


UNKNOWN = "rpc error: code = Unknown desc = "


def test_what_git_says_of_a_repository(real: RealStand) -> None:
    stand = real
    assert stand.ask() == f"{UNKNOWN}failed to list refs: remote repository is empty"
    first = stand.commit({"app/x.yaml": CM})
    assert stand.ask() == stand.ask("") == stand.ask(first) == stand.ask(first[:8]) == "x"
    assert stand.ask("gone") == f"{UNKNOWN}unable to resolve 'gone' to a commit SHA"
    absent = "0123456789" * 4
    fetch = f"`git fetch origin {absent} --tags --force --prune` failed exit status 128: fatal: "
    assert stand.ask(absent) == (
        f"rpc error: code = Internal desc = Failed to checkout revision {absent}: {fetch}"
        f"remote error: upload-pack: not our ref {absent}"
    )
    assert "fatal: couldn't find remote ref abcdef1234" in stand.ask("abcdef1234")
    shutil.rmtree(stand.folder)
    assert stand.ask() == f"{UNKNOWN}failed to list refs: repository not found"


def test_places_that_are_no_directory_of_the_repository(real: RealStand) -> None:
    stand = real
    stand.commit({"app/x.yaml": CM})
    for path, words in (
        ("nowhere", "app path does not exist"),
        ("/app", "app path is absolute"),
        ("../app", "app path outside root"),
        ("app/../../etc", "app path outside root"),
        ("app/x.yaml", "app path is not a directory"),
    ):
        assert stand.ask(path=path) == f"{UNKNOWN}{path}: {words}"


def test_a_link_out_of_the_repository_stops_all_of_it(real: RealStand) -> None:
    stand = real
    stand.commit({"app/x.yaml": CM, "b/y.yaml": CM}, links={"app/in.yaml": "../b/y.yaml"})
    assert stand.ask() == "x x"
    refused = f"{UNKNOWN}repository contains out-of-bounds symlinks. file: "
    stand.commit({}, links={"b/out": "../../x"})
    assert stand.ask() == f"{refused}b/out"
    stand.commit({}, links={"b/absolute": "/etc/passwd"})
    assert stand.ask() == f"{refused}b/absolute"


def test_a_range_of_versions_is_the_highest_tag(real: RealStand) -> None:
    refs = [f"refs/tags/{tag}" for tag in ("v1.0.0", "v1.2.0", "1.10.0", "v2.0.0-rc.1", "x")]
    assert newest("1.*", [*refs, "refs/heads/1.*"]) == "1.10.0"
    assert newest("^1.0, <1.5", refs) == "v1.2.0"
    assert newest("*", refs) == "1.10.0"
    assert newest(">=2.0.0-0", refs) == "v2.0.0-rc.1"
    for plain in ("main", "HEAD", "v1.2", "1.0.0", "3.*", "feature/a*b"):
        assert newest(plain, refs) == plain
    stand = real
    stand.commit({"app/x.yaml": CM})
    run(stand.folder, ["tag", "v1.4.0", "main"])
    assert stand.ask("1.x") == "x"


def test_values_of_another_repository(real: RealStand, tmp_path: Path) -> None:
    peer("helm")
    real.sources.renderer = Renderer("helm")
    chart = "apiVersion: v2\nname: c\nversion: 1.0.0\n"
    template = CM.replace("x}", "{{ .Values.name }}-{{ .Values.more }}}")
    real.commit({"app/Chart.yaml": chart, "app/templates/x.yaml": template})
    (tmp_path / "values").mkdir()
    values = RealStand(tmp_path / "values")
    values.commit({"env/prod.yaml": "name: prod\nmore: a\n"})
    tree = values.sources.tree(values.url, "main")[1]
    asked = Asked("app", "argocd", "default", "ns", references={"$values": tree})

    def names(*files: str, **helm: Any) -> list[str]:
        source = {"repoURL": real.url, "path": "app", "helm": {"valueFiles": [*files], **helm}}
        made = real.sources.generate(source, "main", asked, force=True)
        return [m["metadata"]["name"] for m in made.manifests]

    assert names("$values/env/prod.yaml") == ["prod-a"]
    value = {"name": "more", "value": "$ARGOCD_APP_NAME-$$x"}
    assert names("$values/env/prod.yaml", parameters=[value]) == ["prod-app-$x"]
    with pytest.raises(SourceError, match="no such file") as caught:
        names("$values/env/none.yaml")
    assert str(caught.value).startswith(
        "failed to execute helm template command: failed running helm: `helm template . "
        "--name-template app --namespace ns --values <path to cached source>/env/none.yaml "
    )
    assert str(caught.value).endswith(
        "--include-crds` failed exit status 1: "
        "Error: open <path to cached source>/env/none.yaml: no such file or directory"
    )
    with pytest.raises(SourceError, match="leads out of the repository"):
        names("$values/../app/Chart.yaml")
    values.mirrors.close()


def test_what_is_no_git_repository_is_refused() -> None:
    stand = Stand({"app/x.yaml": CM})
    said = "only git repositories are read here; vendor it into one"
    assert stand.refused(chart="redis", path="") == f"{UNKNOWN}chart redis of {URL}: {said}"
    assert stand.refused(repoURL="oci://r/x") == f"{UNKNOWN}oci://r/x: {said}"
