"""The few kubectl commands that a scenario may use: patch, delete, annotate, label, scale."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from opsconsole.errors import InputError, bounded
from opsconsole.model.kinds import Kind
from opsconsole.model.requests import PatchType, Request, Verb
from opsconsole.sandbox.rehearse.client import Client

COMMANDS = ("patch", "delete", "annotate", "label", "scale")


def run(words: Sequence[str], namespace: str, client: Client) -> str:
    """Carry out one command; what kubectl would print. InputError for what is not known here."""
    if not words or words[0] not in COMMANDS:
        raise InputError(
            f"kubectl {bounded(' '.join(words), 40)} is not played",
            hint="a scenario may use " + ", ".join(COMMANDS),
        )
    command, plain, flags = words[0], *_split(words[1:])
    if len(plain) < 2 and "/" in "".join(plain[:1]):
        plain = [*plain[0].split("/", 1), *plain[1:]]
    if len(plain) < 2:
        raise InputError(f"kubectl {command} needs a kind and a name")
    kind = _kind(client, plain[0])
    name = plain[1]
    if command == "delete":
        client.send(Request(Verb.DELETE, kind, namespace, name))
        return f'{kind.resource} "{name}" deleted'
    if command == "patch":
        body, patch_type = _patch(flags)
    elif command == "scale":
        body, patch_type = {"spec": {"replicas": int(flags.get("replicas", "0"))}}, PatchType.MERGE
    else:
        field = "annotations" if command == "annotate" else "labels"
        pairs: dict[str, Any] = {}
        for pair in plain[2:]:
            key, equals, value = pair.partition("=")
            pairs[key if equals else key.removesuffix("-")] = value if equals else None
        body, patch_type = {"metadata": {field: pairs}}, PatchType.MERGE
    subresource = flags.get("subresource", "")
    client.send(
        Request(Verb.PATCH, kind, namespace, name, body, patch_type, subresource=subresource)
    )
    done = {"patch": "patched", "scale": "scaled", "annotate": "annotated", "label": "labeled"}
    return f"{kind.resource}/{name} {done[command]}"


def _split(words: Sequence[str]) -> tuple[list[str], dict[str, str]]:
    plain: list[str] = []
    flags: dict[str, str] = {}
    rest = list(words)
    while rest:
        word = rest.pop(0)
        if not word.startswith("-"):
            plain.append(word)
            continue
        name, equals, value = word.lstrip("-").partition("=")
        flags[name] = value if equals else (rest.pop(0) if rest else "")
    return plain, flags


def _patch(flags: dict[str, str]) -> tuple[Any, PatchType]:
    kinds = {"merge": PatchType.MERGE, "json": PatchType.JSON, "strategic": PatchType.STRATEGIC}
    patch_type = kinds.get(flags.get("type", "strategic"))
    if patch_type not in (PatchType.MERGE, PatchType.JSON):
        raise InputError("a scenario patches with --type=merge or --type=json")
    try:
        return json.loads(flags.get("p") or flags.get("patch") or ""), patch_type
    except ValueError as error:
        raise InputError("the patch of a scenario must be JSON") from error


def _kind(client: Client, word: str) -> Kind:
    plain = word.lower().split(".", 1)[0]
    for row in client.store.resources:
        if plain in (row.kind.plural, row.singular, *row.short):
            return row.kind
    raise InputError(f"no kind {bounded(word, 40)} is served")
