"""Git for the selected application: its history, where the cluster is in it, and reverts.

Separate because git blocks: everything runs on the repositories' own thread, and what it
cost is remembered, so that nothing is read twice while neither branch nor revision moved.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, TypeVar

from opsconsole.aio.clock import Clock
from opsconsole.errors import GuardError, OpsError, RepoError
from opsconsole.model.applications import Application, Source
from opsconsole.model.objects import mapping, text
from opsconsole.model.revisions import History
from opsconsole.model.status import Sync
from opsconsole.settings import RepoSettings

if TYPE_CHECKING:
    from opsconsole.render.renderer import Renderer
    from opsconsole.repos.mirror import Mirror, Repositories, RevertPlan

T = TypeVar("T")

COMMITS = 50


@dataclass(frozen=True, slots=True)
class Revert:
    """A revert that was looked at: what `execute` runs."""

    url: str
    plan: RevertPlan


class GitWork:
    """Owned by the engine's loop; `close()` when done."""

    def __init__(self, settings: RepoSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._repositories: Repositories | None = None
        self._renderer: Renderer | None = None
        self._read: dict[tuple[str, str, str, str], History] = {}

    async def close(self) -> None:
        if self._repositories is not None:
            await asyncio.to_thread(self._repositories.close)
            self._repositories = None

    async def history(self, app: Application, *, fetch: bool) -> History:
        """Commits that touch the application's path. Never raises: `error` says why there are none."""
        source = app.source
        if not source.repo_url or source.chart:
            what = "a Helm chart" if source.chart else "no repository"
            return History(error=f"the source is {what}: there is no git history")
        try:
            return await self._on_thread(lambda: self._history(source, running(app), fetch=fetch))
        except (OpsError, OSError) as fault:
            message = fault.message if isinstance(fault, OpsError) else str(fault)
            return History(live=running(app), branch=source.target_revision, error=message)

    async def manifests(self, raw: Mapping[str, Any], app: Application) -> list[dict[str, Any]]:
        """What git wants of an Application with one source. Raises OpsError (also when rendering fails)."""
        source = mapping(raw, "spec", "source")
        if not source or text(source, "chart"):
            raise GuardError("only a single source from git can be compared here")

        def work() -> list[dict[str, Any]]:
            from opsconsole.render.options import from_source
            from opsconsole.render.renderer import Renderer

            if self._renderer is None:
                self._renderer = Renderer()
            mirror = self._mirror(app.source.repo_url)
            sha = mirror.resolve(app.source.target_revision)
            options = from_source(source, app_name=app.name, namespace=app.destination_namespace)
            path = app.source.path
            made = self._renderer.render(mirror.tree(sha), path, options, repository=mirror.url)
            return list(made.manifests)

        return await self._on_thread(work)

    async def plan_revert(self, app: Application, commit: str) -> Revert:
        """The commands that undo a commit on the application's branch. Raises OpsError."""

        def work() -> Revert:
            mirror = self._mirror(app.source.repo_url)
            mirror.fetch(self._clock.now())
            branch = _branch(mirror, app.source.target_revision)
            return Revert(app.source.repo_url, mirror.plan_revert(commit, branch))

        return await self._on_thread(work)

    async def revert(self, revert: Revert) -> str:
        """Run it; the new commit. RepoError when the branch moved or there are conflicts."""

        def work() -> str:
            mirror = self._mirror(revert.url)
            mirror.fetch(self._clock.now())
            if mirror.resolve(f"refs/heads/{revert.plan.branch}") != revert.plan.tip:
                raise RepoError(
                    f"{revert.plan.branch} moved since the plan was made; nothing was pushed",
                    hint="look at the new commits, then revert again",
                )
            return mirror.revert(revert.plan)

        return await self._on_thread(work)

    async def is_ancestor(self, url: str, older: str, newer: str) -> bool:
        """Whether `newer` contains `older`."""
        if older == newer:
            return True
        return await self._on_thread(lambda: self._mirror(url).is_ancestor(older, newer))

    def _mirror(self, url: str) -> Mirror:
        if self._repositories is None:
            from opsconsole.repos.mirror import Repositories

            self._repositories = Repositories(self._settings)
        return self._repositories.mirror(url)

    async def _on_thread(self, work: Callable[[], T]) -> T:
        self._mirror_ready()
        assert self._repositories is not None
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._repositories.executor, work)

    def _mirror_ready(self) -> None:
        if self._repositories is None:
            from opsconsole.repos.mirror import Repositories

            self._repositories = Repositories(self._settings)

    def _history(self, source: Source, live: str, *, fetch: bool) -> History:
        mirror = self._mirror(source.repo_url)
        if fetch or mirror.fetched_at is None:
            mirror.fetch(self._clock.now())
        desired = mirror.resolve(source.target_revision)
        key = (source.repo_url, source.path, desired, live)
        held = self._read.get(key)
        if held is None:
            commits = tuple(mirror.history(source.path, desired, COMMITS))
            held = History(
                commits=commits,
                live=_newest(mirror, source.path, live) if live else "",
                desired=commits[0].sha if commits else desired,
                branch=_branch_or(mirror, source.target_revision),
                plaintext_secrets=_exposed(mirror, desired, source.path),
            )
            self._read[key] = held
            if len(self._read) > 64:
                self._read.pop(next(iter(self._read)))
        return replace(held, fetched_at=mirror.fetched_at)


def _exposed(mirror: Mirror, sha: str, path: str) -> tuple[str, ...]:
    from opsconsole.engine.exposure import plaintext_files

    return plaintext_files(mirror.tree(sha), path.strip("/"))


def running(app: Application) -> str:
    """The revision that the cluster runs: the compared one when nothing differs, else the last deployed."""
    if app.sync is Sync.SYNCED:
        return app.revision
    return app.history[-1].revision if app.history else ""


def _newest(mirror: Mirror, path: str, revision: str) -> str:
    """The newest commit up to a revision that touches the path: a monorepo's revision rarely does."""
    try:
        found = mirror.history(path, revision, 1)
    except OpsError:
        return revision
    return found[0].sha if found else revision


def touched(history: History, sha: str) -> datetime | None:
    """When a commit of the history was made."""
    return next((c.date for c in history.commits if c.sha == sha), None)


def _branch_or(mirror: Mirror, revision: str) -> str:
    try:
        return _branch(mirror, revision)
    except OpsError:
        return revision


def _branch(mirror: Mirror, revision: str) -> str:
    """The branch that a targetRevision names. GuardError for a tag or a commit."""
    refs: dict[str, Any] = mirror.refs()
    if revision in ("", "HEAD"):
        head = mirror.git("symbolic-ref", "-q", "HEAD", accept=(0, 1)).strip()
        if head.startswith("refs/heads/"):
            return head.removeprefix("refs/heads/")
    if f"refs/heads/{revision}" in refs:
        return revision
    raise GuardError(
        f"{revision or 'HEAD'} is not a branch, so there is nothing to push a revert to",
        hint="move targetRevision, or revert in a clone",
    )
