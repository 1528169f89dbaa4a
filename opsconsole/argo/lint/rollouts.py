"""Rollouts and what they name: the controller's own validation over a set of manifests."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from opsconsole.argo.lint.findings import Placed, named
from opsconsole.argo.rollouts import lint as plugin
from opsconsole.argo.rollouts.fielderrors import invalid
from opsconsole.argo.rollouts.reference_rules import (
    Analysis,
    analysis_paths,
    istio_path,
    problems,
    service_paths,
)
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.model.objects import annotations_of, flag, mappings, namespace_of, text


def _view(one: Placed) -> RolloutView | None:
    return RolloutView(one.manifest) if text(one.manifest, "kind") == "Rollout" else None


def invalid_spec(one: Placed, everything: Sequence[Placed]) -> Iterator[str]:
    if _view(one) is not None:
        yield from plugin.problems(one.manifest, [dict(p.manifest) for p in everything])


def missing_reference(one: Placed, everything: Sequence[Placed]) -> Iterator[str]:
    ro = _view(one)
    if ro is None:
        return
    home = namespace_of(one.manifest)
    for path, name in service_paths(ro):
        if named(everything, "Service", home, name) is None:
            yield invalid(path, name, f'service "{name}" not found')
    for ref in istio.references(ro):
        if named(everything, "VirtualService", ref.namespace or home, ref.name) is None:
            yield invalid(istio_path(ro), ref.name, f"VirtualService `{ref.name}` not found")
    for path, _, analysis in analysis_paths(ro):
        for kind, name, found in _templates(analysis, home, everything):
            if found is None:
                yield invalid(path, name, f"{kind} '{name}' not found")


def analysis_refused(one: Placed, everything: Sequence[Placed]) -> Iterator[str]:
    """Arguments without a value, metrics that never end in a step."""
    ro = _view(one)
    if ro is None:
        return
    for path, kind, analysis in analysis_paths(ro):
        listed = _templates(analysis, namespace_of(one.manifest), everything)
        if any(found is None for _, _, found in listed):
            continue
        own = tuple(f for k, _, f in listed if k == "AnalysisTemplate" and f)
        cluster = tuple(f for k, _, f in listed if k == "ClusterAnalysisTemplate" and f)
        yield from problems(ro, [], [Analysis(path, kind, analysis, own, cluster)], [])


def _templates(
    analysis: Mapping[str, object], home: str, everything: Sequence[Placed]
) -> list[tuple[str, str, Mapping[str, object] | None]]:
    found = []
    for ref in mappings(analysis, "templates"):
        kind = "ClusterAnalysisTemplate" if flag(ref, "clusterScope") else "AnalysisTemplate"
        name = text(ref, "templateName")
        place = "" if kind.startswith("Cluster") else home
        found.append((kind, name, named(everything, kind, place, name)))
    return found


def blocked_wave(one: Placed, everything: Sequence[Placed]) -> Iterator[str]:
    """A later wave waits for a Rollout that waits for a person."""
    ro = _view(one)
    if ro is None:
        return
    endless = any("pause" in step and not text(step, "pause", "duration") for step in ro.steps) or (
        ro.blue_green is not None and ro.blue_green.get("autoPromotionEnabled") is False
    )
    wave = _wave(one)
    waiting = [other for other in everything if _wave(other) > wave]
    if endless and waiting:
        yield (
            f"wave {_wave(waiting[0])} ({waiting[0].label}) waits until this Rollout of wave {wave} "
            "is Healthy, which an update is not before somebody promotes it"
        )


def _wave(one: Placed) -> int:
    written = text(annotations_of(one.manifest), "argocd.argoproj.io/sync-wave").strip()
    return int(written) if written.lstrip("+-").isdecimal() and len(written) < 12 else 0
