"""ApplicationSets: generators, templates, and the names that come of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsconsole.argo.cd.appset import AppSetError, applications, duplicates
from opsconsole.argo.cd.appset.errors import GenerateError
from opsconsole.argo.cd.appset.generators import FOREIGN, NAMES
from opsconsole.argo.cd.appset.gitfiles import GitTree
from opsconsole.argo.lint.findings import WARNING, Hit, Path, Placed
from opsconsole.argo.lint.scope import Scope
from opsconsole.argo.lint.syncing import APPLICATION_OPTIONS, unknown_option
from opsconsole.model.objects import flag, items, mapping, mappings, text

KNOWN = (*NAMES, *FOREIGN)
_BESIDE = ("selector",)
_POLICIES = ("sync", "create-only", "create-update", "create-delete")
_OPTIONS = ("missingkey=error", "missingkey=zero", "missingkey=default", "missingkey=invalid")


class _Nowhere:
    """Inputs of which nothing is known: generators that need them are left alone."""

    def clusters(self) -> Sequence[Mapping[str, Any]]:
        raise GenerateError("clusters are not known here")

    def git(self, url: str, revision: str) -> GitTree:
        raise GenerateError(f"{url} at {revision} is not known here")


def generators(one: Placed, _: Scope) -> Iterator[Hit]:
    found = mappings(one.manifest, "spec", "generators")
    if not found:
        yield Hit("spec.generators is empty: no Application comes of it", ("spec",))
    yield from _each(found, ("spec", "generators"), 0)


def _each(found: Sequence[Mapping[str, Any]], path: Path, depth: int) -> Iterator[Hit]:
    for index, generator in enumerate(found):
        at = (*path, index)
        names = [name for name in generator if name not in _BESIDE]
        unknown = [name for name in names if name not in KNOWN]
        for name in unknown:
            listed = ", ".join(KNOWN)
            yield Hit(f"unknown generator '{name}' (there are {listed})", (*at, name))
        if not names:
            yield Hit("a generator of no kind: it gives nothing", at)
        elif len(names) > 1:
            why = f"{' and '.join(names)} in one entry: write one generator to an entry"
            yield Hit(why, at, WARNING)
        for outer in ("matrix", "merge"):
            yield from _nested(generator, outer, at, depth)


_LEAST = {"matrix": "Matrix support only two", "merge": "Merge requires two or more"}


def _nested(generator: Mapping[str, Any], outer: str, at: Path, depth: int) -> Iterator[Hit]:
    inner = mapping(generator, outer)
    if not inner:
        return
    children = mappings(inner, "generators")
    place = (*at, outer, "generators")
    if len(children) < 2:
        why = "found less than two generators, " + _LEAST[outer]
        yield Hit(why, place)
    elif outer == "matrix" and len(children) > 2:
        yield Hit("found more than two generators, Matrix support only two", place)
    if outer == "merge" and not items(inner, "mergeKeys"):
        yield Hit("no merge keys were specified, Merge requires at least one", (*at, outer))
    if depth >= 2:
        yield Hit("generators may be nested twice only", place)
    elif len(place) < 40:
        yield from _each(children, place, depth + 1)


def rendered(one: Placed, _: Scope) -> Iterator[Hit]:
    """The Applications of generators that need nothing but the manifest."""
    spec = mapping(one.manifest, "spec")
    own = [g for g in mappings(spec, "generators") if _self_contained(g)]
    if not own:
        return
    alone = {**one.manifest, "spec": {**spec, "generators": own}}
    try:
        wanted = applications(alone, _Nowhere())
    except AppSetError as fault:
        yield Hit(fault.message if hasattr(fault, "message") else str(fault), ("spec", "template"))
        return
    for message in duplicates(wanted, alone).values():
        yield Hit(message, ("spec", "template", "metadata", "name"))


def _self_contained(generator: Mapping[str, Any]) -> bool:
    kinds = [name for name in generator if name not in _BESIDE]
    if kinds == ["list"]:
        return True
    if kinds in (["matrix"], ["merge"]):
        inner = mappings(generator, kinds[0], "generators")
        return bool(inner) and all(map(_self_contained, inner))
    return False


def template(one: Placed, _: Scope) -> Iterator[Hit]:
    """Fields of the template that the API requires, and options that do nothing."""
    spec = mapping(one.manifest, "spec")
    if not text(spec, "template", "metadata", "name"):
        yield Hit("spec.template.metadata.name: Required value", ("spec", "template"))
    elif "{{" not in text(spec, "template", "metadata", "name") and _many(spec):
        why = "the template's name has no parameter: all Applications have the same"
        yield Hit(why, ("spec", "template", "metadata", "name"))
    for index, option in enumerate(items(spec, "template", "spec", "syncPolicy", "syncOptions")):
        why = unknown_option(str(option), APPLICATION_OPTIONS, "sync option")
        if why and "{{" not in str(option):
            path: Path = ("spec", "template", "spec", "syncPolicy", "syncOptions", index)
            yield Hit(why, path, WARNING)
    policy = text(spec, "syncPolicy", "applicationsSync")
    if policy and policy not in _POLICIES:
        why = f'spec.syncPolicy.applicationsSync: Unsupported value: "{policy}"'
        yield Hit(why, ("spec", "syncPolicy", "applicationsSync"))
    if items(spec, "goTemplateOptions") and not flag(spec, "goTemplate"):
        yield Hit("goTemplateOptions does nothing without goTemplate: true", ("spec",), WARNING)
    for index, option in enumerate(items(spec, "goTemplateOptions")):
        if option not in _OPTIONS:
            yield Hit(f"unrecognized option: {option}", ("spec", "goTemplateOptions", index))


def _many(spec: Mapping[str, Any]) -> bool:
    """Whether more than one Application must come of it."""
    listed = [g for g in mappings(spec, "generators") if mapping(g, "list")]
    return any(len(mappings(g, "list", "elements")) > 1 for g in listed)
