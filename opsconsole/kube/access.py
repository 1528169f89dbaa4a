"""Asks the cluster what we may do, so that a key can say why it is off before it is pressed.

Separate from sending: these reviews are reads in spirit, and a cluster that does not serve
them leaves the answer unknown instead of failing.
Source: authorization.k8s.io/v1 SelfSubjectRulesReview and SelfSubjectAccessReview.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.errors import OpsError
from opsconsole.kube.transport import Transport
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import dig, flag, items, mappings, text
from opsconsole.model.permissions import UNKNOWN, Permissions, Rule

_REVIEWS = "/apis/authorization.k8s.io/v1"


async def permissions(transport: Transport, namespace: str) -> Permissions:
    """What we may do in a namespace; `UNKNOWN` when the cluster does not tell."""
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": namespace},
    }
    path = f"{_REVIEWS}/selfsubjectrulesreviews"
    try:
        found = await transport.json("POST", path, body=body)
    except OpsError:
        return UNKNOWN
    if dig(found, "status", "resourceRules") is None:
        return UNKNOWN
    rules = tuple(_rule(rule) for rule in mappings(found, "status", "resourceRules"))
    return Permissions(rules, complete=not flag(found, "status", "incomplete"))


async def allowed(
    transport: Transport,
    verb: str,
    kind: Kind,
    *,
    namespace: str,
    name: str,
    subresource: str = "",
) -> tuple[bool, str]:
    """(whether, the reason that the authorizer gave). (True, "") when it cannot be asked."""
    attributes = {
        "verb": verb,
        "group": kind.group,
        "version": kind.version,
        "resource": kind.plural,
        "subresource": subresource,
        "namespace": namespace,
        "name": name,
    }
    body = {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectAccessReview",
        "spec": {"resourceAttributes": {k: v for k, v in attributes.items() if v}},
    }
    path = f"{_REVIEWS}/selfsubjectaccessreviews"
    try:
        found = await transport.json("POST", path, body=body)
    except OpsError:
        return True, ""
    if dig(found, "status", "allowed") is None:
        return True, ""
    return flag(found, "status", "allowed"), text(found, "status", "reason")


def _rule(rule: Mapping[str, Any]) -> Rule:
    def strings(field: str) -> frozenset[str]:
        return frozenset(str(item) for item in items(rule, field))

    return Rule(
        verbs=strings("verbs"),
        groups=strings("apiGroups"),
        resources=strings("resources"),
        names=strings("resourceNames"),
    )
