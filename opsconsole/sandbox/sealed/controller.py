"""The sealed-secrets controller: SealedSecrets in, Secrets out, with key pairs of its own.

sealed-secrets `pkg/controller`: keys are Secrets in kube-system; the newest seals, all open.
"""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from opsconsole.argo import gotemplate
from opsconsole.argo import sealed as sealing
from opsconsole.argo.cd.identity import Obj
from opsconsole.errors import MissingExtraError, OpsError, RuleError
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
PATCHED = "sealedsecrets.bitnami.com/patch"
SKIP_OWNER = "sealedsecrets.bitnami.com/skip-set-owner-references"
YES = "true"

UNSEAL_FAILED, UPDATE_FAILED = "ErrUnsealFailed", "ErrUpdateFailed"
FAILED_UPDATE = "failed update: "
NO_KEY, NOT_BASE64 = "no key could decrypt secret", "illegal base64 data"
IMMUTABLE = "field is immutable when `immutable` is set"
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
        yield Watch(SEALED_SECRET, self._changed)
        yield Watch(SECRET, self._owner)
        yield Watch(NAMESPACE, lambda change: [_RENEW] if name_of(change.object) == HOME else [])

    def _owner(self, change: Change) -> Iterable[Key]:
        """A Secret that is gone comes back; one that was changed stays as it is."""
        gone = change.object
        if change.type != "DELETED":
            return
        sealed = self.store.find(SEALED_SECRET, namespace_of(gone), name_of(gone))
        if sealed is not None and (
            _owned(gone, sealed) or annotations_of(gone).get(MANAGED) == YES
        ):
            yield Key(namespace_of(gone), name_of(gone))

    def _changed(self, change: Change) -> Iterable[Key]:
        """A status, labels or annotations alone change nothing."""
        if change.old is None or change.old.get("spec") != change.object.get("spec"):
            yield Key(namespace_of(change.object), name_of(change.object))

    def reconcile(self, key: Key) -> float | None:
        if key == _RENEW:
            return self._renew()
        sealed = self.store.find(SEALED_SECRET, key.namespace, key.name)
        if sealed is None or text(sealed, "metadata", "deletionTimestamp"):
            return None
        reason = UNSEAL_FAILED
        try:
            sealing.need_cryptography()
            secret = self._unsealed(sealed)
            reason = UPDATE_FAILED
            self._write(sealed, secret)
        except (OpsError, StatusError) as fault:
            why = _immutable(key) if fault.message.endswith(IMMUTABLE) else fault.message
            told = f"Failed to unseal: {why}" if reason == UNSEAL_FAILED else why
            self.events.event(sealed, "Warning", reason, told.removeprefix(FAILED_UPDATE))
            self._status(sealed, fault.message)
            return None
        self.events.event(sealed, "Normal", "Unsealed", "SealedSecret unsealed successfully")
        self._status(sealed, "")
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
        opened: dict[str, bytes] = {}
        faults: dict[str, list[str]] = {}
        for field, value in sorted(mapping(sealed, "spec", "encryptedData").items()):
            try:
                opened[field] = sealing.decrypt(keys, str(value), bound)
            except sealing.UnsealError as fault:
                why = fault.message if fault.message.startswith(NOT_BASE64) else NO_KEY
                faults.setdefault(why, []).append(field)
        template = mapping(sealed, "spec", "template")
        data = _rendered(mapping(template, "data"), opened, faults)
        if faults:
            told = (f"{why} ({', '.join(fields)})" for why, fields in faults.items())
            raise sealing.UnsealError("; ".join(told))
        meta = {**mapping(template, "metadata"), "name": name, "namespace": home}
        if annotations_of(template).get(SKIP_OWNER) != YES:
            meta["ownerReferences"] = [_owner_of(sealed)]
        written = {field: base64.b64encode(value).decode() for field, value in data.items()}
        secret: Obj = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": written}
        for field in ("type", "immutable"):
            if template.get(field) is not None:
                secret[field] = template[field]
        return secret

    def _write(self, sealed: Obj, secret: Obj) -> None:
        """Raises StatusError of the API server, UnsealError for a Secret of somebody else."""
        old = self.store.find(SECRET, namespace_of(secret), name_of(secret))
        if old is None:
            self.store.create(SECRET, secret)
            return
        notes = annotations_of(old)
        patched, managed = notes.get(PATCHED) == YES, notes.get(MANAGED) == YES
        if not _owned(old, sealed) and not managed and not patched:
            why = f'Resource "{name_of(secret)}" already exists and is not managed by SealedSecret'
            raise sealing.UnsealError(FAILED_UPDATE + why)
        meta = dict(old["metadata"])
        new = {"labels": labels_of(secret), "annotations": annotations_of(secret)}
        for name, values in new.items():
            meta[name] = {**mapping(meta, name), **values} if patched else dict(values)
        if managed or not patched:
            meta["ownerReferences"] = mappings(secret, "metadata", "ownerReferences")
        data = {**mapping(old, "data"), **secret["data"]} if patched else secret["data"]
        made = {**old, "metadata": meta, "data": data}
        if "type" in secret:
            made["type"] = secret["type"]
        if made != old:
            self.store.update(SECRET, made)

    def _status(self, sealed: Obj, problem: str) -> None:
        """Write the condition when its status or the generation is another; a message alone is not."""
        now = self.store.find(SEALED_SECRET, namespace_of(sealed), name_of(sealed))
        if now is None:
            return
        instant = format_instant(self.store.simulation.now())
        entry: dict[str, Any] = {"type": "Synced", "status": "False" if problem else "True"}
        if problem:
            entry["message"] = problem
        before = next(iter(mappings(now, "status", "conditions")), {})
        generation = number(now, "metadata", "generation")
        same = before.get("status") == entry["status"]
        if same and number(now, "status", "observedGeneration") == generation:
            return
        moved = text(before, "status") != entry["status"]
        entry["lastUpdateTime"] = instant
        entry["lastTransitionTime"] = instant if moved else text(before, "lastTransitionTime")
        status = {"observedGeneration": generation, "conditions": [entry]}
        self.store.update(SEALED_SECRET, {**now, "status": status}, subresource="status")


def _owned(secret: Obj, sealed: Obj) -> bool:
    owners = mappings(secret, "metadata", "ownerReferences")
    return any(text(o, "uid") == uid_of(sealed) and o.get("controller") is True for o in owners)


def _owner_of(sealed: Obj) -> Obj:
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "name": name_of(sealed),
        "uid": uid_of(sealed),
        "controller": True,
    }


def _rendered(
    templates: Mapping[str, Any], opened: Mapping[str, bytes], faults: dict[str, list[str]]
) -> dict[str, bytes]:
    """The values with those of `template.data`, which are templates over all of them.

    A sealed value is never covered by a plain one; null removes it. What a fault says could
    quote a value, so only its place is told.
    """
    data = dict(opened)
    seen = {k: str(v) for k, v in templates.items() if v is not None}
    seen |= {key: value.decode("utf-8", "replace") for key, value in opened.items()}
    for key, source in sorted(templates.items()):
        if source is None:
            data.pop(key, None)
            continue
        try:
            made = gotemplate.render(str(source), seen, functions=gotemplate.functions(), name=key)
        except RuleError:
            faults.setdefault("the template cannot be rendered", []).append(key)
            continue
        if key not in opened:
            data[key] = made.encode()
    return data


def _immutable(key: Key) -> str:
    return (
        f"Error updating {key.namespace}/{key.name}: the target Secret is immutable. Once a Secret"
        " is marked as immutable, it is not possible to revert this change nor to mutate the"
        " contents of the data field. You can only delete and recreate the Secret."
    )
