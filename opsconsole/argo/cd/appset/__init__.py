"""ApplicationSets: generators, templates, and the Applications that come of them.

    wanted = applications(appset, inputs)     # raises AppSetError

Pure over `Inputs` (clusters and git). Rules: Argo CD `applicationset/`.
"""

from __future__ import annotations

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
from opsconsole.argo.cd.appset.rendering import render_template
from opsconsole.argo.cd.identity import Obj
from opsconsole.errors import RuleError
from opsconsole.model.objects import Object, flag, items, mapping, mappings, name_of, namespace_of

FINALIZER = "resources-finalizer.argocd.argoproj.io"

__all__ = ["AppSetError", "Inputs", "applications"]


def applications(appset: Object, inputs: Inputs) -> list[Obj]:
    """The wanted Applications, in order of the generators. Raises AppSetError with the reason."""
    spec = mapping(appset, "spec")
    go = flag(spec, "goTemplate")
    wanted: list[Obj] = []
    for generator in mappings(spec, "generators"):
        try:
            produced = generate(generator, inputs, go=go)
        except GenerateError as fault:
            raise AppSetError(GENERATION, str(fault)) from fault
        for one in produced:
            wanted.append(_application(appset, spec, one, go=go))  # noqa: PERF401 - a fault names its reason
    return wanted


def _application(appset: Object, spec: Object, one: Produced, *, go: bool) -> Obj:
    template = merged(mapping(spec, "template"), one.template)
    try:
        found = render_template(template, one.params, go=go, options=_options(spec))
        patch = spec.get("templatePatch")
        if isinstance(patch, str) and patch:
            from opsconsole.argo.cd.appset.rendering import patched

            found = patched(found, patch, one.params, go=go, options=_options(spec))
    except (RenderingError, RuleError) as fault:
        raise AppSetError(RENDERING, str(fault)) from fault
    meta = {k: v for k, v in mapping(found, "metadata").items() if v}
    meta["namespace"] = namespace_of(appset)
    preserve = flag(spec, "syncPolicy", "preserveResourcesOnDeletion")
    if not preserve and not items(meta, "finalizers"):
        meta["finalizers"] = [FINALIZER]
    return {
        "apiVersion": "argoproj.io/v1alpha1",
        "kind": "Application",
        "metadata": meta,
        "spec": dict(mapping(found, "spec")),
    }


def _options(spec: Object) -> list[str]:
    return [str(option) for option in items(spec, "goTemplateOptions")]


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """A generator's template over the set's own: what is not empty wins."""
    found = dict(base)
    for key, value in over.items():
        old = found.get(key)
        if isinstance(value, Mapping) and isinstance(old, Mapping):
            found[key] = merged(old, value)
        elif value not in (None, "", [], {}):
            found[key] = value
    return found


def duplicates(wanted: list[Obj], appset: Object) -> dict[str, str]:
    """Names that several Applications have → what the condition says."""
    names = [name_of(app) for app in wanted]
    title = name_of(appset)
    return {
        name: f"ApplicationSet {title} contains applications with duplicate name: {name}"
        for name in names
        if names.count(name) > 1
    }
