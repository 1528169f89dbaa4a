"""The configuration of notifications: `argocd-notifications-cm` and its Secret.

One trigger or template that does not parse makes all of it unusable, as for real.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.notifications.variables import template_functions
from opsconsole.argo.expr import ExprError, evaluate
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.golang.format import v
from opsconsole.argo.golang.gotime import Time
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import items, mapping, mappings, text

_SECRET = re.compile(r"\$[-\w]+")

LINKED = ("email", "slack", "webhook")
"""Parts of a template that hold templates of their own and that are delivered here."""


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
    context: Mapping[str, Any] = field(default_factory=dict)

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
    services: dict[str, tuple[str, Mapping[str, Any]]] = {}
    defaults: dict[str, tuple[str, ...]] = {}
    for key in sorted(data):
        kind, _, name = key.partition(".")
        if kind == "trigger" and name:
            triggers[name] = _trigger(name, _yaml(key, data[key]))
        elif kind == "template" and name:
            templates[name] = _template(name, _yaml(key, data[key]))
        elif kind == "service" and name:
            service, _, title = name.partition(".")
            settings = _yaml(key, _filled(str(data[key]), secrets))
            services[title or service] = (service, settings if isinstance(settings, dict) else {})
        elif kind == "defaultTriggers":
            listed = _yaml(key, data[key])
            defaults[name] = tuple(str(t) for t in listed) if isinstance(listed, list) else ()
    subscribed = _yaml("subscriptions", data.get("subscriptions", ""))
    context = _yaml("context", data.get("context", ""))
    return Config(
        triggers,
        templates,
        services,
        defaults,
        tuple(mappings(subscribed)),
        context if isinstance(context, dict) else {},
    )


def _yaml(key: str, raw: Any) -> Any:
    try:
        return yamldoc.load(str(raw)) if raw else None
    except YamlError as fault:
        raise ConfigError(f"failed to parse {key}: {fault.message}") from fault


def _filled(raw: str, secrets: Mapping[str, str]) -> str:
    """`$name` of the Secret; what is not in it stays as it is."""
    return _SECRET.sub(lambda found: secrets.get(found[0][1:], found[0]), raw)


def _trigger(name: str, loaded: Any) -> tuple[Condition, ...]:
    if not isinstance(loaded, list):
        raise ConfigError(f"failed to unmarshal trigger {name}: a list of conditions is needed")
    found = []
    for entry in mappings(loaded):
        condition = Condition(
            text(entry, "when"),
            text(entry, "oncePer"),
            tuple(str(t) for t in items(entry, "send")),
        )
        for source in (condition.when, condition.once_per):
            if source:
                _check_expression(source)
        found.append(condition)
    return tuple(found)


def _check_expression(source: str) -> None:
    try:
        Parser(source, BUILTINS, {}).parse()
    except ExprError as fault:
        raise ConfigError(str(getattr(fault, "located", fault))) from fault


def _template(name: str, loaded: Any) -> Mapping[str, Any]:
    found = mapping({"t": loaded}, "t")
    for source in _sources(found):
        try:
            gotemplate.parse(source, template_functions(), name=name)
        except RuleError as fault:
            raise ConfigError(str(fault)) from fault
    return found


def _sources(template: Mapping[str, Any]) -> list[str]:
    """Every text of a template that is a template itself."""
    pending: list[Any] = [template.get("message"), *(template.get(part) for part in LINKED)]
    found = []
    while pending:
        value = pending.pop(0)
        if isinstance(value, str):
            found.append(value)
        elif isinstance(value, Mapping):
            pending += list(value.values())
    return found
