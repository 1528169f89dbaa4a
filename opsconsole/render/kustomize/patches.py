"""Patches of both forms: strategic merge and JSON 6902, inline or by path, with or without target."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from opsconsole.argo.golang.strconv import quote
from opsconsole.errors import RenderError, YamlError, bounded
from opsconsole.model import yamldoc
from opsconsole.model.objects import mapping
from opsconsole.render.kustomize import merge
from opsconsole.render.kustomize.faults import told
from opsconsole.render.kustomize.resources import Id, Obj, Resource, Selector, id_of


@dataclass(frozen=True)
class Patch:
    """Either `merge` objects or `operations`; without a target a merge finds its own by its id."""

    where: str
    target: Selector | None = None
    merges: tuple[Obj, ...] = ()
    operations: tuple[Obj, ...] = ()
    rename: bool = False
    rekind: bool = False
    legacy: bool = True
    """Whether it is of `patchesStrategicMerge` or `patchesJson6902`."""


def parse(
    text: str | bytes,
    where: str,
    target: Selector | None,
    options: Obj | None = None,
    *,
    path: str = "",
) -> Patch:
    """Raises RenderError for a text that is neither kind of patch. `path` is how an entry names its file."""
    documents = _documents(text, where, path)
    switches = options or {}
    if len(documents) == 1 and isinstance(documents[0], list):
        if not all(isinstance(o, dict) and isinstance(o.get("op"), str) for o in documents[0]):
            raise _neither(text, where, path)
        if target is None:
            raise RenderError(f"{where}: must specify a target for JSON patch")
        return Patch(where, target, operations=tuple(documents[0]))
    if not documents or not all(isinstance(one, dict) and one for one in documents):
        raise _neither(text, where, path)
    if target is not None and len(documents) > 1:
        raise RenderError(
            f"{where}: multiple Strategic-Merge Patches in one 'patches' entry with a target"
        )
    return Patch(
        where, target, merges=tuple(documents),
        rename=switches.get("allowNameChange") is True, rekind=switches.get("allowKindChange") is True,
    )  # fmt: skip


def _documents(text: str | bytes, where: str, path: str) -> list[Any]:
    """A text that begins with a bracket is JSON, any other is YAML (`jsonPatchFromBytes`)."""
    begin = text[:1]
    if begin in ("[", b"["):
        try:
            return [json.loads(text)]
        except (ValueError, RecursionError) as fault:
            raise _neither(text, where, path) from fault
    try:
        return yamldoc.load_all(text, words=False)
    except YamlError as fault:
        refused = _neither(text, where, path)
        refused.message = f"{where}: {fault.message}"
        raise refused from fault


def _neither(text: str | bytes, where: str, path: str) -> RenderError:
    shown = text if isinstance(text, str) else text.decode("utf-8", "replace")
    source = f"path: {quote(path)}" if path else f"patch: {quote(shown)}"
    return RenderError(
        f"{where}: unable to parse SM or JSON patch",
        hint="a text that begins with [ must be JSON" if shown.startswith("[") else "",
        said=f"unable to parse SM or JSON patch from [{source}]",
    )


def apply(patch: Patch, resources: list[Resource]) -> None:
    """Change (and remove) resources of the list. Raises RenderError."""
    if patch.operations:
        assert patch.target is not None
        for resource in list(resources):
            if patch.target.selects(resource):
                changed = json6902(resource.obj, patch.operations, patch.where)
                if id_of(changed) != resource.id:
                    resource.remember()
                resource.obj = changed
        return
    for body in patch.merges:
        if patch.target is None:
            wanted = id_of(body)
            with told(
                "" if patch.legacy else f'no resource matches strategic merge patch "{wanted}": '
            ):
                found = unique(resources, wanted, patch.where)
            _merge(patch, body, found, resources)
            continue
        for resource in [one for one in resources if patch.target.selects(one)]:
            _merge(patch, body, resource, resources)


def unique(resources: Iterable[Resource], wanted: Id, where: str) -> Resource:
    """The one resource with this id, present or past. Raises RenderError."""
    if not wanted.kind or not wanted.name:
        raise RenderError(
            f"{where}: a patch without target needs apiVersion, kind and metadata.name"
        )
    found = [r for r in resources if _same(r.id, wanted)] or [
        r for r in resources if any(_same(one, wanted) for one in r.past)
    ]
    if len(found) > 1:
        raise _not_unique("multiple matches", wanted, where)
    if not found:
        raise _not_unique("no matches", wanted, where)
    return found[0]


def _not_unique(what: str, wanted: Id, where: str) -> RenderError:
    said = f"{what} for Id {wanted}; failed to find unique target for patch {wanted}"
    return RenderError(f"{where}: {said}", said=said)


def _same(one: Id, other: Id) -> bool:
    return one[:4] == other[:4] and one.place == other.place


def _merge(patch: Patch, body: Obj, resource: Resource, resources: list[Resource]) -> None:
    before = resource.id
    version = resource.obj.get("apiVersion")
    body = copy.deepcopy(body)
    merged = merge.strategic(resource.obj, body)
    if merged is None:
        resources.remove(resource)
        return
    meta = dict(mapping(merged, "metadata"))
    if not patch.rename:
        meta["name"] = before.name
    if before.namespace:
        meta["namespace"] = before.namespace
    elif not mapping(resource.obj, "metadata").get("namespace"):
        meta.pop("namespace", None)
    merged["metadata"] = meta
    if not patch.rekind:
        merged["kind"], merged["apiVersion"] = before.kind, version
    if (merged["kind"], meta["name"]) != (before.kind, before.name):
        resource.remember()
    resource.obj = merged


# RFC 6902


def json6902(obj: Obj, operations: Iterable[Obj], where: str) -> Obj:
    """Raises RenderError with the operation that failed."""
    document: Any = copy.deepcopy(obj)
    for operation in operations:
        try:
            document = _operate(document, operation)
        except (KeyError, IndexError, ValueError, TypeError) as fault:
            shown = bounded(f"{operation.get('op')} {operation.get('path')}", 160)
            raise RenderError(
                f"{where}: {shown}: {bounded(fault, 120)}", said=_said(operation, fault)
            ) from fault
    if not isinstance(document, dict):
        raise RenderError(f"{where}: the patch leaves no object")
    return document


def _said(operation: Obj, fault: Exception) -> str:
    """The words of evanphx/json-patch, "" where we do not know them."""
    op, path = operation.get("op"), operation.get("path")
    if isinstance(fault, KeyError) and op == "remove":
        key = str(path).rsplit("/", 1)[-1]
        if str(fault.args[0]) == f"missing path {key}":
            return f"error in remove for path: '{path}': Unable to remove nonexistent key: {key}: missing value"
        return f"remove operation does not apply: doc is missing path: {quote(str(path))}: missing value"
    if isinstance(fault, KeyError) and op in ("add", "replace"):
        shown = quote(str(path)) if op == "add" else path
        return f"{op} operation does not apply: doc is missing path: {shown}: missing value"
    if op == "test" and isinstance(fault, ValueError):
        return f"testing value {path} failed: test failed"
    if op not in ("add", "replace", "remove", "test", "move", "copy"):
        return f"Unexpected kind: {op}"
    return ""


def _operate(document: Any, operation: Obj) -> Any:
    op, path = operation["op"], _pointer(operation.get("path"))
    if op in ("add", "replace", "test") and "value" not in operation:
        raise ValueError("the operation has no value")
    if op == "add":
        return _put(document, path, copy.deepcopy(operation["value"]), insert=True)
    if op == "replace":
        # kustomize's library also replaces a key that is not there
        return _put(document, path, copy.deepcopy(operation["value"]), insert=False)
    if op == "remove":
        return _drop(document, path)
    if op == "test":
        if _get(document, path) != operation["value"]:
            raise ValueError("testing value failed")
        return document
    if op not in ("move", "copy"):
        raise ValueError(f"unexpected kind: {op}")
    source = _pointer(operation.get("from"))
    value = copy.deepcopy(_get(document, source))
    if op == "move":
        document = _drop(document, source)
    return _put(document, path, value, insert=True)


def _pointer(path: Any) -> list[str]:
    if not isinstance(path, str) or (path and not path.startswith("/")):
        raise ValueError("not a JSON pointer")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _get(document: Any, path: list[str]) -> Any:
    for part in path:
        if isinstance(document, dict):
            if part not in document:
                raise KeyError(f"missing path {part}")
            document = document[part]
        else:
            document = document[_index(document, part)]
    return document


def _index(array: Any, part: str, *, insert: bool = False) -> int:
    if not isinstance(array, list):
        raise TypeError(f"nothing to go into at {part}")
    if part == "-" and insert:
        return len(array)
    if not part.isdigit() or int(part) >= len(array) + insert:
        raise IndexError(f"invalid index {part}")
    return int(part)


def _put(document: Any, path: list[str], value: Any, *, insert: bool) -> Any:
    if not path:
        return value
    parent = _get(document, path[:-1])
    last = path[-1]
    if isinstance(parent, dict):
        parent[last] = value
    elif insert:
        parent.insert(_index(parent, last, insert=True), value)
    else:
        parent[_index(parent, last)] = value
    return document


def _drop(document: Any, path: list[str]) -> Any:
    parent = _get(document, path[:-1])
    if isinstance(parent, dict):
        if path[-1] not in parent:
            raise KeyError(f"missing path {path[-1]}")
        del parent[path[-1]]
    else:
        del parent[_index(parent, path[-1])]
    return document
