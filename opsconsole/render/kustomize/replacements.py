"""`replacements`: copy a field of one resource into fields of others."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

from opsconsole.errors import RenderError, UnsupportedError, bounded
from opsconsole.model.objects import items, mapping, text
from opsconsole.model.yamlscalars import OLD_WORDS, go_float, resolve
from opsconsole.render.kustomize.resources import Obj, Resource

_SOURCE = {"group", "version", "kind", "name", "namespace", "fieldPath", "options"}
_OPTIONS = {"delimiter", "index", "create"}


def apply(entry: Obj, resources: list[Resource], where: str) -> None:
    """Raises RenderError, or UnsupportedError with the field."""
    where = f"{where}: replacements"
    if "sourceValue" in entry:
        value: Any = entry["sourceValue"]
    else:
        value = _source(mapping(entry, "source"), resources, where)
    targets = items(entry, "targets")
    if not targets:
        raise RenderError(f"{where}: must specify at least one target")
    for target in targets:
        if not isinstance(target, dict) or set(target) - {
            "select",
            "reject",
            "fieldPaths",
            "options",
        }:
            raise RenderError(f"{where}: unknown field in a target")
        if not mapping(target, "select"):
            raise RenderError(f"{where}: target must specify resources to select")
        options = _checked(target.get("options"), where)
        paths = [str(path) for path in items(target, "fieldPaths")] or ["metadata.name"]
        for resource in _selected(target, resources, where):
            for path in paths:
                _set(
                    resource.obj,
                    split(path, where),
                    value,
                    options,
                    f"{where}: {path} of {resource.id}",
                )


def _checked(options: Any, where: str) -> Obj:
    options = options or {}
    if not isinstance(options, dict) or set(options) - _OPTIONS:
        raise UnsupportedError(f"{where}: options has a field that is not supported")
    return options


@dataclass(frozen=True)
class _Exact:
    """A `source`, `select` or `reject`: some id that the resource has had has all these values."""

    fields: tuple[tuple[str, str], ...]

    def selects(self, resource: Resource) -> bool:
        return any(
            all(
                (i.place if key == "namespace" else getattr(i, key)) == value
                for key, value in self.fields
            )
            for i in resource.ids()
        )


def _exact(section: Any, where: str) -> _Exact:
    unknown = sorted(set(section) - _SOURCE)
    if unknown:
        raise UnsupportedError(f"{where}: {bounded(unknown[0], 60)} is not supported in a selector")
    names = ("group", "version", "kind", "name", "namespace")
    return _Exact(tuple((key, text(section, key)) for key in names if text(section, key)))


def _source(source: Any, resources: list[Resource], where: str) -> Any:
    select = _exact(source, where)
    found = [one for one in resources if select.selects(one)]
    if len(found) != 1:
        what = "nothing selected" if not found else "multiple matches"
        raise RenderError(
            f"{where}: {what} by source {bounded(text(source, 'kind') + '/' + text(source, 'name'), 80)}"
        )
    path = text(source, "fieldPath") or "metadata.name"
    value: Any = found[0].obj
    for part in split(path, where):
        value = _step(value, part)
        if value is None:
            raise RenderError(
                f"{where}: fieldPath `{bounded(path, 100)}` is missing for replacement source"
            )
    options = _checked(source.get("options"), where)
    if options.get("delimiter"):
        pieces = str(value).split(options["delimiter"])
        index = options.get("index", 0)
        if not isinstance(index, int) or not 0 <= index < len(pieces):
            raise RenderError(
                f"{where}: options.index {index} is out of bounds for value {bounded(value, 60)}"
            )
        value = pieces[index]
    return value


def _step(value: Any, part: str) -> Any:
    if isinstance(value, list):
        if (found := re.fullmatch(r"\[([^=]+)=(.*)\]", part)) is not None:
            return next(
                (e for e in value if isinstance(e, dict) and str(e.get(found[1])) == found[2]), None
            )
        return value[int(part)] if part.isdigit() and int(part) < len(value) else None
    return value.get(part) if isinstance(value, dict) else None


def _selected(target: Obj, resources: list[Resource], where: str) -> list[Resource]:
    select = _exact(target["select"], where)
    rejects = [
        _exact(reject, where) for reject in items(target, "reject") if isinstance(reject, dict)
    ]
    return [
        one for one in resources
        if select.selects(one) and not any(reject.selects(one) for reject in rejects)
    ]  # fmt: skip


def split(path: str, where: str) -> list[str]:
    r"""Parts of a field path: `a.b`, `a.[name=x].b`, `a\.b` for a dot inside a part."""
    parts = [p.replace("\\.", ".") for p in re.findall(r"\[[^\]]*\]|(?:\\.|[^.\[\\])+", path)]
    if not parts:
        raise RenderError(f"{where}: {bounded(path, 60)!r} is not a field path")
    return parts


def _set(value: Any, path: list[str], new: Any, options: Obj, where: str) -> None:
    head, *rest = path
    if isinstance(value, list):
        _set_in_list(value, path, new, options, where)
        return
    if not isinstance(value, dict):
        raise RenderError(f"{where}: unable to find field in replacement target")
    if head not in value:
        if options.get("create") is not True:
            raise RenderError(f"{where}: unable to find field {head!r} in replacement target")
        if rest and rest[0].startswith("["):
            raise UnsupportedError(f"{where}: options.create cannot make list elements")
        value[head] = {} if rest else None
    if rest:
        _set(value[head], rest, new, options, where)
    else:
        value[head] = _value(value[head], new, options, where)


def _set_in_list(value: list[Any], path: list[str], new: Any, options: Obj, where: str) -> None:
    head, *rest = path
    if head == "*":
        places = list(range(len(value)))
    elif (found := re.fullmatch(r"\[([^=]+)=(.*)\]", head)) is not None:
        places = [
            at
            for at, one in enumerate(value)
            if isinstance(one, dict) and str(one.get(found[1])) == found[2]
        ]
    else:
        places = [int(head)] if head.isdigit() and int(head) < len(value) else []
    if not places:
        raise RenderError(f"{where}: unable to find {head!r} in replacement target")
    for at in places:
        if rest:
            _set(value[at], rest, new, options, where)
        else:
            value[at] = _value(value[at], new, options, where)


def _typed(old: Any, new: Any) -> Any:
    """Only the text of a scalar is copied: what stands there keeps its type."""
    if old is None or isinstance(old, dict | list) or isinstance(new, dict | list):
        return new
    if isinstance(old, str):
        return _as_text(new)
    return resolve(new) if isinstance(new, str) and new not in OLD_WORDS else new


def _as_text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return go_float(value) if isinstance(value, float) else str(value)


def _value(old: Any, new: Any, options: Obj, where: str) -> Any:
    delimiter = options.get("delimiter")
    if not delimiter:
        return _typed(old, new)
    pieces = str(old if old is not None else "").split(delimiter)
    index = options.get("index", 0)
    if not isinstance(index, int):
        raise RenderError(f"{where}: options.index is not a number")
    if index < 0:
        pieces.insert(0, str(new))
    elif index >= len(pieces):
        pieces.append(str(new))
    else:
        pieces[index] = str(new)
    return delimiter.join(pieces)
