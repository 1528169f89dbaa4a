"""Pod templates that a ReplicaSet would refuse (`ValidatePodTemplateSpecForReplicaSet`).

The rules that people meet; a server checks the rest when the ReplicaSet is created.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from opsconsole.argo.rollouts.fielderrors import invalid, required, unsupported
from opsconsole.model.objects import items, mapping, mappings, text
from opsconsole.model.selectors import matches_selector

Problems = Iterator[str]

_LABEL = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?", re.ASCII)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)


def problems(template: Mapping[str, Any], selector: Mapping[str, Any], where: str) -> Problems:
    """`where` is the path of the template."""
    labels = mapping(template, "metadata", "labels")
    wanted = mapping(selector, "matchLabels") or mappings(selector, "matchExpressions")
    if wanted and not matches_selector(selector, labels):
        yield invalid(
            f"{where}.metadata.labels", labels, "`selector` does not match template `labels`"
        )
    spec = mapping(template, "spec")
    if not mappings(spec, "containers"):
        yield required(f"{where}.spec.containers")
    seen: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(mappings(spec, field)):
            at = f"{where}.spec.{field}[{index}]"
            yield from _container(container, at, seen)
            seen.add(text(container, "name"))
    policy = text(spec, "restartPolicy", default="Always")
    if policy != "Always":
        yield unsupported(f"{where}.spec.restartPolicy", policy, ("Always",))
    if spec.get("activeDeadlineSeconds") is not None:
        yield f"{where}.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported"


def _container(container: Mapping[str, Any], where: str, seen: set[str]) -> Problems:
    name = text(container, "name")
    if not name:
        yield required(f"{where}.name")
    elif len(name) > 63 or not _LABEL.fullmatch(name):
        yield invalid(f"{where}.name", name, _LABEL_TEXT)
    elif name in seen:
        yield f'{where}.name: Duplicate value: "{name}"'
    image = text(container, "image")
    if not image:
        yield required(f"{where}.image")
    elif image != image.strip():
        why = "must not have leading or trailing whitespace"
        yield invalid(f"{where}.image", image, why)
    for index, port in enumerate(mappings(container, "ports")):
        number = port.get("containerPort")
        if not isinstance(number, int) or not 1 <= number <= 65535:
            at = f"{where}.ports[{index}].containerPort"
            yield invalid(at, number, "must be between 1 and 65535, inclusive")


_OPERATORS = ("DoesNotExist", "Exists", "In", "NotIn")


def selector_problems(selector: Mapping[str, Any], where: str) -> Problems:
    """`ValidateLabelSelector`: operators and their values."""
    for index, term in enumerate(mappings(selector, "matchExpressions")):
        at = f"{where}.matchExpressions[{index}]"
        operator, values = text(term, "operator"), items(term, "values")
        if operator in ("In", "NotIn") and not values:
            why = "must be specified when `operator` is 'In' or 'NotIn'"
            yield required(f"{at}.values", why)
        elif operator in ("Exists", "DoesNotExist") and values:
            why = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            yield f"{at}.values: Forbidden: {why}"
        elif operator not in _OPERATORS:
            yield invalid(f"{at}.operator", operator, "not a valid selector operator")
