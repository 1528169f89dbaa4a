"""The notifications controller, and the outbox that everything is delivered to.

notifications-engine `pkg/controller`, Argo CD `notification_controller`.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from opsconsole.argo.cd.identity import Obj, with_annotations
from opsconsole.argo.cd.notifications import (
    NOTIFIED,
    Config,
    ConfigError,
    Delivery,
    Destination,
    Ledger,
    SendError,
    deliveries,
    parse,
    subscriptions,
)
from opsconsole.argo.cd.notifications.variables import variables
from opsconsole.argo.golang.gotime import Time
from opsconsole.errors import OpsError, RuleError
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, CONFIG_MAP, SECRET
from opsconsole.model.objects import annotations_of, mapping, name_of, namespace_of, text
from opsconsole.model.times import parse_instant
from opsconsole.sandbox.argocd.environment import HOME
from opsconsole.sandbox.argocd.secrets import decoded
from opsconsole.sandbox.argocd.setup import sources_of
from opsconsole.sandbox.argocd.sources import Sources
from opsconsole.sandbox.cluster import Cluster
from opsconsole.sandbox.runtime import Controller, Key, Watch
from opsconsole.sandbox.store import Change, Store

CONFIG = "argocd-notifications-cm"
SECRETS = "argocd-notifications-secret"

RESYNC = 60.0
"""Seconds after which an application is looked at again without an event."""

_TOO_MANY, _FAULT, _NOT_IMPLEMENTED, _OK, _REDIRECT = 429, 500, 501, 200, 300

KEPT = 1000

_USING = f" using the configuration in namespace {HOME}"


@dataclass(frozen=True, slots=True)
class Sent:
    """One delivery (or try) at a virtual second; `status` is what the receiver answered."""

    at: float
    application: str
    trigger: str
    delivery: Delivery
    status: int


class Outbox:
    """What was sent, oldest first. `answer` plays the receivers: HTTP status for a delivery.

    `log` are (level, application, message) of the controller, `fault` why nothing is sent.
    """

    def __init__(self, answer: Callable[[Delivery], int] | None = None) -> None:
        self.answer = answer or (lambda _: 200)
        self.sent: deque[Sent] = deque(maxlen=KEPT)
        self.log: deque[tuple[str, str, str]] = deque(maxlen=KEPT)
        self.fault = ""

    def told(self, start: datetime) -> str:
        """What was sent, newest first, as text; credentials are in headers and not told."""
        lines = [f"nothing is sent: {self.fault}", ""] if self.fault else []
        for one in reversed(self.sent):
            at = start + timedelta(seconds=one.at)
            made = one.delivery
            where = " ".join(filter(None, (made.kind, made.method, made.shown)))
            lines.append(
                f"{at:%a %H:%M:%S} {one.application}: {one.trigger} to {where} ({one.status})"
            )
            lines += [f"  {line}" for line in filter(None, (made.subject, *made.body.splitlines()))]
            lines.append("")
        return "\n".join(lines) or "nothing was sent yet"


@dataclass(frozen=True, slots=True)
class _Pass:
    """One look at an application."""

    app: Obj
    config: Config
    ledger: Ledger
    seen: Mapping[str, Any]
    now: Time


def controllers(cluster: Cluster) -> Iterable[Controller]:
    """`cluster.services["outbox"]` is the Outbox; it is made when missing."""
    outbox: Outbox = cluster.services.setdefault("outbox", Outbox())
    return (NotificationsController(cluster.store, outbox, sources_of(cluster)),)


class NotificationsController:
    name = "argocd-notifications-controller"

    def __init__(self, store: Store, outbox: Outbox, sources: Sources) -> None:
        self.store = store
        self.outbox = outbox
        self.sources = sources
        self._parsed: tuple[str, Config | ConfigError] | None = None

    def watches(self) -> Iterable[Watch]:
        return (
            Watch(APPLICATION),
            Watch(CONFIG_MAP, self._configuration),
            Watch(SECRET, self._configuration),
        )

    def _configuration(self, change: Change) -> Iterable[Key]:
        if namespace_of(change.object) == HOME and name_of(change.object) in (CONFIG, SECRETS):
            for app in self.store.objects(APPLICATION, HOME):
                yield Key(HOME, name_of(app))

    def reconcile(self, key: Key) -> float | None:
        app = self.store.find(APPLICATION, key.namespace, key.name)
        if app is None or key.namespace != HOME or _stale(app):
            return None
        try:
            config = self._config()
        except ConfigError as fault:
            self.outbox.fault = f"Failed to get api: errors getting apis: [{fault}]"
            self._log("error", app, self.outbox.fault)
            return None
        self.outbox.fault = ""
        if config is None:
            return None
        project = self.store.find(APP_PROJECT, HOME, text(app, "spec", "project") or "default")
        wanted = subscriptions(app, project, config)
        if not wanted:
            return None
        before = annotations_of(app).get(NOTIFIED)
        ledger = Ledger(before)
        now = Time.of(self.store.simulation.now())
        seen = variables(app, now, config.context, lambda sha: self._commit(app, sha), project)
        for trigger, destinations in wanted.items():
            self._trigger(_Pass(app, config, ledger, seen, now), trigger, destinations)
        after = ledger.dumped()
        if after != before:
            current = self.store.get(APPLICATION, key.namespace, key.name)
            self.store.update(APPLICATION, with_annotations(current, {NOTIFIED: after}))
        return RESYNC

    def _config(self) -> Config | None:
        found = self.store.find(CONFIG_MAP, HOME, CONFIG)
        if found is None:
            return None
        secret = self.store.find(SECRET, HOME, SECRETS)
        versions = [text(o, "metadata", "resourceVersion") for o in (found, secret or {})]
        mark = "/".join(versions)
        if self._parsed is None or self._parsed[0] != mark:
            made: Config | ConfigError
            try:
                made = parse(mapping(found, "data"), decoded(secret or {}))
            except ConfigError as fault:
                made = fault
            self._parsed = (mark, made)
        if isinstance(self._parsed[1], ConfigError):
            raise self._parsed[1]
        return self._parsed[1]

    def _trigger(self, on: _Pass, trigger: str, destinations: list[Destination]) -> None:
        app, config, ledger, seen = on.app, on.config, on.ledger, on.seen
        try:
            results = config.evaluate(trigger, seen, on.now)
        except RuleError as fault:
            why = f"Failed to evaluate condition of trigger {trigger}: {fault.message}"
            self._log("error", app, why + _USING)
            return
        stamp = int(self.store.simulation.now().timestamp())
        for result in results:
            for to in destinations:
                new = ledger.note(trigger, result, to, stamp, sent=result.triggered)
                if not result.triggered or not new:
                    continue
                try:
                    made = deliveries(config, result.templates, to, seen)
                    self._send(app, trigger, made)
                except SendError as fault:
                    ledger.forget(trigger, result, to)
                    why = f"Failed to notify recipient {to} defined in resource "
                    why += f"{namespace_of(app)}/{name_of(app)}: {fault}"
                    self._log("error", app, why + _USING)

    def _send(self, app: Obj, trigger: str, made: Delivery) -> None:
        """Raises SendError; like go-retryablehttp, a fault of the receiver is tried again."""
        for _ in range(made.tries):
            status = self.outbox.answer(made)
            at = self.store.simulation.elapsed
            self.outbox.sent.append(Sent(at, name_of(app), trigger, made, status))
            if _OK <= status < _REDIRECT:
                return
            if status != _TOO_MANY and (status < _FAULT or status == _NOT_IMPLEMENTED):
                what = f"{{{made.body} {made.method} {made.shown} {made.service}}}"
                raise SendError(f"request to {what} has failed with error code {status} : ")
        raise SendError(f"{made.method} {made.shown} giving up after {made.tries} attempt(s)")

    def _log(self, level: str, app: Obj, message: str) -> None:
        self.outbox.log.append((level, name_of(app), message))

    def _commit(self, app: Obj, sha: str) -> dict[str, Any]:
        """`repo.GetCommitMetadata`; nothing where git has no answer."""
        url = text(app, "spec", "source", "repoURL")
        try:
            commit = self.sources.repositories.mirror(url).commit(sha)
        except OpsError:
            return {}
        author = f"{commit.author} <{commit.email}>"
        return {"Author": author, "Message": commit.subject, "Date": Time.of(commit.date)}


def _stale(app: Obj) -> bool:
    """An operation has ended and the application was not compared since."""
    if text(app, "status", "operationState", "phase") not in ("Succeeded", "Failed", "Error"):
        return False
    finished = parse_instant(text(app, "status", "operationState", "finishedAt"))
    if finished is None:
        return True
    compared = (parse_instant(text(app, "status", name)) for name in ("reconciledAt", "observedAt"))
    return not any(at is not None and at >= finished for at in compared)
