"""Names and labels as every kind must have them, with the texts of k8s.io/apimachinery.

Separate from the defaults of single kinds: these rules hold for custom resources too.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from opsconsole.model.kinds import Kind

_SUBDOMAIN = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
_LABEL = r"[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_LABEL_1035 = r"[a-z]([-a-z0-9]*[a-z0-9])?"
_VALUE = r"(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_KEY = r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"

_SUBDOMAIN_RE, _LABEL_RE, _LABEL_1035_RE, _VALUE_RE, _KEY_RE = (
    re.compile(p) for p in (_SUBDOMAIN, _LABEL, _LABEL_1035, _VALUE, _KEY)
)

_RBAC = "rbac.authorization.k8s.io"

Causes = list[tuple[str, str]]


def check_name(kind: Kind, name: str) -> Causes:
    """What is wrong with `metadata.name`: (field, message) pairs as field.Error prints them."""
    if kind.group == _RBAC:
        bad = [c for c in "/%" if c in name] or ([name] if name in (".", "..") else [])
        return [("metadata.name", f"Invalid value: \"{name}\": may not contain '{c}'") for c in bad]
    if not kind.group and kind.kind == "Namespace":
        return _name(name, _LABEL_RE, 63, _label_text())
    if not kind.group and kind.kind == "Service":
        return _name(name, _LABEL_1035_RE, 63, _label_1035_text())
    return _name(name, _SUBDOMAIN_RE, 253, _subdomain_text())


def check_labels(labels: Mapping[str, Any], field: str = "metadata.labels") -> Causes:
    causes: Causes = []
    for key, value in labels.items():
        causes += [(field, f'Invalid value: "{key}": {why}') for why in _key_faults(str(key))]
        if not isinstance(value, str):
            causes.append((field, f"Invalid value: {value!r}: must be a string"))
        elif len(value) > 63:
            causes.append((field, f'Invalid value: "{value}": must be no more than 63 bytes'))
        elif not _VALUE_RE.fullmatch(value):
            causes.append((field, f'Invalid value: "{value}": {_value_text()}'))
    return causes


def check_annotations(annotations: Mapping[str, Any]) -> Causes:
    field = "metadata.annotations"
    causes: Causes = []
    for key, value in annotations.items():
        causes += [
            (field, f'Invalid value: "{key}": {why}') for why in _key_faults(str(key).lower())
        ]
        if not isinstance(value, str):
            causes.append((field, f"Invalid value: {value!r}: must be a string"))
    if sum(len(str(k)) + len(str(v)) for k, v in annotations.items()) > 256 * 1024:
        causes.append((field, "Too long: may not be more than 262144 bytes"))
    return causes


def _name(name: str, rule: re.Pattern[str], limit: int, why: str) -> Causes:
    causes: Causes = []
    if len(name) > limit:
        causes.append(
            ("metadata.name", f'Invalid value: "{name}": must be no more than {limit} bytes')
        )
    if not rule.fullmatch(name):
        causes.append(("metadata.name", f'Invalid value: "{name}": {why}'))
    return causes


def _key_faults(key: str) -> list[str]:
    prefix, slash, name = key.rpartition("/")
    faults = []
    if slash and not prefix:
        faults.append("prefix part must be non-empty")
    elif slash and ("/" in prefix or not _SUBDOMAIN_RE.fullmatch(prefix)):
        faults.append(f"prefix part {_subdomain_text()}")
    if not name:
        faults.append("name part must be non-empty")
    if len(name) > 63:
        faults.append("name part must be no more than 63 bytes")
    if not _KEY_RE.fullmatch(name):
        faults.append(f"name part {_key_text()}")
    return faults


def _subdomain_text() -> str:
    return (
        "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or"
        " '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex"
        f" used for validation is '{_SUBDOMAIN}')"
    )


def _label_text() -> str:
    return (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and"
        " must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex"
        f" used for validation is '{_LABEL}')"
    )


def _label_1035_text() -> str:
    return (
        "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an"
        " alphabetic character, and end with an alphanumeric character (e.g. 'my-name',  or"
        f" 'abc-123', regex used for validation is '{_LABEL_1035}')"
    )


def _value_text() -> str:
    return (
        "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or"
        " '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or"
        f" 'my_value',  or '12345', regex used for validation is '{_VALUE}')"
    )


def _key_text() -> str:
    return (
        "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an"
        " alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for"
        f" validation is '{_KEY}')"
    )
