"""Templates of an ApplicationSet: `{{name}}` (fasttemplate) and Go's text/template.

Argo CD `applicationset/utils/utils.go`: every string of the template, keys of maps among
them, is rendered by itself.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.appset.errors import RenderingError
from opsconsole.argo.cd.identity import Obj
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc
from opsconsole.model.objects import dig

NAME_LIMIT = 253
SLUG_LIMIT = 50
_TAG = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TEMPLATED = re.compile(r".*\{\{.*\}\}.*", re.DOTALL)
_NOT_NAME = re.compile(r"[^-a-z0-9.]")

Params = Mapping[str, Any]


def sanitized(name: object) -> str:
    """`SanitizeName`: what may be in a name, at most 253 characters."""
    return _NOT_NAME.sub("-", str(name).lower())[:NAME_LIMIT].strip("-.")


def _slugified(*args: Any) -> str:
    """`slugify [limit [smart]] text`."""
    text = re.sub(r"[^a-z0-9]+", "-", str(args[-1]).lower()).strip("-")
    limit = int(args[0]) if len(args) > 1 else SLUG_LIMIT
    return text[:limit].strip("-")


def _from_yaml(text: str) -> Any:
    return yamldoc.load(text)


def _functions() -> dict[str, gotemplate.Builtin]:
    table = gotemplate.functions()
    for name in ("env", "expandenv", "getHostByName"):
        table.pop(name, None)
    table |= {
        "normalize": gotemplate.function("string", sanitized),
        "slugify": gotemplate.function("...any", _slugified),
        "toYaml": gotemplate.function("any", lambda value: yamldoc.dump(value).rstrip("\n")),
        "fromYaml": gotemplate.function("string", _from_yaml),
        "fromYamlArray": gotemplate.function("string", _from_yaml),
    }
    return table


def replace(template: str, params: Params, *, go: bool, options: Sequence[str] = ()) -> str:
    """One string. Raises RenderingError with the controller's text."""
    if not go:
        return _fast(template, params)
    try:
        return gotemplate.render(
            template, dict(params), functions=_functions(), options=options, name="base"
        )
    except gotemplate.ParseError as fault:
        raise RenderingError(f"failed to parse template {template}: {fault}") from fault
    except RuleError as fault:
        raise RenderingError(f"failed to execute go template {template}: {fault}") from fault


def _fast(template: str, params: Params) -> str:
    if not _TEMPLATED.match(template):
        return template

    def put(found: re.Match[str]) -> str:
        value = params.get(found[1].strip())
        return value if isinstance(value, str) and found[1].strip() else found[0]

    return _TAG.sub(put, template)


def render_template(template: Any, params: Params, *, go: bool, options: Sequence[str] = ()) -> Any:
    """A copy of a template (any JSON value) with every string rendered."""
    if isinstance(template, str):
        return replace(template, params, go=go, options=options)
    if isinstance(template, Mapping):
        return {
            replace(str(key), params, go=go, options=options): render_template(
                value, params, go=go, options=options
            )
            for key, value in template.items()
        }
    if isinstance(template, list):
        return [render_template(item, params, go=go, options=options) for item in template]
    return template


def patched(app: Obj, patch: str, params: Params, *, go: bool, options: Sequence[str] = ()) -> Obj:
    """The Application with `templatePatch` merged in; its project stays what it was."""
    rendered = replace(patch, params, go=go, options=options)
    try:
        wanted = yamldoc.load(rendered)
    except YamlError as fault:
        raise RenderingError(
            f"error while converting template to json {rendered!r}: {fault.message}"
        ) from fault
    if wanted is None:
        return app
    if not isinstance(wanted, Mapping):
        raise RenderingError("templatePatch does not give an Application")
    found = _merge(app, wanted)
    project = dig(app, "spec", "project")
    if isinstance(found.get("spec"), Mapping) and project is not None:
        found = {**found, "spec": {**found["spec"], "project": project}}
    return found


def _merge(old: Any, new: Mapping[str, Any]) -> dict[str, Any]:
    found = dict(old) if isinstance(old, Mapping) else {}
    for key, value in new.items():
        if value is None:
            found.pop(key, None)
        elif isinstance(value, Mapping):
            found[key] = _merge(found.get(key), value)
        else:
            found[key] = value
    return found
