"""The OpenAPI documents, v2 and v3, made from the tables of kinds and fields.

Separate because clients use them for little: kubectl asks whether the server validates
fields, which lists merge by which key, and what `explain` shows. No descriptions.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from opsconsole.model.kinds import Kind
from opsconsole.sandbox.api import gnostic, negotiation
from opsconsole.sandbox.api.schema import Field, Ref, Struct, schema
from opsconsole.sandbox.api.target import Call, Reply
from opsconsole.sandbox.resources import KUBERNETES, Resources, Served

V2_PROTOBUF = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
V2_ANSWER = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
"""What clients ask for, and what the server calls its answer ("@" is no MIME character)."""

_GVK = "x-kubernetes-group-version-kind"
_SPECIAL: dict[str, dict[str, Any]] = {
    "Quantity": {"type": "string"},
    "IntOrString": {"type": "string", "format": "int-or-string"},
    "Time": {"type": "string", "format": "date-time"},
    "MicroTime": {"type": "string", "format": "date-time"},
    "Duration": {"type": "string"},
    "FieldsV1": {"type": "object"},
    "RawExtension": {"type": "object"},
}
_PARAMETERS = ("dryRun", "fieldManager", "fieldValidation", "force", "pretty")

Definitions = dict[str, dict[str, Any]]


def definition_name(struct: Struct) -> str:
    if struct.package == "meta/v1":
        return f"io.k8s.apimachinery.pkg.apis.meta.v1.{struct.name}"
    return f"io.k8s.api.{struct.package.replace('/', '.')}.{struct.name}"


def kind_name(kind: Kind) -> str:
    """The name of a kind's definition; a custom resource's group stands reversed."""
    struct = schema().of(kind)
    if struct is not None:
        return definition_name(struct)
    group = ".".join(reversed((kind.group or "core").split(".")))
    return f"{group}.{kind.version}.{kind.kind}"


class _Builder:
    """Collects the definitions that a set of kinds needs."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix
        self.definitions: Definitions = {}

    def ref(self, name: str) -> dict[str, Any]:
        return {"$ref": self.prefix + name}

    def add(self, served: Served) -> None:
        kind = served.kind
        name = kind_name(kind)
        struct = schema().of(kind)
        body = self._struct(struct) if struct else self._custom()
        body = {**body, "properties": {**_TYPE_META, **body["properties"]}}
        body[_GVK] = [gvk(kind)]
        self.definitions[name] = body
        self.definitions[f"{name}List"] = {
            "type": "object",
            "required": ["items"],
            "properties": {
                **_TYPE_META,
                "items": {"type": "array", "items": self.ref(name)},
                "metadata": {"type": "object"},
            },
            _GVK: [gvk(kind) | {"kind": f"{kind.kind}List"}],
        }

    def _custom(self) -> dict[str, Any]:
        meta = schema().struct("meta/v1.ObjectMeta")
        anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        return {
            "type": "object",
            "properties": {
                "metadata": self._named(meta),
                "spec": anything,
                "status": anything,
            },
            "x-kubernetes-preserve-unknown-fields": True,
        }

    def _named(self, struct: Struct) -> dict[str, Any]:
        name = definition_name(struct)
        if name not in self.definitions:
            self.definitions[name] = {}
            self.definitions[name] = self._struct(struct)
        return self.ref(name)

    def _struct(self, struct: Struct) -> dict[str, Any]:
        found: dict[str, Any] = {
            "type": "object",
            "properties": {f.name: self._field(f) for f in struct.fields.values()},
        }
        if struct.atomic:
            found["x-kubernetes-map-type"] = "atomic"
        return found

    def _field(self, field: Field) -> dict[str, Any]:
        found = self._type(field.ref)
        extra: dict[str, Any] = {}
        if field.strategy:
            extra["x-kubernetes-patch-strategy"] = ",".join(field.strategy)
        if field.merge_key:
            extra["x-kubernetes-patch-merge-key"] = field.merge_key
        if field.keys:
            extra["x-kubernetes-list-map-keys"] = list(field.keys)
            extra["x-kubernetes-list-type"] = "map"
        elif field.set:
            extra["x-kubernetes-list-type"] = "set"
        elif field.ref.form == "list":
            extra["x-kubernetes-list-type"] = "atomic"
        return {**found, **extra}

    def _type(self, ref: Ref) -> dict[str, Any]:
        if ref.form == "scalar":
            return {
                "s": {"type": "string"},
                "i": {"type": "integer", "format": "int32"},
                "b": {"type": "boolean"},
                "d": {"type": "number", "format": "double"},
                "y": {"type": "string", "format": "byte"},
            }[ref.name]
        if ref.form == "special":
            return _SPECIAL[ref.name]
        if ref.form == "struct":
            return self._named(schema().struct(ref.name))
        assert ref.of is not None
        if ref.form == "list":
            return {"type": "array", "items": self._type(ref.of)}
        return {"type": "object", "additionalProperties": self._type(ref.of)}


_TYPE_META = {"apiVersion": {"type": "string"}, "kind": {"type": "string"}}


def gvk(kind: Kind) -> dict[str, Any]:
    return {"group": kind.group, "kind": kind.kind, "version": kind.version}


def _path(kind: Kind) -> str:
    return kind.path("{namespace}" if kind.namespaced else "")


def _patches(served: Served) -> list[str]:
    media = [negotiation.APPLY, negotiation.JSON_PATCH, negotiation.MERGE]
    return [*media, negotiation.STRATEGIC] if served.resource.builtin else media


def v3(group_version: str, served: Iterable[Served]) -> dict[str, Any]:
    """The document of one group version."""
    builder = _Builder("#/components/schemas/")
    paths: dict[str, Any] = {}
    parameters = [
        {"name": name, "in": "query", "schema": {"type": "string"}} for name in _PARAMETERS
    ]
    for one in served:
        builder.add(one)
        whole = builder.ref(kind_name(one.kind))
        done = {"200": {"description": "OK", "content": {negotiation.JSON: {"schema": whole}}}}

        def operation(action: str, *media: str, kind: Kind = one.kind, done: Any = done) -> Any:
            found: dict[str, Any] = {
                "x-kubernetes-action": action,
                _GVK: gvk(kind),
                "responses": done,
            }
            if media:
                found["parameters"] = parameters
                content = {m: {"schema": {"type": "object"}} for m in media}
                found["requestBody"] = {"content": content, "required": True}
            return found

        path = _path(one.kind)
        paths[path] = {"get": operation("list"), "post": operation("post", negotiation.JSON)}
        paths[f"{path}/{{name}}"] = {
            "get": operation("get"),
            "put": operation("put", negotiation.JSON),
            "patch": operation("patch", *_patches(one)),
            "delete": operation("delete"),
        }
    return {
        "openapi": "3.0.0",
        "info": {"title": "Kubernetes", "version": group_version},
        "paths": paths,
        "components": {"schemas": builder.definitions},
    }


def v2(served: Iterable[Served]) -> dict[str, Any]:
    """The one document of all kinds."""
    builder = _Builder("#/definitions/")
    paths: dict[str, Any] = {}
    parameters = [
        {"name": name, "in": "query", "type": "string", "uniqueItems": True} for name in _PARAMETERS
    ]
    for one in served:
        builder.add(one)
        paths[f"{_path(one.kind)}/{{name}}"] = {
            "patch": {
                "consumes": _patches(one),
                "parameters": parameters,
                "responses": {"200": {"description": "OK"}},
                "x-kubernetes-action": "patch",
                _GVK: gvk(one.kind),
            }
        }
    return {
        "swagger": "2.0",
        "info": {"title": "Kubernetes", "version": f"v{KUBERNETES}"},
        "paths": paths,
        "definitions": builder.definitions,
    }


class Documents:
    """Answers below `/openapi`; documents are made when first asked for, anew after a change."""

    def __init__(self, resources: Resources) -> None:
        self.resources = resources
        self._made: dict[str, bytes] = {}
        self._for: tuple[Kind, ...] = ()

    def answer(self, call: Call) -> Reply:
        path = call.path.rstrip("/")
        served = tuple(s.kind for s in self.resources.all_served())
        if served != self._for:
            self._made.clear()
            self._for = served
        accept = call.headers.get("Accept", "")
        if path == "/openapi/v2":
            if (V2_PROTOBUF in accept or V2_ANSWER in accept) and not accept.startswith(
                negotiation.JSON
            ):
                return Reply(raw=self._document("v2pb"), media=V2_ANSWER)
            return Reply(raw=self._document("v2"))
        if path == "/openapi/v3":
            return Reply(
                value={
                    "paths": {
                        key: {"serverRelativeURL": self._url(key)} for key in self._versions()
                    }
                }
            )
        key = path.removeprefix("/openapi/v3/")
        if path.startswith("/openapi/v3/") and key in self._versions():
            return Reply(raw=self._document(key))
        return Reply(404, text="404 page not found\n")

    def _versions(self) -> dict[str, list[Served]]:
        found: dict[str, list[Served]] = {}
        for served in self.resources.all_served():
            kind = served.kind
            key = f"apis/{kind.group}/{kind.version}" if kind.group else f"api/{kind.version}"
            found.setdefault(key, []).append(served)
        return found

    def _url(self, key: str) -> str:
        names = ",".join(f"{s.kind.kind}:{s.resource.status}" for s in self._versions()[key])
        return f"/openapi/v3/{key}?hash={hashlib.sha256(names.encode()).hexdigest()[:32].upper()}"

    def _document(self, key: str) -> bytes:
        if key not in self._made:
            if key == "v2":
                made = negotiation.encode(v2(self.resources.all_served()))
            elif key == "v2pb":
                made = gnostic.document(v2(self.resources.all_served()))
            else:
                version = key.removeprefix("apis/").removeprefix("api/")
                made = negotiation.encode(v3(version, self._versions()[key]))
            self._made[key] = made
        return self._made[key]
