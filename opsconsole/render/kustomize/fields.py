"""Walking to a field that a spec or a replacement names, through lists and creating on the way."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import Any

from opsconsole.render.kustomize.resources import Id, Obj
from opsconsole.render.kustomize.tables import Spec

Setter = Callable[[Any], Any]


def applies(spec: Spec, identity: Id) -> bool:
    return (
        spec.kind in ("", identity.kind)
        and spec.group in ("", identity.group)
        and spec.version in ("", identity.version)
    )


def split(path: str) -> list[str]:
    r"""Parts of a field-spec path; `\/` is a slash inside a part, `[]` after a part says nothing."""
    return [
        part.replace("\\/", "/").removesuffix("[]") for part in re.split(r"(?<!\\)/", path) if part
    ]


def change(obj: Obj, path: list[str], setter: Setter, *, create: bool, empty: Any = None) -> bool:
    """Put `setter(old)` at `path` in every element on the way; whether a place was found.

    Where the field is absent and `create` holds, `setter` gets `empty`.
    """
    head, *rest = path
    if not rest:
        if head not in obj or obj[head] is None:
            if not create:
                return False
            obj[head] = setter(empty)
        else:
            obj[head] = setter(obj[head])
        return True
    if obj.get(head) is None:
        if not create:
            return False
        obj[head] = {}
    return _below(obj[head], rest, setter, create=create, empty=empty)


def _below(value: Any, rest: list[str], setter: Setter, *, create: bool, empty: Any) -> bool:
    if isinstance(value, dict):
        return change(value, rest, setter, create=create, empty=empty)
    if isinstance(value, list):
        found = [_below(one, rest, setter, create=create, empty=empty) for one in value]
        return any(found)
    return False


def change_all(
    obj: Obj, identity: Id, specs: Iterable[Spec], setter: Setter, *, empty: Any = None
) -> bool:
    found = False
    for spec in specs:
        if applies(spec, identity):
            found |= change(obj, split(spec.path), setter, create=spec.create, empty=empty)
    return found
