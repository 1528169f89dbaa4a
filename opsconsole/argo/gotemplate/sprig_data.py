"""sprig: defaults, lists, dictionaries and JSON."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

from opsconsole.argo.expr.collections import go_kind
from opsconsole.argo.expr.operators import deep_equal
from opsconsole.argo.golang.encjson import encode
from opsconsole.argo.golang.values import Strings, decode_json, type_name
from opsconsole.argo.gotemplate.calls import is_true
from opsconsole.argo.gotemplate.errors import CallError
from opsconsole.argo.gotemplate.sprig_numbers import MAX_ITEMS, whole
from opsconsole.argo.gotemplate.sprig_text import strval
from opsconsole.errors import RuleError

_NIL = "runtime error: invalid memory address or nil pointer dereference"


def empty(value: Any) -> bool:
    return not is_true(value)


def _default(default: Any, *given: Any) -> Any:
    return default if not given or empty(given[0]) else given[0]


def _items(value: Any, complaint: str) -> list[Any]:
    if value is None:
        raise CallError(_NIL)
    if not isinstance(value, list | tuple):
        raise CallError(f"{complaint} {go_kind(value)}")
    return list(value)


def _grown(items: list[Any]) -> list[Any]:
    if len(items) > MAX_ITEMS:
        raise CallError(f"more than {MAX_ITEMS} elements")
    return items


def _push(value: Any, item: Any) -> list[Any]:
    return _grown([*_items(value, "Cannot push on type"), item])


def _prepend(value: Any, item: Any) -> list[Any]:
    return _grown([item, *_items(value, "Cannot prepend on type")])


def _first(value: Any) -> Any:
    items = _items(value, "Cannot find first on type")
    return items[0] if items else None


def _last(value: Any) -> Any:
    items = _items(value, "Cannot find last on type")
    return items[-1] if items else None


def _chunk(size: int, value: Any) -> list[Any]:
    items = _items(value, "Cannot chunk type")
    if size <= 0:
        raise CallError("runtime error: makeslice: len out of range")
    return [items[at : at + size] for at in range(0, len(items), size)]


def _within(items: list[Any] | tuple[Any, ...], wanted: Any) -> bool:
    return any(deep_equal(wanted, item) for item in items)


def _uniq(value: Any) -> list[Any]:
    items = _items(value, "Cannot find uniq on type")
    if len(items) > 2000:
        raise CallError("too many elements for uniq")
    out: list[Any] = []
    for item in items:
        if not _within(out, item):
            out.append(item)
    return out


def _without(value: Any, *omitted: Any) -> list[Any]:
    items = _items(value, "Cannot find without on type")
    return [item for item in items if not _within(omitted, item)]


def _has(needle: Any, value: Any) -> bool:
    return value is not None and _within(_items(value, "Cannot find has on type"), needle)


def _slice(value: Any, *indices: Any) -> Any:
    items = _items(value, "list should be type of slice or array but")
    if not items:
        return None
    start = whole(indices[0]) if indices else 0
    end = whole(indices[1]) if len(indices) > 1 else len(items)
    if not 0 <= start <= end <= len(items):
        raise CallError("reflect.Value.Slice: slice index out of bounds")
    return type(value)(items[start:end])


def _concat(*lists: Any) -> list[Any]:
    out: list[Any] = []
    for value in lists:
        if value is None:
            raise CallError(_NIL)
        if not isinstance(value, list | tuple):
            raise CallError(f"Cannot concat type {go_kind(value)} as list")
        out += value
    return _grown(out)


def _dict(*values: Any) -> dict[str, Any]:
    out: dict[str, Any] = {}
    for at in range(0, len(values), 2):
        out[strval(values[at])] = values[at + 1] if at + 1 < len(values) else ""
    return out


def _set(holder: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
    if holder is None:
        raise CallError("assignment to entry in nil map")
    holder[key] = value
    return holder


def _unset(holder: dict[str, Any] | None, key: str) -> dict[str, Any] | None:
    if holder is not None:
        holder.pop(key, None)
    return holder


def _get(holder: Mapping[str, Any] | None, key: str) -> Any:
    return (holder or {}).get(key, "")


def _keys(*holders: Mapping[str, Any] | None) -> Strings:
    return Strings(key for holder in holders for key in holder or {})


def _pick(holder: Mapping[str, Any] | None, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in (holder or {}).items() if key in keys}


def _omit(holder: Mapping[str, Any] | None, *keys: str) -> dict[str, Any]:
    return {key: value for key, value in (holder or {}).items() if key not in keys}


def _merged(into: dict[str, Any], source: Mapping[str, Any], *, overwrite: bool) -> None:
    """Mergo over maps: with `overwrite` empty values count too."""
    for key, value in source.items():
        mine = into.get(key)
        if isinstance(mine, dict) and isinstance(value, Mapping):
            into[key] = dict(mine)
            _merged(into[key], value, overwrite=overwrite)
        elif overwrite or (value is not None and empty(mine)):
            into[key] = value


def merging(*, overwrite: bool) -> Callable[..., dict[str, Any]]:
    def call(into: dict[str, Any] | None, *sources: Mapping[str, Any] | None) -> dict[str, Any]:
        target = {} if into is None else into
        for source in sources:
            _merged(target, source or {}, overwrite=overwrite)
        return target

    return call


def _dig(*path: Any) -> Any:
    if len(path) < 3:
        raise CallError("dig needs at least three arguments")
    *keys, default, holder = path
    for key in keys:
        if not isinstance(holder, dict):
            shown = "nil" if holder is None else type_name(holder)
            raise CallError(
                f"interface conversion: interface {{}} is {shown}, not map[string]interface {{}}"
            )
        if not isinstance(key, str):
            raise CallError(f"interface conversion: interface {{}} is {type_name(key)}, not string")
        if key not in holder:
            return default
        holder = holder[key]
    return holder


def _to_json(value: Any, **options: Any) -> str:
    try:
        return encode(value, **options)
    except RuleError:
        return ""


def _from_json(text: str) -> Any:
    try:
        return decode_json(text)
    except RuleError:
        return None


def _deep_copy(value: Any) -> Any:
    if value is None:
        raise CallError("reflect: call of reflect.Value.Type on zero Value")
    return copy.deepcopy(value)


def _reverse(value: Any) -> list[Any]:
    return _items(value, "Cannot find reverse on type")[::-1]


def _compact(value: Any) -> list[Any]:
    return [item for item in _items(value, "Cannot compact on type") if not empty(item)]


def _rest(value: Any) -> list[Any]:
    return _items(value, "Cannot find rest on type")[1:]


def _initial(value: Any) -> list[Any]:
    return _items(value, "Cannot find initial on type")[:-1]


_LISTS: dict[str, tuple[str, Callable[..., Any]]] = {
    "append": ("any any", _push),
    "push": ("any any", _push),
    "prepend": ("any any", _prepend),
    "first": ("any", _first),
    "last": ("any", _last),
    "rest": ("any", _rest),
    "initial": ("any", _initial),
    "reverse": ("any", _reverse),
    "uniq": ("any", _uniq),
    "without": ("any ...any", _without),
    "has": ("any any", _has),
    "slice": ("any ...any", _slice),
    "chunk": ("int any", _chunk),
    "compact": ("any", _compact),
}

_JSON: dict[str, tuple[str, Callable[..., Any]]] = {
    "fromJson": ("string", _from_json),
    "toJson": ("any", _to_json),
    "toPrettyJson": ("any", lambda value: _to_json(value, indent="  ")),
    "toRawJson": ("any", lambda value: encode(value, html=False)),
    "mustFromJson": ("string", decode_json),
    "mustToJson": ("any", encode),
    "mustToPrettyJson": ("any", lambda value: encode(value, indent="  ")),
    "mustToRawJson": ("any", lambda value: encode(value, html=False)),
}


def _must(name: str) -> str:
    return f"must{name[0].upper()}{name[1:]}"


TABLE: dict[str, tuple[str, Callable[..., Any]]] = {
    **_LISTS,
    **{_must(name): row for name, row in _LISTS.items()},
    **_JSON,
    "default": ("any ...any", _default),
    "empty": ("any", empty),
    "coalesce": ("...any", lambda *values: next((x for x in values if not empty(x)), None)),
    "all": ("...any", lambda *values: not any(empty(x) for x in values)),
    "any": ("...any", lambda *values: any(not empty(x) for x in values)),
    "ternary": ("any any bool", lambda yes, no, chosen: yes if chosen else no),
    "deepCopy": ("any", _deep_copy),
    "mustDeepCopy": ("any", _deep_copy),
    "concat": ("...any", _concat),
    "list": ("...any", lambda *values: list(values)),
    "tuple": ("...any", lambda *values: list(values)),
    "dict": ("...any", _dict),
    "get": ("map string", _get),
    "set": ("map string any", _set),
    "unset": ("map string", _unset),
    "hasKey": ("map string", lambda holder, key: key in (holder or {})),
    "pluck": ("string ...map", lambda key, *all_: [m[key] for m in all_ if m and key in m]),
    "keys": ("...map", _keys),
    "pick": ("map ...string", _pick),
    "omit": ("map ...string", _omit),
    "merge": ("map ...map", merging(overwrite=False)),
    "mustMerge": ("map ...map", merging(overwrite=False)),
    "mergeOverwrite": ("map ...map", merging(overwrite=True)),
    "mustMergeOverwrite": ("map ...map", merging(overwrite=True)),
    "values": ("map", lambda holder: list((holder or {}).values())),
    "dig": ("...any", _dig),
    "typeOf": ("any", type_name),
    "typeIs": ("string any", lambda name, value: name == type_name(value)),
    "typeIsLike": ("string any", lambda name, value: type_name(value) in (name, "*" + name)),
    "kindOf": ("any", go_kind),
    "kindIs": ("string any", lambda name, value: name == go_kind(value)),
    "deepEqual": ("any any", deep_equal),
}
