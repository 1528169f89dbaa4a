"""Templates of an ApplicationSet: `{{name}}` (fasttemplate) and Go's text/template.

Argo CD `applicationset/utils/utils.go`: every string of the template, keys of maps among
them, is rendered by itself, in the order of the Go types' fields.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from opsconsole.argo import gotemplate
from opsconsole.argo.cd.appset.errors import RenderingError
from opsconsole.argo.golang.strconv import quote
from opsconsole.errors import RuleError, YamlError
from opsconsole.model import yamldoc

NAME_LIMIT = 253
SLUG_LIMIT = 50
_TEMPLATED = re.compile(r"\{\{.*\}\}")
_NOT_NAME = re.compile(r"[^-a-z0-9.]")

Params = Mapping[str, Any]

_ORDER = {
    name: place
    for place, name in enumerate(
        (
            "metadata", "spec", "name", "generateName", "namespace", "labels", "annotations",
            "finalizers", "source", "destination", "project", "syncPolicy", "ignoreDifferences",
            "info", "revisionHistoryLimit", "sources", "repoURL", "path", "targetRevision", "helm",
            "kustomize", "directory", "plugin", "chart", "ref",
        )
    )
}  # fmt: skip
"""Where a field comes: the first that cannot be rendered is the one that is told."""


def sanitized(name: object) -> str:
    """`SanitizeName`: what may be in a name, at most 253 characters."""
    return _NOT_NAME.sub("-", str(name).lower())[:NAME_LIMIT].strip("-.")


def _slugified(*args: Any) -> str:
    """`slugify [limit [smart]] text`: smart cuts at a word's end."""
    limit, smart = SLUG_LIMIT, False
    if len(args) > 1:
        limit = int(args[0])
    if len(args) > 2:
        smart = bool(args[1])
    slug = re.sub(r"[^a-z0-9_]+", "-", str(args[-1]).lower()).strip("-_")
    if len(slug) <= limit:
        return slug
    if not smart:
        return slug[:limit]
    words = slug.split("-")
    kept = words[0][:limit]
    for word in words[1:]:
        if len(kept) + 1 + len(word) > limit:
            break
        kept += f"-{word}"
    return kept


def _from_yaml(wanted: type, go_name: str) -> Any:
    def call(source: str) -> Any:
        try:
            loaded = yamldoc.load(source, strict=False)
        except YamlError as fault:
            raise gotemplate.CallError(
                f"error converting YAML to JSON: yaml: {fault.message}"
            ) from fault
        if loaded is None:
            return wanted()
        if not isinstance(loaded, wanted):
            kind = "object" if isinstance(loaded, Mapping) else "array"
            kind = kind if isinstance(loaded, Mapping | list) else "string"
            raise gotemplate.CallError(
                "error unmarshaling JSON: while decoding JSON: json: cannot unmarshal "
                f"{kind} into Go value of type {go_name}"
            )
        return _floats(loaded)

    return call


def _floats(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _floats(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [_floats(inner) for inner in value]
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value


def _whole(value: Any) -> Any:
    """JSON has one kind of number: 3.0 is written 3."""
    if isinstance(value, Mapping):
        return {str(key): _whole(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_whole(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value


def _to_yaml(value: Any) -> str:
    return yamldoc.dump(_whole(value)).removesuffix("\n")


@lru_cache(maxsize=1)
def _functions() -> dict[str, gotemplate.Builtin]:
    table = gotemplate.functions()
    for name in ("env", "expandenv", "getHostByName"):
        table.pop(name, None)
    table |= {
        "normalize": gotemplate.function("string", sanitized),
        "slugify": gotemplate.function("...any", _slugified),
        "toYaml": gotemplate.function("any", _to_yaml),
        "fromYaml": gotemplate.function("string", _from_yaml(dict, "map[string]interface {}")),
        "fromYamlArray": gotemplate.function("string", _from_yaml(list, "[]interface {}")),
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
    """fasttemplate: tags without a text for them stay. What is on one line only is a template."""
    if not _TEMPLATED.search(template):
        return template
    out: list[str] = []
    rest = template
    while True:
        before, found, rest = rest.partition("{{")
        out.append(before)
        if not found:
            return "".join(out)
        tag, closed, after = rest.partition("}}")
        if not closed:
            raise RenderingError(
                f'invalid template: Cannot find end tag="}}}}" in the template={quote(template)}'
                f" starting from {quote(rest)}"
            )
        value = params.get(tag.strip())
        known = isinstance(value, str) and tag.strip()
        out.append(str(value) if known else f"{{{{{tag}}}}}")
        rest = after


def render_template(template: Any, params: Params, *, go: bool, options: Sequence[str] = ()) -> Any:
    """A copy of a template (any JSON value) with every string rendered."""
    if isinstance(template, str):
        return replace(template, params, go=go, options=options)
    if isinstance(template, Mapping):
        made = {}
        for key in sorted(template, key=lambda name: _ORDER.get(str(name), len(_ORDER))):
            value = render_template(template[key], params, go=go, options=options)
            made[replace(str(key), params, go=go, options=options)] = value
        return made
    if isinstance(template, list):
        return [render_template(item, params, go=go, options=options) for item in template]
    return template
