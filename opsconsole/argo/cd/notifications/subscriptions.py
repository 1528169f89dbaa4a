"""Who wants to know what: annotations of applications and projects, and the defaults."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from opsconsole.argo.cd.notifications.config import Config
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import Object, annotations_of, items, labels_of, mappings, text
from opsconsole.model.selectors import parse_selector

PREFIX = "notifications.argoproj.io/"
SUBSCRIBE = PREFIX + "subscribe."
SUBSCRIPTIONS = PREFIX + "subscriptions"


class Destination(NamedTuple):
    service: str
    recipient: str

    def __str__(self) -> str:
        return f"{{{self.service} {self.recipient}}}"


Found = dict[str, dict[Destination, None]]


def subscriptions(
    app: Object, project: Object | None, config: Config
) -> dict[str, list[Destination]]:
    """Trigger → destinations, without repeats, in order of the triggers."""
    found: Found = {}
    for obj in (app, project or {}):
        for key, raw in sorted(annotations_of(obj).items()):
            if not isinstance(raw, str):
                continue
            if key.startswith(SUBSCRIBE):
                _annotated(key.removeprefix(SUBSCRIBE), raw, config, found)
            elif key == SUBSCRIPTIONS:
                _listed(raw, config, found)
    _defaults(app, config, found)
    return {trigger: list(found[trigger]) for trigger in sorted(found)}


def _add(found: Found, triggers: list[str], destinations: list[Destination]) -> None:
    for trigger in triggers:
        for destination in destinations:
            found.setdefault(trigger, {})[destination] = None


def _fallback(service: str, config: Config) -> list[str]:
    """Triggers of a subscription that names none."""
    return list(config.default_triggers.get(service) or config.default_triggers.get("", ()))


def _annotated(name: str, raw: str, config: Config, found: Found) -> None:
    """`subscribe.<trigger>.<service>: "a;b"` and `subscribe.<service>`."""
    trigger, dot, service = name.partition(".")
    if not dot:
        trigger, service = "", name
    triggers = [trigger] if trigger else _fallback(service, config)
    recipients = [part.strip() for part in raw.split(";")]
    kept = [r for r in recipients if r] or [""]
    _add(found, triggers, [Destination(service, recipient) for recipient in kept])


def _listed(raw: str, config: Config, found: Found) -> None:
    """The YAML form: `[{trigger: [..], destinations: [{service, recipients}]}]`."""
    try:
        loaded = yamldoc.load(raw)
    except YamlError:
        return
    for entry in mappings(loaded):
        for destination in mappings(entry, "destinations"):
            service = text(destination, "service")
            recipients = [str(r) for r in items(destination, "recipients")] or [""]
            triggers = [str(t) for t in items(entry, "trigger")] or _fallback(service, config)
            _add(found, triggers, [Destination(service, r) for r in recipients])


def _defaults(app: Object, config: Config, found: Found) -> None:
    """`subscriptions` of the configuration, for every application that their selector takes."""
    for entry in config.subscriptions:
        selector = text(entry, "selector")
        try:
            if selector and not parse_selector(selector)(labels_of(app)):
                continue
        except RuleError:
            continue
        for recipient in items(entry, "recipients"):
            service, _, name = str(recipient).partition(":")
            triggers = [str(t) for t in items(entry, "triggers")] or _fallback(service, config)
            _add(found, triggers, [Destination(service, name)])


def names(config: Config) -> Mapping[str, str]:
    """Service → type."""
    return {name: kind for name, (kind, _) in config.services.items()}
