"""Secrets of the repository: what lies open, and sealed values that nobody can open."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.cd.plaintext import is_plaintext
from opsconsole.argo.golang import base64 as gobase64
from opsconsole.argo.lint.findings import Hit, Placed
from opsconsole.argo.lint.scope import Scope, pod_template
from opsconsole.errors import RuleError
from opsconsole.model.objects import annotations_of, dig, mapping, mappings, name_of, text

SCOPES = ("sealedsecrets.bitnami.com/cluster-wide", "sealedsecrets.bitnami.com/namespace-wide")
_PREFIX = "sealedsecrets.bitnami.com/"

LEAST = 2 + 128 + 16
"""Bytes of a sealed value: a length, an RSA block of at least 1024 bits, the tag of AES-GCM."""


def plaintext(manifest: Mapping[str, Any]) -> bool:
    """Whether anybody with the repository can read its values. SOPS files are not plaintext."""
    return is_plaintext(manifest)


def open_secret(one: Placed, _: Scope) -> Iterator[Hit]:
    if plaintext(one.manifest):
        field = "stringData" if mapping(one.manifest, "stringData") else "data"
        yield Hit("the values of this Secret can be read by anybody with the repository", (field,))


_PRIVATE_KEY = re.compile(r"-----BEGIN (?:[A-Z]+ )*PRIVATE KEY-----")


def private_key(one: Placed, _: Scope) -> Iterator[Hit]:
    """A private key outside of a Secret: in a ConfigMap, or in the environment of a container."""
    for field in ("data", "binaryData"):
        for key, value in mapping(one.manifest, field).items():
            if isinstance(value, str) and _PRIVATE_KEY.search(value):
                yield Hit(f"{field}.{key} holds a private key", (field, key))
    for index, container in enumerate(mappings(pod_template(one.manifest), "spec", "containers")):
        for number, variable in enumerate(mappings(container, "env")):
            if _PRIVATE_KEY.search(text(variable, "value")):
                path = ("spec", "template", "spec", "containers", index, "env", number)
                yield Hit(f"variable {text(variable, 'name')} holds a private key", path)


def sealed_values(one: Placed, _: Scope) -> Iterator[Hit]:
    """What the sealed-secrets controller says of a value that nothing can open; never the value."""
    spec = mapping(one.manifest, "spec")
    values = mapping(spec, "encryptedData")
    if not values and not text(spec, "data"):
        yield Hit("spec.encryptedData is empty: the Secret would have no values", ("spec",))
    for key, value in values.items():
        why = _sealed_fault(value)
        if why:
            yield Hit(f"cannot decrypt {key}: {why}", ("spec", "encryptedData", key))


def _sealed_fault(value: object) -> str:
    """The text of Go's decoder, or the controller's own."""
    if not isinstance(value, str):
        return "not a string"
    try:
        raw = gobase64.decode(value)
    except RuleError as fault:
        return fault.message
    length = int.from_bytes(raw[:2], "big")
    if len(raw) < 2 or len(raw) < length + 2:
        return "SealedSecret data too short"
    if length < 128 or length % 64 or len(raw) < length + 18:
        return "no key could decrypt secret (the value was cut off, or was not made by kubeseal)"
    return ""


def sealed_scope(one: Placed, scope: Scope) -> Iterator[Hit]:
    """The scope that a value was sealed with stands in annotations, of both parts alike."""
    notes = annotations_of(one.manifest)
    inner = mapping(one.manifest, "spec", "template", "metadata", "annotations")
    for key in (*notes, *(k for k in inner if k not in notes)):
        if key.startswith(_PREFIX):
            yield from _scope_note(key, notes.get(key, inner.get(key)), key in notes)
    name, template = name_of(one.manifest), mapping(one.manifest, "spec", "template", "metadata")
    other = text(template, "name")
    if other and other != name and not any(notes.get(scope) == "true" for scope in SCOPES):
        why = f"spec.template.metadata.name is {other}, but the Secret is always named {name}"
        yield Hit(why, ("spec", "template", "metadata", "name"))
    if dig(scope.manifest("Secret", one.namespace, name)) is not None:
        yield Hit(f"a Secret {name} stands beside it: the controller will not take it over")


_KNOWN = (*SCOPES, f"{_PREFIX}managed", f"{_PREFIX}patch", f"{_PREFIX}skip-set-owner-references",
          f"{_PREFIX}sealed-secrets-key")  # fmt: skip


def _scope_note(key: str, value: Any, own: bool) -> Iterator[Hit]:  # noqa: FBT001
    base = ("metadata",) if own else ("spec", "template", "metadata")
    path = (*base, "annotations", key)
    if key not in _KNOWN:
        yield Hit(f"annotation {key} is not known to the sealed-secrets controller", path)
    elif key in SCOPES and value not in ("true", "false"):
        yield Hit(f'annotation {key}: only "true" widens the scope', path)
    elif key in SCOPES and value == "true" and not own:
        why = f"annotation {key} counts only in metadata.annotations of the SealedSecret"
        yield Hit(why, path)
