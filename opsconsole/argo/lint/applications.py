"""Applications and AppProjects: specs that Argo CD answers with an InvalidSpecError condition."""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from opsconsole.argo.cd.projects import permits_kind, spec_faults
from opsconsole.argo.cd.windows import Cron
from opsconsole.argo.lint.findings import NOTE, WARNING, Hit, Path, Placed
from opsconsole.argo.lint.scope import CLUSTER_WIDE, Index, Scope
from opsconsole.argo.lint.syncing import APPLICATION_OPTIONS, unknown_option
from opsconsole.errors import RuleError
from opsconsole.model.objects import dig, flag, items, mapping, mappings, name_of, text
from opsconsole.model.times import parse_duration

DEFAULT: Mapping[str, Any] = {
    "kind": "AppProject",
    "metadata": {"name": "default"},
    "spec": {
        "sourceRepos": ["*"],
        "destinations": [{"server": "*", "namespace": "*"}],
        "clusterResourceWhitelist": [{"group": "*", "kind": "*"}],
    },
}
"""What Argo CD creates by itself (`assets` of its installation)."""


def project_of(application: Placed, scope: Scope) -> Mapping[str, Any] | None:
    """The AppProject, wherever it stands in the repository."""
    name = text(application.manifest, "spec", "project") or "default"
    for index in (scope.own, scope.around):
        for found in index.named("AppProject", name):
            return found.manifest
    return DEFAULT if name == "default" else None


def _any_project(scope: Scope) -> bool:
    return "AppProject" in scope.own.kinds() | scope.around.kinds()


def spec(one: Placed, scope: Scope) -> Iterator[Hit]:
    project = project_of(one, scope)
    if project is None and not _any_project(scope):
        name = text(one.manifest, "spec", "project")
        why = f"Application referencing project {name} which does not exist"
        yield Hit(f"{why} in this tree", ("spec", "project"), NOTE)
        project = DEFAULT
    for fault in spec_faults(one.manifest, project):
        yield Hit(fault, _place(fault))
    sources = mappings(one.manifest, "spec", "sources") or [mapping(one.manifest, "spec", "source")]
    for source in sources:
        tools = [t for t in ("kustomize", "helm", "directory", "plugin") if mapping(source, t)]
        if len(tools) > 1:
            listed = " and ".join(tool.capitalize() for tool in tools)
            yield Hit(f"multiple application sources defined: {listed}", ("spec", "source"))
        if text(source, "path").startswith("/"):
            yield Hit(f"{text(source, 'path')}: app path is absolute", ("spec", "source", "path"))
    if mappings(one.manifest, "spec", "sources") and mapping(one.manifest, "spec", "source"):
        why = "spec.source is ignored where spec.sources is set"
        yield Hit(why, ("spec", "source"), WARNING)


def _place(fault: str) -> Path:
    for word, path in (
        ("project", ("spec", "project")),
        ("repo ", ("spec", "source", "repoURL")),
        ("destination", ("spec", "destination")),
    ):
        if fault.startswith((word, f"application {word}", f"Application referencing {word}")):
            return path
    return ("spec", "source")


def path_exists(one: Placed, scope: Scope) -> Iterator[Hit]:
    """A source path that is not in the tree; certain only where other Applications' paths are."""
    if not scope.files:
        return
    folders = scope.around.once("folders", lambda _: _folders(scope.files))
    ours = scope.around.once("repositories", lambda index: _repositories(index, folders))
    url, path = text(one.manifest, "spec", "source", "repoURL"), _path(one)
    if url in ours and path and path not in folders:
        yield Hit(f"{path}: app path does not exist", ("spec", "source", "path"))


def _folders(files: Sequence[str]) -> set[str]:
    found: set[str] = set()
    for folder in {posixpath.dirname(file) for file in files}:
        place = folder
        while place and place not in found:
            found.add(place)
            place = posixpath.dirname(place)
    return found


def _repositories(index: Index, folders: set[str]) -> set[str]:
    """Addresses that this tree is, by the paths of Applications that it has."""
    return {
        text(one.manifest, "spec", "source", "repoURL")
        for one in index.kind("Application")
        if _path(one) in folders
    }


def _path(one: Placed) -> str:
    path = text(one.manifest, "spec", "source", "path")
    return posixpath.normpath(path).removeprefix("./") if path else ""


def permitted(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Objects of an Application's set that its project does not let it make."""
    if scope.application is None or one.kind in ("Application", "ApplicationSet", "AppProject"):
        return
    project = project_of(scope.application, scope)
    if project is None:
        return
    group = text(one.manifest, "apiVersion").rpartition("/")[0]
    namespaced = one.kind not in CLUSTER_WIDE
    if not permits_kind(project, group, one.kind, name_of(one.manifest), namespaced=namespaced):
        why = f"resource {group}:{one.kind} is not permitted in project {name_of(project)}"
        yield Hit(why, ("kind",))


def sync_policy(one: Placed, _: Scope) -> Iterator[Hit]:
    policy = mapping(one.manifest, "spec", "syncPolicy")
    for index, option in enumerate(items(policy, "syncOptions")):
        why = unknown_option(str(option), APPLICATION_OPTIONS, "sync option")
        if why:
            yield Hit(why, ("spec", "syncPolicy", "syncOptions", index))
    backoff: Path = ("spec", "syncPolicy", "retry", "backoff")
    for field in ("duration", "maxDuration"):
        written = text(policy, "retry", "backoff", field)
        try:
            if written and not written.isdecimal():
                parse_duration(written)
        except RuleError as fault:
            yield Hit(f"retry.backoff.{field}: {fault.message}", (*backoff, field))
    automated = policy.get("automated")
    if isinstance(automated, Mapping) and automated.get("enabled") is not False:
        retry = dig(policy, "retry", "limit")
        if retry == 0:
            why = "retry.limit 0: a sync that fails once waits for the next commit"
            yield Hit(why, ("spec", "syncPolicy", "retry", "limit"), NOTE)
    elif flag(policy, "automated", "selfHeal"):
        yield Hit("selfHeal does nothing while automated.enabled is false", backoff[:2], NOTE)


def project(one: Placed, _: Scope) -> Iterator[Hit]:
    """`AppProject.ValidateProject` for what is written: an empty list permits nothing."""
    spec = mapping(one.manifest, "spec")
    for field, what in (("sourceRepos", "source repository"), ("destinations", "destination")):
        if not items(spec, field):
            yield Hit(f"spec.{field} is empty: the project permits no {what}", ("spec",))
    seen: set[tuple[str, str, str]] = set()
    for index, entry in enumerate(mappings(spec, "destinations")):
        key = (text(entry, "server"), text(entry, "name"), text(entry, "namespace"))
        path = ("spec", "destinations", index)
        if key in seen:
            why = f"destination {key[0] or key[1]}/{key[2]} already added"
            yield Hit(why, path)
        seen.add(key)
        if text(entry, "server") == "!*" or text(entry, "name") == "!*":
            yield Hit("server has an invalid format, '!*'", path)
        if text(entry, "namespace") == "!*":
            yield Hit("namespace has an invalid format, '!*'", path)
    repos = [str(repo) for repo in items(spec, "sourceRepos")]
    for index, repo in enumerate(repos):
        if repo == "!*":
            yield Hit(
                "source repository has an invalid format, '!*'", ("spec", "sourceRepos", index)
            )
        elif repo in repos[:index]:
            yield Hit(f"source repository '{repo}' already added", ("spec", "sourceRepos", index))
    yield from _windows(spec)


def _windows(spec: Mapping[str, Any]) -> Iterator[Hit]:
    for index, window in enumerate(mappings(spec, "syncWindows")):
        path = ("spec", "syncWindows", index)
        if text(window, "kind") not in ("allow", "deny"):
            yield Hit(f"kind '{text(window, 'kind')}' mismatch: can only be allow or deny", path)
        try:
            Cron.parse(text(window, "schedule"))
        except RuleError as fault:
            why = f"cannot parse schedule '{text(window, 'schedule')}': {fault.message}"
            yield Hit(why, (*path, "schedule"))
        try:
            parse_duration(text(window, "duration"))
        except RuleError as fault:
            why = f"cannot parse duration '{text(window, 'duration')}': {fault.message}"
            yield Hit(why, (*path, "duration"))
