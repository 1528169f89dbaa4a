"""From templates to what is sent: webhook requests, Slack messages, emails."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.notifications.config import Config
from opsconsole.argo.cd.notifications.subscriptions import Destination
from opsconsole.argo.cd.notifications.variables import template_functions
from opsconsole.errors import RuleError
from opsconsole.model.objects import mapping, mappings, text


class SendError(Exception):
    """Why one notification cannot be sent; the others are not touched."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message. `address` is the webhook's URL, the Slack channel or the mail address."""

    service: str
    kind: str
    address: str
    body: str
    method: str = ""
    subject: str = ""
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May hold what came from a Secret: never shown."""


def deliveries(
    config: Config, templates: Sequence[str], to: Destination, variables: Mapping[str, Any]
) -> Delivery:
    """What goes to a destination. Raises SendError."""
    if to.service not in config.services:
        raise SendError(f"notification service '{to.service}' is not supported")
    kind, settings = config.services[to.service]
    seen = {**variables, "serviceType": to.service, "recipient": to.recipient}
    message = ""
    parts: dict[str, Any] = {}
    for name in templates:
        template = config.templates.get(name)
        if template is None:
            raise SendError(f"template '{name}' is not supported")
        message = _render(name, text(template, "message"), seen) or message
        part = mapping(template, kind)
        part = mapping(part, to.service) if kind == "webhook" else part
        parts |= {k: _render(name, v, seen) if isinstance(v, str) else v for k, v in part.items()}
        for other in mapping(template, "webhook"):
            # every part is rendered, also those for other services: a fault in one stops all
            body = mapping(template, "webhook", other)
            for value in body.values():
                if isinstance(value, str):
                    _render(name, value, seen)
    if kind not in _MAKE:
        raise SendError(f"services of type '{kind}' are not delivered here")
    return _MAKE[kind](to, settings, message, parts)


def preview(config: Config, name: str, variables: Mapping[str, Any]) -> dict[str, Any]:
    """Every text of a template, rendered; nothing that depends on a recipient. Raises SendError."""
    template = config.templates.get(name)
    if template is None:
        raise SendError(f"template '{name}' is not supported")
    return {key: _rendered(name, value, variables) for key, value in template.items()}


def _rendered(name: str, value: Any, variables: Mapping[str, Any]) -> Any:
    if isinstance(value, Mapping):
        return {key: _rendered(name, one, variables) for key, one in value.items()}
    return _render(name, value, variables) if isinstance(value, str) else value


def _render(name: str, source: str, variables: Mapping[str, Any]) -> str:
    try:
        return gotemplate.render(source, variables, functions=template_functions(), name=name)
    except RuleError as fault:
        raise SendError(str(fault)) from fault


def _webhook(
    to: Destination, settings: Mapping[str, Any], message: str, parts: Mapping[str, Any]
) -> Delivery:
    url, body, method = text(settings, "url"), message, "GET"
    if parts:
        body, method = text(parts, "body"), text(parts, "method") or method
        if text(parts, "path"):
            url = url.rstrip("/") + "/" + text(parts, "path").lstrip("/")
    headers = {text(h, "name"): text(h, "value") for h in mappings(settings, "headers")}
    return Delivery(to.service, "webhook", url, body, method, headers=headers)


def _slack(
    to: Destination, settings: Mapping[str, Any], message: str, parts: Mapping[str, Any]
) -> Delivery:
    extra = [text(parts, name) for name in ("attachments", "blocks") if text(parts, name)]
    headers = {"Authorization": f"Bearer {text(settings, 'token')}"} if settings else {}
    return Delivery(
        to.service, "slack", to.recipient, "\n".join([message, *extra]), "POST", headers=headers
    )


def _email(
    to: Destination, settings: Mapping[str, Any], message: str, parts: Mapping[str, Any]
) -> Delivery:
    del settings
    body = text(parts, "body") or message
    return Delivery(to.service, "email", to.recipient, body, subject=text(parts, "subject"))


_MAKE = {"webhook": _webhook, "slack": _slack, "email": _email}
