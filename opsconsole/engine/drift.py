"""What differs from git, as unified diffs, for the selected application.

Separate because it joins rendering, the live objects and Argo CD's own comparison, and
because the API tells only *that* a resource is out of sync. An application is compared with
the cluster that it deploys to, or not at all.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

from opsconsole.argo.cd.diff import Differ, masked
from opsconsole.argo.cd.identity import with_annotations, with_metadata
from opsconsole.argo.cd.ignores import ignores_of
from opsconsole.argo.cd.tracking import TRACKING
from opsconsole.engine.destinations import Destinations
from opsconsole.engine.gitwork import GitWork
from opsconsole.engine.protocols import Cluster
from opsconsole.errors import ConnectError, NotFoundError, OpsError
from opsconsole.model import kinds, yamldoc
from opsconsole.model.applications import Application, ManagedResource
from opsconsole.model.kinds import SECRET, Kind
from opsconsole.model.objects import annotations_of, items, name_of, namespace_of, text
from opsconsole.model.status import Sync

Raw = Mapping[str, Any]
Drift = tuple[tuple[str, str], ...]

NOT_CONNECTED = "which no context of the kubeconfig reaches: not compared"

RESOURCES = 20
LINES = 300
"""Most that is shown: resources, and lines of each."""

_KNOWN: dict[tuple[str, str], Kind] = {
    (kind.group, kind.kind): kind for kind in vars(kinds).values() if isinstance(kind, Kind)
}


async def drift_of(app: Application, raw: Raw, where: Destinations, git: GitWork) -> Drift:
    """(resource, diff) pairs; a resource that cannot be compared says why. Never raises OpsError."""
    wanted = [r for r in app.resources if r.sync is Sync.OUT_OF_SYNC and not r.hook]
    if not wanted:
        return ()
    try:
        cluster = where.of(app)
    except OpsError as fault:
        return (("destination", f"{app.elsewhere}: {fault.message}"),)
    if cluster is None:
        return (("destination", f"{app.elsewhere} is another cluster, {NOT_CONNECTED}"),)
    try:
        manifests = await git.manifests(raw, app)
    except OpsError as fault:
        return (("git", fault.message),)
    targets = {_identity(m, app.destination_namespace): m for m in manifests}
    differ = Differ(ignore=ignores_of(items(raw, "spec", "ignoreDifferences")))
    found: list[tuple[str, str]] = []
    for resource in wanted[:RESOURCES]:
        try:
            live = await _live(cluster, resource)
        except ConnectError as fault:
            # the others would wait as long for the same answer
            return (*found, ("destination", fault.message))
        except OpsError as fault:
            found.append((_name(resource), fault.message))
            continue
        target = _placed(targets, resource)
        found.append((_name(resource), compared(target, live, differ)))
    if len(wanted) > RESOURCES:
        found.append(("…", f"{len(wanted) - RESOURCES} more resources differ"))
    return tuple(found)


def compared(target: Raw | None, live: Raw | None, differ: Differ) -> str:
    """A unified diff, live → git; Secrets masked. Empty when our comparison sees no difference."""
    if any(text(side, "kind") == SECRET.kind for side in (target, live)):
        target, live = masked(target, live)
    if target is not None and live is not None:
        target = _tracked(target, live)
    found = differ.compare(target, live)
    return unified(found.live, found.predicted)


def _tracked(target: Raw, live: Raw) -> Raw:
    """The target with the live object's tracking mark, as Argo CD renders it: it is no difference."""
    mark = annotations_of(live).get(TRACKING)
    return with_annotations(dict(target), {TRACKING: mark}) if isinstance(mark, str) else target


def unified(live: Raw | None, wanted: Raw | None) -> str:
    left, right = (yamldoc.dump(side).splitlines() if side else [] for side in (live, wanted))
    lines = list(difflib.unified_diff(left, right, "live", "git", n=3, lineterm=""))
    if len(lines) > LINES:
        lines = [*lines[:LINES], f"… {len(lines) - LINES} more lines"]
    return "\n".join(lines)


async def _live(cluster: Cluster, resource: ManagedResource) -> Raw | None:
    known = _KNOWN.get((resource.group, resource.kind))
    if known is None:
        raise OpsError(f"{resource.kind} of {resource.group or 'core'} cannot be read here")
    kind = Kind(
        known.group, resource.version or known.version, known.kind, known.plural, known.namespaced
    )
    try:
        return await cluster.get(kind, resource.namespace, resource.name)
    except NotFoundError:
        return None


def _identity(manifest: Raw, namespace: str) -> tuple[str, str, str, str]:
    api = text(manifest, "apiVersion")
    group = api.partition("/")[0] if "/" in api else ""
    known = _KNOWN.get((group, text(manifest, "kind")))
    home = namespace_of(manifest) or namespace
    if known is not None and not known.namespaced:
        home = ""
    return group, text(manifest, "kind"), home, name_of(manifest)


def _placed(
    targets: Mapping[tuple[str, str, str, str], Raw], resource: ManagedResource
) -> Raw | None:
    key = (resource.group, resource.kind, resource.namespace, resource.name)
    found = targets.get(key)
    if found is None or not resource.namespace:
        return found
    return with_metadata(dict(found), namespace=resource.namespace)


def _name(resource: ManagedResource) -> str:
    where = f"{resource.namespace}/" if resource.namespace else ""
    return f"{resource.kind} {where}{resource.name}"


def out_of_sync(resources: Iterable[ManagedResource]) -> tuple[tuple[str, str], ...]:
    """What tells whether a drift must be looked at again."""
    return tuple((_name(r), r.sync.value) for r in resources if r.sync is Sync.OUT_OF_SYNC)
