"""Git and rendering for the Argo CD controllers: a source at a revision → manifests.

What the repo-server does. Faults carry the text that the real controller shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

from opsconsole.argo.cd.identity import Obj
from opsconsole.argo.gotemplate.errors import CallError
from opsconsole.argo.gotemplate.versions import Version, parse, satisfies
from opsconsole.errors import OpsError, RenderError
from opsconsole.model.objects import text
from opsconsole.render.kustomize.faults import at
from opsconsole.render.links import Links
from opsconsole.render.mounts import Mounted
from opsconsole.render.options import RenderOptions, from_source
from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Repositories
from opsconsole.repos.objects import CommitTree
from opsconsole.repos.process import RepoFault

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)
_SHORT = re.compile(r"[0-9a-fA-F]{7,}", re.ASCII)
_PLAIN = re.compile(r"[A-Za-z_][^*<>=~^ ]*|v?\d+(\.\d+){0,2}|[0-9a-f]{7,}", re.ASCII)
"""No range of versions: a name, a version or a commit."""


FAILURES = 3
"""`reposerver.pause.generation.after.failed.attempts`: from then on the fault is remembered."""

PAUSE = 3600.0
"""Seconds (`reposerver.pause.generation.on.failure.for.minutes`)."""


REMEMBERED = 10_000
"""Sources whose options are kept."""


class SourceError(Exception):
    """A source that gives no manifests; the message is the repo-server's, `code` its gRPC code."""

    def __init__(self, message: str, code: str = "Unknown") -> None:
        super().__init__(message)
        self.code = code


@dataclass(slots=True)
class _Failing:
    """Consecutive failures of one application's source at one commit; `since` in virtual seconds."""

    since: float
    message: str = ""
    count: int = 0


class Generated(NamedTuple):
    """Manifests of one source. `tool` is Kustomize, Helm or Directory."""

    revision: str
    manifests: list[Obj]
    tool: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: for the build environment and the destination. `hard` passes over what is remembered."""

    app: str
    namespace: str
    project: str
    destination: str
    hard: bool = False
    references: Mapping[str, CommitTree] = field(default_factory=dict)
    """What `$name` in Helm's value files is, by `$name`."""


class Sources:
    """`now` are virtual seconds: within one of them a repository is fetched once for polling."""

    def __init__(
        self, repositories: Repositories, renderer: Renderer, now: Callable[[], float]
    ) -> None:
        self.repositories = repositories
        self.renderer = renderer
        self._now = now
        self._fetched: dict[str, float] = {}
        self._failing: dict[tuple[str, str, str], _Failing] = {}
        self._read: dict[int, tuple[Mapping[str, Any], tuple[Asked, str], RenderOptions]] = {}
        self._links = Links()
        self.build_options = ""
        """argocd-cm's `kustomize.buildOptions`."""
        self.kube_version = ""
        self.api_versions: tuple[str, ...] = ()
        """What Helm is told of the cluster."""

    def resolve(self, url: str, revision: str, *, force: bool) -> str:
        """Branch, tag, range of versions or commit → commit. Raises SourceError."""
        mirror = self.repositories.mirror(url)
        try:
            if not _SHA.fullmatch(revision) or force or url not in self._fetched:
                self._fetch(url, force=force)
        except RepoFault as fault:
            why = LISTING.get(fault.reason, fault.message)
            raise SourceError(f"failed to list refs: {why}") from fault
        try:
            return mirror.resolve(newest(revision, mirror.refs()))
        except RepoFault as fault:
            raise _unresolved(fault, revision) from fault

    def _fetch(self, url: str, *, force: bool) -> None:
        last = self._fetched.get(url)
        if not force and last is not None and self._now() - last < 1.0:
            return
        self.repositories.mirror(url).fetch()
        self._fetched[url] = self._now()

    def tree(self, url: str, revision: str, *, force: bool = False) -> tuple[str, CommitTree]:
        """(commit, its files). Raises SourceError."""
        sha = self.resolve(url, revision, force=force)
        try:
            tree = self.repositories.mirror(url).tree(sha)
            link = self._links.outside(tree)
        except OpsError as fault:
            raise SourceError(fault.message) from fault
        if link:
            why = f"repository contains out-of-bounds symlinks. file: {link}"
            raise SourceError(why)
        return sha, tree

    def generate(
        self, source: Mapping[str, Any], revision: str, asked: Asked, *, force: bool
    ) -> Generated:
        """The manifests of a source. Raises SourceError."""
        url, path = text(source, "repoURL"), text(source, "path")
        if text(source, "chart") or url.startswith("oci://"):
            what = f"chart {text(source, 'chart')} of {url}" if text(source, "chart") else url
            raise SourceError(f"{what}: only git repositories are read here; vendor it into one")
        sha, tree = self.tree(url, revision, force=force)
        if text(source, "ref") and not path:
            return Generated(sha, [], "")
        mark = (f"{asked.namespace}/{asked.app}", sha, str(source) if self._failing else "")
        self._pause(mark, hard=asked.hard)
        try:
            options = self._known_options(source, asked, sha)
            seen = Mounted(tree, asked.references) if asked.references else tree
            made = self.renderer.render(seen, path, options, repository=url)
        except OpsError as fault:
            refused = self._refused(fault, path)
            failing = self._failing.setdefault((mark[0], sha, str(source)), _Failing(self._now()))
            failing.count, failing.message = failing.count + 1, _error(refused)
            raise refused from fault
        self._failing.pop(mark, None)
        return Generated(sha, made.manifests, made.tool)

    def _pause(self, mark: tuple[str, str, str], *, hard: bool) -> None:
        """What failed several times is not tried again for a while (`getManifestCacheEntry`)."""
        failing = self._failing.get(mark)
        if failing is None or failing.count < FAILURES or hard:
            return
        if self._now() - failing.since >= PAUSE:
            del self._failing[mark]
            return
        raise SourceError(f"Manifest generation error (cached): {failing.message}")

    def _known_options(self, source: Mapping[str, Any], asked: Asked, sha: str) -> RenderOptions:
        """The options of a source; the same as long as nobody changes the Application."""
        known = self._read.get(id(source))
        if known is not None and known[0] is source and known[1] == (asked, self.build_options):
            return known[2]
        options = self._options(source, asked, sha)
        if not options.environment:
            if len(self._read) > REMEMBERED:
                self._read.clear()
            self._read[id(source)] = (source, (asked, self.build_options), options)
        return options

    def _options(self, source: Mapping[str, Any], asked: Asked, sha: str) -> RenderOptions:
        url, path = text(source, "repoURL"), text(source, "path")
        environment = {
            "ARGOCD_APP_NAME": asked.app,
            "ARGOCD_APP_NAMESPACE": asked.destination,
            "ARGOCD_APP_PROJECT_NAME": asked.project,
            "ARGOCD_APP_REVISION": sha,
            "ARGOCD_APP_REVISION_SHORT": sha[:7],
            "ARGOCD_APP_REVISION_SHORT_8": sha[:8],
            "ARGOCD_APP_SOURCE_PATH": path,
            "ARGOCD_APP_SOURCE_REPO_URL": url,
            "ARGOCD_APP_SOURCE_TARGET_REVISION": text(source, "targetRevision"),
        }
        # only what uses the environment must be rendered again for another commit
        used = environment if "ARGOCD_" in str(source) else {}
        options = from_source(
            source,
            app_name=asked.app,
            namespace=asked.destination,
            environment=tuple(used.items()),
            load_restrictor="LoadRestrictionsNone" not in self.build_options,
        )
        if options.tool not in ("", "helm"):
            return options
        versions = self.api_versions
        return replace(options, kube_version=self.kube_version, api_versions=versions)

    def _refused(self, fault: OpsError, path: str) -> SourceError:
        """In the repo-server's words: a program's own come with the command that was run."""
        said = fault.said if isinstance(fault, RenderError) else ""
        if not said:
            unread = fault.message.startswith(("Failed to unmarshal", "Found multiple objects"))
            return SourceError(fault.message, "FailedPrecondition" if unread else "Unknown")
        if isinstance(fault, RenderError) and fault.command:
            failed = f"failed running helm: `{fault.command}` failed exit status 1: {said}"
            return SourceError(f"failed to execute helm template command: {failed}")
        command = " ".join(filter(None, ("kustomize build", at(path), self.build_options)))
        return SourceError(f"`{command}` failed exit status 1: Error: {said}")


LISTING = {
    "gone": "repository not found",
    "denied": "authentication required",
    "empty": "remote repository is empty",
}
"""What go-git says when the references of a repository cannot be listed, by our reason."""


def _unresolved(fault: RepoFault, revision: str) -> SourceError:
    if fault.reason == "empty":
        return SourceError(f"failed to list refs: {LISTING['empty']}")
    if not _SHORT.fullmatch(revision):
        return SourceError(fault.message)
    # what looks like a commit is taken for one, and then it is not there
    said = f"upload-pack: not our ref {revision}"
    if not _SHA.fullmatch(revision):
        said = f"couldn't find remote ref {revision}"
    kind = "remote error: " if _SHA.fullmatch(revision) else ""
    command = f"git fetch origin {revision} --tags --force --prune"
    why = f"`{command}` failed exit status 128: fatal: {kind}{said}"
    return SourceError(f"Failed to checkout revision {revision}: {why}", "Internal")


def newest(revision: str, refs: Iterable[str]) -> str:
    """The highest tag within a range of versions such as `1.*` or `>=2, <3`; else the revision."""
    if _PLAIN.fullmatch(revision):
        return revision
    tags = [ref.removeprefix("refs/tags/") for ref in refs if ref.startswith("refs/tags/")]
    if revision in tags:
        return revision
    best: Version | None = None
    for tag in tags:
        try:
            version = parse(tag)
            if satisfies(revision, tag) and (best is None or best < version):
                best = version
        except CallError:
            continue
    return best.original if best is not None else revision


def _error(fault: SourceError) -> str:
    return str(fault) if fault.code == "Unknown" else grpc(fault)


def grpc(fault: SourceError) -> str:
    """The fault as it comes out of the repo-server."""
    return f"rpc error: code = {fault.code} desc = {fault}"
