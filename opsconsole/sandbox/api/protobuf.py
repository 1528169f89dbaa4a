"""Request bodies in `application/vnd.kubernetes.protobuf`, decoded to what JSON would say.

Go clients send protobuf for built-in kinds and do not fall back (client-go ≥ 0.33). The
envelope is a magic word ("k8s", 0) and a `runtime.Unknown`; the fields are those of `fields.txt`. Empty
values of fields that are not optional are left out, as `omitempty` does.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from opsconsole.model.times import EPOCH, format_instant, format_micro
from opsconsole.sandbox.api.schema import Field, Ref, Struct, schema
from opsconsole.sandbox.apierrors import StatusError, bad_request

MAGIC = b"k8s\x00"
DEPTH = 64
"""Messages inside messages that we follow."""

Wire = int | bytes


def is_protobuf(body: bytes) -> bool:
    return body.startswith(MAGIC)


def decode(body: bytes) -> dict[str, Any]:
    """An object with apiVersion and kind.

    StatusError 400 for bytes that are not protobuf, 415 for a kind that is not in the table.
    """
    if not is_protobuf(body):
        raise bad_request(
            "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
        )
    try:
        envelope = dict(_fields(body[len(MAGIC) :]))
        meta = dict(_fields(_bytes(envelope.get(1, b""))))
        api_version, kind = _text(meta.get(1, b"")), _text(meta.get(2, b""))
        group, _, version = api_version.rpartition("/")
        struct = schema().find(group, version, kind)
        if struct is None:
            raise _unsupported(api_version, kind)
        decoded = _message(_bytes(envelope.get(2, b"")), struct, DEPTH)
    except (ValueError, IndexError, UnicodeDecodeError, OverflowError) as error:
        raise bad_request(f"unable to decode the protobuf body: {error}") from error
    return {"apiVersion": api_version, "kind": kind, **decoded}


def _unsupported(api_version: str, kind: str) -> StatusError:
    return StatusError(
        415,
        "UnsupportedMediaType",
        f"the body of the request was in an unknown format - {api_version} {kind} is not accepted"
        " as protobuf, accepted media types include: application/json, application/yaml",
    )


def _fields(data: bytes) -> Iterator[tuple[int, Wire]]:
    """(number, value) pairs of one message; length-delimited values as bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, value
        elif wire == 2:
            size, at = _varint(data, at)
            if at + size > len(data):
                raise ValueError("unexpected EOF")
            yield number, data[at : at + size]
            at += size
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
            if at + size > len(data):
                raise ValueError("unexpected EOF")
            yield number, data[at : at + size]
            at += size
        else:
            raise ValueError(f"illegal wireType {wire}")


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > 63:
            raise ValueError("integer overflow")


def _bytes(value: Wire) -> bytes:
    if isinstance(value, int):
        raise ValueError("wrong wireType")  # noqa: TRY004 - a fault of the data
    return value


def _text(value: Wire) -> str:
    return _bytes(value).decode()


def _signed(value: Wire) -> int:
    if not isinstance(value, int):
        raise ValueError("wrong wireType")  # noqa: TRY004 - a fault of the data
    value &= (1 << 64) - 1
    return value - (1 << 64) if value >> 63 else value


def _message(data: bytes, struct: Struct, depth: int) -> dict[str, Any]:
    if depth <= 0:
        raise ValueError("nested too deeply")
    found: dict[str, Any] = {}
    _collect(data, [(f, f.numbers) for f in struct.fields.values()], found, depth)
    return found


def _collect(
    data: bytes, fields: list[tuple[Field, tuple[int, ...]]], found: dict[str, Any], depth: int
) -> None:
    """Fill `found`; a field with several numbers stands in a message that JSON has inline."""
    by_number: dict[int, list[tuple[Field, tuple[int, ...]]]] = {}
    for one, numbers in fields:
        by_number.setdefault(numbers[0], []).append((one, numbers))
    for number, value in _fields(data):
        here = by_number.get(number)
        if not here:
            continue
        one, numbers = here[0]
        if len(numbers) > 1:
            _collect(_bytes(value), [(f, n[1:]) for f, n in here], found, depth - 1)
        else:
            _put(found, one, value, depth)


def _put(found: dict[str, Any], one: Field, value: Wire, depth: int) -> None:
    ref = one.ref
    if ref.form == "list":
        assert ref.of is not None
        found.setdefault(one.name, []).append(_value(value, ref.of, depth))
        return
    if ref.form == "map":
        assert ref.of is not None
        entry = dict(_fields(_bytes(value)))
        blank: Wire = 0 if ref.of.form == "scalar" and ref.of.name in "ib" else b""
        found.setdefault(one.name, {})[_text(entry.get(1, b""))] = _value(
            entry.get(2, blank), ref.of, depth
        )
        return
    decoded = _value(value, ref, depth)
    if ref.optional or decoded not in ("", 0, False, None, {}):
        found[one.name] = decoded


def _value(value: Wire, ref: Ref, depth: int) -> Any:
    if ref.form == "struct":
        return _message(_bytes(value), schema().struct(ref.name), depth - 1)
    if ref.form == "special":
        return _special(_bytes(value), ref.name)
    if ref.name == "s":
        return _text(value)
    if ref.name == "y":
        return base64.b64encode(_bytes(value)).decode()
    if ref.name == "b":
        return bool(value)
    return _signed(value)


def _special(data: bytes, name: str) -> Any:
    fields = dict(_fields(data))
    if name == "Quantity":
        return _text(fields.get(1, b""))
    if name == "IntOrString":
        return _text(fields.get(3, b"")) if fields.get(1) else _signed(fields.get(2, 0))
    if name == "Duration":
        return f"{_signed(fields.get(1, 0)) / 1e9:g}s"
    if name in ("FieldsV1", "RawExtension"):
        import json

        return json.loads(_bytes(fields.get(1, b"")) or b"null")
    if not fields:
        return None
    moment = EPOCH + timedelta(seconds=_signed(fields.get(1, 0)))
    moment += timedelta(microseconds=_signed(fields.get(2, 0)) // 1000)
    moment = moment.astimezone(UTC)
    if moment < datetime(2, 1, 1, tzinfo=UTC):
        return None
    return format_micro(moment) if name == "MicroTime" else format_instant(moment)
