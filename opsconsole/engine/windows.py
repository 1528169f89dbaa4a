"""Which applications a sync window blocks now.

Separate because windows need the raw AppProject and the time, and guards must stay pure.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from opsconsole.argo.cd.windows import can_sync, windows_of
from opsconsole.engine.store import ObjectStore
from opsconsole.errors import RuleError
from opsconsole.model.kinds import APP_PROJECT, APPLICATION, ResourceKey
from opsconsole.model.objects import mappings, text


def blocked_by_windows(store: ObjectStore, now: datetime) -> Mapping[str, str]:
    """Application (as `str(key)`) → why a manual sync is refused now."""
    found: dict[str, str] = {}
    for (namespace, name), app in store.table(APPLICATION).items():
        project = store.get(APP_PROJECT, namespace, text(app, "spec", "project") or "default")
        if project is None or not mappings(project, "spec", "syncWindows"):
            continue
        told = verdict(project, app, now)
        if told:
            found[str(ResourceKey(APPLICATION, namespace, name))] = told
    return found


def verdict(project: Mapping[str, Any], app: Mapping[str, Any], now: datetime) -> str:
    """Why a manual sync of a raw Application is refused now; empty when it is not."""
    where = text(project, "metadata", "name")
    try:
        if can_sync(windows_of(project, app), now, manual=True):
            return ""
    except RuleError as fault:
        return f"a sync window of project {where} is not valid: {fault.message}"
    return f"cannot sync: blocked by a sync window of project {where}"
