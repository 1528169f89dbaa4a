"""What a client does to a cluster, done in-process: requests, `kubectl apply`, `kubectl patch`.

Separate from the player so that plans, plugin commands and scenarios write the same way.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from opsconsole.argo.rollouts.names import LAST_APPLIED
from opsconsole.errors import ApiError, ConflictError, NotFoundError
from opsconsole.model.kinds import NAMESPACE, Kind
from opsconsole.model.objects import annotations_of, mapping, name_of, namespace_of, text
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.sandbox.api.patches import json_patch, merge_patch
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.store import Obj, Store


def translated(error: StatusError) -> ApiError:
    """A Status of the store as the error that clients see."""
    kind = {"NotFound": NotFoundError, "Conflict": ConflictError}.get(error.reason, ApiError)
    return kind(error.message, status=error.code, reason=error.reason)


class Client:
    """Reads and writes one store. Errors are ApiError, as over HTTP."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def get(self, kind: Kind, namespace: str, name: str) -> Obj:
        try:
            return self.store.get(kind, namespace, name)
        except StatusError as error:
            raise translated(error) from error

    def send(self, request: Request) -> Obj:
        """Carry out one write; the object as it is afterwards."""
        try:
            return self._send(request)
        except StatusError as error:
            raise translated(error) from error

    def _send(self, request: Request) -> Obj:
        kind, namespace, name = request.kind, request.namespace, request.name
        if request.verb is Verb.POST:
            return self.store.create(kind, _placed(request.body, kind, namespace))
        if request.verb is Verb.DELETE:
            return self.store.delete(kind, namespace, name)
        subresource = request.subresource
        if subresource == "status" and not self.store.resources.of(kind).status:
            subresource = ""
        if request.verb is Verb.PUT:
            return self.store.update(kind, request.body, subresource=subresource)
        live = self.store.get(kind, namespace, name)
        if request.patch_type is PatchType.JSON:
            new = json_patch(live, request.body)
        else:
            new = merge_patch(live, request.body)
        return self.store.update(kind, new, subresource=subresource)

    def apply(self, manifest: Mapping[str, Any], namespace: str) -> Obj:
        """`kubectl apply` on the client's side: what was applied before and is gone is removed."""
        kind = self.store.resources.by_kind(text(manifest, "apiVersion"), text(manifest, "kind"))
        if kind is None:
            what = f"{text(manifest, 'kind')} in version {text(manifest, 'apiVersion')}"
            raise ApiError(
                f'no matches for kind "{what}"',
                status=404,
                reason="NotFound",
                hint="install its CustomResourceDefinition first",
            )
        wanted = _placed(manifest, kind, namespace)
        notes = dict(annotations_of(wanted))
        notes[LAST_APPLIED] = json.dumps(manifest, separators=(",", ":"), sort_keys=True)
        marked = {**wanted, "metadata": {**wanted["metadata"], "annotations": notes}}
        try:
            live = self.store.find(kind, namespace_of(wanted), name_of(wanted))
            if live is None:
                return self.store.create(kind, marked)
            before = json.loads(text(annotations_of(live), LAST_APPLIED) or "{}")
            return self.store.update(kind, _three_way(before, marked, live))
        except StatusError as error:
            raise translated(error) from error

    def ensure_namespace(self, name: str) -> None:
        if self.store.find(NAMESPACE, "", name) is None:
            self.store.create(NAMESPACE, {"metadata": {"name": name}})


def _placed(obj: Mapping[str, Any], kind: Kind, namespace: str) -> Obj:
    meta = dict(mapping(obj, "metadata"))
    if kind.namespaced:
        meta.setdefault("namespace", namespace)
    return {**obj, "metadata": meta}


def _three_way(before: Any, wanted: Any, live: Any) -> Any:
    """`live` with `wanted` merged in and what only `before` had taken out."""
    if not isinstance(wanted, Mapping) or not isinstance(live, Mapping):
        return wanted
    former = before if isinstance(before, Mapping) else {}
    found = {k: v for k, v in live.items() if k in wanted or k not in former}
    for key, value in wanted.items():
        found[key] = _three_way(former.get(key), value, live.get(key))
    return found
