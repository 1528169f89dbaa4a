"""An OpenAPI v2 document in the protobuf form that kubectl asks for (google/gnostic OpenAPIv2).

Separate because it is an encoding of its own; only what our documents hold is written. Field
numbers are those of gnostic's `OpenAPIv2.proto`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


def _varint(value: int) -> bytes:
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _bytes(number: int, value: bytes) -> bytes:
    return _varint(number << 3 | 2) + _varint(len(value)) + value


def _text(number: int, value: Any) -> bytes:
    return _bytes(number, str(value).encode()) if value else b""


def _named(number: int, name: str, value: bytes) -> bytes:
    """A NamedSchema, NamedPathItem…: name = 1, value = 2."""
    return _bytes(number, _text(1, name) + _bytes(2, value))


def _extensions(number: int, found: Mapping[str, Any]) -> bytes:
    """`vendor_extension`: NamedAny, the value as YAML (JSON is YAML)."""
    rows = b""
    for name, value in found.items():
        if name.startswith("x-"):
            rows += _named(number, name, _text(2, json.dumps(value)))
    return rows


def document(doc: Mapping[str, Any]) -> bytes:
    """The bytes of an `openapi.v2.Document`."""
    info = _text(1, doc["info"]["title"]) + _text(2, doc["info"]["version"])
    paths = b"".join(_named(2, name, _path_item(item)) for name, item in doc["paths"].items())
    definitions = b"".join(_named(1, name, _schema(s)) for name, s in doc["definitions"].items())
    return _text(1, doc["swagger"]) + _bytes(2, info) + _bytes(8, paths) + _bytes(9, definitions)


def _path_item(item: Mapping[str, Any]) -> bytes:
    numbers = {"get": 2, "put": 3, "post": 4, "delete": 5, "patch": 8}
    return b"".join(_bytes(numbers[verb], _operation(body)) for verb, body in item.items())


def _operation(body: Mapping[str, Any]) -> bytes:
    found = b"".join(_text(7, media) for media in body.get("consumes", ()))
    for parameter in body.get("parameters", ()):
        query = (
            _text(2, parameter["in"]) + _text(4, parameter["name"]) + _text(6, parameter["type"])
        )
        found += _bytes(8, _bytes(1, _bytes(2, _bytes(3, query))))
    responses = b""
    for code, answer in body.get("responses", {}).items():
        responses += _named(1, code, _bytes(1, _text(1, answer["description"])))
    return found + _bytes(9, responses) + _extensions(13, body)


def _schema(schema: Mapping[str, Any]) -> bytes:
    found = _text(1, schema.get("$ref")) + _text(2, schema.get("format"))
    found += b"".join(_text(19, name) for name in schema.get("required", ()))
    if "additionalProperties" in schema:
        found += _bytes(21, _bytes(1, _schema(schema["additionalProperties"])))
    if "type" in schema:
        found += _bytes(22, _text(1, schema["type"]))
    if "items" in schema:
        found += _bytes(23, _bytes(1, _schema(schema["items"])))
    if "properties" in schema:
        inner = b"".join(_named(1, name, _schema(s)) for name, s in schema["properties"].items())
        found += _bytes(25, inner)
    return found + _extensions(31, schema)
