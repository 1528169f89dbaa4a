"""What an AppProject permits (`app_project_types.go`, `util/argo/argo.go`)."""

from __future__ import annotations

from opsconsole.model.globs import matches
from opsconsole.model.objects import Object, dig, items, mapping, mappings, text

IN_CLUSTER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"


def normal_url(url: str) -> str:
    """A repository's address in one spelling: lower case, without `.git` and a final slash."""
    plain = url.strip().rstrip("/").lower()
    return plain.removesuffix(".git")


def permits_source(project: Object, url: str) -> bool:
    """Any pattern, and none that is denied with `!`."""
    wanted, found = normal_url(url), False
    for raw in items(project, "spec", "sourceRepos"):
        pattern = str(raw)
        denied = pattern.startswith("!")
        pattern = pattern.removeprefix("!")
        if pattern == "*" or matches(normal_url(pattern), wanted, "/"):
            if denied:
                return False
            found = True
    return found


def permits_destination(project: Object, server: str, name: str, namespace: str) -> bool:
    """A destination of the project for that cluster and namespace.

    A pattern with `!` matches what it does not name when the other half matches as well: then
    nothing else can permit it (`app_project_types.go`, IsDestinationPermitted).
    """
    found = False
    for entry in mappings(project, "spec", "destinations"):
        cluster = _matches_cluster(entry, server, name)
        home = matches(text(entry, "namespace").removeprefix("!"), namespace)
        home_denied = text(entry, "namespace").startswith("!")
        cluster_denied = (text(entry, "server") or text(entry, "name")).startswith("!")
        if (home_denied and home and (cluster or cluster_denied)) or (
            cluster_denied and cluster and (home or home_denied)
        ):
            return False
        if not home_denied and not cluster_denied:
            found |= home and cluster
    return found


def _matches_cluster(entry: Object, server: str, name: str) -> bool:
    """A destination names its cluster by server, or by name."""
    by_server, by_name = text(entry, "server"), text(entry, "name")
    if by_server and matches(by_server.removeprefix("!"), server):
        return True
    known = name or (IN_CLUSTER_NAME if server == IN_CLUSTER else "")
    return bool(by_name) and matches(by_name.removeprefix("!"), known)


def permits_kind(project: Object, group: str, kind: str, name: str, *, namespaced: bool) -> bool:
    """Cluster-scoped kinds need a whitelist; namespaced ones are free unless there is one."""
    spec = mapping(project, "spec")
    prefix = "namespaceResource" if namespaced else "clusterResource"
    white, black = dig(spec, prefix + "Whitelist"), mappings(spec, prefix + "Blacklist")
    if any(_listed(entry, group, kind, name) for entry in black):
        return False
    if white is None:
        return namespaced
    return any(_listed(entry, group, kind, name) for entry in mappings(white))


def _listed(entry: Object, group: str, kind: str, name: str) -> bool:
    return (
        matches(text(entry, "group"), group)
        and matches(text(entry, "kind"), kind)
        and (not text(entry, "name") or matches(text(entry, "name"), name))
    )


def spec_faults(application: Object, project: Object | None) -> list[str]:
    """What `InvalidSpecError` conditions say of an application's project, sources and destination."""
    spec = mapping(application, "spec")
    project_name = text(spec, "project") or "default"
    if project is None:
        return [f"Application referencing project {project_name} which does not exist"]
    faults: list[str] = []
    sources = mappings(spec, "sources") or [mapping(spec, "source")]
    for source in sources:
        url = text(source, "repoURL")
        if not url:
            faults.append(
                "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
            )
        elif not text(source, "path") and not text(source, "chart") and not text(source, "ref"):
            faults.append(
                "spec.source.repoURL and either source.path, source.chart, or source.ref are required for source {"
                + url
                + "}"
            )
        elif not permits_source(project, url):
            faults.append(f"application repo {url} is not permitted in project '{project_name}'")
    return faults + _destination_faults(mapping(spec, "destination"), project, project_name)


def _destination_faults(destination: Object, project: Object, project_name: str) -> list[str]:
    server, name = text(destination, "server"), text(destination, "name")
    if server and name:
        return [f"application destination can't have both name and server defined: {name} {server}"]
    if not server and not name:
        return ["Destination server missing from app spec"]
    namespace = text(destination, "namespace")
    if not permits_destination(project, server, name, namespace):
        why = f"application destination server '{server}' and namespace '{namespace}' "
        why += f"do not match any of the allowed destinations in project '{project_name}'"
        return [why]
    return []
