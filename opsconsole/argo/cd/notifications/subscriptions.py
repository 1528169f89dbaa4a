"""Who wants to know what: annotations of applications and projects, and the defaults."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from opsconsole.argo.cd.notifications import decoding
from opsconsole.argo.cd.notifications.config import Config
from opsconsole.argo.cd.notifications.decoding import DecodeError
from opsconsole.model.objects import Object, annotations_of, labels_of, mappings, text
from opsconsole.model.selectors import parse_selector

PREFIX = "notifications.argoproj.io/"
SUBSCRIBE = PREFIX + "subscribe."
SUBSCRIPTIONS = PREFIX + "subscriptions"
LEGACY = "recipients.argocd-notifications.argoproj.io"


class Destination(NamedTuple):
    service: str
    recipient: str

    def __str__(self) -> str:
        return f"{{{self.service} {self.recipient}}}"


Found = dict[str, dict[Destination, None]]


def subscriptions(
    app: Object, project: Object | None, config: Config
) -> dict[str, list[Destination]]:
    """Trigger → destinations, without repeats, in order of the triggers.

    Those of the configuration first, then the application's, then its project's.
    """
    found: Found = {}
    _defaults(app, config, found)
    for obj in (app, project or {}):
        for key, raw in sorted(annotations_of(obj).items()):
            if not isinstance(raw, str):
                continue
            if key.startswith(SUBSCRIBE):
                _annotated(key.removeprefix(SUBSCRIBE), raw, config, found)
            elif key.startswith(SUBSCRIPTIONS):
                _listed(raw, config, found)
    for key, raw in sorted(annotations_of(project or {}).items()):
        if key.endswith(LEGACY) and isinstance(raw, str):
            _legacy(key.removesuffix(LEGACY).rstrip("."), raw, config, found)
    return {trigger: list(found[trigger]) for trigger in sorted(found)}


def _add(found: Found, triggers: Iterable[str], destinations: list[Destination]) -> None:
    for trigger in triggers:
        for destination in destinations:
            found.setdefault(trigger, {})[destination] = None


def _fallback(service: str, config: Config) -> tuple[str, ...]:
    """Triggers of a subscription that names none; an empty list of the service's own is one."""
    general = config.default_triggers.get("", ())
    return config.default_triggers.get(service, general) if service else general


def trigger_and_service(name: str) -> tuple[str, str]:
    """Of an annotation `subscribe.<trigger>.<service>` or `subscribe.<service>`, without its prefix.

    The trigger is "" where none is named; more words are ignored, as the engine does.
    """
    words = name.split(".")
    return (words[0], words[1]) if len(words) > 1 else ("", words[0])


def _annotated(name: str, raw: str, config: Config, found: Found) -> None:
    """`subscribe.<trigger>.<service>: "a;b"` and `subscribe.<service>`."""
    trigger, service = trigger_and_service(name)
    triggers = (trigger,) if trigger else _fallback(service, config)
    kept = [part.strip() for part in raw.split(";") if part.strip()] if raw else [""]
    _add(found, triggers, [Destination(service, recipient) for recipient in kept])


def _listed(raw: str, config: Config, found: Found) -> None:
    """The YAML form: `[{trigger: [..], destinations: [{service, recipients}]}]`.

    A destination without recipients gets nothing; what is of a wrong type counts as not given.
    """
    try:
        loaded = decoding.load(raw)
    except DecodeError:
        return
    for entry in mappings(loaded):
        named = _strings(entry, "trigger")
        for destination in mappings(entry, "destinations"):
            service = text(destination, "service")
            to = [Destination(service, one) for one in _strings(destination, "recipients")]
            for trigger in named or ("",):
                _add(found, (trigger,) if trigger else _fallback(service, config), to)


def _strings(obj: Mapping[str, Any], name: str) -> tuple[str, ...]:
    try:
        return decoding.strings(obj.get(name))
    except DecodeError:
        return ()


def _defaults(app: Object, config: Config, found: Found) -> None:
    """`subscriptions` of the configuration, for every application that their selector takes."""
    labels = labels_of(app)
    for entry in config.subscriptions:
        if entry["selector"] and not parse_selector(entry["selector"])(labels):
            continue
        triggers = entry["triggers"] or config.default_triggers.get("", ())
        _add(found, triggers, [_named(recipient) for recipient in entry["recipients"]])


def _named(recipient: str) -> Destination:
    """`service:recipient`; what follows a second colon is lost, as for real."""
    words = recipient.split(":")
    return Destination(words[0], words[1] if len(words) > 1 else "")


def _legacy(trigger: str, raw: str, config: Config, found: Found) -> None:
    """`<trigger>.recipients.argocd-notifications.argoproj.io: "service:a,service:b"` of a project."""
    named = (trigger,) if trigger else config.default_triggers.get("", ())
    for recipient in raw.split(","):
        if recipient.strip():
            to = _named(recipient.strip())
            _add(found, config.default_triggers.get(to.service, named), [to])


def names(config: Config) -> Mapping[str, str]:
    """Service → type."""
    return {name: kind for name, (kind, _) in config.services.items()}
