"""Git and rendering for the Argo CD controllers: a source at a revision → manifests.

What the repo-server does. Faults carry the text that the real controller shows.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from opsconsole.argo.cd.identity import Obj
from opsconsole.errors import OpsError
from opsconsole.model.objects import text
from opsconsole.render.options import from_source
from opsconsole.render.renderer import Renderer
from opsconsole.repos.mirror import Repositories
from opsconsole.repos.objects import CommitTree

_SHA = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}", re.ASCII)


class SourceError(Exception):
    """A source that gives no manifests; the message is the repo-server's."""


class Generated(NamedTuple):
    """Manifests of one source. `tool` is Kustomize, Helm or Directory."""

    revision: str
    manifests: list[Obj]
    tool: str


@dataclass(frozen=True, slots=True)
class Asked:
    """Who asks: for the build environment and the destination."""

    app: str
    namespace: str
    project: str
    destination: str


class Sources:
    """`now` are virtual seconds: within one of them a repository is fetched once for polling."""

    def __init__(
        self, repositories: Repositories, renderer: Renderer, now: Callable[[], float]
    ) -> None:
        self.repositories = repositories
        self.renderer = renderer
        self._now = now
        self._fetched: dict[str, float] = {}

    def resolve(self, url: str, revision: str, *, force: bool) -> str:
        """Branch, tag or commit → commit. Raises SourceError."""
        mirror = self.repositories.mirror(url)
        try:
            if not _SHA.fullmatch(revision) or force or url not in self._fetched:
                self._fetch(url, force=force)
            return mirror.resolve(revision)
        except OpsError as fault:
            raise SourceError(fault.message) from fault

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
            return sha, self.repositories.mirror(url).tree(sha)
        except OpsError as fault:
            raise SourceError(fault.message) from fault

    def generate(
        self, source: Mapping[str, Any], revision: str, asked: Asked, *, force: bool
    ) -> Generated:
        """The manifests of a source. Raises SourceError."""
        url, path = text(source, "repoURL"), text(source, "path")
        sha, tree = self.tree(url, revision, force=force)
        if text(source, "ref") and not path:
            return Generated(sha, [], "")
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
        try:
            # only what uses the environment must be rendered again for another commit
            used = environment if "$" in str(source) else {}
            options = from_source(
                source,
                app_name=asked.app,
                namespace=asked.destination,
                environment=tuple(used.items()),
            )
            made = self.renderer.render(tree, path, options, repository=url)
        except OpsError as fault:
            raise SourceError(fault.message) from fault
        return Generated(sha, made.manifests, made.tool)


def grpc(fault: SourceError) -> str:
    """The fault as it comes out of the repo-server."""
    message = str(fault)
    code = "FailedPrecondition" if message.startswith("Failed to unmarshal") else "Unknown"
    return f"rpc error: code = {code} desc = {message}"
