"""Trees that kustomize refuses, and what it says: compared with the real program."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

from opsconsole.errors import RenderError
from opsconsole.render.kustomize.faults import ROOT
from opsconsole.render.options import KustomizeOptions, RenderOptions
from opsconsole.render.renderer import render
from opsconsole.render.trees import MemoryTree
from tests.peers import peer

D = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}\n"
K = "app/kustomization.yaml"
BASE = {K: "resources: [../base]\n"}
B = "base/kustomization.yaml"

TREES: dict[str, dict[str, str]] = {
    "missing resource": {K: "resources: [missing.yaml]\n"},
    "missing dir": {K: "resources: [../base]\n"},
    "dir without kustomization": {K: "resources: [../base]\n", "base/x.yaml": D},
    "bad yaml resource": {K: "resources: [a.yaml]\n", "app/a.yaml": "a: b: c\n"},
    "no kind": {K: "resources: [a.yaml]\n", "app/a.yaml": "apiVersion: v1\nmetadata: {name: a}\n"},
    "no name": {K: "resources: [a.yaml]\n", "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\n"},
    "bad kustomization yaml": {K: "resources: [a.yaml\n"},
    "unknown field": {K: "resourcs: [a.yaml]\n"},
    "two unknown": {K: "resourcs: [a.yaml]\nfoo: 1\n"},
    "empty": {K: ""},
    "empty2": {K: "kind: Kustomization\napiVersion: kustomize.config.k8s.io/v1beta1\n"},
    "wrong kind": {K: "kind: Foo\nresources: [a.yaml]\n", "app/a.yaml": D},
    "patch no target": {
        K: "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
        "app/a.yaml": D,
        "app/p.yaml": D.replace("name: a", "name: b"),
    },
    "patch missing file": {K: "resources: [a.yaml]\npatches: [{path: p.yaml}]\n", "app/a.yaml": D},
    "patch bad": {
        K: "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
        "app/a.yaml": D,
        "app/p.yaml": "a: b: c",
    },
    "patch empty entry": {
        K: "resources: [a.yaml]\npatches: [{target: {kind: Deployment}}]\n",
        "app/a.yaml": D,
    },
    "json6902 bad path": {
        K: "resources: [a.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{op: replace, path: /spec/foo/bar, value: 1}]'}]\n",
        "app/a.yaml": D,
    },
    "json6902 remove": {
        K: "resources: [a.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{op: remove, path: /spec/foo}]'}]\n",
        "app/a.yaml": D,
    },
    "json6902 op": {
        K: "resources: [a.yaml]\npatches: [{target: {kind: Deployment}, patch: '[{op: foo, path: /spec/foo}]'}]\n",
        "app/a.yaml": D,
    },
    "duplicate ids": {K: "resources: [a.yaml, b.yaml]\n", "app/a.yaml": D, "app/b.yaml": D},
    "dup in one file": {
        K: "resources: [a.yaml]\n",
        "app/a.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: a}\nspec: {replicas: 1}\n",
    },
    "cycle": {K: "resources: [../app]\n"},
    "cycle2": {K: "resources: [../base]\n", B: "resources: [../app]\n"},
    "cm missing file": {K: "configMapGenerator: [{name: x, files: [f.txt]}]\n"},
    "cm missing env": {K: "configMapGenerator: [{name: x, envs: [f.txt]}]\n"},
    "cm dup key": {K: "configMapGenerator: [{name: x, literals: [a=b, a=c]}]\n"},
    "component not": {
        K: "resources: [../base]\n",
        B: "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\nresources: []\n",
    },
    "component missing": {K: "components: [../c]\n"},
    "replicas none": {
        K: "resources: [a.yaml]\nreplicas: [{name: zzz, count: 3}]\n",
        "app/a.yaml": D,
    },
    "two kustomizations": {K: "resources: []\n", "app/kustomization.yml": "resources: []\n"},
    "resource is not list": {K: "resources: a.yaml\n", "app/a.yaml": D},
    "nested unknown": {K: "resources: [../base]\n", B: "foo: 1\n"},
    "nested badyaml": {K: "resources: [../base]\n", B: "resources: [a\n"},
    "nested empty": {K: "resources: [../base]\n", B: ""},
    "nested empty2": {K: "resources: [../base]\n", B: "kind: Kustomization\n"},
    "nested wrong kind": {K: "resources: [../base]\n", B: "kind: Foo\n"},
    "nested two": {
        K: "resources: [../base]\n",
        B: "resources: []\n",
        "base/kustomization.yml": "resources: []\n",
    },
    "nested missing": {K: "resources: [../base]\n", B: "resources: [deep/x.yaml]\n"},
    "nested missing in dir": {
        K: "resources: [../base]\n",
        B: "resources: [deep/x.yaml]\n",
        "base/deep/y": "",
    },
    "nested patch": {
        K: "resources: [../base]\n",
        B: "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
        "base/a.yaml": D,
        "base/p.yaml": D.replace("name: a", "name: b"),
    },
    "nested bad patch": {
        K: "resources: [../base]\n",
        B: "resources: [a.yaml]\npatches: [{path: p.yaml}]\n",
        "base/a.yaml": D,
        "base/p.yaml": "a: b: c",
    },
    "dup from dir": {
        K: "resources: [a.yaml, ../base]\n",
        "app/a.yaml": D,
        B: "resources: [a.yaml]\n",
        "base/a.yaml": D,
    },
    "dup from two dirs": {
        K: "resources: [../b2, ../base]\n",
        "b2/kustomization.yaml": "resources: [a.yaml]\n",
        "b2/a.yaml": D,
        B: "resources: [a.yaml]\n",
        "base/a.yaml": D,
    },
    "no kind labels": {
        K: "resources: [a.yaml]\n",
        "app/a.yaml": "apiVersion: v1\nmetadata: {name: a, namespace: n, labels: {x: y, b: c}}\n",
    },
    "no apiVersion": {
        K: "resources: [a.yaml]\n",
        "app/a.yaml": "kind: ConfigMap\nmetadata: {name: a}\n",
    },
    "bad yaml l3": {
        K: "resources: [a.yaml]\n",
        "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\n\tx: 1\n",
    },
    "bad yaml l4": {
        K: "resources: [a.yaml]\n",
        "app/a.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a: b\n",
    },
    "scalar": {K: "resources: [a.yaml]\n", "app/a.yaml": "hello\n"},
    "list": {K: "resources: [a.yaml]\n", "app/a.yaml": "- a\n- b\n"},
    "empty file": {K: "resources: [a.yaml]\n", "app/a.yaml": ""},
    "kust scalar": {K: "hello"},
    "patches str": {K: "resources: [a.yaml]\npatches: [p.yaml]\n", "app/a.yaml": D},
    "images str": {K: "resources: [a.yaml]\nimages: [foo:1]\n", "app/a.yaml": D},
    "namePrefix int": {K: "resources: [a.yaml]\nnamePrefix: 1\n", "app/a.yaml": D},
    "labels int": {K: "resources: [a.yaml]\ncommonLabels: {a: 1}\n", "app/a.yaml": D},
    "both patch": {
        K: "resources: [a.yaml]\npatches: [{path: p.yaml, patch: 'x'}]\n",
        "app/a.yaml": D,
        "app/p.yaml": D,
    },
    "json no target": {
        K: "resources: [a.yaml]\npatches: [{patch: '- op: remove\n\n  path: /spec'}]\n",
        "app/a.yaml": D,
    },
    "json ok fail": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: replace\n      path: /spec/foo/bar\n      value: 1\n",
        "app/a.yaml": D,
    },
    "json remove": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: remove\n      path: /spec/foo\n",
        "app/a.yaml": D,
    },
    "json test": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: test\n      path: /spec/replicas\n      value: 7\n",
        "app/a.yaml": D,
    },
    "json op": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: |-\n    - op: foo\n      path: /spec/replicas\n      value: 7\n",
        "app/a.yaml": D,
    },
    "json6902 ok fail": {
        K: "resources: [a.yaml]\npatchesJson6902:\n- target: {kind: Deployment, name: a, version: v1}\n  patch: |-\n    - op: replace\n      path: /spec/foo/bar\n      value: 1\n",
        "app/a.yaml": D,
    },
    "json strict flow": {
        K: 'resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  patch: \'[{"op": "replace", "path": "/spec/replicas", "value": 3}]\'\n',
        "app/a.yaml": D,
    },
    "json flow in file": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  path: p.json\n",
        "app/a.yaml": D,
        "app/p.json": "[{op: replace, path: /spec/replicas, value: 3}]",
    },
    "json flow leading nl": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Deployment}\n  path: p.json\n",
        "app/a.yaml": D,
        "app/p.json": "\n[{op: replace, path: /spec/replicas, value: 3}]",
    },
    "target none matched": {
        K: "resources: [a.yaml]\npatches:\n- target: {kind: Foo}\n  patch: |-\n    - op: remove\n      path: /spec\n",
        "app/a.yaml": D,
    },
    "nested cm": {
        K: "resources: [../base]\n",
        B: "configMapGenerator: [{name: x, files: [f.txt]}]\n",
    },
    "component is kustomization": {
        K: "components: [../c]\n",
        "c/kustomization.yaml": "resources: []\n",
    },
    "components err": {
        K: "components: [../c]\n",
        "c/kustomization.yaml": "kind: Component\napiVersion: kustomize.config.k8s.io/v1alpha1\nresources: [x.yaml]\n",
    },
    "components nodir": {K: "components: [../c]\n", "c/x": "a"},
    "generator no name": {K: "configMapGenerator: [{literals: [a=b]}]\n"},
    "bad literal": {K: "configMapGenerator: [{name: x, literals: [ab]}]\n"},
    "bad behavior": {K: "configMapGenerator: [{name: x, behavior: foo, literals: [a=b]}]\n"},
}


def ours(tree: dict[str, str], options: RenderOptions) -> str:
    try:
        render(MemoryTree(tree), "app", options)
    except RenderError as fault:
        return fault.said or f"not told: {fault.message}"
    return "built"


def real(tree: dict[str, str], folder: Path, *switches: str) -> str:
    for path, content in tree.items():
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(content)
    done = subprocess.run(
        [peer("kubectl"), "kustomize", *switches, str(folder / "app")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        return "built"
    words = re.sub(r"^# Warning.*\n", "", done.stderr, flags=re.MULTILINE)
    return words.strip().removeprefix("error: ").replace(str(folder), ROOT)


@pytest.mark.parametrize("name", TREES)
def test_the_words_are_those_of_the_real_program(name: str, tmp_path: Path) -> None:
    assert ours(TREES[name], RenderOptions(binary="never")) == real(TREES[name], tmp_path)


OUTSIDE = {
    "resource": {K: "resources: [../a.yaml]\n", "a.yaml": D},
    "patch": {K: "resources: [a.yaml]\npatches: [{path: ../p.yaml}]\n", "app/a.yaml": D, "p.yaml": D},
    "config": {K: "configMapGenerator: [{name: x, files: [../f]}]\n", "f": "1"},
    "env": {K: "configMapGenerator: [{name: x, envs: [../f]}]\n", "f": "a=1"},
    "below": {K: "resources: [deep/a.yaml]\n", "app/deep/a.yaml": D},
}  # fmt: skip


@pytest.mark.parametrize("name", OUTSIDE)
def test_the_load_restrictor(name: str, tmp_path: Path) -> None:
    tree = OUTSIDE[name]
    restricted = RenderOptions(binary="never", kustomize=KustomizeOptions(load_restrictor=True))
    assert ours(tree, restricted) == real(tree, tmp_path)
    assert ours(tree, RenderOptions(binary="never")) == "built"
    assert real(tree, tmp_path, "--load-restrictor", "LoadRestrictionsNone") == "built"
