"""Services, templates and VirtualServices must fit the Rollout that names them.

Follows `pkg/apis/rollouts/validation/validation_references.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.analysis.arguments import build_arguments, resolve_metric
from opsconsole.argo.analysis.limits import effective_count
from opsconsole.argo.analysis.templates import new_analysis_run
from opsconsole.argo.rollouts import names as n
from opsconsole.argo.rollouts.fielderrors import invalid
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.errors import RuleError
from opsconsole.model.objects import annotations_of, dig, mapping, mappings, name_of, text

Obj = Mapping[str, Any]
Problems = Iterator[str]

PRE, POST, INLINE, BACKGROUND = (
    "PrePromotionAnalysis", "PostPromotionAnalysis", "InlineAnalysis", "BackgroundAnalysis",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis of a Rollout with the templates that it names, `kind` one of the above."""

    path: str
    kind: str
    analysis: Obj
    templates: tuple[Obj, ...]
    cluster_templates: tuple[Obj, ...]


def service_paths(ro: RolloutView) -> list[tuple[str, str]]:
    """(field path, Service name) of everything the strategy names, in the order of the checks."""
    if ro.blue_green is not None:
        part, fields = "blueGreen", ("activeService", "previewService")
    else:
        part, fields = "canary", ("stableService", "canaryService")
    found = [(f"spec.strategy.{part}.{field}", ro.service(field)) for field in fields]
    if ro.ping_pong:
        for field in ("pingService", "pongService"):
            path = f"spec.strategy.canary.pingPong.{field}"
            found.append((path, text(ro.canary, "pingPong", field)))
    return [(path, name) for path, name in found if name]


def analysis_paths(ro: RolloutView) -> list[tuple[str, str, Obj]]:
    """(field path, kind, analysis) of every analysis of the strategy."""
    found: list[tuple[str, str, Any]] = []
    if ro.blue_green is not None:
        for field, kind in (("prePromotionAnalysis", PRE), ("postPromotionAnalysis", POST)):
            path = f"spec.strategy.blueGreen.{field}.templates"
            found.append((path, kind, ro.blue_green.get(field)))
    elif ro.canary is not None:
        for index, step in enumerate(ro.steps):
            path = f"spec.strategy.canary.steps[{index}].analysis.templates"
            found.append((path, INLINE, step.get("analysis")))
        path = "spec.strategy.canary.analysis.templates"
        found.append((path, BACKGROUND, ro.canary.get("analysis")))
    return [entry for entry in found if isinstance(entry[2], Mapping)]


def istio_path(ro: RolloutView) -> str:
    field = "virtualServices" if istio.several(ro) else "virtualService"
    return f"spec.strategy.canary.trafficRouting.istio.{field}.name"


def problems(
    ro: RolloutView,
    services: Sequence[tuple[str, Obj]],
    analyses: Sequence[Analysis],
    virtual_services: Sequence[tuple[istio.Reference, Obj]],
) -> Problems:
    """`ValidateRolloutReferencedResources`."""
    for path, service in services:
        yield from _service(ro, path, service)
    for analysis in analyses:
        yield from _analysis(ro, analysis)
    for ref, vs in virtual_services:
        for why in istio.check(ro, ref, vs):
            yield invalid(istio_path(ro), ref.name, why)


def _service(ro: RolloutView, path: str, service: Obj) -> Problems:
    name = name_of(service)
    labels = mapping(ro.template, "metadata", "labels")
    side = path.rpartition(".")[2].removesuffix("Service")
    # a Service may also ask for what the strategy writes onto the pods behind it
    added = mapping(ro.blue_green or ro.canary, f"{side}Metadata", "labels")
    for key, value in mapping(service, "spec", "selector").items():
        if key != n.POD_HASH_LABEL and labels.get(key) != value and added.get(key) != value:
            yield invalid(path, name, f'Service "{name}" has unmatch label "{key}" in rollout')
    owner = text(annotations_of(service), n.MANAGED_BY)
    if owner and owner != ro.name:
        yield invalid(path, name, f'Service "{name}" is managed by another Rollout')


def _analysis(ro: RolloutView, found: Analysis) -> Problems:
    """`ValidateAnalysisTemplatesWithType`."""
    every = [*found.templates, *found.cluster_templates]
    listed = " ".join(name_of(template) for template in every)
    try:
        arguments = build_arguments(
            mappings(found.analysis, "args"),
            ro.obj,
            stable_hash="dummy-stable-hash",
            latest_hash="dummy-new-hash",
        )
    except RuleError:
        arguments = []
    try:
        new_analysis_run(
            found.templates,
            found.cluster_templates,
            arguments,
            name="check",
            namespace=ro.namespace,
            dry_run=mappings(found.analysis, "dryRun"),
            measurement_retention=mappings(found.analysis, "measurementRetention"),
        )
    except RuleError as error:
        yield invalid(found.path, f"templateNames: [{listed}]", error.message)
        return
    for template in every:
        if found.kind == BACKGROUND:
            yield from _background(ro, template, found.path)
        else:
            yield from _finite(template, found.path)


def _finite(template: Obj, path: str) -> Problems:
    """A step or promotion analysis must end: no metric may run for ever."""
    name = name_of(template)
    arguments = [
        arg
        if arg.get("value") is not None and arg.get("valueFrom") is None
        else {"name": text(arg, "name"), "value": "dummy-value"}
        for arg in mappings(template, "spec", "args")
    ]
    for arg in mappings(template, "spec", "args"):
        if arg.get("value") is not None and arg.get("valueFrom") is not None:
            why = f"arg '{text(arg, 'name')}' has both Value and ValueFrom fields"
            yield invalid(path, name, f"AnalysisTemplate {name}: {why}")
            return
    for metric in mappings(template, "spec", "metrics"):
        try:
            resolved = resolve_metric(metric, arguments)
        except RuleError as error:
            yield invalid(path, name, f"AnalysisTemplate {name}: {error.message}")
            return
        if effective_count(resolved) is None:
            count = text(metric, "count") or "<nil>"
            yield invalid(
                path,
                name,
                f"AnalysisTemplate {name} has metric {text(metric, 'name')} which runs "
                f"indefinitely. Invalid value for count: {count}",
            )


def _background(ro: RolloutView, template: Obj, path: str) -> Problems:
    """A background analysis must give every argument that has no value of its own."""
    name = name_of(template)
    args = dig(ro.canary, "analysis", "args")
    given = {text(arg, "name") for arg in mappings(ro.canary, "analysis", "args")}
    for arg in mappings(template, "spec", "args"):
        if arg.get("value") is not None or arg.get("valueFrom") is not None:
            continue
        if args is None:
            yield invalid(path, name, "missing analysis arguments in rollout spec")
        elif text(arg, "name") not in given:
            yield invalid(path, name, text(arg, "name"))
