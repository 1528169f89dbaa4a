"""Values of Secrets; separate so that few places can read them, and none prints them."""

from __future__ import annotations

import base64
import binascii

from opsconsole.model.objects import Object, mapping


def decoded(secret: Object) -> dict[str, str]:
    """`data` (base64) and `stringData` as text; what does not decode is left out."""
    found: dict[str, str] = {}
    for key, value in mapping(secret, "data").items():
        try:
            found[key] = base64.b64decode(str(value), validate=True).decode()
        except (binascii.Error, ValueError):
            continue
    found |= {k: str(v) for k, v in mapping(secret, "stringData").items()}
    return found
