"""Sync waves that never end, and objects that come before what they need.

A wave ends when everything in it is Healthy: Suspended and Progressing hold it, Degraded fails the
sync (gitops-engine `pkg/sync/sync_context.go`). Only what is certain from the manifests is said.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.waves import PHASE_ORDER, WAVE, wave_of
from opsconsole.argo.lint.findings import NOTE, WARNING, Hit, Path, Placed
from opsconsole.argo.lint.rollouts import collected, view
from opsconsole.argo.lint.scope import WORKLOADS, Index, Scope
from opsconsole.argo.lint.syncing import annotation
from opsconsole.argo.lint.workloads import needed, provider
from opsconsole.argo.rollouts.reference_rules import analysis_paths, service_paths
from opsconsole.argo.rollouts.spec import RolloutView
from opsconsole.argo.traffic import istio
from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, flag, mapping, name_of, text

Turn = tuple[int, int]
"""(phase, wave): what has a lower one is applied, and Healthy, first."""


def turns(one: Placed) -> list[Turn]:
    wave = wave_of(one.manifest)
    return [(PHASE_ORDER[p], wave) for p in hooks.sync_phases(one.manifest) if p != "SyncFail"]


def _later(one: Placed, scope: Scope) -> Placed | None:
    """An object of the set that waits for this one."""
    own, last = turns(one), scope.own.once("last", _last)
    return last[1] if own and last is not None and last[0] > min(own) else None


def _last(index: Index) -> tuple[Turn, Placed] | None:
    found = [(max(turns(one)), one) for one in index.placed if turns(one)]
    return max(found, key=lambda entry: entry[0], default=None)


def _told(turn: Turn) -> str:
    phase = next(name for name, order in PHASE_ORDER.items() if order == turn[0])
    return f"wave {turn[1]}" if phase == "Sync" else f"{phase} hook"


def blocked(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Something waits for an object that becomes Healthy only by somebody's hand, or never."""
    reason = _never_healthy(one)
    if reason is None:
        return
    why, path, severity = reason
    waiting = _later(one, scope)
    if waiting is None:
        return
    last = max(turns(waiting))
    yield Hit(
        f"{_told(last)} ({waiting.label}) waits until this {one.kind} of "
        f"{_told(min(turns(one)))} is Healthy, which {why}",
        path,
        severity,
    )


Reason = tuple[str, Path, str]


def _never_healthy(one: Placed) -> Reason | None:
    manifest = one.manifest
    if one.kind == "Rollout":
        return _rollout(view(one))
    if one.kind == "Deployment" and flag(manifest, "spec", "paused"):
        return "it never is while spec.paused is true (Suspended)", ("spec", "paused"), ""
    if one.kind == "Job" and flag(manifest, "spec", "suspend"):
        return "it never is while spec.suspend is true (Suspended)", ("spec", "suspend"), ""
    if one.kind == "Service" and text(manifest, "spec", "type") == "LoadBalancer":
        why = "it is not before a load balancer gives it an address"
        return why, ("spec", "type"), NOTE
    if one.kind == "Ingress":
        return "it is not before an ingress controller writes its address", ("spec",), NOTE
    return None


def _rollout(ro: RolloutView) -> Reason | None:
    if flag(ro.spec, "paused"):
        return "it never is while spec.paused is true (Suspended)", ("spec", "paused"), ""
    canary: Path = ("spec", "strategy", "canary", "steps")
    for index, step in enumerate(ro.steps):
        if "pause" in step and not text(step, "pause", "duration"):
            return "an update is not before somebody promotes it", (*canary, index), ""
    held = ro.blue_green is not None and ro.blue_green.get("autoPromotionEnabled") is False
    if held and not text(ro.blue_green, "autoPromotionSeconds"):
        path = ("spec", "strategy", "blueGreen", "autoPromotionEnabled")
        return "an update is not before somebody promotes it", path, ""
    return None


def endless_hook(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Hooks that never complete: the operation runs until somebody terminates it."""
    del scope
    if not hooks.sync_phases(one.manifest) or not hooks.is_hook(one.manifest):
        return
    reason = _never_healthy(one)
    if reason is not None and not reason[2]:
        yield Hit(f"this hook never completes: it is not Healthy, {reason[0]}", reason[1])
    elif one.kind in WORKLOADS or one.kind == "CronJob":
        why = f"a {one.kind} as a hook is complete as soon as it is Healthy, not when its work is done"
        yield Hit(why, annotation(hooks.HOOK), NOTE)


def order(one: Placed, scope: Scope) -> Iterator[Hit]:
    """What an object needs comes in a later wave, which waits for this object."""
    own = turns(one)
    if not own:
        return
    for what, found in _needs(one, scope):
        theirs = turns(found)
        if theirs and min(theirs) > max(own):
            why = (
                f"{what}, but {found.label} comes in {_told(min(theirs))}, after "
                f"{_told(max(own))}: the first sync never gets there"
            )
            # a namespace may have been there before
            yield Hit(why, annotation(WAVE), WARNING if found.kind == "Namespace" else "")


def _needs(one: Placed, scope: Scope) -> Iterator[tuple[str, Placed]]:
    for kind, name in needed(one.manifest):
        found = provider(kind, name, one, scope)
        if found is not None:
            yield f"its pods do not start without {kind} {name}", found
    namespace = scope.own.named("Namespace", one.namespace)
    if one.namespace and one.kind != "Namespace":
        for found in islice(namespace, 1):
            yield f"it cannot be created without namespace {one.namespace}", found
    if one.kind == "HorizontalPodAutoscaler":
        target = mapping(one.manifest, "spec", "scaleTargetRef")
        found = scope.find(text(target, "kind"), one.namespace, text(target, "name"))
        if found is not None:
            yield "without its target it is Degraded, which fails the sync", found
    if one.kind == "Rollout":
        yield from _rollout_needs(one, scope)
    yield from _definition(one, scope)


def _rollout_needs(one: Placed, scope: Scope) -> Iterator[tuple[str, Placed]]:
    ro = view(one)
    refused = "without it the Rollout is Degraded (InvalidSpec), which fails the sync"
    wanted = [("Service", ro.namespace, name) for _, name in service_paths(ro)]
    wanted += [("VirtualService", ref.namespace, ref.name) for ref in istio.references(ro)]
    for kind, namespace, name in wanted:
        found = scope.find(kind, namespace, name)
        if found is not None:
            yield f"it names {kind} {name}, {refused}", found
    for _, _, analysis in analysis_paths(ro):
        try:
            plain, cluster, _missing = collected(analysis, ro.namespace, scope)
        except RuleError:
            continue
        for template in (*plain, *cluster):
            kind = text(template, "kind")
            found = scope.find(kind, ro.namespace, name_of(template))
            if found is not None:
                yield f"it names {kind} {name_of(template)}, {refused}", found


def _definition(one: Placed, scope: Scope) -> Iterator[tuple[str, Placed]]:
    """The CustomResourceDefinition of its kind, when the set brings it."""
    group = text(one.manifest, "apiVersion").partition("/")[0]
    for found in scope.own.kind("CustomResourceDefinition"):
        spec = mapping(found.manifest, "spec")
        if dig(spec, "names", "kind") == one.kind and text(spec, "group") == group:
            yield "the API does not know its kind without the CustomResourceDefinition", found


def claim(one: Placed, scope: Scope) -> Iterator[Hit]:
    """A claim that binds with its first consumer is Pending, and its wave Progressing, until then."""
    name = text(one.manifest, "spec", "storageClassName")
    storage = scope.find("StorageClass", "", name) if name else None
    if storage is None or text(storage.manifest, "volumeBindingMode") != "WaitForFirstConsumer":
        return
    users = [
        other
        for other in scope.beside(one, *WORKLOADS, "Job", "Pod")
        if f"'claimName': '{name_of(one.manifest)}'" in str(dict(other.manifest))
    ]
    if users and all(
        min(turns(u), default=(0, 0)) > max(turns(one), default=(0, 0)) for u in users
    ):
        why = (
            "the claim stays Pending until a pod uses it (WaitForFirstConsumer), and its only user"
        )
        yield Hit(f"{why}, {users[0].label}, comes in a later wave", ("spec", "storageClassName"))
