"""Workloads and what selects, scales and protects them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.lint.findings import NOTE, Hit, Path, Placed
from opsconsole.argo.lint.scope import (
    WORKLOADS,
    Index,
    Pair,
    Scope,
    pod_template,
    selecting,
    with_pod_label,
)
from opsconsole.model.objects import (
    dig,
    flag,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    number,
    text,
)
from opsconsole.model.selectors import matches_labels, matches_selector, selector_text

POD_KINDS = frozenset((*WORKLOADS, "Job", "CronJob", "Pod"))


def overlapping(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Two workloads of a namespace whose selectors take each other's pods."""
    selector = mapping(one.manifest, "spec", "selector")
    labels = labels_of(pod_template(one.manifest))
    if not selector or not labels:
        return
    pair = next(iter(mapping(selector, "matchLabels").items()), None)
    for other in scope.choose(one, lambda index: _rivals(index, pair, labels)):
        theirs = mapping(other.manifest, "spec", "selector")
        if other.label >= one.label or not theirs:
            continue
        if matches_selector(selector, labels_of(pod_template(other.manifest))) or matches_selector(
            theirs, labels
        ):
            why = (
                f"{other.label} and {one.label} select the same pods ({selector_text(selector)})"
                if selector_text(selector) == selector_text(theirs)
                else f"the selector of {other.label} ({selector_text(theirs)}) and that of "
                f"{one.label} ({selector_text(selector)}) take the same pods"
            )
            yield Hit(why, ("spec", "selector"))


def _rivals(index: Index, pair: Pair | None, labels: Mapping[str, Any]) -> Iterator[Placed]:
    if pair is not None and isinstance(pair[1], str):
        yield from (p for p in with_pod_label(index, pair) if p.kind in WORKLOADS)
    yield from selecting(index, labels)


def mistemplated(one: Placed, _: Scope) -> Iterator[Hit]:
    """apps/v1 refuses a workload whose template does not carry what it selects."""
    if one.kind == "Rollout":
        return
    selector = mapping(one.manifest, "spec", "selector")
    if not selector:
        yield Hit("spec.selector: Required value", ("spec",))
    elif not matches_selector(selector, labels_of(pod_template(one.manifest))):
        why = "`selector` does not match template `labels`"
        path: Path = ("spec", "template", "metadata", "labels")
        yield Hit(f"spec.template.metadata.labels: Invalid value: {why}", path)


def scale_target(one: Placed, scope: Scope) -> Iterator[Hit]:
    """An autoscaler finds its target by apiVersion, kind and name."""
    spec = mapping(one.manifest, "spec")
    target = mapping(spec, "scaleTargetRef")
    kind, name = text(target, "kind"), text(target, "name")
    path: Path = ("spec", "scaleTargetRef")
    if kind == "Rollout" and not text(target, "apiVersion").startswith("argoproj.io/"):
        version = text(target, "apiVersion") or "v1"
        why = f'the HPA controller was unable to get the target\'s current scale: no matches for kind "Rollout" in version "{version}"'
        yield Hit(why, (*path, "apiVersion"))
    found = scope.find(kind, one.namespace, name)
    if kind in WORKLOADS and found is None:
        other = next(
            (k for k in WORKLOADS if k != kind and scope.find(k, one.namespace, name)), None
        )
        told = f"; there is a {other} of that name" if other else ""
        yield Hit(f'{kind} "{name}" not found{told}', (*path, "name"), "" if other else NOTE)
    most = spec.get("maxReplicas")
    least = number(spec, "minReplicas", default=1)
    if isinstance(most, int) and most < least:
        why = f"spec.maxReplicas: Invalid value: {most}: must be greater than or equal to `minReplicas`"
        yield Hit(why, ("spec", "maxReplicas"))
    elif most is None:
        yield Hit("spec.maxReplicas: Required value", ("spec",))
    if kind in WORKLOADS and found is not None and number(found.manifest, "spec", "replicas") > 0:
        why = f"{kind}/{name} sets spec.replicas itself: Argo CD puts back what this HPA scales"
        if not _ignored(scope, kind):
            yield Hit(why, path, NOTE)


def _ignored(scope: Scope, kind: str) -> bool:
    """Whether some Application ignores `/spec/replicas` of that kind."""
    kinds = scope.around.once("replicas", _unscaled) | scope.own.once("replicas", _unscaled)
    return kind in kinds or "*" in kinds


def _unscaled(index: Index) -> set[str]:
    return {
        text(entry, "kind")
        for app in index.kind("Application")
        for entry in mappings(app.manifest, "spec", "ignoreDifferences")
        if "replicas" in str((items(entry, "jsonPointers"), items(entry, "jqPathExpressions")))
    }


def budget(one: Placed, scope: Scope) -> Iterator[Hit]:
    """A PodDisruptionBudget that protects nothing, or forbids every eviction."""
    spec = mapping(one.manifest, "spec")
    if spec.get("minAvailable") is not None and spec.get("maxUnavailable") is not None:
        why = "spec: Invalid value: minAvailable and maxUnavailable cannot be both set"
        yield Hit(why, ("spec", "maxUnavailable"))
    selected = [
        other
        for other in scope.beside(one, *WORKLOADS)
        if matches_selector(
            mapping(spec, "selector") or None, labels_of(pod_template(other.manifest))
        )
    ]
    if not selected and any(True for _ in scope.own.kind(*WORKLOADS)):
        why = f"no workload beside it has pods with {selector_text(mapping(spec, 'selector'))}"
        yield Hit(why, ("spec", "selector"))
    if spec.get("maxUnavailable") in (0, "0", "0%") or spec.get("minAvailable") == "100%":
        yield Hit("no pod may ever be evicted: `restart` of a Rollout waits for ever", ("spec",))


def service_selects(one: Placed, scope: Scope) -> Iterator[Hit]:
    """A Service of which no pod will be an endpoint, though workloads stand beside it."""
    wanted = mapping(one.manifest, "spec", "selector")
    pair = next(iter(wanted.items()), None)
    if pair is None or not isinstance(pair[1], str) or not scope.own.kinds() & POD_KINDS:
        return
    others = scope.choose(one, lambda index: with_pod_label(index, pair))
    if not any(matches_labels(wanted, labels_of(pod_template(o.manifest))) for o in others):
        pairs = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
        yield Hit(f"selects {pairs}, which no pod beside it has", ("spec", "selector"))


def configuration(one: Placed, scope: Scope) -> Iterator[Hit]:
    """ConfigMaps and Secrets that pods need and that nothing in the set makes."""
    told: set[tuple[str, str]] = set()
    for kind, name in needed(one.manifest):
        if (kind, name) not in told and provider(kind, name, one, scope) is None:
            told.add((kind, name))
            yield Hit(f'{kind.lower()} "{name}" not found: nothing in this set makes it')


def provider(kind: str, name: str, one: Placed, scope: Scope) -> Placed | None:
    """The object that is, or makes, that ConfigMap or Secret."""
    found = scope.find(kind, one.namespace, name)
    if found is None and kind == "Secret":
        found = scope.find("SealedSecret", one.namespace, name)
        for other in scope.beside(one, "ExternalSecret", "Certificate"):
            target = (
                text(other.manifest, "spec", "target", "name")
                or text(other.manifest, "spec", "secretName")
                or name_of(other.manifest)
            )
            if target == name:
                return other
    return found


def needed(manifest: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """(kind, name) of the ConfigMaps and Secrets without which a pod does not start."""
    spec = mapping(pod_template(manifest), "spec")
    for volume in mappings(spec, "volumes"):
        yield from _volume(volume)
        for source in mappings(volume, "projected", "sources"):
            yield from _refs(source, "configMap", "secret", "name")
    for field in ("containers", "initContainers"):
        for container in mappings(spec, field):
            for entry in mappings(container, "envFrom"):
                yield from _refs(entry, "configMapRef", "secretRef", "name")
            for entry in mappings(container, "env"):
                source = mapping(entry, "valueFrom")
                yield from _refs(source, "configMapKeyRef", "secretKeyRef", "name")


def _volume(volume: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    yield from _refs(volume, "configMap", "", "name")
    yield from _refs(volume, "", "secret", "secretName")


def _refs(
    holder: Mapping[str, Any], config_map: str, secret: str, field: str
) -> Iterator[tuple[str, str]]:
    for key, kind in ((config_map, "ConfigMap"), (secret, "Secret")):
        found = dig(holder, key) if key else None
        if isinstance(found, Mapping) and not flag(found, "optional") and text(found, field):
            yield kind, text(found, field)
