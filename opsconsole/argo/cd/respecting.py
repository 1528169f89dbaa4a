"""`RespectIgnoreDifferences`: the target of a sync with what is ignored taken from the live object.

Separate because it is the inverse of ignoring: what ignoring took away from the live object is
laid over the target without it. Lists of custom resources are laid over whole, with all that
the live object has in them. Argo CD `controller/sync.go`, normalizeTargetResources.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.cd.identity import Obj
from opsconsole.argo.cd.ignores import Ignore, without
from opsconsole.argo.cd.merge import merge_key
from opsconsole.model.objects import Object


def respected(target: Obj, live: Object, rules: Sequence[Ignore], *, builtin: bool) -> Obj:
    """What is applied in place of `target`; the status is never taken over."""
    mine = [rule for rule in rules if rule.matches(target)]
    if not mine:
        return target
    plain, plain_live = target, {k: v for k, v in live.items() if k != "status"}
    whole = plain_live
    for rule in mine:
        plain, plain_live = without(plain, rule, live), without(plain_live, rule, live)
    found = _overlay(plain, plain_live, whole, "", builtin=builtin)
    _restore(found, target, plain, plain_live)
    return found


def _overlay(target: Object, plain: Object, live: Object, parent: str, *, builtin: bool) -> Obj:
    """The target with what `live` has and `plain`, which is `live` without it, has not."""
    found = dict(target)
    for key, value in live.items():
        if key not in plain or plain[key] != value:
            where = (key, parent)
            found[key] = _value(target.get(key), plain.get(key), value, where, builtin=builtin)
    return found


def _value(target: Any, plain: Any, live: Any, where: tuple[str, str], *, builtin: bool) -> Any:
    field, parent = where
    if isinstance(live, Mapping) and isinstance(plain, Mapping):
        inside = target if isinstance(target, Mapping) else {}
        return _overlay(inside, plain, live, field, builtin=builtin)
    key = merge_key(field, parent) if builtin else ""
    lists = [target if target is not None else [], plain if plain is not None else [], live]
    if not key or not all(_is_keyed(found, key) for found in lists):
        return live
    former = {item[key]: item for item in lists[1]}
    found = {item[key]: item for item in lists[0]}
    for item in live:
        name = item[key]
        if former.get(name) != item:
            mine = found.get(name, {key: name})
            found[name] = _overlay(mine, former.get(name, {}), item, field, builtin=True)
    return list(found.values())


def _is_keyed(found: Any, key: str) -> bool:
    return isinstance(found, list) and all(isinstance(i, Mapping) and key in i for i in found)


def _restore(found: Obj, target: Object, plain: Object, plain_live: Object) -> None:
    """Give back what was not ignored and came from the live object with a list around it."""
    for key, value in target.items():
        parts = (found.get(key), value, plain.get(key))
        if all(isinstance(part, Mapping) for part in parts):
            inside = plain_live.get(key)
            found[key] = new = dict(parts[0] or {})
            _restore(new, value, plain[key], inside if isinstance(inside, Mapping) else {})
        elif key in plain and plain[key] == value:
            found[key] = value
    for key in [k for k in found if k not in target and k in plain_live]:
        del found[key]
