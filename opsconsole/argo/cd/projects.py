"""What an AppProject permits (`app_project_types.go`, `util/argo/argo.go`)."""

from __future__ import annotations

import re
from functools import lru_cache

from opsconsole.model.objects import Object, dig, items, mapping, mappings, text

IN_CLUSTER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"


@lru_cache(maxsize=1024)
def _glob(pattern: str, separator: str) -> re.Pattern[str]:
    """Globs of gobwas: `*` stops at the separator, `**` does not, `{a,b}` are alternatives."""
    any_char = f"[^{re.escape(separator)}]" if separator else "."
    out, at, depth = "", 0, 0
    while at < len(pattern):
        char = pattern[at]
        if pattern.startswith("**", at):
            out, at = out + ".*", at + 1
        elif char == "*":
            out += any_char + "*"
        elif char == "?":
            out += any_char
        elif char == "{":
            out, depth = out + "(?:", depth + 1
        elif char == "}" and depth:
            out, depth = out + ")", depth - 1
        elif char == "," and depth:
            out += "|"
        else:
            out += re.escape(char)
        at += 1
    return re.compile(out + ")" * depth, re.DOTALL)


def matches(pattern: str, value: str, separator: str = "") -> bool:
    return _glob(pattern, separator).fullmatch(value) is not None


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
    """A destination of the project for that cluster and namespace; `!` denies."""
    found = False
    for entry in mappings(project, "spec", "destinations"):
        pattern = text(entry, "namespace")
        home_denied, home = pattern.startswith("!"), matches(pattern.removeprefix("!"), namespace)
        cluster_denied, cluster = _cluster(entry, server, name)
        if home_denied or cluster_denied:
            if (home and home_denied and (cluster or cluster_denied)) or (
                cluster and cluster_denied
            ):
                return False
            continue
        found |= home and cluster
    return found


def _cluster(entry: Object, server: str, name: str) -> tuple[bool, bool]:
    """(denied, matched) of a destination's cluster, by name where it has one."""
    by_name, by_server = text(entry, "name"), text(entry, "server")
    pattern, value = (by_name, name) if by_name and name else (by_server or by_name, server)
    if by_name and not by_server and not name:
        value = IN_CLUSTER_NAME if server == IN_CLUSTER else ""
        pattern = by_name
    return pattern.startswith("!"), matches(pattern.removeprefix("!"), value)


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
        return [
            f"application destination server '{server}' and namespace '{namespace}' "
            f"do not match any of the allowed destinations in project '{project_name}'"
        ]
    return []
