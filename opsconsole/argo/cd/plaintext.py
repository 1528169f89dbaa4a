"""Secrets that lie open in a repository; separate because the git pane and lint both look for them."""

from __future__ import annotations

from opsconsole.model.objects import Object, mapping, text


def is_plaintext(manifest: Object) -> bool:
    """Whether a manifest is a Secret whose values anybody with the repository can read.

    SOPS files (a `sops` section, values `ENC[...]`), SealedSecrets and ExternalSecrets are not.
    """
    if text(manifest, "kind") != "Secret" or mapping(manifest, "sops"):
        return False
    values = [*mapping(manifest, "data").values(), *mapping(manifest, "stringData").values()]
    return any(isinstance(v, str) and v and not v.startswith("ENC[") for v in values)
