"""Strategic merge patch, as k8s.io/apimachinery/pkg/util/strategicpatch does it.

Pure. Which lists merge, and by which key, comes from `fields.txt`. The directives `$patch`,
`$retainKeys`, `$deleteFromPrimitiveList/FIELD` and `$setElementOrder/FIELD` are all known.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.sandbox.api.schema import Field, Ref, Struct, schema
from opsconsole.sandbox.apierrors import bad_request

_PATCH, _RETAIN = "$patch", "$retainKeys"
_ORDER, _DELETE = "$setElementOrder/", "$deleteFromPrimitiveList/"


def strategic_merge(
    original: Mapping[str, Any], patch: Any, struct: Struct | None
) -> dict[str, Any]:
    """`original` with `patch` merged in; `struct` is the kind's type. StatusError 400 for a bad patch."""
    if not isinstance(patch, Mapping):
        raise bad_request(
            "error decoding patch: json: cannot unmarshal into Go value of type map[string]interface {}"
        )
    return _map(original, patch, struct)


def _map(original: Any, patch: Mapping[str, Any], struct: Struct | None) -> dict[str, Any]:
    directive = patch.get(_PATCH)
    if directive == "replace":
        return {k: v for k, v in patch.items() if k != _PATCH}
    if directive == "delete":
        return {}
    if directive not in (None, "merge"):
        raise bad_request(f"unknown patch type found: {directive}")
    result = dict(original) if isinstance(original, Mapping) else {}
    retain = patch.get(_RETAIN)
    if isinstance(retain, list):
        result = {k: v for k, v in result.items() if k in retain}
    for key, value in patch.items():
        if key in (_PATCH, _RETAIN):
            continue
        if key.startswith(_DELETE):
            _delete_from(result, key.removeprefix(_DELETE), value)
        elif not key.startswith(_ORDER):
            _put(result, key, value, struct, patch)
    for key in patch:
        if key.startswith(_ORDER) and key.removeprefix(_ORDER) not in patch:
            _put(result, key.removeprefix(_ORDER), [], struct, patch)
    return result


def _delete_from(result: dict[str, Any], key: str, gone: Any) -> None:
    if isinstance(result.get(key), list) and isinstance(gone, list):
        result[key] = [item for item in result[key] if item not in gone]


def _put(
    result: dict[str, Any], key: str, value: Any, struct: Struct | None, patch: Mapping[str, Any]
) -> None:
    if value is None:
        result.pop(key, None)
        return
    field = struct.fields.get(key) if struct else None
    if key == "metadata" and field is None:
        field = Field(key, (1,), Ref("struct", "meta/v1.ObjectMeta"))
    if isinstance(value, Mapping):
        if field is not None and "replace" in field.strategy:
            result[key] = value
        else:
            result[key] = _map(result.get(key), value, _inside(field))
    elif isinstance(value, list):
        order = patch.get(_ORDER + key)
        if key not in result and not value:
            if order is None:
                result[key] = value
            return
        result[key] = _list(result.get(key), value, field, order)
    else:
        result[key] = value


def _inside(field: Field | None) -> Struct | None:
    """The type of what a field, or each value of it, holds."""
    if field is None:
        return None
    ref: Ref | None = field.ref
    if ref is not None and ref.form in ("list", "map"):
        if ref.form == "map":
            return None if ref.of is None or ref.of.form != "struct" else _values(ref.of)
        ref = ref.of
    return schema().struct(ref.name) if ref is not None and ref.form == "struct" else None


def _values(ref: Ref) -> Struct:
    """A type whose every field is `ref`: a map from names."""
    return Struct(ref.name, "", fields=_Fields(ref))


class _Fields(dict[str, Field]):
    def __init__(self, ref: Ref) -> None:
        super().__init__()
        self.ref = ref

    def get(self, key: str, default: Any = None) -> Any:  # noqa: ARG002 - every name is there
        return Field(key, (1,), self.ref)


def _list(original: Any, patch: list[Any], field: Field | None, order: Any) -> list[Any]:
    old = original if isinstance(original, list) else []
    if field is None or "merge" not in field.strategy:
        return patch
    if field.merge_key:
        return _keyed(old, patch, field, order)
    merged = old + [item for item in patch if item not in old]
    if isinstance(order, list):
        mine = [item for item in merged if item in order]
        mine.sort(key=order.index)
        others = [item for item in merged if item not in order]
        return _interleave(others, mine, {_key(v): i for i, v in enumerate(old)}, _key)
    return merged


def _keyed(old: list[Any], patch: list[Any], field: Field, order: Any) -> list[Any]:
    name = field.merge_key
    inner = _inside(field)
    if any(isinstance(item, Mapping) and item.get(_PATCH) == "replace" for item in patch):
        return [
            item
            for item in patch
            if not (isinstance(item, Mapping) and item.get(_PATCH) == "replace")
        ]
    merged = list(old)
    for item in patch:
        if not isinstance(item, Mapping):
            raise bad_request("all list elements need to be of the same type, object is expected")
        if name not in item:
            raise bad_request(f"map: {dict(item)} does not contain declared merge key: {name}")
        at = [
            i for i, o in enumerate(merged) if isinstance(o, Mapping) and o.get(name) == item[name]
        ]
        if item.get(_PATCH) == "delete":
            merged = [o for i, o in enumerate(merged) if i not in at]
        elif at:
            merged[at[0]] = _map(merged[at[0]], item, inner)
        else:
            merged.append(_map({}, item, inner))
    if not isinstance(order, list):
        return merged
    wanted = [o.get(name) for o in order if isinstance(o, Mapping)]
    mine = [o for o in merged if o.get(name) in wanted]
    mine.sort(key=lambda o: wanted.index(o.get(name)))
    others = [o for o in merged if o.get(name) not in wanted]
    was = {_key(o.get(name)): i for i, o in enumerate(old)}
    return _interleave(others, mine, was, lambda o: _key(o.get(name)))


def _key(value: Any) -> str:
    return f"{type(value).__name__}:{value}"


def _interleave(others: list[Any], mine: list[Any], was: Mapping[str, int], key: Any) -> list[Any]:
    """The patch's items in their order, the server's own ones where they stood before them."""
    result: list[Any] = []
    left, right = list(others), list(mine)
    while left and right:
        before, after = was.get(key(left[0])), was.get(key(right[0]))
        if before is not None and after is not None and before < after:
            result.append(left.pop(0))
        else:
            result.append(right.pop(0))
    return result + left + right
