"""Compare an application with git: targets, live objects, differences, status (`state.go`)."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from opsconsole.argo.cd import hooks
from opsconsole.argo.cd.conditions import Condition
from opsconsole.argo.cd.diff import Differ, align_tracking
from opsconsole.argo.cd.health import Assessed, Verdict, aggregate, assess
from opsconsole.argo.cd.identity import (
    Key,
    Obj,
    group_of,
    images_of,
    key_of,
    version_of,
    with_metadata,
)
from opsconsole.argo.cd.ignores import Ignore, ignores_of
from opsconsole.argo.cd.sync import Pair
from opsconsole.argo.cd.syncoptions import ANNOTATION as SYNC_OPTIONS
from opsconsole.argo.cd.syncoptions import SyncOptions, wants_confirmation
from opsconsole.argo.cd.tracking import Tracking
from opsconsole.argo.cd.waves import wave_of
from opsconsole.errors import RuleError
from opsconsole.model.objects import (
    Object,
    annotations_of,
    dig,
    items,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    text,
)
from opsconsole.model.status import Health
from opsconsole.repos.objects import CommitTree
from opsconsole.sandbox.argocd.environment import Destination, Environment
from opsconsole.sandbox.argocd.remembered import Remembered
from opsconsole.sandbox.argocd.sources import Asked, Generated, SourceError, grpc
from opsconsole.sandbox.store import Store

REMEMBERED = 50_000
"""Targets and differences that are kept; objects never change in place, so identity is enough."""

IGNORE_EXTRANEOUS = "IgnoreExtraneous"
_REF = re.compile(r"[a-zA-Z0-9_-]+", re.ASCII)

COMPARE_OPTIONS = "argocd.argoproj.io/compare-options"


class RepositoryError(Exception):
    """Inside the grace period: a repository's fault changes nothing yet."""


@dataclass(slots=True)
class Comparison:
    """`pairs` are resources (target, live), live hooks without target among them."""

    sync: str = "Synced"
    revisions: list[str] = field(default_factory=list)
    tools: list[str] = field(default_factory=list)
    pairs: list[Pair] = field(default_factory=list)
    hooks: list[Obj] = field(default_factory=list)
    resources: list[dict[str, Any]] = field(default_factory=list)
    modified: dict[Key, bool] = field(default_factory=dict)
    conditions: list[Condition] = field(default_factory=list)
    health: Verdict = field(default_factory=lambda: Verdict(Health.HEALTHY))
    images: list[str] = field(default_factory=list)
    options: SyncOptions = field(default_factory=SyncOptions)
    """The application's own."""

    @property
    def revision(self) -> str:
        return self.revisions[0] if self.revisions else ""

    @property
    def failed(self) -> bool:
        return any(c.type == "ComparisonError" for c in self.conditions)


class Comparer:
    """`compare` reads git and the destination's store, and writes nothing."""

    def __init__(self, environment: Environment) -> None:
        self.environment = environment
        self._diffs: dict[tuple[int, int], tuple[Obj, Obj, Differ, bool]] = {}
        self._marked: dict[tuple[int, str, str, Tracking], tuple[Obj, Obj]] = {}
        self._remembered = Remembered(environment)

    def compare(
        self,
        app: Object,
        destination: Destination,
        *,
        revisions: Sequence[str] = (),
        sources: Sequence[Mapping[str, Any]] = (),
        force: bool = False,
        forgiving: bool = False,
    ) -> Comparison:
        """`force` asks the repository again; `forgiving` raises RepositoryError for its faults."""
        options = SyncOptions.of(items(app, "spec", "syncPolicy", "syncOptions"))
        found = Comparison(options=options)
        asked_sources = list(sources) or sources_of(app)
        generated = self._generate(
            app, asked_sources, list(revisions), found, force=force, forgiving=forgiving
        )
        plain = not (force or sources or found.conditions)
        known = plain and self._remembered.find(
            app, destination, generated, partial(_shown_images, destination.store)
        )
        if known:
            return known
        targets = self._targets(app, destination, generated, found)
        pairs = self._pairs(app, destination, targets, found)
        found.hooks = [t for t in targets.values() if hooks.is_hook(t) and not hooks.is_ignored(t)]
        found.pairs = pairs
        self._statuses(app, destination, found)
        self._assess(app, destination, found)
        if plain:
            self._remembered.keep(app, destination, generated, found)
        return found

    # targets

    def _generate(
        self,
        app: Object,
        sources: list[Mapping[str, Any]],
        revisions: list[str],
        found: Comparison,
        *,
        force: bool,
        forgiving: bool,
    ) -> list[Generated]:
        asked = Asked(
            name_of(app),
            namespace_of(app),
            text(app, "spec", "project") or "default",
            text(app, "spec", "destination", "namespace"),
            hard=wants_refresh(app) == "hard",
        )
        refused = reference_fault(sources)
        if refused:
            why = f"Failed to load target state: failed to get ref sources: {refused}"
            found.conditions.append(Condition("ComparisonError", why))
            return []
        made = []
        for index, source in enumerate(sources):
            wanted = revisions[index] if index < len(revisions) and revisions[index] else ""
            wanted = wanted or text(source, "targetRevision")
            try:
                trees = self._references(source, sources, revisions, force=force)
                one = self.environment.sources.generate(
                    source,
                    wanted or "HEAD",
                    replace(asked, references=trees) if trees else asked,
                    force=force,
                )
            except SourceError as fault:
                if forgiving:
                    raise RepositoryError(str(fault)) from fault
                why = (
                    "Failed to load target state: failed to generate manifest for source "
                    f"{index + 1} of {len(sources)}: {grpc(fault)}"
                )
                found.conditions.append(Condition("ComparisonError", why))
                # what was asked for; of several sources nothing is told
                found.revisions = [wanted] if len(sources) == 1 else []
                return []
            made.append(one)
        found.revisions = [one.revision for one in made]
        found.tools = [one.tool for one in made]
        return made

    def _references(
        self,
        source: Mapping[str, Any],
        sources: Sequence[Mapping[str, Any]],
        revisions: Sequence[str],
        *,
        force: bool,
    ) -> dict[str, CommitTree]:
        """The trees that a Helm source names as `$name/…`, by `$name`. Raises SourceError."""
        named = [str(file) for file in items(source, "helm", "valueFiles")]
        named += [text(p, "path") for p in mappings(source, "helm", "fileParameters")]
        heads = {name.partition("/")[0] for name in named if name.startswith("$")}
        found = {}
        for index, other in enumerate(sources):
            name = f"${text(other, 'ref')}"
            if name in heads:
                wanted = revisions[index] if index < len(revisions) else ""
                wanted = wanted or text(other, "targetRevision") or "HEAD"
                url = text(other, "repoURL")
                found[name] = self.environment.sources.tree(url, wanted, force=force)[1]
        return found

    def _targets(
        self, app: Object, destination: Destination, generated: list[Generated], found: Comparison
    ) -> dict[Key, Obj]:
        """Wanted objects by key, in their namespace and marked; the last of several wins."""
        targets: dict[Key, Obj] = {}
        seen: dict[Key, int] = {}
        for manifest in (m for one in generated for m in one.manifests):
            obj = self._placed(manifest, destination)
            key = key_of(obj)
            if not key.name and text(obj, "metadata", "generateName"):
                key = key._replace(name=f"{text(obj, 'metadata', 'generateName')}\0{len(targets)}")
            else:
                seen[key] = seen.get(key, 0) + 1
            targets[key] = self._mark(manifest, obj, self.environment.instance(app), destination)
        for key, count in seen.items():
            if count > 1:
                why = f"Resource {key} appeared {count} times among application resources."
                found.conditions.append(Condition("RepeatedResourceWarning", why))
        return self._included(targets, destination, found)

    def _included(
        self, targets: dict[Key, Obj], destination: Destination, found: Comparison
    ) -> dict[Key, Obj]:
        """Those of kinds that the installation looks at."""
        kept = {}
        for key, target in targets.items():
            if not self.environment.filter.excludes(key.group, key.kind, destination.server):
                kept[key] = target
                continue
            why = f"Resource {key.group}/{key.kind} {name_of(target)} is excluded in the settings"
            found.conditions.append(Condition("ExcludedResourceWarning", why))
        return kept

    def _mark(self, manifest: Obj, obj: Obj, instance: str, destination: Destination) -> Obj:
        """The marked target; the same one as long as the renderer gives the same manifest."""
        tracking = self.environment.tracking
        key = (id(manifest), instance, destination.namespace, tracking)
        known = self._marked.get(key)
        if known is None or known[0] is not manifest:
            if len(self._marked) > REMEMBERED:
                self._marked.clear()
            made = tracking.mark(obj, instance, destination.namespace)
            known = self._marked[key] = (manifest, made)
        return known[1]

    def _placed(self, manifest: Obj, destination: Destination) -> Obj:
        kind = destination.store.resources.by_kind(
            text(manifest, "apiVersion"), text(manifest, "kind")
        )
        if kind is not None and not kind.namespaced:
            return with_metadata(manifest, namespace=None)
        if namespace_of(manifest) or not destination.namespace:
            return manifest
        return with_metadata(manifest, namespace=destination.namespace)

    # pairs

    def _pairs(
        self, app: Object, destination: Destination, targets: dict[Key, Obj], found: Comparison
    ) -> list[Pair]:
        live = self._live(app, destination, targets)
        for there in live.values():
            self._shared(app, there, self.environment.instance(app), found)
            if key_of(there) not in targets and is_managed_namespace(there, app):
                # otherwise it would be pruned: no commit has it
                targets[key_of(there)] = _managed_namespace(there, app)
        pairs = [
            Pair(target, live.pop(key, None))
            for key, target in targets.items()
            if not hooks.is_hook(target)
        ]
        return pairs + [Pair(None, there) for there in live.values()]

    def _live(
        self, app: Object, destination: Destination, targets: dict[Key, Obj]
    ) -> dict[Key, Obj]:
        """What is marked as the application's and what is wanted, as far as the project permits it."""
        live: dict[Key, Obj] = {}
        for obj in destination.live.of(self.environment.instance(app)):
            key = key_of(obj)
            if not self.environment.filter.excludes(key.group, key.kind, destination.server):
                live[key] = obj
        for key, target in targets.items():
            there = None if key in live else _find(destination.store, target)
            if there is not None:
                live[key] = there
        return {key: there for key, there in live.items() if not destination.permits(there)}

    def _shared(self, app: Object, there: Obj, instance: str, found: Comparison) -> None:
        other = self.environment.tracking.instance_of(there)
        if other and other != instance:
            why = (
                f"{text(there, 'kind')}/{name_of(there)} is part of applications "
                f"{namespace_of(app)}/{name_of(app)} and {other.replace('_', '/')}"
            )
            found.conditions.append(Condition("SharedResourceWarning", why))

    # status

    def _differ(self, app: Object, destination: Destination, found: Comparison) -> Differ:
        ignore: list[Ignore] = []
        try:
            ignore += ignores_of(items(app, "spec", "ignoreDifferences"))
        except RuleError as fault:
            why = "Failed to compare desired state to live state: failed to create diff normalizer"
            found.conditions.append(Condition("ComparisonError", f"{why}: {fault.message}"))
        ignore += self.environment.ignores
        return Differ(
            tuple(ignore),
            destination.defaulting,
            self.environment.ignore_status,
            self.environment.ignore_aggregated_roles,
        )

    def _statuses(self, app: Object, destination: Destination, found: Comparison) -> None:
        differ = self._differ(app, destination, found)
        failed = found.failed
        for pair in found.pairs:
            entry, counts = self._status(app, pair, differ, destination, found)
            if failed:
                entry["status"] = "Unknown"
            elif counts:
                found.sync = "OutOfSync"
            found.resources.append({k: v for k, v in entry.items() if v not in (None, "", False)})
        if failed:
            found.sync = "Unknown"
        elif namespace_changed(app):
            found.sync = "OutOfSync"
        found.resources.sort(
            key=lambda r: "/".join(
                str(r.get(k, "")) for k in ("group", "kind", "namespace", "name")
            )
        )

    def _status(
        self,
        app: Object,
        pair: Pair,
        differ: Differ,
        destination: Destination,
        found: Comparison,
    ) -> tuple[dict[str, Any], bool]:
        """One entry of `status.resources`, and whether the application is out of sync by it."""
        target, live = pair
        obj = live if live is not None else target or {}
        own = live is None or self.environment.tracking.is_self_referenced(live, target)
        modified = self._modified(differ, target, live)
        found.modified[pair.key] = modified
        entry: dict[str, Any] = {
            "group": group_of(obj),
            "version": version_of(obj),
            "kind": text(obj, "kind"),
            "namespace": namespace_of(obj),
            "name": name_of(obj),
            "syncWave": _wave(pair, found.hooks),
            "hook": hooks.is_hook(obj),
            "requiresPruning": target is None and live is not None and own,
            "requiresDeletionConfirmation": _confirmable(pair, found.options),
        }
        if not destination.is_placed(obj):
            gvk = f"{group_of(obj)}/{version_of(obj)}, Kind={text(obj, 'kind')}"
            why = f"Namespace for {name_of(obj)} {gvk} is missing."
            found.conditions.append(Condition("InvalidSpecError", why))
        counts = False
        skipped = target is not None and hooks.is_skip_hook(target)
        if not (hooks.is_hook(obj) or skipped) and own:
            made = live is None and target is not None and is_managed_namespace(target, app)
            out = not made and (modified or target is None or live is None)
            entry["status"] = "OutOfSync" if out else "Synced"
            extraneous = target is None and IGNORE_EXTRANEOUS in hooks.listed(obj, COMPARE_OPTIONS)
            counts = out and not extraneous
        if not destination.permits_kind(obj):
            entry["status"] = "Unknown"
        return entry, counts

    def _modified(self, differ: Differ, target: Obj | None, live: Obj | None) -> bool:
        if target is None or live is None:
            return target is not None
        tracking = self.environment.tracking
        if tracking.method != "label" and labels_of(live).get(tracking.label):
            live = align_tracking(target, live, tracking.label)
        known = self._diffs.get((id(target), id(live)))
        if known is not None and known[0] is target and known[1] is live and known[2] == differ:
            return known[3]
        if len(self._diffs) > REMEMBERED:
            self._diffs.clear()
        modified = differ.compare(_as_stored(target, live), live).modified
        self._diffs[id(target), id(live)] = (target, live, differ, modified)
        return modified

    def _assess(self, app: Object, destination: Destination, found: Comparison) -> None:
        assessed = []
        images: dict[str, None] = {}
        for pair in found.pairs:
            if pair.target is not None and hooks.is_skip_hook(pair.target):
                continue
            verdict = assess(pair.live) if pair.live is not None else None
            assessed.append(Assessed(*pair.key, pair.live, verdict))
            if pair.live is not None:
                images |= dict.fromkeys(_shown_images(destination.store, pair.live))
        found.health = aggregate(assessed, (namespace_of(app), name_of(app)))
        found.images = sorted(images)


def sources_of(app: Object) -> list[Mapping[str, Any]]:
    """`spec.sources`, or the one `spec.source`."""
    several = mappings(app, "spec", "sources")
    one = mapping(app, "spec", "source")
    return list(several) or ([one] if one else [])


def reference_fault(sources: Sequence[Object]) -> str:
    """What is wrong with the names of the sources that others refer to, or "" (`GetRefSources`)."""
    seen: set[str] = set()
    for ref in (text(source, "ref") for source in sources if text(source, "ref")):
        if not _REF.fullmatch(ref):
            return f"sources.ref {ref} cannot contain any special characters except '_' and '-'"
        if ref in seen:
            return "invalid sources: multiple sources had the same `ref` key"
        seen.add(ref)
    return ""


def is_managed_namespace(obj: Object, app: Object) -> bool:
    """Whether an object is the destination's namespace, of which the application keeps the metadata."""
    return (
        text(obj, "kind") == "Namespace"
        and name_of(obj) == text(app, "spec", "destination", "namespace")
        and dig(app, "spec", "syncPolicy", "managedNamespaceMetadata") is not None
    )


def namespace_changed(app: Object) -> bool:
    """Whether the namespace's metadata are others than at the last sync (HasChangedManagedNamespaceMetadata)."""
    wanted = dig(app, "spec", "syncPolicy", "managedNamespaceMetadata")
    result = dig(app, "status", "operationState", "syncResult")
    if wanted is None or result is None:
        return False
    return bool(wanted != mapping(result, "managedNamespaceMetadata"))


def _managed_namespace(live: Object, app: Object) -> Obj:
    wanted = mapping(app, "spec", "syncPolicy", "managedNamespaceMetadata")
    notes = {**mapping(wanted, "annotations"), SYNC_OPTIONS: "ServerSideApply=true"}
    meta = {"name": name_of(live), "annotations": notes}
    if mapping(wanted, "labels"):
        meta["labels"] = dict(mapping(wanted, "labels"))
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": meta}


def _wave(pair: Pair, wanted: Sequence[Obj]) -> int:
    """The target's wave; of a live hook that of the hook in git."""
    if pair.target is not None:
        return wave_of(pair.target)
    if pair.live is None or not hooks.is_hook(pair.live):
        return 0
    key = key_of(pair.live)._replace(group="")
    return next((wave_of(h) for h in wanted if key_of(h)._replace(group="") == key), 0)


def _confirmable(pair: Pair, options: SyncOptions) -> bool:
    return any(wants_confirmation(obj, options) for obj in pair if obj is not None)


def _find(store: Store, target: Object) -> Obj | None:
    kind = store.resources.by_kind(text(target, "apiVersion"), text(target, "kind"))
    if kind is None or not name_of(target):
        return None
    return store.find(kind, namespace_of(target), name_of(target))


def _as_stored(target: Obj, live: Obj) -> Obj:
    """The target in the live object's version, where only that differs."""
    return {**target, "apiVersion": live.get("apiVersion", target.get("apiVersion"))}


def _shown_images(store: Store, live: Object) -> list[str]:
    return [] if hooks.is_hook(live) else _tree_images(store, live)


def _tree_images(store: Store, root: Object) -> list[str]:
    """Images of the pods below an object."""
    found: list[str] = []
    pending = [root]
    while pending:
        obj = pending.pop()
        if text(obj, "kind") == "Pod":
            found += images_of(obj)
        else:
            pending += store.owned_by(text(obj, "metadata", "uid"))
    return found


def wants_refresh(app: Object) -> str:
    """`normal` or `hard` when the annotation asks for a refresh, or ""."""
    raw = annotations_of(app).get("argocd.argoproj.io/refresh")
    if not isinstance(raw, str):
        return ""
    return "hard" if raw == "hard" else "normal"
