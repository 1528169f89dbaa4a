"""From kubeconfig files (or a pod's own files) to one `Target`: where, as whom, verified how.

Separate because the stock loader reads $KUBECONFIG at import, sets a process-wide default,
crashes on a context without a user and swallows failing plugins. Files are merged as
kubectl does it: the first file that names a thing wins; relative paths belong to their file.
Source: k8s.io/client-go/tools/clientcmd.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from opsconsole.aio.clock import Clock
from opsconsole.errors import KubeconfigError, YamlError
from opsconsole.kube.credentials import (
    Certificate,
    Credential,
    Fixed,
    Proof,
    Renewed,
    TokenFile,
    basic,
    bearer,
)
from opsconsole.kube.execplugin import read_plugin
from opsconsole.kube.failures import redacted
from opsconsole.model import yamldoc
from opsconsole.model.objects import flag, mapping, mappings, text
from opsconsole.settings import ClusterSettings

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")

MAX_BYTES = 8 * 2**20
"""A kubeconfig is no bigger; a wrong path must not be read into memory."""


@dataclass(frozen=True, slots=True)
class Target:
    """`ca` is PEM text or empty for the system's. `proxy` and `tls_server_name` may be empty."""

    server: str
    credential: Credential
    context: str = ""
    namespace: str = ""
    ca: str = ""
    insecure: bool = False
    tls_server_name: str = ""
    proxy: str = ""
    direct: bool = False
    """Ignore proxies of the environment (our own loopback server)."""


def target_of(settings: ClusterSettings, clock: Clock) -> Target:
    """Decide by the settings: a bare server, kubeconfig files, or the pod we run in."""
    if settings.server:
        return Target(settings.server.rstrip("/"), Fixed(Proof()), "sandbox", direct=True)
    if settings.kubeconfig:
        return from_files(settings.kubeconfig, settings.context, clock)
    return in_cluster(clock)


def in_cluster(clock: Clock, root: Path = SERVICE_ACCOUNT) -> Target:
    """The service account of the pod we run in. KubeconfigError when we are in none."""
    host, port = (
        os.environ.get("KUBERNETES_SERVICE_HOST"),
        os.environ.get("KUBERNETES_SERVICE_PORT"),
    )
    if not host or not port:
        raise KubeconfigError("no kubeconfig, and this is not a pod of a cluster")
    host = f"[{host}]" if ":" in host else host
    return Target(
        server=f"https://{host}:{port}",
        credential=TokenFile(root / "token", clock),
        context="in-cluster",
        namespace=_optional(root / "namespace").strip(),
        ca=_optional(root / "ca.crt"),
    )


def _optional(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as fault:
        raise KubeconfigError(f"cannot read {path}: {fault.strerror}") from fault


class Kubeconfig:
    """Several files as one: contexts, clusters and users by name, each with its file's folder."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self.label = ", ".join(str(path) for path in paths)
        self.current = ""
        self._tables: dict[str, dict[str, tuple[Mapping[str, Any], Path]]] = {
            "contexts": {}, "clusters": {}, "users": {},
        }  # fmt: skip
        read = [(path, document) for path in paths if (document := _read(path)) is not None]
        if not read:
            raise KubeconfigError(f"no kubeconfig at {self.label}")
        for path, document in read:
            self.current = self.current or text(document, "current-context")
            for plural, table in self._tables.items():
                for entry in mappings(document, plural):
                    inner = mapping(entry, plural[:-1])
                    table.setdefault(text(entry, "name"), (inner, path.parent))

    def names(self) -> tuple[str, ...]:
        return tuple(self._tables["contexts"])

    def find(self, plural: str, name: str) -> Mapping[str, Any]:
        """An entry, empty when there is none."""
        return self._tables[plural].get(name, ({}, Path()))[0]

    def entry(self, plural: str, name: str, wanted_by: str) -> tuple[Mapping[str, Any], Path]:
        found = self._tables[plural].get(name)
        if found is None:
            raise KubeconfigError(
                f"{wanted_by} names the {plural[:-1]} {name!r}, which is not in {self.label}"
            )
        return found


def from_files(paths: Sequence[Path], context: str, clock: Clock) -> Target:
    """The chosen context, or the current one. KubeconfigError says what is wrong and where."""
    config = Kubeconfig(paths)
    chosen = context or config.current
    if not chosen:
        raise KubeconfigError(
            f"{config.label} has no current-context",
            hint=f"choose one with --context: {', '.join(config.names()) or 'there are none'}",
        )
    if chosen not in config.names():
        raise KubeconfigError(
            f"there is no context {chosen!r} in {config.label}",
            hint=f"contexts: {', '.join(config.names()[:10]) or 'none'}",
        )
    spec, _ = config.entry("contexts", chosen, "the command line")
    where = f"context {chosen!r}"
    cluster_name, user_name = text(spec, "cluster"), text(spec, "user")
    cluster, home = config.entry("clusters", cluster_name, where)
    server = _server(cluster, f"cluster {cluster_name!r} of {config.label}")
    credential: Credential = Fixed(Proof())
    if user_name:
        user, user_home = config.entry("users", user_name, where)
        credential = _credential(user, user_home, f"user {user_name!r}", cluster, clock)
    return Target(
        server=server,
        credential=credential,
        context=chosen,
        namespace=text(spec, "namespace"),
        ca=_pem(cluster, "certificate-authority", home, f"cluster {cluster_name!r}"),
        insecure=flag(cluster, "insecure-skip-tls-verify"),
        tls_server_name=text(cluster, "tls-server-name"),
        proxy=_proxy(cluster, f"cluster {cluster_name!r}"),
    )


def context_of_server(paths: Sequence[Path], server: str) -> str:
    """The first context whose cluster has that URL, "" when none has. KubeconfigError, as above."""
    config = Kubeconfig(paths)
    for name in config.names():
        spec, _ = config.entry("contexts", name, "the kubeconfig")
        cluster = config.find("clusters", text(spec, "cluster"))
        if text(cluster, "server").rstrip("/") == server.rstrip("/"):
            return name
    return ""


def _read(path: Path) -> Mapping[str, Any] | None:
    try:
        if path.stat().st_size > MAX_BYTES:
            raise KubeconfigError(f"{path} is too big to be a kubeconfig")
        source = path.read_bytes().decode("utf-8")
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as fault:
        raise KubeconfigError(f"cannot read the kubeconfig {path}: {fault}") from fault
    try:
        document = yamldoc.load(source)
    except YamlError as fault:
        raise KubeconfigError(f"the kubeconfig {path} does not parse: {fault.message}") from fault
    if document is None:
        return {}
    if not isinstance(document, Mapping):
        raise KubeconfigError(f"{path} is not a kubeconfig: it holds no mapping")
    for plural in ("contexts", "clusters", "users"):
        found = document.get(plural)
        if found is not None and not isinstance(found, list):
            raise KubeconfigError(f"the kubeconfig {path}: {plural} is not a list")
    return document


def _server(cluster: Mapping[str, Any], where: str) -> str:
    server = text(cluster, "server").rstrip("/")
    if not server:
        raise KubeconfigError(f"{where} has no server")
    try:
        parts = urlsplit(server)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname)
        usable = usable and (parts.port is None or parts.port > 0)
    except ValueError:
        usable = False
    if not usable:
        raise KubeconfigError(f"{where}: server {redacted(server)!r} is not an http(s) URL")
    return server


def _proxy(cluster: Mapping[str, Any], where: str) -> str:
    proxy = text(cluster, "proxy-url")
    if proxy.startswith("socks"):
        raise KubeconfigError(
            f"{where}: proxy-url is a SOCKS proxy, which this program cannot use",
            hint="put an HTTP proxy in front of it, or tunnel with ssh -L",
        )
    return proxy


def _pem(entry: Mapping[str, Any], field: str, home: Path, where: str) -> str:
    """PEM text of `FIELD-data` (base64) or of the file FIELD; empty when neither is there."""
    data = text(entry, f"{field}-data")
    if data:
        try:
            return base64.b64decode(data, validate=True).decode("ascii")
        except (binascii.Error, UnicodeDecodeError, ValueError) as fault:
            raise KubeconfigError(f"{where}: {field}-data is not base64 of PEM text") from fault
    path = text(entry, field)
    if not path:
        return ""
    try:
        return (home / path).read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError) as fault:
        raise KubeconfigError(f"{where}: cannot read {field} {home / path}: {fault}") from fault


def _credential(
    user: Mapping[str, Any],
    home: Path,
    where: str,
    cluster: Mapping[str, Any],
    clock: Clock,
) -> Credential:
    """In kubectl's order: token, token file, password, exec; a certificate goes with any."""
    pem = _pem(user, "client-certificate", home, where)
    key = _pem(user, "client-key", home, where)
    if bool(pem) != bool(key):
        raise KubeconfigError(f"{where}: a client certificate needs both certificate and key")
    certificate = Certificate(pem, key) if pem else None
    if "exec" in user:
        return Renewed(read_plugin(user, where, cluster).run, clock)
    if text(user, "tokenFile"):
        return TokenFile(home / text(user, "tokenFile"), clock)
    proof = Proof(certificate=certificate)
    if text(user, "token"):
        proof = Proof(bearer(text(user, "token")).authorization, certificate)
    elif text(user, "username"):
        proof = Proof(
            basic(text(user, "username"), text(user, "password")).authorization, certificate
        )
    elif "auth-provider" in user:
        token = text(user, "auth-provider", "config", "id-token")
        if not token:
            raise KubeconfigError(
                f"{where}: auth-provider {text(user, 'auth-provider', 'name')!r} is not supported",
                hint="use an exec plugin such as kubelogin, or gke-gcloud-auth-plugin",
            )
        proof = Proof(bearer(token).authorization, certificate)
    return Fixed(proof)
