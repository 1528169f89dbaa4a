"""What an AppProject permits (`app_project_types.go`, `util/argo/argo.go`)."""

from __future__ import annotations

import re

from opsconsole.model.globs import matches
from opsconsole.model.objects import Object, dig, items, mapping, mappings, text

IN_CLUSTER = "https://kubernetes.default.svc"
IN_CLUSTER_NAME = "in-cluster"

Cluster = tuple[str, str]
"""(server, name)."""


def normal_url(url: str) -> str:
    """A repository's address in one spelling: lower case, without `.git` and a final slash."""
    return _git_url(url.strip().rstrip("/"))


def _git_url(url: str) -> str:
    """One spelling of an address (`util/git`, NormalizeGitURL); `git@host:path` is `git@host/path`."""
    plain = url.strip().lower()
    if _SSH.fullmatch(plain) and not plain.startswith("ssh://"):
        plain = plain.replace(":", "/", 1)
    return plain.removeprefix("ssh://").removesuffix(".git")


_SSH = re.compile(r"(ssh://)?([^/:]*?)@[^@]+")


def _glob(pattern: str, value: str, separator: str = "") -> bool:
    """With `!` a pattern matches what the rest of it does not."""
    if pattern.startswith("!"):
        return not matches(pattern[1:], value, separator)
    return pattern == "*" or matches(pattern, value, separator)


def permits_source(project: Object, url: str) -> bool:
    """Any pattern, and none that denies it with `!` (`IsSourcePermitted`)."""
    wanted, found = _git_url(url), False
    for raw in items(project, "spec", "sourceRepos"):
        denies = str(raw).startswith("!")
        pattern = ("!" if denies else "") + _git_url(str(raw).removeprefix("!"))
        if _glob(pattern, wanted, "/"):
            found = True
        elif denies:
            return False
    return found


def permits_destination(project: Object, server: str, name: str, namespace: str) -> bool:
    """Any destination of the project, and none that denies it with `!` (`isDestinationMatched`).

    `server` and `name` are both of the cluster, wherever the application names only one of them.
    """
    found = False
    for entry in mappings(project, "spec", "destinations"):
        by_name, by_server = text(entry, "name"), text(entry, "server")
        named = bool(name) and _glob(by_name, name)
        served = bool(server) and _glob(by_server, server)
        home = _glob(text(entry, "namespace"), namespace)
        denied = (not named and by_name.startswith("!")) or (
            not served and by_server.startswith("!")
        )
        if (named or served) and home:
            found = True
        elif (denied and home) or (
            not home and text(entry, "namespace").startswith("!") and served
        ):
            return False
    return found


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


def spec_faults(
    application: Object, project: Object | None, cluster: Cluster | None = None
) -> list[str]:
    """What `InvalidSpecError` conditions say of an application's project, sources and destination.

    `cluster` is the destination's; without it the half that the application does not name counts
    as any cluster of that kind (`util/argo`, ValidatePermissions).
    """
    spec = mapping(application, "spec")
    title = text(spec, "project") or "default"
    if project is None:
        return [f"Application referencing project {title} which does not exist"]
    faults = source_faults(application, project)
    if any(fault.startswith("spec.source") for fault in faults):
        return faults
    fault = _destination_fault(mapping(spec, "destination"), project, title, cluster)
    return [*faults, fault] if fault else faults


def source_faults(application: Object, project: Object) -> list[str]:
    """What is wrong with the sources; one that names no place ends it (text `spec.source…`)."""
    spec = mapping(application, "spec")
    title = text(spec, "project") or "default"
    faults: list[str] = []
    several = mappings(spec, "sources")
    for source in several or [mapping(spec, "source")]:
        fault = _source_fault(source, several=bool(several))
        if fault:
            return [*faults, fault]
        url = text(source, "repoURL")
        if not permits_source(project, url):
            faults.append(f"application repo {url} is not permitted in project '{title}'")
    return faults


def _source_fault(source: Object, *, several: bool) -> str:
    placed = text(source, "path") or text(source, "chart") or (several and text(source, "ref"))
    if not text(source, "repoURL") or not placed:
        if several:
            return (
                "spec.source.repoURL and either source.path, source.chart, or source.ref are "
                f"required for source {_printed(source)}"
            )
        return "spec.source.repoURL and either spec.source.path or spec.source.chart are required"
    if text(source, "chart") and not text(source, "targetRevision"):
        return "spec.source.targetRevision is required if the manifest source is a helm chart"
    return ""


def _printed(source: Object) -> str:
    """A source as Go prints the struct; sections that are given are only named."""
    sections = ("helm", "kustomize", "directory", "plugin")
    shown = [text(source, name) for name in ("repoURL", "path", "targetRevision")]
    shown += [
        f"&ApplicationSource{name.capitalize()}{{…}}" if source.get(name) else "nil"
        for name in sections
    ]
    shown += [text(source, name) for name in ("chart", "ref", "name", "tagPrefix")]
    return "{" + " ".join(shown) + "}"


def destination_fault(destination: Object) -> str:
    """What is wrong with a destination whatever the clusters are, or ""."""
    server, name = text(destination, "server"), text(destination, "name")
    if server and name:
        return f"application destination can't have both name and server defined: {name} {server}"
    return "" if server or name else "Destination server missing from app spec"


def _destination_fault(
    destination: Object, project: Object, title: str, cluster: Cluster | None
) -> str:
    fault = destination_fault(destination)
    if fault:
        return fault
    server, name = cluster or _guessed(text(destination, "server"), text(destination, "name"))
    if permits_destination(project, server, name, text(destination, "namespace")):
        return ""
    return not_permitted(destination, title, server, name)


def not_permitted(destination: Object, project: str, server: str, name: str) -> str:
    """That a project does not permit a destination; the cluster is named as the application does."""
    shown = name if text(destination, "name") else server
    return (
        f"application destination server '{shown}' and namespace "
        f"'{text(destination, 'namespace')}' do not match any of the allowed destinations in "
        f"project '{project}'"
    )


def _guessed(server: str, name: str) -> Cluster:
    """A cluster of which only one half is known."""
    if name:
        return (IN_CLUSTER if name == IN_CLUSTER_NAME else "https://", name)
    return (server.rstrip("/"), IN_CLUSTER_NAME if server.rstrip("/") == IN_CLUSTER else "")
