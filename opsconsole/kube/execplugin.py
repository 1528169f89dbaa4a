"""Runs `exec` credential plugins of a kubeconfig ourselves.

Separate because the stock client inherits our terminal to them, waits for ever and swallows
their failure. Here: stdin closed, a time limit, stderr kept for the message.
Source: client.authentication.k8s.io/v1 and v1beta1 (ExecCredential).
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import DeniedError, KubeconfigError
from opsconsole.kube.credentials import Certificate, Proof, bearer
from opsconsole.kube.failures import redacted
from opsconsole.model.objects import items, mapping, mappings, text
from opsconsole.model.times import parse_instant

LIMIT = 60.0
"""Seconds that a plugin may take: browsers are out of its reach, so it only renews."""

VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """`env` are additions to our own environment; `cluster` is set for provideClusterInfo."""

    command: str
    args: tuple[str, ...]
    env: tuple[tuple[str, str], ...]
    api_version: str
    hint: str = ""
    cluster: Mapping[str, Any] | None = None

    async def run(self, limit: float = LIMIT) -> Proof:
        """Run the plugin once. DeniedError with its own words when it fails."""
        path = shutil.which(self.command)
        if path is None:
            raise DeniedError(
                f"the credential plugin {self.command!r} of the kubeconfig is not installed",
                hint=redacted(self.hint) or f"install {self.command} or use another context",
            )
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                *self.args,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                env=self._environment(),
                start_new_session=True,
            )
        except OSError as fault:
            raise DeniedError(
                f"cannot run the credential plugin {self.command}: {fault}"
            ) from fault
        try:
            async with asyncio.timeout(limit):
                out, err = await process.communicate()
        except TimeoutError as fault:
            raise DeniedError(
                f"the credential plugin {self.command} did not answer in {limit:.0f} s",
                hint=f"run `{self.command}` in a terminal once; it may wait for a login",
            ) from fault
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        if process.returncode:
            raise DeniedError(
                f"the credential plugin {self.command} failed ({process.returncode}):"
                f" {redacted(err.decode(errors='replace')) or 'it said nothing'}",
                hint="log in with it in a terminal, then try again",
            )
        return self.parse(out)

    def parse(self, out: bytes) -> Proof:
        """An ExecCredential document → Proof. DeniedError when it is not one."""
        try:
            found = json.loads(out)
        except (ValueError, RecursionError) as fault:
            raise DeniedError(f"the credential plugin {self.command} printed no JSON") from fault
        status = mapping(found, "status")
        expires = parse_instant(status.get("expirationTimestamp"))
        certificate = text(status, "clientCertificateData")
        key = text(status, "clientKeyData")
        token = text(status, "token").strip()
        if not token and not (certificate and key):
            raise DeniedError(
                f"the credential plugin {self.command} gave neither a token nor a certificate"
            )
        proof = bearer(token, expires) if token else Proof(expires=expires)
        if certificate and key:
            return Proof(proof.authorization, Certificate(certificate, key), expires)
        return proof

    def _environment(self) -> dict[str, str]:
        spec: dict[str, Any] = {"interactive": False}
        if self.cluster is not None:
            spec["cluster"] = dict(self.cluster)
        info = {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": spec}
        return {**os.environ, **dict(self.env), "KUBERNETES_EXEC_INFO": json.dumps(info)}


def read_plugin(
    user: Mapping[str, Any], where: str, cluster: Mapping[str, Any] | None = None
) -> ExecPlugin:
    """The `exec` entry of a kubeconfig user. KubeconfigError when it cannot be used."""
    spec = mapping(user, "exec")
    command, version = text(spec, "command"), text(spec, "apiVersion")
    if not command:
        raise KubeconfigError(f"{where}: exec has no command")
    if version not in VERSIONS:
        raise KubeconfigError(
            f"{where}: exec.apiVersion {redacted(version)!r} is not one of {', '.join(VERSIONS)}"
        )
    if text(spec, "interactiveMode") == "Always":
        raise KubeconfigError(
            f"{where}: the credential plugin {redacted(command)} insists on a terminal",
            hint="log in with it first, or set interactiveMode: IfAvailable",
        )
    wanted = spec.get("provideClusterInfo") is True
    return ExecPlugin(
        command=command,
        args=tuple(str(arg) for arg in items(spec, "args")),
        env=tuple((text(e, "name"), text(e, "value")) for e in mappings(spec, "env")),
        api_version=version,
        hint=text(spec, "installHint"),
        cluster=cluster if wanted else None,
    )
