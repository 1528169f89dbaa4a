"""Writing an Application's status; separate so that refresh and operations write it the same way."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opsconsole.argo.cd.identity import Obj
from opsconsole.model.kinds import APPLICATION
from opsconsole.model.objects import mapping
from opsconsole.sandbox.store import Store


def write(store: Store, namespace: str, name: str, status: Mapping[str, Any], **spec: Any) -> Obj:
    """Set fields of `status` and, by keyword, of the object (`operation`); None removes one."""
    app = store.get(APPLICATION, namespace, name)
    new = {k: v for k, v in {**mapping(app, "status"), **status}.items() if v is not None}
    whole = {**app, "status": new, **spec}
    return store.update(APPLICATION, {k: v for k, v in whole.items() if v is not None})
