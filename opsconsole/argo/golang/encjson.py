"""`encoding/json` as Go writes it: sorted keys, escaped HTML, its own floats.

Separate because measured values, template functions and hashes must spell JSON this way.
"""

from __future__ import annotations

import base64
import math
import re
from collections.abc import Mapping
from typing import Any

from opsconsole.argo.golang.strconv import format_float_json
from opsconsole.argo.golang.values import type_name
from opsconsole.errors import RuleError

_ESCAPES = {
    '"': '\\"', "\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t", "\b": "\\b", "\f": "\\f",
    "\u2028": "\\u2028", "\u2029": "\\u2029",
}  # fmt: skip
_HTML = {"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"}


_SPECIAL = re.compile(r'["\\\x00-\x1f\u2028\u2029<>&]')


def encode_string(text: str, *, html: bool = True) -> str:
    if _SPECIAL.search(text) is None:
        return f'"{text}"'
    out = []
    for char in text:
        if char in _ESCAPES:
            out.append(_ESCAPES[char])
        elif html and char in _HTML:
            out.append(_HTML[char])
        elif char < " ":
            out.append(f"\\u{ord(char):04x}")
        else:
            out.append(char)
    return '"' + "".join(out) + '"'


def encode(value: Any, *, html: bool = True, indent: str = "", prefix: str = "") -> str:
    """`json.Marshal`, or `MarshalIndent` with an `indent`. RuleError for what JSON cannot hold."""
    return _encode(value, html, indent, "\n" + prefix if indent else "")


def _encode(value: Any, html: bool, indent: str, line: str) -> str:  # noqa: FBT001
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        return str(int(value))
    if isinstance(value, float):
        if math.isnan(value) or math.isinf(value):
            shown = "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
            raise RuleError(f"json: unsupported value: {shown}")
        return format_float_json(value)
    if isinstance(value, str):
        return encode_string(value, html=html)
    if isinstance(value, bytes):
        return f'"{base64.b64encode(value).decode()}"'
    inner = line + indent if indent else ""
    if isinstance(value, Mapping):
        if any(not isinstance(key, str) for key in value):
            raise RuleError(f"json: unsupported type: {type_name(value)}")
        colon = ": " if indent else ":"
        pairs = [
            f"{inner}{encode_string(key, html=html)}{colon}{_encode(value[key], html, indent, inner)}"
            for key in sorted(value, key=_bytes)
        ]
        return "{" + ",".join(pairs) + (line if pairs else "") + "}"
    if isinstance(value, list | tuple):
        items = [inner + _encode(item, html, indent, inner) for item in value]
        return "[" + ",".join(items) + (line if items else "") + "]"
    text = getattr(value, "json_text", None)
    if text is not None:
        return encode_string(str(text()), html=html)
    raise RuleError(f"json: unsupported type: {type_name(value)}")


def _bytes(key: str) -> bytes:
    return key.encode("utf-8", "surrogatepass")
