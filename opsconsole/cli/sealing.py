"""`seal`: Secrets in, SealedSecrets out, as kubeseal makes them.

Separate from the sealing itself, which reads no file and asks no cluster. What is sealed
reaches neither the screen nor a message.
"""

from __future__ import annotations

import asyncio
import os
import sys
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from opsconsole.aio.clock import SystemClock
from opsconsole.argo import sealed as sealing
from opsconsole.cli.connect import choose
from opsconsole.cli.options import Options, Parser
from opsconsole.cli.plugin import connected
from opsconsole.errors import ApiError, ConnectError, InputError, NotFoundError, UsageError
from opsconsole.model import yamldoc
from opsconsole.model.kinds import SECRET
from opsconsole.model.objects import text

SERVICE = "sealed-secrets-controller"


@dataclass(frozen=True, slots=True)
class _Controller:
    """What seals, the moment that counts there, and the namespace of the context."""

    certificate: bytes
    now: datetime
    namespace: str = ""


def seal(options: Options, words: list[str]) -> int:
    known = _parser().parse_args(words[1:])
    if known.raw and not known.name and known.scope in (None, sealing.STRICT):
        raise UsageError("--raw with scope strict needs --name")
    sealing.need_cryptography()
    controller = _controller(options, known)
    if known.fetch_cert:
        _put(known.output_file, controller.certificate.decode("ascii", "replace"))
        return 0
    sealer = sealing.Sealer.of(controller.certificate, controller.now, os.urandom)
    given = _read(known.file)
    home = options.namespace or controller.namespace
    if known.raw:
        scope = known.scope or sealing.STRICT
        _put(known.output_file, sealer.value(given, home, known.name, scope) + "\n")
        return 0
    made = [
        sealer.seal(secret, scope=known.scope or "", namespace=home, empty=known.allow_empty_data)
        for secret in _placed(_secrets(given, known.name), options.namespace, known.scope or "")
    ]
    if known.merge_into:
        _merge(Path(known.merge_into), made, known.output)
        return 0
    _put(known.output_file, _written(made, known.output))
    return 0


def _parser() -> Parser:
    parser = Parser(prog="opsconsole seal", allow_abbrev=False)
    add = parser.add_argument
    add("-f", "--file", default="-", help="the Secret; - is standard input")
    add("-w", "--output-file", default="", metavar="FILE", help="write it there")
    add("-o", "--output", choices=("yaml", "json"), default="yaml")
    add(
        "--scope", choices=sealing.SCOPES, default=None,
        help="what the values are bound to: the name (strict, the default), the namespace, nothing",
    )  # fmt: skip
    add(
        "--cert",
        default="",
        metavar="FILE",
        help="the controller's certificate, PEM; asks no cluster",
    )
    add("--name", default="", help="of the Secret, instead of the one in the file")
    add("--raw", action="store_true", help="the input is one value; prints it sealed")
    add("--merge-into", default="", metavar="FILE", help="add the values to a SealedSecret's file")
    add("--allow-empty-data", action="store_true", help="seal a Secret that has no data")
    add("--fetch-cert", action="store_true", help="print the controller's certificate, and leave")
    add("--controller-namespace", default=sealing.CONTROLLER_NAMESPACE, metavar="NS")
    add("--controller-name", default=SERVICE, metavar="NAME")
    return parser


# the certificate


def _controller(options: Options, known: Any) -> _Controller:
    if known.cert:
        return _Controller(_file(known.cert), SystemClock().now())
    return asyncio.run(_asked(options, known))


async def _asked(options: Options, known: Any) -> _Controller:
    chosen = choose(options)
    async with connected(chosen) as cluster:
        certificate = await _certificate(cluster, known.controller_namespace, known.controller_name)
        return _Controller(certificate, chosen.clock.now(), cluster.namespace)


async def _certificate(cluster: Any, namespace: str, name: str) -> bytes:
    """From the controller itself, as kubeseal asks it; else of its newest key pair."""
    try:
        found: bytes = await cluster.through_service(namespace, name, "/v1/cert.pem")
    except (ApiError, ConnectError) as unreached:
        try:
            keys = await cluster.list(SECRET, namespace, labels=f"{sealing.KEY_LABEL}=active")
        except ApiError:
            raise unreached from None
        found = sealing.newest_certificate(keys)
    if not found:
        raise NotFoundError(
            f"there is no sealed-secrets controller in namespace {namespace}",
            hint="--controller-namespace says where it is, --cert gives its certificate",
        )
    return found


# files


def _read(path: str) -> bytes:
    return sys.stdin.buffer.read() if path == "-" else _file(path)


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as fault:
        raise InputError(f"cannot read {path}: {fault.strerror}") from fault


def _secrets(given: bytes, name: str) -> list[dict[str, Any]]:
    """The Secrets of a file. The parser's message would quote it, so only the place is told."""
    try:
        found = yamldoc.load_manifests(given)
    except yamldoc.DocumentError as fault:
        where = f" (line {fault.line})" if fault.line else ""
        raise InputError(f"the Secret is not valid YAML{where}") from None
    if not found:
        raise InputError("there is no Secret in the input")
    for one in found:
        if text(one, "kind") != "Secret":
            raise InputError(
                f"only Secrets can be sealed, this is a {text(one, 'kind') or 'nothing'}"
            )
        if name:
            one["metadata"] = {**(one.get("metadata") or {}), "name": name}
    return found


def _placed(secrets: list[dict[str, Any]], asked: str, scope: str) -> list[dict[str, Any]]:
    """Refuses a Secret of another namespace than the command line says, as kubeseal does."""
    for one in secrets:
        own = text(one, "metadata", "namespace")
        wide = (scope or sealing.scope_of(one)) == sealing.CLUSTER_WIDE
        if asked and own and own != asked and not wide:
            raise InputError(
                f'namespace mismatch: input secret is in namespace "{own}" but "{asked}" was specified',
                hint="leave -n out, or correct the Secret",
            )
    return secrets


def _written(objects: list[dict[str, Any]], form: str) -> str:
    if form == "json":
        import json

        return "".join(json.dumps(one, indent=2, sort_keys=True) + "\n" for one in objects)
    return "".join("---\n" + yamldoc.dump(one) for one in objects)


def _merge(path: Path, made: list[dict[str, Any]], form: str) -> None:
    if len(made) != 1:
        raise UsageError("--merge-into takes one Secret")
    there = yamldoc.load_manifests(_file(str(path)))
    if len(there) != 1:
        raise InputError(f"{path}: one SealedSecret is expected, there are {len(there)} objects")
    form = "json" if path.suffix == ".json" else form
    _put(str(path), _written([sealing.merged(there[0], made[0])], form))


def _put(path: str, content: str) -> None:
    """To the terminal, or whole to a file: a file is never left half written."""
    if not path:
        sys.stdout.write(content)
        return
    beside = Path(f"{path}.new")
    try:
        beside.write_text(content, encoding="utf-8")
        beside.replace(path)
    except OSError as fault:
        beside.unlink(missing_ok=True)
        raise InputError(f"cannot write {path}: {fault.strerror}") from fault
