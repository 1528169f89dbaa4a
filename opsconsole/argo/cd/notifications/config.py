"""The configuration of notifications: `argocd-notifications-cm` and its Secret.

One trigger or template that does not parse makes all of it unusable, as for real.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.notifications import decoding
from opsconsole.argo.cd.notifications.decoding import DecodeError
from opsconsole.argo.cd.notifications.variables import template_functions
from opsconsole.argo.expr import ExprError, evaluate
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.gotime import Time
from opsconsole.errors import RuleError
from opsconsole.model.selectors import parse_selector

Read = TypeVar("Read")

_SECRET = re.compile(r"\$[-\w]+")

SERVICES = (
    "alertmanager", "awssqs", "email", "gcppubsub", "github", "googlechat", "grafana",
    "mattermost", "nats", "newrelic", "opsgenie", "pagerduty", "pagerdutyv2", "pushover",
    "rocketchat", "slack", "teams", "teams-workflows", "telegram", "webex", "webhook",
)  # fmt: skip
"""Types of services (notifications-engine `services.NewService`)."""

PARTS = (
    "awssqs", "gcppubsub", "slack", "mattermost", "rocketchat", "email", "webhook", "opsgenie",
    "github", "teams", "teams-workflows", "alertmanager", "googlechat", "pagerduty",
    "pagerdutyv2", "newrelic",
)  # fmt: skip
"""Parts of a template beside its message, in the order in which they are rendered."""

TEXTS = {
    "slack": ("username", "icon", "attachments", "blocks", "groupingKey"),
    "email": ("subject", "body"),
    "webhook": ("body", "path"),
}
"""Fields that are templates; of the other parts every text is taken for one."""

_PATHS = 3
"""Words of a service's key at most: `service.<type>.<name>`."""


class ConfigError(Exception):
    """A configuration that cannot be used; nothing is sent until it is corrected."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One entry of a trigger."""

    when: str
    once_per: str = ""
    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Result:
    """A condition as it is now. `key` names it in the ledger, `once_per` is that value as text."""

    key: str
    triggered: bool
    once_per: str = ""
    templates: tuple[str, ...] = ()


@dataclass(frozen=True)
class Config:
    """`services` are (type, settings) by name, as recipients name them."""

    triggers: Mapping[str, tuple[Condition, ...]] = field(default_factory=dict)
    templates: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    services: Mapping[str, tuple[str, Mapping[str, Any]]] = field(default_factory=dict)
    default_triggers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """By service; "" for all."""

    subscriptions: tuple[Mapping[str, Any], ...] = ()
    context: Mapping[str, str] = field(default_factory=dict)
    references: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    """Settings of services in which `$name` is still a reference: what may be shown."""

    def evaluate(self, trigger: str, variables: Mapping[str, Any], now: Time) -> list[Result]:
        """The trigger's conditions. Raises RuleError for one that is not configured.

        A condition that cannot be evaluated (a field that is not there) does not hold.
        """
        if trigger not in self.triggers:
            raise RuleError(f"trigger '{trigger}' is not configured")
        return [
            _evaluate(index, condition, variables, now)
            for index, condition in enumerate(self.triggers[trigger])
        ]


def _evaluate(index: int, condition: Condition, variables: Mapping[str, Any], now: Time) -> Result:
    digest = hashlib.sha1(condition.when.encode(), usedforsecurity=False).digest()
    key = f"[{index}].{base64.urlsafe_b64encode(digest).decode().rstrip('=')}"
    triggered, once = False, ""
    try:
        triggered = evaluate(condition.when, variables, lambda: now) is True
    except (ExprError, RuleError):
        triggered = False
    if triggered and condition.once_per:
        try:
            once = v(evaluate(condition.once_per, variables, lambda: now))
        except (ExprError, RuleError):
            once = ""
    return Result(key, triggered, once, condition.send)


def parse(data: Mapping[str, Any], secrets: Mapping[str, str]) -> Config:
    """Read a ConfigMap's data. Raises ConfigError with the controller's own text."""
    triggers: dict[str, tuple[Condition, ...]] = {}
    templates: dict[str, Mapping[str, Any]] = {}
    defaults: dict[str, tuple[str, ...]] = {}
    for key in sorted(data):
        kind, dot, name = key.partition(".")
        raw = str(data[key])
        if kind == "trigger" and dot:
            triggers[name] = _read("trigger", name, raw, _trigger)
        elif kind == "template" and dot:
            templates[name] = _read("template", name, raw, _template)
        elif kind == "defaultTriggers":
            defaults[name] = _read("default trigger", name, raw, decoding.strings)
    services = _services(data)
    subscribed = _read("subscriptions", "", str(data.get("subscriptions", "")), _subscriptions)
    context = _read("context", "", str(data.get("context", "")), _context)
    for conditions in triggers.values():
        for condition in conditions:
            _check_expression(condition.when or "false")
            if condition.once_per:
                _check_expression(condition.once_per)
    for name, template in templates.items():
        _check_template(name, template)
    for kind, _ in services.values():
        if kind not in SERVICES:
            raise ConfigError(f"service type '{kind}' is not supported")
    filled = {n: (kind, _filled(settings, secrets)) for n, (kind, settings) in services.items()}
    references = {name: settings for name, (_, settings) in services.items()}
    return Config(triggers, templates, filled, defaults, subscribed, context, references)


def _read(what: str, name: str, raw: str, make: Callable[[Any], Read]) -> Read:
    """What `make` makes of one entry. Raises ConfigError that names it."""
    try:
        return make(decoding.load(raw))
    except DecodeError as fault:
        where = f"failed to unmarshal {what} {name}: " if name else ""
        raise ConfigError(f"{where}{fault}") from fault


def _services(data: Mapping[str, Any]) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """(type, settings with references) by name."""
    found: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for key in sorted(data):
        words = key.split(".")
        if words[0] != "service" or len(words) == 1:
            continue
        if len(words) > _PATHS:
            why = f"invalid service key; expected 'service.<type>(.<name>)' but got '{key}'"
            raise ConfigError(why)
        try:
            settings = decoding.load(str(data[key]))
        except DecodeError as fault:
            why = f"failed to render service configuration {words[1]}: {fault}"
            raise ConfigError(why) from fault
        found[words[-1]] = (words[1], settings if isinstance(settings, Mapping) else {})
    return found


def _filled(value: Any, secrets: Mapping[str, str]) -> Any:
    """`$name` of the Secret in every text; what is not in it stays as it is."""
    if isinstance(value, str):
        return _SECRET.sub(lambda found: secrets.get(found[0][1:], found[0]), value)
    if isinstance(value, Mapping):
        return {_filled(key, secrets): _filled(one, secrets) for key, one in value.items()}
    return [_filled(one, secrets) for one in value] if isinstance(value, list) else value


def _trigger(loaded: Any) -> tuple[Condition, ...]:
    return tuple(
        Condition(
            decoding.string(entry.get("when"), "Condition.when"),
            decoding.string(entry.get("oncePer"), "Condition.oncePer"),
            decoding.strings(entry.get("send"), "Condition.send"),
        )
        for entry in decoding.entries(loaded, "triggers.Condition")
    )


def _subscriptions(loaded: Any) -> tuple[Mapping[str, Any], ...]:
    """`{recipients, triggers, selector}`; a selector that does not parse is refused."""
    found = []
    for entry in decoding.entries(loaded, "subscriptions.rawSubscription"):
        selector = decoding.string(entry.get("selector"), "rawSubscription.selector")
        if selector:
            try:
                parse_selector(selector)
            except RuleError as fault:
                raise DecodeError(
                    f"error unmarshaling JSON: while decoding JSON: {fault.message}"
                ) from fault
        found.append(
            {
                "recipients": list(decoding.strings(entry.get("recipients"), "recipients")),
                "triggers": list(decoding.strings(entry.get("triggers"), "triggers")),
                "selector": selector,
            }
        )
    return tuple(found)


def _context(loaded: Any) -> Mapping[str, str]:
    values = decoding.fields(loaded, "map[string]string")
    return {str(key): decoding.string(value) for key, value in values.items()}


def _check_expression(source: str) -> None:
    try:
        Parser(source, BUILTINS, {}).parse()
    except ExprError as fault:
        raise ConfigError(str(getattr(fault, "located", fault))) from fault


def _template(loaded: Any) -> Mapping[str, Any]:
    """As it is written, with scalars as the texts that they become."""
    found = dict(decoding.fields(loaded, "services.Notification"))
    if "message" in found:
        found["message"] = decoding.string(found["message"], "Notification.message")
    for part, names in TEXTS.items():
        if found.get(part) is None:
            found.pop(part, None)
            continue
        place = f"{part.capitalize()}Notification"
        written = decoding.fields(found[part], f"services.{place}", f"Notification.{part}")
        if part == "webhook":
            found[part] = {
                str(name): _texts(
                    decoding.fields(one, f"services.{place}", part), (*names, "method"), place
                )
                for name, one in written.items()
            }
        else:
            found[part] = _texts(written, names, place)
    return found


def _texts(written: Mapping[str, Any], names: tuple[str, ...], place: str) -> Mapping[str, Any]:
    texts = {n: decoding.string(written[n], f"{place}.{n}") for n in names if n in written}
    return {**written, **texts}


def _check_template(name: str, template: Mapping[str, Any]) -> None:
    for title, source in sources(name, template):
        try:
            gotemplate.parse(source, template_functions(), name=title)
        except RuleError as fault:
            raise ConfigError(str(fault)) from fault


def sources(name: str, template: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Every (name, text) of a template that is a template itself, in the controller's order."""
    found = [(name, str(template.get("message") or ""))]
    for part in PARTS:
        written = template.get(part)
        if not isinstance(written, Mapping):
            continue
        if part == "webhook":
            found += [
                (f"{name}{hook}", str(one.get(field_, "")))
                for hook, one in written.items()
                for field_ in TEXTS[part]
            ]
        elif part in TEXTS:
            found += [(name, str(written.get(field_, ""))) for field_ in TEXTS[part]]
        else:
            found += [(name, source) for source in _every(written)]
    return [one for one in found if one[1]]


def _every(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inside = value.values() if isinstance(value, Mapping) else value
    return [t for one in inside for t in _every(one)] if isinstance(value, Mapping | list) else []
