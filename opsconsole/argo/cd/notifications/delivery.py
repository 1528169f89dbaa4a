"""From templates to what is sent: webhook requests, Slack messages, emails.

Source: notifications-engine `pkg/services`.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.notifications.config import PARTS, TEXTS, Config
from opsconsole.argo.cd.notifications.subscriptions import Destination
from opsconsole.argo.cd.notifications.variables import template_functions
from opsconsole.errors import RuleError
from opsconsole.model.objects import mapping, mappings, number, text

RETRIES = 3
"""Of a webhook that does not say (`retryMax`)."""

_EMOJI = re.compile(r"^:.+:$")


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

    options: Mapping[str, str] = field(default_factory=dict)
    """Slack: username, icon_emoji or icon_url, groupingKey, notifyBroadcast, deliveryPolicy; email: from, html."""

    shown: str = ""
    """The address with what comes from a Secret still a reference (`$name`)."""

    tries: int = 1
    """How often it is tried when the receiver has a fault."""


def deliveries(
    config: Config, templates: Sequence[str], to: Destination, variables: Mapping[str, Any]
) -> Delivery:
    """What goes to a destination. Raises SendError."""
    if to.service not in config.services:
        raise SendError(f"notification service '{to.service}' is not supported")
    kind, settings = config.services[to.service]
    context = {**mapping(variables, "context")}
    context.setdefault("notificationType", to.service)
    seen = {**variables, "context": context}
    seen |= {"serviceType": to.service, "recipient": to.recipient}
    made = _formatted(config, templates, seen)
    if kind not in _MAKE:
        raise SendError(f"services of type '{kind}' are not delivered here")
    shown = _MAKE[kind](to, config.references.get(to.service, {}), made).address
    return _MAKE[kind](to, {**settings, "shown": shown}, made)


def _formatted(config: Config, templates: Sequence[str], seen: Mapping[str, Any]) -> dict[str, Any]:
    """The notification that templates make together; a fault in a part for another service counts."""
    made: dict[str, Any] = {"message": ""}
    for name in templates:
        template = config.templates.get(name)
        if template is None:
            raise SendError(f"template '{name}' is not supported")
        made["message"] = _render(name, text(template, "message"), seen) or made["message"]
        for part in PARTS:
            if isinstance(template.get(part), Mapping):
                _add(made, name, part, template[part], seen)
    return made


def _add(
    made: dict[str, Any], name: str, part: str, written: Mapping[str, Any], seen: Mapping[str, Any]
) -> None:
    if part == "webhook":
        hooks = {
            hook: {
                **{f: _render(f"{name}{hook}", text(one, f), seen) for f in TEXTS[part]},
                "method": text(one, "method"),
            }
            for hook, one in written.items()
        }
        made[part] = {**made.get(part, {}), **hooks}
    elif part == "slack":
        texts = {field_: _render(name, text(written, field_), seen) for field_ in TEXTS[part]}
        made[part] = {**written, **texts}
    elif part == "email":
        texts = {field_: _render(name, text(written, field_), seen) for field_ in TEXTS[part]}
        made[part] = {**made.get(part, {}), **{k: one for k, one in texts.items() if one}}
    else:
        made[part] = _rendered(name, written, seen)


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


def _webhook(to: Destination, settings: Mapping[str, Any], made: Mapping[str, Any]) -> Delivery:
    url, body, method = text(settings, "url"), made["message"], "GET"
    part = mapping(made, "webhook").get(to.service)
    if part is not None:
        body, method = part["body"], part["method"] or method
        if part["path"]:
            url = url.rstrip("/") + "/" + part["path"].lstrip("/")
    headers = {_canonical(text(h, "name")): text(h, "value") for h in mappings(settings, "headers")}
    login = mapping(settings, "basicAuth")
    if login:
        pair = f"{text(login, 'username')}:{text(login, 'password')}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    tries = (number(settings, "retryMax") or RETRIES) + 1
    return Delivery(
        to.service, "webhook", url, body, method,
        headers=headers, shown=text(settings, "shown"), tries=tries,
    )  # fmt: skip


def _canonical(name: str) -> str:
    """As net/http writes the name of a header."""
    return "-".join(word[:1].upper() + word[1:].lower() for word in name.split("-"))


def _slack(to: Destination, settings: Mapping[str, Any], made: Mapping[str, Any]) -> Delivery:
    part = mapping(made, "slack")
    for name in ("attachments", "blocks"):
        _need_list(name, text(part, name))
    extra = [text(part, name) for name in ("attachments", "blocks") if text(part, name)]
    options = {"username": text(part, "username") or text(settings, "username")}
    icon = text(part, "icon") or text(settings, "icon")
    if _EMOJI.match(icon):
        options["icon_emoji"] = icon
    elif urlsplit(icon).scheme in ("http", "https") and urlsplit(icon).netloc:
        options["icon_url"] = icon
    options["groupingKey"] = text(part, "groupingKey")
    options["deliveryPolicy"] = text(part, "deliveryPolicy")
    options["notifyBroadcast"] = "true" if part.get("notifyBroadcast") is True else ""
    headers = {"Authorization": f"Bearer {text(settings, 'token')}"} if settings else {}
    return Delivery(
        to.service, "slack", to.recipient, "\n".join([made["message"], *extra]), "POST",
        headers=headers, options={k: v for k, v in options.items() if v}, shown=to.recipient,
    )  # fmt: skip


def _need_list(name: str, source: str) -> None:
    """Slack's client reads the text as a JSON list before it sends anything."""
    if not source:
        return
    try:
        is_list = isinstance(json.loads(source), list)
    except ValueError:
        is_list = False
    if not is_list:
        raise SendError(f"failed to unmarshal {name} '{source}' : a JSON list is needed")


def _email(to: Destination, settings: Mapping[str, Any], made: Mapping[str, Any]) -> Delivery:
    part = mapping(made, "email")
    options = {"from": text(settings, "from"), "html": "true" if settings.get("html") else ""}
    return Delivery(
        to.service, "email", to.recipient, text(part, "body") or made["message"],
        subject=text(part, "subject"), options={k: v for k, v in options.items() if v},
        shown=to.recipient,
    )  # fmt: skip


_MAKE = {"webhook": _webhook, "slack": _slack, "email": _email}
