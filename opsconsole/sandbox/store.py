"""The objects of one simulated cluster, with the API server's own rules for changing them.

Separate from HTTP: controllers use it in-process, `sandbox.api` serves it. Stored objects
are never changed in place; a write makes a new object that shares what did not change, so
handing objects out costs nothing and an old version stays what it was.

Rules (Kubernetes API conventions): uid, creationTimestamp, resourceVersion and generation
are the server's; generation moves when the desired state does; `status` is kept apart where
the kind has the subresource; a write that changes nothing moves nothing; finalizers hold a
deletion back; dependents go when their last owner has gone.
"""

from __future__ import annotations

import uuid
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from opsconsole.model.kinds import NAMESPACE, Kind
from opsconsole.model.objects import dig, mapping, mappings, name_of, namespace_of, text, uid_of
from opsconsole.model.selectors import Predicate
from opsconsole.model.times import format_instant
from opsconsole.sandbox import apierrors, validation
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.resources import Resource, Resources

Obj = dict[str, Any]

WATCH_WINDOW = 10_000
"""Changes kept for watches that resume; an older resourceVersion gets 410."""

IMMORTAL = frozenset(("default", "kube-system", "kube-public"))
"""Namespaces that the API server does not let go."""

ORPHAN_WAIT = 1.0
"""Virtual seconds until the garbage collector looks whether a new object's owners exist."""

SUFFIX = "bcdfghjklmnpqrstvwxz2456789"
"""Alphabet of generated names (k8s.io/apimachinery/pkg/util/rand)."""


@dataclass(frozen=True, slots=True)
class Change:
    """One watch event. `type` is ADDED, MODIFIED or DELETED; `old` is the version before it."""

    type: str
    kind: Kind
    object: Obj
    old: Obj | None
    version: int


Subscriber = Callable[[Change], None]


class Store:
    """All verbs are synchronous and raise `apierrors.StatusError`."""

    def __init__(self, simulation: Simulation, resources: Resources | None = None) -> None:
        self.simulation = simulation
        self.resources = resources or Resources()
        self.version = 1
        self.log: deque[Change] = deque(maxlen=WATCH_WINDOW)
        self._objects: dict[Kind, dict[str, dict[str, Obj]]] = {}
        self._by_owner: dict[str, dict[tuple[Kind, str, str], None]] = {}
        self._uids: set[str] = set()
        self._terminating: set[str] = set()
        self._rehearsing = False
        self._subscribers: list[Subscriber] = []

    # reading

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        found = self.find(kind, namespace, name)
        if found is None:
            raise apierrors.not_found(kind, name)
        return found

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        table = self._objects.get(kind)
        if table is None:
            return None
        return table.get(namespace if kind.namespaced else "", {}).get(name)

    def objects(
        self, kind: Kind, namespace: str = "", *, labels: Predicate | None = None
    ) -> list[Obj]:
        """Objects in order of namespace and name; an empty namespace means all."""
        table = self._objects.get(kind, {})
        found: list[Obj] = []
        homes = (namespace,) if namespace and kind.namespaced else sorted(table)
        for home in homes:
            here = table.get(home)
            if not here:
                continue
            if labels is None:
                found += [here[name] for name in sorted(here)]
            else:
                some = [o for o in here.values() if labels(mapping(o, "metadata", "labels"))]
                some.sort(key=name_of)
                found += some
        return found

    def objects_at(self, kind: Kind, namespace: str, version: int) -> list[Obj]:
        """The objects as they were at `version`; 410 when the window has moved past it."""
        now = {(namespace_of(o), name_of(o)): o for o in self.objects(kind, namespace)}
        for change in reversed(self.since(version)):
            key = (namespace_of(change.object), name_of(change.object))
            if change.kind != kind or (namespace and key[0] != namespace):
                continue
            if change.old is None:
                now.pop(key, None)
            else:
                now[key] = change.old
        return [now[key] for key in sorted(now)]

    def owned_by(self, uid: str, kind: Kind | None = None) -> list[Obj]:
        """Dependents of an object, in order of creation."""
        return [
            self._objects[key[0]][key[1]][key[2]]
            for key in self._by_owner.get(uid, {})
            if kind is None or key[0] == kind
        ]

    def kinds(self) -> Iterable[Kind]:
        return tuple(self._objects)

    # watching

    def subscribe(self, subscriber: Subscriber) -> Callable[[], None]:
        """Call `subscriber` with every change, at once and in order; returns the way out."""
        self._subscribers.append(subscriber)
        return lambda: self._subscribers.remove(subscriber)

    def since(self, version: int) -> list[Change]:
        """Changes after `version`; 410 when the window has moved past it."""
        if self.log and version < self.log[0].version - 1 and len(self.log) == self.log.maxlen:
            raise apierrors.expired(f"too old resource version: {version} ({self.log[0].version})")
        return [change for change in self.log if change.version > version]

    # writing

    def create(self, kind: Kind, obj: Mapping[str, Any]) -> Obj:
        resource = self.resources.of(kind)
        meta = dict(mapping(obj, "metadata"))
        namespace = text(meta, "namespace") if kind.namespaced else ""
        name = text(meta, "name") or self._generated(kind, namespace, text(meta, "generateName"))
        if not name:
            raise apierrors.invalid(
                kind, "", [("metadata.name", "Required value: name or generateName is required")]
            )
        if kind.namespaced:
            self._check_namespace(kind, namespace, name)
        if self.find(kind, namespace, name) is not None:
            raise apierrors.already_exists(kind, name)
        for mine in _SERVER_SIDE:
            meta.pop(mine, None)
        meta |= {"name": name, "uid": self.new_uid()}
        meta["creationTimestamp"] = format_instant(self.simulation.now())
        if resource.generation:
            meta["generation"] = 1
        if kind.namespaced:
            meta["namespace"] = namespace
        else:
            meta.pop("namespace", None)
        _check_meta(kind, meta, None)
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
        if resource.status:
            new.pop("status", None)
        new = resource.prepare(new, None)
        new = self._commit("ADDED", kind, new, None)
        if meta.get("ownerReferences") and not self._rehearsing:
            self.simulation.call_later(ORPHAN_WAIT, lambda: self._owners_exist(kind, new))
        return new

    def update(self, kind: Kind, obj: Mapping[str, Any], *, subresource: str = "") -> Obj:
        """Replace. With a resourceVersion in the object, only if it is still the stored one.

        `subresource="status"` takes only `status` from the object, "" everything but `status`
        where the kind has that subresource.
        """
        name, namespace = name_of(obj), namespace_of(obj)
        old = self.get(kind, namespace, name)
        expected = text(obj, "metadata", "resourceVersion")
        if expected and expected != text(old, "metadata", "resourceVersion"):
            raise apierrors.conflict(kind, name)
        uid = uid_of(obj)
        if uid and uid != uid_of(old):
            raise apierrors.conflict(
                kind,
                name,
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: {uid_of(old)}",
            )
        resource = self.resources.of(kind)
        new = self._merged(resource, obj, old, subresource)
        if new == old:
            return old
        if "deletionTimestamp" in new["metadata"] and not self._held(kind, new):
            return self._remove(kind, new, old)
        return self._commit("MODIFIED", kind, new, old)

    def delete(
        self,
        kind: Kind,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        grace: int | None = None,
        uid: str = "",
    ) -> Obj:
        """Delete, or mark for deletion while finalizers, dependents or a grace period hold it.

        propagation is Background, Foreground or Orphan; `uid` is a precondition. Pods with a
        node wait for the kubelet unless `grace` is 0.
        """
        old = self.get(kind, namespace, name)
        if uid and uid != uid_of(old):
            raise apierrors.conflict(
                kind,
                name,
                f"Precondition failed: UID in precondition: {uid}, UID in object meta: {uid_of(old)}",
            )
        if kind == NAMESPACE and name in IMMORTAL:
            raise apierrors.forbidden(kind, name, "this namespace may not be deleted")
        meta = dict(old["metadata"])
        finalizers = _deletion_finalizers(meta, propagation, bool(self._by_owner.get(uid_of(old))))
        wait = self.resources.of(kind).grace(old, grace)
        if not finalizers and wait <= 0 and kind != NAMESPACE:
            return self._remove(kind, old, old)
        before = meta.get("deletionGracePeriodSeconds")
        if "deletionTimestamp" not in meta or (before is not None and wait < before):
            end = self.simulation.now() + timedelta(seconds=wait)
            meta["deletionTimestamp"] = format_instant(end)
            meta["deletionGracePeriodSeconds"] = wait
            if "generation" in meta and before is None:
                meta["generation"] += 1
        elif finalizers == list(meta.get("finalizers") or []):
            return old
        if finalizers:
            meta["finalizers"] = finalizers
        new = {**old, "metadata": meta}
        if kind == NAMESPACE:
            new["status"] = {**mapping(old, "status"), "phase": "Terminating"}
        new = self._commit("MODIFIED", kind, new, old)
        if not self._rehearsing:
            self._advance_deletion(kind, namespace, name)
        return new

    @contextmanager
    def rehearsal(self) -> Iterator[None]:
        """Writes inside are checked and answered, but not kept (`dryRun=All`)."""
        before, self._rehearsing = self._rehearsing, True
        try:
            yield
        finally:
            self._rehearsing = before

    def restore(self, objects: Iterable[tuple[Kind, Obj]], version: int) -> None:
        """Put saved objects into an empty store, as they were."""
        for kind, obj in objects:
            namespace = namespace_of(obj) if kind.namespaced else ""
            self._objects.setdefault(kind, {}).setdefault(namespace, {})[name_of(obj)] = obj
            self._uids.add(uid_of(obj))
            self._index(kind, (namespace, name_of(obj)), None, obj)
        self.version = max(version, self.version)
        for home in self.objects(NAMESPACE):
            if "deletionTimestamp" in home["metadata"]:
                self._advance_deletion(NAMESPACE, "", name_of(home))

    # inside

    def new_uid(self) -> str:
        return str(uuid.UUID(int=self.simulation.random.getrandbits(128), version=4))

    def _generated(self, kind: Kind, namespace: str, prefix: str) -> str:
        while prefix:
            name = prefix + "".join(self.simulation.random.choices(SUFFIX, k=5))
            if self.find(kind, namespace, name) is None:
                return name
        return ""

    def _check_namespace(self, kind: Kind, namespace: str, name: str) -> None:
        if not namespace:
            raise apierrors.bad_request("an empty namespace may not be set during creation")
        home = self.find(NAMESPACE, "", namespace)
        if home is None:
            raise apierrors.not_found(NAMESPACE, namespace)
        if mapping(home, "metadata").get("deletionTimestamp"):
            raise apierrors.forbidden(
                kind,
                name,
                f"unable to create new content in namespace {namespace} because it is being terminated",
            )

    def _merged(
        self, resource: Resource, obj: Mapping[str, Any], old: Obj, subresource: str
    ) -> Obj:
        if subresource == "status":
            new = {**old}
            new.pop("status", None)
            if obj.get("status") is not None:
                new["status"] = obj["status"]
            return new
        meta = {**mapping(obj, "metadata")}
        for mine in ("uid", "creationTimestamp", *_SERVER_SIDE):
            meta.pop(mine, None)
            if mine in old["metadata"]:
                meta[mine] = old["metadata"][mine]
        _check_meta(resource.kind, meta, old["metadata"])
        new = {**obj, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": meta}
        if resource.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        new = resource.prepare(new, old)
        if resource.generation and resource.desired(new) != resource.desired(old):
            generation = old["metadata"].get("generation", 0) + 1
            new["metadata"] = {**new["metadata"], "generation": generation}
        return new

    def _held(self, kind: Kind, obj: Obj) -> bool:
        """Whether something still keeps an object that is being deleted."""
        meta = obj["metadata"]
        if meta.get("finalizers") or (kind == NAMESPACE and dig(obj, "spec", "finalizers")):
            return True
        return bool(meta.get("deletionGracePeriodSeconds"))

    def _commit(self, type_: str, kind: Kind, new: Obj, old: Obj | None) -> Obj:
        if self._rehearsing:
            return new
        self.version += 1
        meta = {**new["metadata"], "resourceVersion": str(self.version)}
        new = {**new, "metadata": meta}
        name = meta["name"]
        namespace = meta["namespace"] if kind.namespaced else ""
        table = self._objects.setdefault(kind, {}).setdefault(namespace, {})
        if type_ == "DELETED":
            table.pop(name, None)
            self._uids.discard(meta["uid"])
        else:
            self._uids.add(meta["uid"])
            table[name] = new
        self._index(kind, (namespace, name), old, None if type_ == "DELETED" else new)
        change = Change(type_, kind, new, old, self.version)
        self.log.append(change)
        for subscriber in tuple(self._subscribers):
            subscriber(change)
        return new

    def _index(self, kind: Kind, key: tuple[str, str], old: Obj | None, new: Obj | None) -> None:
        owners = old["metadata"].get("ownerReferences") if old else None
        owned = new["metadata"].get("ownerReferences") if new else None
        if owners is owned:
            return
        before = {text(o, "uid"): None for o in mappings(owners)}
        after = {text(o, "uid"): None for o in mappings(owned)}
        for uid in before:
            if uid not in after:
                dependents = self._by_owner.get(uid, {})
                dependents.pop((kind, *key), None)
                if not dependents:
                    self._by_owner.pop(uid, None)
        for uid in after:
            self._by_owner.setdefault(uid, {})[(kind, *key)] = None

    def _remove(self, kind: Kind, new: Obj, old: Obj) -> Obj:
        gone = self._commit("DELETED", kind, new, old)
        if self._rehearsing:
            return gone
        uid = uid_of(old)
        home = namespace_of(old)
        if home in self._terminating and kind.namespaced:
            self.simulation.call_later(0, lambda: self._empty_namespace(home))
        if self._by_owner.get(uid):
            self.simulation.call_later(0, lambda: self._collect(uid))
        for owner in mappings(old, "metadata", "ownerReferences"):
            self.simulation.call_later(0, lambda o=owner: self._owner_may_go(o, namespace_of(old)))  # type: ignore[misc]
        return gone

    def _collect(self, uid: str) -> None:
        """Garbage collection: dependents whose last owner has gone go too."""
        for kind, namespace, name in tuple(self._by_owner.get(uid, {})):
            obj = self.find(kind, namespace, name)
            if obj is None:
                continue
            left = [
                owner
                for owner in mappings(obj, "metadata", "ownerReferences")
                if text(owner, "uid") != uid and text(owner, "uid") in self._uids
            ]
            if left:
                self.update(kind, {**obj, "metadata": {**obj["metadata"], "ownerReferences": left}})
            else:
                self.delete(kind, namespace, name)

    def _advance_deletion(self, kind: Kind, namespace: str, name: str) -> None:
        """Foreground and orphan finalizers are the garbage collector's own work."""
        obj = self.find(kind, namespace, name)
        if obj is None or "deletionTimestamp" not in obj["metadata"]:
            return
        if kind == NAMESPACE:
            self._terminating.add(name)
            self.simulation.call_later(0, lambda: self._empty_namespace(name))
        finalizers = list(obj["metadata"].get("finalizers") or [])
        uid = uid_of(obj)
        if "orphan" in finalizers:
            for k, ns, n in tuple(self._by_owner.get(uid, {})):
                child = self.find(k, ns, n)
                if child is None:
                    continue
                owners = mappings(child, "metadata", "ownerReferences")
                rest = [o for o in owners if o.get("uid") != uid]
                meta = {**child["metadata"], "ownerReferences": rest}
                if not rest:
                    del meta["ownerReferences"]
                self.update(k, {**child, "metadata": meta})
            self._drop_finalizer(kind, namespace, name, "orphan")
        elif "foregroundDeletion" in finalizers:
            blocking = False
            for k, ns, n in tuple(self._by_owner.get(uid, {})):
                child = self.find(k, ns, n)
                if child is None:
                    continue
                if "deletionTimestamp" not in child["metadata"]:
                    self.delete(k, ns, n, propagation="Foreground")
                blocking |= self.find(k, ns, n) is not None and _blocks(child, uid)
            if not blocking:
                self._drop_finalizer(kind, namespace, name, "foregroundDeletion")

    def _empty_namespace(self, name: str) -> None:
        """The namespace controller: delete what is in it, then let it go."""
        home = self.find(NAMESPACE, "", name)
        if home is None:
            self._terminating.discard(name)
            return
        left = False
        for kind, table in tuple(self._objects.items()):
            if not kind.namespaced:
                continue
            for inside in tuple(table.get(name, {})):
                obj = self.find(kind, name, inside)
                if obj is not None and "deletionTimestamp" not in obj["metadata"]:
                    self.delete(kind, name, inside)
                left |= self.find(kind, name, inside) is not None
        if not left and dig(home, "spec", "finalizers"):
            self._terminating.discard(name)
            spec = {k: v for k, v in home["spec"].items() if k != "finalizers"}
            self.update(NAMESPACE, {**home, "spec": spec})

    def _owners_exist(self, kind: Kind, created: Obj) -> None:
        """The garbage collector removes an object none of whose owners exists."""
        obj = self.find(kind, namespace_of(created), name_of(created))
        if obj is None or uid_of(obj) != uid_of(created) or "deletionTimestamp" in obj["metadata"]:
            return
        owners = mappings(obj, "metadata", "ownerReferences")
        if owners and not any(text(o, "uid") in self._uids for o in owners):
            self.delete(kind, namespace_of(obj), name_of(obj))

    def _drop_finalizer(self, kind: Kind, namespace: str, name: str, finalizer: str) -> None:
        obj = self.find(kind, namespace, name)
        if obj is not None:
            rest = [f for f in obj["metadata"].get("finalizers") or [] if f != finalizer]
            meta = {k: v for k, v in obj["metadata"].items() if k != "finalizers"}
            if rest:
                meta["finalizers"] = rest
            self.update(kind, {**obj, "metadata": meta})

    def _owner_may_go(self, owner: Mapping[str, Any], namespace: str) -> None:
        kind = self.resources.by_kind(text(owner, "apiVersion"), text(owner, "kind"))
        if kind is not None:
            self._advance_deletion(kind, namespace if kind.namespaced else "", text(owner, "name"))


_SERVER_SIDE = (
    "generation",
    "resourceVersion",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "selfLink",
)
"""Metadata that a client cannot set."""


def _blocks(obj: Obj, uid: str) -> bool:
    return any(
        o.get("uid") == uid and o.get("blockOwnerDeletion") is True
        for o in mappings(obj, "metadata", "ownerReferences")
    )


def _deletion_finalizers(meta: Obj, propagation: str, dependents: bool) -> list[str]:  # noqa: FBT001
    """The finalizers after a delete with that propagation (registry/generic/registry/store.go)."""
    collector = ("foregroundDeletion", "orphan")
    found = list(meta.get("finalizers") or [])
    mine = {"Foreground": collector[0], "Orphan": collector[1]}.get(propagation)
    if "deletionTimestamp" not in meta:
        found = [f for f in found if f not in collector or f == mine]
    if mine and dependents and mine not in found:
        found.append(mine)
    return found


def _check_meta(kind: Kind, meta: Obj, old: Mapping[str, Any] | None) -> None:
    """422 for names, labels, annotations and finalizers that the API server refuses."""
    causes: list[tuple[str, str]] = []
    was: Mapping[str, Any] = old or {}
    if old is None:
        causes += validation.check_name(kind, meta["name"])
    for field, check in (
        ("labels", validation.check_labels),
        ("annotations", validation.check_annotations),
    ):
        value = meta.get(field)
        if value is None:
            meta.pop(field, None)
        elif value is not was.get(field):
            if not isinstance(value, Mapping):
                raise apierrors.bad_request(f"metadata.{field} is not a map")
            causes += check(value)
    if "deletionTimestamp" in was:
        new = [f for f in meta.get("finalizers") or [] if f not in (was.get("finalizers") or [])]
        if new:
            why = "Forbidden: no new finalizers can be added if the object is being deleted"
            listed = ", ".join(f'"{f}"' for f in new)
            causes.append(
                ("metadata.finalizers", f"{why}, found new finalizers []string{{{listed}}}")
            )
    if causes:
        raise apierrors.invalid(kind, meta["name"], causes)
