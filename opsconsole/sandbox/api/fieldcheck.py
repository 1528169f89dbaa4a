"""What built-in kinds do with the fields of a body: unknown ones are dropped, wrong types refused.

Separate from `defaults` because it needs the table of fields, and only bodies that come over
HTTP pass here; the simulated controllers write what they mean.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.golang import base64 as gobase64
from opsconsole.errors import RuleError
from opsconsole.model.kinds import Kind
from opsconsole.sandbox.api.schema import Ref, Struct, schema
from opsconsole.sandbox.apierrors import StatusError, bad_request

_GO = {"s": "string", "i": "int32", "b": "bool", "d": "float64", "y": "[]uint8"}


class Mistyped(Exception):  # noqa: N818 - a finding, turned into a Status at once
    """`json: cannot unmarshal …`"""


def checked(kind: Kind, obj: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    """The object with only known fields, and `unknown field "…"` for the others.

    StatusError 400 for a field of the wrong type. Of kinds without a table only the metadata is
    looked at.
    """
    struct = schema().of(kind)
    unknown: list[str] = []
    try:
        if struct is None:
            return {**obj, **_metadata(obj.get("metadata"), unknown)}, unknown
        known = _struct(obj, struct, "", unknown)
    except Mistyped as fault:
        raise cannot_handle(kind, str(fault)) from fault
    head = {k: obj[k] for k in ("apiVersion", "kind") if k in obj}
    unknown = [
        u for u in unknown if u not in ('unknown field "apiVersion"', 'unknown field "kind"')
    ]
    return {**head, **known}, unknown


def _metadata(meta: Any, unknown: list[str]) -> dict[str, Any]:
    if meta is None:
        return {}
    whole = Ref("struct", "meta/v1.ObjectMeta")
    return {"metadata": _value(meta, whole, "metadata", unknown, "ObjectMeta")}


def cannot_handle(kind: Kind, why: str) -> StatusError:
    return bad_request(
        f'{kind.kind} in version "{kind.version}" cannot be handled as a {kind.kind}: {why}'
    )


def _struct(
    obj: Mapping[str, Any], struct: Struct, path: str, unknown: list[str]
) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in obj.items():
        field = struct.fields.get(key)
        where = f"{path}.{key}" if path else key
        if field is None:
            unknown.append(f'unknown field "{where}"')
        elif value is not None:
            found[key] = _value(value, field.ref, where, unknown, struct.name)
    return found


def _value(value: Any, ref: Ref, path: str, unknown: list[str], owner: str) -> Any:
    if ref.form == "scalar":
        return _scalar(value, ref.name, path, owner)
    if ref.form == "special":
        return _special(value, ref.name, path, owner)
    if ref.form == "list":
        assert ref.of is not None
        inner = ref.of
        if not isinstance(value, list):
            raise Mistyped(_cannot(value, path, owner, _named(ref)))
        return [_value(v, inner, f"{path}[{i}]", unknown, owner) for i, v in enumerate(value)]
    if not isinstance(value, Mapping):
        raise Mistyped(_cannot(value, path, owner, _named(ref)))
    if ref.form == "map":
        assert ref.of is not None
        inner = ref.of
        return {str(k): _value(v, inner, f"{path}.{k}", unknown, owner) for k, v in value.items()}
    return _struct(value, schema().struct(ref.name), path, unknown)


def _scalar(value: Any, code: str, path: str, owner: str) -> Any:
    if value is None and code == "s":
        return ""
    good = {
        "s": isinstance(value, str),
        "y": isinstance(value, str),
        "b": isinstance(value, bool),
        "i": isinstance(value, int) and not isinstance(value, bool),
        "d": isinstance(value, int | float) and not isinstance(value, bool),
    }[code]
    if code == "i" and isinstance(value, float) and value.is_integer():
        return int(value)
    if not good:
        raise Mistyped(_cannot(value, path, owner, _GO[code]))
    if code == "y":
        try:
            gobase64.decode(value)
        except RuleError as error:
            raise Mistyped(error.message) from error
    return value


def _special(value: Any, name: str, path: str, owner: str) -> Any:
    if name == "Quantity" and isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    if name in ("FieldsV1", "RawExtension"):
        return value
    allowed: tuple[type, ...] = (str, int) if name == "IntOrString" else (str,)
    if isinstance(value, bool) or not isinstance(value, allowed):
        raise Mistyped(_cannot(value, path, owner, name))
    return value


def _named(ref: Ref) -> str:
    if ref.form == "list" and ref.of is not None:
        return "[]" + _named(ref.of)
    if ref.form == "map" and ref.of is not None:
        return "map[string]" + _named(ref.of)
    if ref.form == "scalar":
        return _GO[ref.name]
    package, _, short = ref.name.rpartition(".")
    return f"{package.rpartition('/')[2]}.{short}" if package else short


def _cannot(value: Any, path: str, owner: str, wanted: str) -> str:
    kinds = {bool: "bool", str: "string", int: "number", float: "number", list: "array"}
    found = kinds.get(type(value), "object")
    return f"json: cannot unmarshal {found} into Go struct field {owner}.{path} of type {wanted}"
