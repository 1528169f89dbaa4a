"""Sealing and unsealing one value, as kubeseal does: RSA-OAEP over a session key, AES-256-GCM.

A sealed value is base64 of: length of the sealed key (2 bytes, big-endian), the sealed key,
the ciphertext. The scope is OAEP's label: `NAMESPACE/NAME` (strict), `NAMESPACE`
(namespace-wide) or nothing (cluster-wide). Source: sealed-secrets `pkg/crypto/crypto.go`.
"""

from __future__ import annotations

import base64
import binascii
import struct
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from opsconsole.errors import InputError, MissingExtraError
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


class UnsealError(InputError):
    """A value that no key opens; the message says nothing of what is in it."""


def need_cryptography() -> None:
    """Raises MissingExtraError when the library is not installed."""
    try:
        import cryptography  # noqa: F401 - only whether it is there
    except ModuleNotFoundError as missing:
        raise MissingExtraError(
            "sealed secrets need the sandbox extra", hint="pip install 'opsconsole[sandbox]'"
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


def encrypt(key: RSAPublicKey, plain: bytes, bound: bytes) -> str:
    """One value, sealed."""
    import os

    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    session = os.urandom(SESSION_KEY)
    sealed = key.encrypt(session, _oaep(bound))
    body = AESGCM(session).encrypt(NONCE, plain, None)
    return base64.b64encode(struct.pack(">H", len(sealed)) + sealed + body).decode()


def decrypt(keys: Iterable[RSAPrivateKey], value: str, bound: bytes) -> bytes:
    """One value, opened with the first key that fits. Raises UnsealError."""
    from cryptography.exceptions import InvalidTag
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

    try:
        raw = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as fault:
        raise UnsealError("illegal base64 data in a sealed value") from fault
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


def new_key(now: datetime, size: int = KEY_SIZE) -> tuple[bytes, bytes]:
    """A key pair: (private key, certificate), both PEM."""
    need_cryptography()
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import rsa

    key = rsa.generate_private_key(public_exponent=65537, key_size=size)
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


def public_key(certificate: bytes) -> RSAPublicKey:
    """The key of a certificate (PEM). Raises InputError."""
    need_cryptography()
    from cryptography import x509
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey as Public

    try:
        found = x509.load_pem_x509_certificate(certificate).public_key()
    except ValueError as fault:
        raise InputError(
            "the certificate cannot be read", hint="give the controller's certificate as PEM"
        ) from fault
    if not isinstance(found, Public):
        raise InputError("the certificate's key is not an RSA key")
    return found


def seal(
    secret: Object, certificate: bytes, *, scope: str = "", namespace: str = ""
) -> dict[str, Any]:
    """A SealedSecret of a Secret, for the controller that the certificate belongs to.

    `scope` is one of SCOPES, "" for what the Secret's annotations say; `namespace` is used
    where the Secret names none. Raises InputError; its message never holds a value.
    """
    scope = scope or scope_of(secret)
    home, name = namespace_of(secret) or namespace, name_of(secret)
    if text(secret, "kind") != "Secret" or scope not in SCOPES:
        raise InputError("only a Secret can be sealed, with scope " + ", ".join(SCOPES))
    if not name and scope == STRICT:
        raise InputError("a Secret without a name cannot be sealed with scope strict")
    if not home and scope != CLUSTER_WIDE:
        raise InputError("a Secret without a namespace needs scope cluster-wide")
    key = public_key(certificate)
    bound = label(home, name, scope)
    values = _values(secret)
    meta: dict[str, Any] = {"name": name, "namespace": home}
    notes = {} if scope == STRICT else {ANNOTATION + scope: "true"}
    if notes:
        meta["annotations"] = notes
    template: dict[str, Any] = {"metadata": _template_meta(secret, meta)}
    for field in ("type", "immutable"):
        if secret.get(field) is not None:
            template[field] = secret[field]
    return {
        "apiVersion": "bitnami.com/v1alpha1",
        "kind": "SealedSecret",
        "metadata": {k: v for k, v in meta.items() if v},
        "spec": {
            "encryptedData": {k: encrypt(key, v, bound) for k, v in sorted(values.items())},
            "template": template,
        },
    }


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
