from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from opsconsole.errors import RenderError, UnsupportedError
from opsconsole.render import helm
from opsconsole.render.options import DirectoryOptions, RenderOptions, from_source
from opsconsole.render.renderer import Renderer, detect, render
from opsconsole.render.trees import DirectoryTree, MemoryTree, Tree, View
from opsconsole.repos.repository import Repository
from tests.peers import peer

CM = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %s}\n"


def names(tree: Tree, path: str, options: RenderOptions | None = None) -> list[str]:
    return [m["metadata"]["name"] for m in render(tree, path, options)]


TREE = MemoryTree({
    "app/b.yaml": CM % "b", "app/a.yml": CM % "a1" + "---\n" + CM % "a2",
    "app/c.json": '{"apiVersion": "v1", "kind": "List", "items": [{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "c"}}]}',
    "app/readme.md": "text", "app/skip.yaml": "# +argocd:skip-file-rendering\n" + CM % "skipped",
    "app/deep/d.yaml": CM % "d", "app/values.yaml": "just: [values\n",
})  # fmt: skip


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (DirectoryOptions(), ["a1", "a2", "b", "c"]),
        (DirectoryOptions(recurse=True), ["a1", "a2", "b", "c", "d"]),
        (DirectoryOptions(recurse=True, include="deep/*"), ["d"]),
        (DirectoryOptions(recurse=True, include="*.yaml"), ["b", "d"]),
        (DirectoryOptions(exclude="{a,c}.*"), ["b"]),
        (DirectoryOptions(include="*.yml", exclude="a.yml"), []),
        (DirectoryOptions(include="[ab].y*ml"), ["a1", "a2", "b"]),
    ],
)
def test_directories(options: DirectoryOptions, found: list[str]) -> None:
    assert names(TREE, "app", RenderOptions(directory=options)) == found


def test_a_file_that_does_not_parse_is_ignored_unless_it_looks_like_a_manifest() -> None:
    assert names(MemoryTree({"app/a.yaml": "a: [1\n"}), "app") == []
    with pytest.raises(
        RenderError,
        match=r'Failed to unmarshal "a.yaml": failed to unmarshal manifest: error converting YAML to JSON: yaml: line 4: did not find',
    ):
        names(MemoryTree({"app/a.yaml": CM % "x" + "data: [\n"}), "app")
    with pytest.raises(RenderError, match=r'Failed to unmarshal "a.json"'):
        names(MemoryTree({"app/a.json": "{"}), "app")


def test_what_a_file_with_several_documents_may_hold() -> None:
    with pytest.raises(RenderError, match="Object 'Kind' is missing"):
        names(MemoryTree({"app/a.yaml": CM % "x" + "---\npassword: hunter2\n"}), "app")
    assert names(MemoryTree({"app/a.yaml": "password: hunter2\n"}), "app") == []
    assert names(
        MemoryTree({"app/a.yaml": "# top\n---\n" + CM % "x" + "--- # more\n" + CM % "z" + "---"}),
        "app",
    ) == ["x", "z"]


def test_jsonnet_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="jsonnet"):
        names(MemoryTree({"app/a.jsonnet": "{}"}), "app")


@pytest.mark.parametrize(
    ("files", "tool", "found"),
    [
        ({"a/x.yaml": ""}, "", "Directory"),
        ({"a/kustomization.yml": ""}, "", "Kustomize"),
        ({"a/Chart.yaml": ""}, "", "Helm"),
        ({"a/Chart.yaml": "", "a/Kustomization": ""}, "", "Kustomize"),
        ({"a/Chart.yaml": "", "a/Kustomization": ""}, "helm", "Helm"),
    ],
)
def test_detection(files: dict[str, str], tool: str, found: str) -> None:
    assert detect(View(MemoryTree(files)), "a", tool) == found


def test_a_path_that_is_not_there() -> None:
    with pytest.raises(RenderError, match="nope: app path does not exist"):
        render(TREE, "nope")


def test_two_tools_are_refused() -> None:
    with pytest.raises(
        RenderError,
        match="error getting app source type: multiple application sources defined: Kustomize,Helm",
    ):
        from_source({"kustomize": {"namePrefix": "a"}, "helm": {"values": "b"}})


@pytest.mark.parametrize(
    ("target", "fault"),
    [("../../etc", True), ("/etc/passwd", True), ("../shared/x.yaml", False), ("link", True)],
)
def test_links(target: str, *, fault: bool) -> None:
    tree = MemoryTree(
        {"app/a.yaml": CM % "a", "shared/x.yaml": CM % "x"}, links={"app/link": target}
    )
    view = View(tree)
    if fault:
        with pytest.raises(RenderError, match=r"out-of-bounds symlinks. file: app/link"):
            view.read("app/link")
    else:
        assert b"name: x" in view.read("app/link")


def test_a_directory_on_disk_cannot_be_left(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("s")
    root = tmp_path / "repo"
    (root / "app").mkdir(parents=True)
    (root / "app" / "a.yaml").write_text(CM % "a")
    (root / "app" / "out.yaml").symlink_to(tmp_path / "secret")
    with pytest.raises(RenderError, match=r"out-of-bounds symlinks. file: app/out"):
        render(DirectoryTree(root), "app")
    (root / "app" / "out.yaml").unlink()
    assert names(DirectoryTree(root), "app") == ["a"]


def test_sizes_are_bounded() -> None:
    with pytest.raises(RenderError, match="too large"):
        render(MemoryTree({"app/a.yaml": "a" * (2 << 20)}), "app")


def test_bombs_and_bad_bytes_are_refused() -> None:
    bomb = "apiVersion: v1\nkind: X\nmetadata: {name: a}\nx0: &x0 [a,a,a,a,a,a,a,a,a]\n" + "".join(
        f"x{i}: &x{i} [{','.join([f'*x{i - 1}'] * 9)}]\n" for i in range(1, 12)
    )
    with pytest.raises(RenderError, match="excessive aliasing"):
        render(MemoryTree({"app/a.yaml": bomb}), "app")
    with pytest.raises(RenderError, match="UTF-8 octet"):
        render(MemoryTree({"app/a.yaml": (CM % "a").encode() + b"x: \xff\n"}), "app")


def test_an_unchanged_path_is_never_rendered_twice() -> None:
    base = {"base/kustomization.yaml": "resources: [a.yaml]\n", "base/a.yaml": CM % "a", "over/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n", "other/x": "1"}  # fmt: skip
    renderer = Renderer("never")
    first = renderer.render(MemoryTree(base), "over")
    again = renderer.render(MemoryTree({**base, "other/x": "2"}), "over")
    assert (first.fresh, again.fresh, renderer.rendered) == (True, False, 1)
    assert again.manifests is first.manifests
    moved = renderer.render(MemoryTree({**base, "base/a.yaml": CM % "z"}), "over")
    assert [m["metadata"]["name"] for m in moved.manifests] == ["p-z"]
    back = renderer.render(MemoryTree(base), "over")
    assert (back.fresh, renderer.rendered) == (False, 2)
    renderer.render(MemoryTree(base), "over", RenderOptions(app_name="x"))
    assert renderer.rendered == 3


def test_a_new_file_that_was_looked_for_counts() -> None:
    base = {"a/x.yaml": CM % "x"}
    renderer = Renderer("never")
    assert renderer.render(MemoryTree(base), "a").tool == "Directory"
    more = {**base, "a/kustomization.yaml": "resources: [x.yaml]\n"}
    assert renderer.render(MemoryTree(more), "a").tool == "Kustomize"
    assert len(renderer.render(MemoryTree({**base, "a/y.yaml": CM % "y"}), "a").manifests) == 2


def test_a_failure_is_remembered_too() -> None:
    renderer = Renderer("never")
    tree = MemoryTree({"a/kustomization.yaml": "resources: [nope.yaml]\n"})
    for _ in range(2):
        with pytest.raises(RenderError, match="no such file or directory"):
            renderer.render(tree, "a")
    assert renderer.rendered == 1


def test_a_source_file_in_the_tree_overrides() -> None:
    files = {"a/kustomization.yaml": "resources: [x.yaml]\n", "a/x.yaml": CM % "x", "a/.argocd-source.yaml": "kustomize: {namePrefix: all-}\n", "a/.argocd-source-one.yaml": "kustomize: {nameSuffix: -one}\n"}  # fmt: skip
    never = RenderOptions(binary="never")
    assert names(MemoryTree(files), "a", never) == ["all-x"]
    assert names(MemoryTree(files), "a", RenderOptions(app_name="one", binary="never")) == [
        "all-x-one"
    ]


def test_a_commit_is_a_tree(tmp_path: Path) -> None:
    subprocess.run(["git", "init", "-q", "--bare", str(tmp_path / "r.git")], check=True)
    repo = Repository(tmp_path / "r.git")
    first = repo.write_commit(
        "", {"a/x.yaml": (CM % "x").encode(), "b/y.yaml": b"y"}, "1", author=("a", "b")
    )
    second = repo.write_commit(first, {"b/y.yaml": b"z"}, "2", author=("a", "b"))
    renderer = Renderer("never")
    assert renderer.render(repo.tree(first), "a").fresh
    assert not renderer.render(repo.tree(second), "a").fresh


CHART = {
    "c/Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\n",
    "c/values.yaml": "a: 1\nb: {c: x}\n",
    "c/prod.yaml": "b: {c: prod}\n",
    "c/templates/cm.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {{ .Release.Name }}\n  namespace: {{ .Release.Namespace }}\ndata:\n  a: {{ .Values.a | quote }}\n  c: {{ .Values.b.c | quote }}\n",
}


def test_charts_are_rendered_by_helm() -> None:
    peer("helm")
    source = {"helm": {"valueFiles": ["prod.yaml"], "parameters": [{"name": "a", "value": "x,y"}], "values": "a: 2\n"}}  # fmt: skip
    options = from_source(source, app_name="app", namespace="ns")
    done = Renderer().render(MemoryTree(CHART), "c", options)
    assert (done.tool, done.by) == ("Helm", "helm")
    (found,) = done.manifests
    assert (found["metadata"], found["data"]) == (
        {"name": "app", "namespace": "ns"},
        {"a": "x,y", "c": "prod"},
    )
    assert helm.version().startswith(("v3.", "v4."))


def test_a_chart_knows_the_cluster_that_it_goes_to() -> None:
    peer("helm")
    asks = '{{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.APIVersions.Has "x/v1/Toy" }}'
    chart = {**CHART, "c/templates/cm.yaml": f"kind: ConfigMap\napiVersion: v1\nmetadata: {{name: a}}\ndata: {{k: '{asks}'}}\n"}  # fmt: skip
    options = RenderOptions(app_name="a", kube_version="1.29.0", api_versions=("x/v1/Toy",))
    found = render(MemoryTree(chart), "c", options)
    assert {"k": "29 true"} in [one["data"] for one in found]
    own = from_source({"helm": {"kubeVersion": "1.31.0", "apiVersions": ["v1"]}})
    own = replace(own, kube_version="1.29.0", api_versions=("x/v1/Toy",))
    assert {"k": "31 false"} in [one["data"] for one in render(MemoryTree(chart), "c", own)]


def test_a_chart_that_fails_says_why() -> None:
    peer("helm")
    broken = {**CHART, "c/templates/x.yaml": "{{ .Values.a.b.c }}"}
    with pytest.raises(RenderError, match=r"helm: .*x.yaml") as caught:
        render(MemoryTree(broken), "c", RenderOptions(app_name="a", kube_version="1.35.0", api_versions=("v1", "apps/v1")))  # fmt: skip
    # as the repo server says it
    assert caught.value.command == (
        "helm template . --name-template a --kube-version 1.35.0 <api versions removed> --include-crds"
    )
    assert caught.value.said.startswith("Error: ")
    with pytest.raises(RenderError, match=r"nope.yaml: no such file") as caught:
        render(MemoryTree(CHART), "c", from_source({"helm": {"valueFiles": ["nope.yaml"]}}))
    place = "<path to cached source>/c/nope.yaml"
    assert caught.value.command == f"helm template . --name-template release --values {place} --include-crds"  # fmt: skip
    assert caught.value.said == f"Error: open {place}: no such file or directory"
    needs = {**CHART, "c/Chart.yaml": CHART["c/Chart.yaml"] + "dependencies: [{name: d, version: 1, repository: 'https://x'}]\n"}  # fmt: skip
    with pytest.raises(UnsupportedError, match="dependency d is not in charts/"):
        render(MemoryTree(needs), "c")


def test_a_chart_without_helm_is_refused() -> None:
    with pytest.raises(UnsupportedError, match="there is no helm program"):
        render(MemoryTree(CHART), "c", RenderOptions(binary="never"))
