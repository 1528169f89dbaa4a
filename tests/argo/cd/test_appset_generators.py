"""Generators and templates of ApplicationSets beyond the recorded ones: Argo CD's rules and words."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from opsconsole.argo.cd.appset import AppSetError, applications, normal
from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.cd.appset.generators import POLL, requeue_after
from tests.argo.cd.test_appset import Inputs, appset

CLUSTERS = [
    {"name": "dub", "server": "https://d", "labels": {"env": "prod"}, "annotations": {"n": "x y"}},
    {"name": "Dev_1", "server": "https://e", "labels": {"env": "dev"}, "annotations": {}},
]


def names(spec: Mapping[str, Any], files: Mapping[str, str] | None = None) -> list[str]:
    made = applications(appset(spec), Inputs(CLUSTERS, files))
    return [app["metadata"]["name"] for app in made]


def fault(spec: Mapping[str, Any], files: Mapping[str, str] | None = None) -> tuple[str, str]:
    with pytest.raises(AppSetError) as wrong:
        applications(appset(spec), Inputs(CLUSTERS, files))
    return wrong.value.reason, str(wrong.value)


def one(generator: Mapping[str, Any], name: str, **more: Any) -> dict[str, Any]:
    return {"generators": [generator], "template": {"metadata": {"name": name}}, **more}


def listed(*elements: Any, **more: Any) -> dict[str, Any]:
    return {"list": {"elements": list(elements), **more}}


GO = {"goTemplate": True, "goTemplateOptions": ["missingkey=error"]}
DEEP = "failed to deeply replace JSON field contents: "


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        (one(listed({"values": {"a": "1"}}), "x-{{values.a}}"), ["x-1"]),
        (one(listed({"n": 3}, {"n": 1_000_000}), "{{.n}}", **GO), ["3", "1e+06"]),
        (one(listed({"a": {"b": ["x", "y"]}}), "{{index .a.b 1}}", **GO), ["y"]),
        (one(listed(elementsYaml="- {'n': a}\n- {'n': b}"), "{{n}}"), ["a", "b"]),
        (one(listed(elementsYaml="- {n: 1}"), "{{n}}"), ["{{n}}"]),
        (one({"clusters": {}}, "{{nameNormalized}}"), ["dub", "dev-1", "in-cluster"]),
        (one({"clusters": {}}, "{{.nameNormalized}}{{.project}}", **GO), ["dub", "dev-1", "in-cluster"]),
        (
            one({"clusters": {"selector": {"matchLabels": {"env": "prod"}}, "values": {"v": "{{name}}-{{server}}"}}}, "{{values.v}}"),
            ["dub-https://d"],
        ),
        (
            one({"clusters": {"flatList": True}}, "{{range .clusters}}{{.name}} {{end}}", **GO),
            ["dub Dev_1 in-cluster "],
        ),
        (one({**listed({"e": "a", "n": "1"}, {"e": "b", "n": "2"}), "selector": {"matchExpressions": [{"key": "e", "operator": "NotIn", "values": ["a"]}]}}, "{{n}}"), ["2"]),
        (one({**listed({"a": {"b": "x"}}, {"a": {"b": "y"}}), "selector": {"matchLabels": {"a.b": "y"}}}, "{{.a.b}}", **GO), ["y"]),
        (one(listed({"a": "{{x}}"}), "n-{{a}}"), ["n-{{x}}"]),
        (one(listed({"name": "My App_1"}), "{{normalize .name}}", **GO), ["my-app-1"]),
        (one(listed({"name": "Very Long Branch/Name"}), "{{slugify 9 true .name}}", **GO), ["very-long"]),
        (one(listed({"y": "a: [1, 2]"}), "{{len (fromYaml .y).a}}{{fromYamlArray `[3]` | first}}", **GO), ["23"]),
        (one(listed({}), "as-it-is-{{x}}"), ["as-it-is-{{x}}"]),
    ],
)  # fmt: skip
def test_parameters(spec: dict[str, Any], made: list[str]) -> None:
    assert names(spec) == made


def test_what_has_no_parameters_is_neither_rendered_nor_given_a_finalizer() -> None:
    made = applications(appset(one(listed({}), "x")), Inputs())
    assert "finalizers" not in made[0]["metadata"]


def test_lines_are_templates_by_themselves() -> None:
    name = "a {{b\n}} {{c"
    assert names(one(listed({"b": "x"}), name)) == [name]


MATRIX = {"matrix": {"generators": [listed({"a": "1"}, {"a": "2"}), listed({"b": "{{a}}x"})]}}


@pytest.mark.parametrize(
    ("spec", "made"),
    [
        (one(MATRIX, "{{a}}{{b}}"), ["11x", "22x"]),
        (
            one({"matrix": {"generators": [MATRIX, listed({"c": "z"})]}}, "{{a}}{{b}}{{c}}"),
            ["11xz", "22xz"],
        ),
        (
            one(
                {"matrix": {"generators": [listed({"a": "1", "b": "first"}), listed({"b": "2", "d": {"x": "y"}})]}},
                "{{.a}}{{.b}}{{.d.x}}",
                **GO,
            ),
            ["1firsty"],
        ),
        (
            one({"matrix": {"generators": [{"clusters": {"selector": {"matchLabels": {"env": "prod"}}}}, {"list": {"elementsYaml": "- {p: '{{name}}'}"}}]}}, "{{p}}"),
            ["dub"],
        ),
        (
            one({"merge": {"mergeKeys": ["k"], "generators": [listed({"k": "a", "v": "1"}, {"k": "b", "v": "2"}), listed({"k": "b", "v": "3"}, {"k": "c", "v": "4"})]}}, "{{k}}{{v}}"),
            ["a1", "b3"],
        ),
        (
            one({"merge": {"mergeKeys": ["k"], "generators": [listed({"k": "a", "o": {"x": 1, "y": 2}}), listed({"k": "a", "o": {"y": 0}})]}}, "{{.o.x}}{{.o.y}}", **GO),
            ["10"],
        ),
    ],
)  # fmt: skip
def test_generators_of_generators(spec: dict[str, Any], made: list[str]) -> None:
    assert names(spec) == made


CHILD = "child generator returned an error on parameter generation: "
PARAMS = "ApplicationGenerationFromParamsError"


@pytest.mark.parametrize(
    ("generator", "said", "more"),
    [
        (listed("x"), "error unmarshling list element json: cannot unmarshal string into Go value of type map[string]interface {}", {}),
        (listed({"values": "x"}), "error parsing values map", {}),
        (listed(elementsYaml="a: 1"), "error unmarshling decoded ElementsYaml error unmarshaling JSON: while decoding JSON: json: cannot unmarshal object into Go value of type []map[string]interface {}", {}),
        ({"git": {"repoURL": "r"}}, "ApplicationSet is empty", {}),
        ({"matrix": {"generators": [listed({"a": "1"})]}}, "found less than two generators, Matrix support only two", {}),
        ({"matrix": {"generators": [listed(), listed(), listed()]}}, "found more than two generators, Matrix support only two", {}),
        ({"merge": {"mergeKeys": ["a"], "generators": [listed()]}}, "found less than two generators, Merge requires two or more", {}),
        ({"merge": {"generators": [listed({"a": "1"}), listed()]}}, "error getting param sets by merge key: no merge keys were specified, Merge requires at least one", {}),
        (
            {"merge": {"mergeKeys": ["k", "j"], "generators": [listed({"k": "a"}, {"k": "a", "x": "2"}), listed()]}},
            ("error getting param sets by merge key: the parameters from a generator were not unique by the given mergeKeys, "
            'Merge requires all param sets to be unique. Duplicate key was {"j":null,"k":"a"}'),
            {},
        ),
        (
            {"merge": {"mergeKeys": ["a"], "generators": [listed({"a": "1"}), listed({"a": 1})]}},
            f"error getting param sets from generators: error getting params from generator 2 of 2: {CHILD}error parsing value as string %!w(<nil>)",
            {},
        ),
        (
            {"matrix": {"generators": [listed({"a": "1"}), listed({"a": "2"})]}},
            "failed to combine string maps with merging params for the matrix generator: found duplicate key a with different value, a: 1 ,b: 2",
            {},
        ),
        (
            {"matrix": {"generators": [{}, listed()]}},
            "error failed to get params for first generator in matrix generator: child generator generated no parameters",
            {},
        ),
        (
            {"matrix": {"generators": [listed({"a": "1"}), {"list": {}, "clusters": {}}]}},
            "failed to get params for second generator in the matrix generator: found more than one generator in matrix.Generators",
            {},
        ),
        (
            {"matrix": {"generators": [listed({"a": "1"}), listed({"b": "{{.nope}}"})]}},
            (f"failed to get params for second generator in the matrix generator: {CHILD}failed to replace parameters in generator: {DEEP}"
            'failed to execute go template {{.nope}}: template: base:1:2: executing "base" at <.nope>: map has no entry for key "nope"'),
            GO,
        ),
        (
            {"clusters": {"values": {"v": "{{.nope}}"}}},
            ("error appending templated values for cluster: failed to replace templated string: failed to replace templated string with rendered values: "
            'failed to execute go template {{.nope}}: template: base:1:2: executing "base" at <.nope>: map has no entry for key "nope"'),
            GO,
        ),
        (
            {"scmProvider": {}},
            "the scmProvider generator is not run here: it asks another server",
            {},
        ),
    ],
)  # fmt: skip
def test_faults_of_generators(generator: dict[str, Any], said: str, more: dict[str, Any]) -> None:
    assert fault(one(generator, "x", **more)) == (PARAMS, said)


def test_three_deep_is_too_deep() -> None:
    inner = {"matrix": {"generators": [MATRIX, listed({"z": "1"})]}}
    first = "error failed to get params for first generator in matrix generator: "
    reason, said = fault(one({"matrix": {"generators": [inner, listed({"y": "1"})]}}, "x"))
    assert reason == PARAMS
    assert said == f"{first}{CHILD}{first}child generator generated no parameters"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("{{.nope}}", 'failed to execute go template {{.nope}}: template: base:1:2: executing "base" at <.nope>: map has no entry for key "nope"'),
        ("{{nofunc}}", 'failed to parse template {{nofunc}}: template: base:1: function "nofunc" not defined'),
        ("{{env `HOME`}}", 'failed to parse template {{env `HOME`}}: template: base:1: function "env" not defined'),
    ],
)  # fmt: skip
def test_templates_that_cannot_be_rendered(name: str, said: str) -> None:
    spec = one(listed({"a": "1"}), name, **GO)
    assert fault(spec) == ("RenderTemplateParamsError", said)


def test_an_unclosed_tag_of_a_plain_template() -> None:
    spec = one(listed({"a": "1"}), "{{a}} {{b")
    assert fault(spec) == (
        "RenderTemplateParamsError",
        'invalid template: Cannot find end tag="}}" in the template="{{a}} {{b" starting from "b"',
    )


def test_the_name_is_rendered_before_the_spec() -> None:
    template = {
        "spec": {"project": "{{.three}}", "source": {"path": "{{.two}}"}},
        "metadata": {"name": "{{.one}}"},
    }
    spec = {"generators": [listed({"a": "1"})], "template": template, **GO}
    assert "{{.one}}" in fault(spec)[1]
    template["metadata"]["name"] = "x"
    assert "{{.two}}" in fault(spec)[1]


def test_the_first_generator_that_fails_is_told() -> None:
    spec = one(listed({"a": "1"}), "x")
    spec["generators"] += [listed({"a": 1}), {"git": {}}]
    assert fault(spec) == (PARAMS, "error parsing value as string %!w(<nil>)")


# templates of generators and patches


def test_the_template_of_a_generator_fills_and_overrides() -> None:
    base = {"metadata": {"name": "{{n}}", "labels": {"a": "1", "b": "2"}}, "spec": {"project": "p", "source": {"path": "x", "repoURL": "r"}, "syncPolicy": {"automated": {"prune": True}}}}  # fmt: skip
    over = {"metadata": {"name": "", "labels": {"b": "3"}}, "spec": {"source": {"path": "y-{{n}}"}, "syncPolicy": {"automated": {"prune": False}}}}  # fmt: skip
    spec = {"generators": [listed({"n": "one"}, template=over)], "template": base}
    made = applications(appset(spec), Inputs())[0]
    assert made["metadata"]["name"] == "one"
    assert made["metadata"]["labels"] == {"a": "1", "b": "3"}
    assert made["spec"] == {
        "project": "p",
        "source": {"path": "y-one", "repoURL": "r"},
        "syncPolicy": {"automated": {"prune": True}},
    }


def patched(patch: str) -> dict[str, Any]:
    base = {"metadata": {"name": "{{.n}}", "labels": {"a": "1"}}, "spec": {"project": "p", "source": {"helm": {"parameters": [{"name": "a"}]}}}}  # fmt: skip
    spec = {"generators": [listed({"n": "one"})], "template": base, "templatePatch": patch, **GO}
    return applications(appset(spec), Inputs())[0]


def test_a_patch_is_strategic() -> None:
    made = patched(
        "metadata: {labels: {a: null, b: '{{.n}}'}, finalizers: [mine]}\n"
        "spec: {project: other, source: {helm: {parameters: [{name: b}]}}}\n"
    )
    assert made["metadata"]["labels"] == {"b": "one"}
    assert made["metadata"]["finalizers"] == ["resources-finalizer.argocd.argoproj.io", "mine"]
    assert made["spec"] == {"project": "p", "source": {"helm": {"parameters": [{"name": "b"}]}}}
    replaced = patched("spec: {source: {$patch: replace, path: x}}")
    assert replaced["spec"]["source"] == {"path": "x"}
    assert patched("{{- if false }}x: 1{{ end }}")["metadata"]["labels"] == {"a": "1"}


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("{{.nope}}", "error replacing values in templatePatch: failed to execute go template {{.nope}}: "),
        ("- 1", 'invalid templatePatch "- 1": json: cannot unmarshal array into Go value of type v1alpha1.Application'),
        ("a: [", 'error while converting template to json "a: [": yaml: '),
    ],
)  # fmt: skip
def test_patches_that_do_not_apply(patch: str, said: str) -> None:
    with pytest.raises(AppSetError) as wrong:
        patched(patch)
    assert wrong.value.reason == "RenderTemplateParamsError"
    assert str(wrong.value).startswith(said)


def test_a_spec_is_written_as_the_api_types_write_it() -> None:
    spec = {"source": {"path": "", "repoURL": "r", "helm": {}, "kustomize": {"images": []}}, "destination": {"name": "", "server": "s"}, "syncPolicy": {}}  # fmt: skip
    assert normal(spec) == {
        "project": "default",
        "source": {"repoURL": "r"},
        "destination": {"server": "s"},
    }


# git

FILES = {
    "a/config.json": '{"n": 1, "deep": {"x": ["u", "v"]}, "none": null}',
    "a/b/config.json": '[{"n": "two"}, {"n": "three"}]',
    "a/b/other.yaml": "'n': four\n",
    "top.yaml": "n: five\n",
    ".hidden/x.yaml": "n: six\n",
    "a-c/x.yaml": "",
}


def git(**config: Any) -> dict[str, Any]:
    return {"git": {"repoURL": "r", "revision": "main", **config}}


@pytest.mark.parametrize(
    ("generator", "name", "made"),
    [
        (git(files=[{"path": "a/*.json"}]), "{{path}}-{{n}}", ["a/b-two", "a/b-three", "a-1"]),
        (git(files=[{"path": "a/**/*.json"}]), "{{n}}", ["two", "three"]),
        (git(files=[{"path": "a"}]), "{{n}}", ["two", "three", "four", "1"]),
        (git(files=[{"path": "a/config.json"}]), "{{deep.x.1}}{{none}}{{path[0]}}", ["v<nil>a"]),
        (git(files=[{"path": "top.yaml"}]), "{{path}}{{path.basename}}{{path.filename}}", ["..top.yaml"]),
        (git(files=[{"path": "a/*"}, {"path": "*other*", "exclude": True}]), "{{n}}", ["two", "three", "1"]),
        (git(directories=[{"path": "*"}]), "{{path}}", ["a", "a-c"]),
        (git(directories=[{"path": "*"}, {"path": "a/*"}]), "{{path}}", ["a", "a/b", "a-c"]),
        (git(directories=[{"path": "[!b]"}]), "{{path}}", []),
        (git(directories=[{"path": "[^b]"}]), "{{path}}", ["a"]),
        (git(directories=[{"path": "a/*"}], pathParamPrefix="p"), "{{p.path}}{{p.path[1]}}{{p.path.basenameNormalized}}", ["a/bbb"]),
        (git(directories=[{"path": "a/b"}], values={"v": "{{path.basename}}!"}), "{{values.v}}", ["b!"]),
    ],
)  # fmt: skip
def test_git(generator: dict[str, Any], name: str, made: list[str]) -> None:
    assert names(one(generator, name), FILES) == made


def test_git_for_go_templates() -> None:
    generator = git(files=[{"path": "a/config.json"}], pathParamPrefix="p", values={"v": "{{.n}}"})
    name = "{{.p.path.path}} {{index .p.path.segments 0}} {{.p.path.filenameNormalized}} {{.n}} {{.values.v}} {{index .deep.x 1}}"
    assert names(one(generator, name, **GO), FILES) == ["a a config.json 1 1 v"]


class Gone(Inputs):
    def git(self, url: str, revision: str) -> Any:
        raise GenerateError(f"rpc error: no {url} at {revision}")


@pytest.mark.parametrize(
    ("generator", "said"),
    [
        (git(files=[{"path": "a"}]), "error generating params from git: error retrieving Git files: rpc error: no r at main"),
        (git(directories=[{"path": "a"}]), "error generating params from git: error getting directories from repo: error retrieving Git Directories: rpc error: no r at main"),
    ],
)  # fmt: skip
def test_git_that_cannot_be_read(generator: dict[str, Any], said: str) -> None:
    with pytest.raises(AppSetError) as wrong:
        applications(appset(one(generator, "x")), Gone())
    assert (wrong.value.reason, str(wrong.value)) == (PARAMS, said)


def test_a_file_that_is_no_object() -> None:
    spec = one(git(files=[{"path": "x.yaml"}]), "x")
    assert fault(spec, {"x.yaml": "just text"})[1].startswith(
        "error generating params from git: unable to process file 'x.yaml': unable to parse file: "
        "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal string into Go value"
    )
    assert fault(spec, {"x.yaml": "a: ["})[1].startswith(
        "error generating params from git: unable to process file 'x.yaml': unable to parse file: "
    )


@pytest.mark.parametrize(
    ("generators", "seconds"),
    [
        ([listed()], None),
        ([git(files=[])], POLL),
        ([git(requeueAfterSeconds=30), git()], 30.0),
        ([{"matrix": {"generators": [listed(), git(requeueAfterSeconds=7)]}}], 7.0),
    ],
)
def test_when_it_looks_again(generators: Sequence[dict[str, Any]], seconds: float | None) -> None:
    assert requeue_after(appset({"generators": list(generators)})) == seconds
