"""Notifications: triggers, templates, subscriptions, and what has been sent already.

    config = parse(config_map_data, secret_data)        # ConfigError silences everything
    for one in config.evaluate("on-deployed", variables, now): ...

Pure. Rules: github.com/argoproj/notifications-engine v0.5 and Argo CD's `util/notification`.
"""

from __future__ import annotations

from opsconsole.argo.cd.notifications.config import (
    Condition,
    Config,
    ConfigError,
    Result,
    parse,
)
from opsconsole.argo.cd.notifications.delivery import Delivery, SendError, deliveries
from opsconsole.argo.cd.notifications.ledger import Ledger
from opsconsole.argo.cd.notifications.subscriptions import Destination, subscriptions
from opsconsole.model.notified import NOTIFIED

__all__ = [
    "NOTIFIED",
    "Condition",
    "Config",
    "ConfigError",
    "Delivery",
    "Destination",
    "Ledger",
    "Result",
    "SendError",
    "deliveries",
    "parse",
    "subscriptions",
]
