"""The objects that the engine knows, with the indexes that joins need.

Separate from the picture made of them: reflectors write here, and what changed is collected
so that a burst of events costs one rebuild of what they touch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.model.objects import mappings, name_of, namespace_of, text, uid_of

Raw = Mapping[str, Any]
Name = tuple[str, str]
"""(namespace, name) of an object."""

Key = tuple[Kind, str, str]


class ObjectStore:
    """Owned by the engine's loop. Objects are never changed in place."""

    def __init__(self) -> None:
        self._tables: dict[Kind, dict[Name, Raw]] = {}
        self._by_owner: dict[str, dict[Key, None]] = {}
        self._by_uid: dict[str, Key] = {}
        self._dirty: dict[Key, None] = {}

    def get(self, kind: Kind, namespace: str, name: str) -> Raw | None:
        return self._tables.get(kind, {}).get((namespace, name))

    def table(self, kind: Kind) -> Mapping[Name, Raw]:
        return self._tables.get(kind, {})

    def owned(self, uid: str, kind: Kind) -> list[Raw]:
        """Objects of that kind with an ownerReference to `uid`."""
        found = (
            self.get(key[0], key[1], key[2])
            for key in self._by_owner.get(uid, {})
            if key[0] == kind
        )
        return [obj for obj in found if obj is not None]

    def by_uid(self, uid: str) -> Key | None:
        return self._by_uid.get(uid)

    def replace(self, kind: Kind, objects: Iterable[Raw]) -> None:
        """All objects of a kind as a list brought them; the others have gone."""
        table = self._tables.setdefault(kind, {})
        gone = set(table)
        for obj in objects:
            gone.discard((namespace_of(obj), name_of(obj)))
            self.put(kind, obj)
        for namespace, name in gone:
            self.remove(kind, namespace, name)

    def put(self, kind: Kind, obj: Raw) -> None:
        name = (namespace_of(obj), name_of(obj))
        table = self._tables.setdefault(kind, {})
        old = table.get(name)
        if old is not None:
            version = text(obj, "metadata", "resourceVersion")
            if version and version == text(old, "metadata", "resourceVersion"):
                return
            self._unlink((kind, *name), old)
        table[name] = obj
        self._link((kind, *name), obj)
        self._dirty[kind, *name] = None

    def remove(self, kind: Kind, namespace: str, name: str) -> None:
        old = self._tables.get(kind, {}).pop((namespace, name), None)
        if old is not None:
            key = (kind, namespace, name)
            self._dirty[key] = None
            for uid in _owners(old):
                owner = self._by_uid.get(uid)
                if owner is not None:
                    self._dirty[owner] = None
            self._unlink(key, old)

    def drain(self) -> list[Key]:
        """Keys that changed since the last call, in order of their first change."""
        found = list(self._dirty)
        self._dirty.clear()
        return found

    @property
    def changed(self) -> bool:
        return bool(self._dirty)

    def _link(self, key: Key, obj: Raw) -> None:
        uid = uid_of(obj)
        if uid:
            self._by_uid[uid] = key
        for owner in _owners(obj):
            self._by_owner.setdefault(owner, {})[key] = None

    def _unlink(self, key: Key, obj: Raw) -> None:
        uid = uid_of(obj)
        if self._by_uid.get(uid) == key:
            del self._by_uid[uid]
        for owner in _owners(obj):
            dependents = self._by_owner.get(owner)
            if dependents is not None:
                dependents.pop(key, None)
                if not dependents:
                    del self._by_owner[owner]


def _owners(obj: Raw) -> list[str]:
    found = (text(owner, "uid") for owner in mappings(obj, "metadata", "ownerReferences"))
    return [uid for uid in found if uid]
