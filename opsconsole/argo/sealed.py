"""Sealing and unsealing one value, as kubeseal does: RSA-OAEP over a session key, AES-256-GCM.

A sealed value is base64 of: length of the sealed key (2 bytes, big-endian), the sealed key,
the ciphertext. The scope is OAEP's label: `NAMESPACE/NAME` (strict), `NAMESPACE`
(namespace-wide) or nothing (cluster-wide). Source: sealed-secrets `pkg/crypto/crypto.go`.
Randomness and time are the caller's; `cryptography` is loaded only when it is used.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsconsole.argo.golang import base64 as gobase64
from opsconsole.errors import InputError, MissingExtraError, RuleError
from opsconsole.model.objects import Object, annotations_of, mapping, name_of, namespace_of, text

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey

SESSION_KEY = 32
NONCE = bytes(12)
"""Each session key is used once, so the nonce may be zero."""

KEY_SIZE = 4096
LIFETIME = timedelta(days=3650)

STRICT, NAMESPACE_WIDE, CLUSTER_WIDE = "strict", "namespace-wide", "cluster-wide"
SCOPES = (STRICT, NAMESPACE_WIDE, CLUSTER_WIDE)
ANNOTATION = "sealedsecrets.bitnami.com/"
KEY_LABEL = ANNOTATION + "sealed-secrets-key"
"""Of the Secrets that hold the controller's key pairs; those with `active` seal."""

CONTROLLER_NAMESPACE = "kube-system"


def newest_certificate(keys: Iterable[Object]) -> bytes:
    """`tls.crt` of the newest active key Secret, b"" when there is none."""
    active = [key for key in keys if mapping(key, "metadata", "labels").get(KEY_LABEL) == "active"]
    newest = max(
        active, key=lambda k: (text(k, "metadata", "creationTimestamp"), name_of(k)), default={}
    )
    try:
        return base64.b64decode(text(newest, "data", "tls.crt"), validate=True)
    except (binascii.Error, ValueError):
        return b""


Entropy = Callable[[int], bytes]
"""So many random bytes; for anything but tests, of cryptographic quality."""


class UnsealError(InputError):
    """A value that no key opens; the message says nothing of what is in it."""


def need_cryptography() -> None:
    """Raises MissingExtraError when the library is not installed."""
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            "sealing needs the sandbox extra", hint="pip install 'opsconsole[sandbox]'"
        ) from missing


def label(namespace: str, name: str, scope: str) -> bytes:
    """What a sealed value is bound to."""
    if scope == CLUSTER_WIDE:
        return b""
    return (namespace if scope == NAMESPACE_WIDE else f"{namespace}/{name}").encode()


def scope_of(obj: Object) -> str:
    """The scope that an object's annotations ask for."""
    for scope in (CLUSTER_WIDE, NAMESPACE_WIDE):
        if annotations_of(obj).get(ANNOTATION + scope) == "true":
            return scope
    return STRICT


def _oaep(bound: bytes) -> Any:
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import padding

    return padding.OAEP(
        mgf=padding.MGF1(algorithm=hashes.SHA256()), algorithm=hashes.SHA256(), label=bound
    )


def encrypt(key: RSAPublicKey, plain: bytes, bound: bytes, entropy: Entropy) -> str:
    """One value, sealed."""
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    session = entropy(SESSION_KEY)
    sealed = key.encrypt(session, _oaep(bound))
    body = AESGCM(session).encrypt(NONCE, plain, None)
    return base64.b64encode(struct.pack(">H", len(sealed)) + sealed + body).decode()


def decrypt(keys: Iterable[RSAPrivateKey], value: str, bound: bytes) -> bytes:
    """One value, opened with the first key that fits. Raises UnsealError."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = gobase64.decode(value)
    except RuleError as fault:
        raise UnsealError(fault.message) from fault
    if len(raw) < struct.calcsize(">H"):
        raise UnsealError("SealedSecret data too short")
    (length,) = struct.unpack(">H", raw[:2])
    if len(raw) < length + 2:
        raise UnsealError("SealedSecret data too short")
    for key in keys:
        try:
            session = key.decrypt(raw[2 : 2 + length], _oaep(bound))
            return AESGCM(session).decrypt(NONCE, raw[2 + length :], None)
        except (ValueError, InvalidTag):
            continue
    raise UnsealError("no key could decrypt secret")


def new_private_key(size: int = KEY_SIZE) -> RSAPrivateKey:
    need_cryptography()
    from cryptography.hazmat.primitives.asymmetric import rsa

    return rsa.generate_private_key(public_exponent=65537, key_size=size)


def key_pair(key: RSAPrivateKey, now: datetime) -> tuple[bytes, bytes]:
    """(private key, certificate that begins now), both PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization

    nobody = x509.Name([])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(nobody)
        .issuer_name(nobody)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + LIFETIME)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    private = key.private_bytes(
        pem, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return private, certificate.public_bytes(pem)


def private_key(pem: bytes) -> RSAPrivateKey:
    """Raises UnsealError for what is not an RSA key."""
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey as Private

    try:
        found = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError) as fault:
        raise UnsealError("a sealing key cannot be read") from fault
    if not isinstance(found, Private):
        raise UnsealError("a sealing key is not an RSA key")
    return found


def public_key(certificate: bytes, now: datetime) -> RSAPublicKey:
    """The key of a certificate (PEM) that is valid at `now`. Raises InputError."""
    need_cryptography()
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey as Public

    try:
        read = x509.load_pem_x509_certificate(certificate)
        found = read.public_key()
    except ValueError as fault:
        raise InputError(
            "the certificate cannot be read", hint="give the controller's certificate as PEM"
        ) from fault
    if not isinstance(found, Public):
        raise InputError("the certificate's key is not an RSA key")
    if read.not_valid_after_utc < now:
        raise InputError(
            f"the certificate expired on {read.not_valid_after_utc:%Y-%m-%d}",
            hint="fetch the one that the controller uses now",
        )
    return found


@dataclass(frozen=True, slots=True)
class Sealer:
    """Seals for the controller that the certificate belongs to."""

    key: RSAPublicKey
    entropy: Entropy

    @classmethod
    def of(cls, certificate: bytes, now: datetime, entropy: Entropy) -> Sealer:
        """Raises InputError for a certificate that cannot be used."""
        return cls(public_key(certificate, now), entropy)

    def seal(
        self, secret: Object, *, scope: str = "", namespace: str = "", empty: bool = False
    ) -> dict[str, Any]:
        """A SealedSecret of a Secret.

        `scope` is one of SCOPES, "" for what the Secret's annotations say; `namespace` is used
        where the Secret names none; `empty` permits one without data. Raises InputError; its
        message never holds a value.
        """
        scope = scope or scope_of(secret)
        home, name = namespace_of(secret) or namespace, name_of(secret)
        if text(secret, "kind") != "Secret" or scope not in SCOPES:
            raise InputError("only a Secret can be sealed, with scope " + ", ".join(SCOPES))
        values = _values(secret)
        if not values and not empty:
            raise InputError("the Secret has no data", hint="--allow-empty-data permits that")
        meta: dict[str, Any] = {"name": name, "namespace": home}
        if scope != STRICT:
            meta["annotations"] = {ANNOTATION + scope: "true"}
        template: dict[str, Any] = {"metadata": _template_meta(secret, meta)}
        for field in ("type", "immutable"):
            if secret.get(field) is not None:
                template[field] = secret[field]
        sealed = {k: self.value(v, home, name, scope) for k, v in sorted(values.items())}
        return {
            "apiVersion": "bitnami.com/v1alpha1",
            "kind": "SealedSecret",
            "metadata": {k: v for k, v in meta.items() if v},
            "spec": {"encryptedData": sealed, "template": template},
        }

    def value(self, plain: bytes, namespace: str, name: str, scope: str) -> str:
        """One sealed value. Raises InputError when the scope needs a name that is not given."""
        if scope == STRICT and not name:
            raise InputError("scope strict binds a value to a name", hint="give the Secret's name")
        if scope != CLUSTER_WIDE and not namespace:
            raise InputError(
                f"scope {scope} binds a value to a namespace", hint="name it, or give -n"
            )
        return encrypt(self.key, plain, label(namespace, name, scope), self.entropy)


def merged(into: Object, new: Object) -> dict[str, Any]:
    """A SealedSecret with the values, labels and annotations of another (`kubeseal --merge-into`).

    Raises InputError when the two are not bound to the same: the values would not open.
    """
    if text(into, "kind") != "SealedSecret":
        raise InputError("only a SealedSecret can be merged into")
    for what, one, other in (
        ("name", name_of(into), name_of(new)),
        ("namespace", namespace_of(into), namespace_of(new)),
        ("scope", scope_of(into), scope_of(new)),
    ):
        if one != other:
            raise InputError(f"the {what} differs: {one or 'none'} there, {other or 'none'} here")
    template = mapping(into, "spec", "template")
    meta = dict(mapping(template, "metadata"))
    for section in ("labels", "annotations"):
        both = {**mapping(meta, section), **mapping(new, "spec", "template", "metadata", section)}
        if both:
            meta[section] = both
    values = {**mapping(into, "spec", "encryptedData"), **mapping(new, "spec", "encryptedData")}
    spec = {**mapping(into, "spec"), "encryptedData": values}
    return {**into, "spec": {**spec, "template": {**template, "metadata": meta}}}


def _template_meta(secret: Object, meta: Mapping[str, Any]) -> dict[str, Any]:
    """What the Secret will carry: its own labels and annotations, and the scope."""
    last = "kubectl.kubernetes.io/last-applied-configuration"
    notes = {k: v for k, v in annotations_of(secret).items() if k != last}
    notes |= mapping(meta, "annotations")
    found = {
        "name": meta.get("name"),
        "namespace": meta.get("namespace"),
        "labels": dict(mapping(secret, "metadata", "labels")),
        "annotations": notes,
    }
    return {k: v for k, v in found.items() if v}


def _values(secret: Object) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for key, value in mapping(secret, "data").items():
        try:
            found[key] = base64.b64decode(str(value), validate=True)
        except (binascii.Error, ValueError) as fault:
            raise InputError(f"data.{key} of the Secret is not base64") from fault
    return found | {k: str(v).encode() for k, v in mapping(secret, "stringData").items()}
