"""`templatePatch`: a rendered strategic merge patch on one Application.

Separate from rendering because the patch is YAML only after it was rendered. Source: Argo CD
`applicationset/controllers/template/patch.go`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo.cd.appset.errors import RenderingError
from opsconsole.argo.cd.appset.rendering import replace
from opsconsole.argo.cd.identity import Obj
from opsconsole.argo.golang.strconv import quote
from opsconsole.errors import YamlError
from opsconsole.model import yamldoc

_DIRECTIVE = "$patch"
_MERGED_LISTS = ("finalizers",)
"""Lists that a patch adds to; all other lists of an Application are replaced."""


def patched(
    app: Obj, patch: str, params: Mapping[str, Any], *, go: bool, options: Sequence[str] = ()
) -> Obj:
    """The Application with the patch merged in; its project stays what it was. RenderingError."""
    try:
        rendered = replace(patch, params, go=go, options=options)
    except RenderingError as fault:
        raise RenderingError(f"error replacing values in templatePatch: {fault}") from fault
    try:
        wanted = yamldoc.load(rendered, strict=False)
    except YamlError as fault:
        raise RenderingError(
            f"error while converting template to json {quote(rendered)}: yaml: {fault.message}"
        ) from fault
    if wanted is None:
        return app
    if not isinstance(wanted, Mapping):
        kind = "array" if isinstance(wanted, list) else "string"
        raise RenderingError(
            f"invalid templatePatch {quote(rendered)}: json: cannot unmarshal {kind} into Go value "
            "of type v1alpha1.Application"
        )
    found = _merged(app, wanted)
    spec = found.get("spec")
    if isinstance(spec, Mapping):
        project = (app.get("spec") or {}).get("project")
        rest = {key: value for key, value in spec.items() if key != "project"}
        found = {**found, "spec": rest if project is None else {**rest, "project": project}}
    return found


def _merged(old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    directive = new.get(_DIRECTIVE)
    rest = {key: value for key, value in new.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    found = dict(old) if isinstance(old, Mapping) and directive != "replace" else {}
    for key, value in rest.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            found[key] = _merged(found.get(key), value)
        elif isinstance(value, list):
            found[key] = _listed(key, found.get(key), value)
        else:
            found[key] = value
    return found


def _listed(key: str, old: Any, new: list[Any]) -> list[Any]:
    kept = [item for item in new if not (isinstance(item, Mapping) and _DIRECTIVE in item)]
    if key in _MERGED_LISTS and isinstance(old, list) and len(kept) == len(new):
        return [*old, *(item for item in kept if item not in old)]
    return kept
