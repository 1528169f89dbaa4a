from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from opsconsole.argo.cd.appset import AppSetError, applications
from opsconsole.argo.cd.appset.gitfiles import GitTree
from opsconsole.model.kinds import APPLICATION, APPLICATION_SET, SECRET
from opsconsole.sandbox import cluster as clusters
from opsconsole.sandbox.cluster import ClusterOptions

TABLE = json.loads(
    (Path(__file__).resolve().parents[2] / "conformance/tables/applicationsets.json").read_text()
)


class Files:
    def __init__(self, files: Mapping[str, str]) -> None:
        self.files = files

    def paths(self) -> Sequence[str]:
        return sorted(self.files)

    def read(self, path: str) -> bytes:
        return self.files[path].encode()


class Inputs:
    def __init__(
        self, known: Sequence[Mapping[str, Any]] = (), files: Mapping[str, str] | None = None
    ) -> None:
        self.known = known
        self.files = files or {}

    def clusters(self) -> Sequence[Mapping[str, Any]]:
        return self.known

    def git(self, url: str, revision: str) -> GitTree:
        assert url
        assert revision
        return Files(self.files)


def shown(app: Mapping[str, Any]) -> dict[str, Any]:
    meta = app["metadata"]
    found = {k: meta.get(k) for k in ("name", "labels", "annotations", "finalizers")}
    return {**found, "spec": app["spec"]}


def appset(spec: Mapping[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "set", "namespace": "argocd"}, "spec": spec}


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda r: r["case"])
def test_recorded_sets(row: dict[str, Any]) -> None:
    if row["conditions"][0][1] == "True":
        with pytest.raises(AppSetError) as fault:
            applications(appset(row["spec"]), Inputs(TABLE["clusters"]))
        assert row["conditions"][0][2:] == [fault.value.reason, str(fault.value)]
        return
    made = applications(appset(row["spec"]), Inputs(TABLE["clusters"]))
    assert sorted((shown(a) for a in made), key=lambda a: a["name"]) == row["applications"]
    assert row["conditions"][0][1] == "False"


@pytest.mark.parametrize("row", TABLE["rows"], ids=lambda r: r["case"])
def test_recorded_sets_in_the_sandbox(row: dict[str, Any]) -> None:
    if row["case"] == "bad-name":
        return  # the recording says itself that a real API server refuses it
    cluster = clusters.build(ClusterOptions(profile="recorded", without=frozenset({"argocd"})))
    for known in TABLE["clusters"]:
        meta = {"name": known["name"], "namespace": "argocd"}
        meta |= {"labels": known["labels"], "annotations": known["annotations"]}
        data = {"name": known["name"], "server": known["server"], "config": "{}"}
        cluster.store.create(SECRET, {"metadata": meta, "stringData": data})
    cluster.start()
    cluster.store.create(APPLICATION_SET, appset(row["spec"]))
    cluster.simulation.run_for(5)
    made = cluster.store.objects(APPLICATION, "argocd")
    assert [shown(a) for a in made] == row["applications"]
    status = cluster.store.get(APPLICATION_SET, "argocd", "set")["status"]
    found = [[c["type"], c["status"], c["reason"], c["message"]] for c in status["conditions"]]
    assert found == row["conditions"]
    assert not cluster.manager.faults


TEMPLATE = {"metadata": {"name": "{{path.basename}}"}, "spec": {"source": {"path": "{{path}}"}}}


def test_git_directories_leave_out_hidden_and_excluded_ones() -> None:
    files = dict.fromkeys(
        ("apps/a/x.yaml", "apps/b/x.yaml", "apps/.c/x.yaml", "apps/d/e/x.yaml"), ""
    )
    git = {"repoURL": "r", "directories": [{"path": "apps/*"}, {"path": "apps/b", "exclude": True}]}
    made = applications(
        appset({"generators": [{"git": git}], "template": TEMPLATE}), Inputs(files=files)
    )
    assert [a["spec"]["source"]["path"] for a in made] == ["apps/a", "apps/d"]


def test_git_files_give_their_content() -> None:
    files = {
        "c/one.yaml": "a: {b: 1}\n",
        "c/deep/two.json": '[{"a": {"b": "x"}}, {"a": {"b": "y"}}]',
    }
    git = {"repoURL": "r", "files": [{"path": "**/*.*"}]}
    template = {"metadata": {"name": "{{path.basename}}-{{a.b}}-{{path.filenameNormalized}}"}}
    made = applications(
        appset({"generators": [{"git": git}], "template": template}), Inputs(files=files)
    )
    assert [a["metadata"]["name"] for a in made] == [
        "deep-x-two.json",
        "deep-y-two.json",
        "c-1-one.yaml",
    ]


def test_matrix_interpolates_the_second_generator() -> None:
    files = dict.fromkeys(("apps/a/x", "other/b/x"), "")
    matrix = {"generators": [
        {"list": {"elements": [{"root": "apps"}, {"root": "other"}]}},
        {"git": {"repoURL": "r", "directories": [{"path": "{{root}}/*"}]}},
    ]}  # fmt: skip
    made = applications(
        appset({"generators": [{"matrix": matrix}], "template": TEMPLATE}), Inputs(files=files)
    )
    assert [a["spec"]["source"]["path"] for a in made] == ["apps/a", "other/b"]


@pytest.mark.parametrize(
    ("generator", "message"),
    [
        ({"merge": {"mergeKeys": ["a"], "generators": [{"list": {"elements": []}}]}}, "less than two"),
        ({"scmProvider": {"github": {}}}, "scmProvider"),
        ({"matrix": {"generators": [
            {"list": {"elements": [{"a": "1"}]}}, {"list": {"elements": [{"a": "2"}]}},
        ]}}, "duplicate key a with different value, a: 1 ,b: 2"),
    ],
)  # fmt: skip
def test_faults_name_the_generator(generator: dict[str, Any], message: str) -> None:
    with pytest.raises(AppSetError, match=message):
        applications(appset({"generators": [generator], "template": TEMPLATE}), Inputs())


def test_missing_key_error_option() -> None:
    spec = {
        "goTemplate": True,
        "goTemplateOptions": ["missingkey=error"],
        "generators": [{"list": {"elements": [{"a": "1"}]}}],
        "template": {"metadata": {"name": "{{.b}}"}},
    }
    with pytest.raises(AppSetError) as fault:
        applications(appset(spec), Inputs())
    assert fault.value.reason == "RenderTemplateParamsError"
    assert 'map has no entry for key "b"' in str(fault.value)
