"""Objects of an application's namespace that nobody manages (`appcontroller.go`, getResourceTree).

Separate from the comparison because it looks at what no comparison looks at, and only for
projects that ask for it.
"""

from __future__ import annotations

from opsconsole.argo.cd.conditions import Condition
from opsconsole.argo.cd.identity import Obj, group_of, key_of
from opsconsole.argo.cd.projects import permits_kind
from opsconsole.model.globs import matches
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import Object, dig, mappings, name_of, namespace_of, text, uid_of
from opsconsole.sandbox.argocd.comparison import Comparison
from opsconsole.sandbox.argocd.environment import HOME, Destination, Environment


def orphaned(
    environment: Environment, destination: Destination, found: Comparison
) -> list[Condition]:
    """The warning, where the project wants one; what orphans own counts as well."""
    wanted = dig(destination.project, "spec", "orphanedResources")
    if wanted is None or dig(wanted, "warn") is False or not destination.namespace:
        return []
    managed = {pair.key for pair in found.pairs}
    count = 0
    for root in _top_level(environment, destination):
        if key_of(root) not in managed and not _excluded(root, destination.project):
            count += _nodes(environment, destination, root)
    if not count:
        return []
    why = f"Application has {count} orphaned resources"
    return [Condition("OrphanedResourceWarning", why)]


def _top_level(environment: Environment, destination: Destination) -> list[Obj]:
    store = destination.store
    return [
        obj
        for kind in tuple(store.kinds())
        if kind.namespaced
        and not environment.filter.excludes(kind.group, kind.kind, destination.server)
        for obj in store.objects(kind, destination.namespace)
        if not mappings(obj, "metadata", "ownerReferences")
    ]


def _excluded(obj: Object, project: Object) -> bool:
    """What is in every namespace, what the project ignores and what it does not permit."""
    group, kind, name = group_of(obj), text(obj, "kind"), name_of(obj)
    known = (namespace_of(obj), group, kind, name) == ("default", "", "Service", "kubernetes")
    if known or (group, kind, name) in (
        ("", "ServiceAccount", "default"),
        ("", "ConfigMap", "kube-root-ca.crt"),
    ):
        return True
    if not permits_kind(project, group, kind, name, namespaced=True):
        return True
    return any(
        matches(text(rule, "kind") or "*", kind)
        and matches(text(rule, "group"), group)
        and matches(text(rule, "name") or "*", name)
        for rule in mappings(project, "spec", "orphanedResources", "ignore")
    )


def _nodes(environment: Environment, destination: Destination, root: Obj) -> int:
    """An orphan and all that it owns, unless an application has it."""
    instance = environment.tracking.instance_of(root)
    if instance and environment.store.find(APPLICATION, HOME, instance) is not None:
        return 0
    count, pending = 0, [root]
    while pending:
        obj = pending.pop()
        if not destination.permits(obj):
            count += 1
            pending += destination.store.owned_by(uid_of(obj))
    return count
