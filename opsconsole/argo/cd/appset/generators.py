"""Generators: list, clusters and git (directories, files) → sets of parameters.

Argo CD `applicationset/generators/`, with its error texts. Matrix and merge are in `nesting`.
Those that ask other servers (scmProvider, pullRequest, plugin, clusterDecisionResource) are
refused by name.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.argo.cd.appset import gitfiles
from opsconsole.argo.cd.appset.errors import GenerateError, ProjectError, RenderingError
from opsconsole.argo.cd.appset.params import Params, decoded, flatten
from opsconsole.argo.cd.appset.rendering import render_template, replace, sanitized
from opsconsole.argo.cd.projects import IN_CLUSTER, IN_CLUSTER_NAME
from opsconsole.argo.golang.values import StringMap, type_name
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import Object, flag, items, mapping, mappings, number, text
from opsconsole.model.selectors import matches_selector

NAMES = ("list", "clusters", "git", "matrix", "merge")
FOREIGN = ("scmProvider", "clusterDecisionResource", "pullRequest", "plugin")

POLL = 180.0
"""Seconds between two looks at git, and after an error."""

MAX_PARAMS = 10_000

EMPTY = "ApplicationSet is empty"
"""What a generator of a kind, but without content, is told."""


class Inputs(Protocol):
    def clusters(self) -> Sequence[Mapping[str, Any]]:
        """Cluster Secrets: `{name, server, project, labels, annotations}`."""
        ...

    def git(self, url: str, revision: str) -> gitfiles.GitTree:
        """The files of a repository. Raises GenerateError with the repo-server's text."""
        ...


@dataclass(frozen=True, slots=True)
class Produced:
    """One set of parameters, and the template that its generator brings along."""

    params: Params
    template: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Run:
    """What generating needs of the set: inputs, goTemplate, goTemplateOptions, the depth."""

    inputs: Inputs
    go: bool
    options: Sequence[str] = ()
    depth: int = 0


def generate(
    generator: Object,
    inputs: Inputs,
    *,
    go: bool,
    options: Sequence[str] = (),
) -> list[Produced]:
    """The parameters of a generator of the set, after its selector. Raises GenerateError."""
    found: list[Produced] = []
    for template, sets in transformed(generator, Run(inputs, go, options), {}):
        found += [Produced(params, template) for params in sets]
    return found


def transformed(
    generator: Object, run: Run, parent: Params
) -> list[tuple[Mapping[str, Any], list[Params]]]:
    """(template, sets) of each kind in a generator: `Transform`. `parent` is interpolated first."""
    selector = generator.get("selector")
    selector = selector if isinstance(selector, Mapping) else None
    results = []
    for name in kinds(generator, run.depth):
        config = mapping(generator, name)
        template = mapping(config, "template")
        if parent:
            config = _interpolated(name, config, parent, run)
        if name in FOREIGN:
            raise GenerateError(f"the {name} generator is not run here: it asks another server")
        sets = _RUN[name](config, run)
        if selector is not None:
            sets = [one for one in sets if _selected(selector, one)]
        if len(sets) > MAX_PARAMS:
            raise GenerateError(f"a generator gives {len(sets)} sets, more than {MAX_PARAMS}")
        results.append((template, sets))
    return results


def kinds(generator: Object, depth: int) -> list[str]:
    """The kinds in a generator; a generator within two others holds no further ones."""
    known = [n for n in (*NAMES, *FOREIGN) if depth < 2 or n not in ("matrix", "merge")]
    return [name for name in known if generator.get(name) is not None]


def _interpolated(name: str, config: Object, parent: Params, run: Run) -> Mapping[str, Any]:
    prefix = "failed to replace parameters in generator: "
    rest = {key: value for key, value in config.items() if key != "elements"}
    try:
        found = dict(render_template(rest, parent, go=run.go, options=run.options))
        if name == "list" and "elements" in config:
            prefix += "failed to deeply replace JSON field contents: "
            elements = config["elements"]
            found["elements"] = render_template(elements, parent, go=run.go, options=run.options)
    except RenderingError as fault:
        raise GenerateError(f"{prefix}{fault}") from fault
    return found


def _selected(selector: Object, params: Params) -> bool:
    try:
        return matches_selector(selector, flatten(params))
    except RuleError as fault:
        raise GenerateError(f"error parsing label selector: {fault.message}") from fault


# list


def _list(config: Object, run: Run) -> list[Params]:
    found = []
    for element in items(config, "elements"):
        if element is not None and not isinstance(element, Mapping):
            raise GenerateError(
                f"error unmarshling list element json: cannot unmarshal {_json_kind(element)}"
                " into Go value of type map[string]interface {}"
            )
        found.append(decoded(element or {}) if run.go else _texts(element or {}))
    raw = text(config, "elementsYaml")
    return found + (_elements(raw) if raw else [])


def _elements(raw: str) -> list[Params]:
    prefix = "error unmarshling decoded ElementsYaml "
    try:
        loaded = yamldoc.load(raw, strict=False)
    except YamlError as fault:
        raise GenerateError(
            f"{prefix}error converting YAML to JSON: yaml: {fault.message}"
        ) from fault
    listed = loaded if isinstance(loaded, list) else []
    wrong = [one for one in listed if not isinstance(one, Mapping | None)]
    if wrong or (loaded is not None and not isinstance(loaded, list)):
        kind = _json_kind(wrong[0] if wrong else loaded)
        wanted = "map[string]interface {}" if wrong else "[]map[string]interface {}"
        raise GenerateError(
            f"{prefix}error unmarshaling JSON: while decoding JSON: json: cannot unmarshal {kind}"
            f" into Go value of type {wanted}"
        )
    return [decoded(one or {}) for one in listed]


def _json_kind(value: Any) -> str:
    names = {"bool": "bool", "string": "string", "int": "number", "float64": "number"}
    if isinstance(value, Mapping):
        return "object"
    return "array" if isinstance(value, list) else names.get(type_name(value), "null")


def _texts(element: Object) -> Params:
    """`{{name}}` templates take text only; `values` may be a map of text."""
    found: Params = {}
    for key, value in element.items():
        if key == "values":
            if not isinstance(value, Mapping):
                raise GenerateError("error parsing values map")
            pairs = {f"values.{k}": v for k, v in value.items()}
        else:
            pairs = {key: value}
        for name, one in pairs.items():
            if not isinstance(one, str):
                # the real message formats an error that is not there
                raise GenerateError("error parsing value as string %!w(<nil>)")
            found[name] = one
    return found


# clusters


def _clusters(config: Object, run: Run) -> list[Params]:
    selector = mapping(config, "selector")
    known = run.inputs.clusters()
    try:
        chosen = [c for c in known if matches_selector(selector, mapping(c, "labels"))]
    except RuleError as fault:
        raise GenerateError(
            f"error getting cluster secrets: error converting label selector: {fault.message}"
        ) from fault
    found = [_with_values(_cluster(cluster, run), config, run, "cluster: ") for cluster in chosen]
    empty = not mapping(selector, "matchLabels") and not items(selector, "matchExpressions")
    if empty and not any(text(c, "server") == IN_CLUSTER for c in known):
        local = {"name": IN_CLUSTER_NAME, "server": IN_CLUSTER}
        found.append(_with_values(_cluster(local, run), config, run, "local cluster: "))
    return [{"clusters": found}] if flag(config, "flatList") else found


def _cluster(cluster: Object, run: Run) -> Params:
    name = text(cluster, "name")
    found: Params = {
        "name": name,
        "nameNormalized": sanitized(name),
        "server": text(cluster, "server"),
        "project": text(cluster, "project"),
    }
    secret = "labels" in cluster
    if run.go and secret:
        found["metadata"] = {}
    for field_name in ("annotations", "labels"):
        values = {str(k): str(v) for k, v in mapping(cluster, field_name).items()}
        if run.go and values:
            found["metadata"][field_name] = StringMap(values)
        elif not run.go:
            found |= {f"metadata.{field_name}.{k}": v for k, v in values.items()}
    return found


def _with_values(params: Params, config: Object, run: Run, place: str = "") -> Params:
    """`values` rendered once with the other parameters (`appendTemplatedValues`)."""
    values = mapping(config, "values")
    if not values:
        return params
    try:
        made = {
            key: replace(str(value), params, go=run.go, options=run.options)
            for key, value in values.items()
        }
    except RenderingError as fault:
        before = f"error appending templated values for {place}" if place else ""
        raise GenerateError(
            f"{before}failed to replace templated string: "
            f"failed to replace templated string with rendered values: {fault}"
        ) from fault
    if run.go:
        return {**params, "values": StringMap(made)}
    return {**params, **{f"values.{k}": v for k, v in made.items()}}


# git


def _git(config: Object, run: Run) -> list[Params]:
    if not mappings(config, "directories") and not mappings(config, "files"):
        raise GenerateError(EMPTY)
    try:
        if mappings(config, "directories"):
            return _directories(config, run)
        return _files(config, run)
    except ProjectError:
        raise
    except GenerateError as fault:
        raise GenerateError(f"error generating params from git: {fault}") from fault


def _tree(config: Object, run: Run, failing: str) -> gitfiles.GitTree:
    """`failing` stands before what git says; a project's refusal stands alone."""
    try:
        return run.inputs.git(text(config, "repoURL"), text(config, "revision") or "HEAD")
    except ProjectError:
        raise
    except GenerateError as fault:
        raise GenerateError(f"{failing}: {fault}") from fault


def _directories(config: Object, run: Run) -> list[Params]:
    prefix = text(config, "pathParamPrefix")
    tree = _tree(
        config, run, "error getting directories from repo: error retrieving Git Directories"
    )
    places = gitfiles.directories(tree, mappings(config, "directories"))
    sets = [gitfiles.path_params(place, prefix, go=run.go) for place in places]
    try:
        return [_with_values(one, config, run) for one in sets]
    except GenerateError as fault:
        raise GenerateError(
            f"error generating params from apps: failed to append templated values: {fault}"
        ) from fault


def _files(config: Object, run: Run) -> list[Params]:
    prefix = text(config, "pathParamPrefix")
    tree = _tree(config, run, "error retrieving Git files")
    found = []
    for path in gitfiles.files(tree, mappings(config, "files")):
        named = gitfiles.file_params(path, prefix, go=run.go)
        for content in gitfiles.content(tree, path):
            params = {**(decoded(content) if run.go else flatten(decoded(content))), **named}
            try:
                found.append(_with_values(params, config, run))
            except GenerateError as fault:
                raise GenerateError(
                    f"unable to process file '{path}': failed to append templated values: {fault}"
                ) from fault
    return found


def _nested(kind: str) -> Callable[[Object, Run], list[Params]]:
    def call(config: Object, run: Run) -> list[Params]:
        from opsconsole.argo.cd.appset import nesting

        return nesting.RUN[kind](config, run)

    return call


_RUN: dict[str, Callable[[Object, Run], list[Params]]] = {
    "list": _list,
    "clusters": _clusters,
    "git": _git,
    "matrix": _nested("matrix"),
    "merge": _nested("merge"),
}


# when to look again


def requeue_after(appset: Object) -> float | None:
    """Seconds until a set looks at its generators by itself; None without git in it."""
    found = [s for g in mappings(appset, "spec", "generators") for s in _intervals(g)]
    return min(found) if found else None


def _intervals(generator: Object) -> Iterable[float]:
    git = generator.get("git")
    if isinstance(git, Mapping):
        yield float(number(git, "requeueAfterSeconds", default=int(POLL)))
    for outer in ("matrix", "merge"):
        for inner in mappings(generator, outer, "generators"):
            yield from (seconds for seconds in _intervals(inner) if seconds)
