"""Turns what changed in the store into the applications and rollouts of the next snapshot.

Separate from the hub: pure bookkeeping, synchronous, and only what a change touches is made
anew, so that two snapshots share the rest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from opsconsole.engine.attention import attention
from opsconsole.engine.decode.analysis import analysis_run
from opsconsole.engine.decode.applications import application
from opsconsole.engine.decode.experiments import experiment
from opsconsole.engine.decode.rollouts import rollout
from opsconsole.engine.destinations import other_cluster
from opsconsole.engine.health import resource_health
from opsconsole.engine.store import Key, ObjectStore, Raw
from opsconsole.model.analysis import AnalysisRun
from opsconsole.model.applications import Application, ManagedResource
from opsconsole.model.kinds import (
    ANALYSIS_RUN,
    APPLICATION,
    EXPERIMENT,
    POD,
    REPLICA_SET,
    ROLLOUT,
    ResourceKey,
)
from opsconsole.model.objects import mappings, text, uid_of
from opsconsole.model.rollouts import Rollout


class Picture:
    """`applications` and `rollouts` are what the snapshot shows."""

    def __init__(self, store: ObjectStore) -> None:
        self.server = ""
        """The URL that the cluster is reached by."""

        self._store = store
        self._applications: dict[ResourceKey, Application] = {}
        self._plain: dict[ResourceKey, Application] = {}
        self._rollouts: dict[ResourceKey, Rollout] = {}
        self._runs: dict[tuple[str, str], tuple[Raw, AnalysisRun]] = {}
        self._apps_of: dict[ResourceKey, dict[ResourceKey, None]] = {}
        self.applications: Mapping[ResourceKey, Application] = MappingProxyType({})
        self.rollouts: Mapping[ResourceKey, Rollout] = MappingProxyType({})

    def update(self) -> bool:
        """Take in what changed; whether anything visible did."""
        dirty = self._store.drain()
        if not dirty:
            return False
        for kind, namespace, name in dirty:
            if kind == ANALYSIS_RUN and self._store.get(kind, namespace, name) is None:
                self._runs.pop((namespace, name), None)
        rollouts = self._touched_rollouts(dirty)
        apps = {_key(changed): None for changed in dirty if changed[0] == APPLICATION}
        moved = [key for key in rollouts if self._make_rollout(key)]
        for key in apps:
            self._make_plain(key)
        for key in moved:
            apps |= self._apps_of.get(key, {})
        joined = [key for key in apps if self._join(key)]
        if moved:
            self.rollouts = MappingProxyType(dict(sorted(self._rollouts.items(), key=_order)))
        if joined:
            self.applications = MappingProxyType(
                dict(sorted(self._applications.items(), key=_order))
            )
        return bool(moved or joined)

    def rollouts_of(self, app: Application) -> tuple[ResourceKey, ...]:
        """Rollouts that the application manages and that we know."""
        if app.elsewhere:
            return ()
        found = (_rollout_key(resource, app) for resource in app.resources if _is_rollout(resource))
        return tuple(key for key in found if key in self._rollouts)

    def owners_of(self, key: ResourceKey) -> tuple[ResourceKey, ...]:
        """Applications that manage that rollout."""
        return tuple(self._apps_of.get(key, {}))

    def _touched_rollouts(self, dirty: Iterable[Key]) -> dict[ResourceKey, None]:
        found: dict[ResourceKey, None] = {}
        for key in dirty:
            owner: Key | None = key
            for _ in range(3):
                if owner is None or owner[0] == ROLLOUT:
                    break
                owner = self._controller(owner)
            if owner is not None and owner[0] == ROLLOUT:
                found[_key(owner)] = None
        return found

    def _controller(self, key: Key) -> Key | None:
        obj = self._store.get(*key)
        for reference in mappings(obj, "metadata", "ownerReferences"):
            owner = self._store.by_uid(text(reference, "uid"))
            if owner is not None and owner[0] in (ROLLOUT, REPLICA_SET, EXPERIMENT):
                return owner
        return None

    def _make_rollout(self, key: ResourceKey) -> bool:
        raw = self._store.get(ROLLOUT, key.namespace, key.name)
        if raw is None:
            return self._rollouts.pop(key, None) is not None
        sets = self._store.owned(uid_of(raw), REPLICA_SET)
        runs = [self._run(run) for run in self._store.owned(uid_of(raw), ANALYSIS_RUN)]
        trials = self._store.owned(uid_of(raw), EXPERIMENT)
        for trial in trials:
            found = self._store.owned(uid_of(trial), ANALYSIS_RUN)
            runs += [replace(self._run(run), kind=EXPERIMENT.kind) for run in found]
        pods = [(rs, self._store.owned(uid_of(rs), POD)) for rs in sets]
        new = rollout(raw, pods, runs, [experiment(trial) for trial in trials])
        if self._rollouts.get(key) == new:
            return False
        self._rollouts[key] = new
        return True

    def _run(self, raw: Raw) -> AnalysisRun:
        name = (text(raw, "metadata", "namespace"), text(raw, "metadata", "name"))
        held = self._runs.get(name)
        if held is not None and held[0] is raw:
            return held[1]
        made = analysis_run(raw)
        self._runs[name] = (raw, made)
        return made

    def _make_plain(self, key: ResourceKey) -> None:
        raw = self._store.get(APPLICATION, key.namespace, key.name)
        old = self._plain.pop(key, None)
        for managed in old.resources if old is not None else ():
            if _is_rollout(managed) and old is not None:
                self._apps_of.get(_rollout_key(managed, old), {}).pop(key, None)
        if raw is None:
            return
        new = application(raw)
        new = self._plain[key] = replace(new, elsewhere=other_cluster(new, self.server))
        for managed in () if new.elsewhere else new.resources:
            if _is_rollout(managed):
                self._apps_of.setdefault(_rollout_key(managed, new), {})[key] = None

    def _join(self, key: ResourceKey) -> bool:
        plain = self._plain.get(key)
        if plain is None:
            return self._applications.pop(key, None) is not None
        resources = tuple(self._with_health(resource, plain) for resource in plain.resources)
        rollouts = [self._rollouts[known] for known in self.rollouts_of(plain)]
        new = replace(plain, resources=resources, attention=attention(plain, rollouts))
        if self._applications.get(key) == new:
            return False
        self._applications[key] = new
        return True

    def _with_health(self, resource: ManagedResource, app: Application) -> ManagedResource:
        """Argo CD leaves `health` out by default (resourceHealthSource: appTree)."""
        if resource.health is not None or not _is_rollout(resource) or app.elsewhere:
            return resource
        key = _rollout_key(resource, app)
        raw = self._store.get(ROLLOUT, key.namespace, key.name)
        health = resource_health(raw) if raw is not None else None
        return replace(resource, health=health) if health is not None else resource


def _key(key: Key) -> ResourceKey:
    return ResourceKey(key[0], key[1], key[2])


def _order(entry: tuple[ResourceKey, object]) -> tuple[str, str]:
    return entry[0].namespace, entry[0].name


def _is_rollout(resource: ManagedResource) -> bool:
    return resource.kind == ROLLOUT.kind and resource.group == ROLLOUT.group


def _rollout_key(resource: ManagedResource, app: Application) -> ResourceKey:
    namespace = resource.namespace or app.destination_namespace
    return ResourceKey(ROLLOUT, namespace, resource.name)
