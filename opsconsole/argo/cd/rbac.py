"""`kubectl auth reconcile`, which Argo CD runs before it applies an object of RBAC.

Separate because it is no part of a sync's rules: a role or binding that is there, and the
wanted one → what has to be written, and what kubectl says of it. Nothing is taken away, except
that a binding to another role is made anew. Rules: k8s.io/component-helpers
`auth/rbac/reconciliation` and `validation`, kubectl `pkg/cmd/auth/reconcile.go`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from typing import Any, NamedTuple

from opsconsole.argo.cd.identity import Obj, with_metadata
from opsconsole.model.objects import (
    Object,
    annotations_of,
    items,
    labels_of,
    mapping,
    mappings,
    text,
)

API_VERSION = "rbac.authorization.k8s.io/v1"
ROLES = ("Role", "ClusterRole")
BINDINGS = ("RoleBinding", "ClusterRoleBinding")

AUTOUPDATE = "rbac.authorization.kubernetes.io/autoupdate"
PROTECTED = f", but object opted out ({AUTOUPDATE}: false)"

_RULE = {
    "Verbs": "verbs",
    "APIGroups": "apiGroups",
    "Resources": "resources",
    "ResourceNames": "resourceNames",
    "NonResourceURLs": "nonResourceURLs",
}
_SUBJECT = {"Kind": "kind", "APIGroup": "apiGroup", "Name": "name", "Namespace": "namespace"}

Rule = dict[str, list[str]]


class Reconciled(NamedTuple):
    """`operation` is "", `create`, `update` or `recreate`; `wanted` what is written for it."""

    operation: str
    wanted: Obj
    details: str = ""
    protected: bool = False

    @property
    def told(self) -> str:
        """What kubectl prints beside the object's name, or ""."""
        if not self.operation:
            return ""
        caveat = PROTECTED if self.protected else ""
        return f"reconciliation required {self.operation}{caveat}{self.details}"


def is_reconciled(obj: Object) -> bool:
    """Whether Argo CD reconciles an object before it is applied by the client."""
    return text(obj, "apiVersion") == API_VERSION


def reconcile(live: Object | None, wanted: Obj) -> Reconciled | None:
    """None for kinds of the group that are neither a role nor a binding."""
    kind = text(wanted, "kind")
    if kind in ROLES:
        return _role(live, wanted)
    return _binding(live, wanted) if kind in BINDINGS else None


def _role(live: Object | None, wanted: Obj) -> Reconciled:
    asked = [_rule(r) for r in mappings(wanted, "rules")]
    if live is None:
        return Reconciled("create", wanted, _listed("missing rules added", asked, _RULE))
    there = [_rule(r) for r in mappings(live, "rules")]
    missing = [part for rule in asked for part in _parts(rule) if not _covered(part, there)]
    new = _with_marks(live, wanted)
    if missing:
        new = {**new, "rules": [*items(live, "rules"), *map(_plain, missing)]}
    if "aggregationRule" in live and not mapping(wanted, "aggregationRule"):
        new = {k: v for k, v in new.items() if k != "aggregationRule"}
    elif mapping(wanted, "aggregationRule"):
        new = _aggregated(new, wanted)
    operation = "update" if new != live else ""
    return Reconciled(
        operation, new, _listed("missing rules added", missing, _RULE), _is_protected(live)
    )


def _aggregated(live: Obj, wanted: Obj) -> Obj:
    there = items(live, "aggregationRule", "clusterRoleSelectors")
    asked = items(wanted, "aggregationRule", "clusterRoleSelectors")
    missing = [selector for selector in asked if selector not in there]
    if not missing:
        return live
    return {**live, "aggregationRule": {"clusterRoleSelectors": [*there, *missing]}}


def _binding(live: Object | None, wanted: Obj) -> Reconciled:
    asked = mappings(wanted, "subjects")
    if live is None:
        return Reconciled("create", wanted, _listed("missing subjects added", asked, _SUBJECT))
    if mapping(live, "roleRef") != mapping(wanted, "roleRef"):
        return Reconciled("recreate", wanted, protected=_is_protected(live))
    there = mappings(live, "subjects")
    missing: list[Object] = []
    for subject in asked:
        if subject not in there and subject not in missing:
            missing.append(subject)
    new = _with_marks(live, wanted)
    if missing:
        new = {**new, "subjects": [*there, *missing]}
    operation = "update" if new != live else ""
    return Reconciled(
        operation, new, _listed("missing subjects added", missing, _SUBJECT), _is_protected(live)
    )


def _with_marks(live: Object, wanted: Object) -> Obj:
    """The live object with labels and annotations added that it lacks; its own values stay."""
    found: dict[str, Any] = {}
    for field, of in (("labels", labels_of), ("annotations", annotations_of)):
        both = {**of(wanted), **of(live)}
        if both != of(live):
            found[field] = both
    return with_metadata(live, **found) if found else dict(live)


def _is_protected(live: Object) -> bool:
    return annotations_of(live).get(AUTOUPDATE) == "false"


def _listed(title: str, found: Sequence[Object], fields: dict[str, str]) -> str:
    """Go's `%+v` of each, below a title."""
    if not found:
        return ""
    told = f"\n\t{title}:"
    for one in found:
        values = (f"{name}:{_go(one.get(key))}" for name, key in fields.items())
        told += f"\n\t\t{{{' '.join(values)}}}"
    return told


def _go(value: Any) -> str:
    if isinstance(value, list):
        return f"[{' '.join(map(str, value))}]"
    return "" if value is None else str(value)


# which rules are there already


def _rule(rule: Object) -> Rule:
    """A rule with all its lists; kubectl shows an absent one as an empty one."""
    return {key: [str(v) for v in items(rule, key)] for key in _RULE.values()}


def _plain(rule: Rule) -> dict[str, Any]:
    return {key: values for key, values in rule.items() if values}


def _parts(rule: Rule) -> Iterator[Rule]:
    """Rules of one verb, one resource and one name that say the same together."""
    empty: Rule = {key: [] for key in _RULE.values()}
    names: Sequence[str | None] = rule["resourceNames"] or [None]
    for group, resource, verb, name in product(
        rule["apiGroups"], rule["resources"], rule["verbs"], names
    ):
        part = {**empty, "verbs": [verb], "apiGroups": [group], "resources": [resource]}
        yield part if name is None else {**part, "resourceNames": [name]}
    for url, verb in product(rule["nonResourceURLs"], rule["verbs"]):
        yield {**empty, "verbs": [verb], "nonResourceURLs": [url]}


def _covered(part: Rule, rules: Sequence[Rule]) -> bool:
    return any(_covers(rule, part) for rule in rules)


def _covers(rule: Rule, part: Rule) -> bool:
    names = rule["resourceNames"]
    asked = part["resourceNames"]
    named = not names or (bool(asked) and all(name in names for name in asked))
    return (
        named
        and _has(rule["verbs"], part["verbs"])
        and _has(rule["apiGroups"], part["apiGroups"])
        and all(_covers_resource(rule["resources"], r) for r in part["resources"])
        and all(_covers_url(rule["nonResourceURLs"], u) for u in part["nonResourceURLs"])
    )


def _has(there: list[str], asked: list[str]) -> bool:
    return "*" in there or all(value in there for value in asked)


def _covers_resource(there: list[str], asked: str) -> bool:
    if "*" in there or asked in there:
        return True
    _, slash, subresource = asked.partition("/")
    return bool(slash) and f"*/{subresource}" in there


def _covers_url(there: list[str], asked: str) -> bool:
    return any(
        url == asked or (url.endswith("*") and asked.startswith(url.rstrip("*"))) for url in there
    )
