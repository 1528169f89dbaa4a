"""ConfigMaps and Secrets made from files, literals and env files, and the hash of their content."""

from __future__ import annotations

import base64
import hashlib
import json
import posixpath
import re
from collections.abc import Iterator
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, bounded
from opsconsole.model.objects import mapping, text
from opsconsole.render.kustomize.faults import told
from opsconsole.render.kustomize.files import Files
from opsconsole.render.kustomize.kustfile import strings
from opsconsole.render.kustomize.resources import Obj, Resource

_FIELDS = frozenset(
    ("name", "namespace", "behavior", "files", "literals", "envs", "env", "options", "type")
)
_OPTIONS = frozenset(("labels", "annotations", "disableNameSuffixHash", "immutable"))
_KEY = re.compile(r"[-._a-zA-Z0-9]+")


def generate(
    files: Files, directory: str, entry: Any, defaults: Obj, *, kind: str
) -> tuple[Resource, str]:
    """One generated resource and its behaviour (create, merge or replace). Raises RenderError."""
    where = f"{directory or '.'}: {kind[0].lower()}{kind[1:]}Generator"
    if not isinstance(entry, dict):
        raise RenderError(f"{where}: an entry is not a mapping")
    _check(entry, where, kind)
    name = text(entry, "name")
    options = _options(entry.get("options") or {}, defaults, where)
    pairs = _pairs(files, directory, entry, f"{where} {name}", kind)
    obj: Obj = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}}
    if text(entry, "namespace"):
        obj["metadata"]["namespace"] = text(entry, "namespace")
    for section in ("labels", "annotations"):
        if options.get(section):
            obj["metadata"][section] = dict(options[section])
    obj |= _secret(pairs, entry) if kind == "Secret" else _config_map(pairs)
    if options.get("immutable") is True:
        obj["immutable"] = True
    resource = Resource(obj, hashed=options.get("disableNameSuffixHash") is not True)
    return resource, text(entry, "behavior", default="create")


def _check(entry: Obj, where: str, kind: str) -> None:
    unknown = sorted(set(entry) - _FIELDS)
    if unknown or (kind == "ConfigMap" and "type" in entry):
        raise RenderError(f'{where}: json: unknown field "{bounded((unknown or ["type"])[0], 60)}"')
    if not text(entry, "name"):
        raise RenderError(
            f"{where}: a generator needs a name", said=f"a {kind.lower()} must have a name"
        )


def _options(own: Any, defaults: Obj, where: str) -> Obj:
    """An entry's options over `generatorOptions`."""
    for given in (own, defaults):
        unknown = sorted(set(given) - _OPTIONS) if isinstance(given, dict) else ["options"]
        if unknown:
            raise RenderError(f'{where}: json: unknown field "{bounded(unknown[0], 60)}"')
    joined = {**defaults, **own}
    for section in ("labels", "annotations"):
        joined[section] = strings(
            {**(defaults.get(section) or {}), **(own.get(section) or {})}, f"{where}: {section}"
        )
    return joined


def _pairs(files: Files, directory: str, entry: Obj, where: str, kind: str) -> dict[str, bytes]:
    found: dict[str, bytes] = {}

    def put(key: str, value: bytes) -> None:
        if _KEY.fullmatch(key) is None:
            raise RenderError(f"{where}: {bounded(key, 60)!r} is not a valid key")
        if key in found:
            raise RenderError(
                f"{where}: cannot add key {key}, another key by that name already exists",
                said=f"{kind.lower()} {text(entry, 'name')} illegally repeats the key `{key}`",
            )
        found[key] = value

    for key, given in _env_pairs(files, directory, entry, where):
        put(key, given)
    literals = _strings(entry, "literals", where)
    for literal in literals:
        key, sep, value = literal.partition("=")
        if not sep or not key:
            why = f"invalid literal source {bounded(literal, 60)}, expected key=value"
            listed = " ".join(literals)
            raise RenderError(
                f"{where}: invalid literal source {bounded(key, 60)}, expected key=value",
                said=f"loading KV pairs: literal sources [{listed}]: {why}"
                if kind == "ConfigMap"
                else "",
            )
        put(key, _unquoted(value).encode())
    sources = _strings(entry, "files", where)
    for source in sources:
        key, sep, path = source.partition("=")
        if not sep:
            key, path = posixpath.basename(source), source
        if not key or not path or "=" in path:
            raise RenderError(f"{where}: {bounded(source, 60)!r} is not [key=]path")
        with told(f"loading KV pairs: file sources: [{' '.join(sources)}]: "):
            put(key, files.read(path, directory)[0])
    return found


def _env_pairs(files: Files, directory: str, entry: Obj, where: str) -> Iterator[tuple[str, bytes]]:
    envs = [
        *_strings(entry, "envs", where),
        *([entry["env"]] if isinstance(entry.get("env"), str) else []),
    ]
    for path in envs:
        with told(f"loading KV pairs: env source files: [{' '.join(envs)}]: "):
            body = files.read(path, directory)[0]
        for line in _decode(body, where).splitlines():
            stripped = line.strip().removeprefix("\ufeff")
            if stripped and not stripped.startswith("#"):
                key, sep, value = stripped.partition("=")
                if not sep:
                    raise UnsupportedError(f"{where}: envs: {bounded(key, 60)!r} has no value")
                yield key, value.encode()


def _strings(entry: Obj, key: str, where: str) -> list[str]:
    values = entry.get(key) or []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise RenderError(f"{where}: {key} must be a list of strings")
    return values


def _unquoted(value: str) -> str:
    if len(value) >= 2 and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value


def _decode(data: bytes, where: str) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise RenderError(f"{where}: an env file is not valid UTF-8") from None


def _config_map(pairs: dict[str, bytes]) -> Obj:
    data: dict[str, str] = {}
    binary: dict[str, str] = {}
    for key, value in pairs.items():
        try:
            data[key] = value.decode()
        except UnicodeDecodeError:
            binary[key] = _base64(value)
    return {**({"data": data} if data else {}), **({"binaryData": binary} if binary else {})}


def _secret(pairs: dict[str, bytes], entry: Obj) -> Obj:
    data = {key: _base64(value) for key, value in pairs.items()}
    return {"type": text(entry, "type") or "Opaque", **({"data": data} if data else {})}


def _base64(value: bytes) -> str:
    """Base 64 in lines of 70 characters, as kustomize writes it."""
    body = base64.b64encode(value).decode()
    if len(body) <= 70:
        return body
    return "".join(body[at : at + 70] + "\n" for at in range(0, len(body), 70))


def combine(old: Resource, new: Resource, behavior: str) -> None:
    """`merge` or `replace` an earlier resource of that name, which keeps its place and history."""
    keep = dict(mapping(old.obj, "metadata"))
    fresh = dict(mapping(new.obj, "metadata"))
    for section in ("labels", "annotations"):
        joined = {**mapping(keep, section), **mapping(fresh, section)}
        if joined:
            keep[section] = joined
    merged = dict(new.obj)
    if behavior == "merge":
        merged = {**old.obj, **new.obj}
        for section in ("data", "binaryData"):
            both = {**mapping(old.obj, section), **mapping(new.obj, section)}
            if both:
                merged[section] = both
    merged["metadata"] = keep
    old.obj = merged
    old.hashed = old.hashed and new.hashed


def with_hash(resource: Resource) -> None:
    """Put the hash of the content behind the name (kyaml/hash)."""
    obj = resource.obj
    name = text(obj, "metadata", "name")
    body: Obj = {"kind": obj["kind"], "name": "", "data": obj.get("data") or ""}
    if obj["kind"] == "Secret":
        body["type"] = obj.get("type") or ""
        if obj.get("stringData"):
            body["stringData"] = obj["stringData"]
    elif obj.get("binaryData"):
        body["binaryData"] = obj["binaryData"]
    written = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    for char in "<>&\u2028\u2029":
        written = written.replace(char, f"\\u{ord(char):04x}")
    digest = hashlib.sha256(written.encode()).hexdigest()[:10]
    resource.remember()
    resource.rename(f"{name}-{digest.translate(str.maketrans('013ae', 'ghkmt'))}")
