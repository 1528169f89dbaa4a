"""What a sync does to a simulated cluster: looking, applying through kubectl, deleting."""

from __future__ import annotations

from collections.abc import Callable

from opsconsole.argo.cd.identity import Obj, split_version, with_metadata
from opsconsole.argo.cd.sync import EffectError
from opsconsole.argo.cd.sync.effects import Application
from opsconsole.model.kinds import Kind
from opsconsole.model.objects import Object, name_of, namespace_of, text
from opsconsole.sandbox.argocd.kubectl import Kubectl, refusals
from opsconsole.sandbox.store import Store

NOT_FOUND = "the server could not find the requested resource"


class StoreEffects:
    """`Effects` on one cluster. `permitted` is the project's answer for an object."""

    def __init__(self, store: Store, permitted: Callable[[Object], str]) -> None:
        self.store = store
        self.kubectl = Kubectl(store)
        self._permitted = permitted

    def _kind(self, obj: Object) -> Kind:
        found = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        if found is None:
            raise EffectError(NOT_FOUND, missing=True)
        return found

    def unserved(self, api_version: str, kind: str) -> str:
        """What discovery says of it (gitops-engine, ServerResourceForGroupVersionKind)."""
        if self.store.resources.by_kind(api_version, kind) is not None:
            return ""
        group, version = split_version(api_version)
        if any((k.group, k.version) == (group, version) for k in self._served()):
            return f'{kind}.{group} "" not found' if group else f'{kind} "" not found'
        what = f"failed to discover server resources for group version {api_version}"
        return f"{what}: {NOT_FOUND}"

    def _served(self) -> list[Kind]:
        return [served.kind for served in self.store.resources.all_served()]

    def permitted(self, obj: Object) -> str:
        return self._permitted(obj)

    def find(self, obj: Object) -> Obj | None:
        kind = self.store.resources.by_kind(text(obj, "apiVersion"), text(obj, "kind"))
        return self.store.find(kind, namespace_of(obj), name_of(obj)) if kind else None

    def apply(self, target: Object, how: Application) -> str:
        return self.kubectl.write(target, how)

    def delete(self, live: Object, propagation: str) -> None:
        kind = self._kind(live)
        with refusals():
            self.store.delete(kind, namespace_of(live), name_of(live), propagation=propagation)

    def set_finalizers(self, live: Object, finalizers: list[str]) -> None:
        kind = self._kind(live)
        with refusals():
            now = self.store.get(kind, namespace_of(live), name_of(live))
            self.store.update(kind, with_metadata(now, finalizers=finalizers or None))

    def explained(self, result: Object) -> str:
        """A result's message with what helps to understand it (`util/argo`, AugmentSyncMsg)."""
        message = text(result, "message")
        if "metadata.annotations: Too long: must have at most 262144 bytes" in message:
            return message + TOO_LONG
        if NOT_FOUND not in message:
            return message
        group, kind = text(result, "group"), text(result, "kind")
        asked = f"{group}/{kind} for requested resource"
        asked += f" {text(result, 'namespace')}/{text(result, 'name')}"
        same = [k for k in self._served() if k.kind == kind]
        there = next((k for k in same if k.group == group), same[0] if same else None)
        if there is None:
            return (
                f"The Kubernetes API could not find {asked}. Make sure the"
                f' "{kind}" CRD is installed on the destination cluster.'
            )
        return (
            f'The Kubernetes API could not find version "{text(result, "version")}" of {asked}.'
            f' Version "{there.version}" of {there.group}/{there.kind} is installed on the'
            " destination cluster."
        )


TOO_LONG = (
    " \n -Additional Info: This error usually means that you are trying to add a large resource on"
    " client side. Consider using Server-side apply or syncing with replace enabled. Note: Syncing"
    " with Replace enabled is potentially destructive as it may cause resource deletion and"
    " re-creation."
)
