"""ApplicationSets: generators, templates, and the Applications that come of them.

    wanted = applications(appset, inputs)     # raises AppSetError

Pure over `Inputs` (clusters and git). Rules: Argo CD `applicationset/`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from opsconsole.argo.cd.appset.errors import (
    GENERATION,
    RENDERING,
    AppSetError,
    GenerateError,
    RenderingError,
)
from opsconsole.argo.cd.appset.generators import Inputs, Produced, generate
from opsconsole.argo.cd.appset.patching import patched
from opsconsole.argo.cd.appset.rendering import render_template
from opsconsole.argo.cd.identity import Obj, with_metadata
from opsconsole.errors import RuleError
from opsconsole.model.objects import (
    Object,
    flag,
    items,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
)

FINALIZER = "resources-finalizer.argocd.argoproj.io"

_METADATA = ("name", "labels", "annotations", "finalizers")
"""What a template says of an Application's metadata; its namespace is the set's."""

__all__ = ["AppSetError", "Inputs", "applications", "duplicates", "normal"]


def applications(appset: Object, inputs: Inputs) -> list[Obj]:
    """The wanted Applications, in order of the generators. Raises AppSetError with the reason."""
    spec = mapping(appset, "spec")
    go = flag(spec, "goTemplate")
    wanted: list[Obj] = []
    for generator in mappings(spec, "generators"):
        try:
            produced = generate(generator, inputs, go=go, options=_options(spec))
        except GenerateError as fault:
            raise AppSetError(GENERATION, str(fault)) from fault
        for one in produced:
            wanted.append(_application(appset, spec, one, go=go))  # noqa: PERF401 - a fault names its reason
    return wanted


def _application(appset: Object, spec: Object, one: Produced, *, go: bool) -> Obj:
    template = merged(mapping(spec, "template"), one.template)
    preserve = flag(spec, "syncPolicy", "preserveResourcesOnDeletion") or not one.params
    found: Obj = template
    try:
        if one.params:
            found = render_template(template, one.params, go=go, options=_options(spec))
        if not preserve and not items(found, "metadata", "finalizers"):
            found = with_metadata(found, finalizers=[FINALIZER])
        patch = spec.get("templatePatch")
        if isinstance(patch, str):
            found = patched(found, patch, one.params, go=go, options=_options(spec))
    except (RenderingError, RuleError) as fault:
        raise AppSetError(RENDERING, str(fault)) from fault
    meta = {k: v for k, v in mapping(found, "metadata").items() if v and k in _METADATA}
    meta["namespace"] = namespace_of(appset)
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": meta,
        "spec": dict(mapping(found, "spec")),
    }


def _options(spec: Object) -> list[str]:
    return [str(option) for option in items(spec, "goTemplateOptions")]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A generator's template over the set's own: what is not empty wins (mergo), false is empty."""
    found = dict(base)
    for key, value in over.items():
        old = found.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            found[key] = merged(old, value)
        elif value or (key not in found and value is not None):
            found[key] = value
    return found


def normal(spec: Object) -> dict[str, Any]:
    """`NormalizeApplicationSpec` and what the Go types leave out when they are written."""
    found = {k: v for k, v in spec.items() if v not in (None, "", []) or k == "project"}
    found["project"] = text(spec, "project") or "default"
    found["destination"] = _filled(mapping(spec, "destination"))
    if "syncPolicy" in found and not _filled(mapping(spec, "syncPolicy")):
        del found["syncPolicy"]
    if isinstance(found.get("source"), Mapping):
        found["source"] = _source(found["source"])
    if "sources" in found:
        found["sources"] = [_source(one) for one in mappings(spec, "sources")]
    return found


def _filled(value: Object) -> dict[str, Any]:
    return {k: v for k, v in value.items() if v not in (None, "", [])}


def _source(source: Object) -> dict[str, Any]:
    found = _filled(source)
    for tool in ("helm", "kustomize", "directory", "plugin"):
        if tool in found and not _filled(mapping(source, tool)):
            del found[tool]
    return {"repoURL": text(source, "repoURL"), **found}


def duplicates(wanted: list[Obj], appset: Object) -> dict[str, str]:
    """Names that several Applications have → what the condition says."""
    counted = Counter(name_of(app) for app in wanted)
    title = name_of(appset)
    return {
        name: f"ApplicationSet {title} contains applications with duplicate name: {name}"
        for name, count in counted.items()
        if count > 1
    }
