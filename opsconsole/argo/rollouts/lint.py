"""`kubectl argo rollouts lint`: what the real controller would refuse in a file of manifests.

Rollouts are held against their own rules and against the Services, VirtualServices and
templates that stand in the same file (`cmd/lint/lint.go`). Pure: text in, messages out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.rollouts import reference_rules, shapes, validation
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.model import yamldoc
from opsconsole.model.objects import dig, name_of, namespace_of, text

Obj = Mapping[str, Any]


def lint(source: str | bytes) -> list[str]:
    """The messages for all Rollouts of a text, the one that ends the plugin first.

    Empty when there is nothing to say. YamlError for what is not YAML.
    """
    manifests = [
        entry
        for document in yamldoc.load_all(source)
        if isinstance(document, dict)
        for entry in yamldoc.expand_list(document)
    ]
    found: list[str] = []
    for manifest in manifests:
        if text(manifest, "kind") == "Rollout":
            found += problems(manifest, manifests)
    return found


def problems(manifest: Obj, manifests: list[dict[str, Any]]) -> Iterator[str]:
    """What is refused in one Rollout, given everything that stands beside it."""
    ro = RolloutView(_resolved(manifest, manifests))
    own = list(validation.problems(ro))
    if own:
        yield from own
        return
    services = []
    for path, name in reference_rules.service_paths(ro):
        service = _named(manifests, "Service", namespace_of(manifest), name)
        if service is not None:
            services.append((path, service))
    virtual = []
    for ref in istio.references(ro):
        home = ref.namespace or namespace_of(manifest)
        found = _named(manifests, "VirtualService", home, ref.name)
        if found is not None:
            virtual.append((ref, found))
    yield from reference_rules.problems(ro, services, [], virtual)


def _resolved(manifest: Obj, manifests: list[dict[str, Any]]) -> Obj:
    """With the template of a referenced workload that stands in the same file."""
    ref = dig(manifest, "spec", "workloadRef")
    if not isinstance(ref, Mapping) or dig(manifest, "spec", "template") is not None:
        return manifest
    home = namespace_of(manifest)
    workload = _named(manifests, text(ref, "kind"), home, text(ref, "name"))
    template = dig(workload, "spec", "template")
    if template is None:
        return manifest
    notes = {**(dig(manifest, "metadata", "annotations") or {}), shapes.RESOLVED: "true"}
    return {
        **manifest,
        "metadata": {**manifest["metadata"], "annotations": notes},
        "spec": {
            **manifest["spec"],
            "template": template,
            "selector": dig(workload, "spec", "selector"),
        },
    }


def _named(
    manifests: list[dict[str, Any]], kind: str, namespace: str, name: str
) -> dict[str, Any] | None:
    return next(
        (
            found
            for found in manifests
            if text(found, "kind") == kind
            and name_of(found) == name
            and namespace_of(found) == namespace
        ),
        None,
    )
