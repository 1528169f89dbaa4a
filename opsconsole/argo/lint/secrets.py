"""Plaintext Secrets, for lint and the git pane."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsconsole.argo.cd.plaintext import is_plaintext
from opsconsole.argo.lint.findings import Placed


def plaintext(manifest: Mapping[str, Any]) -> bool:
    """Whether anybody with the repository can read its values. SOPS files are not plaintext."""
    return is_plaintext(manifest)


def open_secret(one: Placed, _: Sequence[Placed]) -> Iterator[str]:
    if plaintext(one.manifest):
        yield "the values of this Secret can be read by anybody with the repository"
