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
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.model.kinds import NAMESPACE, Kind
from opsconsole.model.objects import mapping, mappings, name_of, namespace_of, text, uid_of
from opsconsole.model.selectors import Predicate
from opsconsole.model.times import format_instant
from opsconsole.sandbox import apierrors
from opsconsole.sandbox.kernel import Simulation
from opsconsole.sandbox.resources import Resource, Resources

Obj = dict[str, Any]

WATCH_WINDOW = 20_000
"""Changes kept for watches that resume; an older resourceVersion gets 410."""

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
        self._objects: dict[Kind, dict[tuple[str, str], Obj]] = {}
        self._by_owner: dict[str, dict[tuple[Kind, str, str], None]] = {}
        self._uids: set[str] = set()
        self._subscribers: list[Subscriber] = []

    # reading

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        found = self.find(kind, namespace, name)
        if found is None:
            raise apierrors.not_found(kind, name)
        return found

    def find(self, kind: Kind, namespace: str, name: str) -> Obj | None:
        key = (namespace if kind.namespaced else "", name)
        return self._objects.get(kind, {}).get(key)

    def objects(
        self, kind: Kind, namespace: str = "", *, labels: Predicate | None = None
    ) -> list[Obj]:
        """Objects in order of namespace and name; an empty namespace means all."""
        table = self._objects.get(kind, {})
        found = [
            obj
            for key, obj in table.items()
            if (not namespace or key[0] == namespace)
            and (labels is None or labels(mapping(obj, "metadata", "labels")))
        ]
        found.sort(key=lambda o: (namespace_of(o), name_of(o)))
        return found

    def owned_by(self, uid: str, kind: Kind | None = None) -> list[Obj]:
        """Dependents of an object, in order of creation."""
        found = [
            self._objects[key[0]][key[1], key[2]]
            for key in self._by_owner.get(uid, {})
            if kind is None or key[0] == kind
        ]
        return found

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
        for mine in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds"):
            meta.pop(mine, None)
        meta |= {"name": name, "uid": self.new_uid(), "generation": 1}
        meta["creationTimestamp"] = format_instant(self.simulation.now())
        if kind.namespaced:
            meta["namespace"] = namespace
        new = {"apiVersion": kind.api_version, "kind": kind.kind, **obj, "metadata": meta}
        if resource.status:
            new.pop("status", None)
        new = resource.prepare(new, None)
        return self._commit("ADDED", kind, new, None)

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
        if mapping(new, "metadata").get("deletionTimestamp") and not new["metadata"].get(
            "finalizers"
        ):
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
        meta = dict(old["metadata"])
        finalizers = list(meta.get("finalizers") or [])
        extra = {"Foreground": "foregroundDeletion", "Orphan": "orphan"}.get(propagation)
        if extra and extra not in finalizers and self._by_owner.get(uid_of(old)):
            finalizers.append(extra)
        wait = self.resources.of(kind).grace(old, grace)
        if not finalizers and wait <= 0:
            return self._remove(kind, old, old)
        if meta.get("deletionTimestamp") and finalizers == list(meta.get("finalizers") or []):
            return old
        if "deletionTimestamp" not in meta:
            meta["deletionTimestamp"] = format_instant(self.simulation.now())
            meta["deletionGracePeriodSeconds"] = wait
            meta["generation"] = meta.get("generation", 1) + 1
        if finalizers:
            meta["finalizers"] = finalizers
        new = self._commit("MODIFIED", kind, {**old, "metadata": meta}, old)
        self._advance_deletion(kind, namespace, name)
        return new

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
        for mine in (
            "uid", "creationTimestamp", "generation", "resourceVersion", "deletionTimestamp",
            "deletionGracePeriodSeconds",
        ):  # fmt: skip
            meta.pop(mine, None)
            if mine in old["metadata"]:
                meta[mine] = old["metadata"][mine]
        new = {**obj, "apiVersion": old["apiVersion"], "kind": old["kind"], "metadata": meta}
        if resource.status:
            new.pop("status", None)
            if "status" in old:
                new["status"] = old["status"]
        new = resource.prepare(new, old)
        if resource.desired(new) != resource.desired(old):
            new["metadata"] = {**new["metadata"], "generation": old["metadata"]["generation"] + 1}
        return new

    def _commit(self, type_: str, kind: Kind, new: Obj, old: Obj | None) -> Obj:
        self.version += 1
        new = {**new, "metadata": {**new["metadata"], "resourceVersion": str(self.version)}}
        namespace, name = namespace_of(new), name_of(new)
        key = (namespace if kind.namespaced else "", name)
        if type_ == "DELETED":
            self._objects.get(kind, {}).pop(key, None)
            self._uids.discard(uid_of(new))
        else:
            self._uids.add(uid_of(new))
            self._objects.setdefault(kind, {})[key] = new
        self._index(kind, key, old, None if type_ == "DELETED" else new)
        change = Change(type_, kind, new, old, self.version)
        self.log.append(change)
        for subscriber in tuple(self._subscribers):
            subscriber(change)
        return new

    def _index(self, kind: Kind, key: tuple[str, str], old: Obj | None, new: Obj | None) -> None:
        before = {text(o, "uid") for o in mappings(old, "metadata", "ownerReferences")}
        after = {text(o, "uid") for o in mappings(new, "metadata", "ownerReferences")}
        for uid in before - after:
            self._by_owner.get(uid, {}).pop((kind, *key), None)
        for uid in after - before:
            self._by_owner.setdefault(uid, {})[(kind, *key)] = None

    def _remove(self, kind: Kind, new: Obj, old: Obj) -> Obj:
        gone = self._commit("DELETED", kind, new, old)
        uid = uid_of(old)
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
        finalizers = list(obj["metadata"].get("finalizers") or [])
        uid = uid_of(obj)
        if "orphan" in finalizers:
            for k, ns, n in tuple(self._by_owner.get(uid, {})):
                child = self.get(k, ns, n)
                rest = [
                    o for o in mappings(child, "metadata", "ownerReferences") if o.get("uid") != uid
                ]
                self.update(
                    k, {**child, "metadata": {**child["metadata"], "ownerReferences": rest}}
                )
            self._drop_finalizer(kind, namespace, name, "orphan")
        elif "foregroundDeletion" in finalizers:
            for k, ns, n in tuple(self._by_owner.get(uid, {})):
                child = self.get(k, ns, n)
                if "deletionTimestamp" not in child["metadata"]:
                    self.delete(k, ns, n, propagation="Foreground")
            if not self._by_owner.get(uid):
                self._drop_finalizer(kind, namespace, name, "foregroundDeletion")

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
