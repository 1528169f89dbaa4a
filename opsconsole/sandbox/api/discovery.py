"""What the server says it serves: version, groups, resources, plain and aggregated.

Separate because it follows from the table of kinds alone.
"""

from __future__ import annotations

import re
from typing import Any

from opsconsole.sandbox.resources import KUBERNETES, Resources, Served

VERSION = {
    "major": "1",
    "minor": "35",
    "emulationMajor": "1",
    "emulationMinor": "35",
    "minCompatibilityMajor": "1",
    "minCompatibilityMinor": "34",
    "gitVersion": f"v{KUBERNETES}+opsconsole-sandbox",
    "gitCommit": "",
    "gitTreeState": "clean",
    "buildDate": "2025-12-17T00:00:00Z",
    "goVersion": "go1.25.5",
    "compiler": "gc",
    "platform": "linux/amd64",
}
"""The release whose API this server imitates; it is not a Kubernetes build."""

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]

REVIEWS: dict[str, tuple[tuple[str, str, bool], ...]] = {
    "authorization.k8s.io/v1": (
        ("selfsubjectaccessreviews", "SelfSubjectAccessReview", False),
        ("selfsubjectrulesreviews", "SelfSubjectRulesReview", False),
        ("subjectaccessreviews", "SubjectAccessReview", False),
        ("localsubjectaccessreviews", "LocalSubjectAccessReview", True),
    ),
    "authentication.k8s.io/v1": (
        ("selfsubjectreviews", "SelfSubjectReview", False),
        ("tokenreviews", "TokenReview", False),
    ),
}
"""Resources that only answer a create: groupVersion → (plural, kind, namespaced)."""

_VERSION = re.compile(r"v(\d+)(?:(alpha|beta)(\d+))?")


def _rank(version: str) -> tuple[int, int, int]:
    """Kube-aware order of versions: general availability first, the higher number first."""
    found = _VERSION.fullmatch(version)
    if found is None:
        return 3, 0, 0
    stage = {None: 0, "beta": 1, "alpha": 2}[found[2]]
    return stage, -int(found[1]), -int(found[3] or 0)


def groups(resources: Resources) -> dict[str, list[str]]:
    """Group → its versions, the preferred one first; the core group is ""."""
    found: dict[str, set[str]] = {}
    for served in resources.all_served():
        found.setdefault(served.kind.group, set()).add(served.kind.version)
    for api_version in REVIEWS:
        group, _, version = api_version.partition("/")
        found.setdefault(group, set()).add(version)
    return {group: sorted(found[group], key=_rank) for group in sorted(found)}


def api_versions() -> dict[str, Any]:
    return {
        "kind": "APIVersions",
        "versions": ["v1"],
        "serverAddressByClientCIDRs": [{"clientCIDR": "0.0.0.0/0", "serverAddress": "127.0.0.1"}],
    }


def group(name: str, versions: list[str]) -> dict[str, Any]:
    listed = [{"groupVersion": f"{name}/{v}", "version": v} for v in versions]
    return {
        "kind": "APIGroup",
        "apiVersion": "v1",
        "name": name,
        "versions": listed,
        "preferredVersion": listed[0],
    }


def group_list(resources: Resources) -> dict[str, Any]:
    rows = []
    for name, versions in groups(resources).items():
        if name:
            row = group(name, versions)
            rows.append({k: row[k] for k in ("name", "versions", "preferredVersion")})
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": rows}


def _served(resources: Resources, group_name: str, version: str) -> list[Served]:
    found = [
        s for s in resources.all_served() if (s.kind.group, s.kind.version) == (group_name, version)
    ]
    return sorted(found, key=lambda s: s.kind.plural)


def resource_list(resources: Resources, group_name: str, version: str) -> dict[str, Any] | None:
    """The resources of one version; None when it is not served."""
    if version not in groups(resources).get(group_name, []):
        return None
    api_version = f"{group_name}/{version}" if group_name else version
    rows: list[dict[str, Any]] = []
    for served in _served(resources, group_name, version):
        rows += _rows(served)
    for plural, kind, namespaced in REVIEWS.get(api_version, ()):
        rows.append(
            {
                "name": plural,
                "singularName": kind.lower(),
                "namespaced": namespaced,
                "kind": kind,
                "verbs": ["create"],
            }
        )
    return {
        "kind": "APIResourceList",
        "apiVersion": "v1",
        "groupVersion": api_version,
        "resources": rows,
    }


def _rows(served: Served) -> list[dict[str, Any]]:
    kind, row = served.kind, served.resource
    main: dict[str, Any] = {
        "name": kind.plural,
        "singularName": row.singular,
        "namespaced": kind.namespaced,
        "kind": kind.kind,
        "verbs": VERBS,
    }
    if row.short:
        main["shortNames"] = list(row.short)
    if row.categories:
        main["categories"] = list(row.categories)
    return [main, *_subresources(served)]


def _subresources(served: Served) -> list[dict[str, Any]]:
    kind, row = served.kind, served.resource
    common = {"singularName": "", "namespaced": kind.namespaced}
    found: list[dict[str, Any]] = []
    if row.status:
        found.append(
            {
                "name": f"{kind.plural}/status",
                **common,
                "kind": kind.kind,
                "verbs": ["get", "patch", "update"],
            }
        )
    if row.scale:
        found.append(
            {
                "name": f"{kind.plural}/scale",
                **common,
                "group": "autoscaling",
                "version": "v1",
                "kind": "Scale",
                "verbs": ["get", "patch", "update"],
            }
        )
    if (kind.group, kind.kind) == ("", "Pod"):
        eviction = {"group": "policy", "version": "v1", "kind": "Eviction", "verbs": ["create"]}
        found.append({"name": "pods/eviction", **common, **eviction})
        found.append({"name": "pods/log", **common, "kind": "Pod", "verbs": ["get"]})
    return found


def aggregated(resources: Resources, *, core: bool) -> dict[str, Any]:
    """APIGroupDiscoveryList (apidiscovery.k8s.io/v2): everything in one answer."""
    found = []
    for name, versions in groups(resources).items():
        if bool(name) == core:
            continue
        rows = [_aggregated_version(resources, name, version) for version in versions]
        found.append({"metadata": {"name": name} if name else {}, "versions": rows})
    return {
        "kind": "APIGroupDiscoveryList",
        "apiVersion": "apidiscovery.k8s.io/v2",
        "metadata": {},
        "items": found,
    }


def _aggregated_version(resources: Resources, name: str, version: str) -> dict[str, Any]:
    listed = resource_list(resources, name, version) or {"resources": []}
    rows: dict[str, dict[str, Any]] = {}
    for row in listed["resources"]:
        plural, _, subresource = row["name"].partition("/")
        kind = {
            "group": row.get("group", name),
            "version": row.get("version", version),
            "kind": row["kind"],
        }
        if subresource:
            below = {"subresource": subresource, "responseKind": kind, "verbs": row["verbs"]}
            rows[plural].setdefault("subresources", []).append(below)
            continue
        rows[plural] = {
            "resource": plural,
            "responseKind": kind,
            "scope": "Namespaced" if row["namespaced"] else "Cluster",
            "singularResource": row["singularName"],
            "verbs": row["verbs"],
            **{k: row[k] for k in ("shortNames", "categories") if k in row},
        }
    return {"version": version, "resources": list(rows.values()), "freshness": "Current"}
