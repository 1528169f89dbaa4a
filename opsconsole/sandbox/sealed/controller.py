"""The sealed-secrets controller: SealedSecrets in, Secrets out, with key pairs of its own.

sealed-secrets `pkg/controller`: keys are Secrets in kube-system; the newest seals, all open.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsconsole.argo import sealed as sealing
from opsconsole.argo.cd.identity import Obj, with_metadata
from opsconsole.errors import MissingExtraError, OpsError
from opsconsole.model.kinds import NAMESPACE, SEALED_SECRET, SECRET
from opsconsole.model.objects import (
    annotations_of,
    labels_of,
    mapping,
    mappings,
    name_of,
    namespace_of,
    number,
    text,
    uid_of,
)
from opsconsole.model.times import format_instant, parse_instant
from opsconsole.sandbox.apierrors import StatusError
from opsconsole.sandbox.events import EventRecorder
from opsconsole.sandbox.runtime import Key, Watch
from opsconsole.sandbox.store import Change, Store

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

HOME = sealing.CONTROLLER_NAMESPACE
MANAGED = "sealedsecrets.bitnami.com/managed"
RENEWAL = timedelta(days=30)
"""Age at which a new key pair is made (`--key-renew-period`)."""

SANDBOX_KEY_SIZE = 2048
"""Bits: the sandbox's key protects nothing, and a real one takes seconds to make."""


_RENEW = Key("", "key renewal")


@lru_cache(maxsize=8)
def _private_key(ordinal: int) -> RSAPrivateKey:
    """One a process and ordinal: making one takes longer than all else at a sandbox's start."""
    del ordinal
    return sealing.new_private_key(SANDBOX_KEY_SIZE)


class SealedSecretController:
    name = "sealed-secrets-controller"

    def __init__(self, store: Store) -> None:
        self.store = store
        self.events = EventRecorder(store, "sealed-secrets")

    def watches(self) -> Iterable[Watch]:
        yield Watch(SEALED_SECRET)
        yield Watch(SECRET, self._owner)
        yield Watch(NAMESPACE, lambda change: [_RENEW] if name_of(change.object) == HOME else [])

    def _owner(self, change: Change) -> Iterable[Key]:
        if change.type == "ADDED":
            return
        for owner in mappings(change.object, "metadata", "ownerReferences"):
            if text(owner, "kind") == "SealedSecret":
                yield Key(namespace_of(change.object), text(owner, "name"))

    def reconcile(self, key: Key) -> float | None:
        if key == _RENEW:
            return self._renew()
        sealed = self.store.find(SEALED_SECRET, key.namespace, key.name)
        if sealed is None or text(sealed, "metadata", "deletionTimestamp"):
            return None
        try:
            sealing.need_cryptography()
            self._write(sealed, self._unsealed(sealed))
        except (OpsError, StatusError) as fault:
            self._status(sealed, fault.message)
            self.events.event(
                sealed, "Warning", "ErrUnsealFailed", f"Failed to unseal: {fault.message}"
            )
            return None
        if self._status(sealed, ""):
            self.events.event(sealed, "Normal", "Unsealed", "SealedSecret unsealed successfully")
        return None

    # keys

    def keys(self) -> list[Obj]:
        """Key pairs, the newest first."""
        found = [
            s
            for s in self.store.objects(SECRET, HOME)
            if labels_of(s).get(sealing.KEY_LABEL) == "active"
        ]
        made = "creationTimestamp"
        return sorted(found, key=lambda s: (text(s, "metadata", made), name_of(s)), reverse=True)

    def _renew(self) -> float | None:
        """Make a key pair when there is none, or the newest is old; seconds until the next one is due."""
        try:
            sealing.need_cryptography()
        except MissingExtraError:
            return None
        now = self.store.simulation.now()
        keys = self.keys()
        since = parse_instant(text(keys[0], "metadata", "creationTimestamp")) if keys else None
        if since is None or now - since >= RENEWAL:
            self.rotate()
            since = now
        return (since + RENEWAL - now).total_seconds()

    def certificate(self) -> bytes:
        """The certificate that seals now, PEM."""
        self._renew()
        return sealing.newest_certificate(self.keys())

    def rotate(self) -> Obj:
        """Make a new key pair; the older ones go on opening what they sealed."""
        pair = sealing.key_pair(_private_key(len(self.keys())), self.store.simulation.now())
        private, certificate = (base64.b64encode(part).decode() for part in pair)
        meta = {
            "generateName": "sealed-secrets-key",
            "namespace": HOME,
            "labels": {sealing.KEY_LABEL: "active"},
        }
        data = {"tls.crt": certificate, "tls.key": private}
        return self.store.create(
            SECRET, {"metadata": meta, "type": "kubernetes.io/tls", "data": data}
        )

    # opening

    def _unsealed(self, sealed: Obj) -> Obj:
        """The Secret that a SealedSecret holds. Raises UnsealError."""
        keys = [
            sealing.private_key(base64.b64decode(text(k, "data", "tls.key"))) for k in self.keys()
        ]
        home, name = namespace_of(sealed), name_of(sealed)
        bound = sealing.label(home, name, sealing.scope_of(sealed))
        data: dict[str, str] = {}
        failed: list[str] = []
        for field, value in sorted(mapping(sealed, "spec", "encryptedData").items()):
            try:
                opened = sealing.decrypt(keys, str(value), bound)
                data[field] = base64.b64encode(opened).decode()
            except sealing.UnsealError:
                failed.append(field)
        if failed:
            raise sealing.UnsealError(f"no key could decrypt secret ({', '.join(failed)})")
        template = mapping(sealed, "spec", "template")
        meta: dict[str, Any] = {"name": name, "namespace": home}
        for field in ("labels", "annotations"):
            if mapping(template, "metadata", field):
                meta[field] = dict(mapping(template, "metadata", field))
        secret: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
        for field in ("type", "immutable"):
            if template.get(field) is not None:
                secret[field] = template[field]
        return secret

    def _write(self, sealed: Obj, secret: Obj) -> None:
        owner = {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "name": name_of(sealed),
            "uid": uid_of(sealed),
            "controller": True,
        }
        secret = with_metadata(secret, ownerReferences=[owner])
        old = self.store.find(SECRET, namespace_of(secret), name_of(secret))
        if old is None:
            self.store.create(SECRET, secret)
            return
        owned = any(
            text(o, "uid") == uid_of(sealed) for o in mappings(old, "metadata", "ownerReferences")
        )
        if not owned and annotations_of(old).get(MANAGED) != "true":
            raise sealing.UnsealError(
                f'Resource "{name_of(secret)}" already exists and is not managed by SealedSecret'
            )
        meta = {**secret["metadata"], "uid": uid_of(old)}
        self.store.update(SECRET, {**old, **secret, "metadata": meta})

    def _status(self, sealed: Obj, problem: str) -> bool:
        """Write the condition; whether it changed."""
        now = self.store.find(SEALED_SECRET, namespace_of(sealed), name_of(sealed))
        if now is None:
            return False
        instant = format_instant(self.store.simulation.now())
        entry: dict[str, Any] = {"type": "Synced", "status": "False" if problem else "True"}
        if problem:
            entry["message"] = problem
        before = next(iter(mappings(now, "status", "conditions")), {})
        generation = number(now, "metadata", "generation")
        same = all(before.get(k) == entry.get(k) for k in ("status", "message"))
        if same and number(now, "status", "observedGeneration") == generation:
            return False
        moved = text(before, "status") != entry["status"]
        entry["lastUpdateTime"] = instant
        entry["lastTransitionTime"] = instant if moved else text(before, "lastTransitionTime")
        status = {"observedGeneration": generation, "conditions": [entry]}
        self.store.update(SEALED_SECRET, {**now, "status": status}, subresource="status")
        return True
