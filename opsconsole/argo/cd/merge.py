"""The three-way merge of `kubectl apply`, which is also how Argo CD predicts its outcome.

    new = three_way(last_applied, wanted, live, builtin=True)

What `wanted` says is set, what only `last_applied` said is removed, the rest of `live` stays.
Lists of built-in kinds merge by key (k8s.io/apimachinery `strategicpatch`), those of custom
resources are replaced whole (`jsonmergepatch`).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.model.objects import Object

KEYS: dict[str, str] = {
    "containers": "name",
    "initContainers": "name",
    "ephemeralContainers": "name",
    "volumes": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "imagePullSecrets": "name",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
    "ownerReferences": "uid",
    "secrets": "name",
    "conditions": "type",
    "webhooks": "name",
    "resourceClaims": "name",
}
"""Lists of built-in kinds that merge, and by which key."""

SETS = frozenset(("finalizers",))
"""Lists of plain values that merge."""

KEYED_PARENTS = {"ports": {"containers": "containerPort", "initContainers": "containerPort"}}
"""Lists whose key depends on what they are in; elsewhere `ports` merge by `port`."""


def three_way(original: Any, wanted: Object, live: Object, *, builtin: bool) -> dict[str, Any]:
    """The object after an apply. `original` is what was applied last, or empty."""
    return _map(original, wanted, live, "", builtin=builtin)


def merge_key(field: str, parent: str) -> str:
    """The key by which a list of a built-in kind merges, or ""."""
    if field == "ports":
        return KEYED_PARENTS["ports"].get(parent, "port")
    return KEYS.get(field, "")


def _map(original: Any, wanted: Object, live: Any, parent: str, *, builtin: bool) -> dict[str, Any]:
    before: Object = original if isinstance(original, Mapping) else {}
    now: Object = live if isinstance(live, Mapping) else {}
    found = {k: v for k, v in now.items() if k in wanted or k not in before}
    for key, value in wanted.items():
        if value is None:
            found.pop(key, None)
            continue
        found[key] = _value(before.get(key), value, now.get(key), (key, parent), builtin=builtin)
    return found


def _value(before: Any, wanted: Any, live: Any, where: tuple[str, str], *, builtin: bool) -> Any:
    field, parent = where
    if isinstance(wanted, Mapping):
        return _map(before, wanted, live, field, builtin=builtin)
    if not isinstance(wanted, list) or not builtin or not isinstance(live, list):
        return _without_nulls(wanted)
    if field in SETS:
        former = before if isinstance(before, list) else []
        kept = [item for item in live if item in wanted or item not in former]
        return kept + [item for item in wanted if item not in kept]
    key = merge_key(field, parent)
    if not key or not all(isinstance(i, Mapping) and key in i for i in [*wanted, *live]):
        return _without_nulls(wanted)
    return _list(before if isinstance(before, list) else [], wanted, live, (field, key))


def _list(
    before: list[Any], wanted: list[Any], live: list[Any], where: tuple[str, str]
) -> list[Any]:
    """What was wanted, in its order; what others added stays behind it."""
    field, key = where
    former = {item[key]: item for item in before if isinstance(item, Mapping) and key in item}
    current = {item[key]: item for item in live}
    names = [item[key] for item in wanted]
    found = [
        _map(former.get(item[key]), item, current.get(item[key]), field, builtin=True)
        for item in wanted
    ]
    return found + [i for i in live if i[key] not in names and i[key] not in former]


def _without_nulls(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {k: _without_nulls(v) for k, v in value.items() if v is not None}
    return value
