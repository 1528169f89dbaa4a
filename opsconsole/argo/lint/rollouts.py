"""Rollouts and what they name: the controller's own validation over a set of manifests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.analysis.templates import collect_templates
from opsconsole.argo.lint.findings import NOTE, Hit, Placed
from opsconsole.argo.lint.scope import Index, Scope
from opsconsole.argo.rollouts import lint as plugin
from opsconsole.argo.rollouts import shapes
from opsconsole.argo.rollouts.fielderrors import internal, invalid
from opsconsole.argo.rollouts.reference_rules import (
    Analysis,
    analysis_paths,
    istio_path,
    problems,
    service_paths,
)
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, flag, mapping, mappings, text
from opsconsole.model.yamlplaces import parse_path

Obj = Mapping[str, Any]

_SIDES = (("spec", "strategy", "canary"), ("spec", "strategy", "blueGreen"))


def view(one: Placed) -> RolloutView:
    """With the namespace that it will have."""
    meta = {**mapping(one.manifest, "metadata"), "namespace": one.namespace}
    return RolloutView({**one.manifest, "metadata": meta})


def invalid_spec(one: Placed, scope: Scope) -> Iterator[Hit | str]:
    """`ValidateRollout`, and `ValidateRolloutReferencedResources` for what is there."""
    ro = view(one)
    beside = [_moved(found, one.namespace) for found in _related(ro, scope)]
    for message in plugin.problems(ro.obj, beside):
        if "Multiple Strategies can not be listed" in message:
            yield Hit(message, parse_path("spec.strategy"), "", _SIDES)
        else:
            yield message
    config = istio.config(ro)
    if config is not None and (config.get("virtualService") is not None) == istio.several(ro):
        path = "spec.strategy.canary.trafficRouting.istio"
        yield internal(path, "either VirtualService or VirtualServices must be configured")


def _related(ro: RolloutView, scope: Scope) -> Iterator[Placed]:
    """What the validation looks at: few of the many objects of a set."""
    wanted = [("Service", ro.namespace, name) for _, name in service_paths(ro)]
    wanted += [("VirtualService", ref.namespace, ref.name) for ref in istio.references(ro)]
    workload = ro.workload_ref
    if workload is not None:
        wanted.append((text(workload, "kind"), ro.namespace, text(workload, "name")))
    for kind, namespace, name in wanted:
        found = scope.find(kind, namespace, name)
        if found is not None:
            yield found


def _moved(found: Placed, namespace: str) -> dict[str, Any]:
    """An object without a namespace of its own stands where the Rollout stands."""
    home = found.namespace or namespace
    return {
        **found.manifest,
        "metadata": {**mapping(found.manifest, "metadata"), "namespace": home},
    }


def unknown_fields(one: Placed, _: Scope) -> Iterator[Hit]:
    """The API server prunes what the schema does not name, and the Rollout does without it."""
    for path in shapes.unknown(one.manifest):
        yield Hit(f'unknown field "{path}"', parse_path(path))


def missing_reference(one: Placed, scope: Scope) -> Iterator[Hit]:
    ro = view(one)
    for message, kinds in _missing(ro, scope):
        path = parse_path(message.split(": ", 1)[0])
        mild = not scope.complete and not scope.own.kinds() & kinds
        yield Hit(message, path, NOTE if mild else "")


def _missing(ro: RolloutView, scope: Scope) -> Iterator[tuple[str, set[str]]]:
    """(message, kinds of which one in a lone file says that the file is meant to be complete)."""
    for path, name in service_paths(ro):
        if scope.find("Service", ro.namespace, name) is None:
            yield invalid(path, name, f'service "{name}" not found'), {"Service"}
    for ref in istio.references(ro):
        if scope.find("VirtualService", ref.namespace, ref.name) is None:
            why = f'virtualservices.networking.istio.io "{ref.name}" not found'
            yield invalid(istio_path(ro), ref.name, why), {"VirtualService", "DestinationRule"}
    rule = text(istio.destination_rule(ro), "name")
    if rule and scope.find("DestinationRule", ro.namespace, rule) is None:
        path = "spec.strategy.canary.trafficRouting.istio.destinationRule.name"
        why = f'destinationrules.networking.istio.io "{rule}" not found'
        yield invalid(path, rule, why), {"VirtualService", "DestinationRule"}
    templates = {"AnalysisTemplate", "ClusterAnalysisTemplate"}
    for path, _, analysis in analysis_paths(ro):
        for kind, name in collected(analysis, ro.namespace, scope)[2]:
            yield invalid(path, name, f"{kind} '{name}' not found"), templates
    for path, reference in _experiment_analyses(ro):
        kind, name = _reference(reference)
        if scope.find(kind, ro.namespace, name) is None:
            yield invalid(path, name, f"{kind} '{name}' not found"), templates
    yield from _missing_target(ro, scope)


def _missing_target(ro: RolloutView, scope: Scope) -> Iterator[tuple[str, set[str]]]:
    workload = ro.workload_ref
    kind, name = text(workload, "kind"), text(workload, "name")
    if kind and name and scope.find(kind, ro.namespace, name) is None:
        why = f'{kind.lower()}s.apps "{name}" not found'
        yield invalid("spec.workloadRef.name", name, why), {kind}
    for router, field in (("nginx", "stableIngress"), ("alb", "ingress")):
        where = f"spec.strategy.canary.trafficRouting.{router}"
        plural = f"{field}es" if router == "nginx" else "ingresses"
        names = [text(ro.routing, router, field), *map(str, dig(ro.routing, router, plural) or [])]
        for ingress in filter(None, names):
            if scope.find("Ingress", ro.namespace, ingress) is None:
                why = f'ingress.networking.k8s.io "{ingress}" not found'
                yield invalid(f"{where}.{field}", ingress, why), {"Ingress"}


def _experiment_analyses(ro: RolloutView) -> Iterator[tuple[str, Obj]]:
    for index, step in enumerate(ro.steps):
        for number, analysis in enumerate(mappings(step, "experiment", "analyses")):
            at = f"spec.strategy.canary.steps[{index}].experiment.analyses[{number}].templateName"
            yield at, analysis


def _reference(reference: Obj) -> tuple[str, str]:
    kind = "ClusterAnalysisTemplate" if flag(reference, "clusterScope") else "AnalysisTemplate"
    return kind, text(reference, "templateName")


def collected(
    holder: Obj, namespace: str, scope: Scope
) -> tuple[list[Obj], list[Obj], list[tuple[str, str]]]:
    """(templates, cluster templates, (kind, name) of those missing) of `templates:`, nested ones too.

    RuleError for templates that name each other in a circle.
    """
    missing: list[tuple[str, str]] = []

    def look(kind: str, name: str) -> Obj:
        found = scope.manifest(kind, namespace, name)
        if found is None:
            missing.append((kind, name))
        return found or {}

    plain, cluster = collect_templates(
        mappings(holder, "templates"),
        lambda name: look("AnalysisTemplate", name),
        lambda name: look("ClusterAnalysisTemplate", name),
    )
    return [t for t in plain if t], [t for t in cluster if t], missing


def analysis_refused(one: Placed, scope: Scope) -> Iterator[str]:
    """Arguments without a value, metrics that never end in a step, conflicting templates."""
    ro = view(one)
    for path, kind, analysis in analysis_paths(ro):
        try:
            plain, cluster, missing = collected(analysis, ro.namespace, scope)
        except RuleError as fault:
            yield invalid(path, "", fault.message)
            continue
        if not missing:
            found = Analysis(path, kind, analysis, tuple(plain), tuple(cluster))
            yield from problems(ro, [], [found], [])


def shared_service(one: Placed, scope: Scope) -> Iterator[str]:
    """A Service follows the one Rollout that marked it first; the other is InvalidSpec."""
    ro = view(one)
    for path, name in service_paths(ro):
        for other in scope.choose(one, lambda index: index.once("services", _by_service)[name]):  # noqa: B023 - used at once
            if other.name != ro.name:
                why = f'Service "{name}" is managed by another Rollout'
                yield invalid(path, name, why) + f" ({other.label} names it too)"
                break


def _by_service(index: Index) -> defaultdict[str, list[Placed]]:
    found: defaultdict[str, list[Placed]] = defaultdict(list)
    for one in index.kind("Rollout"):
        for _, name in service_paths(view(one)):
            found[name].append(one)
    return found
