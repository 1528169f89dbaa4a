"""What the repo-server says of a source that gives no manifests, and what it remembers of it."""

from __future__ import annotations

from typing import Any

import pytest

from opsconsole.render.renderer import Renderer
from opsconsole.render.trees import MemoryTree
from opsconsole.sandbox.argocd.sources import FAILURES, PAUSE, Asked, SourceError, Sources, grpc

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
    stand = Stand({"app/x.yaml": "kind: a\nkind: b\napiVersion: v1\nmetadata: {name: x}\n"})
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
