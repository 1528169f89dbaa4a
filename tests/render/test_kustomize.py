"""Our kustomize against the real one: equal output, or a refusal that names the field."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from opsconsole.errors import RenderError, UnsupportedError
from opsconsole.model import yamldoc
from opsconsole.render.kustomize import kustfile
from opsconsole.render.kustomize.build import build
from opsconsole.render.kustomize.kustfile import image_argument
from opsconsole.render.options import KustomizeOptions, RenderOptions, from_source
from opsconsole.render.renderer import Renderer
from opsconsole.render.trees import MemoryTree, View
from tests.peers import peer
from tests.render.trees import BASE, CASES, REFUSED, TOP, over


def real(files: dict[str, str], folder: Path) -> str | None:
    for path, text in files.items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode())
    done = subprocess.run(
        [peer("kubectl"), "kustomize", "--load-restrictor", "LoadRestrictionsNone", str(folder)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    return done.stdout if done.returncode == 0 else None


def ours(files: dict[str, str], options: KustomizeOptions | None = None) -> str | None:
    try:
        return yamldoc.dump_all(build(View(MemoryTree(files)), "", options))
    except UnsupportedError:
        raise
    except RenderError:
        return None


def test_there_are_enough_trees() -> None:
    assert len(CASES) >= 60


@pytest.mark.parametrize("name", CASES)
def test_the_same_as_the_real_one(name: str, tmp_path: Path) -> None:
    assert ours(CASES[name]) == real(CASES[name], tmp_path)


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_not_done_is_refused_by_name(name: str) -> None:
    files, word = REFUSED[name]
    with pytest.raises(UnsupportedError, match=word):
        build(View(MemoryTree(files)), "")


@pytest.mark.parametrize(
    ("text", "entry"),
    [
        ("nginx:2", {"name": "nginx", "newTag": "2"}),
        ("nginx=r.io:5000/n:3", {"name": "nginx", "newName": "r.io:5000/n", "newTag": "3"}),
        ("nginx@sha256:aa", {"name": "nginx", "digest": "sha256:aa"}),
        ("nginx=*:4", {"name": "nginx", "newTag": "4"}),
        ("localhost:5000/x", {"name": "localhost:5000/x"}),
    ],
)
def test_image_arguments(text: str, entry: dict[str, str]) -> None:
    assert image_argument(text) == entry


def test_options_of_the_application_are_edits_of_the_file(tmp_path: Path) -> None:
    source = {
        "kustomize": {
            "namePrefix": "x-", "namespace": "ns", "images": ["nginx:9", "busy=other"],
            "replicas": [{"name": "web", "count": 4}], "commonLabels": {"l": "m"},
            "commonAnnotations": {"a": "b"},
            "patches": [{"target": {"kind": "Rollout"}, "patch": "- {op: replace, path: /spec/replicas, value: 1}"}],
        }
    }  # fmt: skip
    options = from_source(source).kustomize
    edited = (
        'namePrefix: x-\nnamespace: ns\nimages: [{name: nginx, newTag: "9"}, {name: busy, newName: other}]\n'
        "replicas: [{name: web, count: 4}]\ncommonLabels: {l: m}\ncommonAnnotations: {a: b}\n"
        "patches: [{target: {kind: Rollout}, patch: '- {op: replace, path: /spec/replicas, value: 1}'}]\n"
    )
    assert ours(over("namePrefix: y-\n"), options) == real(over(edited), tmp_path)


def test_a_label_that_is_there_needs_force() -> None:
    options = from_source({"kustomize": {"commonLabels": {"l": "m"}}}).kustomize
    with pytest.raises(RenderError, match="label l already in kustomization file"):
        build(View(MemoryTree(over("commonLabels: {l: nn}\n"))), "", options)


def test_the_real_program_is_used_when_asked_for() -> None:
    kubectl = peer("kubectl")
    tree = MemoryTree(over("namePrefix: p-\n"))
    done = Renderer().render(tree, "", RenderOptions(binary=kubectl))
    own = Renderer().render(tree, "", RenderOptions(binary="never"))
    assert (done.by, own.by) == (kubectl, "")
    assert done.manifests == own.manifests


def test_the_real_program_gets_the_edits_too() -> None:
    options = from_source(
        {"kustomize": {"nameSuffix": "-z", "images": ["nginx:$ARGOCD_APP_REVISION"]}}
    )
    tree = MemoryTree(over(""))
    results = [
        Renderer().render(
            tree, "", RenderOptions(kustomize=options.kustomize, environment=(("ARGOCD_APP_REVISION", "abc"),), binary=binary)
        ).manifests
        for binary in (peer("kubectl"), "never")
    ]  # fmt: skip
    assert results[0] == results[1]
    assert "nginx:abc" in str(results[0])


@pytest.mark.parametrize(
    "files",
    [
        {"kustomization.yaml": "resources: [../../etc/passwd]\n"},
        {"kustomization.yaml": "resources: [/etc/passwd]\n"},
        {"kustomization.yaml": "configMapGenerator: [{name: x, files: [../../etc/passwd]}]\n"},
        {**BASE, "kustomization.yaml": TOP + "patches: [{path: ../../x}]\n"},
        {**BASE, "kustomization.yaml": TOP + "components: [../../x]\n"},
        {**BASE, "kustomization.yaml": TOP + "replacements: [{path: ../../x}]\n"},
    ],
)
def test_nothing_outside_is_read(files: dict[str, str]) -> None:
    with pytest.raises(RenderError, match=r"leads out of the repository|absolute path"):
        build(View(MemoryTree(files)), "")


def test_a_generated_literal_in_the_kustomization_file_is_a_string() -> None:
    with pytest.raises(RenderError, match=r"commonLabels.a must be a string"):
        build(View(MemoryTree(over("commonLabels: {a: on}\n"))), "")


def test_every_refusal_is_in_the_documentation() -> None:
    text = (Path(__file__).resolve().parents[2] / "docs" / "rendering.md").read_text()
    assert [field for field in kustfile.REFUSED if f"`{field}`" not in text] == []
