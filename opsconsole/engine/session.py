"""What the hub's loop does: connect, keep the world current, select, plan, execute.

Separate from the hub, which is only threads and publishing: everything here runs on one loop.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace
from types import MappingProxyType

from opsconsole.aio.backoff import Backoff, Uniform
from opsconsole.aio.clock import Clock
from opsconsole.aio.tasks import cancel, supervise
from opsconsole.engine import notices
from opsconsole.engine.destinations import Destinations
from opsconsole.engine.drift import Drift, drift_of, out_of_sync
from opsconsole.engine.events import EventLog, subjects
from opsconsole.engine.faraway import FarRollouts
from opsconsole.engine.gitwork import GitWork
from opsconsole.engine.journal import Journal
from opsconsole.engine.operations import Operations
from opsconsole.engine.planner import Planner
from opsconsole.engine.protocols import Cluster, Connected, Connector
from opsconsole.engine.signal import Signal
from opsconsole.engine.traces import Traces, running
from opsconsole.engine.windows import blocked_by_windows
from opsconsole.engine.world import World
from opsconsole.errors import ConnectError, KubeconfigError, OpsError
from opsconsole.model.applications import Application
from opsconsole.model.events import Event
from opsconsole.model.feed import Changed, Listed
from opsconsole.model.kinds import APPLICATION, CONFIG_MAP, ResourceKey
from opsconsole.model.objects import name_of
from opsconsole.model.permissions import Permissions
from opsconsole.model.plans import Intent, OperationRecord, Plan
from opsconsole.model.revisions import History
from opsconsole.model.rollouts import Rollout
from opsconsole.model.snapshot import Incident, Link, LinkState, Selection, Snapshot
from opsconsole.settings import Settings

FETCH = 30.0
"""Seconds between two looks at the selected application's repository."""

DRIFT = 30.0
"""Seconds after which a drift that is shown is looked at again."""

EVENTS = 0.5
"""Seconds between two looks at whose events, and which other cluster's rollouts, matter."""

METRICS = 5.0
"""Seconds between two questions to the metric provider of running analyses."""

PERMISSIONS = 300.0
"""Seconds between two reviews of what we may do in a namespace."""

REVIEW = 2.0
"""Seconds between two looks for namespaces that were not reviewed yet."""

NAMESPACES = 200
"""Namespaces that are reviewed; what we may do in others is unknown, which allows trying."""

TICK = 20.0
"""Seconds after which sync windows are looked at again."""


class Session:
    """`permissions` and `blocked` are replaced, never changed: any thread may read them."""

    def __init__(
        self,
        connector: Connector,
        settings: Settings,
        clock: Clock,
        luck: Uniform,
        *,
        journal: Journal,
        changed: Callable[[], None],
    ) -> None:
        self.permissions: Mapping[str, Permissions] = {}
        self.blocked: Mapping[str, str] = {}
        self._connector = connector
        self._settings = settings
        self._clock = clock
        self._luck = luck
        self._journal = journal
        self._announce = changed
        self._moved = Signal()
        self._world = World(settings.cluster, clock, self._changed)
        self._operations = Operations(
            journal=journal,
            clock=clock,
            changed=self._changed,
            moved=self._moved,
            user=settings.user,
            pushed=self._git_moved,
        )
        self._link = LinkState(Link.CONNECTING, clock.now())
        self._connected: Connected | None = None
        self._git: GitWork | None = None
        self._planner: Planner | None = None
        self._destinations: Destinations | None = None
        self._selected: ResourceKey | None = None
        self._history = History()
        self._drift: Drift = ()
        self._events = EventLog(self._changed)
        self._traces: Traces | None = None
        self._far = FarRollouts(clock, self._changed)
        self._wanted = asyncio.Event()
        self._pushed = False
        self._tasks: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[OperationRecord]] = set()
        self._faults: dict[str, Incident] = {}

    def start(self) -> None:
        self._wanted = asyncio.Event()
        self._supervise(self._connect(), "connect", endless=False)

    async def stop(self) -> None:
        await cancel(*self._running)
        await cancel(*self._tasks)
        await self._events.stop()
        await self._far.stop()
        if self._traces is not None:
            self._traces.close()
        await self._world.stop()
        if self._git is not None:
            await self._git.close()
        if self._destinations is not None:
            await self._destinations.close()
        if self._connected is not None:
            await self._connected.cluster.close()
            if self._connected.close is not None:
                await asyncio.to_thread(self._connected.close)

    def _supervise(self, work: object, name: str, *, endless: bool = True) -> None:
        task = supervise(work, name=name, endless=endless, report=self._failed)  # type: ignore[arg-type]
        self._tasks.append(task)

    def _failed(self, name: str, fault: BaseException | None) -> None:
        told = f"{type(fault).__name__}: {fault}" if fault is not None else "it ended"
        self._incident(f"task {name}", told, "the rest goes on; restart when it matters")

    def _incident(self, source: str, message: str, hint: str = "") -> None:
        self._faults[source] = Incident(source, message, hint, self._clock.now())
        self._changed()

    # connecting

    async def _connect(self) -> None:
        delays = Backoff(self._luck, base=1.0, cap=15.0)
        while True:
            try:
                self._connected = await self._connector()
            except OpsError as fault:
                final = not isinstance(fault, ConnectError) or isinstance(fault, KubeconfigError)
                link = Link.BROKEN if final else Link.CONNECTING
                self._link = LinkState(link, self._clock.now(), fault.message, fault.hint)
                self._changed()
                if final:
                    return
                await asyncio.sleep(delays.next())
            else:
                break
        self._go(self._connected)

    def _go(self, connected: Connected) -> None:
        cluster = connected.cluster
        self._git = GitWork(connected.repos, self._clock)
        self._planner = Planner(
            cluster, self._world, self._git, self._clock, self._settings.user, cluster.context
        )
        self._destinations = Destinations(cluster, connected.elsewhere)
        self._world.start(cluster, connected.server)
        self._supervise(self._watch_git(), "git history")
        self._supervise(self._watch_drift(), "drift")
        self._traces = Traces(connected.prometheus)
        self._supervise(self._watch_events(cluster), "events")
        self._supervise(self._watch_far(self._destinations), "rollouts of another cluster")
        self._supervise(self._watch_metrics(self._traces), "metrics")
        self._supervise(self._review(), "permissions")
        self._supervise(self._tick(), "sync windows")
        self._supervise(self._watch_notifications(cluster), "notifications")
        self._changed()

    async def _review(self) -> None:
        """What we may do in the namespaces that matter: asked when one appears, and by time."""
        assert self._connected is not None
        asked: dict[str, float] = {}
        while True:
            picture = self._world.picture
            wanted = {key.namespace for key in (*picture.applications, *picture.rollouts)}
            now = self._clock.monotonic()
            for namespace in sorted(wanted)[:NAMESPACES]:
                if now - asked.get(namespace, float("-inf")) >= PERMISSIONS:
                    asked[namespace] = now
                    found = await self._connected.cluster.permissions(namespace)
                    self.permissions = {**self.permissions, namespace: found}
            await asyncio.sleep(REVIEW)

    async def _watch_notifications(self, cluster: Cluster) -> None:
        """Tell when the configuration of notifications cannot be used."""
        fields = f"metadata.name={notices.CONFIG}"
        home = self._settings.cluster.argocd_namespace
        async for news in cluster.follow(CONFIG_MAP, home, fields=fields):
            if isinstance(news, Listed):
                config = next((o for o in news.objects if name_of(o) == notices.CONFIG), None)
            elif isinstance(news, Changed) and name_of(news.object) == notices.CONFIG:
                config = None if news.type == "DELETED" else news.object
            else:
                continue
            fault = await notices.fault_of(config)
            if fault:
                self._incident("notifications", f"nothing is sent: {fault}", notices.HINT)
            elif self._faults.pop("notifications", None) is not None:
                self._changed()

    async def _tick(self) -> None:
        while True:
            self.blocked = blocked_by_windows(self._world.store, self._clock.now())
            await asyncio.sleep(TICK if self._world.listed else 1.0)

    # selection

    def select(self, application: ResourceKey | None) -> None:
        if application == self._selected:
            return
        self._selected = application
        self._history = History()
        self._drift = ()
        self._wanted.set()
        self._changed()

    def _git_moved(self) -> None:
        """We pushed: the history that is shown is not the newest any more."""
        self._pushed = True
        self._wanted.set()

    async def _watch_git(self) -> None:
        """Keep the selected application's history current: on selection, on sync, and by time."""
        seen: tuple[ResourceKey, str, str] | None = None
        fetched = float("-inf")
        while True:
            asked = self._wanted.is_set()
            self._wanted.clear()
            app = self._selected_app()
            due = self._clock.monotonic() - fetched >= FETCH
            state = (app.key, app.revision, app.source.target_revision) if app else None
            if app is not None and (due or state != seen or asked):
                assert self._git is not None
                fetch, self._pushed = due or state != seen or self._pushed, False
                history = await self._git.history(app, fetch=fetch)
                fetched, seen = self._clock.monotonic(), state
                if app.key == self._selected and history != self._history:
                    self._history = history
                    self._changed()
            await self._pause(1.0)

    async def _watch_drift(self) -> None:
        """Compare the selected application with git: when what differs changes, and by time."""
        assert self._destinations is not None
        assert self._git is not None
        seen: object = None
        looked = float("-inf")
        while True:
            app = self._selected_app()
            due = self._clock.monotonic() - looked >= DRIFT
            known = bool(self._history.desired)
            state = (app.key, self._history.desired, out_of_sync(app.resources)) if app else None
            if app is not None and known and (state != seen or (due and self._drift)):
                raw = self._world.store.get(APPLICATION, app.key.namespace, app.key.name) or {}
                drift = await drift_of(app, raw, self._destinations, self._git)
                seen, looked = state, self._clock.monotonic()
                if app.key == self._selected and drift != self._drift:
                    self._drift = drift
                    self._changed()
            await asyncio.sleep(1.0)

    async def _watch_events(self, cluster: Cluster) -> None:
        """Follow what is said about the selected application and what it runs just now."""
        while True:
            app = self._selected_app()
            about = subjects(app.key if app else None, self._selected_rollouts())
            await self._events.follow(cluster, about)
            await asyncio.sleep(EVENTS)

    async def _watch_far(self, where: Destinations) -> None:
        """Follow the rollouts of a selected application that lives in another cluster."""
        while True:
            app = self._selected_app()
            cluster = None
            if app is not None and app.elsewhere:
                with contextlib.suppress(OpsError):  # the drift says why
                    cluster = where.of(app)
            await self._far.follow(app, cluster)
            await asyncio.sleep(EVENTS)

    async def _watch_metrics(self, traces: Traces) -> None:
        """Keep the recent values of what the selected application's analyses measure."""
        while True:
            wanted = running(self._selected_rollouts())
            if (wanted or traces.known) and await traces.look(wanted, self._clock.now()):
                self._changed()
            await asyncio.sleep(METRICS)

    async def _pause(self, seconds: float) -> None:
        try:
            async with asyncio.timeout(seconds):
                await self._wanted.wait()
        except TimeoutError:
            return

    def _selected_app(self) -> Application | None:
        if self._selected is None:
            return None
        return self._world.picture.applications.get(self._selected)

    def _selected_rollouts(self) -> list[Rollout]:
        app = self._selected_app()
        picture = self._world.picture
        known = picture.rollouts_of(app) if app is not None else ()
        return [picture.rollouts[key] for key in known]

    # operations

    async def plan(self, intent: Intent) -> Plan:
        return await self._ready().plan(intent)

    async def execute(self, plan: Plan) -> OperationRecord:
        planner = self._ready()
        assert self._connected is not None
        assert self._git is not None
        task: asyncio.Task[OperationRecord] | None = asyncio.current_task()
        if task is not None:
            self._running.add(task)
        try:
            record = await self._operations.run(
                plan, planner, self._connected.cluster, self._world, self._git
            )
        finally:
            if task is not None:
                self._running.discard(task)
        self._wanted.set()
        return record

    def _ready(self) -> Planner:
        if self._planner is None:
            raise ConnectError("not connected yet", hint=self._link.message)
        return self._planner

    # the picture

    def _changed(self) -> None:
        self._announce()

    def snapshot(self, old: Snapshot) -> Snapshot:
        """The next snapshot, or `old` itself when nothing visible changed."""
        self._world.picture.update()
        self._moved.fire()
        picture = self._world.picture
        link = self._world.link if self._planner is not None else self._link
        connected = self._connected
        far = self._far.rollouts(self._selected_app())
        new = Snapshot(
            generation=old.generation,
            taken_at=old.taken_at,
            cluster=link,
            context=connected.cluster.context if connected is not None else "",
            kinds=self._world.kinds,
            applications=picture.applications,
            rollouts=MappingProxyType({**picture.rollouts, **far}) if far else picture.rollouts,
            selection=self._selection(tuple(far)),
            operations=self._operations.records,
            incidents=self._incidents(),
        )
        if new == old:
            return old
        return replace(new, generation=old.generation + 1, taken_at=self._clock.now())

    def _selection(self, far: tuple[ResourceKey, ...]) -> Selection | None:
        if self._selected is None:
            return None
        app = self._selected_app()
        rollouts = self._world.picture.rollouts_of(app) if app is not None else ()
        if app is not None and app.elsewhere:
            rollouts = far
        return Selection(
            self._selected, rollouts, self._history, self._drift, self._said(), self._events.told,
            self._traces.known if self._traces is not None else (),
        )  # fmt: skip

    def _said(self) -> tuple[Event, ...]:
        """Events of what is selected, and who was told of it, the newest first."""
        assert self._selected is not None
        key = self._selected
        raw = self._world.store.get(APPLICATION, key.namespace, key.name)
        told = notices.told(raw) if raw is not None else []
        if not told:
            return self._events.events
        # events without a time stay where they are: at the end
        both = [*told, *self._events.events]
        return tuple(sorted(both, key=lambda e: e.at.timestamp() if e.at else 0.0, reverse=True))

    def _incidents(self) -> tuple[Incident, ...]:
        found = list(self._faults.values())
        if self._journal.fault:
            found.append(Incident("journal", self._journal.fault, "no action can be run"))
        return tuple(found)
