"""Generators: list, clusters, git (directories, files), matrix and merge → sets of parameters.

Argo CD `applicationset/generators/`. Those that ask other servers (scmProvider, pullRequest,
plugin, clusterDecisionResource) are refused by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from opsconsole.argo.cd.appset import gitfiles
from opsconsole.argo.cd.appset.errors import GenerateError, RenderingError
from opsconsole.argo.cd.appset.rendering import render_template, replace, sanitized
from opsconsole.argo.cd.projects import IN_CLUSTER, IN_CLUSTER_NAME
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import Object, flag, items, mapping, mappings, text
from opsconsole.model.selectors import matches_selector

Params = dict[str, Any]

NAMES = ("list", "clusters", "git", "matrix", "merge")
FOREIGN = ("scmProvider", "pullRequest", "plugin", "clusterDecisionResource")

POLL = 180.0
"""Seconds between two looks at git."""

MAX_PARAMS = 10_000


class Inputs(Protocol):
    def clusters(self) -> Sequence[Mapping[str, Any]]:
        """Cluster Secrets: `{name, server, project, labels, annotations}`."""
        ...

    def git(self, url: str, revision: str) -> gitfiles.GitTree:
        """The files of a repository. Raises GenerateError."""
        ...


@dataclass(frozen=True, slots=True)
class Produced:
    """One set of parameters, and the template that its generator brings along."""

    params: Params
    template: Mapping[str, Any] = field(default_factory=dict)


def generate(
    generator: Object, inputs: Inputs, *, go: bool, parent: Params | None = None, depth: int = 0
) -> list[Produced]:
    """The parameters of one generator, after its selector. Raises GenerateError."""
    names = [name for name in (*NAMES, *FOREIGN) if generator.get(name) is not None]
    found: list[Produced] = []
    for name in names:
        if name in FOREIGN:
            raise GenerateError(f"the {name} generator is not run here: it asks another server")
        config = mapping(generator, name)
        if parent:
            config = _interpolated(config, parent, go=go)
        params = _RUN[name](config, _Run(inputs, go=go, depth=depth))
        found += [Produced(p, mapping(config, "template")) for p in params]
    selector = mapping(generator, "selector")
    if selector:
        found = [one for one in found if _selected(selector, one.params)]
    if len(found) > MAX_PARAMS:
        raise GenerateError(f"a generator gives {len(found)} sets, more than {MAX_PARAMS}")
    return found


@dataclass(frozen=True, slots=True)
class _Run:
    inputs: Inputs
    go: bool
    depth: int


def _interpolated(config: Object, parent: Params, *, go: bool) -> Mapping[str, Any]:
    try:
        kept = {k: v for k, v in config.items() if k == "template"}
        rest = {k: v for k, v in config.items() if k != "template"}
        return {**render_template(rest, parent, go=go), **kept}
    except RenderingError as fault:
        raise GenerateError(f"failed to interpolate params: {fault}") from fault


def _selected(selector: Object, params: Params) -> bool:
    return matches_selector(selector, flatten(params))


def flatten(value: Any, prefix: str = "") -> dict[str, str]:
    """Nested values by dotted keys, as text."""
    if isinstance(value, Mapping):
        pairs = [(str(k), v) for k, v in value.items()]
    elif isinstance(value, list):
        pairs = [(str(i), v) for i, v in enumerate(value)]
    else:
        return {prefix: _shown(value)}
    found: dict[str, str] = {}
    for key, inner in pairs:
        found |= flatten(inner, f"{prefix}.{key}" if prefix else key)
    return found


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)


# list


def _list(config: Object, run: _Run) -> list[Params]:
    elements = mappings(config, "elements")
    raw = text(config, "elementsYaml")
    if raw:
        try:
            loaded = yamldoc.load(raw)
        except YamlError as fault:
            raise GenerateError(
                f"error unmarshling decoded ElementsYaml {fault.message}"
            ) from fault
        elements = elements + mappings(loaded)
    return [dict(e) if run.go else _texts(e) for e in elements]


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


def _clusters(config: Object, run: _Run) -> list[Params]:
    selector = mapping(config, "selector")
    known = run.inputs.clusters()
    found = [_cluster(c, run) for c in known if matches_selector(selector, mapping(c, "labels"))]
    empty = not mapping(selector, "matchLabels") and not items(selector, "matchExpressions")
    if empty and not any(text(c, "server") == IN_CLUSTER for c in known):
        found.append(_cluster({"name": IN_CLUSTER_NAME, "server": IN_CLUSTER}, run))
    found = [_with_values(p, config, run) for p in found]
    return [{"clusters": found}] if flag(config, "flatList") else found


def _cluster(cluster: Object, run: _Run) -> Params:
    name = text(cluster, "name")
    found: Params = {
        "name": name,
        "nameNormalized": sanitized(name),
        "server": text(cluster, "server"),
        "project": text(cluster, "project"),
    }
    for field_name in ("annotations", "labels"):
        values = mapping(cluster, field_name)
        if run.go:
            if values:
                found.setdefault("metadata", {})[field_name] = dict(values)
        else:
            found |= {f"metadata.{field_name}.{k}": str(v) for k, v in values.items()}
    return found


def _with_values(params: Params, config: Object, run: _Run) -> Params:
    """`values` rendered once with the other parameters."""
    values = mapping(config, "values")
    if not values:
        return params
    try:
        made = {k: replace(str(v), params, go=run.go) for k, v in values.items()}
    except RenderingError as fault:
        raise GenerateError(f"failed to replace templated string: {fault}") from fault
    if run.go:
        return {**params, "values": made}
    return {**params, **{f"values.{k}": v for k, v in made.items()}}


# git


def _git(config: Object, run: _Run) -> list[Params]:
    tree = run.inputs.git(text(config, "repoURL"), text(config, "revision") or "HEAD")
    prefix = text(config, "pathParamPrefix")
    if mappings(config, "directories"):
        places = gitfiles.directories(tree, mappings(config, "directories"))
        found = [gitfiles.path_params(p, prefix, go=run.go) for p in places]
    elif mappings(config, "files"):
        found = []
        for path in gitfiles.files(tree, mappings(config, "files")):
            for content in gitfiles.content(tree, path):
                named = gitfiles.file_params(path, prefix, go=run.go)
                found.append({**(content if run.go else flatten(content)), **named})
    else:
        raise GenerateError(
            "error generating params from git: one of directories and files is needed"
        )
    return [_with_values(p, config, run) for p in found]


# matrix and merge


def _children(config: Object, run: _Run, kind: str) -> list[Mapping[str, Any]]:
    if run.depth > 1:
        raise GenerateError(f"the {kind} generator is nested too deeply")
    return mappings(config, "generators")


def _matrix(config: Object, run: _Run) -> list[Params]:
    children = _children(config, run, "matrix")
    if len(children) != 2:
        many = "more" if len(children) > 2 else "less"
        raise GenerateError(f"found {many} than two generators, Matrix support only two")
    found = []
    for left in generate(children[0], run.inputs, go=run.go, depth=run.depth + 1):
        for right in generate(
            children[1], run.inputs, go=run.go, parent=left.params, depth=run.depth + 1
        ):
            found.append(_combined(left.params, right.params, run))  # noqa: PERF401
    return found


def _combined(left: Params, right: Params, run: _Run) -> Params:
    if not run.go:
        for key in sorted(set(left) & set(right)):
            if left[key] != right[key]:
                raise GenerateError(
                    "failed to combine string maps with merging params for the matrix generator: "
                    f"found duplicate key {key} with different value, a: {left[key]} ,b: {right[key]}"
                )
    return _deep({**left}, right)


def _deep(old: Params, new: Mapping[str, Any]) -> Params:
    found = dict(old)
    for key, value in new.items():
        inner = found.get(key)
        if isinstance(value, Mapping) and isinstance(inner, Mapping):
            found[key] = _deep(dict(inner), value)
        else:
            found[key] = value
    return found


def _merge(config: Object, run: _Run) -> list[Params]:
    children = _children(config, run, "merge")
    if len(children) < 2:
        raise GenerateError("found less than two generators, Merge requires two or more")
    keys = [str(k) for k in items(config, "mergeKeys")]
    if not keys:
        raise GenerateError("no merge keys were specified, Merge requires at least one")
    sets = [
        _by_keys(
            [p.params for p in generate(c, run.inputs, go=run.go, depth=run.depth + 1)], keys, run
        )
        for c in children
    ]
    base = sets[0]
    for other in sets[1:]:
        for identity, params in other.items():
            if identity in base:
                base[identity] = _deep(base[identity], params)
    return list(base.values())


def _by_keys(params: list[Params], keys: list[str], run: _Run) -> dict[tuple[str, ...], Params]:
    found: dict[tuple[str, ...], Params] = {}
    for one in params:
        flat = flatten(one) if run.go else one
        if not all(key in flat for key in keys):
            continue
        identity = tuple(str(flat[key]) for key in keys)
        if identity in found:
            shown = ", ".join(f'"{k}":"{v}"' for k, v in zip(keys, identity, strict=True))
            raise GenerateError(
                "the parameters from a generator were not unique by the given mergeKeys, "
                f"Merge requires all param sets to be unique. Duplicate key was {{{shown}}}"
            )
        found[identity] = one
    return found


_RUN = {"list": _list, "clusters": _clusters, "git": _git, "matrix": _matrix, "merge": _merge}


def polls(appset: Object) -> bool:
    """Whether any generator looks at git, so that it has to be looked at again by itself."""

    def asks(generator: Object) -> bool:
        inner = mappings(generator, "matrix", "generators")
        inner = inner + mappings(generator, "merge", "generators")
        return bool(mapping(generator, "git")) or any(asks(g) for g in inner)

    return any(asks(g) for g in mappings(appset, "spec", "generators"))
