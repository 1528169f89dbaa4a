"""Namespaces, prefixes and suffixes, and the references that follow a name when it changes."""

from __future__ import annotations

from typing import Any

from opsconsole.errors import RenderError
from opsconsole.render.kustomize.fields import applies, change, change_all, split
from opsconsole.render.kustomize.resources import BUILT_IN_GROUPS, CLUSTER_SCOPED, Obj, Resource
from opsconsole.render.kustomize.tables import NAMESPACES, REFERENCES, UNPREFIXED


def set_namespace(resources: list[Resource], namespace: str) -> None:
    """Raises RenderError when two resources get one id."""
    for resource in resources:
        identity = resource.id
        resource.remember()
        if not (identity.kind in CLUSTER_SCOPED and identity.group in BUILT_IN_GROUPS):
            resource.obj.setdefault("metadata", {})["namespace"] = namespace
        if identity.kind in ("RoleBinding", "ClusterRoleBinding"):
            _default_subjects(resource.obj, namespace)
        change_all(resource.obj, identity, NAMESPACES, lambda _: namespace)
    seen = set()
    for resource in resources:
        identity = resource.id
        mark = (identity.group, identity.kind, identity.name, identity.place)
        if mark in seen:
            raise RenderError(f"namespace transformation produces ID conflict: {identity}")
        seen.add(mark)


def _default_subjects(obj: Obj, namespace: str) -> None:
    for subject in obj.get("subjects") or []:
        if (
            isinstance(subject, dict)
            and subject.get("kind") == "ServiceAccount"
            and subject.get("name") == "default"
        ):
            subject["namespace"] = namespace


def add_affixes(resources: list[Resource], prefix: str, suffix: str) -> None:
    for resource in resources:
        identity = resource.id
        if any(
            identity.kind == kind and group in ("", identity.group) for kind, group in UNPREFIXED
        ):
            continue
        # two transformers: the name in between is one that later fields may use
        if prefix:
            resource.prefixes.append(prefix)
            resource.remember()
            resource.rename(f"{prefix}{identity.name}")
        if suffix:
            resource.suffixes.append(suffix)
            resource.remember()
            resource.rename(f"{prefix}{identity.name}{suffix}")


def fix_references(resources: list[Resource]) -> None:
    """Every field that names another resource gets that resource's present name."""
    for referrer in resources:
        identity = referrer.original
        for kind, group, specs in REFERENCES:
            for spec in specs:
                if not applies(spec, identity):
                    continue
                follow = _Follow(referrer, kind, group, resources)
                setter = follow.subjects if spec.path == "subjects" else follow.value
                change(referrer.obj, split(spec.path), setter, create=False)


class _Follow:
    """One field of one referrer, looking for a resource of one kind."""

    def __init__(
        self, referrer: Resource, kind: str, group: str, resources: list[Resource]
    ) -> None:
        self.referrer = referrer
        self.kind = kind
        self.group = group
        self.resources = resources

    def value(self, old: Any) -> Any:
        if isinstance(old, list):
            return [self.value(one) for one in old]
        if not isinstance(old, str):
            return old
        if self.kind in ("Role", "ClusterRole") and not self._role_kind():
            return old
        found = self._find(old, self._places())
        return old if found is None else found.id.name

    def _role_kind(self) -> bool:
        reference = self.referrer.obj.get("roleRef")
        return isinstance(reference, dict) and reference.get("kind") == self.kind

    def subjects(self, old: Any) -> Any:
        """Subjects of a binding are named with their namespace; kustomize does not ask for their kind."""
        for subject in old if isinstance(old, list) else ():
            if not isinstance(subject, dict):
                continue
            name, namespace = subject.get("name"), subject.get("namespace")
            found = self._find(str(name), {str(namespace or "default")}, exact=True)
            if found is not None:
                subject["name"] = found.id.name
                if found.id.namespace:
                    subject["namespace"] = found.id.namespace
        return old

    def _places(self) -> set[str]:
        return {self.referrer.id.place, "_non_namespaceable_"}

    def _find(self, name: str, places: set[str], *, exact: bool = False) -> Resource | None:
        found = [
            one
            for one in self.resources
            if any(
                past.kind == self.kind
                and self.group in ("", past.group)
                and past.name == name
                and (not exact or past.place in places)
                for past in one.ids()
            )
        ]
        if not exact and self.referrer.id.place != "_non_namespaceable_":
            found = [one for one in found if one.id.place in places]
        if len(found) > 1:
            found = [
                one
                for one in found
                if _nested(one.prefixes, self.referrer.prefixes)
                and _nested(one.suffixes, self.referrer.suffixes)
            ]
        if len(found) > 1 and len({one.id.name for one in found}) > 1:
            raise RenderError(
                f"{self.referrer.id}: found multiple possible referrals for {self.kind} {name!r}"
            )
        return found[0] if found else None


def _nested(one: list[str], other: list[str]) -> bool:
    """Whether two resources went through the same outer layers."""
    return one[-1:] == other[-1:]
