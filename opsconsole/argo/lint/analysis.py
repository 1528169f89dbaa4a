"""Analysis templates, runs and experiments by themselves, whoever will start them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.analysis import validation
from opsconsole.argo.analysis.arguments import resolve_metric
from opsconsole.argo.analysis.limits import effective_count
from opsconsole.argo.analysis.templates import flatten_templates
from opsconsole.argo.golang.encjson import encode
from opsconsole.argo.lint.findings import NOTE, Hit, Placed
from opsconsole.argo.lint.rollouts import collected
from opsconsole.argo.lint.scope import Scope
from opsconsole.errors import RuleError
from opsconsole.model.objects import flag, items, mapping, mappings, text
from opsconsole.model.times import parse_duration
from opsconsole.model.yamlplaces import parse_path

TEMPLATES = frozenset(("AnalysisTemplate", "ClusterAnalysisTemplate"))
METRICS = TEMPLATES | {"AnalysisRun"}

_METRIC = re.compile(r"metrics\[(\d+)\]: ")


def _resolved(one: Placed) -> tuple[list[Mapping[str, Any]], list[Hit]]:
    """(metrics with every argument replaced, those whose arguments are not declared)."""
    arguments = []
    for arg in mappings(one.manifest, "spec", "args"):
        stand_in = {"name": text(arg, "name"), "value": "1"}
        arguments.append(arg if arg.get("value") is not None else stand_in)
    metrics: list[Mapping[str, Any]] = []
    wrong: list[Hit] = []
    for index, metric in enumerate(mappings(one.manifest, "spec", "metrics")):
        try:
            metrics.append(resolve_metric(metric, arguments))
        except RuleError as fault:
            metrics.append(metric)
            wrong.append(Hit(fault.message, _argument_place(metric, index, fault.message)))
    return metrics, wrong


def _argument_place(metric: Mapping[str, Any], index: int, message: str) -> tuple[str | int, ...]:
    base = ("spec", "metrics", index)
    name = message.partition("args.")[2].rstrip("}")
    for field, value in metric.items():
        if name and f"args.{name}" in encode(value, html=False):
            return (*base, field)
    return base


def unresolved(one: Placed, _: Scope) -> Iterator[Hit]:
    """`{{args.x}}` of which no argument speaks: the run ends in Error before it measures."""
    yield from _resolved(one)[1]


def invalid_metrics(one: Placed, _: Scope) -> Iterator[Hit]:
    """`ValidateMetrics`, as for the run: "Analysis spec invalid: …"."""
    metrics, wrong = _resolved(one)
    if wrong or (not metrics and mappings(one.manifest, "spec", "templates")):
        return
    try:
        validation.validate_metrics(metrics)
    except RuleError as fault:
        found = _METRIC.search(fault.message)
        path = ("spec", "metrics", *((int(found[1]),) if found else ()))
        yield Hit(f"Analysis spec invalid: {fault.message}", path)
    seen: set[str] = set()
    for index, arg in enumerate(mappings(one.manifest, "spec", "args")):
        name = text(arg, "name")
        if arg.get("value") is not None and arg.get("valueFrom") is not None:
            why = f"arg '{name}' has both Value and ValueFrom fields"
            yield Hit(why, ("spec", "args", index))
        if name in seen:
            yield Hit(f"argument '{name}' is declared twice", ("spec", "args", index))
        seen.add(name)


def unmatched_rules(one: Placed, scope: Scope) -> Iterator[Hit]:
    """DryRun and measurementRetention that name no metric: the run is refused."""
    spec = mapping(one.manifest, "spec")
    metrics = list(mappings(spec, "metrics"))
    if mappings(spec, "templates"):
        try:
            plain, cluster, missing = collected(spec, one.namespace, scope)
        except RuleError:
            return
        if missing:
            return
        metrics += [m for t in (*plain, *cluster) for m in mappings(t, "spec", "metrics")]
    for field, what in (("dryRun", "Dry-Run"), ("measurementRetention", "Measurement Retention")):
        try:
            validation.matching_metrics(mappings(spec, field), metrics, field)
            validation.unique_rules(mappings(spec, field), what)
        except RuleError as fault:
            yield Hit(f"Analysis spec invalid: {fault.message}", ("spec", field))


def missing_templates(one: Placed, scope: Scope) -> Iterator[Hit]:
    """`templates:` of a template: what it names, circles, and what does not go together."""
    spec = mapping(one.manifest, "spec")
    if not mappings(spec, "templates"):
        return
    try:
        plain, cluster, missing = collected(spec, one.namespace, scope)
        if not missing:
            flatten_templates([one.manifest, *plain], cluster)
    except RuleError as fault:
        yield Hit(fault.message, ("spec", "templates"))
        return
    for kind, name in missing:
        yield Hit(
            f"{kind} '{name}' not found", ("spec", "templates"), "" if scope.complete else NOTE
        )


def endless(one: Placed, scope: Scope) -> Iterator[Hit]:
    """A run by hand or a template that a step uses must end; background analyses need not."""
    del scope
    if one.kind != "AnalysisRun":
        return
    for index, metric in enumerate(_resolved(one)[0]):
        if effective_count(metric) is None:
            why = f"metric {text(metric, 'name')} runs until somebody terminates the run"
            yield Hit(why, ("spec", "metrics", index))


def provider_address(one: Placed, _: Scope) -> Iterator[Hit]:
    """Prometheus without an address: only the controller's environment can give one."""
    for index, metric in enumerate(_resolved(one)[0]):
        prometheus = metric.get("provider")
        if not isinstance(prometheus, Mapping) or prometheus.get("prometheus") is None:
            continue
        address = text(prometheus, "prometheus", "address")
        path = ("spec", "metrics", index, "provider", "prometheus", "address")
        if not address:
            why = "prometheus address is not configured"
            yield Hit(f"{why} (unless the controller has ARGO_ROLLOUTS_PROMETHEUS_ADDRESS)", path)
        elif "://" not in address:
            yield Hit(f"prometheus address is not is url format: {address}", path)
        if not text(prometheus, "prometheus", "query").strip():
            yield Hit("the query is empty", path[:-1])


_SECRET_NAME = re.compile(r"token|password|passwd|secret|api-?key|apikey|credential", re.IGNORECASE)


def secret_argument(one: Placed, _: Scope) -> Iterator[Hit]:
    """A credential given as the value of an argument stands in the run's spec for all to read."""
    for index, arg in enumerate(mappings(one.manifest, "spec", "args")):
        value = arg.get("value")
        if _SECRET_NAME.search(text(arg, "name")) and isinstance(value, str) and value.strip():
            why = f"argument '{text(arg, 'name')}' holds its value in plain text"
            yield Hit(why, ("spec", "args", index, "value"))


def invalid_experiment(one: Placed, scope: Scope) -> Iterator[Hit]:
    """`experiments/conditions.go`: what the Experiment controller refuses."""
    spec = mapping(one.manifest, "spec")
    if not items(spec, "templates"):
        yield Hit("Experiment has no templates", ("spec", "templates"))
    names: set[str] = set()
    for index, template in enumerate(mappings(spec, "templates")):
        path = parse_path(f"spec.templates[{index}]")
        name = text(template, "name")
        if name in names:
            yield Hit(f"Experiment has duplicate template name '{name}'", path)
        names.add(name)
        yield from _template_fields(template, path, index)
    for field in ("duration", "progressDeadlineSeconds"):
        written = spec.get(field)
        if field == "duration" and isinstance(written, str):
            try:
                parse_duration(written)
            except RuleError as fault:
                yield Hit(fault.message, ("spec", field))
    for index, analysis in enumerate(mappings(spec, "analyses")):
        cluster = flag(analysis, "clusterScope")
        kind = "ClusterAnalysisTemplate" if cluster else "AnalysisTemplate"
        name = text(analysis, "templateName")
        if scope.find(kind, one.namespace, name) is None:
            path = ("spec", "analyses", index, "templateName")
            yield Hit(f"{kind} '{name}' not found", path, "" if scope.complete else NOTE)


def _template_fields(
    template: Mapping[str, Any], path: tuple[str | int, ...], index: int
) -> Iterator[Hit]:
    from opsconsole.argo.rollouts import podtemplates

    if not mapping(template, "selector"):
        yield Hit(f"Experiment template {index} has missing field '.selector'", path)
        return
    pod = mapping(template, "template")
    where = f"spec.templates[{index}].template"
    for message in podtemplates.problems(pod, mapping(template, "selector"), where):
        yield Hit(message, parse_path(message.split(": ", 1)[0]))
