"""The notifications ConfigMap and subscriptions: what silences all, and what can never be sent."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from opsconsole.argo.cd.notifications import Config, ConfigError, parse
from opsconsole.argo.cd.notifications.config import SERVICES
from opsconsole.argo.cd.notifications.subscriptions import (
    PREFIX,
    SUBSCRIBE,
    SUBSCRIPTIONS,
    trigger_and_service,
)
from opsconsole.argo.expr import ExprError
from opsconsole.argo.expr import nodes as n
from opsconsole.argo.expr.builtins import BUILTINS
from opsconsole.argo.expr.parser import Parser
from opsconsole.argo.lint.findings import NOTE, Hit, Path, Placed
from opsconsole.argo.lint.scope import Scope
from opsconsole.argo.lint.syncing import annotation
from opsconsole.argo.lint.truth import impossible
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import annotations_of, items, mapping, mappings, name_of, text

NAMES = ("argocd-notifications-cm", "argo-rollouts-notification-configmap")
_ARGO_CD = NAMES[0]

ROOTS = frozenset(("app", "context", "secrets", "time", "strings", "sync", "repo", "rollout"))
"""What a `when` can name; anything else is nil."""

_PARTS = frozenset((*SERVICES, "message"))


def _data(one: Placed) -> Mapping[str, object]:
    return mapping(one.manifest, "data") if name_of(one.manifest) in NAMES else {}


def _config(one: Placed) -> Config | None:
    try:
        return parse(_data(one), {})
    except ConfigError:
        return None


def _key(key: str) -> Path:
    return ("data", key)


def silenced(one: Placed, _: Scope) -> Iterator[Hit]:
    """Each entry by itself, so that all faults are told; one of them is enough for silence."""
    data = _data(one)
    for key in sorted(data):
        try:
            parse({key: data[key]}, {})
        except ConfigError as fault:
            yield Hit(f"{fault} (no notification at all is sent)", _key(key))


def _triggers(one: Placed) -> Iterator[tuple[str, int, str, tuple[str, ...]]]:
    """(name, index, when, send) of every condition that can be read."""
    data = _data(one)
    for key in sorted(data):
        kind, _, name = key.partition(".")
        if kind != "trigger" or not name:
            continue
        try:
            config = parse({key: data[key]}, {})
        except ConfigError:
            continue
        for index, condition in enumerate(config.triggers.get(name, ())):
            yield name, index, condition.when, condition.send


def unknown_template(one: Placed, _: Scope) -> Iterator[Hit]:
    templates = {key.removeprefix("template.") for key in _data(one) if key[:9] == "template."}
    for name, _index, _when, send in _triggers(one):
        for template in send:
            if template not in templates:
                why = f"trigger {name}: template '{template}' is not configured"
                yield Hit(why, _key(f"trigger.{name}"))
        if not send:
            why = f"trigger {name}: nothing is sent (no `send`)"
            yield Hit(why, _key(f"trigger.{name}"), "warning")


def _tree(when: str) -> n.Node | None:
    try:
        return Parser(when, BUILTINS, {}).parse()
    except ExprError:
        return None


def never_true(one: Placed, _: Scope) -> Iterator[Hit]:
    """Fields that would need two values, values that Argo CD never writes, constants."""
    for name, _index, when, _send in _triggers(one):
        path = _key(f"trigger.{name}")
        if not when.strip():
            yield Hit(f"trigger {name}: it has no `when`", path)
            continue
        tree = _tree(when)
        reason = impossible(tree) if tree is not None else ""
        if reason:
            yield Hit(f"trigger {name}: when {when!r} can never be true: {reason}", path)


def unknown_name(one: Placed, _: Scope) -> Iterator[Hit]:
    for name, _index, when, _send in _triggers(one):
        tree = _tree(when)
        for root in sorted(_roots(tree) - ROOTS) if tree is not None else ():
            why = f"trigger {name}: '{root}' is not among {', '.join(sorted(ROOTS))}"
            yield Hit(f"{why}: it is nil", _key(f"trigger.{name}"))


def _roots(node: n.Node) -> set[str]:
    found = {node.name} if isinstance(node, n.Identifier) else set()
    if isinstance(node, n.Variable):
        return (found | _roots(node.value) | _roots(node.body)) - {node.name}
    for child in n.children(node):
        found |= _roots(child)
    return found


def failed_sync(one: Placed, _: Scope) -> Iterator[Hit]:
    for name, _index, when, _send in _triggers(one):
        if name == "on-sync-failed" and "operationState" not in when:
            why = "trigger on-sync-failed does not ask whether a sync failed"
            yield Hit(why, _key("trigger.on-sync-failed"))


_SERVICE_KEY = re.compile(r"service\.([^.]+)(?:\.(.+))?")


def services(one: Placed, _: Scope) -> Iterator[Hit]:
    """Types that the engine does not have, and template parts and default recipients without one."""
    data = _data(one)
    configured = set()
    for key in data:
        found = _SERVICE_KEY.fullmatch(key)
        if found:
            configured.add(found[2] or found[1])
            if found[1] not in SERVICES:
                why = f"service type '{found[1]}' is not supported"
                yield Hit(why, _key(key))
    config = _config(one)
    for entry in config.subscriptions if config else ():
        for recipient in items(entry, "recipients"):
            service = str(recipient).partition(":")[0]
            if service not in configured:
                why = f"subscriptions: notification service '{service}' is not supported"
                yield Hit(f"{why} (there is no service.{service})", _key("subscriptions"))
        for trigger in items(entry, "triggers"):
            if config and str(trigger) not in config.triggers:
                why = f"subscriptions: trigger '{trigger}' is not configured"
                yield Hit(why, _key("subscriptions"))


def template_parts(one: Placed, _: Scope) -> Iterator[Hit]:
    """Fields of a template that no service reads."""
    config = _config(one)
    for name, template in config.templates.items() if config else ():
        for part in template:
            if part not in _PARTS:
                why = f"template {name}: '{part}' is no part of a template"
                yield Hit(f"{why} and is not sent", _key(f"template.{name}"))
    for name, triggers in config.default_triggers.items() if config else ():
        for trigger in triggers:
            if config and trigger not in config.triggers:
                key = f"defaultTriggers.{name}" if name else "defaultTriggers"
                yield Hit(f"{key}: trigger '{trigger}' is not configured", _key(key))


def subscriptions(one: Placed, scope: Scope) -> Iterator[Hit]:
    """Annotations that name a trigger or a service which the repository's ConfigMap lacks."""
    found = [*scope.own.named("ConfigMap", _ARGO_CD), *scope.around.named("ConfigMap", _ARGO_CD)]
    config = _config(found[0]) if found else None
    for key, raw in annotations_of(one.manifest).items():
        if not key.startswith(PREFIX):
            continue
        if key.startswith(SUBSCRIBE):
            trigger, service = trigger_and_service(key.removeprefix(SUBSCRIBE))
            yield from _subscribed(config, [trigger] if trigger else [], [service], key)
        elif key == SUBSCRIPTIONS:
            yield from _listed(config, raw, key)
        else:
            yield Hit(f"annotation {key} subscribes to nothing", annotation(key))


def _listed(config: Config | None, raw: object, key: str) -> Iterator[Hit]:
    try:
        loaded = yamldoc.load(str(raw), strict=False)
    except YamlError as fault:
        yield Hit(f"{key}: {fault.message}", annotation(key))
        return
    for entry in mappings(loaded):
        names = [text(d, "service") for d in mappings(entry, "destinations")]
        yield from _subscribed(config, [str(t) for t in items(entry, "trigger")], names, key)


def _subscribed(
    config: Config | None, triggers: list[str], names: list[str], key: str
) -> Iterator[Hit]:
    if config is None:
        return
    for trigger in triggers:
        if trigger not in config.triggers:
            yield Hit(f"trigger '{trigger}' is not configured", annotation(key))
    for service in names:
        if service not in config.services:
            why = f"notification service '{service}' is not supported"
            yield Hit(f"{why} (there is no service.{service})", annotation(key))
    if not triggers and not any(config.default_triggers.get(s) for s in (*names, "")):
        why = f"{key} names no trigger, and there are no defaultTriggers"
        yield Hit(why, annotation(key), NOTE)
