"""Strategic merge as kustomize does it (kyaml merge2): built-ins by the keys of their schema.

New elements of a keyed list come first, in the patch's order; custom resources have no schema
and their lists are replaced whole, which makes it a JSON merge patch.
"""

from __future__ import annotations

import copy
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError
from opsconsole.render.kustomize.resources import BUILT_IN_GROUPS, Obj, split_version

KEYS: dict[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "ephemeralContainers": ("name",),
    "volumes": ("name",),
    "env": ("name",),
    "volumeMounts": ("mountPath",),
    "volumeDevices": ("devicePath",),
    "imagePullSecrets": ("name",),
    "secrets": ("name",),
    "hostAliases": ("ip",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
    "schedulingGates": ("name",),
    "resourceClaims": ("name",),
    "webhooks": ("name",),
    "ownerReferences": ("uid",),
    "conditions": ("type",),
    "podIPs": ("ip",),
    "hostIPs": ("ip",),
}
"""Field → keys of its elements (x-kubernetes-patch-merge-key, -list-map-keys)."""

SETS = frozenset({"finalizers"})

REPLACED_IN = frozenset({"conditions"})
"""Fields that merge only in a status, which nobody patches."""


def is_built_in(obj: Obj) -> bool:
    return split_version(str(obj.get("apiVersion", "")))[0] in BUILT_IN_GROUPS


def strategic(target: Obj, patch: Obj) -> Obj | None:
    """`target` with `patch` merged in; None when the patch deletes it. Raises RenderError."""
    return _map(target, patch, "", schema=is_built_in(target))


def _map(old: Any, patch: Obj, at: str, *, schema: bool) -> Obj | None:
    directive = patch.get("$patch")
    rest = {key: value for key, value in patch.items() if key != "$patch"}
    if directive == "delete":
        return None
    if directive == "replace" or not isinstance(old, dict):
        return {key: _without_directives(value) for key, value in rest.items() if value is not None}
    if directive not in (None, "merge"):
        raise RenderError(f"unknown patch strategy {directive!r}")
    result = dict(old)
    for key, value in rest.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            merged = _map(result.get(key), value, key, schema=schema)
            if merged is None:
                result.pop(key, None)
            else:
                result[key] = merged
        elif isinstance(value, list):
            result[key] = _list(result.get(key), value, key, at, schema=schema)
        else:
            result[key] = value
    return result


def _without_directives(value: Any) -> Any:
    """What a patch adds where there was nothing: nulls and directives in maps say nothing."""
    if isinstance(value, dict):
        return {
            key: _without_directives(inner)
            for key, inner in value.items()
            if inner is not None and key != "$patch"
        }
    return copy.deepcopy(value)


def _keys(key: str, parent: str) -> tuple[str, ...]:
    if key == "ports":
        # a container's ports and a Service's have different keys; a container is an element
        return ("containerPort", "protocol") if parent.endswith("[]") else ("port", "protocol")
    return KEYS.get(key, ())


def _list(old: Any, patch: list[Any], key: str, parent: str, *, schema: bool) -> list[Any]:
    keys = _keys(key, parent) if schema else ()
    before = old if isinstance(old, list) else []
    if schema and key in SETS:
        return [*patch, *(one for one in before if one not in patch)]
    if not keys or not all(isinstance(one, dict) for one in (*before, *patch)):
        # replaced whole, with nulls and directives as they stand
        return copy.deepcopy(patch)
    if any(one.get("$patch") == "replace" and len(one) == 1 for one in patch):
        return [_without_directives(one) for one in patch if one.get("$patch") != "replace"]
    for extra in keys[1:]:
        given = {extra in one for one in (*before, *patch) if one.get("$patch") is None}
        if len(given) > 1:
            raise UnsupportedError(
                f"{key}: some elements have {extra} and some have not",
                hint=f"give every element a {extra}",
            )
    used = tuple(k for k in keys if any(k in one for one in (*before, *patch)))
    return _keyed(before, patch, used or keys[:1], key)


def _keyed(old: list[Obj], patch: list[Obj], keys: tuple[str, ...], name: str) -> list[Any]:
    def mark(one: Obj) -> tuple[Any, ...]:
        return tuple(one.get(key) for key in keys)

    before = {mark(one): one for one in old}
    result: list[Any] = []
    seen = set()
    for one in patch:
        seen.add(mark(one))
        merged = _map(before.get(mark(one)), one, f"{name}[]", schema=True)
        if merged is not None:
            result.append(merged)
    result += [one for one in old if mark(one) not in seen]
    return result
