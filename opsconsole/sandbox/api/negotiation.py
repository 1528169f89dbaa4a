"""Media types: what a client accepts, and what it sent.

Separate from the verbs so that these see decoded values only.
"""

from __future__ import annotations

import contextlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import YamlError, bounded
from opsconsole.sandbox.api import protobuf
from opsconsole.sandbox.apierrors import StatusError, bad_request

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MERGE, JSON_PATCH = "application/merge-patch+json", "application/json-patch+json"
STRATEGIC, APPLY = "application/strategic-merge-patch+json", "application/apply-patch+yaml"

LIMIT = 3 * 1024 * 1024
"""Bytes of a request's body (the API server's own limit)."""

DEPTH = 200
"""Levels of a body; Go allows 10,000, which no real object comes near."""

TABLE, PARTIAL, PARTIAL_LIST, WHOLE = (
    "Table",
    "PartialObjectMetadata",
    "PartialObjectMetadataList",
    "",
)


@dataclass(frozen=True, slots=True)
class Form:
    """What to answer with: `shape` one of TABLE, PARTIAL, PARTIAL_LIST, WHOLE; YAML or JSON."""

    shape: str = WHOLE
    yaml: bool = False
    version: str = "v1"


def accepted(header: str) -> Form:
    """The first media type of an Accept header that we speak; StatusError 406 when none is."""
    if not header:
        return Form()
    for entry in header.split(","):
        media, *rest = (part.strip() for part in entry.split(";"))
        options = dict(part.partition("=")[::2] for part in rest)
        if media in ("*/*", "application/*"):
            return Form()
        if media not in (JSON, YAML):
            continue
        shape = options.get("as", WHOLE)
        if shape in (TABLE, PARTIAL, PARTIAL_LIST, WHOLE):
            if shape and options.get("g") != "meta.k8s.io":
                continue
            return Form(shape, media == YAML, options.get("v", "v1"))
    raise StatusError(
        406,
        "NotAcceptable",
        f"only the following media types are accepted: {JSON}, {YAML}, {PROTOBUF}",
    )


def decode(content_type: str, body: bytes) -> Any:
    """A decoded request body. StatusError 400 for what does not parse, 415 for other media types."""
    media = content_type.partition(";")[0].strip().lower()
    if media == PROTOBUF or (not media and protobuf.is_protobuf(body)):
        return protobuf.decode(body)
    if media in (YAML, "text/yaml", "application/x-yaml"):
        return decode_yaml(body)
    if media in (JSON, "", "*/*") or media.endswith("+json"):
        return decode_json(body)
    if media == APPLY:
        return decode_yaml(body)
    raise unsupported((JSON, YAML, PROTOBUF))


def decode_json(body: bytes) -> Any:
    """A JSON value that can be written again: no NaN, no half of a character, no abyss."""
    try:
        value = json.loads(body, parse_constant=_no_number)
    except (ValueError, RecursionError) as error:
        raise bad_request(
            f"couldn't get version/kind; json parse error: {bounded(error)}"
        ) from error
    if body.count(b"[") + body.count(b"{") > DEPTH:
        _check_depth(value)
    return _whole_characters(value) if _SURROGATE.search(body) else value


_SURROGATE = re.compile(rb"\\u[dD][89a-fA-F]")


def _no_number(name: str) -> Any:
    raise ValueError(f"invalid character '{name[0]}' looking for beginning of value")


def _whole_characters(value: Any) -> Any:
    """Lone surrogates become U+FFFD, as Go's decoder has it."""
    text = json.dumps(value, ensure_ascii=False)
    return json.loads(text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace"))


def _check_depth(value: Any) -> None:
    level = [value] if isinstance(value, dict | list) else []
    for _ in range(DEPTH):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if isinstance(outer, dict) else outer)
            if isinstance(inner, dict | list)
        ]
        if not level:
            return
    raise bad_request("json parse error: exceeded max depth")


def decode_yaml(body: bytes) -> Any:
    with contextlib.suppress(StatusError):
        return decode_json(body)
    from opsconsole.model import yamldoc

    try:
        value = yamldoc.load(body.decode())
    except (YamlError, UnicodeDecodeError) as error:
        raise bad_request(f"error decoding YAML: {bounded(error)}") from error
    _check_depth(value)
    return value


def unsupported(types: tuple[str, ...]) -> StatusError:
    return StatusError(
        415,
        "UnsupportedMediaType",
        "the body of the request was in an unknown format - accepted media types include: "
        + ", ".join(types),
    )


def encode(value: Any) -> bytes:
    """JSON as the server writes it: one line, ended."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


def duplicate_fields(body: bytes) -> list[str]:
    """Names that stand twice in one JSON object, as `duplicate field "x"`."""
    found: list[str] = []

    def pairs(items: list[tuple[str, Any]]) -> dict[str, Any]:
        seen: dict[str, Any] = {}
        for key, value in items:
            if key in seen:
                found.append(f'duplicate field "{key}"')
            seen[key] = value
        return seen

    try:
        json.loads(body, object_pairs_hook=pairs)
    except (ValueError, RecursionError):
        return []
    return found


def as_mapping(value: Any) -> Mapping[str, Any]:
    """The body must be one object."""
    if not isinstance(value, Mapping):
        raise bad_request("the body of the request is not an object")
    return value
