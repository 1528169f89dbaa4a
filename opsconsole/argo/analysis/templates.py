"""AnalysisTemplates into one AnalysisRun: nested templates, conflicts, names and labels.

Rules: `utils/analysis/helpers.go`, `rollout/analysis.go`. Whoever starts an analysis (a rollout's
step, background or promotion; an experiment; the console) builds the run here:

    templates, cluster_templates = collect_templates(references, get, get_cluster)
    run = new_analysis_run(templates, cluster_templates, arguments, name=…, namespace=…)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from opsconsole.argo.analysis.arguments import Argument, merge_arguments, value_of
from opsconsole.argo.analysis.limits import effective_count, limit
from opsconsole.argo.analysis.phases import is_completed
from opsconsole.argo.analysis.validation import unique_rules
from opsconsole.argo.golang.encjson import encode
from opsconsole.errors import RuleError
from opsconsole.model.kinds import ANALYSIS_RUN
from opsconsole.model.objects import (
    Object,
    controller_of,
    flag,
    mapping,
    mappings,
    name_of,
    text,
)

Lookup = Callable[[str], Object]
"""Name → template; raises what the API says when there is none."""

Templates = list[Object]

MAX_TEMPLATES = 1000
"""Templates that one analysis may refer to, however deep; ours."""


def collect_templates(
    references: Sequence[Mapping[str, Any]], get: Lookup, get_cluster: Lookup
) -> tuple[Templates, Templates]:
    """(AnalysisTemplates, ClusterAnalysisTemplates) that `references` name, with nested ones.

    A reference is {"templateName", "clusterScope"}. Each template appears once, outer before
    inner. RuleError for templates that refer to themselves.
    """
    found: dict[tuple[bool, str], Object] = {}

    def follow(
        references: Sequence[Mapping[str, Any]], trail: tuple[tuple[bool, str], ...]
    ) -> None:
        for reference in references:
            key = (flag(reference, "clusterScope"), text(reference, "templateName"))
            if key in trail:
                names = " -> ".join(name for _, name in (*trail, key))
                raise RuleError(f"analysis templates refer to themselves: {names}")
            if key not in found:
                found[key] = (get_cluster if key[0] else get)(key[1])
                if len(found) > MAX_TEMPLATES:
                    raise RuleError(f"more than {MAX_TEMPLATES} analysis templates")
                follow(mappings(found[key], "spec", "templates"), (*trail, key))
            elif trail:
                _check_cycle(key, trail, found)

    follow(references, ())
    return (
        [template for (cluster, _), template in found.items() if not cluster],
        [template for (cluster, _), template in found.items() if cluster],
    )


def _check_cycle(
    key: tuple[bool, str],
    trail: tuple[tuple[bool, str], ...],
    found: Mapping[tuple[bool, str], Object],
) -> None:
    """A template that is already there must not lead back to one of the trail."""
    seen = {key}
    queue = [key]
    while queue:
        template = found.get(queue.pop(), {})
        for reference in mappings(template, "spec", "templates"):
            inner = (flag(reference, "clusterScope"), text(reference, "templateName"))
            if inner in trail:
                raise RuleError(f"analysis templates refer to themselves: {inner[1]}")
            if inner not in seen:
                seen.add(inner)
                queue.append(inner)


def flatten_templates(
    templates: Sequence[Object], cluster_templates: Sequence[Object]
) -> dict[str, Any]:
    """`FlattenTemplates`: the spec of one template with everything of all. RuleError on conflicts."""
    every = [*templates, *cluster_templates]
    metrics = [metric for template in every for metric in mappings(template, "spec", "metrics")]
    names: set[str] = set()
    for metric in metrics:
        name = text(metric, "name")
        if name in names:
            raise RuleError(f"two metrics have the same name '{name}'")
        names.add(name)
    dry_run = [rule for template in every for rule in mappings(template, "spec", "dryRun")]
    retention = [
        rule for template in every for rule in mappings(template, "spec", "measurementRetention")
    ]
    return {
        "metrics": metrics,
        "dryRun": unique_rules(dry_run, "Dry-Run"),
        "measurementRetention": unique_rules(retention, "Measurement Retention"),
        "args": _flatten_arguments(every),
    }


def _flatten_arguments(templates: Sequence[Object]) -> list[Argument]:
    combined: dict[str, Argument] = {}
    for template in templates:
        for argument in mappings(template, "spec", "args"):
            name = text(argument, "name")
            previous = combined.get(name)
            if previous is None:
                combined[name] = argument
                continue
            old, new = value_of(previous), value_of(argument)
            if old is not None and new is not None and old != new:
                raise RuleError(
                    f"Argument `{name}` specified multiple times with different values: '{old}', '{new}'"
                )
            if old is None:
                combined[name] = argument
    return list(combined.values())


def new_analysis_run(
    templates: Sequence[Object],
    cluster_templates: Sequence[Object],
    arguments: Sequence[Argument],
    *,
    name: str,
    namespace: str,
    dry_run: Sequence[Mapping[str, Any]] = (),
    measurement_retention: Sequence[Mapping[str, Any]] = (),
    labels: Mapping[str, str] | None = None,
    annotations: Mapping[str, str] | None = None,
    owner: Mapping[str, Any] | None = None,
    generate_name: str = "",
) -> dict[str, Any]:
    """`NewAnalysisRunFromTemplates`: the object to create.

    `dry_run` and `measurement_retention` are those of the rollout or experiment; `owner` is an
    owner reference. RuleError where templates conflict or an argument has no value.
    """
    flat = flatten_templates(templates, cluster_templates)
    spec: dict[str, Any] = {"metrics": flat["metrics"]}
    merged = merge_arguments(arguments, flat["args"])
    if merged:
        spec["args"] = merged
    for field, own, what in (
        ("dryRun", dry_run, "Dry-Run"),
        ("measurementRetention", measurement_retention, "Measurement Retention"),
    ):
        rules = unique_rules([*own, *flat[field]], what)
        if rules:
            spec[field] = rules
    meta: dict[str, Any] = {"namespace": namespace}
    meta |= {"name": name} if name else {"generateName": generate_name}
    for field, values in (("labels", labels), ("annotations", annotations)):
        if values:
            meta[field] = dict(values)
    if owner:
        meta["ownerReferences"] = [dict(owner)]
    return {
        "apiVersion": ANALYSIS_RUN.api_version,
        "kind": ANALYSIS_RUN.kind,
        "metadata": meta,
        "spec": spec,
        "status": {"phase": "", "runSummary": {}},
    }


def same_spec(left: Object, right: Object) -> bool:
    """`IsSemanticallyEqual` of two runs: metrics, arguments, dry run and retention."""
    fields = ("metrics", "dryRun", "measurementRetention", "args")
    return encode([mapping(left, "spec").get(name) for name in fields]) == encode(
        [mapping(right, "spec").get(name) for name in fields]
    )


def reusable(run: Object, existing: Object) -> bool:
    """Whether `existing`, which has the name of the new `run`, is that run already."""
    return (
        not is_completed(text(existing, "status", "phase"))
        and same_spec(run, existing)
        and text(controller_of(existing), "uid") == text(controller_of(run), "uid")
    )


def create_with_collision_counter(
    run: Mapping[str, Any],
    create: Callable[[Mapping[str, Any]], Object],
    find: Callable[[str], Object | None],
) -> Object:
    """`CreateWithCollisionCounter`: create `run`, as `<name>.1`, `.2`… when the name is taken.

    An unfinished run with the same spec and owner is returned instead. `find(name)` looks a run
    up, `create(run)` creates it.
    """
    base = name_of(run)
    for count in range(10_000):
        name = f"{base}.{count}" if count else base
        existing = find(name)
        if existing is None:
            return create({**run, "metadata": {**run["metadata"], "name": name}})
        if reusable(run, existing):
            return existing
    raise RuleError(f"too many analysis runs named {base}")


def runs_indefinitely(template_spec: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The first metric of a flat template that never ends by itself, or None.

    Arguments in `count` are not resolved here: `{{args.x}}` counts as indefinite when there is
    an interval.
    """
    for metric in mappings(template_spec, "metrics"):
        if effective_count(metric) is None:
            return metric
    return None


__all__ = [
    "collect_templates",
    "create_with_collision_counter",
    "flatten_templates",
    "limit",
    "new_analysis_run",
    "reusable",
    "runs_indefinitely",
    "same_spec",
]
